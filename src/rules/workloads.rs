//! What the `consistency.*` rules share: which services and containers of the evidence run this image.

use serde::Deserialize;

use crate::companions::{Evidence, Place, Workload, WorkloadKind};
use crate::model::ImageFacts;

use super::exec::{self, DEFAULT_PATH, Resolver, Subject};
use super::setting::{ImageName, NonEmpty};
use super::words::{code, codes};
use super::{Circumstances, Fault, Outcome, Seat};

/// A kind of file that an image is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Source {
    /// Compose files.
    Compose,
    /// Kubernetes manifests.
    Kubernetes,
}

impl Source {
    pub(super) fn kind(self) -> WorkloadKind {
        match self {
            Self::Compose => WorkloadKind::Compose,
            Self::Kubernetes => WorkloadKind::Kubernetes,
        }
    }
}

/// Which files are compared with the image.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Sources {
    /// The kinds of files that are compared; both when not given.
    #[serde(default = "both", rename = "in")]
    #[schemars(extend("x-tighter" = "more"))]
    pub(super) kinds: NonEmpty<Source>,
}

/// Both kinds of files.
pub(super) fn both() -> NonEmpty<Source> {
    NonEmpty::of(Source::Compose, vec![Source::Kubernetes])
}

/// The containers that run this image.
#[derive(Debug, Default)]
pub(super) struct Selection<'a> {
    /// They.
    pub(super) own: Vec<&'a Workload>,
    /// Why it is not clear which ones they are.
    unclear: Vec<String>,
    /// Why there are none.
    none: Vec<String>,
}

/// The name that the image was asked for by; none when it is a file, whose name says nothing.
fn name(image: &ImageFacts) -> Option<ImageName> {
    let reference = image.subject.reference.as_str();
    let file = ["oci:", "oci-archive:", "docker-archive:"].iter().any(|prefix| reference.starts_with(prefix));
    if file || reference == "-" || reference.starts_with(['/', '.']) {
        return None;
    }
    let repository = image.subject.repository.as_str();
    let repository = ["docker-daemon:", "podman:"].iter().find_map(|prefix| repository.strip_prefix(prefix));
    ImageName::read(repository.unwrap_or(&image.subject.repository))
}

/// Picks the containers that run this image: by its name, else the only one that is built, else the only one.
pub(super) fn select<'a>(image: &ImageFacts, evidence: &'a Evidence, kinds: &[Source]) -> Selection<'a> {
    let mut selection = Selection::default();
    for source in kinds {
        let all: Vec<&Workload> = evidence.of_kind(source.kind()).collect();
        if !all.is_empty() {
            pick(&mut selection, name(image).as_ref(), &all);
        }
    }
    selection
}

fn pick<'a>(selection: &mut Selection<'a>, name: Option<&ImageName>, all: &[&'a Workload]) {
    let of = |workload: &Workload| workload.image.as_ref().and_then(|image| ImageName::read(&image.value));
    if let Some(name) = name {
        let last = |repository: &str| repository.rsplit('/').next().unwrap_or_default().to_owned();
        let same = |workload: &&&Workload| of(workload).is_some_and(|other| other.repository == name.repository);
        // A local build is called by its last name only.
        let alike = |workload: &&&Workload| {
            of(workload).is_some_and(|other| {
                let local = other.repository.strip_prefix("docker.io/library/");
                let local = local.or_else(|| other.repository.strip_prefix("localhost/"));
                local.is_some_and(|local| local == last(&name.repository))
            })
        };
        let by_name: Vec<&Workload> = all.iter().filter(same).copied().collect();
        let by_name = if by_name.is_empty() { all.iter().filter(alike).copied().collect() } else { by_name };
        if !by_name.is_empty() {
            return selection.own.extend(by_name);
        }
    }
    let built: Vec<&Workload> = all.iter().filter(|workload| workload.build).copied().collect();
    let unnamed: Vec<&Workload> =
        all.iter().filter(|workload| name.is_none() || of(workload).is_none()).copied().collect();
    let candidates = if built.is_empty() { unnamed } else { built };
    match candidates[..] {
        [only] => selection.own.push(only),
        [] => {
            let images = codes(all.iter().filter_map(|workload| workload.image.as_ref()).map(|image| &image.value));
            selection.none.push(format!("none of its containers runs this image, but {images}"));
        }
        _ => {
            let names: Vec<&str> = candidates.iter().map(|workload| workload.name.as_str()).take(5).collect();
            let file = candidates.first().map_or("", |workload| workload.place.file.as_str());
            selection.unclear.push(format!(
                "it is not clear which of these runs the image: {} (in {}); name the image by its registry reference",
                names.join(", "),
                code(file)
            ));
        }
    }
}

