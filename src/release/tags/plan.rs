//! Which tags a release writes, given what the repository holds.

use semver::Version;

use super::name::{Named, Scheme, TagError, check_tag, version_tag};
use super::{Known, name};
use crate::model::Digest;

/// What `latest` follows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Latest {
    /// The highest stable version.
    #[default]
    Highest,
    /// The highest stable version of a major line, or of a minor one.
    Line(u64, Option<u64>),
    /// Nothing: it is left alone.
    Off,
}

/// A release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its version.
    pub version: Version,
    /// Whether its tags are written with a `v`.
    pub with_v: bool,
    /// Its variant with the sign, such as `-alpine`; empty for none.
    pub variant: String,
    /// The image or index.
    pub digest: Digest,
    /// Why a full version that has been released may be given to another image; none when it may not.
    pub retag_reason: Option<String>,
    /// What `latest` follows.
    pub latest: Latest,
    /// Whether `MAJOR.MINOR` and `MAJOR` are written.
    pub floats: bool,
    /// Further channels that follow the highest version before a release, such as `next`.
    pub channels: Vec<String>,
}

impl Request {
    /// The tag of the full version.
    #[must_use]
    pub fn exact_tag(&self) -> String {
        format!("{}{}{}", self.v(), version_tag(&self.version), self.variant)
    }

    fn v(&self) -> &'static str {
        if self.with_v { "v" } else { "" }
    }
}

/// What becomes of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It is written for the first time.
    Create,
    /// It moves.
    Advance,
    /// It stays as it is.
    Keep,
    /// It must not be written, and nothing else is written either.
    Refuse,
}

/// One tag of a plan.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Step {
    /// The tag.
    pub tag: String,
    /// What becomes of it.
    pub action: Action,
    /// What it points at now.
    pub from: Option<Digest>,
    /// What it is to point at; for a tag that stays, what it would have been.
    pub to: Digest,
    /// Why, as a sentence without a full stop.
    pub reason: String,
}

/// A tag that is wanted, and the versions that it competes with.
struct Wanted {
    tag: String,
    line: Line,
}

enum Line {
    Exact,
    Minor(u64, u64),
    Major(u64),
    All,
    /// Versions before a release whose channel this is.
    Channel(String),
    /// All versions before a release.
    AnyChannel,
}

impl Line {
    fn holds(&self, version: &Version) -> bool {
        let stable = version.pre.is_empty();
        match self {
            Self::Exact => false,
            Self::Minor(major, minor) => stable && version.major == *major && version.minor == *minor,
            Self::Major(major) => stable && version.major == *major,
            Self::All => stable,
            Self::Channel(name) => channel(version) == Some(name.as_str()),
            Self::AnyChannel => !stable,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Exact => "this version".to_owned(),
            Self::Minor(major, minor) => format!("the line {major}.{minor}"),
            Self::Major(major) => format!("the line {major}"),
            Self::All => "all stable versions".to_owned(),
            Self::Channel(name) => format!("the channel {name}"),
            Self::AnyChannel => "all versions before a release".to_owned(),
        }
    }
}

/// The letters with which a version before a release begins: `rc` of `2.0.0-rc.1`; none for a number.
fn channel(version: &Version) -> Option<&str> {
    let first = version.pre.as_str().split('.').next()?;
    let letters = first.len() - first.bytes().rev().take_while(u8::is_ascii_digit).count();
    let name = first[..letters].trim_end_matches('-');
    (!name.is_empty()).then_some(name)
}

/// The tags that a release wants, in the order in which they are written: the full version first, `latest` last.
fn wanted(request: &Request, scheme: &Scheme) -> Result<Vec<Wanted>, TagError> {
    let Request { version, variant, .. } = request;
    let v = request.v();
    let text = version.to_string();
    if let Some(suffix) = scheme.variants().iter().find(|suffix| text.ends_with(suffix.as_str())) {
        return Err(TagError::Ambiguous(text, suffix.clone()));
    }
    if !variant.is_empty() && !scheme.variants().contains(variant) {
        return Err(TagError::Variant(variant.clone()));
    }
    let mut all = vec![Wanted { tag: request.exact_tag(), line: Line::Exact }];
    if version.pre.is_empty() {
        let Version { major, minor, .. } = *version;
        if request.floats {
            all.push(Wanted { tag: format!("{v}{major}.{minor}{variant}"), line: Line::Minor(major, minor) });
            if major > 0 {
                all.push(Wanted { tag: format!("{v}{major}{variant}"), line: Line::Major(major) });
            }
        }
        let line = match request.latest {
            Latest::Highest => Some(Line::All),
            Latest::Line(pinned, None) => (pinned == major).then_some(Line::Major(pinned)),
            Latest::Line(pinned, Some(narrow)) => {
                ((pinned, narrow) == (major, minor)).then_some(Line::Minor(pinned, narrow))
            }
            Latest::Off => None,
        };
        all.extend(line.map(|line| Wanted { tag: format!("latest{variant}"), line }));
    } else {
        if let Some(name) = channel(version) {
            all.push(Wanted { tag: format!("{name}{variant}"), line: Line::Channel(name.to_owned()) });
        }
        for name in &request.channels {
            let tag = format!("{name}{variant}");
            if all.iter().all(|known| known.tag != tag) {
                all.push(Wanted { tag, line: Line::AnyChannel });
            }
        }
    }
    for Wanted { tag, line } in &all {
        check_tag(tag)?;
        let channel = matches!(line, Line::Channel(_) | Line::AnyChannel);
        if channel && scheme.read(tag).0 != Named::Other {
            return Err(TagError::Channel(tag.clone()));
        }
    }
    Ok(all)
}

