//! From a source and a destination to a plan, and from a plan to what was done.

use crate::inspect::prove_base;
use crate::model::Digest;
use crate::oci::Reference;
use crate::policy::{Report, Verdict, judge};
use crate::promote::apply::{Applied, Ends, Voices, Work, carry_out};
use crate::promote::evidence::Evidence as Known;
use crate::promote::gate::{self, GateReport, Presented, Seen, State};
use crate::promote::plan::{
    Parts, Plan, PolicyUsed, Source as PlanSource, VerdictUsed, Wish, anchor_step, keep_own_sidecars, subjects,
};
use crate::promote::record::{Moved, Origin, Purpose, anchor_tag};
use crate::promote::refusal::Refused;
use crate::registry::{ReadRepository, RemoteRepository, Target};
use crate::release::closure::{Evidence, walk};
use crate::release::copy::survey;
use crate::release::plan::{BlobAction, CopyPlan, Wanted, plan as copy_plan};
use crate::release::tags::{Action, Step};

use super::super::connection::open_source;
use super::super::copy::{mount_from, untrusted};
use super::super::progress::Bar;
use super::super::release::{Opened, inspect, name, tell_report};
use super::super::terminal::Terminal;
use super::super::{Exit, Failure, tags};
use super::{Context, refusal};

/// One promotion that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Order {
    pub source: String,
    pub destination: Reference,
    pub wish: Wish,
}

/// What preparing came to.
pub(in crate::cli) enum Outcome {
    /// A plan.
    Ready(Box<Prepared>),
    /// The image does not pass; that was told.
    NotPassed(Exit),
}

/// A promotion that is ready to be carried out.
pub(in crate::cli) struct Prepared {
    pub plan: Plan,
    pub gate: GateReport,
    opened: Opened,
    copy: CopyPlan,
    steps: Vec<Step>,
    destination: Reference,
    origin: Origin,
    /// The digest of the plan that is applied: of the file, when there is one.
    plan_digest: Digest,
}

/// Digest of a plan file, when it was made, and approvals.
pub(in crate::cli) type Told<'a> = (&'a Digest, Option<i64>, &'a [Vec<u8>]);

/// Resolves once, judges every platform, judges the gate, and plans.
pub(in crate::cli) fn prepare(
    order: &Order,
    context: &Context<'_>,
    told: Option<Told<'_>>,
) -> Result<Outcome, Failure> {
    let source = open_source(&order.source, context.reader.client()?)?;
    let closure = walk(&*source.repository, source.root.clone(), Evidence::All)?;
    if !closure.problems.is_empty() {
        // Nothing is promoted without its evidence: the way around it that copies have is none here.
        return Err(
            untrusted(&closure).with_hint("look at it with imgguard tree, and repair or remove what is wrong there")
        );
    }
    let opened = Opened { source, closure };
    let wish = wish_of(order, &opened)?;
    let report = judged(order, &opened, &wish, context)?;
    let exit = Exit::from(&report.verdict);
    if report.verdict == Verdict::Violations {
        refusal::record(order, &opened, &Refused::by_rules(&report, &opened.closure.root), context);
    }
    let Verdict::Pass(approved) = &report.verdict else { return Ok(Outcome::NotPassed(exit)) };
    if let Some(digest) = opened.closure.images().into_iter().find(|digest| !approved.digests().contains(digest)) {
        let message = format!("internal error: {digest} was never judged");
        return Err(Failure { exit: Exit::Inconclusive, message, hint: None });
    }
    let name = source_name(&opened, &order.source);
    let gate = gated(&opened, &name, context, told);
    if let Some(refused) = Refused::by_gate(&gate, subjects(&opened.closure)) {
        refusal::record(order, &opened, &refused, context);
    }
    let writing = RemoteRepository::writable(&context.writing, &order.destination);
    let digest = opened.closure.root.clone();
    let steps = steps(&wish, &digest, &writing, &order.destination)?;
    let anchored = writing.tagged(&anchor_tag(&digest))?;
    let wanted = Wanted {
        source: name.clone(),
        destination: writing.name(),
        tag: None,
        mount_from: mount_from(&*opened.source.repository, &writing),
    };
    let mut copy = copy_plan(&opened.closure, wanted, &survey(&opened.closure, &writing, None)?)?;
    let skipped = keep_own_sidecars(&mut copy);
    let policy = context.policy();
    let plan = Plan::new(Parts {
        purpose: Purpose::Promotion,
        created: context.time(),
        tool: Context::tool(),
        source: PlanSource {
            name: name.clone(),
            tag: opened.source.tag.clone(),
            digest: digest.clone(),
            media_type: opened.closure.nodes[&digest].manifest.media_type.clone(),
        },
        wish,
        policy: PolicyUsed { name: policy.name.clone(), source: policy.source.clone(), digest: policy.digest.clone() },
        verdict: VerdictUsed::of(&report),
        gate: gate.conditions.clone(),
        copy: &copy,
        skipped,
        anchored: anchored.clone(),
        steps: &steps,
    });
    let steps = std::iter::once(anchor_step(&digest, anchored)).chain(steps).collect();
    let plan_digest = told.map_or_else(|| plan.digest(), |(digest, ..)| digest.clone());
    let origin = Origin { repository: name, tag: opened.source.tag.clone() };
    let destination = order.destination.clone();
    Ok(Outcome::Ready(Box::new(Prepared { plan, gate, opened, copy, steps, destination, origin, plan_digest })))
}

