//! Packages: what one file of one layer says of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The family of a package: which package manager or format speaks of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PackageKind {
    /// Alpine and Wolfi packages.
    Apk,
    /// Arch Linux packages.
    Alpm,
    /// Bitnami components.
    Bitnami,
    /// Rust crates.
    Cargo,
    /// PHP packages.
    Composer,
    /// C and C++ packages of Conan.
    Conan,
    /// Conda packages.
    Conda,
    /// R packages.
    Cran,
    /// Debian and derived distributions; opkg too.
    Deb,
    /// Gentoo packages; no registered purl type, others write `ebuild`.
    Ebuild,
    /// Ruby gems.
    Gem,
    /// Anything else: a program known by a byte landmark, a kernel, a Java runtime.
    Generic,
    /// Go modules.
    Golang,
    /// Lua rocks.
    Luarocks,
    /// Java archives.
    Maven,
    /// Nix store paths; no registered purl type, others write `nix`.
    Nix,
    /// JavaScript packages.
    Npm,
    /// .NET packages.
    Nuget,
    /// Erlang and Elixir packages.
    Hex,
    /// Python distributions.
    Pypi,
    /// RPM packages.
    Rpm,
    /// Swift packages.
    Swift,
}

impl PackageKind {
    /// The purl type (package-url specification, "type").
    #[must_use]
    pub fn purl_type(self) -> &'static str {
        match self {
            Self::Apk => "apk",
            Self::Alpm => "alpm",
            Self::Bitnami => "bitnami",
            Self::Cargo => "cargo",
            Self::Composer => "composer",
            Self::Conan => "conan",
            Self::Conda => "conda",
            Self::Cran => "cran",
            Self::Deb => "deb",
            Self::Ebuild => "ebuild",
            Self::Gem => "gem",
            Self::Generic => "generic",
            Self::Golang => "golang",
            Self::Luarocks => "luarocks",
            Self::Maven => "maven",
            Self::Nix => "nix",
            Self::Npm => "npm",
            Self::Nuget => "nuget",
            Self::Hex => "hex",
            Self::Pypi => "pypi",
            Self::Rpm => "rpm",
            Self::Swift => "swift",
        }
    }

    /// Whether the operating system's package manager speaks of it; such packages take their purl namespace and the
    /// `distro` qualifier from `os-release`.
    #[must_use]
    pub fn is_system(self) -> bool {
        matches!(self, Self::Apk | Self::Alpm | Self::Deb | Self::Rpm | Self::Ebuild)
    }
}

/// How a package is there.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// Its files are installed.
    #[default]
    Installed,
    /// A lock file names it; whether it is installed is another question.
    Declared,
    /// A bill of materials inside the image names it.
    Claimed,
}

/// What a package is for.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A library, or a package of an operating system.
    #[default]
    Library,
    /// A program.
    Application,
    /// A framework or a language runtime.
    Framework,
    /// An operating system or its kernel.
    OperatingSystem,
    /// A kernel module.
    DeviceDriver,
}

/// A checksum algorithm, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChecksumAlgorithm {
    /// MD5.
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// A checksum.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Checksum {
    /// Which.
    pub algorithm: ChecksumAlgorithm,
    /// Lower-case hexadecimal digits.
    pub value: String,
}

/// What is known of a package's licences. No fact is no value: nothing is guessed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Licences {
    /// As the package says it, each once.
    pub raw: Vec<String>,
    /// What the author declared, as an SPDX expression (SPDX 2.3, annex D) with listed identifiers and `LicenseRef-…`.
    pub declared: Option<String>,
    /// What follows from licence texts, as an SPDX expression.
    pub concluded: Option<String>,
    /// Texts behind the `LicenseRef-…` identifiers used above: identifier and text.
    pub texts: BTreeMap<String, String>,
}

/// A file that a package owns.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct OwnedFile {
    /// Path from the image root, without a leading `/`, as the package records it (not resolved).
    pub path: Box<str>,
    /// The digest that the package records; none when it records none.
    pub digest: Option<Checksum>,
    /// Whether it may differ or be missing: configuration, documentation left out, a file made at run time.
    pub may_differ: bool,
}

/// When a dependency matters.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// At run time.
    #[default]
    Runtime,
    /// Only for an optional feature.
    Optional,
    /// Only for development or tests.
    Development,
    /// Only while it was built.
    Build,
}

/// A dependency as the package states it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Dependency {
    /// Names of which one is enough, in the family's own form: `libc6`, `so:libc.musl-x86_64.so.1`, `@scope/name`,
    /// `group:artifact`.
    pub names: Vec<String>,
    /// The version, when the record names exactly one.
    pub version: Option<String>,
    /// When it matters.
    pub scope: Scope,
}

/// How a cataloger knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The record of a package manager.
    Database,
    /// Data that a compiler or linker embedded.
    BuildInfo,
    /// A manifest that belongs to the package.
    Manifest,
    /// A text inside a program.
    Landmark,
    /// A file's name.
    FileName,
    /// A bill of materials inside the image.
    Claim,
}

