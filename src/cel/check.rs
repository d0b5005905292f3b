//! Kinds of all parts of an expression: unknown names, fields and functions, and comparisons that are never true, are
//! found before any image is opened.

use std::ops::Range;

use crate::yaml::suggest;

use super::Problem;
use super::functions::{self, Function};
use super::schema::{IMAGE, LONG, Schema, Type};
use super::syntax::{Expr, Kind, Literal, Macro, Name, Operator};

/// What was found out.
pub(super) struct Checked {
    pub(super) kind: Type,
    pub(super) problems: Vec<Problem>,
    /// Fields of `image` that are looked at.
    pub(super) fields: Vec<String>,
}

/// Checks an expression in which `image` is the image.
pub(super) fn check(expression: &Expr, schema: &Schema, costly: bool) -> Checked {
    let mut checker = Checker {
        schema,
        costly,
        variables: vec![("image".to_owned(), Type::Object(IMAGE.to_owned()))],
        problems: Vec::new(),
        fields: Vec::new(),
        long: 0,
    };
    let kind = checker.kind(expression);
    checker.fields.sort();
    checker.fields.dedup();
    checker.problems.dedup();
    Checked { kind, problems: checker.problems, fields: checker.fields }
}

struct Checker<'a> {
    schema: &'a Schema,
    costly: bool,
    /// Names and kinds, innermost last.
    variables: Vec<(String, Type)>,
    problems: Vec<Problem>,
    fields: Vec<String>,
    /// How many long lists are gone through right here.
    long: usize,
}

