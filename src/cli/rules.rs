//! `imgguard rules`: what can be judged.

use clap::Args;

use crate::policy::{handbook, rule_page};
use crate::rules::{RULES, find};

use super::{Exit, Failure, output};

#[derive(Debug, Args)]
pub(super) struct RulesArguments {
    /// Explain this rule only, such as user.root.
    #[arg(value_name = "RULE")]
    rule: Option<String>,
    /// Print the whole handbook as Markdown.
    #[arg(long, conflicts_with = "rule")]
    markdown: bool,
}

pub(super) fn run(arguments: &RulesArguments) -> Result<Exit, Failure> {
    if arguments.markdown {
        output::print(&handbook())?;
    } else if let Some(id) = &arguments.rule {
        let by_code = || RULES.iter().find(|rule| rule.code.eq_ignore_ascii_case(id));
        let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        let unknown = || {
            let hint = crate::yaml::suggest(id, &ids).unwrap_or_default();
            Failure::usage(format!("there is no rule `{id}`")).with_hint(hint)
        };
        output::print(&rule_page(find(id).or_else(by_code).ok_or_else(unknown)?))?;
    } else {
        let width = RULES.iter().map(|rule| rule.id.len()).max().unwrap_or_default();
        let lines: Vec<String> =
            RULES.iter().map(|rule| format!("{}  {:width$}  {}\n", rule.code, rule.id, rule.summary)).collect();
        output::print(&lines.concat())?;
    }
    Ok(Exit::Pass)
}
