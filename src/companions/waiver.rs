//! Waivers in comments of a Dockerfile: `# imgguard: waive[ports.exactly] until=2027-01-15 owner=@ops reason="…"`.

/// A waiver for the instruction below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// Ids of the rules that are waived.
    pub rules: Vec<String>,
    /// The last day on which it holds, such as `2027-01-15`.
    pub until: String,
    /// The end of that day (UTC), in seconds since 1970.
    pub ends: i64,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// Its line, from 1.
    pub line: usize,
    /// First line of the instruction it is about; none when there is none.
    pub covers: Option<usize>,
}

/// A waiver that is written wrongly, and so waives nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaiverProblem {
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong: a lowercase fragment.
    pub message: String,
}

/// Most rules of one waiver.
const MAX_RULES: usize = 50;

/// Reads a comment, which begins with `#`; none when it is not about imgguard.
pub(super) fn read(comment: &str, line: usize) -> Option<Result<Waiver, WaiverProblem>> {
    let body = comment.trim_start_matches('#').trim_start().strip_prefix("imgguard:")?.trim();
    Some(parse(body, line).map_err(|message| WaiverProblem { line, message }))
}

fn parse(body: &str, line: usize) -> Result<Waiver, String> {
    let form = "write `# imgguard: waive[rule] until=2027-01-31 owner=@team reason=\"…\"`";
    let rest = body.strip_prefix("waive[").ok_or_else(|| format!("not a waiver: {form}"))?;
    let (rules, rest) = rest.split_once(']').ok_or_else(|| format!("`waive[` is not closed: {form}"))?;
    let rules: Vec<String> = rules.split(',').map(|rule| rule.trim().to_owned()).collect();
    if rules.len() > MAX_RULES || rules.iter().any(|rule| !is_rule(rule)) {
        return Err(format!("`waive[…]` names rules such as `dockerfile.base-tag`, and no patterns: {form}"));
    }
    let fields = fields(rest)?;
    let known = ["until", "owner", "reason"];
    if let Some((key, _)) = fields.iter().find(|(key, _)| !known.contains(&key.as_str())) {
        let hint = crate::yaml::suggest(key, &known).unwrap_or_default();
        return Err(format!("unknown key `{key}` in a waiver: {hint}"));
    }
    let take = |name: &str| {
        let mut values = fields.iter().filter(|(key, _)| key == name).map(|(_, value)| value.trim().to_owned());
        match (values.next().filter(|value| !value.is_empty()), values.next()) {
            (Some(value), None) => Ok(value),
            (None, _) => Err(format!("a waiver needs `{name}`: {form}")),
            (Some(_), Some(_)) => Err(format!("`{name}` is given twice in a waiver")),
        }
    };
    let (until, owner, reason) = (take("until")?, take("owner")?, take("reason")?);
    let ends =
        crate::model::end_of_day(&until).ok_or_else(|| format!("`{until}` is no day: write it as `2027-01-31`"))?;
    Ok(Waiver { rules, until, ends, owner, reason, line, covers: None })
}

fn is_rule(text: &str) -> bool {
    text.split_once('.').is_some_and(|(group, name)| {
        let word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        word(group) && word(name)
    })
}

/// `key=value` with double quotes around values that have blanks.
fn fields(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut fields = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, behind) = rest.split_once('=').ok_or("a waiver has fields of the form `key=value`")?;
        let (value, behind) = match behind.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or("a quote in a waiver is not closed")?,
            None => behind.split_once(char::is_whitespace).unwrap_or((behind, "")),
        };
        fields.push((key.trim().to_owned(), value.to_owned()));
        rest = behind.trim_start();
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiver_names_rules_an_end_an_owner_and_a_reason() {
        let text = "# imgguard: waive[ports.exactly, user.root] until=1970-01-01 owner=@ops reason=\"needs both\"";
        let waiver = read(text, 3).expect("about imgguard").expect("good");
        assert_eq!(waiver.rules, ["ports.exactly", "user.root"]);
        assert_eq!((waiver.ends, waiver.owner.as_str(), waiver.reason.as_str()), (86_400, "@ops", "needs both"));
        assert!(read("# a comment", 1).is_none());
    }

    #[test]
    fn a_waiver_without_one_of_them_is_refused() {
        let wrong =
            |text: &str| read(&format!("# imgguard: {text}"), 1).expect("about imgguard").expect_err(text).message;
        assert!(wrong("waive[a.b] until=2027-01-15 owner=@ops").contains("needs `reason`"));
        assert!(wrong("waive[a.b] owner=@ops reason=x").contains("needs `until`"));
        assert!(wrong("waive[a.b] until=2027-02-30 owner=@ops reason=x").contains("is no day"));
        assert!(wrong("waive[a.b] until=true owner=@ops reason=x").contains("is no day"));
        assert!(wrong("waive[] until=2027-01-15 owner=a reason=x").contains("names rules"));
        assert!(wrong("waive[*] until=2027-01-15 owner=a reason=x").contains("no patterns"));
        assert!(wrong("waive[a.b] untl=2027-01-15").contains("did you mean `until`?"));
        assert!(wrong("waive[a.b] until=2027-01-15 owner=a reason=\"x").contains("not closed"));
        assert!(wrong("waive[a.b] until=2027-01-15 owner=a owner=b reason=x").contains("twice"));
        assert!(wrong("allow x").contains("not a waiver"));
    }
}
