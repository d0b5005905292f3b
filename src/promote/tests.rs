//! Promotions between registries that fail, that others write to, and that answer differently.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::apply::{Applied, ApplyError, Ends, Voices, Work, carry_out};
use super::drift::differences;
use super::evidence::Evidence as Known;
use super::gate::{self, GateReport, Presented, Seen, State};
use super::history::History;
use super::plan::{
    JudgedImage, Parts, Plan, PlanFileError, PolicyUsed, Source, VerdictUsed, Wish, anchor_step, keep_own_sidecars,
    subjects,
};
use super::plans::{PlanFile, Plans};
use super::record::{APPROVAL_TYPE, Moved, Origin, PROMOTION_TYPE, PolicyMet, Purpose, Record, anchor_tag};
use super::rollback::ways;
use crate::model::Digest;
use crate::oci::{FetchError, Reference, media_types};
use crate::policy::Gate;
use crate::registry::{
    BlobToPush, Client, Deleted, Environment, Linked, ManifestBytes, ManifestToPush, Opener, Options, PutAnswer,
    ReadRepository, Referrers, RemoteRepository, Retries, Target, Uploaded, WriteRepository,
};
use crate::release::closure::{Closure, Evidence, walk};
use crate::release::copy::{execute, survey};
use crate::release::plan::{CopyPlan, Wanted, plan as copy_plan};
use crate::release::publish::PublishError;
use crate::release::tags::{Action, Known as KnownTags, Latest, Request, Scheme, Step, plan as tag_plan};
use crate::sign::verify::{Grounds, SignerRule, bundle};
use crate::sign::{
    Bundle, BundleDraft, Curve, Envelope, ReferrerDraft, RootKind, SigningKey, SigstoreTrust, StatementDraft,
    TrustRoot, VSA_TYPE, VsaDraft,
};
use crate::source::LayoutRepository;
use crate::testkit::layout::{ImageBuilder, LayoutBuilder, Packing, layer_of};
use crate::testkit::registry::{Action as Fault, FakeRegistry, Quirks};

/// 2026-11-25T12:00:00Z.
const NOW: i64 = 1_795_608_000;

fn at(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).expect("a time").to_string()
}

fn client() -> Client {
    let retries = Retries { attempts: 1, pause: std::time::Duration::from_millis(1), ..Retries::default() };
    Client::new(Options { retries, ..Options::new(Environment::of_variables([])) }).expect("a client")
}

fn repository(registry: &FakeRegistry, name: &str) -> RemoteRepository {
    let reference: Reference = format!("{}/{name}", registry.host()).parse().expect("a reference");
    RemoteRepository::writable(&client(), &reference)
}

fn key() -> SigningKey {
    SigningKey::generate(Curve::P256).expect("a key")
}

fn signed(key: &SigningKey, statement: Vec<u8>) -> Vec<u8> {
    let envelope = Envelope::sign(statement, key).expect("signed");
    BundleDraft::new(envelope, key.public()).to_bytes().expect("a bundle")
}

fn about(key: &SigningKey, subject: &Digest, kind: &str, predicate: &str) -> Vec<u8> {
    signed(key, StatementDraft::attestation(subject.clone(), None, kind, predicate).expect("a draft").to_bytes())
}

/// An image for two platforms under a tag of `staging/app`.
fn stock(registry: &FakeRegistry, content: &str, tag: &str) -> Digest {
    let folder = tempfile::tempdir().expect("a folder");
    let image = |platform: &str| {
        let text = format!("{content} {platform}");
        ImageBuilder::new(platform).layer(layer_of(&[("etc/motd", &text)]), Packing::Gzip)
    };
    LayoutBuilder::new().image(image("linux/amd64")).image(image("linux/arm64")).build().write_to(folder.path());
    let layout = LayoutRepository::new(folder.path().to_str().expect("a path"));
    let (root, _) = layout.root(None).expect("a root");
    let closure = walk(&layout, root, Evidence::All).expect("a closure");
    let staging = repository(registry, "staging/app");
    let wanted =
        Wanted { source: layout.name(), destination: staging.name(), tag: Some(tag.to_owned()), mount_from: None };
    let plan = copy_plan(&closure, wanted, &survey(&closure, &staging, Some(tag)).expect("a survey")).expect("a plan");
    execute(&plan, &closure, &layout, &staging, 2, &|_| {}).expect("a copy");
    closure.root
}

/// Attaches a bundle to an image of a repository.
fn attach(repository: &dyn WriteRepository, subject: &Digest, kind: &str, bytes: &[u8]) -> Digest {
    let manifest = repository.manifest(&Target::Digest(subject.clone())).expect("the subject");
    let draft = ReferrerDraft {
        subject_type: &manifest.media_type,
        subject,
        subject_size: manifest.bytes.len() as u64,
        bundle: bytes,
        predicate_type: kind,
        created: "2026-11-25T00:00:00Z",
    };
    for content in [crate::sign::EMPTY_CONFIG, bytes] {
        let blob = BlobToPush { digest: Digest::of(content), size: content.len() as u64, mount_from: None };
        repository.push_blob(&blob, &mut || Ok(Box::new(std::io::Cursor::new(content)))).expect("pushed");
    }
    let bytes = draft.to_bytes().expect("a manifest");
    let digest = Digest::of(&bytes);
    let put = ManifestToPush {
        bytes,
        media_type: media_types::OCI_MANIFEST.to_owned(),
        digest: digest.clone(),
        target: Target::Digest(digest.clone()),
        tags: Vec::new(),
    };
    repository.attach(&put).expect("attached");
    digest
}

/// A promotion that is prepared as the command line does it, without inspecting.
struct Prepared {
    closure: Closure,
    copy: CopyPlan,
    steps: Vec<Step>,
    plan: Plan,
}

fn version_steps(destination: &RemoteRepository, version: &str, digest: &Digest) -> Vec<Step> {
    let mut known = KnownTags::new();
    for tag in destination.tags().unwrap_or_default() {
        let found = destination.tagged(&tag).expect("an answer");
        known.insert(tag, found);
    }
    let request = Request {
        version: version.parse().expect("a version"),
        with_v: false,
        variant: String::new(),
        digest: digest.clone(),
        retag_reason: None,
        latest: Latest::Highest,
        floats: true,
        channels: Vec::new(),
    };
    tag_plan(&request, &Scheme::default(), &known).expect("a plan")
}