/// The tags whose digests [`plan`] has to know, of those that the repository holds.
///
/// # Errors
/// [`TagError`] when the release cannot have tags at all.
pub fn asked_by_plan(request: &Request, scheme: &Scheme, known: &Known) -> Result<Vec<String>, TagError> {
    Ok(wanted(request, scheme)?.into_iter().map(|wanted| wanted.tag).filter(|tag| known.contains_key(tag)).collect())
}

/// Says for each tag of a release what becomes of it, in the order in which they are written.
///
/// # Errors
/// [`TagError`] when the release cannot have tags at all.
pub fn plan(request: &Request, scheme: &Scheme, known: &Known) -> Result<Vec<Step>, TagError> {
    let versions: Vec<(Version, &str)> = known
        .keys()
        .filter(|tag| !name::is_reserved(tag))
        .filter_map(|tag| match scheme.read(tag) {
            (Named::Exact(version), variant) if variant == request.variant => Some((version, tag.as_str())),
            _ => None,
        })
        .collect();
    let mut steps: Vec<Step> =
        wanted(request, scheme)?.iter().map(|wanted| step(request, wanted, &versions, known)).collect();
    if steps.first().is_some_and(|exact| exact.action == Action::Refuse) {
        for step in &mut steps[1..] {
            step.action = Action::Refuse;
            "the full version is refused".clone_into(&mut step.reason);
        }
    }
    Ok(steps)
}

/// A tag that was written although a higher version of its line is there by now, and that version's tag: somebody released it between
/// plan and end. Versions come before the tags that float, so whoever writes such a tag last sees the other version.
///
/// # Errors
/// [`TagError`] when the release cannot have tags at all.
pub fn overtaken(
    request: &Request,
    scheme: &Scheme,
    written: &[String],
    now: &Known,
) -> Result<Option<(String, String)>, TagError> {
    let steps = plan(request, scheme, now)?;
    let wanted = wanted(request, scheme)?;
    let floats = wanted.iter().zip(&steps).filter(|(wanted, _)| !matches!(wanted.line, Line::Exact));
    let mut floats = floats.filter(|(wanted, step)| step.action == Action::Keep && written.contains(&wanted.tag));
    Ok(floats.find_map(|(wanted, _)| {
        let versions = now.keys().filter_map(|tag| match scheme.read(tag) {
            (Named::Exact(version), variant) if variant == request.variant => Some((version, tag)),
            _ => None,
        });
        let highest = versions.filter(|(version, _)| wanted.line.holds(version)).max()?;
        (highest.0 > request.version).then(|| (wanted.tag.clone(), highest.1.clone()))
    }))
}

