//! Archives that are a layout and a docker archive at once: both must mean the same image, or two programs that load
//! the archive get two images.

use std::collections::BTreeSet;

use crate::model::Digest;
use crate::oci::index::{is_about_document, is_attestation};
use crate::oci::manifest::{is_index_type, is_manifest_type};
use crate::oci::plan::read_document;
use crate::oci::{Descriptor, Document, PlanError};

use super::layout::{Choice, read_index};
use super::members::Members;
use super::{Asked, docker};

/// Levels of indexes.
const MAX_DEPTH: usize = 5;
/// Documents read.
const MAX_DOCUMENTS: usize = 1_000;

/// Refuses an archive whose `manifest.json` names a config that `index.json` does not lead to.
pub(super) fn check(
    manifest_json: &[u8],
    index_json: &[u8],
    choice: &Choice,
    members: &Members<'_>,
    asked: &Asked<'_>,
) -> Result<(), PlanError> {
    let entries = docker::parse_entries(manifest_json)?;
    let index = read_index(index_json)?;
    let anywhere = Configs::behind(&index.manifests, members)?;
    let chosen = Configs::behind(choice.descriptors(), members)?;
    let by_digest = asked.tag.is_some_and(|wanted| wanted.parse::<Digest>().is_ok());
    for entry in &entries {
        let (config, _) = docker::read_config(members, &entry.config)?;
        let is_asked = match asked.tag {
            None => true,
            Some(_) if by_digest => false,
            Some(wanted) => entries.len() == 1 || entry.is_meant(wanted),
        };
        let led_to = if is_asked { &chosen } else { &anywhere };
        if !led_to.found.contains(&config) {
            let why = format!("`manifest.json` names the config {config}, and `index.json` does not lead to it");
            return Err(members.damaged(why).into());
        }
    }
    Ok(())
}

/// The configs of all images behind some descriptors.
struct Configs<'a, 'm> {
    members: &'a Members<'m>,
    read: usize,
    found: BTreeSet<Digest>,
}

impl<'a, 'm> Configs<'a, 'm> {
    fn behind(descriptors: &[Descriptor], members: &'a Members<'m>) -> Result<Self, PlanError> {
        let mut configs = Self { members, read: 0, found: BTreeSet::new() };
        configs.collect(descriptors, 1)?;
        Ok(configs)
    }

    fn collect(&mut self, descriptors: &[Descriptor], depth: usize) -> Result<(), PlanError> {
        for descriptor in descriptors {
            let media_type = &descriptor.media_type;
            let is_document = is_index_type(media_type) || is_manifest_type(media_type);
            if !is_document || is_attestation(descriptor) {
                continue;
            }
            self.read += 1;
            if self.read > MAX_DOCUMENTS || depth > MAX_DEPTH {
                let why = "`index.json` leads to too many documents to compare it with `manifest.json`";
                return Err(self.members.damaged(why).into());
            }
            match read_document(descriptor, self.members) {
                Ok(Document::Manifest(manifest)) => {
                    self.found.insert(manifest.config.digest);
                }
                Ok(Document::Index(index)) => self.collect(&index.manifests, depth + 1)?,
                // What cannot be read leads to nothing; whether it matters is decided where it is needed.
                Err(error) if is_about_document(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
