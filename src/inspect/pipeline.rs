//! Layers in parallel: a fixed set of threads, three stages per layer, and a bounded pool of chunks.
//!
//! Each layer has a driver (read, hash, unpack), a walk (both digests, members) and a search (secrets). The stages of one
//! layer keep their order; stages of the same and of other layers run at the same time. A thread that has just filled a
//! chunk hands it over when another thread is idle, and else deals with it itself while it is still in its cache. A driver
//! without a free chunk helps the later stages instead of waiting: so the pool is the bound on memory.

use std::collections::{BTreeSet, VecDeque};
use std::io::Read;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::catalog::encode;
use crate::layer::{
    LayerError, Limits, Pieces, Promise, SlackBytes, SlackKind, Unpacked, Unpacker, Walked, Walker, WantedContents,
    check_promise,
};
use crate::model::{Digest, Gap, GapKind, Grade, LayerFacts, Note, NoteKind};
use crate::oci::FetchError;
use crate::secrets::Scanner;

use super::collect::LayerCatalog;
use super::search::{LayerSearch, Searched};
use super::{asides, supply};

/// Opens the bytes of a layer, on the thread that reads them.
pub(super) type Open<'a> = Box<dyn FnOnce() -> Result<Box<dyn Read + Send + 'a>, FetchError> + Send + 'a>;

/// A layer to read.
pub(super) struct Job<'a> {
    pub promise: Promise,
    pub open: Open<'a>,
}

/// A whole, verified layer.
#[derive(Debug)]
pub(super) struct Whole {
    pub digest: Digest,
    pub facts: LayerFacts,
}

/// Told how far the reading is; called from several threads.
pub trait Progress: Sync {
    /// That many more stored bytes have been read.
    fn advance(&self, bytes: u64);
}

/// No progress is shown.
pub struct Silent;

impl Progress for Silent {
    fn advance(&self, _: u64) {}
}

/// How layers are read.
pub(super) struct Settings<'a> {
    pub threads: NonZeroUsize,
    pub limits: Limits,
    pub scanner: &'a Scanner,
    pub wants: fn(&str) -> bool,
    /// Whether the records of packages are read.
    pub records: bool,
    /// Files that are kept whole too, unless they hold secrets.
    pub contents: Arc<WantedContents>,
    pub progress: &'a dyn Progress,
}

/// Reads all layers; the results are in the order of the jobs.
pub(super) fn run<'a>(jobs: Vec<Job<'a>>, settings: &Settings<'a>) -> Vec<Result<Whole, LayerError>> {
    let pipeline = Pipeline::new(jobs, settings);
    let threads = settings.threads.get().min(pipeline.useful_threads());
    if threads <= 1 {
        pipeline.work();
    } else {
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|| pipeline.work());
            }
            pipeline.work();
        });
    }
    pipeline.results()
}

struct Filled {
    bytes: Vec<u8>,
    length: usize,
    last: bool,
}

enum Task<'a> {
    Open(usize, Job<'a>),
    Drive(usize, Box<Unpacker<'a>>, Vec<u8>),
    Walk(usize, Box<Walker>, Filled),
    Search(usize, Box<Content>, Filled, Pieces),
    Finish(usize, Promise, Box<Ends>),
}

/// Those who look into the contents of files.
#[derive(Default)]
struct Content {
    search: LayerSearch,
    catalog: LayerCatalog,
}

/// What the three stages of a layer ended with.
struct Ends {
    unpacked: Unpacked,
    walked: Walked,
    content: Content,
}

/// A stage: either at rest with its tool in place, or at work on some thread, or over.
#[derive(Default)]
struct Slot<'a> {
    job: Option<Job<'a>>,
    promise: Promise,
    driver: Option<Box<Unpacker<'a>>>,
    to_walk: VecDeque<Filled>,
    walker: Option<Box<Walker>>,
    to_search: VecDeque<(Filled, Pieces)>,
    search: Option<Box<Content>>,
    at_work: usize,
    unpacked: Option<Unpacked>,
    walked: Option<Walked>,
    to_finish: Option<Box<Ends>>,
    result: Option<Result<Whole, LayerError>>,
}

struct State<'a> {
    slots: Vec<Slot<'a>>,
    /// Layers not yet begun, the largest last.
    waiting: Vec<usize>,
    /// Layers begun and not over, in the order they were begun.
    active: Vec<usize>,
    free: Vec<Vec<u8>>,
    /// Chunks that may still be made.
    unmade: usize,
    idle: usize,
}

struct Pipeline<'a, 's> {
    settings: &'s Settings<'a>,
    chunk: usize,
    state: Mutex<State<'a>>,
    wake: Condvar,
}

