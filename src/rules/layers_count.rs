//! `layers.count`: the image is made of not too many layers.

use serde::Deserialize;

use crate::model::ImageFacts;
use crate::yaml::YamlError;

use super::words::{codes, count};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "layers.count",
    code: "IG0404",
    level: Level::Info,
    summary: "the image has too many layers",
    why: "Every layer is a request to the registry and a mount on the node; at about 125 of them runtimes refuse the image. A long \
          chain of small steps is also where files are written, changed and deleted again, each time shipped once more.",
    fix: "Join steps that belong together, and copy with one instruction:\n\n```dockerfile\nRUN make && make install && rm -rf \
          /src\nCOPY app config scripts /app/\n```\n\nA last stage that copies the result has few layers however long the build is.",
    flags: &[
        ("{max: 2}", "layer a\nlayer b\nlayer c"),
        ("{max: 1}", "layer FROM\nlayer RUN x\nlayer c\ngap layer 2 was not there"),
    ],
    passes: &[
        ("", "layer a\nlayer b\nlayer c"),
        ("{max: 2}", "layer a\nstep ENV A=b\nlayer b"),
        ("{max: 1}", "0644 0:0 a"),
    ],
    build: |settings| {
        let limit: Limit = settings.read()?;
        if !(1..=127).contains(&limit.max) {
            return Err(YamlError::new(settings.span("max"), "runtimes accept from 1 to 127 layers"));
        }
        Ok(Box::new(limit))
    },
    schema: |generator| generator.subschema_for::<Limit>(),
};

/// How many layers are accepted.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Limit {
    /// Largest number of layers, those of the base included; 40 when not given.
    max: u8,
}

impl Default for Limit {
    fn default() -> Self {
        Self { max: 40 }
    }
}

impl Check for Limit {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let layers = image.layers.len();
        let told = count(layers, "layer");
        if layers <= usize::from(self.max) {
            return Outcome::Pass(format!("{told} of {}", self.max));
        }
        let small = image.layers.iter().filter(|layer| layer.file_bytes < 100_000).count();
        Outcome::Fail(vec![Fault {
            subject: "layers".to_owned(),
            message: format!("the image has {}, accepted are `{}`", codes([told]), self.max),
            seat: Seat::Manifest,
            fix: (small > 1)
                .then(|| format!("join steps of the Dockerfile: {small} layers hold less than `100 kB` of files")),
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::complaint;

    #[test]
    fn limits_that_no_runtime_knows_are_refused() {
        assert!(complaint("layers.count", "{max: 0}").starts_with("1:7: runtimes accept"));
        assert!(complaint("layers.count", "{max: 200}").starts_with("1:7: runtimes accept"));
        assert!(complaint("layers.count", "{max: '3'}").starts_with("1:7: "));
    }
}
