//! Members of an archive by name: links resolved inside the archive only, duplicates refused.

use std::collections::BTreeSet;
use std::io::Read;

use crate::model::{GapKind, normalise_path, parent};
use crate::oci::image::gap;
use crate::oci::plan::MAX_DOCUMENT;
use crate::oci::{ArchiveIndex, BlobKey, Blobs, Descriptor, FetchError, LayerPlan, Member};

/// Links followed for one name.
const MAX_HOPS: usize = 16;

/// The members, and how to read those whose content was not kept. As [`Blobs`] it gives the blobs of a layout.
pub(super) struct Members<'a> {
    index: &'a ArchiveIndex,
    /// The archive, for messages.
    archive: &'a str,
    blobs: &'a dyn Blobs,
    duplicates: BTreeSet<&'a str>,
}

/// A regular file of the archive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    /// Its own name, links resolved.
    pub(super) name: &'a str,
    pub(super) size: u64,
    content: Option<&'a Vec<u8>>,
}

impl<'a> Members<'a> {
    pub(super) fn new(index: &'a ArchiveIndex, archive: &'a str, blobs: &'a dyn Blobs) -> Self {
        Self { index, archive, blobs, duplicates: index.duplicates.iter().map(String::as_str).collect() }
    }

    pub(super) fn damaged(&self, why: impl Into<String>) -> FetchError {
        FetchError::Damaged { what: format!("`{}`", self.archive), why: why.into() }
    }

    /// Finds the regular file behind a name; none when there is no such member.
    pub(super) fn find(&self, name: &str) -> Result<Option<Found<'a>>, FetchError> {
        let refuse = |why: &str| self.damaged(format!("its member `{name}` {why}"));
        let mut current = normalise_path(name.as_bytes()).map_err(|_| refuse("has a name that leads outside"))?;
        for _ in 0..=MAX_HOPS {
            if self.duplicates.contains(current.as_str()) {
                return Err(self.damaged(format!("it has the member `{current}` twice")));
            }
            let Some((name, member)) = self.index.members.get_key_value(&current) else { return Ok(None) };
            current = match member {
                Member::File { size, content } => {
                    return Ok(Some(Found { name, size: *size, content: content.as_ref() }));
                }
                Member::Link { target, hard } => {
                    let folder = if *hard { "" } else { parent(name) };
                    follow(folder, target, *hard).ok_or_else(|| refuse("is a link that leads outside"))?
                }
            };
        }
        Err(refuse("is a link that loops"))
    }

    /// Reads a member whole.
    pub(super) fn read(&self, found: Found<'_>) -> Result<Vec<u8>, FetchError> {
        let Found { name, size, content } = found;
        if size > MAX_DOCUMENT {
            let why = format!("its member `{name}` has {size} bytes, and documents may have {MAX_DOCUMENT}");
            return Err(self.damaged(why));
        }
        if let Some(content) = content {
            return Ok(content.clone());
        }
        let mut bytes = Vec::new();
        let reader = self.blobs.open(&BlobKey::Member(name.to_owned()), size)?;
        let read = reader.take(size + 1).read_to_end(&mut bytes);
        read.map_err(|source| FetchError::Io { what: format!("`{name}` in `{}`", self.archive), source })?;
        if bytes.len() as u64 != size {
            return Err(self.damaged(format!("its member `{name}` is cut short")));
        }
        Ok(bytes)
    }

    /// Reads a member by name; none when there is none.
    pub(super) fn read_named(&self, name: &str) -> Result<Option<Vec<u8>>, FetchError> {
        self.find(name)?.map(|found| self.read(found)).transpose()
    }

    /// Reads a member that has to be there.
    pub(super) fn demand(&self, name: &str) -> Result<Vec<u8>, FetchError> {
        self.read_named(name)?.ok_or_else(|| self.damaged(format!("its member `{name}` is missing")))
    }

    /// Makes sure that a planned layer lies in the archive.
    pub(super) fn place(&self, layer: &mut LayerPlan, at: u32) -> Result<(), FetchError> {
        if layer.refused.is_some() {
            return Ok(());
        }
        let path = layer.key.layout_path();
        match self.find(&path)? {
            None => layer.refused = Some(gap(GapKind::LayerMissing, Some(at), missing(&path))),
            Some(found) if found.name != path => layer.key = BlobKey::Member(found.name.to_owned()),
            Some(_) => {}
        }
        Ok(())
    }
}

/// Says that a layer is not there.
pub(super) fn missing(name: &str) -> String {
    format!("the archive does not hold `{name}`")
}

/// The name that a link leads to from a folder; none when it leads outside of the archive. Hard links start at the
/// root whatever they look like; an absolute symbolic link would lead into the machine's own file system.
fn follow(folder: &str, target: &str, hard: bool) -> Option<String> {
    if target.starts_with('/') && !hard {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

impl Blobs for Members<'_> {
    fn small(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, FetchError> {
        let path = BlobKey::Digest(descriptor.digest.clone()).layout_path();
        let Some(found) = self.find(&path)? else {
            return Err(FetchError::NotFound { what: format!("`{path}` in `{}`", self.archive) });
        };
        if found.content.is_some() || found.name != path {
            self.read(found)
        } else {
            self.blobs.small(descriptor, limit)
        }
    }

    fn open(&self, key: &BlobKey, size: u64) -> Result<Box<dyn Read + Send + '_>, FetchError> {
        self.blobs.open(key, size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_inside() {
        assert_eq!(follow("a", "../b.tar", false).as_deref(), Some("b.tar"));
        assert_eq!(follow("a/b", "./c", false).as_deref(), Some("a/b/c"));
        assert_eq!(follow("", "a/b", true).as_deref(), Some("a/b"));
        assert_eq!(follow("a", "../../etc/passwd", false), None);
        assert_eq!(follow("a", "/etc/passwd", false), None);
        assert_eq!(follow("", "../x", true), None);
        assert_eq!(follow("a", "..", false), None);
    }
}
