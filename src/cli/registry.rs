//! `imgguard registry`: what a registry can do.

use clap::{Args, Subcommand, ValueEnum};

use crate::registry::{Answer, Client, Probe};
use crate::report::escape::visible;

use super::connection::{ConnectionArguments, repository};
use super::{Exit, Failure, output};

/// Arguments of `registry`.
#[derive(Debug, Args)]
pub(super) struct RegistryArguments {
    #[command(subcommand)]
    command: RegistryCommand,
}

#[derive(Debug, Subcommand)]
enum RegistryCommand {
    /// Find out what a registry can do: referrers, tag lists, mounts, chunks, deletion.
    Probe(ProbeArguments),
}

#[derive(Debug, Args)]
struct ProbeArguments {
    /// A repository, such as registry.example/team/app.
    #[arg(value_name = "HOST/REPOSITORY")]
    repository: String,
    /// Upload small things (and one of 4 MiB that is never finished), and take them away again; without this it only reads.
    #[arg(long)]
    write: bool,
    /// Form of the answer.
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// Text or JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// For people.
    Text,
    /// For programs; the schemas are in `docs/schemas`.
    Json,
}

/// Runs `registry`.
pub(super) fn run(arguments: &RegistryArguments) -> Result<Exit, Failure> {
    let RegistryCommand::Probe(arguments) = &arguments.command;
    let reference = repository(&arguments.repository)?;
    let probe = Client::new(arguments.connection.options()?)?.probe(&reference, arguments.write)?;
    let text = match arguments.output {
        Form::Text => text(&probe),
        Form::Json => json(&probe)?,
    };
    output::print(&text)?;
    Ok(Exit::Pass)
}

pub(super) fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(crate::report::escape::json(&text) + "\n")
}

fn text(probe: &Probe) -> String {
    let mut text = format!("{}  at {}\n", visible(&probe.repository), visible(&probe.address));
    let service = probe.token_service.as_ref().map_or(String::new(), |service| format!(" from {}", visible(service)));
    text.push_str(&format!("  {:20} {}{service}\n", "auth", probe.auth));
    let credentials = probe.credentials.as_deref().unwrap_or("none: asked anonymously");
    text.push_str(&format!("  {:20} {}\n", "credentials", visible(credentials)));
    for capability in &probe.capabilities {
        let word = match capability.answer {
            Answer::Yes => "yes",
            Answer::No => "no",
            Answer::Unknown => "unknown",
        };
        let detail = capability.detail.as_ref().map_or(String::new(), |detail| format!("  ({})", visible(detail)));
        text.push_str(&format!("  {:20} {word}{detail}\n", capability.name));
    }
    if probe.wrote {
        for left in &probe.left_behind {
            text.push_str(&format!("left behind: {}\n", visible(left)));
        }
        if probe.left_behind.is_empty() {
            text.push_str("everything that was written was taken away again\n");
        }
    } else {
        text.push_str("nothing was written; --write finds out what can be written\n");
    }
    text
}