impl Method {
    /// Confidence in percent.
    #[must_use]
    pub fn confidence(self) -> u8 {
        match self {
            Self::Database => 100,
            Self::BuildInfo => 95,
            Self::Manifest => 90,
            Self::Landmark => 70,
            Self::FileName | Self::Claim => 30,
        }
    }
}

/// A package as one file of one layer speaks of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Package {
    /// The family.
    pub kind: PackageKind,
    /// The purl namespace where the record itself knows it: npm scope (`@scope`), Maven group, Composer vendor, Go path
    /// prefix. For system packages it comes from `os-release` later.
    pub namespace: Option<String>,
    /// The name in the family's own spelling.
    pub name: String,
    /// The full version with epoch and release as the family writes it (`1:2.4-1` for deb, `7.2-1.el9` for rpm whose epoch
    /// is a qualifier); empty when unknown.
    pub version: String,
    /// The architecture in the family's own spelling.
    pub arch: Option<String>,
    /// Further purl qualifiers, not percent-encoded: `epoch`, `rpmmod`, `upstream`, `type`, `classifier`, `platform`, …
    pub qualifiers: BTreeMap<String, String>,
    /// How it is there.
    pub presence: Presence,
    /// What it is for.
    pub role: Role,
    /// Its licences.
    pub licences: Licences,
    /// Who made or distributes it: `Name <mail>` or a name.
    pub supplier: Option<String>,
    /// Who wrote it, when that is somebody else.
    pub author: Option<String>,
    /// One line.
    pub description: Option<String>,
    /// Home page.
    pub homepage: Option<String>,
    /// Where the package file was or can be fetched, when the record says so.
    pub download: Option<String>,
    /// Source repository, when the record says so.
    pub vcs: Option<String>,
    /// CPE 2.3 names that the record or the landmark gives.
    pub cpes: Vec<String>,
    /// Checksums of the package's own file (archive, program); record digests of anything else are `properties`.
    pub hashes: Vec<Checksum>,
    /// What it owns.
    pub files: Vec<OwnedFile>,
    /// What it needs.
    pub depends: Vec<Dependency>,
    /// Further names that others may depend on (`Provides`).
    pub provides: Vec<String>,
    /// How the cataloger knows.
    pub method: Method,
    /// The place inside the file, for nested archives: `BOOT-INF/lib/inner.jar`, parts separated by `!/`; empty else.
    pub inside: String,
    /// Anything else worth keeping, by a stable name: `deb:section`, `go:h1`, `rpm:sigmd5`.
    pub properties: BTreeMap<String, String>,
}

impl Package {
    /// Makes a package of which only this is known.
    #[must_use]
    pub fn new(kind: PackageKind, name: impl Into<String>, version: impl Into<String>, method: Method) -> Self {
        Self {
            kind,
            namespace: None,
            name: name.into(),
            version: version.into(),
            arch: None,
            qualifiers: BTreeMap::new(),
            presence: Presence::Installed,
            role: Role::Library,
            licences: Licences::default(),
            supplier: None,
            author: None,
            description: None,
            homepage: None,
            download: None,
            vcs: None,
            cpes: Vec::new(),
            hashes: Vec::new(),
            files: Vec::new(),
            depends: Vec::new(),
            provides: Vec::new(),
            method,
            inside: String::new(),
            properties: BTreeMap::new(),
        }
    }
}

/// Which packages a [`Fragment`] is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// The package of this family and name, and of this architecture if one is given.
    Name {
        /// The family.
        kind: PackageKind,
        /// The name.
        name: String,
        /// The architecture.
        arch: Option<String>,
    },
    /// The packages whose record lies directly in this folder (path in the layer, without a trailing `/`).
    Folder {
        /// The folder.
        path: String,
    },
}

/// What one file says of a package whose record is another file: lists of files, copyright, where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Fragment {
    /// Whose.
    pub owner: Owner,
    /// What it owns; digests from here complete entries without one.
    pub files: Vec<OwnedFile>,
    /// Its licences.
    pub licences: Licences,
    /// Checksums of the package's own file.
    pub hashes: Vec<Checksum>,
    /// Where the package file was fetched.
    pub download: Option<String>,
    /// Source repository.
    pub vcs: Option<String>,
    /// Anything else.
    pub properties: BTreeMap<String, String>,
}

impl Fragment {
    /// Makes a fragment that says nothing yet.
    #[must_use]
    pub fn of(owner: Owner) -> Self {
        Self {
            owner,
            files: Vec::new(),
            licences: Licences::default(),
            hashes: Vec::new(),
            download: None,
            vcs: None,
            properties: BTreeMap::new(),
        }
    }
}

/// Everything that one cataloger read out of one file of one layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CatalogRecord {
    /// Path in the layer.
    pub path: String,
    /// Id of the cataloger.
    pub cataloger: String,
    /// Packages.
    pub packages: Vec<Package>,
    /// What it says of packages recorded elsewhere.
    pub fragments: Vec<Fragment>,
    /// What could not be understood, each a sentence without a full stop.
    pub gaps: Vec<String>,
}
