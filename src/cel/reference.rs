//! What expressions can name, as Markdown: printed from the schema of the facts and the table of functions.

use std::fmt::Write as _;

use super::functions::FUNCTIONS;
use super::schema::{IMAGE, Schema, Type};

/// Writes the fields of `image`, and of everything in it, and the functions as Markdown.
#[must_use]
pub fn reference() -> String {
    let schema = Schema::of_facts();
    let mut text = String::from("## Functions\n\n| written | says |\n|---|---|\n");
    for function in FUNCTIONS {
        let (written, says) = function.about;
        let _ = writeln!(text, "| `{written}` | {says} |");
    }
    text.push_str("\n## Facts\n");
    let mut names: Vec<&str> = schema.objects.keys().map(String::as_str).filter(|name| *name != IMAGE).collect();
    names.insert(0, IMAGE);
    for name in names {
        let Some(object) = schema.object(name) else { continue };
        let title = if name == IMAGE { "`image`".to_owned() } else { name.to_owned() };
        let _ = writeln!(text, "\n### {title}\n\n{}\n\n| field | is | meaning |\n|---|---|---|", object.about.trim());
        for (name, field) in &object.fields {
            let about = field.about.replace('\n', " ").replace('|', "\\|");
            let name = if name.contains('-') { format!("[\"{name}\"]") } else { name.clone() };
            let _ = writeln!(text, "| `{name}` | {} | {about} |", shown(&field.kind));
        }
    }
    text
}

fn shown(kind: &Type) -> String {
    match kind {
        Type::Any => "anything".to_owned(),
        Type::Null => "null".to_owned(),
        Type::Bool => "boolean".to_owned(),
        Type::Int => "whole number".to_owned(),
        Type::Double => "number".to_owned(),
        Type::Text => "text".to_owned(),
        Type::Word(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Type::List(element) => format!("list of {}", shown(element)),
        Type::Map(values) => format!("map of {}", shown(values)),
        Type::Object(name) => name.clone(),
        Type::Nullable(kind) => format!("{} or null", shown(kind)),
    }
}
