//! The `tags` and `flavor` inputs of docker/metadata-action: which tags they ask for in a run of a workflow.
//!
//! Only the list of names is made here, as that action makes it; what may then be written is decided by
//! [`plan`](super::plan()), which knows the repository.

use std::collections::BTreeMap;

use semver::Version;

use super::name::check_tag;

/// What a workflow run knows of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// `GITHUB_EVENT_NAME`
    pub event: String,
    /// `GITHUB_REF`, such as `refs/tags/v1.4.2`
    pub reference: String,
    /// `GITHUB_SHA`
    pub sha: String,
    /// Number of the pull request.
    pub pull_request: Option<u64>,
    /// Name of the default branch.
    pub default_branch: String,
    /// `GITHUB_BASE_REF`
    pub base_reference: String,
    /// The time, in seconds since 1970; patterns with a date need it.
    pub now: Option<i64>,
}

/// What is wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of `{input}`: {why}")]
pub struct MetadataError {
    /// `tags` or `flavor`.
    pub input: &'static str,
    /// Line from 1.
    pub line: usize,
    /// What is wrong, as a sentence without a full stop.
    pub why: String,
}

/// The tags that a run asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags {
    /// Names, the most important one first, without `latest`.
    pub names: Vec<String>,
    /// `latest`, with the prefix and suffix that it gets; none when it is not asked for.
    pub latest: Option<String>,
    /// What gave no tag although it was asked for, each a sentence.
    pub warnings: Vec<String>,
}

/// One line of an input: its attributes.
type Fields = BTreeMap<String, String>;

/// Reads comma-separated `name=value` pairs; a value may be in double quotes.
fn fields(line: &str) -> Result<Fields, String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                parts.last_mut().into_iter().for_each(|part| part.push('"'));
            }
            '"' => quoted = !quoted,
            ',' if !quoted => parts.push(String::new()),
            letter => parts.last_mut().into_iter().for_each(|part| part.push(letter)),
        }
    }
    if quoted {
        return Err("a quote is not closed".to_owned());
    }
    let mut found = Fields::new();
    for part in parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or(("value", part));
        if found.insert(name.trim().to_lowercase(), value.trim().to_owned()).is_some() {
            return Err(format!("`{}` is given twice", name.trim()));
        }
    }
    Ok(found)
}

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Flavor {
    latest: Option<bool>,
    prefix: String,
    suffix: String,
    prefix_on_latest: bool,
    suffix_on_latest: bool,
}

fn flavor(text: &str) -> Result<Flavor, MetadataError> {
    let mut flavor = Flavor {
        latest: None,
        prefix: String::new(),
        suffix: String::new(),
        prefix_on_latest: false,
        suffix_on_latest: false,
    };
    for (line, content) in lines(text) {
        let wrong = |why: String| MetadataError { input: "flavor", line, why };
        let mut found = fields(content).map_err(wrong)?;
        let on_latest = flag(found.remove("onlatest").as_deref(), "onlatest").map_err(wrong)?.unwrap_or(false);
        for (name, value) in found {
            match name.as_str() {
                "latest" if value == "auto" => flavor.latest = None,
                "latest" => flavor.latest = flag(Some(&value), "latest").map_err(wrong)?,
                "prefix" => (flavor.prefix, flavor.prefix_on_latest) = (value, on_latest),
                "suffix" => (flavor.suffix, flavor.suffix_on_latest) = (value, on_latest),
                other => {
                    return Err(wrong(format!(
                        "there is no attribute `{other}`; known are latest, prefix, suffix, onlatest"
                    )));
                }
            }
        }
    }
    Ok(flavor)
}

fn flag(value: Option<&str>, name: &str) -> Result<Option<bool>, String> {
    match value {
        None | Some("") => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(other) => Err(format!("`{name}` is `true` or `false`, not `{other}`")),
    }
}

