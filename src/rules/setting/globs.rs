//! Globs on paths of the image.

use globset::{Candidate, Glob, GlobBuilder, GlobSet};
use serde::{Deserialize, Deserializer, de::Error as _};

/// Bytes of one glob: as many as a path of Linux may have (`PATH_MAX`).
const MAX_GLOB: usize = 4_096;
/// Globs of one list.
const MAX_GLOBS: usize = 1_000;

/// Globs on paths from the image root, with or without a leading `/`, compiled once.
///
/// `*` and `?` stay within one part of a path, `**` spans parts, `{a,b}` is a choice, `[a-z]` a class.
#[derive(Debug, Clone, Default)]
pub struct Globs {
    texts: Vec<String>,
    set: GlobSet,
    /// The globs that end in `/**`, without that end: what they match is everything below such a path.
    roots: GlobSet,
    /// What each of them needs, to look at few files.
    needs: Vec<Need>,
}

/// What a path must have to be matched by a glob: enough to leave most paths aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The folder it lies in or below, without a `/` at its end; empty for the root.
    pub folder: String,
    /// How a name in it begins; empty when nothing is known.
    pub name: String,
    /// Whether it may be anything below such a name, and not only that name itself.
    pub below: bool,
}

impl Need {
    fn of(path: &str) -> Self {
        let everything = Self { folder: String::new(), name: String::new(), below: true };
        if path.contains('\\') || has_slash_in_choice(path) {
            return everything;
        }
        let literal = |part: &str| part.find(['*', '?', '[', '{']).map_or(part, |at| &part[..at]).to_owned();
        let is_literal = |part: &&str| !part.contains(['*', '?', '[', ']', '{', '}']);
        let parts: Vec<&str> = path.split('/').collect();
        let folders = parts.iter().take_while(|part| is_literal(part)).count().min(parts.len() - 1);
        let folder = parts[..folders].join("/");
        let rest = &parts[folders..];
        match rest {
            // Any folders may stand between.
            ["**", name, behind @ ..] if *name != "**" => {
                Self { folder, name: literal(name), below: !behind.is_empty() }
            }
            ["**", ..] => Self { folder, name: String::new(), below: true },
            [name, behind @ ..] => Self { folder, name: literal(name), below: !behind.is_empty() },
            [] => everything,
        }
    }
}

/// Whether a choice such as `{a/b,c}` spans parts of a path.
fn has_slash_in_choice(path: &str) -> bool {
    let mut depth = 0_usize;
    path.bytes().any(|byte| {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        byte == b'/' && depth > 0
    })
}

impl Globs {
    /// Globs of these texts.
    ///
    /// # Errors
    /// In words, when one of them is no glob or never matches.
    pub fn of(texts: impl IntoIterator<Item = String>) -> Result<Self, String> {
        Self::compile(texts.into_iter().collect())
    }

    /// Whether there is no glob.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The globs as they were written.
    #[must_use]
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Whether one of the globs matches the path.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        !self.texts.is_empty() && self.set.is_match_candidate(&Candidate::new(path))
    }

    /// The first glob that matches the path.
    #[must_use]
    pub fn which(&self, path: &str) -> Option<&str> {
        let first = self.set.matches(path).into_iter().min()?;
        self.texts.get(first).map(String::as_str)
    }

    /// The topmost directory above the path below which everything is matched, because a glob ends in `/**`.
    #[must_use]
    pub fn root_of<'path>(&self, path: &'path str) -> Option<&'path str> {
        if self.roots.is_empty() {
            return None;
        }
        path.match_indices('/').map(|(at, _)| &path[..at]).find(|parent| self.roots.is_match(parent))
    }

    /// What a path needs to be matched by one of the globs.
    #[must_use]
    pub fn needs(&self) -> &[Need] {
        &self.needs
    }

    fn compile(texts: Vec<String>) -> Result<Self, String> {
        if texts.len() > MAX_GLOBS {
            return Err(format!("there are {} globs, and a list may have {MAX_GLOBS}", texts.len()));
        }
        let mut set = GlobSet::builder();
        let mut roots = GlobSet::builder();
        let mut needs = Vec::new();
        for text in &texts {
            let path = check(text)?;
            set.add(compile(text, path)?);
            needs.push(Need::of(path));
            if let Some(root) = path.strip_suffix("/**").filter(|root| !root.is_empty() && *root != "**") {
                roots.add(compile(text, root)?);
            }
        }
        let build = |builder: globset::GlobSetBuilder| builder.build().map_err(|error| error.kind().to_string());
        Ok(Self { set: build(set)?, roots: build(roots)?, needs, texts })
    }
}

fn compile(text: &str, path: &str) -> Result<Glob, String> {
    GlobBuilder::new(path)
        .literal_separator(true)
        .backslash_escape(true)
        .build()
        .map_err(|error| format!("`{text}` is not a glob: {}", error.kind()))
}

