//! The catalogers: one file per package format, a test of paths and a pure parser of bytes.
//!
//! A cataloger sees one file of one layer and knows nothing of other files: what several files say of one package is put
//! together after the overlay (`inspect::packages`). Half a record is kept with what is known, plus a gap; it is never dropped.

mod apk;
mod binary;
mod chisel;
mod claim;
mod composer;
mod conda;
mod cran;
mod deb822;
mod debian_copyright;
mod dpkg;
mod dpkg_info;
mod erlang;
mod field;
mod gem;
mod hashes;
mod header;
mod java;
mod json;
mod kernel;
mod licence;
mod lock;
mod luarocks;
mod nix;
mod npm;
mod nuget;
mod owned;
mod pacman;
mod pear;
mod portage;
mod python;
mod rpm;
mod sqlite;
mod table;
mod terms;
mod wordpress;
mod xml;
mod zip;

pub use licence::{Dialect, Join, all_of, licences, licences_of};
pub use table::CATALOGERS;

use crate::model::{CatalogRecord, Fragment, Package};

/// Bytes at the start of a file that [`Takes::Head`] is given, unless the file is smaller.
pub const HEAD: usize = 64;

/// Changes whenever a cataloger reads something else out of the same bytes.
pub const VERSION: u32 = 3;

/// One file, as a cataloger sees it.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// Path in the layer, without a leading `/`.
    pub path: &'a str,
    /// The content: whole, or its beginning when it is larger than [`Cataloger::limit`].
    pub bytes: &'a [u8],
    /// Bytes of the whole file.
    pub size: u64,
}

impl Input<'_> {
    /// Whether `bytes` is the whole file.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.bytes.len() as u64 == self.size
    }
}

/// What a cataloger read out of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Packages.
    pub packages: Vec<Package>,
    /// What the file says of packages that are recorded in other files.
    pub fragments: Vec<Fragment>,
    /// What could not be understood, each a sentence without a full stop that names the place (`line 7: …`).
    pub gaps: Vec<String>,
    /// The cataloger knows what a file of which only the beginning was seen may hide, and has told it in `gaps` if it does:
    /// most large programs hold nothing for most catalogers. If this is not set, every such file is a gap.
    pub judged_cut: bool,
}

/// Why a file could not be read at all. Parsers that can go on behind the damage return findings with gaps instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CatalogError(pub String);

/// Which files a cataloger takes.
#[derive(Debug, Clone, Copy)]
pub enum Takes {
    /// Files with such a path in the layer. On the hot path: no regular expression, no allocation.
    Path(fn(&str) -> bool),
    /// Files with such a path and such first bytes ([`HEAD`] of them, or the whole file).
    Head(fn(&str, &[u8]) -> bool),
}

/// A cataloger. Registered in [`CATALOGERS`].
pub struct Cataloger {
    /// Stable id, such as `dpkg`.
    pub id: &'static str,
    /// What it reads, in words.
    pub what: &'static str,
    /// Which files.
    pub takes: Takes,
    /// Most bytes of a file that it is given.
    pub limit: u64,
    /// Bytes in, packages out; pure.
    pub parse: fn(&Input<'_>) -> Result<Findings, CatalogError>,
}

/// Usual bound of a text that is kept whole, in bytes.
pub const TEXT: u64 = 64 << 20;
/// Usual bound of a program or an archive that is kept whole, in bytes.
pub const BINARY: u64 = 64 << 20;

/// The catalogers that take a file, as a set of indexes into [`CATALOGERS`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Takers(u128);

impl Takers {
    /// Asks all catalogers. `head` is the first [`HEAD`] bytes of the file, or all of it.
    #[must_use]
    pub fn of(path: &str, head: &[u8]) -> Self {
        let mut set = 0;
        for (index, cataloger) in CATALOGERS.iter().enumerate() {
            let takes = match cataloger.takes {
                Takes::Path(test) => test(path),
                Takes::Head(test) => test(path, head),
            };
            set |= u128::from(takes) << index;
        }
        Self(set)
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The catalogers.
    pub fn iter(self) -> impl Iterator<Item = &'static Cataloger> {
        CATALOGERS.iter().enumerate().filter(move |(index, _)| self.0 >> index & 1 == 1).map(|(_, cataloger)| cataloger)
    }

