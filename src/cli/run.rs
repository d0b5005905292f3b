//! `imgguard run`: the pipeline of the policy file, step by step.

use clap::Args;

use crate::policy::{PipelineError, PipelineStep};

use super::terminal::Terminal;
use super::{Exit, Failure, perform, policy};

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// The policy file with a section `pipeline`; the usual one unless given.
    #[arg(short, long, value_name = "FILE")]
    policy: Option<String>,
    #[command(flatten)]
    parents: policy::ParentArguments,
    /// The version to release.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Print the steps and do none of them.
    #[arg(long)]
    dry_run: bool,
}

impl From<PipelineError> for Failure {
    fn from(error: PipelineError) -> Self {
        let hint = match error {
            PipelineError::NoImage => "name an image, or how to build one",
            PipelineError::NoVersion => "give --version, such as 1.4.2",
            PipelineError::NoSigner => "name a key or an identity token under `sign`",
            PipelineError::NoRelease => "name a repository under `release`",
        };
        Self::usage(error.to_string()).with_hint(hint)
    }
}

/// Runs `run`: the first step that does not pass ends it, with its exit code.
pub(super) fn run(arguments: &RunArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let (policy, file) = policy::load(arguments.policy.as_deref(), &arguments.parents, None, terminal)?;
    let missing = || {
        Failure::usage(format!("`{}` has no section `pipeline`", policy.source))
            .with_hint("write one: docs/pipeline.md shows how")
    };
    let pipeline = policy.pipeline.as_ref().ok_or_else(missing)?;
    let file = file.map_or_else(|| policy.source.clone(), |path| path.to_string_lossy().into_owned());
    let steps = pipeline.steps(&file, arguments.version.as_deref())?;
    let total = steps.len();
    for (at, step) in steps.iter().enumerate() {
        tell(step, at + 1, total);
        if arguments.dry_run {
            continue;
        }
        let mut words = step.words.clone();
        // The steps that judge read the policy anew.
        if matches!(step.name, "check" | "release") {
            words.extend(arguments.parents.words());
        }
        match perform(&words, terminal)? {
            Exit::Pass => {}
            exit => {
                Terminal::say(&format!("error: the pipeline ended at step {} of {total}, {}", at + 1, step.name));
                return Ok(exit);
            }
        }
    }
    Ok(Exit::Pass)
}

fn tell(step: &PipelineStep, at: usize, total: usize) {
    Terminal::say(&format!("==> {at}/{total} imgguard {}", step.words.join(" ")));
}