fn prepare(source: &RemoteRepository, tag: &str, destination: &RemoteRepository, version: &str) -> Prepared {
    let root = source.manifest(&Target::Tag(tag.to_owned())).expect("the source");
    let closure = walk(source, root, Evidence::All).expect("a closure");
    let digest = closure.root.clone();
    let steps = version_steps(destination, version, &digest);
    let mount_from = match (source.place(), destination.place()) {
        (Some((from, name)), Some((to, _))) if from == to => Some(name.to_owned()),
        _ => None,
    };
    let wanted = Wanted { source: source.name(), destination: destination.name(), tag: None, mount_from };
    let seen = survey(&closure, destination, None).expect("a survey");
    let mut copy = copy_plan(&closure, wanted, &seen).expect("a plan");
    let skipped = keep_own_sidecars(&mut copy);
    let anchored = destination.tagged(&anchor_tag(&digest)).expect("an answer");
    let images = closure
        .images()
        .into_iter()
        .map(|digest| JudgedImage { platform: closure.nodes[&digest].platform.clone().expect("a platform"), digest });
    let plan = Plan::new(Parts {
        purpose: Purpose::Promotion,
        created: at(NOW),
        tool: "imgguard tests".to_owned(),
        source: Source {
            name: source.name(),
            tag: Some(tag.to_owned()),
            digest: digest.clone(),
            media_type: media_types::OCI_INDEX.to_owned(),
        },
        wish: Wish { version: Some(version.to_owned()), ..Wish::default() },
        policy: PolicyUsed { name: "p".to_owned(), source: "p.yaml".to_owned(), digest: Digest::of(b"policy") },
        verdict: VerdictUsed { images: images.collect(), warnings: 0, waived: 0, answers: Digest::of(b"") },
        gate: Vec::new(),
        copy: &copy,
        skipped,
        anchored: anchored.clone(),
        steps: &steps,
    });
    let steps = std::iter::once(anchor_step(&digest, anchored)).chain(steps).collect();
    Prepared { closure, copy, steps, plan }
}

fn record(prepared: &Prepared, source: &str, destination: &str, time: i64) -> Record {
    let own = prepared.steps.iter().skip(1).filter(|step| step.action != Action::Refuse);
    Record {
        purpose: Purpose::Promotion,
        source: Origin { repository: source.to_owned(), tag: None },
        destination: destination.to_owned(),
        tags: own
            .map(|step| Moved {
                tag: step.tag.clone(),
                previous: step.from.clone().filter(|from| *from != prepared.closure.root),
            })
            .collect(),
        plan: prepared.plan.digest(),
        policy: PolicyMet { uri: "p.yaml".to_owned(), digest: Digest::of(b"policy") },
        approved_by: Vec::new(),
        actor: None,
        run: None,
        reason: None,
        tool: "imgguard tests".to_owned(),
        time: at(time),
    }
}

fn summary(destination: &str, passed: bool, time: i64) -> VsaDraft {
    VsaDraft {
        verifier: "https://gate.example".to_owned(),
        version: "0".to_owned(),
        time: at(time),
        resource: destination.to_owned(),
        policy: ("p.yaml".to_owned(), Digest::of(b"policy")),
        inputs: Vec::new(),
        passed,
        levels: Vec::new(),
        reasons: Vec::new(),
    }
}

struct Bed {
    staging: FakeRegistry,
    prod: FakeRegistry,
    key: SigningKey,
    trust: SigstoreTrust,
}

impl Bed {
    fn new() -> Self {
        let root = TrustRoot::embedded(RootKind::Production).expect("a root");
        Self {
            staging: FakeRegistry::start(),
            prod: FakeRegistry::start(),
            key: key(),
            trust: SigstoreTrust::new(&root, NOW).expect("a root that can be used"),
        }
    }

    fn source(&self) -> RemoteRepository {
        repository(&self.staging, "staging/app")
    }

    fn destination(&self) -> RemoteRepository {
        repository(&self.prod, "prod/app")
    }

    fn prepare(&self, tag: &str, version: &str) -> Prepared {
        prepare(&self.source(), tag, &self.destination(), version)
    }

    fn believes(&self, bytes: &[u8], subject: &Digest) -> Option<String> {
        let grounds = Grounds { trust: &self.trust, ignore_log: false, p384_sha256: false };
        let found = Bundle::read(bytes).ok()?;
        bundle(&found, subject, SignerRule::Key(self.key.public()), &grounds).ok().map(|_| "gate".to_owned())
    }

    fn apply_to(
        &self,
        prepared: &Prepared,
        source: &dyn ReadRepository,
        writing: &dyn WriteRepository,
        fresh: &dyn WriteRepository,
    ) -> Result<Applied, ApplyError> {
        self.apply_at(prepared, source, (writing, fresh), NOW)
    }

    fn apply_at(
        &self,
        prepared: &Prepared,
        source: &dyn ReadRepository,
        (writing, fresh): (&dyn WriteRepository, &dyn WriteRepository),
        time: i64,
    ) -> Result<Applied, ApplyError> {
        let name = writing.name();
        let (summary, created) = (summary(&name, true, time), at(time));
        let record = record(prepared, &source.name(), &name, time);
        let subjects = subjects(&prepared.closure);
        let work = Work {
            closure: &prepared.closure,
            copy: &prepared.copy,
            source,
            tags: &prepared.steps,
            subjects: &subjects,
            summary: &summary,
            record: &record,
            created: &created,
            jobs: 2,
        };
        let voices = Voices {
            sign: &|statement| Ok(signed(&self.key, statement)),
            believe: &|bytes, subject| self.believes(bytes, subject),
            evidence: &|_| Ok(()),
            progress: &|_| {},
        };
        carry_out(&work, &Ends { writing, fresh }, &voices)
    }

    fn apply(&self, prepared: &Prepared) -> Result<Applied, ApplyError> {
        self.apply_to(prepared, &self.source(), &self.destination(), &self.destination())
    }

    /// Every tag that is no fallback points at a whole image.
    fn tags_are_whole(&self) -> Vec<String> {
        let repository = self.destination();
        let mut whole = Vec::new();
        for tag in self.prod.tags("prod/app").into_iter().filter(|tag| !tag.starts_with("sha256-")) {
            let root = repository.manifest(&Target::Tag(tag.clone())).expect("a manifest");
            let closure = walk(&repository, root, Evidence::None).expect("the whole image");
            for (blob, size) in closure.blobs().expect("blobs") {
                assert!(repository.has_blob(&blob, size).expect("an answer"), "{tag}: {blob} is missing");
            }
            whole.push(tag);
        }
        whole
    }

    fn history(&self) -> History {
        let history = History::read(&self.destination(), &|bytes, subject| self.believes(bytes, subject));
        history.expect("a history")
    }
}

fn writes(registry: &FakeRegistry) -> usize {
    registry.requests().iter().filter(|request| !matches!(request.method.as_str(), "GET" | "HEAD")).count()
}