fn step(request: &Request, wanted: &Wanted, versions: &[(Version, &str)], known: &Known) -> Step {
    let there = known.get(&wanted.tag);
    let from = there.cloned().flatten();
    let same = from.as_ref() == Some(&request.digest);
    let to = request.digest.clone();
    let done =
        |action, reason: String| Step { tag: wanted.tag.clone(), action, from: from.clone(), to: to.clone(), reason };
    if let Line::Exact = wanted.line {
        // The same version under its other spelling is the same release.
        let other = versions.iter().find(|(version, tag)| *version == request.version && *tag != wanted.tag);
        return match (there, other, &request.retag_reason) {
            (Some(_), _, _) if same => done(Action::Keep, "it points at this image already".to_owned()),
            (Some(_), _, Some(why)) => done(Action::Advance, format!("it is given to another image: {why}")),
            (Some(_), _, None) => {
                done(Action::Refuse, "a version that has been released never moves to another image".to_owned())
            }
            (None, Some((_, tag)), None) if known.get(*tag).cloned().flatten().as_ref() != Some(&request.digest) => {
                done(Action::Refuse, format!("this version has been released as `{tag}`"))
            }
            (None, ..) => done(Action::Create, "it is new".to_owned()),
        };
    }
    let line = &wanted.line;
    let highest = versions.iter().filter(|(version, _)| line.holds(version)).max();
    if let Some((_, tag)) = highest.filter(|(version, _)| *version > request.version) {
        return done(Action::Keep, format!("`{tag}` is higher than {} in {}", request.version, line.words()));
    }
    let reason = format!("{} is the highest of {}", request.version, line.words());
    match there {
        Some(_) if same => done(Action::Keep, "it points at this image already".to_owned()),
        Some(_) => done(Action::Advance, reason),
        None => done(Action::Create, reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    fn known(tags: &[(&str, &str)]) -> Known {
        tags.iter().map(|(tag, image)| ((*tag).to_owned(), Some(digest(image)))).collect()
    }

    fn request(version: &str) -> Request {
        Request {
            version: Version::parse(version).expect("a version"),
            with_v: false,
            variant: String::new(),
            digest: digest("new"),
            retag_reason: None,
            latest: Latest::Highest,
            floats: true,
            channels: Vec::new(),
        }
    }

    fn scheme() -> Scheme {
        Scheme::new(["-alpine".to_owned()]).expect("a suffix")
    }

    fn told(request: &Request, known: &Known) -> Vec<String> {
        let steps = plan(request, &scheme(), known).expect("a plan");
        steps.iter().map(|step| format!("{:?} {}", step.action, step.tag).to_lowercase()).collect()
    }

    #[test]
    fn a_first_release_makes_all_its_tags_the_broadest_last() {
        assert_eq!(told(&request("1.4.2"), &known(&[])), ["create 1.4.2", "create 1.4", "create 1", "create latest"]);
        assert_eq!(told(&request("0.3.0"), &known(&[])), ["create 0.3.0", "create 0.3", "create latest"]);
    }

    #[test]
    fn a_backport_moves_its_own_line_only() {
        let tags = known(&[
            ("1.9.0", "a"),
            ("1.9", "a"),
            ("1", "a"),
            ("2.0.1", "b"),
            ("2.0", "b"),
            ("2", "b"),
            ("latest", "b"),
        ]);
        assert_eq!(told(&request("1.9.1"), &tags), ["create 1.9.1", "advance 1.9", "advance 1", "keep latest"]);
        assert_eq!(told(&request("1.8.7"), &tags), ["create 1.8.7", "create 1.8", "keep 1", "keep latest"]);
        assert_eq!(told(&request("2.0.2"), &tags), ["create 2.0.2", "advance 2.0", "advance 2", "advance latest"]);
    }

    #[test]
    fn a_released_version_never_moves_without_a_reason() {
        let tags = known(&[("1.4.2", "old"), ("1.4", "old"), ("1", "old"), ("latest", "old")]);
        assert_eq!(told(&request("1.4.2"), &tags), ["refuse 1.4.2", "refuse 1.4", "refuse 1", "refuse latest"]);
        let allowed = Request { retag_reason: Some("the build was broken".to_owned()), ..request("1.4.2") };
        assert_eq!(told(&allowed, &tags), ["advance 1.4.2", "advance 1.4", "advance 1", "advance latest"]);
        let again = known(&[("1.4.2", "new"), ("1.4", "new"), ("1", "old"), ("latest", "new")]);
        assert_eq!(told(&request("1.4.2"), &again), ["keep 1.4.2", "keep 1.4", "advance 1", "keep latest"]);
        // `v1.4.2` and `1.4.2` are one version.
        assert_eq!(told(&request("1.4.2"), &known(&[("v1.4.2", "old")]))[0], "refuse 1.4.2");
        assert_eq!(told(&request("1.4.2"), &known(&[("v1.4.2", "new")]))[0], "create 1.4.2");
    }

    #[test]
    fn versions_before_a_release_move_channels_only() {
        let tags = known(&[("2.0.0-rc.2", "a"), ("rc", "a"), ("1.0.0", "b"), ("latest", "b")]);
        assert_eq!(told(&request("2.0.0-rc.3"), &tags), ["create 2.0.0-rc.3", "advance rc"]);
        assert_eq!(told(&request("2.0.0-rc.1"), &tags), ["create 2.0.0-rc.1", "keep rc"]);
        assert_eq!(told(&request("2.0.0-5"), &tags), ["create 2.0.0-5"]);
        let next = Request { channels: vec!["next".to_owned()], ..request("2.0.0-beta4") };
        // `rc` is higher than `beta`.
        assert_eq!(told(&next, &tags), ["create 2.0.0-beta4", "create beta", "keep next"]);
        let wrong = Request { channels: vec!["1.2".to_owned()], ..request("2.0.0-rc.9") };
        assert_eq!(plan(&wrong, &scheme(), &tags), Err(TagError::Channel("1.2".to_owned())));
    }

    #[test]
    fn a_higher_version_that_came_in_between_is_noticed_on_the_tags_that_were_written() {
        let written = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
        let all = written(&["1.4.0", "1.4", "1", "latest"]);
        let found = |written: &[String], more: &[(&str, &str)]| {
            let own = [("1.4.0", "new"), ("1.4", "new"), ("1", "new"), ("latest", "new")];
            let now = known(&[&own[..], more].concat());
            overtaken(&request("1.4.0"), &scheme(), written, &now).expect("an answer")
        };
        let pair = |tag: &str, higher: &str| Some((tag.to_owned(), higher.to_owned()));
        assert_eq!(found(&all, &[("1.3.9", "old")]), None);
        assert_eq!(found(&all, &[("1.4.1", "other")]), pair("1.4", "1.4.1"));
        assert_eq!(found(&all, &[("1.5.0", "other")]), pair("1", "1.5.0"));
        assert_eq!(found(&all, &[("2.0.0", "other")]), pair("latest", "2.0.0"));
        assert_eq!(found(&written(&["1.4.0", "1.4", "1"]), &[("2.0.0", "other")]), None, "`latest` was left alone");
        assert_eq!(found(&all, &[("2.0.0-rc.1", "other"), ("2.0.0-alpine", "other"), ("stable", "other")]), None);
        assert_eq!(found(&written(&["1.4.0"]), &[("1.4.1", "other")]), None);
    }

    #[test]
    fn variants_are_lines_of_their_own() {
        let tags = known(&[("2.0.0", "a"), ("latest", "a"), ("1.3.0-alpine", "b"), ("latest-alpine", "b")]);
        let alpine = Request { variant: "-alpine".to_owned(), ..request("1.4.0") };
        assert_eq!(
            told(&alpine, &tags),
            ["create 1.4.0-alpine", "create 1.4-alpine", "create 1-alpine", "advance latest-alpine"]
        );
        let unknown = Request { variant: "-slim".to_owned(), ..request("1.4.0") };
        assert_eq!(plan(&unknown, &scheme(), &tags), Err(TagError::Variant("-slim".to_owned())));
        let ambiguous = plan(&request("1.4.0-alpine"), &scheme(), &tags);
        assert_eq!(ambiguous, Err(TagError::Ambiguous("1.4.0-alpine".to_owned(), "-alpine".to_owned())));
    }

    #[test]
    fn latest_can_be_pinned_to_a_line_or_left_alone() {
        let tags = known(&[("2.0.0", "a"), ("latest", "b"), ("1.3.0", "b")]);
        let pinned = |latest| Request { latest, ..request("1.4.0") };
        assert_eq!(told(&pinned(Latest::Line(1, None)), &tags)[3], "advance latest");
        assert_eq!(told(&pinned(Latest::Line(1, Some(3))), &tags).len(), 3);
        assert_eq!(told(&pinned(Latest::Off), &tags).len(), 3);
        assert_eq!(told(&pinned(Latest::Highest), &tags)[3], "keep latest");
    }

    #[test]
    fn only_the_tags_of_the_release_are_asked_for() {
        let tags = known(&[("1.4.2", "a"), ("1.4", "a"), ("2.0.0", "b"), ("main", "c")]);
        assert_eq!(asked_by_plan(&request("1.4.2"), &scheme(), &tags), Ok(vec!["1.4.2".to_owned(), "1.4".to_owned()]));
    }

    proptest::proptest! {
        /// Whatever the order in which versions are released, the floating tags end at the highest of their lines.
        #[test]
        fn the_order_of_releases_does_not_matter(versions in proptest::collection::vec((0..3u64, 0..3u64, 0..4u64), 1..12)) {
            let mut tags = Known::new();
            for (major, minor, patch) in &versions {
                let version = Version::new(*major, *minor, *patch);
                let one = Request { digest: digest(&version.to_string()), ..request(&version.to_string()) };
                for step in plan(&one, &scheme(), &tags).expect("a plan") {
                    if matches!(step.action, Action::Create | Action::Advance) {
                        tags.insert(step.tag, Some(step.to));
                    }
                }
            }
            let highest = |holds: &dyn Fn(&(u64, u64, u64)) -> bool| {
                let (major, minor, patch) = versions.iter().copied().filter(|version| holds(version)).max().expect("one");
                Some(Some(digest(&Version::new(major, minor, patch).to_string())))
            };
            proptest::prop_assert_eq!(tags.get("latest").cloned(), highest(&|_| true));
            proptest::prop_assert!(!tags.contains_key("0"));
            for (major, minor, _) in &versions {
                let minor_tag = tags.get(&format!("{major}.{minor}")).cloned();
                proptest::prop_assert_eq!(minor_tag, highest(&|version| (version.0, version.1) == (*major, *minor)));
                if *major > 0 {
                    proptest::prop_assert_eq!(tags.get(&major.to_string()).cloned(), highest(&|version| version.0 == *major));
                }
            }
        }
    }
}
