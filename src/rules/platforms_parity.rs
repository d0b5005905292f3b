//! `platforms.parity`: the images of an index differ in nothing but their architecture.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Input, MatchKind};
use serde::Deserialize;

use crate::model::{ImageFacts, Platform};

use super::setting::{Globs, NonEmpty, PackagePattern, Wildcard};
use super::words::{code, codes, count};
use super::{Check, Circumstances, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "platforms.parity",
    code: "IG1003",
    level: Level::Warn,
    summary: "the images for different platforms are not the same application",
    why: "Whoever pulls a reference gets the image for their machine and takes it for the one that was tested. When only one of them \
          has the right user, the new version or the file that a condition in the build left out, the difference is found in \
          production.",
    fix: "Build all platforms from one Dockerfile in one run, and let nothing but file names depend on the platform:\n\n```dockerfile\nARG \
          TARGETARCH\nRUN curl -fsSLo /usr/local/bin/tool https://host.example/tool-$TARGETARCH\nUSER 1000\n```\n\n```sh\ndocker buildx \
          build --platform linux/amd64,linux/arm64 --no-cache --push .\n```",
    flags: &[
        (
            "",
            "index linux/amd64 linux/arm64\nplatform linux/amd64\nuser 1000\n---\nindex linux/amd64 linux/arm64\nplatform linux/arm64\nuser 0",
        ),
        (
            "",
            "index linux/amd64 linux/arm64\nplatform linux/amd64\npackage pkg:pypi/flask@3.1 in app/flask.egg-info\n---\n\
             index linux/amd64 linux/arm64\nplatform linux/arm64\npackage pkg:pypi/flask@3.0 in app/flask.egg-info",
        ),
        (
            "{compare: [files]}",
            "index linux/amd64 linux/arm64\nplatform linux/amd64\n0644 0:0 app/a\n0644 0:0 app/b\n---\n\
             index linux/amd64 linux/arm64\nplatform linux/arm64\n0644 0:0 app/a",
        ),
        (
            "",
            "index linux/amd64 linux/arm64\nplatform linux/amd64\nenv A=1\nport 80/tcp\n---\nindex linux/amd64 linux/arm64\nplatform linux/arm64\nenv A=2",
        ),
    ],
    passes: &[
        (
            "",
            "index linux/amd64 linux/arm64\nplatform linux/amd64\nuser 1000\nenv TARGETARCH=amd64\n0755 0:0 usr/lib/x86_64-linux-gnu/libc.so.6\n\
             package pkg:deb/libc6@2.41-1 in var/lib/dpkg/status\n---\nindex linux/amd64 linux/arm64\nplatform linux/arm64\nuser 1000\n\
             env TARGETARCH=arm64\n0755 0:0 usr/lib/aarch64-linux-gnu/libc.so.6\npackage pkg:deb/libc6@2.41-1+b1 in var/lib/dpkg/status",
        ),
        (
            "{compare: [user, ports]}",
            "index linux/amd64 linux/arm64\nplatform linux/amd64\nenv A=1\n---\nindex linux/amd64 linux/arm64\nplatform linux/arm64\nenv A=2",
        ),
        (
            "{except-files: ['/app/b'], except-env: [A]}",
            "index linux/amd64 linux/arm64\nplatform linux/amd64\nenv A=1\n0644 0:0 app/a\n0644 0:0 app/b\n---\n\
             index linux/amd64 linux/arm64\nplatform linux/arm64\nenv A=2\n0644 0:0 app/a",
        ),
    ],
    build: |settings| Ok(Box::new(settings.read::<Parity>()?)),
    schema: |generator| generator.subschema_for::<Parity>(),
};

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Part {
    /// The user.
    User,
    /// Environment variables: names and values.
    Env,
    /// Exposed ports.
    Ports,
    /// Entry point, command, health check and working folder.
    Command,
    /// Declared volumes.
    Volumes,
    /// Labels: keys only.
    Labels,
    /// Packages: names and versions.
    Packages,
    /// Paths of files.
    Files,
}

impl Part {
    const ALL: [Self; 8] =
        [Self::User, Self::Env, Self::Ports, Self::Command, Self::Volumes, Self::Labels, Self::Packages, Self::Files];
}

/// What has to be the same.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Parity {
    /// What is compared; everything when not given.
    compare: Option<NonEmpty<Part>>,
    /// Paths that one image may have and another not; folders of an architecture never count.
    except_files: Globs,
    /// Packages that may differ.
    except_packages: Vec<PackagePattern>,
    /// Variables that may differ.
    except_env: Vec<Wildcard>,
}

