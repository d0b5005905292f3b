//! Image archives that can be read only once and only in their own order: standard input, a daemon's export, a compressed
//! archive. Every member that can be a layer is read as one when it comes by; what the image is, is known at the end.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::layer::{LayerError, Promise};
use crate::model::{Algorithm, Digest, GapKind, Inspection, normalise_path};
use crate::oci::{ArchiveIndex, BlobKey, Blobs, Descriptor, FetchError, Member, PlanError, Selector};

use super::engine::{Engine, LayerFate, put_together};
use super::pipeline::{self, Job, Whole};

/// Largest member that is kept as a document.
const DOCUMENT: u64 = 4 << 20;
/// Most bytes of all documents.
const DOCUMENTS: u64 = 64 << 20;
/// Most members of the outer archive.
const MEMBERS: usize = 100_000;
/// Bytes handed over at once.
const PIECE: usize = 256 << 10;

/// What a streamed archive is called.
#[derive(Debug, Clone)]
pub struct StreamName {
    /// The reference as the user wrote it.
    pub reference: String,
    /// Repository without tag and digest; the path for local sources.
    pub repository: String,
    /// The tag that picks one of several images.
    pub tag: Option<String>,
}

type Layers = BTreeMap<String, Result<Whole, LayerError>>;

impl Engine<'_> {
    /// Reads an archive from its start to its end.
    ///
    /// # Errors
    /// [`PlanError`] when it is no image archive, or the stream fails.
    pub fn inspect_stream(
        &self,
        stream: impl Read + Send,
        name: &StreamName,
        selector: &Selector,
    ) -> Result<Inspection, PlanError> {
        let (index, mut layers) = self.read_members(tar::Archive::new(stream), name)?;
        let plan = index.plan(&name.reference, &name.repository, name.tag.as_deref(), selector, &Nothing)?;
        let mut known = BTreeMap::new();
        for layer in plan.images.iter().flat_map(|image| &image.layers).filter(|layer| layer.refused.is_none()) {
            let key = (layer.key.clone(), layer.diff_id.clone());
            if known.contains_key(&key) {
                continue;
            }
            let member = match &layer.key {
                BlobKey::Member(member) => member.clone(),
                BlobKey::Digest(digest) => format!("blobs/{}/{}", digest.algorithm().name(), digest.hex()),
            };
            let fate = match layers.remove(&member) {
                Some(Ok(whole)) => self.keep_promise(whole, layer.digest.as_ref(), &layer.diff_id),
                Some(Err(error)) => Err(LayerFate::of(error)?),
                None => Err(LayerFate::new(GapKind::LayerMissing, format!("`{member}` is not in the archive"))),
            };
            known.insert(key, fate);
        }
        Ok(put_together(plan, self, known))
    }

    /// Compares a layer that has been read with what the documents promise of it.
    fn keep_promise(
        &self,
        whole: Whole,
        digest: Option<&Digest>,
        diff_id: &Digest,
    ) -> Result<Arc<crate::model::LayerFacts>, LayerFate> {
        let forged = |what: &str, found: &Digest, promised: &Digest| {
            Err(LayerFate::new(GapKind::LayerForged, format!("it has the {what} {found}, not {promised}")))
        };
        match digest {
            Some(promised) if *promised != whole.digest => return forged("digest", &whole.digest, promised),
            _ if whole.facts.diff_id != *diff_id => return forged("diffID", &whole.facts.diff_id, diff_id),
            _ => {}
        }
        self.store(digest, &whole.facts);
        Ok(Arc::new(whole.facts))
    }

    fn read_members<R: Read>(
        &self,
        mut archive: tar::Archive<R>,
        name: &StreamName,
    ) -> Result<(ArchiveIndex, Layers), FetchError> {
        let failed = |error: io::Error| stream_failure(error, &name.reference);
        let (mut index, mut layers, mut kept) = (ArchiveIndex::default(), Layers::new(), 0);
        for entry in archive.entries().map_err(failed)? {
            let mut entry = entry.map_err(failed)?;
            let Ok(path) = normalise_path(&entry.path_bytes()) else { continue };
            if index.members.len() >= MEMBERS {
                return Err(FetchError::Damaged {
                    what: name.reference.clone(),
                    why: format!("it has more than {MEMBERS} members"),
                });
            }
            let kind = entry.header().entry_type();
            let member = if kind.is_symlink() || kind.is_hard_link() {
                let target = entry.link_name_bytes().unwrap_or_default();
                Member::Link { target: String::from_utf8_lossy(&target).into_owned(), hard: kind.is_hard_link() }
            } else if kind.is_file() {
                let size = entry.size();
                let mut head = Vec::new();
                entry.by_ref().take(64).read_to_end(&mut head).map_err(failed)?;
                let is_text = head
                    .iter()
                    .find(|byte| !byte.is_ascii_whitespace())
                    .is_some_and(|byte| matches!(byte, b'{' | b'['));
                if is_text && size <= DOCUMENT && kept + size <= DOCUMENTS {
                    kept += size;
                    entry.read_to_end(&mut head).map_err(failed)?;
                    Member::File { size, content: Some(head) }
                } else {
                    let whole = self.read_layer(head, &mut entry, &path, size).map_err(failed)?;
                    if layers.insert(path.clone(), whole).is_some() {
                        index.duplicates.push(path.clone());
                    }
                    Member::File { size, content: None }
                }
            } else {
                continue;
            };
            if index.members.insert(path.clone(), member).is_some() {
                index.duplicates.push(path);
            }
        }
        // The exporter must not see its pipe closed before it has written everything.
        io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(failed)?;
        Ok((index, layers))
    }

    /// Reads one member as a layer, while this thread goes on reading the stream.
    fn read_layer(
        &self,
        head: Vec<u8>,
        rest: &mut dyn Read,
        path: &str,
        size: u64,
    ) -> io::Result<Result<Whole, LayerError>> {
        let (sender, receiver) = sync_channel::<Vec<u8>>(8);
        let promised = path.strip_prefix("blobs/").and_then(|blob| blob.replacen('/', ":", 1).parse::<Digest>().ok());
        // The digest is compared later, with what a manifest says of it; here it only picks the algorithm.
        let algorithm = promised.map_or(Algorithm::Sha256, |digest| digest.algorithm());
        let promise = Promise { size: Some(size), algorithm, ..Promise::default() };
        std::thread::scope(|scope| {
            let job = Job {
                promise,
                open: Box::new(move || Ok(Box::new(Pipe { receiver, piece: head, at: 0 }) as Box<dyn Read + Send>)),
            };
            let reading = scope.spawn(|| pipeline::run(vec![job], &self.settings(self.threads)).pop());
            let pumped = pump(rest, &sender);
            drop(sender);
            let whole = reading.join().ok().flatten();
            pumped.map(|()| whole.unwrap_or_else(|| Err(LayerError::Internal("the layer was never read".to_owned()))))
        })
    }
}

