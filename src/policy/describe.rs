//! The effective policy as text: what `imgguard policy show` prints.

use std::fmt::Write as _;

use crate::rules::RULES;
use crate::yaml::{Node, Scalar, Value};

use super::custom::GROUP;
use super::error::visible;
use super::merge::level_word;
use super::{Configured, Origin, Policy};

impl Policy {
    /// Writes the effective policy as YAML that reads back as the same policy; a comment behind every value tells the
    /// file and line it comes from. Rules that are not judged are listed in a comment at the end.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut text =
            format!("# {}, digest {}\nversion: 1\nname: {}\n", visible(&self.source), self.digest, word(&self.name));
        if !self.evidence.is_empty() {
            let paths: Vec<String> = self.evidence.iter().map(|path| word(path)).collect();
            let _ = writeln!(text, "evidence: [{}]", paths.join(", "));
        }
        if let Some(gate) = &self.promote {
            text.push_str("promote:\n");
            for setting in &gate.settings {
                let _ = writeln!(text, "  {}: {}  # {}", setting.key, setting.value, place(&setting.origin));
            }
        }
        let (custom, rules): (Vec<&Configured>, Vec<&Configured>) = self
            .rules
            .iter()
            .filter(|configured| configured.rule.group() != super::structure::GROUP)
            .partition(|configured| configured.rule.group() == GROUP);
        if !rules.is_empty() {
            text.push_str("rules:\n");
        }
        let mut group = String::new();
        for configured in rules {
            let (own, name) = configured.rule.id.split_once('.').unwrap_or((&configured.rule.id, ""));
            if own != group {
                own.clone_into(&mut group);
                let _ = writeln!(text, "  {group}:");
            }
            let _ = writeln!(text, "    {name}:");
            if configured.settings.first().is_none_or(|first| first.key != "level") {
                let level = level_word(configured.level);
                let _ = writeln!(text, "      level: {level}  # the rule's default");
            }
            for setting in &configured.settings {
                let (key, origin) = (word(&setting.key), place(&setting.origin));
                let _ = writeln!(text, "      {key}: {}  # {origin}", setting.value);
            }
        }
        if !custom.is_empty() {
            text.push_str("custom:\n");
        }
        for setting in custom.iter().flat_map(|configured| &configured.settings) {
            let dash = if setting.key == "name" { "  - " } else { "    " };
            let _ = writeln!(text, "{dash}{}: {}  # {}", setting.key, setting.value, place(&setting.origin));
        }
        if !self.structure.is_empty() {
            text.push_str("structure:\n");
        }
        for element in &self.structure {
            let _ = writeln!(text, "  - {}  # {}", element.value, place(&element.origin));
        }
        let off: Vec<&str> = RULES
            .iter()
            .map(|rule| rule.id)
            .filter(|id| self.rules.iter().all(|configured| configured.rule.id != *id))
            .collect();
        if !off.is_empty() {
            let _ = writeln!(text, "# not judged: {}", off.join(", "));
        }
        text
    }
}

fn place(origin: &Origin) -> String {
    format!("{}:{}", visible(&origin.file), origin.line)
}

/// A node as YAML flow text that reads back as the same node.
pub(super) fn flow(node: &Node) -> String {
    match &node.value {
        Value::Scalar(text, Scalar::Text) => word(text),
        Value::Scalar(_, Scalar::Null) => "null".to_owned(),
        Value::Scalar(text, _) => text.clone(),
        Value::List(elements) => format!("[{}]", elements.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Table(members) => {
            let members = members.iter().map(|member| format!("{}: {}", word(&member.key), flow(&member.value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Text as a YAML scalar: plain when nothing in it has a meaning to YAML, else in double quotes.
pub(super) fn word(text: &str) -> String {
    let first = text.chars().next();
    let plain = first.is_some_and(|first| first.is_ascii_alphabetic())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_./".contains(letter))
        // Older YAML readers take the last six for booleans.
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
        );
    let size = crate::model::parse_size(text).is_ok() && !text.contains(' ');
    if plain || size {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_ascii_graphic() || letter == ' ' => quoted.push(letter),
            letter if letter.is_alphanumeric() => quoted.push(letter),
            letter => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(letter));
            }
        }
    }
    quoted.push('"');
    quoted
}