    /// Most bytes that one of them wants.
    #[must_use]
    pub fn limit(self) -> u64 {
        self.iter().map(|cataloger| cataloger.limit).max().unwrap_or(0)
    }
}

/// Gives a file to the catalogers that take it. A file that could not be understood gives a record with a gap.
pub fn read(takers: Takers, input: &Input<'_>, records: &mut Vec<CatalogRecord>) {
    for cataloger in takers.iter() {
        let limit = usize::try_from(cataloger.limit).unwrap_or(usize::MAX);
        let input = Input { bytes: &input.bytes[..input.bytes.len().min(limit)], ..*input };
        let Findings { packages, fragments, mut gaps, judged_cut } = (cataloger.parse)(&input)
            .unwrap_or_else(|error| Findings { gaps: vec![error.to_string()], ..Findings::default() });
        if !input.is_whole() && !judged_cut {
            gaps.push(format!("only the first {} of its {} bytes were looked at", input.bytes.len(), input.size));
        }
        if packages.is_empty() && fragments.is_empty() && gaps.is_empty() {
            continue;
        }
        records.push(CatalogRecord {
            path: input.path.to_owned(),
            cataloger: cataloger.id.to_owned(),
            packages,
            fragments,
            gaps,
        });
    }
}

/// Packs records for [`crate::model::LayerFacts::catalog`].
#[must_use]
pub fn encode(records: &[CatalogRecord]) -> Vec<u8> {
    postcard::to_stdvec(records).unwrap_or_default()
}

/// Unpacks what [`encode`] packed; nothing for an empty list.
///
/// # Errors
/// [`CatalogError`] when the bytes are damaged.
pub fn decode(bytes: &[u8]) -> Result<Vec<CatalogRecord>, CatalogError> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    postcard::from_bytes(bytes)
        .map_err(|error| CatalogError(format!("the stored package records are damaged: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Owner, PackageKind};

    #[test]
    fn records_are_unpacked_as_they_were_packed() {
        let owners = [
            Owner::Name { kind: PackageKind::Deb, name: "libc6".to_owned(), arch: Some("amd64".to_owned()) },
            Owner::Folder { path: "var/lib/pacman/local/a-1-1".to_owned() },
        ];
        let mut packages = Vec::new();
        let mut room = owned::Room::default();
        for (at, kind) in [PackageKind::Deb, PackageKind::Nix].into_iter().enumerate() {
            let mut package = Package::new(kind, "a", "1", crate::model::Method::Database);
            package.licences = licences(Dialect::Spdx, "MIT AND Own");
            package.files.extend(room.whole(b"/a", None, at == 0));
            packages.push(package);
        }
        let record = CatalogRecord {
            path: "a".to_owned(),
            cataloger: "b".to_owned(),
            packages,
            fragments: owners.map(Fragment::of).to_vec(),
            gaps: vec!["c".to_owned()],
        };
        assert_eq!(decode(&encode(std::slice::from_ref(&record))), Ok(vec![record]));
        assert_eq!(decode(&[]), Ok(Vec::new()));
        assert!(decode(&[1]).is_err());
    }

    /// What a cataloger finds in a text; a refusal is a gap.
    pub(super) fn read_text(cataloger: &Cataloger, path: &str, text: &str) -> Findings {
        read_bytes(cataloger, path, text.as_bytes())
    }

    /// What a cataloger finds in a file that it takes; a refusal is a gap.
    pub(super) fn read_bytes(cataloger: &Cataloger, path: &str, bytes: &[u8]) -> Findings {
        let taken = match cataloger.takes {
            Takes::Path(test) => test(path),
            Takes::Head(test) => test(path, &bytes[..bytes.len().min(HEAD)]),
        };
        assert!(taken, "{} does not take {path}", cataloger.id);
        (cataloger.parse)(&Input { path, bytes, size: bytes.len() as u64 })
            .unwrap_or_else(|error| Findings { gaps: vec![error.to_string()], ..Findings::default() })
    }
}
