//! Whether the floating tags of a repository point at what they should.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use super::Known;
use super::name::{Named, Scheme, is_reserved};
use crate::model::Digest;

/// What is wrong with a tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Astray {
    /// It points at another image than the highest version of its line.
    Drift {
        /// The tag of the highest version.
        highest: String,
        /// What that points at.
        expected: Option<Digest>,
        /// What the floating tag points at.
        found: Option<Digest>,
        /// The version that it points at, if one has the same digest.
        points_at: Option<String>,
    },
    /// Other lines have such a tag, this one does not.
    Missing {
        /// The tag of the highest version.
        highest: String,
    },
    /// There is no version that it could follow.
    Orphan,
    /// `0` follows versions that promise nothing to each other.
    Zero,
    /// The same version is there under two spellings that point at different images.
    Twice {
        /// The other spelling.
        other: String,
    },
}

/// A tag that has gone astray.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Finding {
    /// The tag.
    pub tag: String,
    /// What is wrong.
    #[serde(flatten)]
    pub astray: Astray,
}

impl Finding {
    /// Whether people get another image than they ask for; a tag that is missing misleads nobody.
    #[must_use]
    pub fn misleads(&self) -> bool {
        !matches!(self.astray, Astray::Missing { .. })
    }
}

/// A floating tag that a repository should have: its line and the highest version of that.
struct Float {
    tag: String,
    /// `MAJOR.MINOR`, `MAJOR` or `latest`, without variant.
    kind: u8,
    highest: String,
}

/// Spelling and variant: tags with `v` float apart from those without.
type Line<'a> = (bool, &'a str);

fn floats(scheme: &Scheme, known: &Known) -> Vec<Float> {
    let mut lines: BTreeMap<Line<'_>, Vec<(Version, &str)>> = BTreeMap::new();
    for tag in known.keys().filter(|tag| !is_reserved(tag)) {
        if let (Named::Exact(version), variant) = scheme.read(tag)
            && version.pre.is_empty()
        {
            lines.entry((tag.starts_with('v'), variant)).or_default().push((version, tag));
        }
    }
    let mut floats = Vec::new();
    for ((with_v, variant), mut versions) in lines {
        versions.sort();
        let v = if with_v { "v" } else { "" };
        let mut by_tag: BTreeMap<(u8, String), &str> = BTreeMap::new();
        // Later ones are higher.
        for (version, tag) in &versions {
            by_tag.insert((2, format!("{v}{}.{}{variant}", version.major, version.minor)), tag);
            if version.major > 0 {
                by_tag.insert((1, format!("{v}{}{variant}", version.major)), tag);
            }
            by_tag.insert((0, format!("latest{variant}")), tag);
        }
        floats.extend(by_tag.into_iter().map(|((kind, tag), highest)| Float {
            tag,
            kind,
            highest: highest.to_owned(),
        }));
    }
    // With and without `v`, both follow: `latest` belongs to the higher of the two.
    let mut latest: BTreeMap<String, Float> = BTreeMap::new();
    let mut others = Vec::new();
    for float in floats {
        if float.kind > 0 {
            others.push(float);
            continue;
        }
        let version = |tag: &str| match scheme.read(tag).0 {
            Named::Exact(version) => Some(version),
            _ => None,
        };
        match latest.get(&float.tag) {
            Some(known) if version(&known.highest) >= version(&float.highest) => {}
            _ => {
                latest.insert(float.tag.clone(), float);
            }
        }
    }
    others.extend(latest.into_values());
    others
}

/// The tags whose digests [`audit`] has to know.
#[must_use]
pub fn asked_by_audit(scheme: &Scheme, known: &Known) -> Vec<String> {
    let mut asked: BTreeSet<String> = BTreeSet::new();
    for float in floats(scheme, known) {
        if known.contains_key(&float.tag) {
            asked.insert(float.tag);
            asked.insert(float.highest);
        }
    }
    for (one, other) in spelled_twice(scheme, known) {
        asked.insert(one);
        asked.insert(other);
    }
    asked.into_iter().collect()
}

/// Versions that are there with and without `v`.
fn spelled_twice(scheme: &Scheme, known: &Known) -> Vec<(String, String)> {
    let exact = |tag: &&String| matches!(scheme.read(tag).0, Named::Exact(_));
    known
        .keys()
        .filter(exact)
        .filter_map(|tag| {
            let plain = tag.strip_prefix('v')?;
            known.contains_key(plain).then(|| (tag.clone(), plain.to_owned()))
        })
        .collect()
}