/// Compares every container that runs this image.
pub(super) fn compare(
    image: &ImageFacts,
    circumstances: &Circumstances,
    kinds: &[Source],
    mut faults_of: impl FnMut(&Workload) -> Vec<Fault>,
) -> Outcome {
    let selection = select(image, &circumstances.evidence, kinds);
    let mut faults: Vec<Fault> = selection.own.iter().flat_map(|workload| faults_of(workload)).collect();
    faults.sort();
    faults.dedup();
    selection.outcome(faults)
}

impl Selection<'_> {
    /// Fail when there are faults, unknown when it is not clear who runs the image, n/a when nobody does.
    pub(super) fn outcome(&self, faults: Vec<Fault>) -> Outcome {
        if !faults.is_empty() {
            Outcome::Fail(faults)
        } else if let Some(why) = self.unclear.first() {
            Outcome::Unknown(why.clone())
        } else if !self.own.is_empty() {
            let names: Vec<&str> = self.own.iter().map(|workload| workload.name.as_str()).take(5).collect();
            Outcome::Pass(format!("agrees with {}", names.join(", ")))
        } else if let Some(why) = self.none.first() {
            Outcome::NotApplicable(why.clone())
        } else {
            let why =
                "no compose file and no Kubernetes manifest was given: `--with FILE`, or `evidence` in the policy";
            Outcome::NotApplicable(why.to_owned())
        }
    }
}

/// A fault at a place of a file.
pub(super) fn fault(subject: String, message: String, place: &Place, fix: impl Into<String>) -> Fault {
    let seat = Seat::Evidence { file: place.file.clone(), line: place.line, column: place.column };
    Fault { subject, message, seat, fix: Some(fix.into()) }
}

/// What comes of a command that a container runs in the image; none when nobody can tell, because a mount may bring the
/// program along or the container has another `PATH`.
pub(super) fn resolved(
    resolver: &Resolver<'_>,
    workload: &Workload,
    name: String,
    place: &Place,
    words: &[String],
) -> Option<Subject> {
    let image = resolver.image;
    let program = words.first()?;
    let own = workload.env.iter().find(|variable| variable.name == "PATH").map(|variable| variable.value.clone());
    let path = own.or_else(|| image.config.env_value("PATH").map(str::to_owned));
    let path = path.unwrap_or_else(|| DEFAULT_PATH.to_owned());
    let covered = |path: &str| workload.covers(path).is_some();
    let absolute = if program.starts_with('/') || !program.contains('/') {
        program.clone()
    } else {
        format!("{}/{program}", image.config.working_dir)
    };
    let brought = if program.contains('/') { covered(&absolute) } else { path.split(':').any(covered) };
    if program.is_empty() || program.contains('$') || path.contains('$') || brought || image.tree_gap().is_some() {
        return None;
    }
    let seat = Seat::Evidence { file: place.file.clone(), line: place.line, column: place.column };
    Some(exec::given(resolver, name, seat, words, |setting| {
        setting.path = path;
        if workload.user.is_some() {
            setting.who = None;
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::image::with_evidence;

    fn picked(text: &str) -> String {
        let (image, evidence) = with_evidence(text);
        let kinds: Vec<Source> = both().into();
        let selection = select(&image, &evidence, &kinds);
        let names: Vec<&str> = selection.own.iter().map(|one| one.name.as_str()).collect();
        match selection.outcome(Vec::new()) {
            Outcome::Pass(_) => names.join(", "),
            other => format!("{other:?}").chars().take(40).collect(),
        }
    }

    #[test]
    fn the_image_is_found_by_its_name_then_by_being_built_then_by_being_alone() {
        let named = "--- c.yml\nservices:\n  a: {image: 'registry.example/acme/app:2', build: .}\n  b: {image: 'acme/app'}\n  c: {build: .}\n";
        assert_eq!(picked(named), "service `a`");
        assert_eq!(picked("--- c.yml\nservices: {a: {image: app}, b: {image: db}}"), "service `a`");
        assert_eq!(picked("--- c.yml\nservices: {a: {image: db}, b: {build: .}}"), "service `b`");
        assert_eq!(picked("--- c.yml\nservices: {a: {image: '${X}'}}"), "service `a`");
        assert!(picked("--- c.yml\nservices: {a: {build: .}, b: {build: .}}").starts_with("Unknown"));
        assert!(picked("--- c.yml\nservices: {a: {image: db}}").starts_with("NotApplicable"));
        assert!(picked("user 1").starts_with("NotApplicable"));
    }
}