impl<'a, 's> Pipeline<'a, 's> {
    fn new(jobs: Vec<Job<'a>>, settings: &'s Settings<'a>) -> Self {
        let threads = settings.threads.get();
        // Without a second thread a chunk stays in the cache of one core; with one, each hand-over costs a wake-up.
        let (chunk, chunks) = if threads == 1 { (256 << 10, 6) } else { (1 << 20, 2 * threads + 16) };
        let mut waiting: Vec<usize> = (0..jobs.len()).collect();
        waiting.sort_by_key(|index| (jobs[*index].promise.size.unwrap_or(u64::MAX), std::cmp::Reverse(*index)));
        let slots = jobs
            .into_iter()
            .map(|job| Slot { promise: job.promise.clone(), job: Some(job), ..Slot::default() })
            .collect();
        let state = State { slots, waiting, active: Vec::new(), free: Vec::new(), unmade: chunks, idle: 0 };
        Self { settings, chunk, state: Mutex::new(state), wake: Condvar::new() }
    }

    /// Three threads per layer is all that its stages can use.
    fn useful_threads(&self) -> usize {
        self.lock().slots.len() * 3
    }

    fn lock(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut just_filled = None;
        while let Some(task) = self.next(just_filled) {
            just_filled = self.perform(task);
        }
    }

    /// Takes a task, or waits for one; `None` when all layers are over.
    fn next(&self, just_filled: Option<usize>) -> Option<Task<'a>> {
        let mut state = self.lock();
        loop {
            if let Some(task) = state.take(just_filled, self.chunk, self.settings) {
                if state.idle > 0 && state.has_more(self.settings) {
                    self.wake.notify_one();
                }
                return Some(task);
            }
            if state.active.is_empty() && state.waiting.is_empty() {
                self.wake.notify_all();
                return None;
            }
            state.idle += 1;
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// Does a task and puts its tools back; returns the layer when a chunk of it was filled.
    fn perform(&self, task: Task<'a>) -> Option<usize> {
        let index = task.index();
        let done = catch_unwind(AssertUnwindSafe(|| self.execute(task)));
        let mut state = self.lock();
        let mut filled = None;
        match done {
            Ok(Ok(done)) => filled = state.put_back(index, done),
            Ok(Err(error)) => state.fail(index, error),
            Err(_) => state.fail(index, LayerError::Internal("a step of the reading panicked".to_owned())),
        }
        state.slots[index].at_work -= 1;
        state.settle(index);
        filled
    }

    fn execute(&self, task: Task<'a>) -> Result<Done<'a>, LayerError> {
        match task {
            Task::Open(_, job) => {
                let raw = (job.open)().map_err(LayerError::Fetch)?;
                Ok(Done::Opened(Box::new(Unpacker::new(raw, job.promise, self.settings.limits)?)))
            }
            Task::Drive(_, mut unpacker, mut bytes) => {
                let before = unpacker.bytes_read();
                bytes.resize(self.chunk, 0);
                let length = unpacker.fill(&mut bytes)?;
                self.settings.progress.advance(unpacker.bytes_read() - before);
                let last = unpacker.ended();
                let filled = Filled { bytes, length, last };
                Ok(if last { Done::Unpacked(unpacker.finish()?, filled) } else { Done::Filled(unpacker, filled) })
            }
            Task::Walk(_, mut walker, filled) => {
                let mut pieces = Pieces::default();
                let chunk = &filled.bytes[..filled.length];
                if filled.last {
                    let walked = walker.finish(chunk, &mut pieces)?;
                    return Ok(Done::Walked(walked, filled, pieces));
                }
                walker.push(chunk, &mut pieces)?;
                Ok(Done::Stepped(walker, filled, pieces))
            }
            Task::Search(_, mut search, filled, pieces) => {
                let chunk = &filled.bytes[..filled.length];
                search.search.chunk(self.settings.scanner, chunk, &pieces);
                if self.settings.records {
                    search.catalog.chunk(chunk, &pieces);
                }
                Ok(Done::Searched(search, filled))
            }
            Task::Finish(_, promise, ends) => {
                let Ends { unpacked, walked, content } = *ends;
                let digest = check_promise(&promise, &unpacked, &walked)?;
                let facts = facts(unpacked, walked, content, self.settings);
                Ok(Done::Finished(Box::new(Whole { digest, facts })))
            }
        }
    }

    fn results(self) -> Vec<Result<Whole, LayerError>> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let missing = || Err(LayerError::Internal("the layer was never read".to_owned()));
        state.slots.into_iter().map(|slot| slot.result.unwrap_or_else(missing)).collect()
    }
}

enum Done<'a> {
    Opened(Box<Unpacker<'a>>),
    Filled(Box<Unpacker<'a>>, Filled),
    Unpacked(Unpacked, Filled),
    Stepped(Box<Walker>, Filled, Pieces),
    Walked(Walked, Filled, Pieces),
    Searched(Box<Content>, Filled),
    Finished(Box<Whole>),
}

impl Task<'_> {
    fn index(&self) -> usize {
        match self {
            Self::Open(index, ..)
            | Self::Drive(index, ..)
            | Self::Walk(index, ..)
            | Self::Search(index, ..)
            | Self::Finish(index, ..) => *index,
        }
    }
}

impl<'a> State<'a> {
    fn take(&mut self, just_filled: Option<usize>, chunk: usize, settings: &Settings<'a>) -> Option<Task<'a>> {
        // Someone idle deals with the chunk that was just filled: this thread goes on filling.
        if self.idle > 0
            && let Some(index) = just_filled
            && let Some(task) = self.drive(index, chunk)
        {
            return Some(task);
        }
        let order: Vec<usize> = just_filled.into_iter().chain(self.active.iter().copied()).collect();
        order
            .iter()
            .find_map(|index| self.later_stage(*index))
            .or_else(|| order.iter().find_map(|index| self.drive(*index, chunk)))
            .or_else(|| self.begin(settings))
    }

    fn later_stage(&mut self, index: usize) -> Option<Task<'a>> {
        let slot = &mut self.slots[index];
        if let Some(ends) = slot.to_finish.take() {
            slot.at_work += 1;
            return Some(Task::Finish(index, slot.promise.clone(), ends));
        }
        if !slot.to_search.is_empty()
            && let Some(search) = slot.search.take()
        {
            let (filled, pieces) = slot.to_search.pop_front()?;
            slot.at_work += 1;
            return Some(Task::Search(index, search, filled, pieces));
        }
        if !slot.to_walk.is_empty()
            && let Some(walker) = slot.walker.take()
        {
            let filled = slot.to_walk.pop_front()?;
            slot.at_work += 1;
            return Some(Task::Walk(index, walker, filled));
        }
        None
    }

