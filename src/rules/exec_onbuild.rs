//! `exec.onbuild`: a final image leaves no instructions for images that are built on it.

use crate::model::ImageFacts;

use super::setting::NoSettings;
use super::words::code;
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "exec.onbuild",
    code: "IG1504",
    level: Level::Info,
    summary: "the image leaves `ONBUILD` instructions to whoever builds on it",
    why: "An `ONBUILD` instruction runs in every build that starts from this image, unseen by whoever reads that Dockerfile. \
          A final image needs none. `ONBUILD`, `FROM` and `MAINTAINER` inside of it break the other build; buildah drops \
          them in OCI format.",
    fix: "Remove it from the Dockerfile, and write the instruction where it is meant: `COPY . /app` in the image that needs it.",
    flags: &[("", "onbuild COPY . /app"), ("", "onbuild ONBUILD RUN make")],
    passes: &[("", ""), ("", "cmd [\"/app\"]")],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(Onbuild))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct Onbuild;

impl Check for Onbuild {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let fault = |(index, text): (usize, &String)| {
            let word = text.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
            let breaks = matches!(word.as_str(), "ONBUILD" | "FROM" | "MAINTAINER");
            let breaks = if breaks { format!(": builders refuse {} there", code(&word)) } else { String::new() };
            Fault {
                subject: format!("ONBUILD {text}"),
                message: format!("`ONBUILD` leaves {} to every build from this image{breaks}", code(text)),
                seat: Seat::Config(format!("/config/OnBuild/{index}")),
                fix: None,
            }
        };
        let faults: Vec<Fault> = image.config.on_build.iter().enumerate().map(fault).collect();
        if faults.is_empty() { Outcome::Pass(String::new()) } else { Outcome::Fail(faults) }
    }
}
