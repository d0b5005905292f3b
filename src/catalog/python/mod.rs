//! Python distributions (core metadata 2.4; "recording installed projects"; PEP 610, 639, 770).

mod marker;
mod metadata;
mod origin;
mod record;
mod requirement;

pub(super) use metadata::{CATALOGER as METADATA, EGG};
pub(super) use origin::CATALOGER as ORIGIN;
pub(super) use record::CATALOGER as RECORD;

use super::field;

/// The folder of a distribution's metadata: `….dist-info` or `….egg-info`.
fn is_info_folder(folder: &str) -> bool {
    field::ends_with(folder, ".dist-info") || field::ends_with(folder, ".egg-info")
}

/// Name and version that the name of a metadata folder or file states: `NAME-VERSION.dist-info`, `NAME-VERSION-py3.11.egg`.
fn stated(name: &str) -> (Option<String>, Option<String>) {
    let stem = [".dist-info", ".egg-info", ".egg"]
        .iter()
        .find(|end| field::ends_with(name, end))
        .and_then(|end| name.get(..name.len() - end.len()))
        .unwrap_or(name);
    let mut parts = stem.split('-');
    let name = parts.next().and_then(field::line);
    (
        name,
        parts.next().filter(|version| version.starts_with(|first: char| first.is_ascii_digit())).and_then(field::line),
    )
}

/// The version of Python in a path, from a folder named `pythonX.Y`.
fn python_version(path: &str) -> Option<(u32, u32)> {
    path.rsplit('/').find_map(|part| {
        let (major, minor) = part.strip_prefix("python").or_else(|| part.strip_prefix("pypy"))?.split_once('.')?;
        Some((major.parse().ok()?, minor.trim_end_matches('t').parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_state_names_and_versions() {
        let given = |name: &str| stated(name);
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(given("zope.interface-5.4.0.dist-info"), (some("zope.interface"), some("5.4.0")));
        assert_eq!(given("PyYAML-6.0-py3.11.egg-info"), (some("PyYAML"), some("6.0")));
        assert_eq!(given("six.egg-info"), (some("six"), None));
    }

    #[test]
    fn the_version_of_python_is_in_the_path() {
        assert_eq!(python_version("usr/local/lib/python3.11/site-packages/x"), Some((3, 11)));
        assert_eq!(python_version("opt/lib/python3.13t/site-packages/x"), Some((3, 13)));
        assert_eq!(python_version("usr/lib/python3/dist-packages/x"), None);
    }
}