/// What architectures are called in paths, versions and values, longest first.
const ARCHITECTURES: &[&str] = &[
    "powerpc64le",
    "loongarch64",
    "x86_64-v3",
    "x86_64",
    "x86-64",
    "aarch64",
    "riscv64",
    "ppc64le",
    "ppc64el",
    "mips64el",
    "mips64le",
    "i386",
    "i486",
    "i586",
    "i686",
    "amd64",
    "arm64",
    "armv8",
    "armv7l",
    "armv7",
    "armv6",
    "armhf",
    "armel",
    "s390x",
    "arm",
    "x64",
    "x86",
    "386",
];

static NAMES: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(ARCHITECTURES).ok());

/// A text in which the names of architectures, as whole words, are all the same.
fn neutral(text: &str) -> Cow<'_, str> {
    let Some(names) = NAMES.as_ref() else { return Cow::Borrowed(text) };
    let mut plain = String::new();
    let mut done = 0;
    let mut from = 0;
    while let Some(found) = names.find(Input::new(text).range(from..)) {
        let is_word = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
        let before = text.get(..found.start()).and_then(|text| text.chars().next_back());
        let after = text.get(found.end()..).and_then(|text| text.chars().next());
        if is_word(before) || is_word(after) {
            // Another name may begin inside this one.
            from = found.start() + 1;
            continue;
        }
        plain.push_str(text.get(done..found.start()).unwrap_or_default());
        plain.push('*');
        (done, from) = (found.end(), found.end());
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    plain.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(plain)
}

/// Whether a path belongs to what each architecture has of its own: loaders, and 32-bit or 64-bit folders.
fn is_of_architecture(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let first = |folder: &str| path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    name.starts_with("ld-linux")
        || name.starts_with("ld-musl")
        || name.starts_with("libc.musl-")
        || name.starts_with("ld64")
        || ["lib64", "lib32", "libx32", "usr/lib64", "usr/lib32", "usr/libx32"].into_iter().any(first)
}

/// A version without what a rebuild for one architecture adds (`+b1`, Debian policy 5.6.12).
fn without_rebuild(version: &str) -> &str {
    match version.rsplit_once("+b") {
        Some((version, digits)) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => version,
        _ => version,
    }
}

/// Names, each with what is compared of it.
type Table = BTreeMap<String, String>;
/// How a table is read from an image.
type Read<'a> = &'a dyn Fn(&ImageFacts) -> Table;

impl Parity {
    fn compares(&self, part: Part) -> bool {
        self.compare.as_deref().unwrap_or(&Part::ALL).contains(&part)
    }

    fn env(&self, image: &ImageFacts) -> Table {
        let all = image.config.env.iter().filter(|(name, _)| !self.except_env.iter().any(|one| one.matches(name)));
        all.map(|(name, value)| (name.clone(), neutral(value).into_owned())).collect()
    }

    fn packages(&self, image: &ImageFacts) -> Option<Table> {
        let mut table: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        let packages = image.packages.as_ref()?;
        for fact in packages.installed().filter(|fact| !self.except_packages.iter().any(|one| one.matches(fact))) {
            let namespace = fact.package.namespace.as_deref().map_or(String::new(), |name| format!("{name}/"));
            let name = format!("{}/{namespace}{}", fact.package.kind.purl_type(), neutral(&fact.package.name));
            table.entry(name).or_default().insert(without_rebuild(&fact.package.version));
        }
        let joined = |versions: BTreeSet<&str>| versions.into_iter().collect::<Vec<_>>().join(" and ");
        Some(table.into_iter().map(|(name, versions)| (name, joined(versions))).collect())
    }