impl Checker<'_> {
    fn wrong(&mut self, at: &Range<usize>, message: String) -> Type {
        self.problems.push(Problem::new(at.clone(), message));
        Type::Any
    }

    fn wrong_with(&mut self, at: &Range<usize>, message: String, hint: Option<String>) -> Type {
        self.problems.push(Problem { at: at.clone(), message, hint });
        Type::Any
    }

    fn kind(&mut self, expression: &Expr) -> Type {
        let at = &expression.at;
        match &expression.kind {
            Kind::Literal(literal) => of_literal(literal),
            Kind::Variable(name) => self.variable(name, at),
            Kind::List(elements) => {
                let kinds: Vec<Type> = elements.iter().map(|element| self.kind(element)).collect();
                let same = kinds.first().filter(|first| kinds.iter().all(|kind| kind == *first));
                Type::List(Box::new(same.cloned().unwrap_or(Type::Any)))
            }
            Kind::Map(members) => {
                let kinds: Vec<Type> = members
                    .iter()
                    .map(|(key, value)| {
                        self.wants(key, &[Type::Text], "the key of a map");
                        self.kind(value)
                    })
                    .collect();
                let same = kinds.first().filter(|first| kinds.iter().all(|kind| kind == *first));
                Type::Map(Box::new(same.cloned().unwrap_or(Type::Any)))
            }
            Kind::Select { of, field } => self.select(of, field),
            Kind::Has { of, field } => {
                self.select(of, field);
                Type::Bool
            }
            Kind::Index { of, key } => self.index(of, key),
            Kind::Not(inner) => {
                self.wants(inner, &[Type::Bool], "`!`");
                Type::Bool
            }
            Kind::Negative(inner) => self.wants(inner, &[Type::Int, Type::Double], "`-`"),
            Kind::Binary { operator, left, right } => self.binary(*operator, left, right, at),
            Kind::Choice { condition, yes, no } => {
                self.wants(condition, &[Type::Bool], "`?`");
                let (yes, no) = (self.kind(yes), self.kind(no));
                if yes == no { yes } else { Type::Any }
            }
            Kind::Call { function, method, arguments } => self.call(function, *method, arguments),
            Kind::Macro { which, range, variable, condition, body } => {
                self.each(*which, range, variable, condition.as_deref(), body, at)
            }
        }
    }

    fn variable(&mut self, name: &str, at: &Range<usize>) -> Type {
        if let Some((_, kind)) = self.variables.iter().rev().find(|(known, _)| known == name) {
            return kind.clone();
        }
        let names: Vec<&str> = self.variables.iter().map(|(name, _)| name.as_str()).collect();
        let hint = suggest(name, &names);
        let beneath = self.schema.object(IMAGE).is_some_and(|image| image.fields.contains_key(name));
        let hint = if beneath { Some(format!("did you mean `image.{name}`?")) } else { hint };
        self.wrong_with(at, format!("unknown name `{name}`"), hint)
    }

    fn select(&mut self, of: &Expr, field: &Name) -> Type {
        let kind = self.kind(of);
        match kind.present() {
            Type::Any => Type::Any,
            Type::Map(values) => (**values).clone(),
            Type::Object(name) => self.field(name, &field.text, &field.at),
            other => {
                let message = format!("{} has no field `{}`", other.describe(), field.text);
                self.wrong(&field.at, message)
            }
        }
    }

    fn field(&mut self, object: &str, field: &str, at: &Range<usize>) -> Type {
        let Some(known) = self.schema.object(object) else { return Type::Any };
        if let Some(found) = known.fields.get(field) {
            if object == IMAGE {
                self.fields.push(field.to_owned());
            }
            return found.kind.clone();
        }
        let names: Vec<&str> = known.fields.keys().map(String::as_str).collect();
        let hint = suggest(field, &names).or_else(|| Some(format!("there are {}", ticked(&names))));
        let deeper =
            self.schema.object("ImageConfig").filter(|config| object == IMAGE && config.fields.contains_key(field));
        let hint = if deeper.is_some() { Some(format!("did you mean `image.config.{field}`?")) } else { hint };
        self.wrong_with(at, format!("unknown field `{field}`"), hint)
    }

    fn index(&mut self, of: &Expr, key: &Expr) -> Type {
        let kind = self.kind(of);
        match kind.present() {
            Type::List(element) => {
                self.wants(key, &[Type::Int], "the place in a list");
                (**element).clone()
            }
            Type::Map(values) => {
                self.wants(key, &[Type::Text], "the key of a map");
                (**values).clone()
            }
            Type::Object(name) => {
                if let Kind::Literal(Literal::Text(field)) = &key.kind {
                    self.field(name, field, &key.at)
                } else {
                    self.kind(key);
                    Type::Any
                }
            }
            Type::Any => {
                self.kind(key);
                Type::Any
            }
            other => {
                let message = format!("{} has no elements", other.describe());
                self.wrong(&of.at, message)
            }
        }
    }

    /// The kind of an operand that must be of one of these kinds; what may be null is accepted, since a condition before
    /// it may exclude that.
    fn wants(&mut self, expression: &Expr, wanted: &[Type], by: &str) -> Type {
        let kind = self.kind(expression);
        let plain = match kind.present() {
            Type::Word(_) => Type::Text,
            other => other.clone(),
        };
        let fits = plain == Type::Any || wanted.iter().any(|one| same_form(one, &plain));
        if fits {
            return plain;
        }
        let names: Vec<String> = wanted.iter().map(Type::describe).collect();
        let message = format!("{by} wants {}, not {}", names.join(" or "), kind.describe());
        self.wrong(&expression.at, message)
    }

    fn binary(&mut self, operator: Operator, left: &Expr, right: &Expr, at: &Range<usize>) -> Type {
        let by = format!("`{}`", operator.sign());
        match operator {
            Operator::And | Operator::Or => {
                self.wants(left, &[Type::Bool], &by);
                self.wants(right, &[Type::Bool], &by);
                Type::Bool
            }
            Operator::Equal | Operator::Unequal => {
                let (one, other) = (self.kind(left), self.kind(right));
                self.comparable(&one, &other, (left, right), operator, at);
                Type::Bool
            }
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
                let kinds = [Type::Int, Type::Double, Type::Text, Type::Bool];
                let (one, other) = (self.wants(left, &kinds, &by), self.wants(right, &kinds, &by));
                self.comparable(&one, &other, (left, right), operator, at);
                Type::Bool
            }
            Operator::In => {
                let element = self.kind(left);
                let range = self.kind(right);
                match range.present() {
                    Type::Any => {}
                    Type::List(known) => self.comparable(&element, &known.clone(), (left, right), operator, at),
                    Type::Map(_) => self.comparable(&element, &Type::Text, (left, right), operator, at),
                    other => {
                        let message = format!("`in` wants a list or a map, not {}", other.describe());
                        self.wrong(&right.at, message);
                    }
                }
                Type::Bool
            }
            Operator::Add => {
                let kinds = [Type::Int, Type::Double, Type::Text, Type::List(Box::new(Type::Any))];
                let (one, other) = (self.wants(left, &kinds, &by), self.wants(right, &kinds, &by));
                self.same(one, &other, at, &by)
            }
            Operator::Subtract | Operator::Multiply | Operator::Divide => {
                let kinds = [Type::Int, Type::Double];
                let (one, other) = (self.wants(left, &kinds, &by), self.wants(right, &kinds, &by));
                self.same(one, &other, at, &by)
            }
            Operator::Remainder => {
                self.wants(left, &[Type::Int], &by);
                self.wants(right, &[Type::Int], &by);
                Type::Int
            }
        }
    }

    fn same(&mut self, one: Type, other: &Type, at: &Range<usize>, by: &str) -> Type {
        if one == Type::Any || *other == Type::Any {
            return Type::Any;
        }
        if same_form(&one, other) {
            return one;
        }
        let message = format!("{by} joins two of a kind, not {} and {}", one.describe(), other.describe());
        let numbers = matches!((&one, other), (Type::Int, Type::Double) | (Type::Double, Type::Int));
        self.wrong_with(at, message, numbers.then(|| "write `double(…)` around the whole number".to_owned()))
    }

    /// Complains about two values that are never equal, or that have no order.
    fn comparable(&mut self, one: &Type, other: &Type, sides: (&Expr, &Expr), operator: Operator, at: &Range<usize>) {
        for (kind, side) in [(one, sides.1), (other, sides.0)] {
            if let (Type::Word(words), Kind::Literal(Literal::Text(word))) = (kind.present(), &side.kind)
                && !words.contains(word)
            {
                let names: Vec<&str> = words.iter().map(String::as_str).collect();
                let hint = suggest(word, &names).or_else(|| Some(format!("there are {}", ticked(&names))));
                self.wrong_with(&side.at, format!("it is never `{word}`"), hint);
                return;
            }
        }
        if may_be_equal(one, other) {
            return;
        }
        let (first, second) = (one.describe(), other.describe());
        let message = match operator {
            Operator::In => format!("{first} is never in what holds {second}"),
            Operator::Equal | Operator::Unequal => format!("{first} and {second} are never equal"),
            _ => format!("{first} and {second} have no order"),
        };
        let hint = match &sides.1.kind {
            Kind::Literal(Literal::Int(value)) if matches!(one.present(), Type::Text | Type::Word(_)) => {
                Some(format!("put it in quotes: `'{value}'`"))
            }
            Kind::Literal(Literal::Text(text)) if *one.present() == Type::Int && text.parse::<i64>().is_ok() => {
                Some(format!("write it without quotes: `{text}`"))
            }
            _ => None,
        };
        self.wrong_with(at, message, hint);
    }

    fn call(&mut self, function: &Name, method: bool, arguments: &[Expr]) -> Type {
        let Some(known) = functions::find(&function.text, method) else {
            for argument in arguments {
                self.kind(argument);
            }
            return self.unknown_function(function, method);
        };
        let Function { takes, gives, .. } = known;
        if takes.len() != arguments.len() {
            let own = usize::from(method);
            let (wanted, given) = (takes.len() - own, arguments.len().saturating_sub(own));
            let message = format!("`{}` takes {wanted} arguments, not {given}", function.text);
            return self.wrong(&function.at, message);
        }
        for (argument, kinds) in arguments.iter().zip(takes.iter()) {
            let kinds: Vec<Type> = kinds.iter().map(|kind| kind()).collect();
            self.wants(argument, &kinds, &format!("`{}`", function.text));
        }
        if function.text == "matches"
            && let Some(Expr { kind: Kind::Literal(Literal::Text(pattern)), at, .. }) = arguments.get(1)
            && let Err(why) = functions::pattern(pattern)
        {
            self.wrong(at, why);
        }
        gives()
    }

    fn unknown_function(&mut self, function: &Name, method: bool) -> Type {
        let name = &function.text;
        let names: Vec<&str> =
            functions::FUNCTIONS.iter().filter(|one| one.method == method).map(|one| one.name).collect();
        let hint = match functions::find(name, !method) {
            Some(_) if method => Some(format!("write `{name}(…)`")),
            Some(_) => Some(format!("write `….{name}(…)`")),
            None => suggest(name, &names),
        };
        self.wrong_with(&function.at, format!("unknown function `{name}`"), hint)
    }

    fn each(
        &mut self,
        which: Macro,
        range: &Expr,
        variable: &Name,
        condition: Option<&Expr>,
        body: &Expr,
        at: &Range<usize>,
    ) -> Type {
        let kind = self.kind(range);
        let element = match kind.present() {
            Type::Any => Type::Any,
            Type::List(element) => (**element).clone(),
            Type::Map(_) => Type::Text,
            other => {
                let message = format!("a list or a map is gone through, not {}", other.describe());
                self.wrong(&range.at, message)
            }
        };
        let long = is_long(range);
        if long && self.long > 0 && !self.costly {
            let message = "a long list is gone through once for each element of another".to_owned();
            let hint = "compare with what does not change, or write `cost: high` beside `expr`: the rule then is \
                        undecided where it takes too long";
            self.wrong_with(&range.at, message, Some(hint.to_owned()));
        }
        if self.variables.iter().any(|(known, _)| *known == variable.text) {
            self.wrong(&variable.at, format!("`{}` is a name already", variable.text));
        }
        let _ = at;
        self.variables.push((variable.text.clone(), element.clone()));
        self.long += usize::from(long);
        if let Some(condition) = condition {
            self.wants(condition, &[Type::Bool], "a condition");
        }
        let result = match which {
            Macro::All | Macro::Exists | Macro::ExistsOne => {
                self.wants(body, &[Type::Bool], "a condition");
                Type::Bool
            }
            Macro::Filter => {
                self.wants(body, &[Type::Bool], "a condition");
                Type::List(Box::new(element))
            }
            Macro::Map => Type::List(Box::new(self.kind(body))),
        };
        self.long -= usize::from(long);
        self.variables.pop();
        result
    }
}