/// Refuses what could never match, and takes the leading `/` away.
fn check(text: &str) -> Result<&str, String> {
    if text.len() > MAX_GLOB {
        let start: String = text.chars().take(40).collect();
        return Err(format!("the glob `{start}…` has {} bytes, and one may have {MAX_GLOB}", text.len()));
    }
    let path = text.strip_prefix('/').unwrap_or(text);
    let never = |why: &str| Err(format!("`{text}` never matches a path: {why}"));
    if path.is_empty() {
        never("write a path from the image root, such as `/etc/**`")
    } else if path.ends_with('/') {
        never("a path has no `/` at its end; for what lies below it write `/**`")
    } else if path.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        never("it has an empty, `.` or `..` part")
    } else {
        Ok(path)
    }
}

impl<'de> Deserialize<'de> for Globs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<CheckedGlob>::deserialize(deserializer)?;
        Self::compile(texts.into_iter().map(|glob| glob.0).collect()).map_err(D::Error::custom)
    }
}

impl schemars::JsonSchema for Globs {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Globs".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "array",
            "items": { "type": "string", "minLength": 1 },
            "description": "Globs on paths from the image root: `*` within one part, `**` over parts, `{a,b}` a choice."
        })
    }
}

/// One glob, checked by itself so that a complaint points at it and not at the whole list.
struct CheckedGlob(String);

impl<'de> Deserialize<'de> for CheckedGlob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::from_text(deserializer, "a glob, such as `/app/**/*.key`", |text| {
            compile(text, check(text)?).map(|_| Self(text.to_owned()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn huge_globs_and_huge_lists_are_refused_in_a_short_message() {
        for huge in
            ["{a,b}".repeat(2_000), "**/".repeat(3_000) + "x", format!("{}x{}", "{".repeat(3_000), "}".repeat(3_000))]
        {
            let error = Globs::of([huge]).expect_err("too long");
            assert!(error.contains("4096") && error.len() < 200, "{error}");
        }
        let error = Globs::of((0..1_001).map(|number| format!("/f{number}"))).expect_err("too many");
        assert!(error.contains("1001"), "{error}");
        assert!(Globs::of([format!("/{}", "a".repeat(4_000))]).is_ok());
    }

    #[test]
    fn globs_start_at_the_image_root() {
        let globs: Globs = read("['**/.env*', /app/*/x, 'usr/{a,b}/**', '**/.git/**']").expect("good");
        for path in [".env", "app/.env.local", "app/y/x", "usr/a/z", "usr/b/c/d", ".git/HEAD", "app/.git/a/b"] {
            assert!(globs.matches(path), "{path}");
        }
        for path in ["app/env", "app/x", "app/y/z/x", "srv/app/y/x", "usr/c/z", "usr/a", "app/.git", "a/b.git/c"] {
            assert!(!globs.matches(path), "{path}");
        }
        assert_eq!(globs.which("usr/a/z"), Some("usr/{a,b}/**"));
        assert_eq!(globs.root_of("srv/.git/refs/.git/x"), Some("srv/.git"));
        assert_eq!(globs.root_of("app/.env"), None);
    }

    #[test]
    fn a_glob_needs_a_folder_and_the_beginning_of_a_name() {
        let need = |glob: &str| {
            let Need { folder, name, below } = Need::of(glob);
            (folder, name, below)
        };
        let is = |folder: &str, name: &str, below| (folder.to_owned(), name.to_owned(), below);
        assert_eq!(need("**/.env*"), is("", ".env", false));
        assert_eq!(need("**/.git/**"), is("", ".git", true));
        assert_eq!(need("app/**/Dockerfile*"), is("app", "Dockerfile", false));
        assert_eq!(need("app/tests/**"), is("app/tests", "", true));
        assert_eq!(need("usr/{a,b}/**"), is("usr", "", true));
        assert_eq!(need("etc/passwd"), is("etc", "passwd", false));
        assert_eq!(need("x"), is("", "x", false));
        assert_eq!(need("**/*.pem"), is("", "", false));
        assert_eq!(need("**/{a/b,c}"), is("", "", true));
        assert_eq!(need("**/**/x"), is("", "", true));
        assert_eq!(need("a?/b"), is("", "a", true));
    }

    #[test]
    fn a_glob_that_never_matches_is_refused_at_its_place() {
        for (bad, column) in
            [("[a, /]", 8), ("['']", 5), ("[/app/]", 5), ("[a/../b]", 5), ("[./a]", 5), ("[a, 'x[']", 8)]
        {
            let error = read::<Globs>(bad).expect_err(bad);
            assert!(error.starts_with(&format!("1:{column}: ")), "{error}");
        }
        assert!(read::<Globs>("[1]").is_err());
    }
}
