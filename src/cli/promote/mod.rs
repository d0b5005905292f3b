//! `imgguard promote`: an image that passes goes to the next repository.

mod context;
mod journal;
mod many;
mod prepare;
mod refusal;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::oci::Reference;
use crate::promote::apply::{Applied, ApplyError};
use crate::promote::drift::differences;
use crate::promote::gate::State;
use crate::promote::plan::{Plan, Wish};
use crate::promote::plans::PlanFile;
use crate::promote::tell;

use super::sign::gate::{SignerArguments, read};
use super::terminal::Terminal;
use super::{Exit, Failure, SourceArguments, output, tags};

pub(super) use context::{Context, Run};
pub(super) use journal::Journal;
pub(super) use prepare::{Order, Outcome, Prepared, Told, holds, prepare, unmet};
pub(super) use refusal::Refusals;

const FORMATS: &[&str] = &["text", "json", "markdown"];

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct PromoteArguments {
    #[command(subcommand)]
    command: Option<PromoteCommand>,
    /// The image: a registry reference, oci:DIR[:TAG] or oci-archive:FILE[:TAG].
    #[arg(value_name = "SOURCE", required_unless_present_any = ["apply", "many"])]
    from: Option<String>,
    /// Where it goes: host/name, with a tag unless --version is given. Without both it keeps the source's tag.
    #[arg(value_name = "DESTINATION", required_unless_present_any = ["apply", "many"])]
    to: Option<String>,
    /// Promote everything that this file lists: for each repository which digest has which tags.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "to", "version"])]
    many: Option<PathBuf>,
    /// The version, such as 1.4.2: writes its tag and those that float, by the rules of `release`.
    #[arg(long, value_name = "VERSION", conflicts_with = "apply")]
    version: Option<String>,
    #[command(flatten)]
    naming: tags::Naming,
    /// Write the plan to this file, and nothing else anywhere; with --many all plans under one digest.
    #[arg(long, value_name = "FILE", conflicts_with = "apply")]
    plan_out: Option<PathBuf>,
    /// Carry out the plan in this file, if everything still is as it was when it was made.
    #[arg(long, value_name = "FILE")]
    apply: Option<PathBuf>,
    /// An approval of the plan; repeatable. See `imgguard approve`.
    #[arg(long, value_name = "FILE", requires = "apply")]
    approval: Vec<PathBuf>,
    /// When the image is refused, sign a summary that says FAILED and attach it to the image at the source, or write it to FILE.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "", value_parser = Refusals::parse, conflicts_with_all = ["dry_run", "plan_out"])]
    attest_refusals: Option<Refusals>,
    #[command(flatten)]
    work: WorkArguments,
}

/// What promotions and rollbacks have in common.
#[derive(Debug, Clone, Args)]
pub(super) struct WorkArguments {
    /// Policy file, or a built-in policy, that every platform has to pass; its section `promote` is the gate.
    #[arg(short, long, value_name = "FILE")]
    policy: Option<String>,
    #[command(flatten)]
    parents: super::policy::ParentArguments,
    /// Judge and plan, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Why, in words, for the record.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Who does it, for the record; what the pipeline says unless given.
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Append what is done to this file, one JSON object per line.
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Credentials for the source, when they are not those of --authfile.
    #[arg(long, value_name = "FILE")]
    source_authfile: Option<PathBuf>,
    /// Blobs that travel at a time.
    #[arg(long, value_name = "N", default_value = "4")]
    jobs: NonZeroUsize,
    /// Output format: text, json, markdown; =FILE writes it there.
    #[arg(short, long, value_name = "FORMAT[=FILE]")]
    output: Vec<String>,
    #[command(flatten)]
    signer: SignerArguments,
    #[command(flatten)]
    source: SourceArguments,
}

impl WorkArguments {
    /// Whether nothing is to be written.
    pub fn is_dry(&self) -> bool {
        self.dry_run
    }

