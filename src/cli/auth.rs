//! `imgguard auth`: where credentials come from.

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::oci::Reference;
use crate::registry::{Client, Found};
use crate::report::escape::visible;

use super::connection::ConnectionArguments;
use super::registry::{Form, json};
use super::{Exit, Failure, output};

/// Arguments of `auth`.
#[derive(Debug, Args)]
pub(super) struct AuthArguments {
    #[command(subcommand)]
    command: AuthCommand,
}

#[derive(Debug, Subcommand)]
enum AuthCommand {
    /// Tell which places are searched for the credentials of an image, and which one has them. Never shows a secret.
    Explain(ExplainArguments),
}

#[derive(Debug, Args)]
struct ExplainArguments {
    /// An image or a repository.
    #[arg(value_name = "REFERENCE")]
    reference: String,
    /// Form of the answer.
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
    #[command(flatten)]
    connection: ConnectionArguments,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Document {
    schema: &'static str,
    repository: String,
    places: Vec<Place>,
    origin: Option<String>,
    kind: Option<&'static str>,
}

#[derive(Serialize)]
struct Place {
    place: String,
    found: &'static str,
}

/// Runs `auth`.
pub(super) fn run(arguments: &AuthArguments) -> Result<Exit, Failure> {
    let AuthCommand::Explain(arguments) = &arguments.command;
    let reference = arguments.reference.parse::<Reference>()?;
    let (looks, credential) = Client::new(arguments.connection.options()?)?.explain_credentials(&reference)?;
    let places = looks.into_iter().map(|look| Place {
        place: look.place,
        found: match look.found {
            Found::Absent => "absent",
            Found::NoMatch => "no-match",
            Found::Match => "match",
        },
    });
    let document = Document {
        schema: "imgguard.auth-explain/v1",
        repository: reference.repository_name(),
        places: places.collect(),
        origin: credential.as_ref().map(|found| found.origin.clone()),
        kind: credential.as_ref().map(|found| found.login.kind()),
    };
    let text = match arguments.output {
        Form::Json => json(&document)?,
        Form::Text => text(&document),
    };
    output::print(&text)?;
    Ok(Exit::Pass)
}

fn text(document: &Document) -> String {
    let mut text = format!("{}\n", visible(&document.repository));
    for place in &document.places {
        let word = match place.found {
            "absent" => "not there",
            "no-match" => "nothing for this registry",
            _ => "used",
        };
        text.push_str(&format!("  {:26} {}\n", word, visible(&place.place)));
    }
    match (&document.origin, document.kind) {
        (Some(origin), Some(kind)) => text.push_str(&format!("{kind} from {}\n", visible(origin))),
        _ => text.push_str("no credentials: the registry is asked anonymously\n"),
    }
    text
}