/// A tag that a line asks for.
struct Asked {
    priority: i64,
    order: usize,
    /// Without prefix and suffix of the flavor.
    name: String,
    prefix: Option<String>,
    suffix: Option<String>,
    /// Whether this kind of tag brings `latest` along.
    latest: bool,
}

/// Makes the list of tags of a run.
///
/// # Errors
/// [`MetadataError`] for an input that docker/metadata-action would refuse as well, or whose result is no tag.
pub fn tags_of(tags: &str, flavor_text: &str, context: &Context) -> Result<Tags, MetadataError> {
    let flavor = flavor(flavor_text)?;
    let default = "type=schedule\ntype=ref,event=branch\ntype=ref,event=tag\ntype=ref,event=pr";
    let text = if lines(tags).next().is_none() { default } else { tags };
    let mut result = Tags::default();
    let mut asked: Vec<Asked> = Vec::new();
    for (order, (line, content)) in lines(text).enumerate() {
        let wrong = |why: String| MetadataError { input: "tags", line, why };
        let found = fields(content).map_err(wrong)?;
        let enabled = found.get("enable").map(|text| rendered(text, context)).transpose().map_err(wrong)?;
        if flag(enabled.as_deref(), "enable").map_err(wrong)? == Some(false) {
            continue;
        }
        match one(&found, context).map_err(wrong)? {
            Made::Tag(name, latest) => {
                let kind = found.get("type").map_or("raw", String::as_str);
                let priority = match found.get("priority") {
                    Some(number) => number.parse().map_err(|_| wrong(format!("`{number}` is no priority")))?,
                    None => usual_priority(kind),
                };
                let own = |key: &str| found.get(key).map(|text| rendered(text, context)).transpose();
                asked.push(Asked {
                    priority,
                    order,
                    name,
                    prefix: own("prefix")
                        .map_err(wrong)?
                        .or_else(|| (kind == "sha").then(|| "sha-".to_owned()))
                        .or_else(|| {
                            (kind == "ref" && found.get("event").is_some_and(|event| event == "pr"))
                                .then(|| "pr-".to_owned())
                        }),
                    suffix: own("suffix").map_err(wrong)?,
                    latest,
                });
            }
            Made::Nothing => {}
            Made::Warning(why) => result.warnings.push(format!("line {line} of `tags`: {why}")),
        }
    }
    asked.sort_by_key(|one| (std::cmp::Reverse(one.priority), one.order));
    let brings_latest = flavor.latest.unwrap_or_else(|| asked.first().is_some_and(|first| first.latest));
    for one in asked {
        let name = sanitised(&format!(
            "{}{}{}",
            one.prefix.as_deref().unwrap_or(&flavor.prefix),
            one.name,
            one.suffix.as_deref().unwrap_or(&flavor.suffix)
        ));
        check_tag(&name).map_err(|error| MetadataError {
            input: "tags",
            line: one.order + 1,
            why: error.to_string(),
        })?;
        if !result.names.contains(&name) {
            result.names.push(name);
        }
    }
    if brings_latest && !result.names.is_empty() {
        let prefix = if flavor.prefix_on_latest { flavor.prefix.as_str() } else { "" };
        let suffix = if flavor.suffix_on_latest { flavor.suffix.as_str() } else { "" };
        result.latest = Some(sanitised(&format!("{prefix}latest{suffix}")));
        result.names.retain(|name| Some(name) != result.latest.as_ref());
    }
    Ok(result)
}

fn usual_priority(kind: &str) -> i64 {
    match kind {
        "schedule" => 1000,
        "semver" | "pep440" => 900,
        "match" => 800,
        "edge" => 700,
        "ref" => 600,
        "raw" => 200,
        _ => 100,
    }
}

/// What no tag may hold becomes one `-`.
fn sanitised(name: &str) -> String {
    let mut clean = String::with_capacity(name.len());
    let mut replaced = false;
    for letter in name.chars() {
        let good = letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
        if good {
            clean.push(letter);
        } else if !replaced {
            clean.push('-');
        }
        replaced = !good;
    }
    clean
}

