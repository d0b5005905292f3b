//! Releases into a registry that fails, and into one that others write to.

use std::collections::BTreeMap;

use super::*;
use crate::oci::Reference;
use crate::registry::{Client, Environment, Options, RemoteRepository, Retries};
use crate::release::closure::{Evidence, walk};
use crate::release::copy::survey;
use crate::release::index::assemble;
use crate::release::plan::{Wanted, plan as copy_plan};
use crate::release::tags::{Known, Latest, Request, Scheme, plan as tag_plan};
use crate::source::LayoutRepository;
use crate::testkit::layout::{ImageBuilder, LayoutBuilder, Packing, layer_of};
use crate::testkit::registry::FakeRegistry;

fn repository(registry: &FakeRegistry) -> RemoteRepository {
    let retries = Retries { attempts: 1, pause: std::time::Duration::from_millis(1), ..Retries::default() };
    let client = Client::new(Options { retries, ..Options::new(Environment::of_variables([])) }).expect("a client");
    let reference: Reference = format!("{}/team/app", registry.host()).parse().expect("a reference");
    RemoteRepository::writable(&client, &reference)
}

/// A layout with one image for the platform.
fn layout(platform: &str, content: &str) -> (tempfile::TempDir, LayoutRepository) {
    let folder = tempfile::tempdir().expect("a folder");
    let image = ImageBuilder::new(platform).layer(layer_of(&[("etc/motd", content)]), Packing::Gzip);
    LayoutBuilder::new().image(image).build().write_to(folder.path());
    let repository = LayoutRepository::new(folder.path().to_str().expect("a path"));
    (folder, repository)
}

struct Release {
    sources: Vec<(tempfile::TempDir, LayoutRepository)>,
    closures: Vec<Closure>,
    root: ManifestToPush,
    platforms: usize,
}

fn release(content: &str) -> Release {
    let platforms = ["linux/amd64", "linux/arm64"];
    let sources: Vec<_> = platforms.iter().map(|platform| layout(platform, &format!("{content} {platform}"))).collect();
    let closures: Vec<Closure> = sources
        .iter()
        .map(|(_, source)| {
            let (root, _) = source.root(None).expect("a root");
            walk(source, root, Evidence::All).expect("a closure")
        })
        .collect();
    let known = closures
        .iter()
        .zip(platforms)
        .flat_map(|(closure, platform)| {
            closure.nodes.keys().map(move |digest| (digest.clone(), platform.parse().expect("a platform")))
        })
        .collect::<BTreeMap<_, _>>();
    let root = assemble(&closures.iter().collect::<Vec<_>>(), &known, &BTreeMap::new()).expect("an index");
    Release { sources, closures, root, platforms: platforms.len() }
}

impl Release {
    fn steps(&self, registry: &FakeRegistry, version: &str) -> Vec<Step> {
        let repository = repository(registry);
        let mut known = Known::new();
        for tag in repository.tags().unwrap_or_default() {
            let digest = repository.tagged(&tag).expect("a digest");
            known.insert(tag, digest);
        }
        let request = Request {
            version: version.parse().expect("a version"),
            with_v: false,
            variant: String::new(),
            digest: self.root.digest.clone(),
            retag_reason: None,
            latest: Latest::Highest,
            floats: true,
            channels: Vec::new(),
        };
        tag_plan(&request, &Scheme::default(), &known).expect("a plan")
    }

    fn publish(&self, registry: &FakeRegistry, tags: &[Step]) -> Result<Published, PublishError> {
        let destination = repository(registry);
        let mut plans = Vec::new();
        for ((_, source), closure) in self.sources.iter().zip(&self.closures) {
            let seen = survey(closure, &destination, None)?;
            let wanted = Wanted { source: source.name(), destination: destination.name(), tag: None, mount_from: None };
            plans.push(copy_plan(closure, wanted, &seen)?);
        }
        let parts = self.sources.iter().zip(&self.closures).zip(&plans);
        let parts = parts.map(|(((_, source), closure), plan)| Part { source, closure, plan }).collect();
        let publication = Publication { parts, root: self.root.clone(), tags, jobs: 2 };
        publish(&publication, &destination, &repository(registry), &|_| {})
    }
}

/// Every tag points at an index all of whose parts are there.
fn all_tags_are_whole(registry: &FakeRegistry) -> BTreeMap<String, Digest> {
    let repository = repository(registry);
    let mut tags = BTreeMap::new();
    for tag in repository.tags().unwrap_or_default() {
        let root = repository.manifest(&Target::Tag(tag.clone())).expect("a manifest");
        let digest = root.digest.clone();
        let closure = walk(&repository, root, Evidence::None).expect("the whole image");
        for (blob, size) in closure.blobs().expect("blobs") {
            assert!(repository.has_blob(&blob, size).expect("an answer"), "{tag}: {blob} is missing");
        }
        tags.insert(tag, digest);
    }
    tags
}

#[test]
fn tags_are_written_last_the_broadest_last_of_all_and_a_second_time_nothing_is() {
    let registry = FakeRegistry::start();
    let release = release("one");
    let done = release.publish(&registry, &release.steps(&registry, "1.2.3")).expect("a release");
    assert_eq!(done.tags, ["1.2.3", "1.2", "1", "latest"]);
    assert_eq!(done.copied.manifests, release.platforms + 1);
    let again = release.publish(&registry, &release.steps(&registry, "1.2.3")).expect("the same release");
    assert_eq!(again, Published::default());
    assert_eq!(all_tags_are_whole(&registry).len(), 4);
}

#[test]
fn a_tag_that_somebody_moved_since_the_plan_stops_the_release() {
    let registry = FakeRegistry::start();
    let first = release("first");
    first.publish(&registry, &first.steps(&registry, "1.0.0")).expect("a release");
    let second = release("second");
    let steps = second.steps(&registry, "1.0.1");
    let other = release("other");
    other.publish(&registry, &other.steps(&registry, "1.0.2")).expect("a release in between");
    let error = second.publish(&registry, &steps).expect_err("1.0 is another one now");
    assert!(matches!(&error, PublishError::Drift { tag, .. } if tag == "1.0"), "{error}");
    let tags = all_tags_are_whole(&registry);
    assert_eq!(tags["1.0"], other.root.digest);
    assert_eq!(tags["latest"], other.root.digest);
    assert_eq!(tags["1.0.1"], second.root.digest, "what was written before stays");
}
