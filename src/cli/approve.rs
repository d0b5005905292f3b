//! `imgguard approve`: a signature under the plan of a promotion.

use std::path::PathBuf;

use clap::Args;

use crate::promote::plan::Plan;
use crate::promote::plans::PlanFile;
use crate::promote::record::{APPROVAL_TYPE, Approval, ApprovalOfMany};
use crate::promote::tell::{plan_text, plans_text};
use crate::sign::StatementDraft;

use super::sign::gate::{SignerArguments, read};
use super::{Exit, Failure, now, output};

#[derive(Debug, Args)]
pub(super) struct ApproveArguments {
    /// The plan, as `promote --plan-out` wrote it.
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// Write the approval to this file.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Why, in words.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    signer: SignerArguments,
}

pub(super) fn run(arguments: &ApproveArguments) -> Result<Exit, Failure> {
    let path = &arguments.plan;
    let (file, digest) = PlanFile::read(&read(path)?)
        .map_err(|error| Failure::usage(format!("the plan `{}` is refused: {error}", path.display())))?;
    let signer = arguments.signer.open()?;
    let (reason, time) =
        (arguments.reason.clone(), jiff::Timestamp::from_second(now()).unwrap_or_default().to_string());
    let one = |plan: &Plan| Approval {
        source: plan.source.name.clone(),
        destination: plan.destination.clone(),
        digest: plan.source.digest.clone(),
        tags: plan.tags.iter().map(|item| item.tag.clone()).collect(),
        reason: reason.clone(),
        time: time.clone(),
    };
    let (predicate, text) = match &file {
        PlanFile::One(plan) => (serde_json::to_string(&one(plan)), plan_text(plan)),
        PlanFile::Many(plans) => {
            let promotions = plans.plans.iter().map(one).collect();
            let approval = ApprovalOfMany { promotions, reason: reason.clone(), time: time.clone() };
            (serde_json::to_string(&approval), plans_text(plans))
        }
    };
    let predicate = predicate.map_err(|error| Failure::usage(error.to_string()))?;
    let name = Some("promotion plan".to_owned());
    let draft = StatementDraft::attestation(digest.clone(), name, APPROVAL_TYPE, &predicate)
        .map_err(|error| Failure::usage(format!("the plan cannot be approved: {error}")))?;
    let bundle = signer.sign(draft.to_bytes())?;
    output::save(&arguments.out, &String::from_utf8_lossy(&bundle))?;
    output::print(&format!("{text}approved {digest}\n"))?;
    Ok(Exit::Pass)
}