enum Made {
    /// A name, and whether it brings `latest` along.
    Tag(String, bool),
    Nothing,
    Warning(String),
}

fn one(found: &Fields, context: &Context) -> Result<Made, String> {
    const COMMON: &[&str] = &["type", "enable", "priority", "prefix", "suffix"];
    let kind = found.get("type").map_or("raw", String::as_str);
    let known: &[&str] = match kind {
        "schedule" => &["pattern"],
        "semver" | "pep440" => &["pattern", "value", "match"],
        "match" => &["pattern", "group", "value"],
        "edge" => &["branch"],
        "ref" => &["event"],
        "raw" => &["value"],
        "sha" => &["format"],
        other => return Err(format!("there is no type `{other}`")),
    };
    if let Some(other) = found.keys().find(|key| !COMMON.contains(&key.as_str()) && !known.contains(&key.as_str())) {
        return Err(format!("`type={kind}` has no attribute `{other}`; it has {}", known.join(", ")));
    }
    let value = |key: &str| found.get(key).filter(|text| !text.is_empty());
    let tag = context.reference.strip_prefix("refs/tags/");
    let branch = context.reference.strip_prefix("refs/heads/");
    match kind {
        "schedule" => {
            if context.event != "schedule" {
                return Ok(Made::Nothing);
            }
            let pattern = value("pattern").map_or("nightly", String::as_str);
            Ok(Made::Tag(rendered(pattern, context)?, false))
        }
        "semver" | "pep440" => {
            let pattern = value("pattern").ok_or_else(|| format!("`type={kind}` needs a pattern"))?;
            let given = value("value").map(|text| rendered(text, context)).transpose()?;
            let Some(text) = given.or_else(|| tag.map(str::to_owned)) else { return Ok(Made::Nothing) };
            let text = match value("match") {
                None => text,
                Some(pattern) => match captured(pattern, &text, 1)? {
                    Some(part) => part,
                    None => return Ok(Made::Warning(format!("`{pattern}` does not match `{text}`"))),
                },
            };
            let text = text.replace('/', "-");
            Ok(if kind == "semver" { semver_tag(pattern, &text) } else { pep440_tag(pattern, &text) })
        }
        "match" => {
            let pattern = value("pattern").ok_or("`type=match` needs a pattern")?;
            let group =
                value("group").map_or(Ok(0), |text| text.parse().map_err(|_| format!("`{text}` is no group")))?;
            let given = value("value").map(|text| rendered(text, context)).transpose()?;
            let Some(text) = given.or_else(|| tag.map(str::to_owned)) else { return Ok(Made::Nothing) };
            Ok(match captured(pattern, &text, group)? {
                Some(part) => Made::Tag(part, true),
                None => Made::Warning(format!("`{pattern}` does not match `{text}`")),
            })
        }
        "edge" => {
            let wanted = value("branch").map_or(context.default_branch.as_str(), String::as_str);
            Ok(if branch == Some(wanted) { Made::Tag("edge".to_owned(), false) } else { Made::Nothing })
        }
        "ref" => {
            let event = value("event").ok_or("`type=ref` needs `event=branch`, `event=tag` or `event=pr`")?;
            Ok(match event.as_str() {
                "branch" => branch.map_or(Made::Nothing, |name| Made::Tag(name.to_owned(), false)),
                "tag" => tag.map_or(Made::Nothing, |name| Made::Tag(name.to_owned(), true)),
                "pr" => context.pull_request.map_or(Made::Nothing, |number| Made::Tag(number.to_string(), false)),
                other => return Err(format!("`event` is branch, tag or pr, not `{other}`")),
            })
        }
        "raw" => {
            let text = value("value").ok_or("`type=raw` needs a value")?;
            Ok(Made::Tag(rendered(text, context)?, false))
        }
        _ => match value("format").map_or("short", String::as_str) {
            "short" => Ok(Made::Tag(context.sha.chars().take(7).collect(), false)),
            "long" => Ok(Made::Tag(context.sha.clone(), false)),
            other => Err(format!("`format` is short or long, not `{other}`")),
        },
    }
}

