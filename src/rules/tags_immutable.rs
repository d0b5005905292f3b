//! `tags.immutable`: a tag keeps pointing at the image that it was given to.

use crate::model::ImageFacts;

use super::setting::NoSettings;
use super::words::code;
use super::{Check, Circumstances, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "tags.immutable",
    code: "IG1103",
    level: Level::Deny,
    summary: "the tag pointed at another image before",
    why: "People and deployments take a tag for the image that it named when they looked. A tag that is moved changes what runs without \
          a change anywhere else, and what was tested, signed and approved under that name is something else.\n\nThe earlier image is \
          the one that `--baseline` names, or its facts, under the same repository and tag. A reference by digest needs no tag to stay.",
    fix: "Release the image under a new version, such as `imgguard release … --version 1.4.3`, and let the registry refuse to move the \
          tags of versions.",
    flags: &[
        ("", "ref registry.example/app\ntag 1.4.2\nbefore tag 1.4.2"),
        ("", "ref registry.example/app\ntag v2\nbefore tag v2\nlayer a\n0644 0:0 x"),
    ],
    passes: &[
        ("", "ref registry.example/app\ntag 1.4.2\nbefore tag 1.4.2 same"),
        ("", "ref registry.example/app\ntag v2\nbefore tag v2 same\nlayer a\n0644 0:0 x"),
    ],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(Immutable))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct Immutable;

impl Check for Immutable {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        self.decide_in(image, &Circumstances::default())
    }

    fn decide_in(&self, image: &ImageFacts, circumstances: &Circumstances) -> Outcome {
        let Some(tag) = &image.subject.tag else {
            return Outcome::NotApplicable("the image is named without a tag".to_owned());
        };
        let Some(earlier) = &circumstances.earlier else {
            let why = format!(
                "nothing tells what the tag {} pointed at before: name the earlier image with `--baseline`",
                code(tag)
            );
            return Outcome::Unknown(why);
        };
        let root = image.index.as_ref().map_or(&image.subject.digest, |index| &index.digest);
        let same = |one: &&super::circumstances::EarlierImage| {
            one.repository == image.subject.repository && one.tag.as_ref() == Some(tag)
        };
        let mut known = earlier.images.iter().filter(same).peekable();
        if known.peek().is_none() {
            let why = format!("{} was not named by the tag {}", code(&earlier.name), code(tag));
            return Outcome::Unknown(why);
        }
        match known.find(|one| one.root != *root) {
            None => Outcome::Pass(format!("tag {tag} still points at {}", root.short())),
            Some(moved) => Outcome::Fail(vec![Fault {
                subject: tag.clone(),
                message: format!(
                    "the tag {} pointed at {} before and points at {} now",
                    code(tag),
                    code(moved.root.to_string()),
                    code(root.to_string())
                ),
                seat: Seat::Reference,
                fix: None,
            }]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::decide;
    use super::*;

    #[test]
    fn what_nobody_knows_is_unknown_and_a_digest_needs_no_tag() {
        let named = "ref registry.example/app\ntag 1.4.2\n";
        assert!(matches!(decide("tags.immutable", "", named), Outcome::Unknown(why) if why.contains("`--baseline`")));
        let other = format!("{named}before tag 1.4.1");
        assert!(matches!(decide("tags.immutable", "", &other), Outcome::Unknown(why) if why.contains("was not named")));
        assert!(matches!(decide("tags.immutable", "", "before tag 1"), Outcome::NotApplicable(_)));
    }
}