fn of_literal(literal: &Literal) -> Type {
    match literal {
        Literal::Null => Type::Null,
        Literal::Bool(_) => Type::Bool,
        Literal::Int(_) => Type::Int,
        Literal::Double(_) => Type::Double,
        Literal::Text(_) => Type::Text,
    }
}

/// Whether they are of one form, whatever lists and maps hold.
fn same_form(one: &Type, other: &Type) -> bool {
    let text = |kind: &Type| matches!(kind, Type::Text | Type::Word(_));
    match (one, other) {
        (Type::List(_), Type::List(_)) | (Type::Map(_), Type::Map(_) | Type::Object(_)) => true,
        (one, other) => one == other || (text(one) && text(other)),
    }
}

fn may_be_equal(one: &Type, other: &Type) -> bool {
    match (one, other) {
        (Type::Any, _)
        | (_, Type::Any)
        | (Type::Nullable(_), Type::Null)
        | (Type::Null, Type::Nullable(_))
        | (Type::Int | Type::Double, Type::Int | Type::Double) => true,
        (Type::Nullable(one), other) | (other, Type::Nullable(one)) => may_be_equal(one, other),
        (Type::List(one), Type::List(other)) | (Type::Map(one), Type::Map(other)) => may_be_equal(one, other),
        (one, other) => same_form(one, other),
    }
}

/// Whether a list grows with the image.
fn is_long(range: &Expr) -> bool {
    match &range.kind {
        Kind::Select { .. } | Kind::Index { .. } => {
            path(range).is_some_and(|path| LONG.iter().any(|long| path.starts_with(long)))
        }
        Kind::Macro { which: Macro::Filter | Macro::Map, range, .. } => is_long(range),
        Kind::Binary { operator: Operator::Add, left, right } => is_long(left) || is_long(right),
        Kind::Choice { yes, no, .. } => is_long(yes) || is_long(no),
        _ => false,
    }
}

/// The fields that lead from `image` to there.
fn path(expression: &Expr) -> Option<Vec<&str>> {
    match &expression.kind {
        Kind::Variable(name) if name == "image" => Some(Vec::new()),
        Kind::Select { of, field } => {
            let mut path = path(of)?;
            path.push(&field.text);
            Some(path)
        }
        Kind::Index { of, key } => {
            let mut path = path(of)?;
            if let Kind::Literal(Literal::Text(field)) = &key.kind {
                path.push(field);
            }
            Some(path)
        }
        _ => None,
    }
}

fn ticked(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
