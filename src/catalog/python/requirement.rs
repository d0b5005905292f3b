//! Dependency specifications (PEP 508).

use crate::model::{Dependency, Scope};

use super::marker::{Environment, holds};

/// Reads `name[extra] (>=1) ; marker` for a version of Python on Linux. None when the marker rules it out, or it is no
/// dependency.
pub(super) fn dependency(text: &str, python: Option<(u32, u32)>) -> Option<Dependency> {
    let (what, marker) = text.split_once(';').unwrap_or((text, ""));
    let what = what.trim();
    let end = what.find(|letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '-' | '_' | '.'));
    let (name, rest) = what.split_at(end.unwrap_or(what.len()));
    if name.is_empty() || name.len() > 256 {
        return None;
    }
    let may_hold = |extra| holds(marker, Environment { python, extra }) != Some(false);
    let scope = if marker.trim().is_empty() || may_hold(false) {
        Scope::Runtime
    } else if may_hold(true) {
        Scope::Optional
    } else {
        return None;
    };
    let rest = rest.trim();
    let rest = if rest.starts_with('[') { rest.split_once(']').map_or("", |(_, rest)| rest.trim()) } else { rest };
    let bounds = rest.trim_start_matches('(').trim_end_matches(')');
    let version = bounds
        .strip_prefix("==")
        .map(|version| version.trim_start_matches('=').trim())
        .filter(|version| !version.is_empty() && !version.contains(['*', ',', ' ']))
        .map(str::to_owned);
    Some(Dependency { names: vec![name.to_owned()], version, scope })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_have_a_name_a_version_and_a_scope() {
        let read = |text: &str| {
            dependency(text, Some((3, 11))).map(|found| (found.names.join("|"), found.version, found.scope))
        };
        let some =
            |name: &str, version: Option<&str>, scope| Some((name.to_owned(), version.map(str::to_owned), scope));
        assert_eq!(read("six"), some("six", None, Scope::Runtime));
        assert_eq!(read("PyYAML (>=5.1,<7)"), some("PyYAML", None, Scope::Runtime));
        assert_eq!(read("urllib3[socks,x] (==1.26.5)"), some("urllib3", Some("1.26.5"), Scope::Runtime));
        assert_eq!(read("a==1.*"), some("a", None, Scope::Runtime));
        assert_eq!(read("pywin32 ; sys_platform == 'win32'"), None);
        assert_eq!(read("pytest>=7 ; extra == 'test'"), some("pytest", None, Scope::Optional));
        assert_eq!(read("tomli; extra == 'toml' and python_version < '3.11'"), None);
        assert_eq!(read("x @ https://host.example/x.zip ; python_version > '3'"), some("x", None, Scope::Runtime));
        assert_eq!(read("  ; x"), None);
    }
}