    fn drive(&mut self, index: usize, chunk: usize) -> Option<Task<'a>> {
        if self.slots[index].driver.is_none() || (self.free.is_empty() && self.unmade == 0) {
            return None;
        }
        let bytes = self.free.pop().unwrap_or_else(|| {
            self.unmade -= 1;
            Vec::with_capacity(chunk)
        });
        let slot = &mut self.slots[index];
        slot.at_work += 1;
        slot.driver.take().map(|driver| Task::Drive(index, driver, bytes))
    }

    fn begin(&mut self, settings: &Settings<'a>) -> Option<Task<'a>> {
        if self.active.len() >= settings.threads.get() {
            return None;
        }
        let index = self.waiting.pop()?;
        self.active.push(index);
        let slot = &mut self.slots[index];
        let walker = Walker::new(settings.limits, settings.wants).keeping(supply::is_record);
        slot.walker = Some(Box::new(walker.with_contents(Arc::clone(&settings.contents))));
        slot.search = Some(Box::default());
        slot.at_work += 1;
        slot.job.take().map(|job| Task::Open(index, job))
    }

    /// Whether there is a task for one more thread.
    fn has_more(&self, settings: &Settings<'a>) -> bool {
        let chunk_free = !self.free.is_empty() || self.unmade > 0;
        let of_slot = |slot: &Slot<'a>| {
            (slot.driver.is_some() && chunk_free)
                || (slot.walker.is_some() && !slot.to_walk.is_empty())
                || (slot.search.is_some() && !slot.to_search.is_empty())
                || slot.to_finish.is_some()
        };
        let can_begin = !self.waiting.is_empty() && self.active.len() < settings.threads.get();
        can_begin || self.active.iter().any(|index| of_slot(&self.slots[*index]))
    }

    fn put_back(&mut self, index: usize, done: Done<'a>) -> Option<usize> {
        let failed = self.slots[index].result.is_some();
        let slot = &mut self.slots[index];
        let (returned, filled) = match done {
            Done::Opened(unpacker) => {
                slot.driver = Some(unpacker);
                (None, None)
            }
            Done::Filled(unpacker, filled) => {
                slot.driver = Some(unpacker);
                slot.to_walk.push_back(filled);
                (None, Some(index))
            }
            Done::Unpacked(unpacked, filled) => {
                slot.unpacked = Some(unpacked);
                slot.to_walk.push_back(filled);
                (None, None)
            }
            Done::Stepped(walker, filled, pieces) => {
                slot.walker = Some(walker);
                Self::to_search(slot, filled, pieces)
            }
            Done::Walked(walked, filled, pieces) => {
                slot.walked = Some(walked);
                Self::to_search(slot, filled, pieces)
            }
            Done::Searched(search, filled) => {
                slot.search = Some(search);
                (Some(filled), None)
            }
            Done::Finished(whole) => {
                slot.result = Some(Ok(*whole));
                (None, None)
            }
        };
        self.free.extend(returned.map(|filled| filled.bytes));
        if failed {
            self.clear(index);
            return None;
        }
        filled
    }