    /// Paths of all files that count, sorted.
    fn files<'image>(&self, image: &'image ImageFacts) -> Vec<Cow<'image, str>> {
        let counts = |path: &&str| !is_of_architecture(path) && !self.except_files.matches(path);
        let paths = image.files.iter().map(|file| file.entry.path.as_ref()).filter(counts);
        let mut paths: Vec<Cow<'image, str>> = paths.map(neutral).collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    fn differences(&self, first: &ImageFacts, other: &ImageFacts) -> Vec<Difference> {
        let mut all = Vec::new();
        let pair = |read: Read<'_>| (read(first), read(other));
        let set = |list: &[String]| -> Table { list.iter().map(|one| (one.clone(), String::new())).collect() };
        if self.compares(Part::User) && first.config.user != other.config.user {
            all.push(Difference::single("USER", "user", &first.config.user, &other.config.user));
        }
        if self.compares(Part::Command) {
            all.extend(commands(first, other));
        }
        let tables: [(Part, &str, Read<'_>); 4] = [
            (Part::Env, "variable", &|image| self.env(image)),
            (Part::Ports, "port", &|image| set(&image.config.exposed_ports)),
            (Part::Volumes, "volume", &|image| set(&image.config.volumes)),
            (Part::Labels, "label", &|image| {
                image.config.labels.keys().map(|key| (key.clone(), String::new())).collect()
            }),
        ];
        for (part, what, read) in tables {
            if self.compares(part) {
                let (left, right) = pair(read);
                all.extend(Difference::of(what, &left, &right, false));
            }
        }
        if self.compares(Part::Packages)
            && let (Some(left), Some(right)) = (self.packages(first), self.packages(other))
        {
            all.extend(Difference::of("package", &left, &right, true));
        }
        if self.compares(Part::Files) {
            let (left, right) = (self.files(first), self.files(other));
            let missing = |from: &[Cow<'_, str>], of: &[Cow<'_, str>]| -> Vec<String> {
                let paths = of.iter().filter(|path| from.binary_search(path).is_err());
                paths.map(ToString::to_string).collect()
            };
            all.extend(Difference::missing("path", &missing(&right, &left), &missing(&left, &right)));
        }
        all
    }

    /// Why a comparison would not be complete.
    fn unseen(&self, images: &[ImageFacts]) -> Option<String> {
        let files = self.compares(Part::Files) || self.compares(Part::Packages);
        let gap = images.iter().find_map(ImageFacts::tree_gap).filter(|_| files);
        let packages = self.compares(Part::Packages) && images.iter().any(|image| image.packages.is_none());
        gap.map(|gap| gap.detail.clone())
            .or_else(|| packages.then(|| "the packages of an image were not read".to_owned()))
    }
}

/// What of the command differs, by name alone: it may hold anything.
fn commands(first: &ImageFacts, other: &ImageFacts) -> Vec<Difference> {
    let (left, right) = (&first.config, &other.config);
    let neutral_list = |list: &Option<Vec<String>>| {
        list.as_ref().map(|words| words.iter().map(|word| neutral(word).into_owned()).collect::<Vec<_>>())
    };
    let pairs = [
        ("ENTRYPOINT", neutral_list(&left.entrypoint) == neutral_list(&right.entrypoint)),
        ("CMD", neutral_list(&left.cmd) == neutral_list(&right.cmd)),
        ("HEALTHCHECK", left.healthcheck == right.healthcheck),
        ("WORKDIR", left.working_dir == right.working_dir),
    ];
    let differ = pairs.into_iter().filter(|(_, same)| !same);
    differ
        .map(|(name, _)| Difference { subject: name.to_owned(), message: format!("{} differs", code(name)) })
        .collect()
}

/// One thing that two images do not have in common.
struct Difference {
    subject: String,
    /// What differs; `FIRST` and `OTHER` stand for the platforms.
    message: String,
}

const FIRST: &str = "\u{1}";
const OTHER: &str = "\u{2}";

impl Difference {
    fn single(subject: &str, what: &str, left: &str, right: &str) -> Self {
        let told = |text: &str| if text.is_empty() { "not set".to_owned() } else { code(text) };
        let message = format!("the {what} is {} on {FIRST} and {} on {OTHER}", told(left), told(right));
        Self { subject: subject.to_owned(), message }
    }

    /// What only the first has, and what only the other has.
    fn missing(what: &str, only_first: &[String], only_other: &[String]) -> Vec<Self> {
        let sides = [(only_first, FIRST, OTHER), (only_other, OTHER, FIRST)];
        let told = sides.into_iter().filter_map(|(names, there, not_there)| {
            let number = count(names.len(), what);
            let message = format!("{number} only on {there}, not on {not_there}: {}", codes(names));
            Some(Self { subject: names.first()?.clone(), message })
        });
        told.collect()
    }

    /// What only one has, what only the other has, and what has another value; `shows` when a value may be told.
    fn of(what: &str, left: &Table, right: &Table, shows: bool) -> Vec<Self> {
        let missing = |from: &Table, of: &Table| -> Vec<String> {
            of.keys().filter(|name| !from.contains_key(*name)).cloned().collect()
        };
        let mut all = Self::missing(what, &missing(right, left), &missing(left, right));
        let both = left.iter().filter_map(|(name, value)| Some((name, value, right.get(name)?)));
        let differ: Vec<(&String, &String, &String)> = both.filter(|(_, left, right)| left != right).collect();
        for (name, left, right) in differ.iter().filter(|_| shows).take(10) {
            let message =
                format!("the {what} {} is {} on {FIRST} and {} on {OTHER}", code(name), code(left), code(right));
            all.push(Self { subject: (*name).clone(), message });
        }
        let rest: Vec<&String> = differ.iter().map(|(name, _, _)| *name).skip(if shows { 10 } else { 0 }).collect();
        if let Some(first) = rest.first() {
            let message =
                format!("{} with another value on {OTHER} than on {FIRST}: {}", count(rest.len(), what), codes(&rest));
            all.push(Self { subject: (*first).clone(), message });
        }
        all
    }

