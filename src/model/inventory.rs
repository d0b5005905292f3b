//! The packages of an image: every record of every layer put together and attributed.

use serde::{Deserialize, Serialize};

use super::{Dependency, Method, Package, PackageKind};

/// A record that speaks of a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PackagePlace {
    /// Path in the final file system, or in the layer for what is no longer there.
    pub path: String,
    /// Place inside the file, parts separated by `!/`; empty when the file itself is the record.
    pub inside: String,
    /// Layer (from 0) whose version of the file counts.
    pub layer: u32,
    /// Id of the cataloger.
    pub cataloger: String,
    /// How it knows.
    pub method: Method,
}

/// A package of the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PackageFact {
    /// Unique in the image and the same in every run: the name and a short hash of purl and place, of letters, digits,
    /// `.` and `-` only.
    pub id: String,
    /// The package URL with all qualifiers.
    pub purl: String,
    /// What is known, of all records that speak of it; the package manager's word wins.
    pub package: Package,
    /// Every record that speaks of it, sorted, the best first.
    pub places: Vec<PackagePlace>,
    /// Layer (from 0) since which it is there without interruption.
    pub introduced: u32,
    /// Layer (from 0) that last wrote its record or one of its files.
    pub changed: u32,
    /// Layer (from 0) that removed it; none for what is in the final file system.
    pub removed: Option<u32>,
    /// Ids of the packages it depends on, sorted.
    pub depends_on: Vec<String>,
    /// Dependencies that no package of the image fulfils.
    pub unresolved: Vec<Dependency>,
    /// Id of the package that owns the record of this one: a Python distribution that a Debian package installed, a jar in
    /// a jar.
    pub part_of: Option<String>,
}

/// What is wrong with a file that a package owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tampering {
    /// It is not in the final file system.
    Missing,
    /// Its content is not what the package recorded.
    Digest,
    /// A later layer, in which the package did not change, wrote other content.
    Overwritten,
}

/// A file that is not as its package installed it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TamperedFile {
    /// Id of the package.
    pub package: String,
    /// Path in the final file system.
    pub path: String,
    /// What is wrong.
    pub how: Tampering,
    /// Layer (from 0) that did it, when known.
    pub layer: Option<u32>,
}

/// A package database that a layer deleted while files of its packages stayed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RemovedDatabase {
    /// Path of the database in its layer.
    pub path: String,
    /// Family of its packages.
    pub kind: PackageKind,
    /// Layer (from 0) that last wrote it.
    pub layer: u32,
    /// Layer (from 0) that deleted it.
    pub by: u32,
    /// Packages it last spoke of.
    pub packages: u64,
}

/// The packages of one platform's image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Packages {
    /// All packages, sorted by purl, then by place; those that are no longer there ([`PackageFact::removed`]) too.
    pub list: Vec<PackageFact>,
    /// Files that are not as their packages installed them, sorted.
    pub tampered: Vec<TamperedFile>,
    /// Programs and libraries in system folders that no package owns, sorted by path.
    pub unowned: Vec<String>,
    /// Databases that are gone, sorted.
    pub removed_databases: Vec<RemovedDatabase>,
    /// Bills of materials in the image that name packages which nothing else confirms: id of the package and path of the
    /// document, sorted.
    pub unconfirmed: Vec<(String, String)>,
}

impl Packages {
    /// The packages that are installed in the final file system.
    pub fn installed(&self) -> impl Iterator<Item = &PackageFact> {
        self.list.iter().filter(|fact| fact.removed.is_none() && fact.package.presence == super::Presence::Installed)
    }

    /// The package with this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&PackageFact> {
        self.list.iter().find(|fact| fact.id == id)
    }
}
