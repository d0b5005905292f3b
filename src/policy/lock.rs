//! What a lock protects: which change of a rule makes it looser.
//!
//! A rule says in the schema of its settings what "tighter" means, with the keyword `x-tighter` on a setting: `smaller`,
//! `larger` (numbers, sizes, percentages, durations), `fewer` (a list that allows), `more` (a list or table that
//! demands or forbids), `true`, `false`, or a list of words from the loosest to the tightest. A setting without it may not
//! change at all once it is locked.

use serde_json::Value;

use crate::model::parse_size;
use crate::rules::Rule;
use crate::yaml::{Node, read};

use super::schema::Settings;

/// The keyword.
const TIGHTER: &str = "x-tighter";

/// Whether a change of a setting makes the rule looser. `before` and `after` are what is written; none means the rule's
/// own default.
pub(super) fn is_looser(rule: &Rule, key: &str, before: Option<&Node>, after: Option<&Node>) -> bool {
    let settings = Settings::of(rule);
    let property = settings.properties.get(key);
    let default = || property.and_then(|property| property.get("default")).cloned().filter(|value| !value.is_null());
    let value = |node: Option<&Node>| node.map_or_else(default, |node| read::<Value>(node).ok());
    let (before, after) = (value(before), value(after));
    if before == after {
        return false;
    }
    let Some(order) = property.and_then(|property| property.get(TIGHTER)) else { return true };
    match (before, after) {
        (Some(before), Some(after)) => !is_tighter(order, &before, &after),
        // Where there was no limit, a limit is tighter; what a default allows or forbids is not known.
        (None, Some(_)) => {
            let adds = matches!(order.as_str(), Some("smaller" | "larger"));
            let optional = property.is_some_and(is_optional);
            !(adds && optional)
        }
        (_, None) => true,
    }
}

/// Whether a setting may be left out and then limits nothing.
fn is_optional(property: &Value) -> bool {
    let is_null = |value: &Value| value.get("type").and_then(Value::as_str) == Some("null");
    let types = property.get("type").and_then(Value::as_array);
    let alternatives = property.get("anyOf").and_then(Value::as_array);
    types.is_some_and(|types| types.iter().any(|one| one == "null"))
        || alternatives.is_some_and(|all| all.iter().any(is_null))
}

fn is_tighter(order: &Value, before: &Value, after: &Value) -> bool {
    if let Some(ladder) = order.as_array() {
        let step = |value: &Value| ladder.iter().position(|word| word == value);
        return step(before).zip(step(after)).is_some_and(|(before, after)| after >= before);
    }
    match order.as_str() {
        Some("smaller") => measures(before, after).is_some_and(|(before, after)| after <= before),
        Some("larger") => measures(before, after).is_some_and(|(before, after)| after >= before),
        Some("fewer") => contains(before, after),
        Some("more") => contains(after, before),
        Some("true") => after.as_bool() == Some(true),
        Some("false") => after.as_bool() == Some(false),
        _ => false,
    }
}

fn measures(before: &Value, after: &Value) -> Option<(f64, f64)> {
    measure(before).zip(measure(after))
}

/// A number, size, percentage or duration as a number that compares with others of its kind.
fn measure(value: &Value) -> Option<f64> {
    let text = match value {
        Value::Number(number) => return number.as_f64(),
        Value::String(text) => text.trim(),
        _ => return None,
    };
    if let Some(percent) = text.strip_suffix('%') {
        return percent.trim().parse().ok();
    }
    if let Ok(size) = parse_size(text) {
        #[expect(clippy::cast_precision_loss, reason = "limits are compared, and none is that large")]
        return Some(size as f64);
    }
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1.0,
        'm' => 60.0,
        'h' => 3_600.0,
        'd' => 86_400.0,
        'w' => 604_800.0,
        _ => return None,
    };
    let number: f64 = text[..text.len() - unit.len_utf8()].parse().ok()?;
    Some(number * seconds)
}

/// Whether everything in `part` is in `whole` too: elements of lists, members of tables with the same values.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Array(whole), Value::Array(part)) => part.iter().all(|element| whole.contains(element)),
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, value)| whole.get(key).is_some_and(|known| known == value || contains(known, value)))
        }
        _ => whole == part,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tighter_means_what_the_setting_says() {
        let good = [
            ("smaller", json!("2GB"), json!("1.9GB")),
            ("smaller", json!("30d"), json!("48h")),
            ("smaller", json!("5%"), json!("5%")),
            ("larger", json!(3), json!(4)),
            ("fewer", json!(["a", "b"]), json!(["b"])),
            ("more", json!(["a"]), json!(["b", "a"])),
            ("more", json!({"DEBUG": "1"}), json!({"DEBUG": "1", "X": "0"})),
            ("true", json!(false), json!(true)),
        ];
        for (order, before, after) in good {
            assert!(is_tighter(&json!(order), &before, &after), "{order} {before} {after}");
            if before != after {
                assert!(!is_tighter(&json!(order), &after, &before), "{order} {after} {before}");
            }
        }
        let ladder = json!(["guessed", "claimed", "proved"]);
        assert!(is_tighter(&ladder, &json!("claimed"), &json!("proved")));
        assert!(!is_tighter(&ladder, &json!("claimed"), &json!("guessed")));
        assert!(
            !is_tighter(&json!("smaller"), &json!("2GB"), &json!("soon")),
            "what cannot be compared is not tighter"
        );
    }

    #[test]
    fn every_order_in_the_table_of_rules_is_one_that_is_known() {
        for rule in crate::rules::RULES {
            for (name, property) in Settings::of(rule).properties {
                let Some(order) = property.get(TIGHTER) else { continue };
                let known = order.as_array().is_some_and(|ladder| ladder.iter().all(Value::is_string))
                    || order
                        .as_str()
                        .is_some_and(|word| ["smaller", "larger", "fewer", "more", "true", "false"].contains(&word));
                assert!(known, "{}: {name}: {order}", rule.id);
            }
        }
    }

    #[test]
    fn the_size_budget_may_shrink_and_nothing_else() {
        let rule = crate::rules::find("size.total").expect("a rule");
        let node =
            |text: &str| crate::yaml::parse(&format!("v: {text}")).expect("YAML").get("v").expect("v").value.clone();
        let looser = |key: &str, before: Option<&str>, after: Option<&str>| {
            is_looser(rule, key, before.map(node).as_ref(), after.map(node).as_ref())
        };
        assert!(!looser("below", Some("2GB"), Some("1GB")));
        assert!(looser("below", Some("2GB"), Some("3GB")));
        assert!(looser("below", None, Some("1GB")), "what the default is, the schema does not say");
        assert!(looser("below", Some("2GB"), None));
        assert!(!looser("warn-at", None, Some("1GB")), "a mark where there was none");
        assert!(looser("basis", Some("compressed"), Some("visible")), "without an order it must stay equal");
        assert!(!looser("basis", Some("visible"), Some("visible")));
    }
}
