//! `imgguard history`: what a repository tells of its promotions.

use std::path::PathBuf;

use clap::Args;

use crate::promote::history::History;
use crate::promote::tell::{history_json, history_text};
use crate::registry::{Client, ReadRepository as _, RemoteRepository};

use super::connection::repository;
use super::sign::gate::{Believers, RootArguments, public_key, read_keys};
use super::terminal::Terminal;
use super::{Exit, Failure, SourceArguments, output, policy, tags};

#[derive(Debug, Args)]
pub(super) struct HistoryArguments {
    /// The repository: host/name.
    #[arg(value_name = "REPOSITORY")]
    repository: String,
    /// Believe records that this public key has signed, repeatable.
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// Believe records of the signers in the section `promote` of this policy.
    #[arg(short, long, value_name = "FILE")]
    policy: Option<String>,
    #[command(flatten)]
    parents: policy::ParentArguments,
    #[command(flatten)]
    root: RootArguments,
    /// Output format: text, json; =FILE writes it there.
    #[arg(short, long, value_name = "FORMAT[=FILE]")]
    output: Vec<String>,
    #[command(flatten)]
    source: SourceArguments,
}

pub(super) fn run(arguments: &HistoryArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let outputs = output::parse(&arguments.output, &["text", "json"])?;
    let reference = repository(&arguments.repository)?;
    let keys = arguments.key.iter().map(|path| public_key(path)).collect::<Result<Vec<_>, _>>()?;
    let mut gate = None;
    if let Some(path) = &arguments.policy {
        let (policy, file) =
            policy::load(Some(path), &arguments.parents, Some(&arguments.source.connection), terminal)?;
        gate = policy.promote;
        if let Some(gate) = &mut gate {
            read_keys(gate, file.as_deref())?;
        }
    }
    let trust = arguments.root.trust()?;
    let signers = gate.as_ref().map(|gate| &gate.trust);
    let believers = Believers { own: None, keys: &keys, signers, trust: &trust };
    let client = Client::new(arguments.source.connection.options()?)?;
    let repository = RemoteRepository::new(&client, &reference);
    let history = History::read(&repository, &|bundle, subject| believers.name(bundle, subject))?;
    let asked = !keys.is_empty() || signers.is_some();
    for one in &outputs {
        let text = if one.format == "json" {
            tags::json(&history_json(&repository.name(), &history))?
        } else {
            history_text(&repository.name(), &history)
        };
        output::write(one, &text)?;
    }
    // Asked whose records they are, those of others are a finding.
    let foreign = history.entries.iter().filter(|entry| asked && entry.signer.is_none()).count();
    if foreign > 0 {
        Terminal::say(&format!("warning: {foreign} records are not signed by anyone who is trusted"));
    }
    Ok(if foreign > 0 { Exit::Violations } else { Exit::Pass })
}
