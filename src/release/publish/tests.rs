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
use crate::testkit::registry::{Action as Fault, FakeRegistry, Quirks};

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

#[test]
fn a_connection_that_is_cut_at_any_byte_of_any_request_leaves_whole_tags_and_the_next_run_completes() {
    let classes = [
        // Before a byte of the answer, with the work done or not; inside of what is sent; inside of what is answered.
        ("closed", Fault::Close),
        ("silent", Fault::Silence),
        ("sent nothing", Fault::CutRequest(0)),
        ("sent a byte", Fault::CutRequest(1)),
        ("sent a part", Fault::CutRequest(60)),
        ("answered nothing", Fault::CutAfter(0)),
        ("answered a byte", Fault::CutAfter(1)),
        ("answered a part", Fault::CutAfter(60)),
    ];
    let (first, second) = (release("first"), release("second"));
    for (name, fault) in classes {
        let (mut stopped, mut ended) = (0, false);
        // Every third request: it takes long enough.
        for at in (0..300).step_by(3) {
            let registry = FakeRegistry::start();
            first.publish(&registry, &first.steps(&registry, "1.0.0")).expect("a release");
            let steps = second.steps(&registry, "1.1.0");
            let before = registry.requests().len();
            registry.fault("/v2/team/app/", at, 1, fault.clone());
            let result = second.publish(&registry, &steps);
            let sent = registry.requests().len() - before;
            registry.heal();
            let tags = all_tags_are_whole(&registry);
            let order = ["1.1.0", "1.1", "1", "latest"].map(|tag| tags.get(tag) == Some(&second.root.digest));
            assert!(
                order.windows(2).all(|pair| pair[0] || !pair[1]),
                "{name} at {at}: broader tags move later: {order:?}"
            );
            assert_eq!(tags["1.0.0"], first.root.digest, "{name} at {at}");
            match result {
                Ok(_) => assert_eq!(order, [true; 4], "{name} at {at}"),
                Err(error) => {
                    stopped += 1;
                    assert!(!error.to_string().is_empty());
                }
            }
            second.publish(&registry, &second.steps(&registry, "1.1.0")).expect("completed");
            let tags = all_tags_are_whole(&registry);
            assert!(
                ["1.1.0", "1.1", "1", "latest"].iter().all(|tag| tags[*tag] == second.root.digest),
                "{name} at {at}"
            );
            if sent <= at {
                ended = true;
                break;
            }
        }
        assert!(ended, "{name}: the release never ended");
        assert!(stopped > 0, "{name}: nothing was ever stopped");
    }
}

#[test]
fn two_releases_at_the_same_moment_leave_whole_tags_and_a_second_run_puts_them_right() {
    let (low, high) = (release("low"), release("high"));
    for conditions in [false, true] {
        for _ in 0..4 {
            let registry = FakeRegistry::start();
            registry.behave(Quirks { conditions, ..Quirks::default() });
            let plans = [low.steps(&registry, "1.0.0"), high.steps(&registry, "1.1.0")];
            let [one, other] = std::thread::scope(|scope| {
                let runs = [(&low, &plans[0]), (&high, &plans[1])];
                let runs = runs.map(|(release, steps)| scope.spawn(|| release.publish(&registry, steps)));
                runs.map(|run| run.join().expect("no panic"))
            });
            for result in [one, other] {
                if let Err(error) = result {
                    let told = error.to_string();
                    assert!(told.contains("points at"), "who loses is told what is there: {told}");
                }
            }
            let tags = all_tags_are_whole(&registry);
            let versions = [("1.0.0", &low), ("1.1.0", &high)];
            for (version, release) in versions {
                assert!(tags.get(version).is_none_or(|found| *found == release.root.digest), "{version}: {tags:?}");
            }
            for (version, release) in versions {
                release.publish(&registry, &release.steps(&registry, version)).expect("a second run");
            }
            let tags = all_tags_are_whole(&registry);
            let right =
                [("1.0.0", &low), ("1.0", &low), ("1.1.0", &high), ("1.1", &high), ("1", &high), ("latest", &high)];
            for (tag, release) in right {
                assert_eq!(tags[tag], release.root.digest, "{tag}");
            }
        }
    }
}