fn captured(pattern: &str, text: &str, group: usize) -> Result<Option<String>, String> {
    // `/…/flags`, as JavaScript writes it.
    let inner = pattern.strip_prefix('/').and_then(|rest| rest.rsplit_once('/'));
    let (body, insensitive) = inner.map_or((pattern, false), |(body, flags)| (body, flags.contains('i')));
    let expression = regex::RegexBuilder::new(body)
        .case_insensitive(insensitive)
        .size_limit(1 << 20)
        .build()
        .map_err(|_| format!("`{pattern}` is no regular expression"))?;
    Ok(expression.captures(text).and_then(|found| Some(found.get(group)?.as_str().to_owned())))
}

fn semver_tag(pattern: &str, text: &str) -> Made {
    let plain = text.strip_prefix('v').unwrap_or(text);
    let Ok(version) = Version::parse(plain) else {
        return Made::Warning(format!("`{text}` is no semantic version, so that there is no tag"));
    };
    let without_build = Version { build: semver::BuildMetadata::EMPTY, ..version.clone() }.to_string();
    let render = |pattern: &str| {
        replace_all(pattern, &mut |name| match name {
            "raw" => Some(text.to_owned()),
            "version" => Some(without_build.clone()),
            "major" => Some(version.major.to_string()),
            "minor" => Some(version.minor.to_string()),
            "patch" => Some(version.patch.to_string()),
            _ => None,
        })
    };
    made(pattern, version.pre.is_empty(), &render)
}

/// A final release renders its pattern and brings `latest` along; of any other every pattern but `{{raw}}` gives the version.
fn made(pattern: &str, is_final: bool, render: &dyn Fn(&str) -> String) -> Made {
    let is_raw = pattern.replace(' ', "") == "{{raw}}";
    Made::Tag(render(if is_final || is_raw { pattern } else { "{{version}}" }), is_final)
}

/// Python's versions (PEP 440), as far as they decide about tags: numbers, and whether it is a final release.
fn pep440_tag(pattern: &str, text: &str) -> Made {
    let lower = text.trim().to_lowercase();
    let plain = lower.strip_prefix('v').unwrap_or(&lower);
    let end = plain.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(plain.len());
    let numbers: Vec<&str> = plain[..end].trim_end_matches('.').split('.').collect();
    let rest = &plain[end..];
    let known = rest.is_empty()
        || rest.starts_with('+')
        || ["a", "b", "c", "rc", "alpha", "beta", "pre", "preview", "post", "rev", "r", "dev"]
            .iter()
            .any(|word| rest.trim_start_matches(['.', '-', '_']).starts_with(word));
    if numbers.iter().any(|number| number.is_empty()) || !known {
        return Made::Warning(format!("`{text}` is no version of PEP 440, so that there is no tag"));
    }
    let is_final = rest.is_empty() || rest.starts_with('+');
    let part = |at: usize| numbers.get(at).copied().unwrap_or("0").to_owned();
    let render = |pattern: &str| {
        replace_all(pattern, &mut |name| match name {
            "raw" => Some(text.to_owned()),
            "version" => Some(plain.to_owned()),
            "major" => Some(part(0)),
            "minor" => Some(part(1)),
            "patch" => Some(part(2)),
            _ => None,
        })
    };
    made(pattern, is_final, &render)
}