#[test]
fn content_comes_first_tags_last_and_a_second_time_nothing_is_written() {
    let bed = Bed::new();
    let digest = stock(&bed.staging, "one", "1.4.2");
    let done = bed.apply(&bed.prepare("1.4.2", "1.4.2")).expect("promoted");
    assert_eq!(done.tags, [anchor_tag(&digest).as_str(), "1.4.2", "1.4", "1", "latest"]);
    assert_eq!(done.statements, [VSA_TYPE, VSA_TYPE, VSA_TYPE, PROMOTION_TYPE]);
    let puts: Vec<String> =
        bed.prod.requests().iter().filter(|one| one.method == "PUT").map(|one| one.path.clone()).collect();
    let first = puts.iter().position(|path| path.ends_with("/1.4.2")).expect("the tag");
    assert!(puts[first..].iter().all(|path| !path.contains("sha256")), "content after a tag: {puts:?}");
    assert_eq!(bed.tags_are_whole().len(), 5);
    let before = writes(&bed.prod);
    let again = bed.prepare("1.4.2", "1.4.2");
    assert!(bed.apply(&again).expect("the same again").is_nothing());
    assert_eq!(writes(&bed.prod), before, "not a single request that writes");
    let (_, index) = bed.prod.stored("prod/app", "1.4.2").expect("the index");
    assert_eq!(Digest::of(&index), digest, "the digest stays");
}

#[test]
fn stopped_at_any_request_every_tag_is_whole_and_the_next_run_completes() {
    // Every fifth request: it takes long enough.
    for at in (0..500).step_by(5) {
        let bed = Bed::new();
        stock(&bed.staging, "one", "1.0.0");
        let first = bed.prepare("1.0.0", "1.0.0");
        bed.apply(&first).expect("promoted");
        let second = stock(&bed.staging, "two", "1.1.0");
        let prepared = bed.prepare("1.1.0", "1.1.0");
        bed.prod.fault("/v2/prod/app/", at, usize::MAX, Fault::Close);
        let stopped = bed.apply(&prepared);
        if stopped.is_ok() {
            assert!(at > 30, "the promotion took only {at} requests");
            return;
        }
        // The fault ends with the server: what it holds is looked at behind its back.
        let moved = ["1.1.0", "1.1", "1", "latest"]
            .map(|tag| bed.prod.stored("prod/app", tag).is_some_and(|(_, bytes)| Digest::of(&bytes) == second));
        let order: Vec<bool> = moved.to_vec();
        assert!(order.windows(2).all(|pair| pair[0] || !pair[1]), "broader tags move later: {order:?}");
        bed.prod.heal();
        bed.tags_are_whole();
        let again = bed.prepare("1.1.0", "1.1.0");
        assert_eq!(differences(&prepared.plan, &again.plan), Vec::<String>::new(), "what was done is no drift");
        bed.apply(&again).expect("completed");
        for tag in ["1.1.0", "1.1", "1", "latest"] {
            let (_, bytes) = bed.prod.stored("prod/app", tag).expect("the tag");
            assert_eq!(Digest::of(&bytes), second, "{tag} after a stop at {at}");
        }
        let records = bed.history().believed().entries.len();
        assert_eq!(records, 2, "one record for each promotion after a stop at {at}");
    }
    panic!("the promotion never ended");
}

#[test]
fn what_changed_since_the_plan_is_told() {
    let bed = Bed::new();
    let digest = stock(&bed.staging, "one", "stable");
    let planned = bed.prepare("stable", "1.0.0").plan;
    assert_eq!(differences(&planned, &bed.prepare("stable", "1.0.0").plan), Vec::<String>::new());

    // Evidence is added after the check.
    let later = about(&key(), &digest, "https://example.org/other/v1", "{}");
    let added = attach(&bed.source(), &digest, "https://example.org/other/v1", &later);
    let told = differences(&planned, &bed.prepare("stable", "1.0.0").plan).join("\n");
    assert!(told.contains(&format!("{added} about {digest} was added after the plan was made")), "{told}");

    // Somebody moves a tag of the destination.
    let other = stock(&bed.staging, "other", "other");
    let planned = bed.prepare("stable", "1.0.0");
    bed.apply(&bed.prepare("other", "1.0.1")).expect("promoted");
    let now = bed.prepare("stable", "1.0.0");
    let told = differences(&planned.plan, &now.plan).join("\n");
    assert!(
        told.contains(&format!("tag `latest` points at {other} now, and at nothing when the plan was made")),
        "{told}"
    );
    assert!(told.contains("1.0"), "{told}");
    let error = bed.apply(&planned).expect_err("the plan is old");
    assert!(matches!(error, ApplyError::Publish(PublishError::Drift { .. })), "{error}");
    assert_eq!(bed.destination().tagged("latest").expect("an answer"), Some(other));

    // The source's tag moves.
    let planned = bed.prepare("stable", "1.1.0").plan;
    let moved = stock(&bed.staging, "moved", "stable");
    let told = differences(&planned, &bed.prepare("stable", "1.1.0").plan).join("\n");
    assert!(told.contains(&format!("the source's digest is {moved} now, and was {digest}")), "{told}");

    // The policy is another one.
    let mut now = bed.prepare("stable", "1.1.0").plan;
    let planned = now.clone();
    now.policy.digest = Digest::of(b"another");
    assert!(differences(&planned, &now).join("\n").contains("the policy's digest"));
}

#[test]
fn a_plan_that_was_edited_is_refused() {
    let bed = Bed::new();
    stock(&bed.staging, "one", "1.0.0");
    let plan = bed.prepare("1.0.0", "1.0.0").plan;
    let file = plan.to_file();
    assert_eq!(Plan::read_file(file.as_bytes()).expect("read"), (plan.clone(), plan.digest()));
    // Spaces and line ends are not the plan.
    let value: Value = serde_json::from_str(&file).expect("JSON");
    assert!(Plan::read_file(value.to_string().as_bytes()).is_ok());
    let edited = file.replace("\"1.0.0\"", "\"9.9.9\"");
    assert!(matches!(Plan::read_file(edited.as_bytes()), Err(PlanFileError::Edited { .. })));
    for wrong in [
        "{}".to_owned(),
        "[".to_owned(),
        file.replacen("\"plan\"", "\"plan\": {}, \"plan\"", 1),
        file.replace("imgguard.promotion-plan/v1", "imgguard.promotion-plan/v2"),
        file.replacen('{', "{ \"more\": 1,", 1),
    ] {
        assert!(Plan::read_file(wrong.as_bytes()).is_err(), "{wrong}");
    }
    // An editor who knows how the digest is made still meets the comparison with what is there.
    let mut forged = plan;
    forged.tags.iter_mut().filter(|item| item.tag == "latest").for_each(|item| item.tag = "stable".to_owned());
    let (forged, _) = Plan::read_file(forged.to_file().as_bytes()).expect("its digest is right");
    let told = differences(&forged, &bed.prepare("1.0.0", "1.0.0").plan).join("\n");
    assert!(told.contains("tag `latest` is not in the plan"), "{told}");
    assert!(told.contains("tag `stable` is in the plan and would not be written now"), "{told}");
}