fn pump(from: &mut dyn Read, sender: &SyncSender<Vec<u8>>) -> io::Result<()> {
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        from.take(PIECE as u64).read_to_end(&mut piece)?;
        // Nobody listens any more once the layer has turned out to be damaged.
        if piece.is_empty() || sender.send(piece).is_err() {
            return Ok(());
        }
    }
}

/// The reading end of [`pump`].
struct Pipe {
    receiver: Receiver<Vec<u8>>,
    piece: Vec<u8>,
    at: usize,
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            match self.receiver.recv() {
                Ok(piece) => (self.piece, self.at) = (piece, 0),
                Err(_) => return Ok(0),
            }
        }
        let count = (self.piece.len() - self.at).min(into.len());
        into[..count].copy_from_slice(&self.piece[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// A failure that the source itself explains keeps its class; anything else means that the archive is damaged.
fn stream_failure(error: io::Error, name: &str) -> FetchError {
    let why = error.to_string();
    match error.into_inner().map(<dyn std::error::Error + Send + Sync>::downcast::<FetchError>) {
        Some(Ok(fetch)) => *fetch,
        _ => FetchError::Damaged { what: name.to_owned(), why },
    }
}

/// Planning of a streamed archive sees only what was kept.
struct Nothing;

impl Blobs for Nothing {
    fn small(&self, descriptor: &Descriptor, _: u64) -> Result<Vec<u8>, FetchError> {
        Err(FetchError::NotFound { what: format!("the document {}", descriptor.digest) })
    }

    fn open(&self, key: &BlobKey, _: u64) -> Result<Box<dyn Read + Send + '_>, FetchError> {
        Err(FetchError::NotFound { what: format!("the blob {key}") })
    }
}