    fn into_fault(self, first: &Platform, other: &Platform) -> Fault {
        let message = self.message.replace(FIRST, &format!("`{first}`")).replace(OTHER, &format!("`{other}`"));
        Fault { subject: self.subject, message: message.replace('*', "…"), seat: Seat::Manifest, fix: None }
    }
}

impl Check for Parity {
    fn decide(&self, _: &ImageFacts) -> Outcome {
        Outcome::NotApplicable("one image alone has nothing to be compared with".to_owned())
    }

    fn decide_together(&self, images: &[ImageFacts], _: &Circumstances) -> Option<Outcome> {
        let (first, others) = images.split_first()?;
        let children = first.index.as_ref().map_or(1, |index| index.children.len());
        if others.is_empty() && children <= 1 {
            return Some(self.decide(first));
        }
        let faults: Vec<Fault> = others
            .iter()
            .flat_map(|other| {
                let differences = self.differences(first, other);
                differences.into_iter().map(|one| one.into_fault(&first.platform, &other.platform))
            })
            .collect();
        Some(if !faults.is_empty() {
            Outcome::Fail(faults)
        } else if images.len() < children {
            let read = codes(images.iter().map(|image| image.platform.to_string())).replace('`', "");
            Outcome::Unknown(format!("only {read} of {children} platforms was read: read all of them to compare"))
        } else if let Some(why) = self.unseen(images) {
            Outcome::Unknown(why)
        } else {
            Outcome::Pass(format!("{} alike", count(images.len(), "platform")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::decide;
    use super::*;

    #[test]
    fn names_of_architectures_are_alike_as_whole_words() {
        assert_eq!(neutral("usr/lib/x86_64-linux-gnu/libc.so.6"), "usr/lib/*-linux-gnu/libc.so.6");
        assert_eq!(neutral("a.cpython-313-aarch64-linux-gnu.so"), "a.cpython-313-*-linux-gnu.so");
        assert_eq!(neutral("usr/share/alarm/charm/arm"), "usr/share/alarm/charm/*");
        assert_eq!(neutral("é/amd64é"), "é/*é");
        assert_eq!(without_rebuild("2.41-1+b12"), "2.41-1");
        assert_eq!(without_rebuild("2.41+beta"), "2.41+beta");
        assert!(is_of_architecture("lib64/ld-linux-x86-64.so.2") && !is_of_architecture("lib64x"));
    }

    #[test]
    fn every_difference_names_both_platforms() {
        let head = "index linux/amd64 linux/arm64\n";
        let text = format!(
            "{head}platform linux/amd64\nuser 1000\nenv A=s3cr3t\npackage pkg:npm/a@1 in app/package.json\n---\n\
             {head}platform linux/arm64\nenv A=other\npackage pkg:npm/a@2 in app/package.json\n0644 0:0 app/x"
        );
        let Outcome::Fail(faults) = decide("platforms.parity", "", &text) else { panic!("different") };
        let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "the user is `1000` on `linux/amd64` and not set on `linux/arm64`",
                "1 variable with another value on `linux/arm64` than on `linux/amd64`: `A`",
                "the package `npm/a` is `1` on `linux/amd64` and `2` on `linux/arm64`",
                "1 path only on `linux/arm64`, not on `linux/amd64`: `app/x`",
            ]
        );
    }

    #[test]
    fn a_platform_that_was_not_read_leaves_it_undecided() {
        let outcome = decide("platforms.parity", "", "index linux/amd64 linux/arm64\nplatform linux/amd64");
        assert!(matches!(outcome, Outcome::Unknown(why) if why.contains("only linux/amd64 of 2")));
        assert!(matches!(decide("platforms.parity", "", "platform linux/amd64"), Outcome::NotApplicable(_)));
        let gap = "index linux/amd64 linux/arm64\nplatform linux/amd64\n---\nindex linux/amd64 linux/arm64\nplatform linux/arm64\n\
                   layer a\ngap layer 0 was not there";
        assert!(matches!(decide("platforms.parity", "", gap), Outcome::Unknown(_)));
    }
}
