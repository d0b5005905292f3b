//! Expressions are worked out: every step counts, and after too many of them the answer is that there is none.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use regex::Regex;

use crate::model::ImageFacts;

use super::Program;
use super::functions;
use super::syntax::{Expr, Kind, Literal, Macro, Operator};
use super::value::Value;

/// Most steps of one expression: some seconds at most.
pub const MAX_STEPS: u64 = 5_000_000;
/// Steps that it takes to look at an element of a long list.
const ROW: u64 = 8;
/// Steps that it takes to compile a regular expression.
const PATTERN: u64 = 2_000;
/// Bytes of text that are compared, joined or searched in one step.
const BYTES: usize = 32;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// Where in the text of the expression (bytes).
    pub at: Range<usize>,
    /// A lowercase fragment.
    pub why: String,
    /// Whether it took too long.
    pub costly: bool,
}

impl Program {
    /// Works it out for an image.
    ///
    /// # Errors
    /// A value is missing where one is needed, numbers overflow, or it takes more than [`MAX_STEPS`] steps.
    pub fn decide(&self, image: &ImageFacts) -> Result<bool, Stopped> {
        let mut run =
            Run { image, left: MAX_STEPS, variables: Vec::new(), parts: BTreeMap::new(), patterns: BTreeMap::new() };
        match run.value(&self.expression)? {
            Value::Bool(value) => Ok(value),
            other => Err(stop(&self.expression.at, format!("the answer is {}, not a boolean", other.describe()))),
        }
    }
}

struct Run<'a> {
    image: &'a ImageFacts,
    left: u64,
    variables: Vec<(String, Value<'a>)>,
    /// Fields of the image that were looked at.
    parts: BTreeMap<String, Value<'a>>,
    patterns: BTreeMap<String, Regex>,
}

fn stop(at: &Range<usize>, why: impl Into<String>) -> Stopped {
    Stopped { at: at.clone(), why: why.into(), costly: false }
}

fn steps(bytes: usize) -> u64 {
    u64::try_from(bytes / BYTES).unwrap_or(u64::MAX)
}

impl<'a> Run<'a> {
    fn spend(&mut self, steps: u64, at: &Range<usize>) -> Result<(), Stopped> {
        if let Some(left) = self.left.checked_sub(steps) {
            self.left = left;
            return Ok(());
        }
        self.left = 0;
        let why = format!("it takes more than {MAX_STEPS} steps");
        Err(Stopped { at: at.clone(), why, costly: true })
    }