    /// A chunk without content of files has nothing to be searched.
    fn to_search(slot: &mut Slot<'a>, filled: Filled, pieces: Pieces) -> (Option<Filled>, Option<usize>) {
        if pieces.list.is_empty() {
            return (Some(filled), None);
        }
        slot.to_search.push_back((filled, pieces));
        (None, None)
    }

    fn fail(&mut self, index: usize, error: LayerError) {
        self.slots[index].result.get_or_insert(Err(error));
        self.clear(index);
    }

    fn clear(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        slot.driver = None;
        slot.walker = None;
        slot.search = None;
        slot.to_finish = None;
        let chunks = slot.to_walk.drain(..).chain(slot.to_search.drain(..).map(|(filled, _)| filled));
        self.free.extend(chunks.map(|filled| filled.bytes));
    }

    /// Ends a layer whose stages are all through.
    fn settle(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        if slot.at_work > 0 {
            return;
        }
        if slot.result.is_some() {
            self.clear(index);
            self.active.retain(|active| *active != index);
        } else if slot.unpacked.is_some()
            && slot.walked.is_some()
            && slot.to_search.is_empty()
            && let (Some(unpacked), Some(walked), Some(search)) =
                (slot.unpacked.take(), slot.walked.take(), slot.search.take())
        {
            slot.to_finish = Some(Box::new(Ends { unpacked, walked, content: *search }));
        }
    }
}

/// A note for each kind of bytes that no runtime unpacks; what a compressor writes into its header is usual.
fn lying_about(slack: &SlackBytes) -> Vec<Note> {
    let kinds = [
        (SlackKind::Padding, "between members"),
        (SlackKind::BehindArchive, "behind the end of the archive"),
        (SlackKind::BehindStream, "behind the compressed stream"),
    ];
    let note = |(kind, place)| {
        let bytes: usize = slack.pieces.iter().filter(|piece| piece.kind == kind).map(|piece| piece.bytes.len()).sum();
        let detail = format!("{bytes} bytes lie {place}: no runtime unpacks them; they were searched for secrets");
        (bytes > 0).then_some(Note { kind: NoteKind::Source, layer: None, path: None, detail })
    };
    kinds.into_iter().filter_map(note).collect()
}

fn facts(unpacked: Unpacked, walked: Walked, content: Content, settings: &Settings<'_>) -> LayerFacts {
    let scanner = settings.scanner;
    let Walked { diff_id, size, entries, mut documents, records, texts, mut slack, mut notes, mut gaps } = walked;
    if unpacked.contradicted {
        let detail =
            format!("its first bytes are of compression {:?}, its media type says otherwise", unpacked.compression)
                .to_lowercase();
        notes.push(Note { kind: NoteKind::MediaType, layer: None, path: None, detail });
    }
    slack.append(unpacked.slack);
    if slack.dropped > 0 {
        let detail = format!(
            "{} non-zero bytes that no runtime unpacks were not searched: there are more of them than are kept",
            slack.dropped
        );
        gaps.push(Gap { kind: GapKind::SecretScan, layer: None, path: None, detail });
    }
    notes.extend(lying_about(&slack));
    let Content { search, catalog } = content;
    let (records_found, startup) = catalog.finish(scanner);
    let catalog = encode(&records_found);
    let Searched { hits, hashes, gaps: not_searched, ledger: scanned } = search.finish();
    gaps.extend(not_searched);
    let asides = asides::search(&entries, &texts, &slack, scanner);
    let with_hits: BTreeSet<&str> = hits.iter().map(|hit| &*hit.path).collect();
    // What was asked for by its path is kept for later runs, and secrets are not.
    let secret = |path: &str| hits.iter().any(|hit| hit.grade > Grade::Weak && *hit.path == *path);
    for document in documents.iter_mut().filter(|document| !(settings.wants)(&document.path)) {
        if scanner.is_none() || secret(&document.path) {
            document.bytes.clear();
            document.truncated = true;
        }
    }
    let supplied = supply::of_layer(&with_hits, &hashes, &entries, &records);
    LayerFacts {
        diff_id,
        unpacked_size: size,
        entries,
        documents,
        hits,
        asides,
        supplied,
        scanned,
        startup,
        catalog,
        notes,
        gaps,
    }
}