    /// What goes where.
    pub fn outputs(&self) -> &[String] {
        &self.output
    }
}

#[derive(Debug, Subcommand)]
enum PromoteCommand {
    /// Compare a file for --many with what is there.
    Diff(many::DiffArguments),
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        let (exit, hint) = match error {
            ApplyError::Publish(error) => return error.into(),
            ApplyError::Concurrent(_) => {
                (Exit::Violations, "see imgguard history; then make a new plan, so that no tag goes backwards")
            }
            ApplyError::Evidence(_) => (Exit::Violations, "no tag was moved; compare with imgguard tree"),
            ApplyError::Signing(_) => (Exit::Usage, "no tag was moved"),
        };
        Self { exit, message: error.to_string(), hint: Some(hint.to_owned()) }
    }
}

/// A plan that was read from a file.
struct Presented {
    file: PlanFile,
    digest: crate::model::Digest,
    approvals: Vec<Vec<u8>>,
}

impl Presented {
    fn read(arguments: &PromoteArguments) -> Result<Option<Self>, Failure> {
        let Some(path) = &arguments.apply else { return Ok(None) };
        let (file, digest) = PlanFile::read(&read(path)?).map_err(|error| {
            Failure::usage(format!("the plan `{}` is refused: {error}", path.display()))
                .with_hint("make a new one with --plan-out")
        })?;
        let approvals = arguments.approval.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
        Ok(Some(Self { file, digest, approvals }))
    }

    /// What the gate is told.
    fn told(&self) -> Told<'_> {
        (&self.digest, self.file.second(), &self.approvals)
    }
}

/// A plan that no longer holds is not applied.
fn same(planned: &[Plan], now: &[&Plan]) -> Result<(), Failure> {
    let name =
        |plan: &Plan, text: String| if planned.len() > 1 { format!("{}: {text}", plan.destination) } else { text };
    let pairs = planned.iter().zip(now);
    let changed: Vec<String> = pairs
        .flat_map(|(planned, now)| differences(planned, now).into_iter().map(|text| name(planned, text)))
        .collect();
    if changed.is_empty() && planned.len() == now.len() {
        return Ok(());
    }
    Err(Failure {
        exit: Exit::Violations,
        message: format!("the plan is not applied: {}", changed.join("; ")),
        hint: Some("make a new plan with --plan-out, and have it reviewed again".to_owned()),
    })
}

/// Runs `promote`.
pub(super) fn run(arguments: &PromoteArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    if let Some(PromoteCommand::Diff(arguments)) = &arguments.command {
        return many::diff(arguments);
    }
    let outputs = output::parse(&arguments.work.output, FORMATS)?;
    let presented = Presented::read(arguments)?;
    let of_many = matches!(&presented, Some(Presented { file: PlanFile::Many(_), .. }));
    let order = if arguments.many.is_some() || of_many { None } else { Some(order(arguments, presented.as_ref())?) };
    let dry = arguments.work.dry_run || arguments.plan_out.is_some();
    let run = Run::new(&arguments.work, terminal, !dry)?;
    let run = if dry { run } else { run.with_refusals(arguments.attest_refusals.as_ref()) };
    let context = run.context()?;
    let Some(order) = order else {
        return many::run(arguments, presented.as_ref(), &context, &outputs);
    };
    let prepared = match prepare(&order, &context, presented.as_ref().map(Presented::told))? {
        Outcome::Ready(prepared) => *prepared,
        Outcome::NotPassed(exit) => return Ok(exit),
    };
    if let Some(presented) = &presented {
        same(presented.file.plans(), &[&prepared.plan])?;
    }
    if let Some(path) = &arguments.plan_out {
        output::save(path, &prepared.plan.to_file())?;
    }
    let exit = standing(&prepared, !dry);
    let applied = if dry || exit != Exit::Pass { None } else { Some(prepared.apply(&context)?) };
    for one in &outputs {
        output::write(one, &told_text(&one.format, &prepared, applied.as_ref())?)?;
    }
    Ok(exit)
}