#[test]
fn no_byte_of_a_plan_can_be_changed_unnoticed() {
    let bed = Bed::new();
    stock(&bed.staging, "one", "1.0.0");
    let plan = bed.prepare("1.0.0", "1.0.0").plan;
    let file = plan.to_file().into_bytes();
    for at in 0..file.len() {
        for other in [b'0', b' ', b'"', 0xff] {
            let mut changed = file.clone();
            changed[at] = other;
            match Plan::read_file(&changed) {
                Ok((read, digest)) => assert_eq!((&read, digest), (&plan, plan.digest()), "byte {at}"),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
        // The line end behind the last bracket is no part of the plan.
        assert_eq!(Plan::read_file(&file[..at]).is_ok(), at + 1 == file.len(), "cut after {at} bytes");
    }
}

/// Lets something happen when a tag is written: before it arrives, or after.
struct Meddled<'a> {
    inner: RemoteRepository,
    tag: &'static str,
    before: Mutex<Option<Box<dyn FnOnce() + Send + 'a>>>,
    after: Mutex<Option<Box<dyn FnOnce() + Send + 'a>>>,
}

impl ReadRepository for Meddled<'_> {
    fn name(&self) -> String {
        self.inner.name()
    }
    fn manifest(&self, target: &Target) -> Result<ManifestBytes, FetchError> {
        self.inner.manifest(target)
    }
    fn open_blob<'a>(&'a self, digest: &Digest, size: u64) -> Result<Box<dyn std::io::Read + Send + 'a>, FetchError> {
        self.inner.open_blob(digest, size)
    }
    fn referrers(&self, subject: &Digest) -> Result<Referrers, FetchError> {
        self.inner.referrers(subject)
    }
    fn tags(&self) -> Result<Vec<String>, FetchError> {
        self.inner.tags()
    }
}

impl WriteRepository for Meddled<'_> {
    fn has_blob(&self, digest: &Digest, size: u64) -> Result<bool, FetchError> {
        self.inner.has_blob(digest, size)
    }
    fn push_blob(&self, blob: &BlobToPush, open: &mut Opener<'_>) -> Result<Uploaded, FetchError> {
        self.inner.push_blob(blob, open)
    }
    fn put_manifest(&self, put: &ManifestToPush) -> Result<PutAnswer, FetchError> {
        self.inner.put_manifest(put)
    }
    fn put_manifest_over(&self, put: &ManifestToPush, seen: Option<&Digest>) -> Result<PutAnswer, FetchError> {
        let is_it = put.target == Target::Tag(self.tag.to_owned());
        let take = |what: &Mutex<Option<Box<dyn FnOnce() + Send + '_>>>| {
            if is_it && let Some(act) = what.lock().expect("a lock").take() {
                act();
            }
        };
        take(&self.before);
        let answer = self.inner.put_manifest_over(put, seen);
        take(&self.after);
        answer
    }
    fn attach(&self, put: &ManifestToPush) -> Result<(Linked, PutAnswer), FetchError> {
        self.inner.attach(put)
    }
    fn delete(&self, target: &Target) -> Result<Deleted, FetchError> {
        self.inner.delete(target)
    }
    fn detach(&self, subject: &Digest, referrer: &Digest) -> Result<(), FetchError> {
        self.inner.detach(subject, referrer)
    }
}

#[test]
fn somebody_else_who_moves_the_tag_at_the_same_moment_is_noticed() {
    let bed = Bed::new();
    stock(&bed.staging, "one", "1.0.0");
    stock(&bed.staging, "two", "1.1.0");
    bed.apply(&bed.prepare("1.0.0", "1.0.0")).expect("promoted");
    let prepared = bed.prepare("1.1.0", "1.1.0");

    // Between the look at the tag and the write of it: another promotion, which leaves its anchor.
    let other = stock(&bed.staging, "three", "1.2.0");
    let act = || drop(bed.apply(&bed.prepare("1.2.0", "1.2.0")).expect("the other one"));
    let meddled = Meddled {
        inner: bed.destination(),
        tag: "latest",
        before: Mutex::new(Some(Box::new(act))),
        after: Mutex::default(),
    };
    let error = bed.apply_to(&prepared, &bed.source(), &meddled, &bed.destination()).expect_err("not alone");
    assert!(matches!(&error, ApplyError::Concurrent(tag) if *tag == anchor_tag(&other)), "{error}");

    // After the write: what is read back is another image.
    stock(&bed.staging, "four", "1.3.0");
    let prepared = bed.prepare("1.3.0", "1.3.0");
    let foreign = repository(&bed.prod, "prod/app");
    let act = || {
        let manifest = foreign.manifest(&Target::Tag("1.0.0".to_owned())).expect("an image");
        let put = ManifestToPush {
            target: Target::Tag("latest".to_owned()),
            bytes: manifest.bytes,
            media_type: manifest.media_type,
            digest: manifest.digest,
            tags: Vec::new(),
        };
        foreign.put_manifest(&put).expect("moved");
    };
    let meddled = Meddled {
        inner: bed.destination(),
        tag: "latest",
        before: Mutex::default(),
        after: Mutex::new(Some(Box::new(act))),
    };
    let error = bed.apply_to(&prepared, &bed.source(), &meddled, &bed.destination()).expect_err("moved back");
    assert!(error.to_string().contains("was written and points at"), "{error}");
    let before = prepared.steps.iter().find(|step| step.tag == "latest").and_then(|step| step.from.clone());
    assert!(error.to_string().contains(&format!("before it pointed at {}", before.expect("a digest"))), "{error}");
    // Nothing is put back, and nothing of this promotion is taken away.
    let now = bed.destination().tagged("latest").expect("an answer");
    assert_eq!(now, bed.destination().tagged("1.0.0").expect("an answer"), "it stays where the other one put it");
}

/// Puts the image of one tag under another one, as somebody with another program does: without an anchor.
fn retag(repository: &RemoteRepository, from: &str, to: &str) {
    let manifest = repository.manifest(&Target::Tag(from.to_owned())).expect("an image");
    repository.put_manifest(&ManifestToPush::from(&manifest).named(Target::Tag(to.to_owned()))).expect("moved");
}

#[test]
fn a_tag_that_moves_between_look_and_write_stays_where_the_registry_obeys_conditions() {
    for (conditions, tag) in [(true, "latest"), (false, "latest"), (true, "1.1.0"), (false, "1.1.0")] {
        let bed = Bed::new();
        stock(&bed.staging, "one", "1.0.0");
        let second = stock(&bed.staging, "two", "1.1.0");
        let first = bed.prepare("1.0.0", "1.0.0").closure.root;
        bed.apply(&bed.prepare("1.0.0", "1.0.0")).expect("promoted");
        bed.prod.behave(Quirks { conditions, ..Quirks::default() });
        let prepared = bed.prepare("1.1.0", "1.1.0");
        // A tag that exists is moved to another image; one that does not exist yet is made.
        let foreign = repository(&bed.prod, "prod/app");
        let other = key_image(&foreign, "foreign");
        let act = || retag(&foreign, "foreign", tag);
        let meddled =
            Meddled { inner: bed.destination(), tag, before: Mutex::new(Some(Box::new(act))), after: Mutex::default() };
        let result = bed.apply_to(&prepared, &bed.source(), &meddled, &bed.destination());
        let now = bed.destination().tagged(tag).expect("an answer").expect("the tag");
        if conditions {
            let error = result.expect_err("the tag has moved");
            let told = matches!(&error, ApplyError::Publish(PublishError::Drift { tag: moved, found, .. })
                if moved == tag && *found == other.to_string());
            assert!(told, "{error}");
            assert_eq!(now, other, "what the other one wrote stays");
            assert_ne!(bed.destination().tagged("latest").expect("an answer"), Some(second.clone()));
        } else {
            // The limit: who writes there in between, without an anchor, loses. It is written down in docs/promote.md.
            result.expect("nothing can be noticed");
            assert_eq!(now, second);
        }
        assert_ne!(first, second);
    }
}

