//! `imgguard rollback`: tags go back to an image that was promoted before and still passes.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;

use crate::inspect::prove_base;
use crate::model::Digest;
use crate::oci::{Reference, Selector};
use crate::policy::judge;
use crate::promote::apply::{Ends, Voices, Work, carry_out};
use crate::promote::gate::State;
use crate::promote::history::History;
use crate::promote::plan::{Parts, Plan, PolicyUsed, Source, VerdictUsed, Wish, anchor_step, subjects};
use crate::promote::record::{Moved, Origin, Purpose, anchor_tag};
use crate::promote::rollback::{RollbackError, Way, ways};
use crate::promote::tell::plan_text;
use crate::registry::{ReadRepository as _, RemoteRepository, Target};
use crate::release::closure::{Evidence, walk};
use crate::release::copy::survey;
use crate::release::plan::{CopyPlan, Wanted, plan as copy_plan};
use crate::release::tags::{Action, Step};

use super::promote::{Context, Run, WorkArguments, done_text, holds, unmet};
use super::release::tell_report;
use super::terminal::Terminal;
use super::{Exit, Failure, output, tags};

#[derive(Debug, Args)]
pub(super) struct RollbackArguments {
    /// The repository: host/name, or host/name:tag for one tag alone.
    #[arg(value_name = "DESTINATION")]
    destination: String,
    /// Go back to this image, or to the image of this record; see `imgguard history`.
    #[arg(long, value_name = "DIGEST|RECORD")]
    to: Option<Digest>,
    #[command(flatten)]
    work: WorkArguments,
}

impl From<RollbackError> for Failure {
    fn from(error: RollbackError) -> Self {
        let hint = match error {
            RollbackError::NoHistory => {
                "name the signers in the section `promote` of the policy, or sign with the same key"
            }
            RollbackError::Unknown(_) | RollbackError::NoSuchImage(_) => "see imgguard history",
            RollbackError::Version(_) => "roll back a tag that moves, such as latest",
            RollbackError::NothingBefore => "name an image with --to, and a tag with DESTINATION:TAG",
        };
        Self::usage(error.to_string()).with_hint(hint)
    }
}

/// Tags that go back to one image together.
struct Group {
    plan: Plan,
    copy: CopyPlan,
    closure: crate::release::closure::Closure,
    steps: Vec<Step>,
    inputs: Vec<(String, Digest)>,
}

pub(super) fn run(arguments: &RollbackArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let outputs = output::parse(arguments.work.outputs(), &["text", "json"])?;
    let asked = arguments.destination.parse::<Reference>()?;
    if asked.digest.is_some() {
        return Err(
            Failure::usage("a repository or a tag is wanted, not a digest").with_hint("name the image with --to")
        );
    }
    let destination = Reference { tag: None, ..asked.clone() };
    let dry = arguments.work.is_dry();
    let run = Run::new(&arguments.work, terminal, !dry)?;
    let context = run.context()?;
    let writing = RemoteRepository::writable(&context.writing, &destination);
    let fresh = RemoteRepository::new(&context.fresh, &destination);
    let believers = context.believers();
    let history = History::read(&fresh, &|bundle, subject| believers.name(bundle, subject))?.believed();
    let ways = ways(&history, asked.tag.as_deref(), arguments.to.as_ref())?;
    let (chosen, mut exit) = choose(&ways, &destination, &fresh, &context)?;
    let mut groups = Vec::new();
    for (target, moves) in chosen {
        groups.push(group(&target, &moves, &writing, &context)?);
    }
    let mut done = Vec::new();
    if !dry && exit == Exit::Pass {
        for one in &groups {
            done.push(apply(one, &writing, &fresh, &context)?);
        }
    }
    if groups.is_empty() {
        exit = exit.worst(Exit::Violations);
    }
    for one in &outputs {
        let text = if one.format == "json" {
            let all: Vec<_> = groups.iter().map(|group| &group.plan).collect();
            let written: Vec<_> = done.iter().flat_map(|applied| &applied.tags).collect();
            tags::json(&serde_json::json!({ "schema": "imgguard.rollback/v1", "plans": all, "written": written }))?
        } else {
            let told = |(at, group): (usize, &Group)| plan_text(&group.plan) + &done_text(done.get(at));
            groups.iter().enumerate().map(told).collect()
        };
        output::write(one, &text)?;
    }
    Ok(exit)
}

/// For every tag the nearest image that is still there and passes today's policy; what is passed over is told.
fn choose<'a>(
    ways: &'a [Way],
    destination: &Reference,
    fresh: &RemoteRepository,
    context: &Context<'_>,
) -> Result<(BTreeMap<Digest, Vec<&'a Way>>, Exit), Failure> {
    let mut judged: BTreeMap<Digest, Exit> = BTreeMap::new();
    let (mut chosen, mut exit): (BTreeMap<Digest, Vec<&Way>>, Exit) = (BTreeMap::new(), Exit::Pass);
    for way in ways {
        let mut found = false;
        let mut worst = Exit::Pass;
        for target in &way.targets {
            let passes = if let Some(known) = judged.get(target) {
                *known
            } else {
                let passes = passes(target, destination, fresh, context)?;
                judged.insert(target.clone(), passes);
                passes
            };
            if passes == Exit::Pass {
                chosen.entry(target.clone()).or_default().push(way);
                found = true;
                break;
            }
            worst = worst.worst(passes);
        }
        if !found {
            Terminal::say(&format!("error: nothing that tag `{}` pointed at before passes today's policy", way.tag));
            exit = exit.worst(worst.worst(Exit::Violations));
        }
    }
    Ok((chosen, exit))
}

