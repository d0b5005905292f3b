//! `labels.maintainer`: who maintains the image stands in a label, not in `MAINTAINER`.

use crate::model::ImageFacts;

use super::history_text::step;
use super::setting::NoSettings;
use super::words::code;
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "labels.maintainer",
    code: "IG0802",
    level: Level::Warn,
    summary: "`MAINTAINER` is used, which is no longer supported",
    why: "`MAINTAINER` is deprecated since 2017. It sets one field that few tools show and that images built on this one inherit \
          without saying so; a label can be found, and says what it means.",
    fix: "Write a label:\n\n```dockerfile\nLABEL org.opencontainers.image.authors=\"team@acme.example\"\n```",
    flags: &[
        ("", "author A B\nstep MAINTAINER A B"),
        ("", "author a@b.example\nstep /bin/sh -c #(nop)  MAINTAINER a@b.example"),
    ],
    passes: &[
        ("", "label org.opencontainers.image.authors=a@b.example"),
        ("", "author Bazel\nstep bazel build //app"),
        ("", "step MAINTAINER A B"),
        ("", "author A\nstep RUN echo MAINTAINER A"),
    ],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(Maintainer))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct Maintainer;

impl Check for Maintainer {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        // Other builders set the field too; only the history tells that the instruction did.
        let Some(author) = &image.config.author else { return Outcome::Pass(String::new()) };
        let steps = (0_u32..).zip(&image.config.history);
        match steps.filter(|(_, entry)| step(&entry.created_by).0 == "MAINTAINER").last() {
            None => Outcome::Pass(format!("author {author}")),
            Some((index, _)) => Outcome::Fail(vec![Fault {
                subject: "MAINTAINER".to_owned(),
                message: format!("{} sets the author {}", code("MAINTAINER"), code(author)),
                seat: Seat::History(index),
                fix: None,
            }]),
        }
    }
}
