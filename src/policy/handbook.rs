//! The reference of all rules as Markdown, made from the table of rules.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::rules::{RULES, Rule};

use super::merge::level_word;
use super::schema::{Settings, resolve};

/// Deepest nesting of a setting's type that is spelled out.
const MAX_DEPTH: usize = 8;

/// Writes the reference of all rules as Markdown: `policies/RULES.md`.
#[must_use]
pub fn handbook() -> String {
    handbook_of(RULES)
}

/// [`handbook`] for another table of rules.
pub(super) fn handbook_of(table: &[Rule]) -> String {
    let mut text = String::from(
        "# Rules\n\n\
         Printed by `imgguard rules --markdown`. A rule is off unless a policy names it; a policy gives a level \
         (`deny`, `warn`, `info`, `off`) or a table of `level` and settings:\n\n\
         ```yaml\n\
         version: 1\n\
         extends: [\"@recommended\", ./team.yaml]   # from left to right, each once, then this file\n\
         rules:\n  \
           user:\n    \
             root: deny                            # a level alone keeps inherited settings\n  \
           size:\n    \
             total: { below: 1GB, warn-at: null }  # replaces key by key; `null` takes an inherited key away\n\
         ```\n\n\
         A table without `level` keeps the inherited level; a rule that was off or not named gets the level of this \
         list. Settings are checked in their final form.\n\n\
         | rule | code | level | a finding says |\n|---|---|---|---|\n",
    );
    for rule in table {
        let anchor: String = rule.id.chars().filter(|letter| *letter != '.').collect();
        let (id, code, level, summary) = (rule.id, rule.code, level_word(rule.level), cell(rule.summary));
        let _ = writeln!(text, "| [`{id}`](#{anchor}) | {code} | {level} | {summary} |");
    }
    for rule in table {
        text.push('\n');
        text.push_str(&rule_page(rule));
    }
    text
}

/// Writes the reference of one rule as Markdown.
#[must_use]
pub fn rule_page(rule: &Rule) -> String {
    let mut text = format!("## `{}`\n\n", rule.id);
    let _ = writeln!(
        text,
        "{}, {} unless the policy gives a level: {}.\n",
        rule.code,
        level_word(rule.level),
        rule.summary
    );
    let _ = writeln!(text, "### Why\n\n{}\n\n### Fix\n\n{}\n", rule.why.trim(), rule.fix.trim());
    text.push_str("### Settings\n\n");
    text.push_str(&settings(&Settings::of(rule)));
    examples(&mut text, "Flagged", rule.flags);
    examples(&mut text, "Passed", rule.passes);
    text
}

fn settings(settings: &Settings) -> String {
    if settings.properties.is_empty() {
        return "None.\n".to_owned();
    }
    let mut text = String::from("| setting | value | default | meaning |\n|---|---|---|---|\n");
    for (name, schema) in &settings.properties {
        let default = match schema.get("default") {
            _ if settings.required.contains(name) => "must be given".to_owned(),
            Some(Value::Null) | None => "–".to_owned(),
            Some(value) => format!("`{}`", literal(value)),
        };
        let target = resolve(schema, &settings.definitions);
        let meaning = [schema, target].into_iter().find_map(|schema| schema.get("description")?.as_str());
        let meaning = cell(meaning.unwrap_or_default());
        let kind = cell(&kind(schema, &settings.definitions, 0));
        let _ = writeln!(text, "| `{name}` | {kind} | {} | {meaning} |", cell(&default));
    }
    text
}

/// What a value may be, in words.
fn kind(schema: &Value, definitions: &Map<String, Value>, depth: usize) -> String {
    let schema = resolve(schema, definitions);
    if depth > MAX_DEPTH {
        return "a value".to_owned();
    }
    if let Some(value) = schema.get("const") {
        return format!("`{}`", literal(value));
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values = values.iter().filter(|value| !value.is_null()).map(|value| format!("`{}`", literal(value)));
        return values.collect::<Vec<_>>().join(", ");
    }
    for word in ["oneOf", "anyOf"] {
        if let Some(alternatives) = schema.get(word).and_then(Value::as_array) {
            let words = alternatives.iter().filter(|one| one.get("type").and_then(Value::as_str) != Some("null"));
            let words: Vec<String> = words.map(|one| kind(one, definitions, depth + 1)).collect();
            let constants = words.iter().all(|word| word.starts_with('`'));
            return words.join(if constants { ", " } else { " or " });
        }
    }
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).filter(|one| *one != "null").collect(),
        _ => return "any value".to_owned(),
    };
    let words = types.iter().map(|one| match *one {
        "string" => example(schema, "text"),
        "integer" => example(schema, "whole number"),
        "number" => example(schema, "number"),
        "boolean" => "`true`, `false`".to_owned(),
        "array" => match schema.get("items") {
            Some(items) => {
                let items = kind(items, definitions, depth + 1);
                match items.strip_prefix("table") {
                    Some(parts) => format!("list of tables{parts}"),
                    None => format!("list of {items}"),
                }
            }
            None => "list".to_owned(),
        },
        "object" => object(schema, definitions, depth),
        other => other.to_owned(),
    });
    words.collect::<Vec<_>>().join(" or ")
}

fn object(schema: &Value, definitions: &Map<String, Value>, depth: usize) -> String {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let parts = properties.iter().map(|(name, one)| format!("`{name}`: {}", kind(one, definitions, depth + 1)));
        return format!("table ({})", parts.collect::<Vec<_>>().join("; "));
    }
    match schema.get("additionalProperties") {
        Some(values) if values.is_object() => {
            format!("table of names, each with {}", kind(values, definitions, depth + 1))
        }
        _ => "table".to_owned(),
    }
}

fn example(schema: &Value, word: &str) -> String {
    match schema.get("examples").and_then(Value::as_array).map(Vec::as_slice) {
        Some([first, ..]) => format!("{word} such as `{}`", literal(first)),
        _ => word.to_owned(),
    }
}

/// A JSON value as a policy would write it.
fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Text as one cell of a Markdown table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn examples(text: &mut String, title: &str, examples: &[(&str, &str)]) {
    if examples.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n### {title}");
    for (settings, image) in examples {
        if !settings.trim().is_empty() {
            let _ = write!(text, "\nWith `{}`:\n", settings.trim());
        }
        let _ = write!(text, "\n```text\n{}\n```\n", image.trim_end());
    }
}

#[cfg(test)]
mod tests;
