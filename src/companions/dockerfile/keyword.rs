//! The instructions there are.

/// An instruction's keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they are the words of the Dockerfile reference")]
pub enum Keyword {
    Add,
    Arg,
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    Label,
    Maintainer,
    Onbuild,
    Run,
    Shell,
    Stopsignal,
    User,
    Volume,
    Workdir,
    /// No instruction.
    Unknown,
}

/// Keywords as they are written.
const WORDS: &[(&str, Keyword)] = &[
    ("ADD", Keyword::Add),
    ("ARG", Keyword::Arg),
    ("CMD", Keyword::Cmd),
    ("COPY", Keyword::Copy),
    ("ENTRYPOINT", Keyword::Entrypoint),
    ("ENV", Keyword::Env),
    ("EXPOSE", Keyword::Expose),
    ("FROM", Keyword::From),
    ("HEALTHCHECK", Keyword::Healthcheck),
    ("LABEL", Keyword::Label),
    ("MAINTAINER", Keyword::Maintainer),
    ("ONBUILD", Keyword::Onbuild),
    ("RUN", Keyword::Run),
    ("SHELL", Keyword::Shell),
    ("STOPSIGNAL", Keyword::Stopsignal),
    ("USER", Keyword::User),
    ("VOLUME", Keyword::Volume),
    ("WORKDIR", Keyword::Workdir),
];

impl Keyword {
    /// Reads a keyword in any case.
    #[must_use]
    pub fn read(word: &str) -> Self {
        WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map_or(Self::Unknown, |(_, keyword)| *keyword)
    }

    /// The keyword as it is usually written; empty when it is none.
    #[must_use]
    pub fn word(self) -> &'static str {
        WORDS.iter().find(|(_, keyword)| *keyword == self).map_or("", |(word, _)| word)
    }

    /// All words.
    #[must_use]
    pub fn all() -> Vec<&'static str> {
        WORDS.iter().map(|(word, _)| *word).collect()
    }

    /// Whether flags such as `--from=…` belong to it.
    #[must_use]
    pub fn has_flags(self) -> bool {
        matches!(self, Self::From | Self::Copy | Self::Add | Self::Run | Self::Healthcheck)
    }

    /// Whether its arguments may be a JSON list.
    #[must_use]
    pub fn may_be_json(self) -> bool {
        matches!(self, Self::Add | Self::Cmd | Self::Copy | Self::Entrypoint | Self::Run | Self::Shell | Self::Volume)
    }

    /// Whether texts may be given in here-documents.
    #[must_use]
    pub fn has_heredocs(self) -> bool {
        matches!(self, Self::Add | Self::Copy | Self::Run)
    }

    /// Whether the builder itself writes variables out in its arguments.
    #[must_use]
    pub fn expands(self) -> bool {
        matches!(
            self,
            Self::Add
                | Self::Copy
                | Self::Env
                | Self::Expose
                | Self::From
                | Self::Label
                | Self::Stopsignal
                | Self::User
                | Self::Volume
                | Self::Workdir
                | Self::Arg
        )
    }
}