/// Finds the tags that have gone astray, sorted by tag.
#[must_use]
pub fn audit(scheme: &Scheme, known: &Known) -> Vec<Finding> {
    let digest = |tag: &str| known.get(tag).cloned().flatten();
    let expected = floats(scheme, known);
    let kinds_in_use: BTreeSet<u8> =
        expected.iter().filter(|float| known.contains_key(&float.tag)).map(|float| float.kind).collect();
    let mut findings = Vec::new();
    for float in &expected {
        if !known.contains_key(&float.tag) {
            if kinds_in_use.contains(&float.kind) {
                let astray = Astray::Missing { highest: float.highest.clone() };
                findings.push(Finding { tag: float.tag.clone(), astray });
            }
            continue;
        }
        let (found, wanted) = (digest(&float.tag), digest(&float.highest));
        if found != wanted {
            let same = |(tag, other): (&String, &Option<Digest>)| {
                (*other == found && found.is_some() && matches!(scheme.read(tag).0, Named::Exact(_)))
                    .then(|| tag.clone())
            };
            let points_at = known.iter().find_map(same);
            let astray = Astray::Drift { highest: float.highest.clone(), expected: wanted, found, points_at };
            findings.push(Finding { tag: float.tag.clone(), astray });
        }
    }
    let followed: BTreeSet<&str> = expected.iter().map(|float| float.tag.as_str()).collect();
    for tag in known.keys().filter(|tag| !is_reserved(tag)) {
        let astray = match scheme.read(tag).0 {
            Named::Major(0) => Astray::Zero,
            Named::Minor(..) | Named::Major(_) if !followed.contains(tag.as_str()) => Astray::Orphan,
            _ => continue,
        };
        findings.push(Finding { tag: tag.clone(), astray });
    }
    for (one, other) in spelled_twice(scheme, known) {
        if digest(&one) != digest(&other) {
            findings.push(Finding { tag: one, astray: Astray::Twice { other } });
        }
    }
    findings.sort();
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(tags: &[(&str, &str)]) -> Vec<String> {
        let known: Known =
            tags.iter().map(|(tag, image)| ((*tag).to_owned(), Some(Digest::of(image.as_bytes())))).collect();
        let scheme = Scheme::new(["-alpine".to_owned()]).expect("a suffix");
        audit(&scheme, &known)
            .iter()
            .map(|finding| {
                let what = match &finding.astray {
                    Astray::Drift { highest, points_at, .. } => {
                        format!("drift from {highest}, at {}", points_at.as_deref().unwrap_or("?"))
                    }
                    Astray::Missing { highest } => format!("missing, {highest}"),
                    Astray::Orphan => "orphan".to_owned(),
                    Astray::Zero => "zero".to_owned(),
                    Astray::Twice { other } => format!("twice, {other}"),
                };
                format!("{}: {what}", finding.tag)
            })
            .collect()
    }

    #[test]
    fn a_repository_in_order_has_no_findings() {
        let tags = [
            ("1.9.1", "a"),
            ("1.9", "a"),
            ("1", "a"),
            ("2.0.1", "b"),
            ("2.0.0", "c"),
            ("2.0", "b"),
            ("2", "b"),
            ("latest", "b"),
            ("2.1.0-rc.1", "d"),
            ("1.0.0-alpine", "e"),
            ("1.0-alpine", "e"),
            ("1-alpine", "e"),
            ("latest-alpine", "e"),
            ("main", "x"),
        ];
        assert_eq!(told(&tags), Vec::<String>::new());
        assert_eq!(told(&[("1.0.0", "a"), ("2.0.0", "b")]), Vec::<String>::new(), "it does not use floating tags");
    }

    #[test]
    fn tags_that_went_back_or_were_forgotten_are_told() {
        let tags =
            [("1.9.1", "a"), ("2.0.1", "b"), ("latest", "a"), ("1", "a"), ("0", "x"), ("7.1", "x"), ("v2.0.1", "c")];
        assert_eq!(
            told(&tags),
            [
                "0: zero",
                "2: missing, 2.0.1",
                "7.1: orphan",
                "latest: drift from 2.0.1, at 1.9.1",
                "v2: missing, v2.0.1",
                "v2.0.1: twice, 2.0.1",
            ]
        );
    }

    #[test]
    fn a_tag_that_points_nowhere_known_drifts_too() {
        assert_eq!(told(&[("1.0.0", "a"), ("1.0", "z")]), ["1.0: drift from 1.0.0, at ?"]);
    }
}
