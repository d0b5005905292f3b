//! Names that stand for all rules of a group: `consistency: { compose: warn, kubernetes: warn }`.

use crate::rules::Level;
use crate::yaml::{Member, Node, Scalar, Span, Value, YamlError};

/// The group that has such names.
pub(super) const GROUP: &str = "consistency";
/// The names: kinds of files that the rules of the group compare images with.
pub(super) const NAMES: &[&str] = &["compose", "kubernetes"];
/// The setting of the rules of the group that lists such kinds.
const SETTING: &str = "in";

/// What the names come to: the same for every rule of the group.
#[derive(Debug)]
pub(super) struct Alias {
    pub(super) key_span: Span,
    pub(super) level: Level,
    pub(super) span: Span,
    pub(super) settings: Vec<Member>,
}

/// Whether a name in a group is one of these.
pub(super) fn is_alias(group: &str, name: &str) -> bool {
    group == GROUP && NAMES.contains(&name)
}

/// Joins the names that are used, each with its level; those that are off count for nothing. A rule has one level, so
/// two levels for two kinds of files are refused.
pub(super) fn settle(found: &[(&Member, Level, Span)]) -> Result<Option<Alias>, YamlError> {
    let on: Vec<_> = found.iter().filter(|(_, level, _)| *level != Level::Off).collect();
    let Some((first, level, span)) = on.first().copied().or(found.first()) else { return Ok(None) };
    if let Some((other, _, place)) = on.iter().find(|(_, other, _)| other != level) {
        let message = format!("`{}` and `{}` have different levels, and a rule has one", first.key, other.key);
        let hint = format!("name the rules of `{GROUP}`, each with its level and `{SETTING}`");
        return Err(YamlError::new(*place, message).with_hint(hint));
    }
    let kinds = on
        .iter()
        .map(|(member, ..)| Node { value: Value::Scalar(member.key.clone(), Scalar::Text), span: member.key_span });
    let kinds: Vec<Node> = kinds.collect();
    let settings = if kinds.is_empty() {
        Vec::new()
    } else {
        let value = Node { value: Value::List(kinds), span: first.key_span };
        vec![Member { key: SETTING.to_owned(), key_span: first.key_span, value }]
    };
    Ok(Some(Alias { key_span: first.key_span, level: *level, span: *span, settings }))
}

#[cfg(test)]
mod tests {
    use crate::policy::{Policy, parse};
    use crate::rules::Level;

    fn policy(text: &str) -> Result<Policy, String> {
        let none = |_: &str| Err("no such file".to_owned());
        parse(text, "imgguard.yaml", &mut { none }).map_err(|errors| errors.to_string())
    }

    #[test]
    fn one_name_stands_for_all_rules_of_the_group() {
        let text = "version: 1\nrules:\n  consistency: { compose: warn, kubernetes: warn }\n";
        let rules = policy(text).expect("good").rules;
        assert_eq!(rules.len(), 7);
        for rule in &rules {
            assert!(rule.rule.id.starts_with("consistency."));
            assert_eq!(rule.level, Level::Warn);
            assert_eq!(rule.settings[1].value, "[compose, kubernetes]", "{}", rule.rule.id);
        }
        let text = "version: 1\nrules:\n  consistency: { ports: deny, compose: info, kubernetes: off }\n";
        let rules = policy(text).expect("good").rules;
        let level = |id: &str| rules.iter().find(|rule| rule.rule.id == id).map(|rule| rule.level);
        assert_eq!(level("consistency.ports"), Some(Level::Deny));
        assert_eq!(level("consistency.user"), Some(Level::Info));
    }

    #[test]
    fn two_levels_are_refused_at_their_place() {
        let Err(error) = policy("version: 1\nrules:\n  consistency: { compose: warn, kubernetes: deny }\n") else {
            panic!("accepted")
        };
        assert!(error.starts_with("imgguard.yaml:3:45: `compose` and `kubernetes` have different levels"), "{error}");
        assert!(policy("version: 1\nrules:\n  consistency: { compose: {} }\n").is_err());
    }

    #[test]
    fn evidence_is_a_list_of_relative_paths() {
        let text = "version: 1\nevidence: [docker-compose.yml, ./k8s/]\nrules: { user: { root: deny } }\n";
        assert_eq!(policy(text).expect("good").evidence, ["docker-compose.yml", "k8s"]);
        for wrong in ["[]", "x", "[/etc]", "['']", "[1]"] {
            assert!(policy(&format!("version: 1\nevidence: {wrong}\nrules: {{ user: {{ root: deny }} }}\n")).is_err());
        }
    }
}