/// How the run ends when nothing goes wrong any more. What is pending is refused when something is to be written.
pub(super) fn standing(prepared: &Prepared, writing: bool) -> Exit {
    if let Some(item) = prepared.plan.refused() {
        Terminal::say(&format!("error: tag `{}` is refused: {}", item.tag, item.reason));
        return Exit::Violations;
    }
    for condition in &prepared.plan.gate {
        if !matches!(condition.state, State::Met) && (writing || condition.state != State::Pending) {
            Terminal::say(&format!("error: {} {}: {}", condition.name, condition.state.word(), condition.detail));
        }
    }
    match prepared.gate.state() {
        State::Met => Exit::Pass,
        State::Pending if !writing => Exit::Pass,
        State::Pending | State::Refused => Exit::Violations,
        State::Unknown => Exit::Inconclusive,
        State::Unreachable => Exit::Infrastructure,
    }
}

/// What is to be done: as the arguments say, or as the plan does.
fn order(arguments: &PromoteArguments, presented: Option<&Presented>) -> Result<Order, Failure> {
    if let Some(Presented { file: PlanFile::One(plan), .. }) = presented {
        let again = order_of(plan)?;
        let reference = again.source.clone();
        for (given, planned) in [(&arguments.from, &reference), (&arguments.to, &plan.destination)] {
            let same = given.as_ref().is_none_or(|given| given == planned || given.starts_with(&format!("{planned}:")));
            if !same {
                let given = given.as_deref().unwrap_or_default();
                return Err(Failure::usage(format!("the plan is about `{planned}`, not about `{given}`")));
            }
        }
        return Ok(again);
    }
    let (Some(source), Some(to)) = (&arguments.from, &arguments.to) else {
        return Err(Failure::usage("SOURCE and DESTINATION are wanted"));
    };
    let destination = to.parse::<Reference>()?;
    if destination.digest.is_some() {
        return Err(Failure::usage(format!("`{to}` has a digest, and a repository or a tag is wanted")));
    }
    let (version, tag) = (arguments.version.clone(), destination.tag.clone());
    if version.is_some() && tag.is_some() {
        return Err(Failure::usage("the destination has a tag, and --version names others").with_hint("leave one out"));
    }
    let wish: Wish = arguments.naming.wish(version, tag.into_iter().collect());
    Ok(Order { source: source.clone(), destination: Reference { tag: None, ..destination }, wish })
}

/// What a plan was made from.
fn order_of(plan: &Plan) -> Result<Order, Failure> {
    let source = match &plan.source.tag {
        Some(tag) => format!("{}:{tag}", plan.source.name),
        None => format!("{}@{}", plan.source.name, plan.source.digest),
    };
    Ok(Order { source, destination: plan.destination.parse()?, wish: plan.wish.clone() })
}

fn told_text(format: &str, prepared: &Prepared, applied: Option<&Applied>) -> Result<String, Failure> {
    Ok(match format {
        "json" => tags::json(&prepared.json(applied))?,
        "markdown" => tell::plan_markdown(&prepared.plan) + &applied.map(done_markdown).unwrap_or_default(),
        _ => tell::plan_text(&prepared.plan) + &done_text(applied),
    })
}

/// What was done, in a line.
pub(super) fn done_text(applied: Option<&Applied>) -> String {
    match applied {
        None => "nothing was written\n".to_owned(),
        Some(applied) if applied.is_nothing() => "all is there already; nothing was written\n".to_owned(),
        Some(applied) => format!(
            "{} blobs sent ({}), {} mounted, {} manifests, {} statements and {} tags written, read back\n",
            applied.copied.sent,
            crate::model::format_bytes(applied.copied.sent_bytes),
            applied.copied.mounted,
            applied.copied.manifests,
            applied.statements.len(),
            applied.tags.len()
        ),
    }
}

fn done_markdown(applied: &Applied) -> String {
    format!("\n{}", done_text(Some(applied)))
}
