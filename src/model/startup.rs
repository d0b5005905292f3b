//! What decides how processes of an image start: heads of programs, first lines of scripts, texts of scripts and of service
//! tables, accounts that need no password.

use serde::{Deserialize, Serialize};

/// What an ELF file asks of the dynamic loader.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Linking {
    /// `PT_INTERP`; none for static programs and for libraries.
    pub interpreter: Option<Box<str>>,
    /// `DT_NEEDED`, in order.
    pub needed: Vec<Box<str>>,
    /// `DT_SONAME`.
    pub soname: Option<Box<str>>,
    /// `DT_RPATH` as written.
    pub rpath: Option<Box<str>>,
    /// `DT_RUNPATH` as written.
    pub runpath: Option<Box<str>>,
}

/// How much is known of an ELF file's [`Linking`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Linkage {
    /// All of it.
    Seen(Linking),
    /// It lies behind the bytes that were looked at; why, as a fragment.
    Unseen(Box<str>),
    /// The file contradicts itself; how, as a fragment. The kernel or the loader refuses it.
    Damaged(Box<str>),
}

/// The head of an ELF file (System V ABI, chapters 4 and 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Elf {
    /// 32 or 64.
    pub bits: u8,
    /// Byte order.
    pub big_endian: bool,
    /// `e_machine`, such as 62 for x86-64.
    pub machine: u16,
    /// `e_type`, such as 2 for a program at a fixed place and 3 for position-independent ones and libraries.
    pub kind: u16,
    /// What it asks of the loader.
    pub linkage: Linkage,
}

/// The beginning of a file that the kernel can start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Head {
    /// An ELF file.
    Elf(Elf),
    /// A file that starts with `#!`: what follows, up to the line feed, at most 254 bytes; a carriage return stays in it.
    Script(Box<str>),
}

/// A file that starts as programs do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Program {
    /// Path in the final file system.
    pub path: Box<str>,
    /// How it starts.
    pub head: Head,
}

/// A script or a table of services. What looks like a secret in it is replaced by `*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StartText {
    /// Path in the final file system.
    pub path: Box<str>,
    /// Its beginning: all of it unless `cut`.
    pub text: Box<str>,
    /// There is more than is kept.
    pub cut: bool,
}

impl StartText {
    /// The lines that are there in full: the one in which a text is cut may mean something else.
    #[must_use]
    pub fn whole_lines(&self) -> &str {
        if !self.cut {
            return &self.text;
        }
        let end = self.text.rfind('\n').map_or(0, |at| at + 1);
        self.text.get(..end).unwrap_or_default()
    }
}

/// An account of a layer's `etc/shadow` or `etc/passwd` whose password is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct OpenAccount {
    /// Layer (from 0).
    pub layer: u32,
    /// Path in the layer.
    pub path: Box<str>,
    /// Login name.
    pub name: String,
    /// Line in the file, from 1.
    pub line: u32,
}

/// What one layer says of it; numbers are indexes of entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LayerStartup {
    /// Heads, in the order of the archive.
    pub heads: Vec<(u32, Head)>,
    /// Texts, in the order of the archive: the text, and whether it is cut.
    pub texts: Vec<(u32, Box<str>, bool)>,
    /// Accounts without a password: entry, name, line.
    pub open_accounts: Vec<(u32, String, u32)>,
    /// There are more programs than are kept.
    pub cut: bool,
}

/// What an image says of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Startup {
    /// Programs, libraries and scripts of the final file system, sorted by path; every name of a file.
    pub programs: Vec<Program>,
    /// Texts of the final file system, sorted by path.
    pub texts: Vec<StartText>,
    /// Accounts without a password in any layer, sorted.
    pub open_accounts: Vec<OpenAccount>,
    /// A layer has more programs than are kept: what is not in the list may be one all the same.
    pub cut: bool,
}

impl Startup {
    /// How the file at this resolved path starts; none when it is neither ELF nor a script.
    #[must_use]
    pub fn head(&self, path: &str) -> Option<&Head> {
        let found = self.programs.binary_search_by(|program| program.path.as_ref().cmp(path));
        found.ok().and_then(|at| self.programs.get(at)).map(|program| &program.head)
    }

    /// The text at this resolved path, when it was kept.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&StartText> {
        let found = self.texts.binary_search_by(|text| text.path.as_ref().cmp(path));
        found.ok().and_then(|at| self.texts.get(at))
    }
}
