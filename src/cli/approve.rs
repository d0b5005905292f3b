//! `imgguard approve`: a signature under the plan of a promotion.

use std::path::PathBuf;

use clap::Args;

use crate::promote::plan::Plan;
use crate::promote::record::{APPROVAL_TYPE, Approval};
use crate::promote::tell::plan_text;
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
    let (plan, digest) = Plan::read_file(&read(path)?)
        .map_err(|error| Failure::usage(format!("the plan `{}` is refused: {error}", path.display())))?;
    let signer = arguments.signer.open()?;
    let approval = Approval {
        source: plan.source.name.clone(),
        destination: plan.destination.clone(),
        digest: plan.source.digest.clone(),
        tags: plan.tags.iter().map(|item| item.tag.clone()).collect(),
        reason: arguments.reason.clone(),
        time: jiff::Timestamp::from_second(now()).unwrap_or_default().to_string(),
    };
    let predicate = serde_json::to_string(&approval).map_err(|error| Failure::usage(error.to_string()))?;
    let name = Some("promotion plan".to_owned());
    let draft = StatementDraft::attestation(digest.clone(), name, APPROVAL_TYPE, &predicate)
        .map_err(|error| Failure::usage(format!("the plan cannot be approved: {error}")))?;
    let bundle = signer.sign(draft.to_bytes())?;
    output::save(&arguments.out, &String::from_utf8_lossy(&bundle))?;
    output::print(&format!("{}approved {digest}\n", plan_text(&plan)))?;
    Ok(Exit::Pass)
}
