//! Caches that package managers and programs leave behind, by where they lie.

use serde::Deserialize;

/// A kind of leftovers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CacheKind {
    /// Package lists of apt: `/var/lib/apt/lists`.
    AptLists,
    /// Archives and indexes of apt: `/var/cache/apt`.
    AptArchives,
    /// Archives of apk: `/var/cache/apk`, `/etc/apk/cache`.
    Apk,
    /// Caches of yum, dnf, microdnf and zypper.
    Yum,
    /// Caches of pip, uv, Poetry and pipenv in any home directory.
    Pip,
    /// Caches of npm in any home directory.
    Npm,
    /// Caches of Yarn.
    Yarn,
    /// `/tmp` and `/var/tmp`.
    Tmp,
    /// `/var/log`.
    Logs,
}

impl CacheKind {
    /// All kinds, in the order of their names' declaration.
    pub(super) const ALL: [Self; 9] = [
        Self::AptLists,
        Self::AptArchives,
        Self::Apk,
        Self::Yum,
        Self::Pip,
        Self::Npm,
        Self::Yarn,
        Self::Tmp,
        Self::Logs,
    ];

    /// How the first names of [`Self::HOMES`] begin.
    pub(super) const HOME_NAMES: [&'static str; 3] = [".cache", ".npm", ".yarn"];
    /// Directories at a fixed place, with a `/` at the end.
    pub(super) const PLACES: &[(&'static str, Self)] = &[
        ("var/lib/apt/lists/", Self::AptLists),
        ("var/cache/apt/", Self::AptArchives),
        ("var/cache/apk/", Self::Apk),
        ("etc/apk/cache/", Self::Apk),
        ("var/cache/yum/", Self::Yum),
        ("var/cache/dnf/", Self::Yum),
        ("var/cache/libdnf5/", Self::Yum),
        ("var/cache/zypp/", Self::Yum),
        ("tmp/", Self::Tmp),
        ("var/tmp/", Self::Tmp),
        ("var/log/", Self::Logs),
        ("usr/local/share/.cache/yarn/", Self::Yarn),
    ];
    /// Directories in a home directory, wherever that is.
    const HOMES: &[(&'static str, Self)] = &[
        ("/.cache/pip/", Self::Pip),
        ("/.cache/uv/", Self::Pip),
        ("/.cache/pypoetry/", Self::Pip),
        ("/.cache/pipenv/", Self::Pip),
        ("/.npm/", Self::Npm),
        ("/.cache/yarn/", Self::Yarn),
        ("/.yarn/berry/cache/", Self::Yarn),
    ];

    /// The kind of a path and the length of the part of the path that names the cache's directory.
    pub(super) fn of(path: &str) -> Option<(Self, usize)> {
        if matches!(path.as_bytes().first(), Some(b'v' | b't' | b'e' | b'u'))
            && let Some((place, kind)) = Self::PLACES.iter().find(|(place, _)| path.starts_with(place))
        {
            return Some((*kind, place.len() - 1));
        }
        let mut from = 0;
        while let Some(slash) = memchr::memchr(b'/', &path.as_bytes()[from..]) {
            let rest = &path[from + slash..];
            if rest.as_bytes().get(1) == Some(&b'.')
                && let Some((place, kind)) = Self::HOMES.iter().find(|(place, _)| rest.starts_with(place))
            {
                return Some((*kind, from + slash + place.len() - 1));
            }
            from += slash + 1;
        }
        None
    }

    /// What lies there, in words.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::AptLists => "package lists of apt",
            Self::AptArchives => "archives and indexes of apt",
            Self::Apk => "the cache of apk",
            Self::Yum => "the cache of dnf, yum or zypper",
            Self::Pip => "the cache of a Python installer",
            Self::Npm => "the cache of npm",
            Self::Yarn => "the cache of Yarn",
            Self::Tmp => "temporary files",
            Self::Logs => "log files",
        }
    }

    /// How not to ship it.
    pub(super) fn fix(self) -> &'static str {
        match self {
            Self::AptLists => "end the `RUN` that calls `apt-get update` with `&& rm -rf /var/lib/apt/lists/*`",
            Self::AptArchives => {
                "end the `RUN` that calls `apt-get install` with `&& apt-get clean && rm -rf /var/cache/apt/*`"
            }
            Self::Apk => "install with `apk add --no-cache`",
            Self::Yum => {
                "end the `RUN` that installs with `&& dnf clean all` (or `yum clean all`, `zypper clean --all`)"
            }
            Self::Pip => {
                "install with `pip install --no-cache-dir` (uv: `--no-cache`, Poetry: `--no-cache`), or keep the cache out of \
                 the layer with `RUN --mount=type=cache,target=/root/.cache`"
            }
            Self::Npm => {
                "end the `RUN` with `&& npm cache clean --force`, or keep the cache out of the layer with `RUN \
                 --mount=type=cache,target=/root/.npm`"
            }
            Self::Yarn => "end the `RUN` that calls Yarn with `&& yarn cache clean`",
            Self::Tmp => {
                "delete the files in the `RUN` that makes them, or mount the directory: `RUN --mount=type=tmpfs,target=/tmp`"
            }
            Self::Logs => "delete the files in the `RUN` that writes them, and log to standard output",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_names_leads_to_every_home() {
        for (place, _) in CacheKind::HOMES {
            assert!(CacheKind::HOME_NAMES.iter().any(|name| place.starts_with(&format!("/{name}/"))), "{place}");
        }
    }

    #[test]
    fn caches_are_known_by_their_place() {
        let of = |path: &str| CacheKind::of(path).map(|(kind, length)| (kind, path[..length].to_owned()));
        let found = |kind: CacheKind, folder: &str| Some((kind, folder.to_owned()));
        assert_eq!(of("var/lib/apt/lists/x_Packages"), found(CacheKind::AptLists, "var/lib/apt/lists"));
        assert_eq!(of("var/cache/apt/archives/a.deb"), found(CacheKind::AptArchives, "var/cache/apt"));
        assert_eq!(of("home/app/.cache/pip/http/1"), found(CacheKind::Pip, "home/app/.cache/pip"));
        assert_eq!(of("root/.npm/_cacache/x"), found(CacheKind::Npm, "root/.npm"));
        assert_eq!(of("tmp/x"), found(CacheKind::Tmp, "tmp"));
        for other in ["var/lib/apt/lists", "app/tmp/x", "var/cache/x", "root/.npmrc", "usr/lib/.npm", "x", ""] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
