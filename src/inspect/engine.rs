//! From a plan to an inspection: every distinct layer once, from the cache or from the source.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::layer::{LayerError, Limits, Promise, WantedContents};
use crate::model::{Digest, Gap, GapKind, Inspection, LayerFacts, SCHEMA, basename};
use crate::oci::{BlobKey, Blobs, FetchError, LayerPlan, Plan};
use crate::secrets::Scanner;

use super::assemble;
use super::cache::{Analysers, Cache};
use super::pipeline::{self, Job, Progress, Whole};

/// How far packages are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageWork {
    /// Not at all; only to measure what the rest costs, and never with a cache.
    Nothing,
    /// The records of each layer are read and cached.
    Records,
    /// The records are put together to the packages of an image as well.
    Together,
}

/// How images are read.
pub struct Engine<'a> {
    /// Threads that read, unpack and search.
    pub threads: NonZeroUsize,
    /// Bounds of a layer.
    pub limits: Limits,
    /// The detectors.
    pub scanner: &'a Scanner,
    /// Where facts of layers are kept; none to read everything anew and keep nothing.
    pub cache: Option<&'a Cache>,
    /// How far packages are read.
    pub packages: PackageWork,
    /// Files whose contents are kept.
    pub contents: Arc<WantedContents>,
    /// Told how far the reading is.
    pub progress: &'a dyn Progress,
}

/// A layer that several images may share.
type Key = (BlobKey, Digest);
/// What became of a layer.
pub(super) type Fate = Result<Arc<LayerFacts>, Gap>;

impl Engine<'_> {
    pub(super) fn analysers(&self) -> Analysers {
        Analysers {
            scanner: self.scanner.version(),
            catalog: crate::catalog::VERSION,
            key: self.scanner.fingerprint_key_id(),
            limits: self.limits,
            contents: Arc::clone(&self.contents),
        }
    }

    pub(super) fn settings(&self, threads: NonZeroUsize) -> pipeline::Settings<'_> {
        pipeline::Settings {
            threads,
            limits: self.limits,
            scanner: self.scanner,
            wants: is_document,
            records: self.packages != PackageWork::Nothing,
            contents: Arc::clone(&self.contents),
            progress: self.progress,
        }
    }

    /// Bytes that [`Self::inspect`] will read of these layers, were none of them in the cache.
    #[must_use]
    pub fn bytes_to_read(plan: &Plan) -> u64 {
        let layers: BTreeMap<_, _> = distinct(plan).map(|layer| ((&layer.key, &layer.diff_id), layer.size)).collect();
        layers.values().sum()
    }

    /// Reads every distinct layer of the plan once and puts the images together.
    ///
    /// # Errors
    /// [`FetchError`] when the source cannot be reached or denies access; everything else is a gap.
    pub fn inspect(&self, plan: Plan, blobs: &dyn Blobs) -> Result<Inspection, FetchError> {
        let mut known: BTreeMap<Key, Result<Arc<LayerFacts>, LayerFate>> = BTreeMap::new();
        let mut wanted: Vec<&LayerPlan> = Vec::new();
        let mut seen = BTreeSet::new();
        for layer in distinct(&plan) {
            if !seen.insert((&layer.key, &layer.diff_id)) {
                continue;
            }
            let cached =
                self.cache.and_then(|cache| cache.get(layer.digest.as_ref(), &layer.diff_id, &self.analysers()));
            match cached {
                Some(facts) => {
                    known.insert((layer.key.clone(), layer.diff_id.clone()), Ok(Arc::new(facts)));
                }
                None => wanted.push(layer),
            }
        }
        let jobs = wanted
            .iter()
            .map(|layer| {
                let (key, size) = (layer.key.clone(), layer.size);
                Job { promise: promise(layer), open: Box::new(move || blobs.open(&key, size)) }
            })
            .collect();
        // While a thread waits for a network it uses no core: several blobs are open at a time even on one core.
        let least = if blobs.is_remote() { 4 } else { 1 };
        let threads = self.threads.max(NonZeroUsize::new(least).unwrap_or(NonZeroUsize::MIN));
        let results = pipeline::run(jobs, &self.settings(threads));
        for (layer, result) in wanted.into_iter().zip(results) {
            let fate = match result {
                Ok(Whole { facts, .. }) => {
                    self.store(layer.digest.as_ref(), &facts);
                    Ok(Arc::new(facts))
                }
                Err(error) => Err(LayerFate::of(error)?),
            };
            known.insert((layer.key.clone(), layer.diff_id.clone()), fate);
        }
        Ok(put_together(plan, self, known))
    }

    pub(super) fn store(&self, blob: Option<&Digest>, facts: &LayerFacts) {
        if let Some(cache) = self.cache
            && let Err(error) = cache.put(blob, facts, &self.analysers())
        {
            tracing::debug!(%error, "a layer's facts could not be kept in the cache");
        }
    }
}

