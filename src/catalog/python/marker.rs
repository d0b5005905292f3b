//! Environment markers of dependencies (PEP 508): true, false, or unknown when the image does not say.

use std::cmp::Ordering;

/// Where a marker is evaluated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Environment {
    /// Major and minor version of Python, when the path tells.
    pub python: Option<(u32, u32)>,
    /// Whether comparisons with `extra` hold.
    pub extra: bool,
}

/// Most levels of parentheses.
const DEPTH: u32 = 32;

/// Evaluates a marker; none when a part that decides is not known or not understood.
pub(super) fn holds(marker: &str, environment: Environment) -> Option<bool> {
    let mut reader = Reader { rest: marker.trim(), environment, depth: 0 };
    let value = reader.any()?;
    reader.rest.trim().is_empty().then_some(value).flatten()
}

struct Reader<'a> {
    rest: &'a str,
    environment: Environment,
    depth: u32,
}

/// One side of a comparison.
enum Side<'a> {
    Variable(&'a str),
    Text(&'a str),
}

/// `None` outside: not understood. `None` inside: not known.
type Ternary = Option<Option<bool>>;

impl<'a> Reader<'a> {
    fn any(&mut self) -> Ternary {
        let mut value = self.all()?;
        while self.word("or") {
            let next = self.all()?;
            value = match (value, next) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            };
        }
        Some(value)
    }

    fn all(&mut self) -> Ternary {
        let mut value = self.one()?;
        while self.word("and") {
            let next = self.one()?;
            value = match (value, next) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
        }
        Some(value)
    }

    fn one(&mut self) -> Ternary {
        self.rest = self.rest.trim_start();
        if let Some(rest) = self.rest.strip_prefix('(') {
            self.depth += 1;
            if self.depth > DEPTH {
                return None;
            }
            self.rest = rest;
            let value = self.any()?;
            self.rest = self.rest.trim_start().strip_prefix(')')?;
            self.depth -= 1;
            return Some(value);
        }
        let left = self.side()?;
        let operator = self.operator()?;
        let right = self.side()?;
        Some(self.compare(&left, operator, &right))
    }

    fn word(&mut self, word: &str) -> bool {
        let trimmed = self.rest.trim_start();
        match trimmed.strip_prefix(word) {
            Some(rest) if rest.starts_with([' ', '\t', '(', '\'', '"']) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn side(&mut self) -> Option<Side<'a>> {
        self.rest = self.rest.trim_start();
        let first = self.rest.chars().next()?;
        if first == '\'' || first == '"' {
            let (text, rest) = self.rest.get(1..)?.split_once(first)?;
            self.rest = rest;
            return Some(Side::Text(text));
        }
        let end = self.rest.find(|letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '_' | '.'));
        let (name, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        (!name.is_empty()).then_some(Side::Variable(name))
    }

    fn operator(&mut self) -> Option<&'static str> {
        self.rest = self.rest.trim_start();
        if self.word("not") {
            return self.word("in").then_some("not in");
        }
        if self.word("in") {
            return Some("in");
        }
        let found =
            ["===", "~=", "==", "!=", "<=", ">=", "<", ">"].into_iter().find(|sign| self.rest.starts_with(sign))?;
        self.rest = &self.rest[found.len()..];
        Some(found)
    }

    fn compare(&self, left: &Side<'a>, operator: &str, right: &Side<'a>) -> Option<bool> {
        let (name, text, turned) = match (left, right) {
            (Side::Variable(name), Side::Text(text)) => (*name, *text, false),
            (Side::Text(text), Side::Variable(name)) => (*name, *text, true),
            _ => return None,
        };
        if name == "extra" {
            return Some(if operator == "!=" { !self.environment.extra } else { self.environment.extra });
        }
        if matches!(name, "python_version" | "python_full_version") {
            return self.compare_python(name, operator, text, turned);
        }
        let value = match name {
            "os_name" | "os.name" => "posix",
            "sys_platform" | "sys.platform" => "linux",
            "platform_system" => "Linux",
            "platform_python_implementation" | "python_implementation" => "CPython",
            "implementation_name" => "cpython",
            _ => return None,
        };
        let (value, text) = if turned { (text, value) } else { (value, text) };
        match operator {
            "==" | "===" => Some(value == text),
            "!=" => Some(value != text),
            "in" => Some(text.contains(value)),
            "not in" => Some(!text.contains(value)),
            _ => None,
        }
    }

    fn compare_python(&self, name: &str, operator: &str, text: &str, turned: bool) -> Option<bool> {
        let (major, minor) = self.environment.python?;
        if matches!(operator, "in" | "not in") {
            let listed = text.split([' ', ',']).any(|word| word == format!("{major}.{minor}"));
            return (name == "python_version" && !turned).then_some(listed == (operator == "in"));
        }
        let (stem, any) = text.strip_suffix(".*").map_or((text, false), |stem| (stem, true));
        let wanted: Option<Vec<u32>> = stem.split('.').map(|part| part.parse().ok()).collect();
        let wanted = wanted?;
        // Of the full version only major and minor are known: a text that says more is decided by them, or not at all.
        let known: &[u32] = &[major, minor];
        let told = wanted.len().min(2);
        let order = known.get(..told)?.cmp(wanted.get(..told)?);
        let exact = if name == "python_version" {
            wanted.get(2..).is_none_or(|more| more.iter().all(|&part| part == 0))
        } else {
            order != Ordering::Equal || (any && wanted.len() <= 2)
        };
        let order =
            if wanted.len() == 1 && !any && order == Ordering::Equal && minor > 0 { Ordering::Greater } else { order };
        let order = if turned { order.reverse() } else { order };
        if !exact {
            return match (operator, order) {
                (">=", Ordering::Equal) if wanted.get(2..).is_none_or(<[u32]>::is_empty) => Some(true),
                ("<", Ordering::Equal) if wanted.get(2..).is_none_or(<[u32]>::is_empty) => Some(false),
                _ => None,
            };
        }
        Some(match operator {
            "==" | "===" => order == Ordering::Equal,
            "!=" => order != Ordering::Equal,
            "<" => order == Ordering::Less,
            "<=" => order != Ordering::Greater,
            ">" => order == Ordering::Greater,
            ">=" => order != Ordering::Less,
            "~=" => order != Ordering::Less && wanted.first() == Some(&major),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_true_false_or_unknown() {
        for (marker, wanted) in [
            ("python_version < '3.8'", Some(false)),
            ("python_version >= \"3.9\" and sys_platform == 'linux'", Some(true)),
            ("sys_platform == 'win32' or os_name == 'nt'", Some(false)),
            ("(sys_platform != \"win32\") and (python_version < \"4\")", Some(true)),
            ("'linux' in sys_platform", Some(true)),
            ("platform_machine == 'x86_64'", None),
            ("platform_machine == 'x86_64' and python_version < '3'", Some(false)),
            ("extra == 'test'", Some(false)),
            ("python_full_version >= '3.11'", Some(true)),
            ("python_full_version < '3.11.4'", None),
            ("python_full_version < '3.8.0'", Some(false)),
            ("python_version in '2.7 3.11'", Some(true)),
            ("python_version == '3.*'", Some(true)),
            ("python_version > '3'", Some(true)),
            ("'3.8' > python_version", Some(false)),
            ("platform_system not in 'Windows'", Some(true)),
            ("what is this", None),
            ("(((", None),
        ] {
            let environment = Environment { python: Some((3, 11)), extra: false };
            assert_eq!(holds(marker, environment), wanted, "{marker}");
        }
        assert_eq!(holds("extra == 'x'", Environment { python: None, extra: true }), Some(true));
        assert_eq!(holds("python_version < '3.8'", Environment { python: None, extra: false }), None);
        assert_eq!(holds(&"(".repeat(100_000), Environment { python: None, extra: false }), None);
    }
}
