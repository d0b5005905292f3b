//! `manifest.json` of docker archives: what `docker save`, podman and skopeo write.

use std::collections::BTreeSet;

use crate::model::{Digest, DocumentKind, GapKind, Note, NoteKind, Subject, basename};
use crate::oci::fields::Object;
use crate::oci::image::{Draft, LayerBlob};
use crate::oci::plan::demand_platform;
use crate::oci::{
    BlobKey, FetchError, OciError, Plan, PlanError, RawDocument, Selector, media_types, parse_config, parse_strict,
};

use super::layout::{only_tag, shorten};
use super::members::{Members, missing};
use super::{Asked, MANIFEST, names};

/// Images of one archive.
const MAX_IMAGES: usize = 1_000;
/// Names of one image.
const MAX_TAGS: usize = 1_000;
/// Layers of one image.
const MAX_LAYERS: usize = 1_000;

/// One image of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Member of the config.
    pub(super) config: String,
    /// `RepoTags`.
    pub(super) tags: Vec<String>,
    /// Members of the layers, bottom first.
    layers: Vec<String>,
}

/// Reads `manifest.json`.
pub(super) fn parse_entries(bytes: &[u8]) -> Result<Vec<Entry>, PlanError> {
    read_entries(bytes).map_err(|source| PlanError::Document { what: MANIFEST, digest: Digest::of(bytes), source })
}

fn read_entries(bytes: &[u8]) -> Result<Vec<Entry>, OciError> {
    let value = parse_strict(bytes)?;
    let problem = |problem: String| OciError::Field { pointer: "/".to_owned(), problem };
    let elements = value.as_array().ok_or_else(|| problem("is not an array".to_owned()))?;
    if elements.len() > MAX_IMAGES {
        return Err(problem(format!("lists more than {MAX_IMAGES} images")));
    }
    let entry = |(at, value)| {
        let object = Object::new(&format!("/{at}"), value)?;
        Ok(Entry {
            config: object.required_text("Config")?,
            tags: object.texts("RepoTags", MAX_TAGS)?.unwrap_or_default(),
            layers: object.texts("Layers", MAX_LAYERS)?.unwrap_or_default(),
        })
    };
    elements.iter().enumerate().map(entry).collect()
}

/// Plans the image of a docker archive that has no layout.
pub(super) fn plan_docker(members: &Members<'_>, asked: &Asked<'_>, selector: &Selector) -> Result<Plan, PlanError> {
    let bytes = members.demand(MANIFEST)?;
    let entries = parse_entries(&bytes)?;
    let entry = choose(&entries, asked)?;
    let (config_digest, bytes) = read_config(members, &entry.config)?;
    let (config, mut notes) = parse_config(&bytes).map_err(|source| PlanError::Document {
        what: "config",
        digest: config_digest.clone(),
        source,
    })?;
    let detail = "a docker archive has no manifest: the digest is that of the config".to_owned();
    notes.push(Note { kind: NoteKind::Source, layer: None, path: None, detail });
    let blobs = entry.layers.iter().map(|name| layer(members, name)).collect::<Result<_, _>>()?;
    let tag = match asked.tag {
        Some(wanted) => names::tag_of(wanted).map(str::to_owned),
        None => only_tag(entry.tags.iter().map(String::as_str)),
    };
    let subject = Subject {
        reference: asked.reference.to_owned(),
        repository: asked.repository.to_owned(),
        tag,
        digest: config_digest.clone(),
        media_type: media_types::DOCKER_CONFIG.to_owned(),
        config_digest: config_digest.clone(),
    };
    let kind = DocumentKind::Config;
    let documents = vec![RawDocument { kind, digest: config_digest, bytes: bytes.into() }];
    let annotations = std::collections::BTreeMap::new();
    let image = Draft { subject, platform: None, annotations, config, documents, notes, blobs }.finish();
    demand_platform(&image, selector)?;
    Ok(Plan { images: vec![image], gaps: Vec::new() })
}

fn choose<'a>(entries: &'a [Entry], asked: &Asked<'_>) -> Result<&'a Entry, FetchError> {
    let found: Vec<&Entry> = match asked.tag {
        None => entries.iter().collect(),
        Some(wanted) => entries.iter().filter(|entry| entry.is_meant(wanted)).collect(),
    };
    let listed = |entries: &[&Entry]| {
        let name = |entry: &&Entry| match entry.tags.first() {
            Some(name) => format!("`{name}`"),
            None => format!("`{}` without a name", entry.config),
        };
        shorten(entries.iter().map(name).collect::<BTreeSet<_>>())
    };
    match (&found[..], asked.tag) {
        ([entry], _) => Ok(entry),
        ([first, rest @ ..], _) if rest.iter().all(|entry| entry.is_same_image(first)) => Ok(first),
        ([], Some(wanted)) => {
            let all = listed(&entries.iter().collect::<Vec<_>>());
            Err(FetchError::NotFound { what: format!("`{wanted}` in `{}` (which holds {all})", asked.repository) })
        }
        ([], None) => Err(FetchError::NotFound { what: format!("an image in `{}`", asked.repository) }),
        (several, _) => {
            let names = listed(several);
            Err(FetchError::Usage(format!("`{}` holds several images; name one of {names}", asked.reference)))
        }
    }
}

impl Entry {
    /// Whether a tag, a whole name or the digest of a config means this image.
    pub(super) fn is_meant(&self, wanted: &str) -> bool {
        let by_digest = wanted.parse::<Digest>().is_ok_and(|digest| named_digest(&self.config) == Some(digest));
        by_digest || self.tags.iter().any(|name| names::is_meant(wanted, name))
    }

    fn is_same_image(&self, other: &Self) -> bool {
        self.config == other.config && self.layers == other.layers
    }
}

/// The digest that a config's name promises: `<hex>.json`, `sha256:<hex>`, `blobs/sha256/<hex>`, or none.
fn named_digest(name: &str) -> Option<Digest> {
    let name = basename(name);
    let name = name.strip_suffix(".json").unwrap_or(name);
    let hex = name.strip_prefix("sha256:").unwrap_or(name);
    format!("sha256:{hex}").parse().ok()
}

/// Reads a config by the name of its member. The name is the only digest that such an archive has, so it has to be true.
pub(super) fn read_config(members: &Members<'_>, name: &str) -> Result<(Digest, Vec<u8>), FetchError> {
    let bytes = members.demand(name)?;
    let digest = Digest::of(&bytes);
    match named_digest(name) {
        Some(promised) if promised != digest => {
            Err(members.damaged(format!("its member `{name}` has the digest {digest}")))
        }
        _ => Ok((digest, bytes)),
    }
}

fn layer(members: &Members<'_>, name: &str) -> Result<LayerBlob, FetchError> {
    let found = members.find(name)?;
    Ok(LayerBlob {
        key: BlobKey::Member(found.map_or(name, |found| found.name).to_owned()),
        digest: None,
        media_type: String::new(),
        size: found.map_or(0, |found| found.size),
        compression: None,
        refused: found.is_none().then(|| (GapKind::LayerMissing, missing(name))),
    })
}