/// The repository with its host; what the user wrote, without tag, for a layout.
fn source_name(opened: &Opened, text: &str) -> String {
    match opened.source.repository.place() {
        Some((host, name)) => format!("{host}/{name}"),
        None => match &opened.source.tag {
            Some(tag) => text.strip_suffix(&format!(":{tag}")).unwrap_or(text).to_owned(),
            None => text.to_owned(),
        },
    }
}

/// Without a version and without tags the image keeps the tag that it was asked for by.
fn wish_of(order: &Order, opened: &Opened) -> Result<Wish, Failure> {
    let mut wish = order.wish.clone();
    if wish.version.is_none() && wish.tags.is_empty() {
        match &opened.source.tag {
            Some(tag) => wish.tags.push(tag.clone()),
            None => {
                return Err(Failure::usage("neither the source nor the destination has a tag")
                    .with_hint("give --version, or a tag of the destination"));
            }
        }
    }
    Ok(wish)
}

/// Judges every platform as what people will pull; tells what is wrong.
fn judged(order: &Order, opened: &Opened, wish: &Wish, context: &Context<'_>) -> Result<Report, Failure> {
    let texts = [order.source.clone()];
    let mut inspection = inspect(std::slice::from_ref(opened), &texts, &context.reader)?;
    let root = opened.closure.root_to_push()?;
    let tag = match &wish.version {
        Some(version) => tags::Naming::of(wish).request(version, root.digest.clone())?.exact_tag(),
        None => wish.tags.first().cloned().unwrap_or_default(),
    };
    name(&mut inspection, &order.destination, &tag, &root);
    if let Some(lock) = context.bases() {
        inspection.images.iter_mut().for_each(|image| prove_base(image, lock));
    }
    let pinned = match opened.source.repository.place() {
        Some((host, name)) => format!("{host}/{name}@{}", root.digest),
        None => order.source.clone(),
    };
    let circumstances = context.circumstances(&pinned, &inspection)?;
    let report = judge(context.policy(), inspection, &circumstances);
    let exit = Exit::from(&report.verdict);
    if exit != Exit::Pass || context.terminal().verbose {
        tell_report(&report, exit, context.policy_file(), context.terminal())?;
    }
    if exit != Exit::Pass {
        Terminal::say("error: the image does not pass the policy: nothing was promoted");
    }
    Ok(report)
}

fn gated(opened: &Opened, name: &str, context: &Context<'_>, told: Option<Told<'_>>) -> GateReport {
    let Some(gate) = context.gate() else { return GateReport::default() };
    let evidence = Known::of(&opened.closure, &*opened.source.repository);
    let plan = told.map(|(digest, created, approvals)| Presented { digest, created, approvals });
    gate::judge(gate, &Seen { evidence: &evidence, grounds: &context.grounds(), now: context.now, source: name, plan })
}

fn steps(
    wish: &Wish,
    digest: &Digest,
    writing: &RemoteRepository,
    destination: &Reference,
) -> Result<Vec<Step>, Failure> {
    let client = writing.client();
    let Some(version) = &wish.version else {
        return tags::steps_of_tags(&wish.tags, wish.allow_retag.as_deref(), digest, (client, destination));
    };
    let naming = tags::Naming::of(wish);
    let mut known = tags::known_tags(client, destination)?;
    tags::steps_of(&naming.request(version, digest.clone())?, &naming.scheme()?, client, destination, &mut known)
}

/// Looks at the evidence that a repository holds about an image.
pub(in crate::cli) fn holds(
    context: &Context<'_>,
    repository: &dyn ReadRepository,
    digest: &Digest,
) -> Result<GateReport, Failure> {
    let Some(gate) = context.gate() else { return Ok(GateReport::default()) };
    let root = repository.manifest(&Target::Digest(digest.clone()))?;
    let closure = walk(repository, root, Evidence::All)?;
    let evidence = Known::of(&closure, repository);
    let name = repository.name();
    let grounds = context.grounds();
    let seen = Seen { evidence: &evidence, grounds: &grounds, now: context.now, source: &name, plan: None };
    Ok(gate::judge_evidence(gate, &seen))
}

