//! Plans and histories for people: as a table, and as Markdown for a pull request.

use crate::model::format_bytes;
use crate::report::escape::visible;

use super::gate::Condition;
use super::history::History;
use super::plan::{Plan, TagItem};
use super::plans::Plans;

/// Evidence that is listed one by one in Markdown.
const MAX_ROWS: usize = 50;

fn from(item: &TagItem) -> String {
    item.from.as_ref().map(|digest| format!("  from {}", digest.short())).unwrap_or_default()
}

/// A plan as a table.
#[must_use]
pub fn plan_text(plan: &Plan) -> String {
    let tag = plan.source.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
    let source = format!("{}{tag}", plan.source.name);
    let mut text = format!("{} -> {}\n", visible(&source), visible(&plan.destination));
    text.push_str(&format!("  image    {}\n", plan.source.digest));
    for image in &plan.verdict.images {
        text.push_str(&format!("  passed   {}  {}\n", image.digest, image.platform));
    }
    for item in plan.manifests.iter().filter(|item| item.subject.is_some() || item.kind == "artifact") {
        let kind = item.artifact_type.as_deref().unwrap_or(&item.kind);
        text.push_str(&format!("  {:7}  {}  {}\n", item.action, item.digest, visible(kind)));
    }
    for skipped in &plan.skipped {
        text.push_str(&format!("  skip     {}: {}\n", visible(&skipped.tag), skipped.reason));
    }
    let width = plan.tags.iter().map(|item| item.tag.chars().count()).max().unwrap_or_default();
    for item in &plan.tags {
        let (from, reason) = (from(item), visible(&item.reason));
        text.push_str(&format!("  {:7}  {:width$}  {}{from}: {reason}\n", item.action, item.tag, item.to.short()));
    }
    text.push_str(&gate_text(&plan.gate));
    let (send, mount) = plan.bytes();
    text.push_str(&format!(
        "policy {} ({}), {} warnings, {} waived; {} to send, {} to mount\nplan {}\n",
        visible(&plan.policy.source),
        plan.policy.digest.short(),
        plan.verdict.warnings,
        plan.verdict.waived,
        format_bytes(send),
        format_bytes(mount),
        plan.digest()
    ));
    text
}

/// Several plans under one digest.
#[must_use]
pub fn plans_text(plans: &Plans) -> String {
    let all: String = plans.plans.iter().map(plan_text).collect();
    format!("{all}all {} plans {}\n", plans.plans.len(), plans.digest())
}

/// Several plans under one digest, as Markdown.
#[must_use]
pub fn plans_markdown(plans: &Plans) -> String {
    let all: String = plans.plans.iter().map(|plan| plan_markdown(plan) + "\n").collect();
    format!("{all}All {} plans: `{}`\n", plans.plans.len(), plans.digest())
}

/// The conditions of a gate, one per line.
#[must_use]
pub fn gate_text(conditions: &[Condition]) -> String {
    let line = |condition: &Condition| {
        format!("  {:11}  {}: {}\n", condition.state.word(), condition.name, visible(&condition.detail))
    };
    conditions.iter().map(line).collect()
}

/// A text inside a cell of a Markdown table.
fn cell(text: &str) -> String {
    let mut cell = String::new();
    for letter in visible(text).chars() {
        if matches!(letter, '|' | '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '@' | '#' | '&') {
            cell.push('\\');
        }
        cell.push(letter);
    }
    cell
}

/// A plan as Markdown.
#[must_use]
pub fn plan_markdown(plan: &Plan) -> String {
    let mut text = format!("## Promotion to {}\n\n", cell(&plan.destination));
    let tag = plan.source.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
    text.push_str(&format!("| | |\n|---|---|\n| source | {} |\n", cell(&format!("{}{tag}", plan.source.name))));
    text.push_str(&format!("| image | `{}` |\n", plan.source.digest));
    text.push_str(&format!("| policy | {} `{}` |\n", cell(&plan.policy.source), plan.policy.digest.short()));
    text.push_str(&format!("| verdict | pass, {} warnings, {} waived |\n", plan.verdict.warnings, plan.verdict.waived));
    let (send, mount) = plan.bytes();
    text.push_str(&format!("| bytes | {} to send, {} to mount |\n", format_bytes(send), format_bytes(mount)));
    text.push_str(&format!("| plan | `{}` |\n\n", plan.digest()));
    text.push_str("| tag | | from | to | why |\n|---|---|---|---|---|\n");
    for item in &plan.tags {
        let from = item.from.as_ref().map_or("–".to_owned(), |digest| format!("`{}`", digest.short()));
        let (tag, why) = (cell(&item.tag), cell(&item.reason));
        text.push_str(&format!("| {tag} | {} | {from} | `{}` | {why} |\n", item.action, item.to.short()));
    }
    if !plan.gate.is_empty() {
        text.push_str("\n| gate | | |\n|---|---|---|\n");
        for condition in &plan.gate {
            let (name, detail) = (&condition.name, cell(&condition.detail));
            text.push_str(&format!("| {name} | {} | {detail} |\n", condition.state.word()));
        }
    }
    text.push_str("\n| image or evidence | platform or type | |\n|---|---|---|\n");
    for item in plan.manifests.iter().take(MAX_ROWS) {
        let platform = item.platform.as_ref().map(ToString::to_string);
        let kind = platform.or_else(|| item.artifact_type.clone()).unwrap_or_else(|| item.kind.clone());
        text.push_str(&format!("| `{}` | {} | {} |\n", item.digest.short(), cell(&kind), item.action));
    }
    if plan.manifests.len() > MAX_ROWS {
        text.push_str(&format!("\n{} more\n", plan.manifests.len() - MAX_ROWS));
    }
    text
}

/// A history as a table.
#[must_use]
pub fn history_text(name: &str, history: &History) -> String {
    let mut text = format!("{}: {} on record\n", visible(name), history.entries.len());
    for entry in &history.entries {
        let record = &entry.record;
        let tags: Vec<&str> = record.tags.iter().map(|moved| moved.tag.as_str()).collect();
        let live: Vec<&str> = history.live(entry).collect();
        let live = if live.is_empty() { String::new() } else { format!("  live: {}", visible(&live.join(", "))) };
        let signer =
            entry.signer.as_ref().map_or("not verified".to_owned(), |name| format!("signed by {}", visible(name)));
        text.push_str(&format!(
            "{}  {:9}  {}  {}{live}\n    from {}, plan {}, record {}, {signer}\n",
            visible(&record.time),
            record.purpose.word(),
            entry.digest.short(),
            visible(&tags.join(", ")),
            visible(&record.source.repository),
            record.plan.short(),
            entry.referrer,
        ));
        for (word, value) in [("by", &record.actor), ("run", &record.run), ("reason", &record.reason)] {
            if let Some(value) = value {
                text.push_str(&format!("    {word} {}\n", visible(value)));
            }
        }
        if !record.approved_by.is_empty() {
            text.push_str(&format!("    approved by {}\n", visible(&record.approved_by.join(", "))));
        }
    }
    text
}

/// A history for programs.
#[must_use]
pub fn history_json(name: &str, history: &History) -> serde_json::Value {
    let entries: Vec<serde_json::Value> = history
        .entries
        .iter()
        .map(|entry| {
            serde_json::json!({
                "digest": entry.digest,
                "record": entry.referrer,
                "signer": entry.signer,
                "live": history.live(entry).collect::<Vec<_>>(),
                "says": entry.record,
            })
        })
        .collect();
    serde_json::json!({ "schema": "imgguard.history/v1", "repository": name, "entries": entries })
}