/// An image that is in no promotion, under a tag.
fn key_image(repository: &RemoteRepository, tag: &str) -> Digest {
    let empty = BlobToPush { digest: Digest::of(b"{}"), size: 2, mount_from: None };
    repository.push_blob(&empty, &mut || Ok(Box::new(std::io::Cursor::new(b"{}")))).expect("pushed");
    let text = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{}\",\"layers\":[],\"config\":{{\"mediaType\":\"{}\",\"digest\":\"{}\",\"size\":2}}}}",
        media_types::OCI_MANIFEST,
        media_types::OCI_CONFIG,
        empty.digest
    );
    let put = ManifestToPush::new(text.into_bytes(), media_types::OCI_MANIFEST).named(Target::Tag(tag.to_owned()));
    repository.put_manifest(&put).expect("written");
    put.digest
}

#[test]
fn a_registry_that_refuses_conditions_that_hold_is_asked_without_them() {
    // Its entity tags are not digests: every `If-Match` is refused there, whatever the tag points at.
    let bed = Bed::new();
    stock(&bed.staging, "one", "1.0.0");
    let second = stock(&bed.staging, "two", "1.1.0");
    bed.apply(&bed.prepare("1.0.0", "1.0.0")).expect("promoted");
    let odd = Stubborn(bed.destination());
    bed.apply_to(&bed.prepare("1.1.0", "1.1.0"), &bed.source(), &odd, &bed.destination()).expect("promoted");
    assert_eq!(bed.destination().tagged("latest").expect("an answer"), Some(second));
}

/// Refuses every condition.
struct Stubborn(RemoteRepository);

impl ReadRepository for Stubborn {
    fn name(&self) -> String {
        self.0.name()
    }
    fn manifest(&self, target: &Target) -> Result<ManifestBytes, FetchError> {
        self.0.manifest(target)
    }
    fn open_blob<'a>(&'a self, digest: &Digest, size: u64) -> Result<Box<dyn std::io::Read + Send + 'a>, FetchError> {
        self.0.open_blob(digest, size)
    }
    fn referrers(&self, subject: &Digest) -> Result<Referrers, FetchError> {
        self.0.referrers(subject)
    }
    fn tags(&self) -> Result<Vec<String>, FetchError> {
        self.0.tags()
    }
}

impl WriteRepository for Stubborn {
    fn has_blob(&self, digest: &Digest, size: u64) -> Result<bool, FetchError> {
        self.0.has_blob(digest, size)
    }
    fn push_blob(&self, blob: &BlobToPush, open: &mut Opener<'_>) -> Result<Uploaded, FetchError> {
        self.0.push_blob(blob, open)
    }
    fn put_manifest(&self, put: &ManifestToPush) -> Result<PutAnswer, FetchError> {
        self.0.put_manifest(put)
    }
    fn put_manifest_over(&self, put: &ManifestToPush, _: Option<&Digest>) -> Result<PutAnswer, FetchError> {
        Err(FetchError::Refused { what: put.target.to_string(), why: "it answered 412".to_owned() })
    }
    fn attach(&self, put: &ManifestToPush) -> Result<(Linked, PutAnswer), FetchError> {
        self.0.attach(put)
    }
    fn delete(&self, target: &Target) -> Result<Deleted, FetchError> {
        self.0.delete(target)
    }
    fn detach(&self, subject: &Digest, referrer: &Digest) -> Result<(), FetchError> {
        self.0.detach(subject, referrer)
    }
}

#[test]
fn a_refusal_is_on_record_at_the_source_and_a_later_pass_overtakes_it() {
    let bed = Bed::new();
    let digest = stock(&bed.staging, "one", "1.0.0");
    let prepared = bed.prepare("1.0.0", "1.0.0");
    let subjects = subjects(&prepared.closure);
    let name = bed.destination().name();
    let refuse = |time: i64| {
        let reasons = vec!["user.root (linux/amd64)".to_owned()];
        let failed = VsaDraft { reasons, ..summary(&name, false, time) };
        let (writing, fresh) = (bed.source(), bed.source());
        let voices: (&super::apply::Sign<'_>, &super::history::Believe<'_>) =
            (&|statement| Ok(signed(&bed.key, statement)), &|bytes, subject| bed.believes(bytes, subject));
        let ends = Ends { writing: &writing, fresh: &fresh };
        super::refusal::leave(&subjects, &failed, &prepared.closure, &ends, voices).expect("on record").len()
    };
    assert_eq!(refuse(NOW), 3, "the index and both images");
    assert_eq!(refuse(NOW + 60), 0, "it says so already");
    assert_eq!(writes(&bed.prod), 0, "the destination hears nothing of it");
    let told = super::history::statements(&bed.source(), &digest).expect("statements");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].predicate["verificationResult"], "FAILED");
    assert_eq!(told[0].predicate["resourceUri"], name.as_str());

    // The refusal goes along when the image passes after all, and does not keep the summary of the promotion away.
    let source = bed.source();
    let pass = |time: i64| {
        let (writing, fresh) = (bed.destination(), bed.destination());
        bed.apply_at(&bed.prepare("1.0.0", "1.0.0"), &source, (&writing, &fresh), time).expect("promoted")
    };
    assert_eq!(pass(NOW + 120).statements.iter().filter(|kind| *kind == VSA_TYPE).count(), 3);
    assert!(pass(NOW + 180).is_nothing(), "the last word is a pass");
    // Refused again, later: who goes by the last word must hear of the next pass.
    assert_eq!(refuse(NOW + 240), 0, "at the source nothing has passed since");
    let failed = summary(&name, false, NOW + 240).to_predicate().expect("a predicate");
    attach(&bed.destination(), &digest, VSA_TYPE, &about(&bed.key, &digest, VSA_TYPE, &failed));
    assert_eq!(pass(NOW + 300).statements, [VSA_TYPE]);
    // Somebody else's word is none of the verifier's.
    attach(
        &bed.destination(),
        &digest,
        VSA_TYPE,
        &about(&key(), &digest, VSA_TYPE, &failed.replace("FAILED", "failed")),
    );
    assert!(pass(NOW + 360).is_nothing());
}