/// What of a gate does not hold, in a line.
pub(in crate::cli) fn unmet(report: &GateReport) -> String {
    let unmet = report.conditions.iter().filter(|condition| condition.state != State::Met);
    unmet.map(|condition| condition.detail.clone()).collect::<Vec<_>>().join("; ")
}

impl Prepared {
    /// The image.
    pub fn digest(&self) -> &Digest {
        &self.opened.closure.root
    }

    /// Writes what is planned.
    pub fn apply(&self, context: &Context<'_>) -> Result<Applied, Failure> {
        let writing = RemoteRepository::writable(&context.writing, &self.destination);
        let fresh = RemoteRepository::new(&context.fresh, &self.destination);
        let name = writing.name();
        let event = |what: &str, more: serde_json::Value| {
            serde_json::json!({
                "time": context.time(), "event": what, "source": self.origin.repository, "destination": name,
                "digest": self.digest(), "plan": self.plan_digest, "more": more,
            })
        };
        let wanted: Vec<&str> =
            self.steps.iter().filter(|step| is_wanted(step)).map(|step| step.tag.as_str()).collect();
        context.journal.append(&event("start", serde_json::json!({ "tags": wanted })))?;
        let result = self.carry_out(context, &writing, &fresh);
        match &result {
            Ok(applied) => context.journal.append(&event(
                "done",
                serde_json::json!({ "tags": applied.tags, "statements": applied.statements, "record": applied.record }),
            ))?,
            Err(failure) => context.journal.append(&event("failed", serde_json::json!({ "why": failure.message })))?,
        }
        result
    }

    fn carry_out(
        &self,
        context: &Context<'_>,
        writing: &RemoteRepository,
        fresh: &RemoteRepository,
    ) -> Result<Applied, Failure> {
        let name = writing.name();
        let origin = &self.origin.repository;
        let inputs = self.gate.used.iter().map(|digest| (format!("{origin}@{digest}"), digest.clone())).collect();
        let mut record = context.record(Purpose::Promotion, self.origin.clone(), &name, &self.plan_digest);
        record.tags = self.moved();
        record.approved_by.clone_from(&self.gate.approvers);
        let (summary, created) = (context.summary(&name, inputs), context.time());
        let subjects = subjects(&self.opened.closure);
        let work = Work {
            closure: &self.opened.closure,
            copy: &self.copy,
            source: &*self.opened.source.repository,
            tags: &self.steps,
            subjects: &subjects,
            summary: &summary,
            record: &record,
            created: &created,
            jobs: context.jobs(),
        };
        let bytes = self.copy.blobs_with(BlobAction::Send).1 + self.copy.blobs_with(BlobAction::Mount).1;
        let bar = Bar::labelled(context.terminal().interactive, bytes, "promoting");
        let believers = context.believers();
        let voices = Voices {
            sign: &|statement| context.sign(statement),
            believe: &|bundle, subject| believers.is_own(bundle, subject),
            evidence: &|repository| match holds(context, repository, self.digest()) {
                Ok(report) if report.state() == State::Met => Ok(()),
                Ok(report) => Err(unmet(&report)),
                Err(failure) => Err(failure.message),
            },
            progress: &|bytes| bar.add(bytes),
        };
        let applied = carry_out(&work, &Ends { writing, fresh }, &voices);
        bar.end();
        let applied = applied?;
        for warning in &applied.copied.warnings {
            Terminal::say(&format!("warning: the registry says: {warning}"));
        }
        Ok(applied)
    }

    /// The tags of the record: all that the promotion is about, with where they pointed before.
    fn moved(&self) -> Vec<Moved> {
        let own = self.steps.iter().skip(1).filter(|step| step.action != Action::Refuse && step.to == *self.digest());
        // A tag that stays with a higher version is none of this promotion's.
        let own = own.filter(|step| step.action != Action::Keep || step.from.as_ref() == Some(self.digest()));
        own.map(|step| Moved {
            tag: step.tag.clone(),
            previous: step.from.clone().filter(|from| from != self.digest()),
        })
        .collect()
    }

    /// The plan and what was done, for programs.
    pub fn json(&self, applied: Option<&Applied>) -> serde_json::Value {
        serde_json::json!({
            "schema": "imgguard.promotion/v1",
            "digest": self.digest(),
            "plan-digest": self.plan_digest,
            "plan": self.plan,
            "applied": applied.map(|applied| serde_json::json!({
                "blobs": applied.copied.sent,
                "bytes": applied.copied.sent_bytes,
                "mounted": applied.copied.mounted,
                "manifests": applied.copied.manifests,
                "statements": applied.statements,
                "record": applied.record,
                "tags": applied.tags,
            })),
        })
    }
}

fn is_wanted(step: &Step) -> bool {
    matches!(step.action, Action::Create | Action::Advance)
}
