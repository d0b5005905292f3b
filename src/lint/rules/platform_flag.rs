//! `dockerfile.platform-flag`: platforms of bases.

use crate::companions::Keyword;
use crate::lint::notes::code;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.platform-flag",
    code: "IG9010",
    level: Level::Warn,
    summary: "the platform of a base is fixed, superfluous or no platform",
    why: "`FROM --platform=linux/amd64` builds an image that cannot be built for anything else. `$TARGETPLATFORM` is what is taken anyway.",
    fix: "Leave the flag out; in stages that only build, write `--platform=$BUILDPLATFORM`.",
    flags: &[
        "FROM --platform=linux/amd64 a:1\n",
        "FROM --platform=$TARGETPLATFORM a:1\n",
        "FROM --platform=linux/amd46 a:1\n",
    ],
    passes: &[
        "FROM --platform=$BUILDPLATFORM a:1 AS build\n",
        "FROM --platform=linux/amd64 a:1 AS build-amd64\n",
        "FROM a:1\n",
    ],
    check,
};

/// Architectures that images are made for.
const ARCHITECTURES: &[&str] = &[
    "amd64", "x86_64", "arm64", "aarch64", "arm", "armhf", "armel", "386", "i386", "ppc64le", "s390x", "riscv64",
    "mips64le", "mips64", "mips", "mipsle", "loong64", "ppc64",
];
/// Systems that images are made for.
const SYSTEMS: &[&str] = &["linux", "windows", "freebsd", "wasi", "wasip1", "js", "darwin"];

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for from in subject.all(Keyword::From) {
        let Some(flag) = from.flag("platform") else { continue };
        let value = flag.value.as_deref().unwrap_or_default();
        let place = from.place(flag.start);
        if matches!(value, "$TARGETPLATFORM" | "${TARGETPLATFORM}") {
            notes.at(place, "`--platform=$TARGETPLATFORM` is what is taken anyway").fix("leave it out");
        } else if !value.contains('$') {
            let mut parts = value.split('/');
            let (first, second) = (parts.next().unwrap_or_default().to_ascii_lowercase(), parts.next());
            let second = second.map(str::to_ascii_lowercase);
            let valid = match &second {
                Some(second) => SYSTEMS.contains(&first.as_str()) && ARCHITECTURES.contains(&second.as_str()),
                None => SYSTEMS.contains(&first.as_str()) || ARCHITECTURES.contains(&first.as_str()),
            };
            let named = from.words().get(2).is_some_and(|name| {
                let name = name.text.to_ascii_lowercase();
                second.as_deref().is_some_and(|second| name.contains(second)) || name.contains(&first)
            });
            if !valid {
                notes.at(place, format!("{} is no platform", code(value))).fix("write one such as `linux/arm64`");
            } else if !named {
                notes.at(place, format!("the platform is fixed to {}", code(value)));
            }
        }
    }
}