    fn value(&mut self, expression: &Expr) -> Result<Value<'a>, Stopped> {
        let at = &expression.at;
        self.spend(1, at)?;
        match &expression.kind {
            Kind::Literal(literal) => Ok(match literal {
                Literal::Null => Value::Null,
                Literal::Bool(value) => Value::Bool(*value),
                Literal::Int(value) => Value::Int(*value),
                Literal::Double(value) => Value::Double(*value),
                Literal::Text(value) => Value::text(value),
            }),
            Kind::Variable(name) => {
                let known = self.variables.iter().rev().find(|(known, _)| known == name);
                Ok(known.map_or(Value::Image(self.image), |(_, value)| value.clone()))
            }
            Kind::List(elements) => {
                let all: Result<Vec<_>, _> = elements.iter().map(|element| self.value(element)).collect();
                Ok(Value::List(Rc::new(all?)))
            }
            Kind::Map(members) => {
                let mut map = BTreeMap::new();
                for (key, value) in members {
                    map.insert(self.text(key)?.to_string(), self.value(value)?);
                }
                Ok(Value::Map(Rc::new(map)))
            }
            Kind::Select { of, field } => {
                let of = self.value(of)?;
                self.field(&of, &field.text, &field.at)
            }
            Kind::Has { of, field } => match self.value(of)? {
                Value::Null => Ok(Value::Bool(false)),
                of => Ok(Value::Bool(self.part(&of, &field.text).is_some_and(|value| !matches!(value, Value::Null)))),
            },
            Kind::Index { of, key } => self.index(of, key),
            Kind::Not(inner) => Ok(Value::Bool(!self.boolean(inner)?)),
            Kind::Negative(inner) => match self.value(inner)? {
                Value::Int(value) => {
                    value.checked_neg().map(Value::Int).ok_or_else(|| stop(at, "the number is too large"))
                }
                Value::Double(value) => Ok(Value::Double(-value)),
                other => Err(stop(at, format!("`-` wants a number, not {}", other.describe()))),
            },
            Kind::Binary { operator, left, right } => self.binary(*operator, left, right, at),
            Kind::Choice { condition, yes, no } => {
                if self.boolean(condition)? {
                    self.value(yes)
                } else {
                    self.value(no)
                }
            }
            Kind::Call { function, method, arguments } => {
                let values: Result<Vec<_>, _> = arguments.iter().map(|argument| self.value(argument)).collect();
                self.call(&function.text, *method, &values?, &function.at)
            }
            Kind::Macro { which, range, variable, condition, body } => {
                self.each(*which, range, &variable.text, condition.as_deref(), body)
            }
        }
    }

    fn boolean(&mut self, expression: &Expr) -> Result<bool, Stopped> {
        match self.value(expression)? {
            Value::Bool(value) => Ok(value),
            other => Err(stop(&expression.at, format!("a boolean is wanted, not {}", other.describe()))),
        }
    }

    fn text(&mut self, expression: &Expr) -> Result<Rc<str>, Stopped> {
        match self.value(expression)? {
            Value::Text(text) => Ok(text),
            other => Err(stop(&expression.at, format!("text is wanted, not {}", other.describe()))),
        }
    }

    /// A field; what was made of a part of the image is kept.
    fn part(&mut self, of: &Value<'a>, name: &str) -> Option<Value<'a>> {
        if !matches!(of, Value::Image(_)) {
            return of.field(name);
        }
        if let Some(known) = self.parts.get(name) {
            return Some(known.clone());
        }
        let value = of.field(name)?;
        self.parts.insert(name.to_owned(), value.clone());
        Some(value)
    }

    fn field(&mut self, of: &Value<'a>, name: &str, at: &Range<usize>) -> Result<Value<'a>, Stopped> {
        if matches!(of, Value::Null) {
            return Err(stop(at, format!("there is no `{name}` of null")));
        }
        // A field that says nothing is left out of the document; the check knows which fields there are.
        let free = matches!(of, Value::Map(_));
        match self.part(of, name) {
            Some(value) => Ok(value),
            None if free => Ok(Value::Null),
            None => Err(stop(at, format!("{} has no `{name}`", of.describe()))),
        }
    }

    fn index(&mut self, of: &Expr, key: &Expr) -> Result<Value<'a>, Stopped> {
        let (list, at) = (self.value(of)?, &key.at);
        match self.value(key)? {
            Value::Int(place) => {
                self.spend(ROW, at)?;
                let found = usize::try_from(place).ok().and_then(|place| match &list {
                    Value::List(list) => list.get(place).cloned(),
                    Value::Rows(rows) => rows.get(place),
                    _ => None,
                });
                found.ok_or_else(|| stop(at, format!("there is no element {place}")))
            }
            Value::Text(name) => match &list {
                Value::Null => Err(stop(at, "there are no elements of null")),
                list => self.part(list, &name).ok_or_else(|| stop(at, "there is no such key: ask with `in` first")),
            },
            other => Err(stop(at, format!("{} is no place in a list and no key", other.describe()))),
        }
    }

    fn binary(
        &mut self,
        operator: Operator,
        left: &Expr,
        right: &Expr,
        at: &Range<usize>,
    ) -> Result<Value<'a>, Stopped> {
        if let Operator::And | Operator::Or = operator {
            // The value that settles the answer whatever the other side is (CEL, langdef.md, "Logical Operators").
            let settles = operator == Operator::Or;
            return match self.boolean(left) {
                Ok(value) if value == settles => Ok(Value::Bool(settles)),
                Ok(_) => self.boolean(right).map(Value::Bool),
                Err(stopped) if stopped.costly => Err(stopped),
                Err(stopped) => match self.boolean(right) {
                    Ok(value) if value == settles => Ok(Value::Bool(settles)),
                    Err(other) if other.costly => Err(other),
                    Ok(_) | Err(_) => Err(stopped),
                },
            };
        }
        let (one, other) = (self.value(left)?, self.value(right)?);
        match operator {
            Operator::Equal => self.equal(&one, &other, at).map(Value::Bool),
            Operator::Unequal => self.equal(&one, &other, at).map(|equal| Value::Bool(!equal)),
            Operator::In => self.contains(&other, &one, at).map(Value::Bool),
            Operator::Less => self.order(&one, &other, at).map(|order| Value::Bool(order == Some(Ordering::Less))),
            Operator::LessOrEqual => {
                self.order(&one, &other, at).map(|order| Value::Bool(order.is_some_and(Ordering::is_le)))
            }
            Operator::Greater => {
                self.order(&one, &other, at).map(|order| Value::Bool(order == Some(Ordering::Greater)))
            }
            Operator::GreaterOrEqual => {
                self.order(&one, &other, at).map(|order| Value::Bool(order.is_some_and(Ordering::is_ge)))
            }
            _ => self.arithmetic(operator, &one, &other, at),
        }
    }

    fn arithmetic(
        &mut self,
        operator: Operator,
        one: &Value<'a>,
        other: &Value<'a>,
        at: &Range<usize>,
    ) -> Result<Value<'a>, Stopped> {
        match (one, other) {
            (Value::Int(one), Value::Int(other)) => {
                let value = match operator {
                    Operator::Add => one.checked_add(*other),
                    Operator::Subtract => one.checked_sub(*other),
                    Operator::Multiply => one.checked_mul(*other),
                    Operator::Divide => one.checked_div(*other),
                    _ => one.checked_rem(*other),
                };
                let why = if *other == 0 { "division by zero" } else { "the number is too large" };
                value.map(Value::Int).ok_or_else(|| stop(at, why))
            }
            (Value::Double(one), Value::Double(other)) => match operator {
                Operator::Add => Ok(Value::Double(one + other)),
                Operator::Subtract => Ok(Value::Double(one - other)),
                Operator::Multiply => Ok(Value::Double(one * other)),
                Operator::Divide => Ok(Value::Double(one / other)),
                _ => Err(stop(at, "`%` wants whole numbers")),
            },
            (Value::Text(one), Value::Text(other)) if operator == Operator::Add => {
                self.spend(steps(one.len().saturating_add(other.len())), at)?;
                Ok(Value::text(&format!("{one}{other}")))
            }
            (one, other) if operator == Operator::Add => {
                let (mut all, mut rest) = (self.elements(one, at)?, self.elements(other, at)?);
                all.append(&mut rest);
                Ok(Value::List(Rc::new(all)))
            }
            (one, other) => {
                let (sign, one, other) = (operator.sign(), one.describe(), other.describe());
                Err(stop(at, format!("`{sign}` does not join {one} and {other}")))
            }
        }
    }

    /// All elements of a list, or the keys of a map; each costs a step.
    fn elements(&mut self, of: &Value<'a>, at: &Range<usize>) -> Result<Vec<Value<'a>>, Stopped> {
        match of {
            Value::List(list) => {
                self.spend(u64::try_from(list.len()).unwrap_or(u64::MAX), at)?;
                Ok(list.to_vec())
            }
            Value::Rows(rows) => {
                self.spend(u64::try_from(rows.len()).unwrap_or(u64::MAX).saturating_mul(ROW), at)?;
                Ok((0..rows.len()).filter_map(|place| rows.get(place)).collect())
            }
            Value::Map(map) => {
                self.spend(u64::try_from(map.len()).unwrap_or(u64::MAX), at)?;
                Ok(map.keys().map(|key| Value::text(key)).collect())
            }
            other => Err(stop(at, format!("a list is wanted, not {}", other.describe()))),
        }
    }

    fn equal(&mut self, one: &Value<'a>, other: &Value<'a>, at: &Range<usize>) -> Result<bool, Stopped> {
        self.spend(1, at)?;
        Ok(match (one, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(one), Value::Bool(other)) => one == other,
            (Value::Text(one), Value::Text(other)) => {
                self.spend(steps(one.len().min(other.len())), at)?;
                one == other
            }
            (Value::Int(_) | Value::Double(_), Value::Int(_) | Value::Double(_)) => {
                numbers(one, other) == Some(Ordering::Equal)
            }
            (Value::Map(one), Value::Map(other)) => {
                if one.len() != other.len() {
                    return Ok(false);
                }
                for ((key, value), (other_key, other_value)) in one.iter().zip(other.iter()) {
                    if key != other_key || !self.equal(value, other_value, at)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::List(_) | Value::Rows(_), Value::List(_) | Value::Rows(_)) => {
                let (one, other) = (self.elements(one, at)?, self.elements(other, at)?);
                if one.len() != other.len() {
                    return Ok(false);
                }
                for (one, other) in one.iter().zip(&other) {
                    if !self.equal(one, other, at)? {
                        return Ok(false);
                    }
                }
                true
            }
            _ => false,
        })
    }

    fn contains(&mut self, range: &Value<'a>, element: &Value<'a>, at: &Range<usize>) -> Result<bool, Stopped> {
        match (range, element) {
            (Value::Map(map), Value::Text(key)) => return Ok(map.contains_key(&**key)),
            (Value::Map(_), _) => return Ok(false),
            _ => {}
        }
        for known in self.elements(range, at)? {
            if self.equal(&known, element, at)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn order(&mut self, one: &Value<'a>, other: &Value<'a>, at: &Range<usize>) -> Result<Option<Ordering>, Stopped> {
        match (one, other) {
            (Value::Int(_) | Value::Double(_), Value::Int(_) | Value::Double(_)) => Ok(numbers(one, other)),
            (Value::Text(one), Value::Text(other)) => {
                self.spend(steps(one.len().min(other.len())), at)?;
                Ok(Some(one.cmp(other)))
            }
            (Value::Bool(one), Value::Bool(other)) => Ok(Some(one.cmp(other))),
            (one, other) => Err(stop(at, format!("{} and {} have no order", one.describe(), other.describe()))),
        }
    }

    fn call(
        &mut self,
        name: &str,
        method: bool,
        arguments: &[Value<'a>],
        at: &Range<usize>,
    ) -> Result<Value<'a>, Stopped> {
        let bytes: usize =
            arguments.iter().map(|argument| if let Value::Text(text) = argument { text.len() } else { 0 }).sum();
        self.spend(steps(bytes).saturating_add(1), at)?;
        if let ("matches", true, [Value::Text(text), Value::Text(pattern)]) = (name, method, arguments) {
            if !self.patterns.contains_key(&**pattern) {
                self.spend(PATTERN, at)?;
                let built = functions::pattern(pattern).map_err(|why| stop(at, why))?;
                self.patterns.insert(pattern.to_string(), built);
            }
            let found = self.patterns.get(&**pattern).is_some_and(|pattern| pattern.is_match(text));
            return Ok(Value::Bool(found));
        }
        let Some(function) = functions::find(name, method) else {
            return Err(stop(at, format!("there is no function `{name}`")));
        };
        if name == "split" {
            self.spend(u64::try_from(bytes).unwrap_or(u64::MAX), at)?;
        }
        (function.work)(arguments).map_err(|why| stop(at, why))
    }

    fn each(
        &mut self,
        which: Macro,
        range: &Expr,
        variable: &str,
        condition: Option<&Expr>,
        body: &Expr,
    ) -> Result<Value<'a>, Stopped> {
        let at = &range.at;
        let all = match self.value(range)? {
            Value::Map(map) => Value::List(Rc::new(map.keys().map(|key| Value::text(key)).collect())),
            other => other,
        };
        let count = match &all {
            Value::List(list) => list.len(),
            Value::Rows(rows) => rows.len(),
            other => return Err(stop(at, format!("a list or a map is wanted, not {}", other.describe()))),
        };
        let mut made = Vec::new();
        let mut hits = 0_usize;
        // What stopped for one element does not matter when another one settles the answer (CEL, langdef.md, "Macros").
        let mut stopped = None;
        for place in 0..count {
            let element = match &all {
                Value::List(list) => list.get(place).cloned(),
                Value::Rows(rows) => {
                    self.spend(ROW, at)?;
                    rows.get(place)
                }
                _ => None,
            };
            let Some(element) = element else { break };
            self.variables.push((variable.to_owned(), element.clone()));
            let holds = match condition {
                Some(condition) => self.boolean(condition),
                None if which == Macro::Map => Ok(true),
                None => self.boolean(body),
            };
            let mapped = match (&holds, which) {
                (Ok(true), Macro::Map) => Some(self.value(body)),
                _ => None,
            };
            self.variables.pop();
            match (holds, which) {
                (Err(why), Macro::All | Macro::Exists) if !why.costly => stopped = stopped.or(Some(why)),
                (Err(why), _) => return Err(why),
                (Ok(false), Macro::All) => return Ok(Value::Bool(false)),
                (Ok(true), Macro::Exists) => return Ok(Value::Bool(true)),
                (Ok(true), Macro::ExistsOne) => hits += 1,
                (Ok(true), Macro::Filter) => made.push(element),
                (Ok(_), _) => {}
            }
            if let Some(mapped) = mapped {
                made.push(mapped?);
            }
        }
        match (which, stopped) {
            (_, Some(why)) => Err(why),
            (Macro::All, None) => Ok(Value::Bool(true)),
            (Macro::Exists, None) => Ok(Value::Bool(false)),
            (Macro::ExistsOne, None) => Ok(Value::Bool(hits == 1)),
            (Macro::Filter | Macro::Map, None) => Ok(Value::List(Rc::new(made))),
        }
    }
}

/// The order of two numbers, exactly, also of a whole number and one with a fraction.
fn numbers(one: &Value<'_>, other: &Value<'_>) -> Option<Ordering> {
    match (one, other) {
        (Value::Int(one), Value::Int(other)) => Some(one.cmp(other)),
        (Value::Double(one), Value::Double(other)) => one.partial_cmp(other),
        (Value::Int(one), Value::Double(other)) => mixed(*one, *other),
        (Value::Double(one), Value::Int(other)) => mixed(*other, *one).map(Ordering::reverse),
        _ => None,
    }
}

fn mixed(whole: i64, other: f64) -> Option<Ordering> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if other.is_nan() {
        return None;
    }
    if other >= LIMIT {
        return Some(Ordering::Less);
    }
    if other < -LIMIT {
        return Some(Ordering::Greater);
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "within the range of whole numbers, and the fraction counts below"
    )]
    let floor = other.floor() as i64;
    Some(whole.cmp(&floor).then(if other.fract() == 0.0 { Ordering::Equal } else { Ordering::Less }))
}
