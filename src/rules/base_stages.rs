//! `base.stages`: the image is built in several stages.

use serde::Deserialize;

use crate::model::ImageFacts;
use crate::yaml::YamlError;

use super::words::codes;
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "base.stages",
    code: "IG0205",
    level: Level::Warn,
    summary: "the image is not built in enough stages",
    why: "What a build needs, an image that runs does not: compilers, headers, package managers' caches, sources. Built in a stage \
          of its own, they stay there.\n\nA finished image does not tell its stages; the Dockerfile in the builder's provenance \
          does (`mode=max`). A stage counts when the result takes files from it; a chain of `FROM` counts as one stage, since all \
          of it ends up in the image. Without such a provenance the answer is unknown, with what seems to be left over from the \
          build.",
    fix: "Build in one stage, and copy the result into another:\n\n```dockerfile\nFROM python:3.12 AS build\nRUN pip install \
          --prefix=/out -r requirements.txt\n\nFROM python:3.12-slim\nCOPY --from=build /out /usr/local\n```\n\nand let the builder say \
          so: `docker build --provenance=mode=max`.",
    flags: &[("", "stages 1\n0755 0:0 bin/sh"), ("{min: 3}", "stages 2\n0755 0:0 bin/sh")],
    passes: &[("", "stages 2\n0755 0:0 bin/sh"), ("{min: 3}", "stages 4\n0755 0:0 bin/sh")],
    build: |settings| {
        let stages: Stages = settings.read()?;
        if stages.min < 2 {
            return Err(YamlError::new(
                settings.span("min"),
                "every image has one stage: the least that says something is 2",
            ));
        }
        Ok(Box::new(stages))
    },
    schema: |generator| generator.subschema_for::<Stages>(),
};

/// How many stages are wanted.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Stages {
    /// Least number of stages that have a part in the image, from 2; 2 when not given.
    #[schemars(range(min = 2))]
    min: u32,
}

impl Default for Stages {
    fn default() -> Self {
        Self { min: 2 }
    }
}

/// Programs that builds need and that running software rarely does.
const LEFT_OVER: &[&str] = &[
    "usr/bin/cmake",
    "usr/bin/g++",
    "usr/bin/gcc",
    "usr/bin/make",
    "usr/local/bin/poetry",
    "usr/local/cargo/bin/cargo",
    "usr/local/go/bin/go",
    "usr/bin/mvn",
    "usr/bin/cc",
];

impl Check for Stages {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let Some(build) = &image.build else {
            return Outcome::Unknown(format!("no provenance tells the stages of the build{}", left_over(image)));
        };
        let Some(found) = build.stages else {
            let why = "the provenance does not hold the Dockerfile, or variables decide its stages";
            return Outcome::Unknown(format!("{why}{}", left_over(image)));
        };
        if found >= self.min {
            return Outcome::Pass(format!("{found} stages"));
        }
        let stages = if found == 1 { "stage" } else { "stages" };
        Outcome::Fail(vec![Fault {
            subject: "stages".to_owned(),
            message: format!(
                "`{found}` {stages} made the image, the policy wants at least `{}`{}",
                self.min,
                left_over(image)
            ),
            seat: Seat::Image,
            fix: None,
        }])
    }
}

fn left_over(image: &ImageFacts) -> String {
    let found: Vec<String> =
        LEFT_OVER.iter().filter(|path| image.resolve(path).is_some()).map(|path| format!("/{path}")).collect();
    if found.is_empty() { String::new() } else { format!("; the image has {}", codes(found)) }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    #[test]
    fn without_provenance_there_is_no_answer_but_a_hint() {
        let outcome = decide("base.stages", "", "0755 0:0 usr/bin/gcc-14\nusr/bin/gcc -> gcc-14");
        let wanted = "no provenance tells the stages of the build; the image has `/usr/bin/gcc`";
        assert_eq!(outcome, Outcome::Unknown(wanted.to_owned()));
        assert!(matches!(decide("base.stages", "", "stages unknown\n0755 0:0 x"), Outcome::Unknown(_)));
    }

    #[test]
    fn one_stage_cannot_be_wanted() {
        assert!(complaint("base.stages", "{min: 1}").starts_with("1:7: every image has one stage"));
    }
}