#[test]
fn a_gate_refuses_an_image_for_what_it_is_and_not_for_the_hour() {
    let condition = |name: &str, state: State| gate::Condition { name: name.to_owned(), state, detail: "x".to_owned() };
    let refused = |conditions: Vec<gate::Condition>| {
        let report = GateReport { conditions, ..GateReport::default() };
        super::refusal::Refused::by_gate(&report, vec![Digest::of(b"a")]).map(|refused| refused.reasons)
    };
    for name in ["freeze", "soak", "approvals", "verdict"] {
        assert_eq!(refused(vec![condition(name, State::Refused)]), None, "{name}");
    }
    for state in [State::Met, State::Pending, State::Unknown, State::Unreachable] {
        assert_eq!(refused(vec![condition("require", state)]), None, "what was not seen is no refusal");
    }
    let both = vec![condition("stage", State::Refused), condition("freeze", State::Refused)];
    assert_eq!(refused(both), Some(vec!["gate stage: x".to_owned()]));
}

#[test]
fn plans_of_many_are_one_document() {
    let bed = Bed::new();
    stock(&bed.staging, "one", "1.0.0");
    stock(&bed.staging, "two", "2.0.0");
    let (one, two) = (bed.prepare("1.0.0", "1.0.0").plan, bed.prepare("2.0.0", "2.0.0").plan);
    let mut older = two.clone();
    older.created = at(NOW - 7_200);
    older.tags.retain(|item| !matches!(item.tag.as_str(), "latest"));
    let plans = Plans::new(vec![one.clone(), older.clone()]);
    let file = plans.to_file();
    let (read, digest) = PlanFile::read(file.as_bytes()).expect("read");
    assert_eq!((read.plans().len(), &digest), (2, &plans.digest()));
    assert_eq!(read.second(), Some(NOW - 7_200), "the oldest verdict counts");
    assert_ne!(plans.digest(), Plans::new(vec![older.clone(), one.clone()]).digest());
    assert!(matches!(PlanFile::read(one.to_file().as_bytes()), Ok((PlanFile::One(_), _))));
    let edited = file.replace("\"2.0.0\"", "\"9.9.9\"");
    assert!(matches!(PlanFile::read(edited.as_bytes()), Err(PlanFileError::Edited { .. })));
    // A file whose digest is right, and whose result would depend on the order.
    let refused = |plans: Vec<Plan>| PlanFile::read(Plans::new(plans).to_file().as_bytes()).expect_err("refused");
    let twice = refused(vec![one.clone(), two]).to_string();
    assert!(twice.contains(":latest` is given twice"), "{twice}");
    let mut back = older;
    back.source.name.clone_from(&one.destination);
    let back = refused(vec![one.clone(), back]).to_string();
    assert!(back.contains("a source and a destination"), "{back}");
    assert!(refused(Vec::new()).to_string().contains("0 plans"));
    let mut foreign = one;
    foreign.schema = "imgguard.rollback/v1".to_owned();
    assert!(matches!(refused(vec![foreign]), PlanFileError::Schema(_)));
    for wrong in ["{}", "[", "{\"plans\":{}}", "{\"plans\":[],\"digest\":\"sha256:00\"}"] {
        assert!(PlanFile::read(wrong.as_bytes()).is_err(), "{wrong}");
    }
    let text = super::tell::plans_text(&plans);
    assert!(text.contains(&format!("all 2 plans {}", plans.digest())), "{text}");
}

#[test]
fn a_registry_that_answers_differently_per_client_gets_no_tag() {
    let bed = Bed::new();
    let digest = stock(&bed.staging, "one", "1.0.0");
    let prepared = bed.prepare("1.0.0", "1.0.0");
    let seen = AtomicUsize::new(0);
    let lying = Lying { inner: bed.destination(), digest: digest.clone(), asked: &seen };
    let error = bed.apply_to(&prepared, &bed.source(), &bed.destination(), &lying).expect_err("other bytes");
    assert!(error.to_string().contains("has other bytes"), "{error}");
    assert!(seen.load(Ordering::Relaxed) > 0);
    assert!(bed.prod.tags("prod/app").iter().all(|tag| tag.starts_with("sha256-")), "{:?}", bed.prod.tags("prod/app"));
}

/// Gives one client other bytes of a manifest.
struct Lying<'a> {
    inner: RemoteRepository,
    digest: Digest,
    asked: &'a AtomicUsize,
}

impl ReadRepository for Lying<'_> {
    fn name(&self) -> String {
        self.inner.name()
    }
    fn manifest(&self, target: &Target) -> Result<ManifestBytes, FetchError> {
        let mut found = self.inner.manifest(target)?;
        if found.digest == self.digest {
            self.asked.fetch_add(1, Ordering::Relaxed);
            found.bytes.push(b' ');
        }
        Ok(found)
    }
    fn open_blob<'a>(&'a self, digest: &Digest, size: u64) -> Result<Box<dyn std::io::Read + Send + 'a>, FetchError> {
        self.inner.open_blob(digest, size)
    }
    fn referrers(&self, subject: &Digest) -> Result<Referrers, FetchError> {
        self.inner.referrers(subject)
    }
    fn tags(&self) -> Result<Vec<String>, FetchError> {
        self.inner.tags()
    }
}

impl WriteRepository for Lying<'_> {
    fn has_blob(&self, digest: &Digest, size: u64) -> Result<bool, FetchError> {
        self.inner.has_blob(digest, size)
    }
    fn push_blob(&self, blob: &BlobToPush, open: &mut Opener<'_>) -> Result<Uploaded, FetchError> {
        self.inner.push_blob(blob, open)
    }
    fn put_manifest(&self, put: &ManifestToPush) -> Result<PutAnswer, FetchError> {
        self.inner.put_manifest(put)
    }
    fn attach(&self, put: &ManifestToPush) -> Result<(Linked, PutAnswer), FetchError> {
        self.inner.attach(put)
    }
    fn delete(&self, target: &Target) -> Result<Deleted, FetchError> {
        self.inner.delete(target)
    }
    fn detach(&self, subject: &Digest, referrer: &Digest) -> Result<(), FetchError> {
        self.inner.detach(subject, referrer)
    }
}

