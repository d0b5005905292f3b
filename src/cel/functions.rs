//! Functions, with the kinds they take and give (CEL, langdef.md, "Standard Definitions"; cel-go, ext/strings).

use std::rc::Rc;

use regex::{Regex, RegexBuilder};

use super::schema::Type;
use super::value::Value;

/// Most bytes that a compiled pattern takes.
const MAX_PATTERN: usize = 1 << 20;

/// A function.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// Whether it is written behind its first argument: `text.contains('x')`.
    pub(super) method: bool,
    /// For each argument, the kinds it may be of.
    pub(super) takes: &'static [&'static [fn() -> Type]],
    pub(super) gives: fn() -> Type,
    /// How it is written, and what it says.
    pub(super) about: (&'static str, &'static str),
    pub(super) work: fn(&[Value<'_>]) -> Result<Value<'static>, String>,
}

const TEXT: &[fn() -> Type] = &[|| Type::Text];
const SIZED: &[fn() -> Type] = &[|| Type::Text, || Type::List(Box::new(Type::Any)), || Type::Map(Box::new(Type::Any))];
const NUMBERS: &[fn() -> Type] = &[|| Type::Int, || Type::Double, || Type::Text];
const PRINTED: &[fn() -> Type] = &[|| Type::Text, || Type::Int, || Type::Double, || Type::Bool];

const fn on_text(
    name: &'static str,
    takes: &'static [&'static [fn() -> Type]],
    gives: fn() -> Type,
    about: (&'static str, &'static str),
    work: fn(&[Value<'_>]) -> Result<Value<'static>, String>,
) -> Function {
    Function { name, method: true, takes, gives, about, work }
}

/// All of them.
pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "size",
        method: false,
        takes: &[SIZED],
        gives: || Type::Int,
        about: ("size(x)", "characters of a text, elements of a list, keys of a map"),
        work: size,
    },
    Function {
        name: "int",
        method: false,
        takes: &[NUMBERS],
        gives: || Type::Int,
        about: ("int(x)", "a number or a text as a whole number"),
        work: int,
    },
    Function {
        name: "double",
        method: false,
        takes: &[NUMBERS],
        gives: || Type::Double,
        about: ("double(x)", "a number or a text as a number with a fraction"),
        work: double,
    },
    Function {
        name: "string",
        method: false,
        takes: &[PRINTED],
        gives: || Type::Text,
        about: ("string(x)", "a number or boolean as text"),
        work: string,
    },
    on_text("size", &[SIZED], || Type::Int, ("x.size()", "the same as `size(x)`"), size),
    on_text(
        "contains",
        &[TEXT, TEXT],
        || Type::Bool,
        ("t.contains(u)", "whether `u` is in `t`"),
        |arguments| {
            let (text, part) = texts(arguments)?;
            Ok(Value::Bool(text.contains(part)))
        },
    ),
    on_text(
        "startsWith",
        &[TEXT, TEXT],
        || Type::Bool,
        ("t.startsWith(u)", "whether `t` begins with `u`"),
        |arguments| {
            let (text, part) = texts(arguments)?;
            Ok(Value::Bool(text.starts_with(part)))
        },
    ),
    on_text(
        "endsWith",
        &[TEXT, TEXT],
        || Type::Bool,
        ("t.endsWith(u)", "whether `t` ends with `u`"),
        |arguments| {
            let (text, part) = texts(arguments)?;
            Ok(Value::Bool(text.ends_with(part)))
        },
    ),
    on_text(
        "matches",
        &[TEXT, TEXT],
        || Type::Bool,
        ("t.matches(p)", "whether the regular expression `p` (RE2 syntax) is found in `t`"),
        |arguments| {
            let (text, written) = texts(arguments)?;
            Ok(Value::Bool(pattern(written)?.is_match(text)))
        },
    ),
    on_text(
        "split",
        &[TEXT, TEXT],
        || Type::List(Box::new(Type::Text)),
        ("t.split(u)", "the parts of `t` between `u`"),
        |arguments| {
            let (text, between) = texts(arguments)?;
            let parts: Vec<Value<'static>> = if between.is_empty() {
                text.chars().map(|letter| Value::text(&letter.to_string())).collect()
            } else {
                text.split(between).map(Value::text).collect()
            };
            Ok(Value::List(Rc::new(parts)))
        },
    ),
    on_text(
        "trim",
        &[TEXT],
        || Type::Text,
        ("t.trim()", "`t` without blanks around it"),
        |arguments| Ok(Value::text(text(arguments.first())?.trim())),
    ),
    on_text(
        "lowerAscii",
        &[TEXT],
        || Type::Text,
        ("t.lowerAscii()", "`t` with small letters a–z"),
        |arguments| Ok(Value::text(&text(arguments.first())?.to_ascii_lowercase())),
    ),
    on_text(
        "upperAscii",
        &[TEXT],
        || Type::Text,
        ("t.upperAscii()", "`t` with capital letters A–Z"),
        |arguments| Ok(Value::text(&text(arguments.first())?.to_ascii_uppercase())),
    ),
];

