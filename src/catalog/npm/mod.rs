//! JavaScript packages as npm, pnpm and yarn install them.

mod archive;
mod installed;
pub(super) mod manifest;

pub(super) use archive::CATALOGER as YARN_CACHE;
pub(super) use installed::CATALOGER as INSTALLED;
pub(super) use manifest::CATALOGER as MANIFEST;

/// The package that a folder holds, by the folder's place: `NAME` or `@SCOPE/NAME` directly below `node_modules`, or below
/// one of the folders in which Debian puts what Node finds everywhere.
fn installed_name(folder: &str) -> Option<&str> {
    let is_root = |path: &str| {
        path == "node_modules"
            || path.ends_with("/node_modules")
            || matches!(path, "usr/share/nodejs" | "usr/lib/nodejs")
    };
    let (above, name) = folder.rsplit_once('/')?;
    if is_root(above) {
        return (!name.starts_with(['@', '.'])).then_some(name);
    }
    let (root, scope) = above.rsplit_once('/')?;
    (is_root(root) && scope.starts_with('@')).then(|| &folder[root.len() + 1..])
}

/// A full name as scope and name.
pub(super) fn scoped(name: &str) -> (Option<String>, String) {
    match name.split_once('/') {
        Some((scope, rest)) if scope.starts_with('@') => (Some(scope.to_owned()), rest.to_owned()),
        _ => (None, name.to_owned()),
    }
}

/// Whether a text is one exact version and no range (semantic versioning 2.0).
fn is_exact(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or("");
    core.split('.').count() == 3
        && core.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The version, if a range is exactly one.
pub(super) fn exact_version(range: Option<&str>) -> Option<String> {
    range.map(str::trim).filter(|range| is_exact(range)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_directly_below_node_modules_hold_installed_packages() {
        assert_eq!(installed_name("app/node_modules/a"), Some("a"));
        assert_eq!(installed_name("node_modules/@s/a"), Some("@s/a"));
        assert_eq!(installed_name("x/node_modules/.pnpm/a@1/node_modules/a"), Some("a"));
        assert_eq!(installed_name("usr/share/nodejs/@babel/core"), Some("@babel/core"));
        for path in ["node_modules/a/dist", "node_modules/@s", "node_modules/.pnpm", "a", "node_modules/@s/a/b"] {
            assert_eq!(installed_name(path), None, "{path}");
        }
    }
}