#[test]
fn destinations_differ_in_what_they_can_do() {
    // With and without the referrers API; mounts given and refused, all on one registry.
    for (referrers_api, mounts) in [(true, true), (false, true), (true, false), (false, false)] {
        let bed = Bed::new();
        stock(&bed.staging, "one", "1.0.0");
        bed.staging.behave(Quirks { mounts, referrers_api, ..Quirks::default() });
        let here = repository(&bed.staging, "prod/app");
        let prepared = prepare(&bed.source(), "1.0.0", &here, "1.0.0");
        let done =
            bed.apply_to(&prepared, &bed.source(), &here, &repository(&bed.staging, "prod/app")).expect("promoted");
        assert_eq!(done.copied.mounted > 0, mounts, "{referrers_api} {mounts}");
        assert_eq!(done.copied.sent == 0, mounts, "{referrers_api} {mounts}");
        assert_eq!(bed.staging.tags("prod/app").iter().any(|tag| tag.starts_with("sha256-")), !referrers_api);
        assert!(
            bed.apply_to(&prepare(&bed.source(), "1.0.0", &here, "1.0.0"), &bed.source(), &here, &here)
                .expect("again")
                .is_nothing()
        );
    }
    // Where tags never move, the first promotion of each tag succeeds and the next one says which tag stays.
    let bed = Bed::new();
    stock(&bed.staging, "one", "1.0.0");
    stock(&bed.staging, "two", "1.0.1");
    bed.prod.behave(Quirks { immutable_tags: true, referrers_api: true, ..Quirks::default() });
    bed.apply(&bed.prepare("1.0.0", "1.0.0")).expect("promoted");
    let error = bed.apply(&bed.prepare("1.0.1", "1.0.1")).expect_err("1.0 stays");
    assert!(matches!(&error, ApplyError::Publish(PublishError::TagRefused { tag, .. }) if tag == "1.0"), "{error}");
    bed.tags_are_whole();
}

#[test]
fn the_destinations_own_signatures_beside_an_image_stay() {
    let bed = Bed::new();
    let digest = stock(&bed.staging, "one", "1.0.0");
    let tag = format!("{}.sig", crate::registry::fallback_tag(&digest));
    let beside = |text: &str| {
        format!(
            "{{\"schemaVersion\":2,\"mediaType\":\"{}\",\"layers\":[],\"config\":{{\"mediaType\":\"{}\",\"digest\":\"{}\",\"size\":2}},\"annotations\":{{\"of\":\"{text}\"}}}}",
            media_types::OCI_MANIFEST,
            media_types::OCI_CONFIG,
            Digest::of(b"{}")
        )
    };
    bed.staging.put_blob("staging/app", b"{}".to_vec());
    bed.prod.put_blob("prod/app", b"{}".to_vec());
    bed.staging.put_manifest("staging/app", Some(&tag), media_types::OCI_MANIFEST, beside("staging"));
    let own = bed.prod.put_manifest("prod/app", Some(&tag), media_types::OCI_MANIFEST, beside("prod"));
    let prepared = bed.prepare("1.0.0", "1.0.0");
    assert_eq!(prepared.plan.skipped.len(), 1);
    bed.apply(&prepared).expect("promoted");
    assert_eq!(bed.destination().tagged(&tag).expect("an answer"), Some(own));
}

#[test]
fn history_comes_from_the_registry_and_tells_the_way_back() {
    let bed = Bed::new();
    let mut digests = Vec::new();
    for (hour, version) in [(1, "1.0.0"), (2, "1.0.1"), (3, "1.1.0")] {
        digests.push(stock(&bed.staging, version, version));
        let prepared = bed.prepare(version, version);
        let (writing, fresh) = (bed.destination(), bed.destination());
        bed.apply_at(&prepared, &bed.source(), (&writing, &fresh), NOW + hour * 3_600).expect("promoted");
    }
    // A record that somebody else has signed counts for nothing.
    let forged = record(&bed.prepare("1.0.0", "9.0.0"), "evil", &bed.destination().name(), NOW + 9 * 3_600);
    let forged = about(&key(), &digests[0], PROMOTION_TYPE, &forged.to_predicate());
    attach(&bed.destination(), &digests[0], PROMOTION_TYPE, &forged);
    assert_eq!(bed.history().entries.len(), 4);
    let history = bed.history().believed();
    let told: Vec<&Digest> = history.entries.iter().map(|entry| &entry.digest).collect();
    assert_eq!(told, [&digests[2], &digests[1], &digests[0]]);
    assert_eq!(history.live(&history.entries[0]).collect::<Vec<_>>(), ["1.1.0", "1.1", "1", "latest"]);
    let back = ways(&history, Some("latest"), None).expect("a way");
    assert_eq!(back[0].targets, [digests[1].clone(), digests[0].clone()]);
    let text = super::tell::history_text("prod/app", &history);
    assert!(text.contains("live: 1.1.0, 1.1, 1, latest"), "{text}");
}

/// A gate whose signers are given by name.
fn gate(text: &str, signers: &[(&str, &SigningKey)]) -> Gate {
    let folder: std::collections::BTreeMap<String, String> =
        signers.iter().map(|(name, key)| ((*name).to_owned(), key.public().to_pem())).collect();
    let list: Vec<String> = signers.iter().map(|(name, _)| format!("    {name}: {{ key: {name}.pub }}\n")).collect();
    let list = list.concat();
    let text = format!("version: 1\npromote:\n  signers:\n{list}{text}rules: {{ user: {{ root: deny }} }}\n");
    let policy = crate::policy::parse(&text, "policy.yaml", &mut |_| Err("no such file".to_owned()));
    let mut gate = policy.unwrap_or_else(|errors| panic!("{errors}\n{text}")).promote.expect("a gate");
    for (name, signer) in &mut gate.trust.signers {
        let pem = &folder[name];
        signer.who =
            crate::sign::trust_policy::Who::Key(crate::sign::PublicKey::from_pem(pem.as_bytes()).expect("a key"));
    }
    gate
}

fn judged(bed: &Bed, gate: &Gate, now: i64, plan: Option<Presented<'_>>) -> GateReport {
    let source = bed.source();
    let root = source.manifest(&Target::Tag("1.0.0".to_owned())).expect("the source");
    let closure = walk(&source, root, Evidence::All).expect("a closure");
    let evidence = Known::of(&closure, &source);
    let grounds = Grounds { trust: &bed.trust, ignore_log: false, p384_sha256: false };
    gate::judge(gate, &Seen { evidence: &evidence, grounds: &grounds, now, source: &source.name(), plan })
}

fn detail(report: &GateReport) -> String {
    let lines = report.conditions.iter().map(|one| format!("{} {}: {}\n", one.name, one.state.word(), one.detail));
    lines.collect::<Vec<_>>().concat()
}

#[test]
fn required_signatures_may_cover_the_index_or_every_image() {
    let bed = Bed::new();
    let digest = stock(&bed.staging, "one", "1.0.0");
    let ci = key();
    let gate = gate("  require: [{ type: sign, any: [ci] }]\n", &[("ci", &ci)]);
    let report = judged(&bed, &gate, NOW, None);
    assert_eq!(report.state(), State::Refused, "{}", detail(&report));
    let source = bed.source();
    let root = source.manifest(&Target::Digest(digest.clone())).expect("an index");
    let closure = walk(&source, root, Evidence::None).expect("a closure");
    let images: Vec<Digest> = subjects(&closure).into_iter().filter(|subject| *subject != digest).collect();
    let sign = |signer: &SigningKey, subject: &Digest| {
        let draft = StatementDraft::signature(subject.clone(), None, std::collections::BTreeMap::new());
        attach(&bed.source(), subject, crate::sign::SIGNATURE_TYPE, &signed(signer, draft.to_bytes()));
    };
    sign(&key(), &digest);
    assert_eq!(judged(&bed, &gate, NOW, None).state(), State::Refused, "another key");
    sign(&ci, &images[0]);
    let report = judged(&bed, &gate, NOW, None);
    assert_eq!(report.state(), State::Refused, "one of two images: {}", detail(&report));
    sign(&ci, &images[1]);
    let report = judged(&bed, &gate, NOW, None);
    assert_eq!((report.state(), report.used.len()), (State::Met, 2), "{}", detail(&report));
    sign(&ci, &digest);
    assert_eq!(judged(&bed, &gate, NOW, None).used.len(), 1, "the index covers what it lists");
}