/// The function of that name.
pub(super) fn find(name: &str, method: bool) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name && function.method == method)
}

/// A regular expression, in time that grows with the text alone.
pub(super) fn pattern(written: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(written).size_limit(MAX_PATTERN).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the regular expression is too large".to_owned(),
        error => {
            let last = error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            format!("not a regular expression: {last}")
        }
    })
}

fn text<'v>(value: Option<&'v Value<'_>>) -> Result<&'v str, String> {
    match value {
        Some(Value::Text(text)) => Ok(text),
        Some(other) => Err(format!("text is wanted, not {}", other.describe())),
        None => Err("text is wanted".to_owned()),
    }
}

fn texts<'v>(arguments: &'v [Value<'_>]) -> Result<(&'v str, &'v str), String> {
    Ok((text(arguments.first())?, text(arguments.get(1))?))
}

fn size(arguments: &[Value<'_>]) -> Result<Value<'static>, String> {
    let size = match arguments.first() {
        Some(Value::Text(text)) => text.chars().count(),
        Some(Value::List(list)) => list.len(),
        Some(Value::Map(map)) => map.len(),
        Some(Value::Rows(rows)) => rows.len(),
        other => return Err(format!("{} has no size", other.map_or("nothing", Value::describe))),
    };
    Ok(Value::Int(i64::try_from(size).unwrap_or(i64::MAX)))
}

fn int(arguments: &[Value<'_>]) -> Result<Value<'static>, String> {
    match arguments.first() {
        Some(Value::Int(value)) => Ok(Value::Int(*value)),
        // The bounds are exact as doubles, so what is between them fits.
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked, and CEL cuts the fraction off")]
        Some(Value::Double(value)) if *value > -9.223_372_036_854_775e18 && *value < 9.223_372_036_854_775e18 => {
            Ok(Value::Int(*value as i64))
        }
        Some(Value::Text(text)) => text.parse().map(Value::Int).map_err(|_| "the text is no whole number".to_owned()),
        other => Err(format!("{} is no whole number", other.map_or("nothing", Value::describe))),
    }
}

fn double(arguments: &[Value<'_>]) -> Result<Value<'static>, String> {
    match arguments.first() {
        #[expect(clippy::cast_precision_loss, reason = "CEL rounds to the nearest double")]
        Some(Value::Int(value)) => Ok(Value::Double(*value as f64)),
        Some(Value::Double(value)) => Ok(Value::Double(*value)),
        Some(Value::Text(text)) => text.parse().map(Value::Double).map_err(|_| "the text is no number".to_owned()),
        other => Err(format!("{} is no number", other.map_or("nothing", Value::describe))),
    }
}

fn string(arguments: &[Value<'_>]) -> Result<Value<'static>, String> {
    match arguments.first() {
        Some(Value::Text(text)) => Ok(Value::text(text)),
        Some(Value::Int(value)) => Ok(Value::text(&value.to_string())),
        Some(Value::Double(value)) => Ok(Value::text(&value.to_string())),
        Some(Value::Bool(value)) => Ok(Value::text(&value.to_string())),
        other => Err(format!("{} cannot be printed", other.map_or("nothing", Value::describe))),
    }
}
