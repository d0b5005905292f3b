//! `promote --many FILE` and `promote diff FILE`: promotions as a file under version control.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::oci::FetchError;
use crate::promote::many::{Edge, read_many};
use crate::promote::plan::Wish;
use crate::promote::{plan::word, tell};
use crate::registry::{Client, Target};
use crate::release::tags::{Action, Step};

use super::super::output::Output;
use super::super::sign::gate::read;
use super::super::{Exit, Failure, SourceArguments, output, tags};
use super::{Context, Order, Outcome, Prepared, done_text, prepare, standing};

#[derive(Debug, Args)]
pub(super) struct DiffArguments {
    /// The file: for each repository which digest has which tags.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Output format: text, json; =FILE writes it there.
    #[arg(short, long, value_name = "FORMAT[=FILE]")]
    output: Vec<String>,
    #[command(flatten)]
    source: SourceArguments,
}

fn edges(path: &Path) -> Result<Vec<Edge>, Failure> {
    let text =
        String::from_utf8(read(path)?).map_err(|_| Failure::usage(format!("`{}` is no text", path.display())))?;
    read_many(&text).map_err(|error| {
        let place = format!("{}:{}:{}", path.display(), error.span.line, error.span.column);
        let failure = Failure::usage(format!("{place}: {}", error.message));
        match error.hint.filter(|hint| !hint.is_empty()) {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    })
}

/// Plans all first: when one is refused, nothing is written at all.
pub(super) fn run(path: &Path, context: &Context<'_>, outputs: &[Output]) -> Result<Exit, Failure> {
    let edges = edges(path)?;
    let (mut ready, mut exit) = (Vec::new(), Exit::Pass);
    let dry = context.is_dry();
    for edge in &edges {
        let order = Order {
            source: format!("{}@{}", edge.source.repository_name(), edge.digest),
            destination: edge.destination.clone(),
            wish: Wish { tags: edge.tags.clone(), latest: "highest".to_owned(), ..Wish::default() },
        };
        let line = |failure: Failure| {
            let message = format!("{}:{}: {}", path.display(), edge.line, failure.message);
            Failure { message, ..failure }
        };
        match prepare(&order, context, None).map_err(line)? {
            Outcome::Ready(prepared) => {
                exit = exit.worst(standing(&prepared, !dry));
                ready.push(*prepared);
            }
            Outcome::NotPassed(worse) => exit = exit.worst(worse),
        }
    }
    let mut applied = Vec::new();
    if exit == Exit::Pass && !dry {
        for prepared in &ready {
            match prepared.apply(context) {
                Ok(done) => applied.push(Some(done)),
                // The others are whole each by itself: one that fails keeps none of them back.
                Err(failure) => {
                    context.terminal().complain(&failure);
                    exit = exit.worst(failure.exit);
                    applied.push(None);
                }
            }
        }
    }
    applied.resize(ready.len(), None);
    for one in outputs {
        let pairs = ready.iter().zip(&applied);
        let text = match one.format.as_str() {
            "json" => {
                let all: Vec<_> = pairs.map(|(prepared, done)| prepared.json(done.as_ref())).collect();
                tags::json(&serde_json::json!({ "schema": "imgguard.promotions/v1", "promotions": all }))?
            }
            "markdown" => ready.iter().map(|prepared: &Prepared| tell::plan_markdown(&prepared.plan) + "\n").collect(),
            _ => pairs.map(|(prepared, done)| tell::plan_text(&prepared.plan) + &done_text(done.as_ref())).collect(),
        };
        output::write(one, &text)?;
    }
    Ok(exit)
}

/// An edge as it stands.
struct Compared<'a> {
    edge: &'a Edge,
    steps: Vec<Step>,
    /// Whether the source holds the image.
    there: bool,
}

/// Tells what `--many` would change.
pub(super) fn diff(arguments: &DiffArguments) -> Result<Exit, Failure> {
    let outputs = output::parse(&arguments.output, &["text", "json"])?;
    let edges = edges(&arguments.file)?;
    let client = Client::new(arguments.source.connection.options()?)?;
    let mut compared = Vec::new();
    for edge in &edges {
        let there = match client.head(&edge.source, &Target::Digest(edge.digest.clone())) {
            Ok(_) => true,
            Err(FetchError::NotFound { .. }) => false,
            Err(error) => return Err(error.into()),
        };
        let steps = tags::steps_of_tags(&edge.tags, None, &edge.digest, (&client, &edge.destination))?;
        compared.push(Compared { edge, steps, there });
    }
    for one in &outputs {
        let text = if one.format == "json" { diff_json(&compared)? } else { diff_text(&compared) };
        output::write(one, &text)?;
    }
    let same = compared.iter().all(|one| one.steps.iter().all(|step| step.action == Action::Keep));
    Ok(if same { Exit::Pass } else { Exit::Violations })
}

fn diff_text(compared: &[Compared<'_>]) -> String {
    let mut text = String::new();
    let mut changes = 0;
    for Compared { edge, steps, there } in compared {
        let missing = if *there { "" } else { "  (not in the source)" };
        text.push_str(&format!("{} {}{missing}\n", edge.destination.repository_name(), edge.digest.short()));
        for step in steps {
            changes += usize::from(step.action != Action::Keep);
            let from = step.from.as_ref().map(|digest| format!("  from {}", digest.short())).unwrap_or_default();
            text.push_str(&format!("  {:7}  {}{from}: {}\n", word(step.action), step.tag, step.reason));
        }
    }
    text.push_str(&format!("{changes} tags differ\n"));
    text
}

fn diff_json(compared: &[Compared<'_>]) -> Result<String, Failure> {
    let all: Vec<_> = compared
        .iter()
        .map(|one| {
            serde_json::json!({
                "source": one.edge.source.repository_name(),
                "destination": one.edge.destination.repository_name(),
                "digest": one.edge.digest,
                "in-source": one.there,
                "tags": one.steps,
            })
        })
        .collect();
    tags::json(&serde_json::json!({ "schema": "imgguard.promotion-diff/v1", "images": all }))
}