#[test]
fn a_stage_must_have_passed_long_enough_and_not_failed_since() {
    let bed = Bed::new();
    let digest = stock(&bed.staging, "one", "1.0.0");
    let stage = key();
    let gate = gate("  stage: { by: [stage], soak: 12h }\n", &[("stage", &stage)]);
    let source = bed.source();
    let told = |now: i64| judged(&bed, &gate, now, None);
    assert!(detail(&told(NOW)).contains("there is no record and no summary"), "{}", detail(&told(NOW)));
    let vsa = |signer: &SigningKey, resource: &str, passed: bool, time: i64| {
        let predicate = summary(resource, passed, time).to_predicate().expect("a predicate");
        attach(&bed.source(), &digest, VSA_TYPE, &about(signer, &digest, VSA_TYPE, &predicate));
    };
    // Not about this repository, and not by this signer.
    vsa(&stage, "other.example/app", true, NOW - 90_000);
    vsa(&key(), &source.name(), true, NOW - 90_000);
    assert_eq!(told(NOW).state(), State::Refused);
    vsa(&stage, &source.name(), true, NOW - 3_600);
    let report = told(NOW);
    assert!(detail(&report).contains("soak refused: it has stood"), "{}", detail(&report));
    assert!(detail(&report).contains(&format!("ready at {}", at(NOW - 3_600 + 43_200))), "{}", detail(&report));
    assert_eq!(told(NOW + 43_200).state(), State::Met);
    // The stage failed afterwards, and passed again: time starts anew.
    vsa(&stage, &source.name(), false, NOW + 50_000);
    let report = told(NOW + 60_000);
    assert!(detail(&report).contains("says FAILED"), "{}", detail(&report));
    vsa(&stage, &source.name(), true, NOW + 70_000);
    assert!(detail(&told(NOW + 80_000)).contains("soak refused"));
    assert_eq!(told(NOW + 70_000 + 43_200).state(), State::Met);
}

#[test]
fn approvals_count_for_their_plan_and_once_per_signer() {
    let bed = Bed::new();
    stock(&bed.staging, "one", "1.0.0");
    let (alice, bob, eve) = (key(), key(), key());
    let text = "  verdict: { max-age: 24h }\n  approvals: { at-least: 2, of: [alice, bob, alias] }\n";
    let gate = gate(text, &[("alice", &alice), ("bob", &bob), ("alias", &alice)]);
    let plan = bed.prepare("1.0.0", "1.0.0").plan;
    let digest = plan.digest();
    let approve = |signer: &SigningKey, plan: &Digest| about(signer, plan, APPROVAL_TYPE, "{}");
    let judged = |approvals: &[Vec<u8>], now: i64| {
        let plan = Presented { digest: &digest, created: plan.second(), approvals };
        judged(&bed, &gate, now, Some(plan))
    };
    assert_eq!(super::tests::judged(&bed, &gate, NOW, None).state(), State::Pending);
    assert_eq!(judged(&[], NOW).state(), State::Refused);
    let both = [approve(&alice, &digest), approve(&bob, &digest)];
    let report = judged(&both, NOW);
    assert_eq!(report.state(), State::Met, "{}", detail(&report));
    assert_eq!(report.approvers.len(), 2);
    let twice = judged(&[approve(&alice, &digest), approve(&alice, &digest)], NOW);
    assert!(detail(&twice).contains("1 given"), "two names for one key are one signer: {}", detail(&twice));
    let other = judged(&[approve(&alice, &digest), approve(&bob, &Digest::of(b"another plan"))], NOW);
    assert!(detail(&other).contains("an approval of another plan"), "{}", detail(&other));
    assert_eq!(judged(&[approve(&alice, &digest), approve(&eve, &digest)], NOW).state(), State::Refused);
    let signature = StatementDraft::signature(digest.clone(), None, std::collections::BTreeMap::new()).to_bytes();
    let no_approval = judged(&[approve(&alice, &digest), signed(&bob, signature)], NOW);
    assert!(detail(&no_approval).contains("no approval"), "{}", detail(&no_approval));
    assert_eq!(judged(&[b"junk".to_vec(), both[0].clone(), both[1].clone()], NOW).state(), State::Met);
    let late = judged(&both, NOW + 2 * 86_400);
    assert!(detail(&late).contains("verdict refused: the plan is 2 days old"), "{}", detail(&late));
    assert!(detail(&judged(&both, NOW - 3_600)).contains("future"));
}

#[test]
fn nothing_is_promoted_in_a_window() {
    let bed = Bed::new();
    stock(&bed.staging, "one", "1.0.0");
    let text = "  freeze: [{ name: night, from: \"22:00\", until: \"06:00\", zone: Europe/Berlin }]\n";
    let gate = gate(text, &[("ci", &key())]);
    assert_eq!(judged(&bed, &gate, NOW, None).state(), State::Met);
    // 22:30 and 05:30 in Berlin.
    for (time, end) in
        [("2026-11-25T21:30:00Z", "2026-11-26T05:00:00Z"), ("2026-11-26T04:30:00Z", "2026-11-26T05:00:00Z")]
    {
        let now = time.parse::<jiff::Timestamp>().expect("a time").as_second();
        let report = judged(&bed, &gate, now, None);
        assert_eq!(report.state(), State::Refused);
        assert!(detail(&report).contains(&format!("`night`, which ends at {end}")), "{}", detail(&report));
    }
}

#[test]
fn plans_read_as_a_table_and_as_markdown_that_nobody_can_write_into() {
    let bed = Bed::new();
    stock(&bed.staging, "one", "1.0.0");
    let mut plan = bed.prepare("1.0.0", "1.0.0").plan;
    let text = super::tell::plan_text(&plan);
    assert!(text.contains("create") && text.contains("latest") && text.contains(&plan.digest().to_string()), "{text}");
    plan.policy.source = "x | [click](https://evil.example)\n# no\x1b[31m".to_owned();
    let markdown = super::tell::plan_markdown(&plan);
    assert!(!markdown.contains("[click](") && !markdown.contains('\x1b') && !markdown.contains("\n# no"), "{markdown}");
}