fn distinct(plan: &Plan) -> impl Iterator<Item = &LayerPlan> {
    plan.images.iter().flat_map(|image| &image.layers).filter(|layer| layer.refused.is_none())
}

fn promise(layer: &LayerPlan) -> Promise {
    Promise {
        size: Some(layer.size),
        digest: layer.digest.clone(),
        diff_id: Some(layer.diff_id.clone()),
        compression: layer.compression,
        ..Promise::default()
    }
}

/// Why a layer is not there, as long as its place in an image is not known.
#[derive(Debug, Clone)]
pub(super) struct LayerFate {
    kind: GapKind,
    why: String,
}

impl LayerFate {
    pub(super) fn of(error: LayerError) -> Result<Self, FetchError> {
        let (kind, why) = error.into_gap()?;
        Ok(Self { kind, why })
    }

    pub(super) fn new(kind: GapKind, why: String) -> Self {
        Self { kind, why }
    }

    fn gap(&self, index: usize) -> Gap {
        Gap {
            kind: self.kind,
            layer: u32::try_from(index).ok(),
            path: None,
            detail: format!("layer {index} was not seen: {}", self.why),
        }
    }
}

/// Gives every image its layers. The last image that needs a layer gets it without a copy.
pub(super) fn put_together(
    plan: Plan,
    engine: &Engine<'_>,
    mut known: BTreeMap<Key, Result<Arc<LayerFacts>, LayerFate>>,
) -> Inspection {
    let mut uses: BTreeMap<Key, usize> = BTreeMap::new();
    for layer in distinct(&plan) {
        *uses.entry((layer.key.clone(), layer.diff_id.clone())).or_default() += 1;
    }
    let mut images = Vec::with_capacity(plan.images.len());
    for image in plan.images {
        let mut fates: Vec<Fate> = Vec::with_capacity(image.layers.len());
        for (index, layer) in image.layers.iter().enumerate() {
            if let Some(gap) = &layer.refused {
                fates.push(Err(gap.clone()));
                continue;
            }
            let key = (layer.key.clone(), layer.diff_id.clone());
            let left = uses.entry(key.clone()).or_default();
            *left = left.saturating_sub(1);
            let fate = if *left == 0 { known.remove(&key) } else { known.get(&key).cloned() };
            let missing = || Err(LayerFate::new(GapKind::LayerMissing, "it was not read".to_owned()));
            fates.push(fate.unwrap_or_else(missing).map_err(|fate| fate.gap(index)));
        }
        images.push(assemble(image, fates, engine.scanner, engine.packages == PackageWork::Together));
    }
    Inspection { schema: SCHEMA.to_owned(), images, gaps: plan.gaps }
}

/// The small files that later steps need whole.
fn is_document(path: &str) -> bool {
    match basename(path) {
        "passwd" | "group" => path.ends_with("etc/passwd") || path.ends_with("etc/group"),
        "os-release" => true,
        _ => false,
    }
}
