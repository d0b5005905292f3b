//! `promote --many FILE` and `promote diff FILE`: promotions as a file under version control.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::oci::FetchError;
use crate::promote::many::{Edge, read_many};
use crate::promote::plan::Wish;
use crate::promote::plans::Plans;
use crate::promote::{plan::word, tell};
use crate::registry::{Client, Target};
use crate::release::tags::{Action, Step};

use super::super::output::Output;
use super::super::sign::gate::read;
use super::super::{Exit, Failure, SourceArguments, output, tags};
use super::{Context, Order, Outcome, Presented, PromoteArguments, done_text, order_of, prepare, same, standing};

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

/// What is wanted, each with its place for messages: as the file says, or as the plan of it does.
fn orders(arguments: &PromoteArguments, presented: Option<&Presented>) -> Result<Vec<(String, Order)>, Failure> {
    let mut orders = Vec::new();
    if let Some(path) = &arguments.many {
        for edge in edges(path)? {
            let wish = Wish { tags: edge.tags, latest: "highest".to_owned(), ..Wish::default() };
            let source = format!("{}@{}", edge.source.repository_name(), edge.digest);
            let order = Order { source, destination: edge.destination, wish };
            orders.push((format!("{}:{}: ", path.display(), edge.line), order));
        }
    }
    let Some(presented) = presented else { return Ok(orders) };
    let mut planned = Vec::new();
    for plan in presented.file.plans() {
        planned.push((format!("{}: ", plan.destination), order_of(plan)?));
    }
    let same = orders.len() == planned.len() && orders.iter().zip(&planned).all(|((_, one), (_, other))| one == other);
    if arguments.many.is_some() && !same {
        return Err(Failure {
            exit: Exit::Violations,
            message: "the plan is not applied: the file wants something else than when the plan was made".to_owned(),
            hint: Some("make a new plan with --plan-out, and have it reviewed again".to_owned()),
        });
    }
    Ok(planned)
}

/// Plans all first: when one is refused, nothing is written at all.
pub(super) fn run(
    arguments: &PromoteArguments,
    presented: Option<&Presented>,
    context: &Context<'_>,
    outputs: &[Output],
) -> Result<Exit, Failure> {
    let orders = orders(arguments, presented)?;
    let (mut ready, mut exit) = (Vec::new(), Exit::Pass);
    let dry = context.is_dry() || arguments.plan_out.is_some();
    for (place, order) in &orders {
        let placed = |failure: Failure| Failure { message: format!("{place}{}", failure.message), ..failure };
        match prepare(order, context, presented.map(Presented::told)).map_err(placed)? {
            Outcome::Ready(prepared) => {
                exit = exit.worst(standing(&prepared, !dry));
                ready.push(*prepared);
            }
            Outcome::NotPassed(worse) => exit = exit.worst(worse),
        }
    }
    // With one that does not pass there is no whole, neither to be compared nor to be reviewed.
    let is_whole = ready.len() == orders.len();
    let plans = Plans::new(ready.iter().map(|prepared| prepared.plan.clone()).collect());
    if let (Some(presented), true) = (presented, is_whole) {
        same(presented.file.plans(), &plans.plans.iter().collect::<Vec<_>>())?;
    }
    if let (Some(path), true) = (&arguments.plan_out, is_whole) {
        output::save(path, &plans.to_file())?;
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
                let digest = presented.map_or_else(|| plans.digest(), |presented| presented.digest.clone());
                tags::json(&serde_json::json!({
                    "schema": "imgguard.promotions/v1", "plan-digest": digest, "promotions": all,
                }))?
            }
            "markdown" => tell::plans_markdown(&plans),
            _ if arguments.plan_out.is_some() => tell::plans_text(&plans),
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