/// Judges an image by today's policy and by the signatures that the gate asks for.
fn passes(
    target: &Digest,
    destination: &Reference,
    fresh: &RemoteRepository,
    context: &Context<'_>,
) -> Result<Exit, Failure> {
    let name = destination.repository_name();
    let text = format!("{name}@{target}");
    let mut inspection = match context.reader.inspect(&text, &Selector::All) {
        Ok(inspection) => inspection,
        Err(failure) if failure.exit == Exit::Infrastructure => return Err(failure),
        Err(failure) => {
            Terminal::say(&format!("note: {target} is passed over: {}", failure.message));
            return Ok(failure.exit);
        }
    };
    if let Some(lock) = context.bases() {
        inspection.images.iter_mut().for_each(|image| prove_base(image, lock));
    }
    let circumstances = context.circumstances(&text, &inspection)?;
    let report = judge(context.policy(), inspection, &circumstances);
    let exit = Exit::from(&report.verdict);
    if exit != Exit::Pass {
        tell_report(&report, exit, context.policy_file(), context.terminal())?;
        Terminal::say(&format!("note: {target} is passed over: it does not pass today's policy"));
        return Ok(exit);
    }
    let gate = holds(context, fresh, target)?;
    if gate.state() != State::Met {
        Terminal::say(&format!("note: {target} is passed over: {}", unmet(&gate)));
        return Ok(Exit::Violations);
    }
    Ok(Exit::Pass)
}

/// Plans the way of tags to one image.
fn group(target: &Digest, moves: &[&Way], writing: &RemoteRepository, context: &Context<'_>) -> Result<Group, Failure> {
    let name = writing.name();
    let root = writing.manifest(&Target::Digest(target.clone()))?;
    let closure = walk(writing, root, Evidence::All)?;
    let wanted = Wanted { source: name.clone(), destination: name.clone(), tag: None, mount_from: None };
    let mut copy = copy_plan(&closure, wanted, &survey(&closure, writing, None)?)?;
    // Nothing is copied: what is there is only compared.
    copy.tags.clear();
    let steps: Vec<Step> = moves
        .iter()
        .map(|way| Step {
            tag: way.tag.clone(),
            action: Action::Advance,
            from: Some(way.from.clone()),
            to: target.clone(),
            reason: "it goes back".to_owned(),
        })
        .collect();
    let text = format!("{name}@{target}");
    let inspection = context.reader.inspect(&text, &Selector::All)?;
    let circumstances = context.circumstances(&text, &inspection)?;
    let report = judge(context.policy(), inspection, &circumstances);
    let gate = holds(context, writing, target)?;
    let anchored = writing.tagged(&anchor_tag(target))?;
    let policy = context.policy();
    let plan = Plan::new(Parts {
        purpose: Purpose::Rollback,
        created: context.time(),
        tool: Context::tool(),
        source: Source {
            name: name.clone(),
            tag: None,
            digest: target.clone(),
            media_type: closure.nodes[&closure.root].manifest.media_type.clone(),
        },
        wish: Wish { tags: moves.iter().map(|way| way.tag.clone()).collect(), ..Wish::default() },
        policy: PolicyUsed { name: policy.name.clone(), source: policy.source.clone(), digest: policy.digest.clone() },
        verdict: VerdictUsed::of(&report),
        gate: gate.conditions,
        copy: &copy,
        skipped: Vec::new(),
        anchored: anchored.clone(),
        steps: &steps,
    });
    let steps = std::iter::once(anchor_step(target, anchored)).chain(steps).collect();
    let used: BTreeSet<Digest> = gate.used;
    let inputs = used.into_iter().map(|digest| (format!("{name}@{digest}"), digest)).collect();
    Ok(Group { plan, copy, closure, steps, inputs })
}

fn apply(
    group: &Group,
    writing: &RemoteRepository,
    fresh: &RemoteRepository,
    context: &Context<'_>,
) -> Result<crate::promote::apply::Applied, Failure> {
    let name = writing.name();
    let plan_digest = group.plan.digest();
    let source = Origin { repository: name.clone(), tag: None };
    let mut record = context.record(Purpose::Rollback, source, &name, &plan_digest);
    let own = group.steps.iter().skip(1);
    record.tags = own.map(|step| Moved { tag: step.tag.clone(), previous: step.from.clone() }).collect();
    let (summary, created) = (context.summary(&name, group.inputs.clone()), context.time());
    let subjects = subjects(&group.closure);
    let work = Work {
        closure: &group.closure,
        copy: &group.copy,
        source: writing,
        tags: &group.steps,
        subjects: &subjects,
        summary: &summary,
        record: &record,
        created: &created,
        jobs: context.jobs(),
    };
    let believers = context.believers();
    let voices = Voices {
        sign: &|statement| context.sign(statement),
        believe: &|bundle, subject| believers.is_own(bundle, subject),
        evidence: &|_| Ok(()),
        progress: &|_| {},
    };
    let applied = carry_out(&work, &Ends { writing, fresh }, &voices)?;
    context.journal.append(&serde_json::json!({
        "time": context.time(), "event": "rollback", "destination": name, "digest": group.closure.root,
        "plan": plan_digest, "more": { "tags": applied.tags, "record": applied.record },
    }))?;
    Ok(applied)
}
