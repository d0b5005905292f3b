//! What is released: the images, read by digest, under the manifest and the name that people will pull.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use crate::model::{Digest, IndexChild, IndexFacts, Inspection, Platform, SCHEMA};
use crate::oci::{Reference, Selector};
use crate::registry::{Client, ManifestToPush};
use crate::release::closure::{Closure, Evidence, walk};
use crate::release::index::assemble;

use super::super::connection::{Source, open_source};
use super::super::copy::untrusted;
use super::super::image::Reader;
use super::super::{Exit, Failure};
use super::ReleaseArguments;

const VERSION: &str = "org.opencontainers.image.version";
/// Labels that an index takes over from its images when they agree.
const COMMON: &[&str] = &[
    "org.opencontainers.image.created",
    "org.opencontainers.image.description",
    "org.opencontainers.image.documentation",
    "org.opencontainers.image.licenses",
    "org.opencontainers.image.revision",
    "org.opencontainers.image.source",
    "org.opencontainers.image.title",
    "org.opencontainers.image.url",
    "org.opencontainers.image.vendor",
];

/// An image that is to be released, with all that belongs to it.
pub(in crate::cli) struct Opened {
    pub source: Source,
    pub closure: Closure,
}

pub(super) fn open_all(images: &[String], client: &Client) -> Result<Vec<Opened>, Failure> {
    let mut opened = Vec::new();
    for image in images {
        let source = open_source(image, client)?;
        let closure = walk(&*source.repository, source.root.clone(), Evidence::All)?;
        if !closure.problems.is_empty() {
            return Err(untrusted(&closure));
        }
        opened.push(Opened { source, closure });
    }
    Ok(opened)
}

/// Reads every platform of every image, by digest; what was read must be what will be copied.
pub(in crate::cli) fn inspect(
    opened: &[Opened],
    images: &[String],
    reader: &Reader<'_>,
) -> Result<Inspection, Failure> {
    let mut all = Inspection { schema: SCHEMA.to_owned(), images: Vec::new(), gaps: Vec::new() };
    for (one, text) in opened.iter().zip(images) {
        let pinned = match (one.source.repository.place(), &one.source.archived) {
            (Some((host, name)), _) => format!("{host}/{name}@{}", one.closure.root),
            (None, Some(archived)) => archived.reference.clone(),
            (None, None) => text.clone(),
        };
        let mut inspection = reader.inspect(&pinned, &Selector::All)?;
        if let Some(config) = one.source.archived.as_ref().and_then(|archived| archived.converted.as_ref()) {
            // The archive knows its image by the config; what is released is the manifest that was made of it.
            for image in inspection.images.iter_mut().filter(|image| image.subject.digest == *config) {
                image.subject.digest = one.closure.root.clone();
                image.subject.media_type.clone_from(&one.source.root.media_type);
            }
        }
        let read: BTreeSet<&Digest> = inspection.images.iter().map(|image| &image.subject.digest).collect();
        let copied = one.closure.images();
        if read != copied.iter().collect() {
            return Err(Failure {
                exit: Exit::Inconclusive,
                message: format!("`{text}` changed while it was read, or holds images that cannot be judged"),
                hint: Some("run it again; imgguard tree shows what is in it".to_owned()),
            });
        }
        all.gaps.append(&mut inspection.gaps);
        for image in inspection.images {
            if all.images.iter().all(|known| known.subject.digest != image.subject.digest) {
                all.images.push(image);
            }
        }
    }
    Ok(all)
}

/// The manifest or index that the tags will point at.
pub(super) fn root(
    arguments: &ReleaseArguments,
    opened: &[Opened],
    inspection: &Inspection,
    (version, mut annotations): (&Version, BTreeMap<String, String>),
) -> Result<ManifestToPush, Failure> {
    if let [only] = opened
        && (only.closure.is_index() || !arguments.index)
    {
        if !annotations.is_empty() {
            return Err(Failure::usage("--annotation would change an image that is released as it is")
                .with_hint("leave it out, or make an index with --index for a single image"));
        }
        return Ok(only.closure.root_to_push()?);
    }
    let of_first = inspection.images.first().map(|image| &image.config.labels);
    for name in COMMON {
        let agreed = of_first
            .and_then(|labels| labels.get(*name))
            .filter(|value| inspection.images.iter().all(|image| image.config.labels.get(*name) == Some(value)));
        if let Some(value) = agreed {
            annotations.entry((*name).to_owned()).or_insert_with(|| value.clone());
        }
    }
    annotations.insert(VERSION.to_owned(), version.to_string());
    let platforms: BTreeMap<Digest, Platform> =
        inspection.images.iter().map(|image| (image.subject.digest.clone(), image.platform.clone())).collect();
    let closures: Vec<&Closure> = opened.iter().map(|one| &one.closure).collect();
    Ok(assemble(&closures, &platforms, &annotations)?)
}

/// Judged is what people will pull: the images under their index and their full version.
pub(in crate::cli) fn name(inspection: &mut Inspection, destination: &Reference, tag: &str, root: &ManifestToPush) {
    let children: Vec<IndexChild> = inspection
        .images
        .iter()
        .map(|image| IndexChild { digest: image.subject.digest.clone(), platform: image.platform.clone() })
        .collect();
    for image in &mut inspection.images {
        image.subject.reference = format!("{}:{tag}", destination.repository_name());
        image.subject.repository = destination.repository_name();
        image.subject.tag = Some(tag.to_owned());
        if image.index.is_none() && image.subject.digest != root.digest {
            image.index = Some(IndexFacts {
                digest: root.digest.clone(),
                media_type: root.media_type.clone(),
                children: children.clone(),
                annotations: BTreeMap::new(),
            });
        } else if let Some(index) = image.index.as_mut().filter(|index| index.digest != root.digest) {
            index.digest = root.digest.clone();
            index.children.clone_from(&children);
        }
    }
}