/// Replaces `{{name}}`; what is not known stays as it is.
fn replace_all(text: &str, value: &mut dyn FnMut(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, inside)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((name, after)) = inside.split_once("}}") else {
            out.push_str("{{");
            rest = inside;
            continue;
        };
        if let Some(text) = value(name.trim()) {
            out.push_str(&text);
        } else {
            out.push_str("{{");
            out.push_str(name);
            out.push_str("}}");
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Replaces the expressions that every attribute may hold.
fn rendered(text: &str, context: &Context) -> Result<String, String> {
    let mut problem = None;
    let branch = context.reference.strip_prefix("refs/heads/").unwrap_or_default();
    let done = replace_all(text, &mut |name| {
        Some(match name {
            "branch" => branch.to_owned(),
            "tag" => context.reference.strip_prefix("refs/tags/").unwrap_or_default().to_owned(),
            "sha" => context.sha.chars().take(7).collect(),
            "base_ref" => context.base_reference.clone(),
            "is_default_branch" => (!branch.is_empty() && branch == context.default_branch).to_string(),
            "is_not_default_branch" => (branch != context.default_branch).to_string(),
            other => match other.strip_prefix("date").map(str::trim_start) {
                Some(format) => match dated(format, context.now) {
                    Ok(text) => text,
                    Err(why) => {
                        problem = Some(why);
                        String::new()
                    }
                },
                None => return None,
            },
        })
    });
    problem.map_or(Ok(done), Err)
}

/// A date in the form that is quoted, such as `'YYYYMMDD'`, in UTC.
fn dated(format: &str, now: Option<i64>) -> Result<String, String> {
    if format.contains("tz=") {
        return Err("time zones of dates are not supported: leave `tz` away for UTC".to_owned());
    }
    let now = now.ok_or("a pattern with a date needs the time")?;
    let time = jiff::Timestamp::from_second(now).map_err(|_| "the time is out of range".to_owned())?;
    let time = time.to_zoned(jiff::tz::TimeZone::UTC);
    let format = format.trim().trim_matches(['\'', '"']);
    let mut out = String::new();
    let mut rest = format;
    while !rest.is_empty() {
        let tokens: [(&str, String); 7] = [
            ("YYYY", format!("{:04}", time.year())),
            ("MM", format!("{:02}", time.month())),
            ("DD", format!("{:02}", time.day())),
            ("HH", format!("{:02}", time.hour())),
            ("mm", format!("{:02}", time.minute())),
            ("ss", format!("{:02}", time.second())),
            ("X", now.to_string()),
        ];
        if let Some((token, text)) = tokens.iter().find(|(token, _)| rest.starts_with(token)) {
            out.push_str(text);
            rest = &rest[token.len()..];
        } else {
            let mut letters = rest.chars();
            out.extend(letters.next());
            rest = letters.as_str();
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(reference: &str) -> Context {
        Context {
            event: "push".to_owned(),
            reference: reference.to_owned(),
            sha: "860c1904a1ce19322e91ac35af1ab07466440c37".to_owned(),
            default_branch: "main".to_owned(),
            now: Some(1_795_608_000),
            ..Context::default()
        }
    }

    fn told(tags: &str, flavor: &str, context: &Context) -> (Vec<String>, Option<String>) {
        let made = tags_of(tags, flavor, context).expect("good inputs");
        (made.names, made.latest)
    }

    fn list(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    const SEMVER: &str =
        "type=semver,pattern={{version}}\ntype=semver,pattern={{major}}.{{minor}}\ntype=semver,pattern={{major}}";

    #[test]
    fn a_release_renders_every_pattern_and_brings_latest_along() {
        let latest = Some("latest".to_owned());
        assert_eq!(told(SEMVER, "", &at("refs/tags/v1.4.2")), (list(&["1.4.2", "1.4", "1"]), latest));
        assert_eq!(told(SEMVER, "latest=false", &at("refs/tags/v1.4.2")), (list(&["1.4.2", "1.4", "1"]), None));
        assert_eq!(told(SEMVER, "", &at("refs/heads/main")), (vec![], None));
    }

    #[test]
    fn a_version_before_a_release_collapses_to_itself() {
        assert_eq!(told(SEMVER, "", &at("refs/tags/v2.0.0-rc.1")), (list(&["2.0.0-rc.1"]), None));
        let raw = "type=semver,pattern={{raw}}";
        assert_eq!(told(raw, "", &at("refs/tags/v2.0.0-rc.1")), (list(&["v2.0.0-rc.1"]), None));
        let build = told("type=semver,pattern={{version}}", "", &at("refs/tags/1.0.0+7"));
        assert_eq!(build, (list(&["1.0.0"]), Some("latest".to_owned())));
    }

    #[test]
    fn without_input_the_reference_names_the_tag() {
        assert_eq!(told("", "", &at("refs/heads/feature/a")), (list(&["feature-a"]), None));
        assert_eq!(told("", "", &at("refs/tags/v1")), (list(&["v1"]), Some("latest".to_owned())));
        let pull = Context { pull_request: Some(7), ..at("refs/pull/7/merge") };
        assert_eq!(told("", "", &pull), (list(&["pr-7"]), None));
    }

    #[test]
    fn the_first_tag_decides_about_latest() {
        let tags = "type=raw,value=extra,priority=950\ntype=semver,pattern={{version}}";
        assert_eq!(told(tags, "", &at("refs/tags/1.0.0")), (list(&["extra", "1.0.0"]), None));
        let sorted = "type=sha\ntype=raw,value=extra\ntype=semver,pattern={{version}}";
        let expected = list(&["1.0.0", "extra", "sha-860c190"]);
        assert_eq!(told(sorted, "", &at("refs/tags/1.0.0")), (expected, Some("latest".to_owned())));
    }

    #[test]
    fn prefixes_and_suffixes_of_a_tag_take_the_place_of_the_flavors() {
        let flavor = "prefix=p-\nsuffix=-alpine,onlatest=true";
        let tags = "type=semver,pattern={{version}}\ntype=raw,value=x,prefix=,suffix=-y";
        let latest = Some("latest-alpine".to_owned());
        assert_eq!(told(tags, flavor, &at("refs/tags/1.0.0")), (list(&["p-1.0.0-alpine", "x-y"]), latest));
    }

    #[test]
    fn expressions_and_dates_are_rendered() {
        let tags = "type=raw,value={{branch}}-{{sha}}-{{date 'YYYYMMDD'}},enable={{is_default_branch}}";
        assert_eq!(told(tags, "", &at("refs/heads/main")), (list(&["main-860c190-20261125"]), None));
        assert_eq!(told(tags, "", &at("refs/heads/next")), (vec![], None));
        let matched = r#"type=match,"pattern=\d{1,3}.\d{1,3}",group=0"#;
        assert_eq!(told(matched, "", &at("refs/tags/p-08.1")), (list(&["08.1"]), Some("latest".to_owned())));
        assert_eq!(told("type=pep440,pattern={{major}}", "", &at("refs/tags/1.2.3rc1")), (list(&["1.2.3rc1"]), None));
    }

    #[test]
    fn what_cannot_be_understood_is_told_with_its_line() {
        for (tags, flavor, expected) in [
            ("type=semver", "", "line 1 of `tags`: `type=semver` needs a pattern"),
            ("\ntype=magic", "", "line 2 of `tags`: there is no type `magic`"),
            ("type=raw,value=a,colour=red", "", "line 1 of `tags`: `type=raw` has no attribute `colour`; it has value"),
            ("type=raw,value=\"a", "", "line 1 of `tags`: a quote is not closed"),
            ("type=raw,value=a,enable=perhaps", "", "line 1 of `tags`: `enable` is `true` or `false`, not `perhaps`"),
            ("type=ref,event=push", "", "line 1 of `tags`: `event` is branch, tag or pr, not `push`"),
            ("type=raw,value=a", "newest=true", "line 1 of `flavor`: there is no attribute `newest`"),
            ("type=match,pattern=(", "", "line 1 of `tags`: `(` is no regular expression"),
        ] {
            let error = tags_of(tags, flavor, &at("refs/tags/v1")).expect_err(tags);
            assert!(error.to_string().starts_with(expected), "{error}");
        }
        let odd = tags_of("type=semver,pattern={{version}}", "", &at("refs/tags/one")).expect("good inputs");
        assert!(odd.names.is_empty() && odd.warnings[0].contains("no semantic version"), "{odd:?}");
    }
}
