//! `platforms.require`: the reference offers the wanted platforms.

use serde::Deserialize;

use crate::model::{ImageFacts, Platform};
use crate::yaml::YamlError;

use super::setting::{NonEmpty, WantedPlatform};
use super::words::codes;
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "platforms.require",
    code: "IG1001",
    level: Level::Deny,
    summary: "the image is not built for the platforms that the policy wants",
    why: "A reference serves every machine that pulls it. Where a platform is missing the pull fails, or an emulator runs the \
          wrong one slowly; a platform that nobody asked for is one that nobody tests.",
    fix: "Build all platforms in one go and push the index:\n\n```sh\ndocker buildx build --platform linux/amd64,linux/arm64 \
          --tag registry.example/acme/app:1.4.2 --push .\n```",
    flags: &[
        ("{exactly: [linux/amd64, linux/arm64]}", "platform linux/amd64"),
        ("{exactly: [linux/amd64]}", "index linux/amd64 linux/arm64"),
        ("{at-least: [linux/arm64]}", "platform linux/amd64"),
        ("{exactly: [linux/arm/v6]}", "index linux/arm/v7"),
    ],
    passes: &[
        ("{exactly: [linux/amd64, linux/arm64]}", "index linux/arm64 linux/amd64"),
        ("{exactly: [linux/amd64]}", "platform linux/amd64"),
        ("{at-least: [linux/arm64/v8]}", "index linux/amd64 linux/arm64"),
        ("{exactly: [linux/x86_64]}", "index linux/amd64/v3"),
        ("{exactly: [linux/amd64, linux/arm64], at-least: [linux/arm64]}", "index linux/amd64 linux/arm64"),
    ],
    build: |settings| {
        let wanted: Wanted = settings.read()?;
        match wanted {
            Wanted { exactly: None, at_least: None } => {
                let error = YamlError::new(settings.span(""), "no platform is wanted, so this would always hold");
                Err(error.with_hint("write `exactly: [linux/amd64, linux/arm64]` or `at-least: [linux/amd64]`"))
            }
            Wanted { exactly: Some(exactly), at_least: Some(at_least) } if !is_part(&at_least, &exactly) => {
                let problem =
                    "`exactly` and `at-least` contradict each other: a platform of the second is not in the first";
                let error = YamlError::new(settings.span("at-least"), problem);
                Err(error.with_hint("write `at-least: null` to take an inherited list away"))
            }
            wanted => Ok(Box::new(wanted)),
        }
    },
    schema: |generator| generator.subschema_for::<Wanted>(),
};

fn is_part(some: &[WantedPlatform], all: &[WantedPlatform]) -> bool {
    some.iter().all(|one| all.iter().any(|other| other.0 == one.0))
}

/// Which platforms are wanted: one of the two lists, or a shorter one within the other.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Wanted {
    /// These platforms and no others.
    exactly: Option<NonEmpty<WantedPlatform>>,
    /// These platforms; others may be there too.
    at_least: Option<NonEmpty<WantedPlatform>>,
}

impl Check for Wanted {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let single = [&image.platform];
        let offered: Vec<&Platform> = match &image.index {
            Some(index) => index.children.iter().map(|child| &child.platform).collect(),
            None => single.to_vec(),
        };
        // With both lists the longer one says it all.
        let wanted = self.exactly.as_ref().or(self.at_least.as_ref()).into_iter().flat_map(|list| list.iter());
        let listed = codes(offered.iter().map(ToString::to_string));
        let missing = wanted.filter(|wanted| !offered.iter().any(|platform| platform.matches(&wanted.0)));
        let mut faults: Vec<Fault> = missing
            .map(|wanted| Fault {
                subject: wanted.to_string(),
                message: match &image.index {
                    Some(_) => format!("the index has no image for `{wanted}`; it has {listed}"),
                    None => format!("the reference is a single image for {listed}, not an index with `{wanted}`"),
                },
                seat: Seat::Manifest,
                fix: None,
            })
            .collect();
        if let Some(exactly) = &self.exactly {
            let surplus = offered.iter().filter(|platform| !exactly.iter().any(|wanted| platform.matches(&wanted.0)));
            faults.extend(surplus.map(|platform| Fault {
                subject: platform.to_string(),
                message: format!("there is an image for `{platform}`, which the policy does not name"),
                seat: Seat::Manifest,
                fix: Some(format!("leave `{platform}` out of `--platform`, or name it in the policy")),
            }));
        }
        if faults.is_empty() { Outcome::Pass(listed.replace('`', "")) } else { Outcome::Fail(faults) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::complaint;

    #[test]
    fn the_two_lists_must_agree() {
        assert!(complaint("platforms.require", "{}").starts_with("1:1: no platform is wanted"));
        let both = "{exactly: [linux/amd64], at-least: [linux/arm64]}";
        assert!(complaint("platforms.require", both).starts_with("1:36: `exactly` and `at-least`"));
        assert!(complaint("platforms.require", "{exactly: []}").starts_with("1:11: an empty list"));
        assert!(complaint("platforms.require", "{exactly: [amd64]}").starts_with("1:12: `amd64` is not a platform"));
    }
}
