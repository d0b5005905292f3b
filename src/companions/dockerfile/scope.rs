//! Which variables an instruction sees.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::expand::{Lookup, expand};
use super::{Dockerfile, Instruction, Keyword};

/// Arguments that exist without being declared (Docker, "Predefined ARGs").
const PREDEFINED: &[&str] = &[
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "FTP_PROXY",
    "ftp_proxy",
    "NO_PROXY",
    "no_proxy",
    "ALL_PROXY",
    "all_proxy",
];
/// Arguments that `BuildKit` gives to `FROM`, and to stages that declare them.
const PLATFORM: &[&str] = &[
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETARCH",
    "TARGETVARIANT",
    "TARGETSTAGE",
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDARCH",
    "BUILDVARIANT",
];

/// The variables that an instruction sees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Names with their values; none when the value is not known before the build.
    known: Arc<Names>,
    /// Names declared before the first `FROM`.
    global: Arc<Names>,
    /// Whether this is `FROM` or stands before it.
    outside: bool,
    /// Whether the base is an image, whose variables are not known.
    pub on_image: bool,
}

type Names = BTreeMap<String, Option<String>>;

impl Scope {
    /// What is known of a variable.
    #[must_use]
    pub fn lookup(&self, name: &str) -> Lookup {
        match self.known.get(name) {
            Some(Some(value)) => Lookup::Value(value.clone()),
            Some(None) => Lookup::Unknown,
            None if self.on_image || self.declares(name) => Lookup::Unknown,
            None => Lookup::Unset,
        }
    }

    /// Whether the Dockerfile itself sets or declares the variable here.
    #[must_use]
    pub fn declares(&self, name: &str) -> bool {
        self.known.contains_key(name) || PREDEFINED.contains(&name) || (self.outside && PLATFORM.contains(&name))
    }

    /// Whether it is declared before the first `FROM` and not in this stage, where it is therefore empty.
    #[must_use]
    pub fn is_lost_global(&self, name: &str) -> bool {
        !self.declares(name) && (self.global.contains_key(name) || PLATFORM.contains(&name))
    }

    /// All names that are set or declared here.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.known.keys().chain(self.global.keys()).map(String::as_str)
    }

    /// Takes up what an instruction sets.
    fn declare(&mut self, instruction: &Instruction) {
        if !matches!(instruction.keyword, Keyword::Env | Keyword::Arg) {
            return;
        }
        let is_argument = instruction.keyword == Keyword::Arg;
        // All values of one instruction are written out with what was known before it.
        let value = |text: &str| expand(text, instruction.escape, &|name| self.lookup(name)).text;
        let pairs: Vec<(String, Option<String>)> = instruction
            .pairs()
            .0
            .into_iter()
            .map(|pair| {
                let inherited = self.global.get(&pair.name).filter(|_| is_argument).cloned().flatten();
                let value = pair.value.as_deref().and_then(value).or(inherited);
                (pair.name, value)
            })
            .collect();
        Arc::make_mut(&mut self.known).extend(pairs);
    }
}

impl Dockerfile {
    /// Calls `visit` for every instruction with the variables it sees. A build may give an `ARG` another value than the
    /// one that is written, which is only its default.
    pub fn walk(&self, mut visit: impl FnMut(&Instruction, &Scope)) {
        let mut scope = Scope { outside: true, ..Scope::default() };
        let mut global: Arc<Names> = Arc::default();
        // What each stage ends with.
        let mut ends: Vec<Scope> = Vec::with_capacity(self.stages.len());
        let mut stages = 0_usize;
        for instruction in &self.instructions {
            if instruction.keyword == Keyword::From {
                if stages == 0 {
                    global = Arc::clone(&scope.known);
                } else {
                    ends.push(scope.clone());
                }
                visit(instruction, &Scope { known: Arc::clone(&global), outside: true, ..Scope::default() });
                let stage = self.stages.get(stages);
                scope = match stage.and_then(|stage| stage.base_stage).and_then(|base| ends.get(base)) {
                    Some(end) => end.clone(),
                    None => Scope {
                        on_image: stage.is_some_and(|stage| !stage.base.text.eq_ignore_ascii_case("scratch")),
                        ..Scope::default()
                    },
                };
                scope.global = Arc::clone(&global);
                stages += 1;
            } else {
                visit(instruction, &scope);
                scope.declare(instruction);
            }
        }
    }
}
