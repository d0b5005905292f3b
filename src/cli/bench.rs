//! `imgguard bench limit`: what no reader of an image can beat. Each layer is read, hashed, unpacked and hashed again with
//! the best library, one thread per layer, and nothing else is done. `imgguard bench scan`: the search for secrets alone.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use sha2::{Digest as _, Sha256};

use crate::inspect::{Engine, PackageWork, Silent};
use crate::layer::Limits;
use crate::model::ScanLedger;
use crate::oci::{Blobs, Compression, LayerPlan, Plan, Selector};
use crate::secrets::{FileScan, Scanner};
use crate::source::{ImageSpec, Opened, open_archive, open_layout};

use super::image::{look, threads};
use super::{Exit, Failure, output};

#[derive(Debug, Args)]
pub(super) struct BenchArguments {
    #[command(subcommand)]
    command: BenchCommand,
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    /// Hash, unpack and hash again.
    Limit {
        /// A layout or an uncompressed archive.
        #[arg(value_name = "IMAGE")]
        image: String,
        /// Threads; all processors unless given.
        #[arg(long, value_name = "N")]
        threads: Option<NonZeroUsize>,
    },
    /// Read an image like a check does, without a policy and a cache.
    Read {
        /// A layout or an uncompressed archive.
        #[arg(value_name = "IMAGE")]
        image: String,
        /// Threads; all processors unless given.
        #[arg(long, value_name = "N")]
        threads: Option<NonZeroUsize>,
        /// Do not search for secrets.
        #[arg(long)]
        no_secrets: bool,
        /// How far packages are read.
        #[arg(long, value_enum, default_value_t = Packages::Records)]
        packages: Packages,
    },
    /// Search files for secrets on one thread, and tell how fast; reading them is not counted.
    Scan {
        /// Files and folders.
        #[arg(value_name = "PATH", required = true)]
        paths: Vec<PathBuf>,
        /// Bytes fed at once.
        #[arg(long, value_name = "BYTES", default_value = "262144")]
        chunk: NonZeroUsize,
        /// Also list how many hits each detector has.
        #[arg(long)]
        hits: bool,
    },
}

/// How far packages are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Packages {
    /// Not at all.
    Nothing,
    /// The records of each layer.
    Records,
    /// The packages of the images.
    Together,
}

impl From<Packages> for PackageWork {
    fn from(packages: Packages) -> Self {
        match packages {
            Packages::Nothing => Self::Nothing,
            Packages::Records => Self::Records,
            Packages::Together => Self::Together,
        }
    }
}

pub(super) fn run(arguments: &BenchArguments) -> Result<Exit, Failure> {
    match &arguments.command {
        BenchCommand::Limit { image, threads } => measure_limit(image, *threads),
        BenchCommand::Read { image, threads, no_secrets, packages } => {
            measure_read(image, *threads, *no_secrets, *packages)
        }
        BenchCommand::Scan { paths, chunk, hits } => measure_scan(paths, chunk.get(), *hits),
    }
}

/// What a search through files came to.
#[derive(Default)]
struct Searched {
    spent: Duration,
    ledger: ScanLedger,
    hits: BTreeMap<Box<str>, u64>,
}

fn measure_scan(paths: &[PathBuf], chunk: usize, with_hits: bool) -> Result<Exit, Failure> {
    let scanner = Scanner::new();
    let mut searched = Searched::default();
    let mut waiting: Vec<PathBuf> = paths.to_vec();
    let mut buffer = vec![0; chunk];
    while let Some(path) = waiting.pop() {
        let Ok(kind) = path.symlink_metadata().map(|data| data.file_type()) else { continue };
        if kind.is_dir() {
            let Ok(folder) = path.read_dir() else { continue };
            let mut inside: Vec<PathBuf> = folder.filter_map(|entry| Some(entry.ok()?.path())).collect();
            inside.sort_unstable_by(|left, right| right.cmp(left));
            waiting.append(&mut inside);
        } else if kind.is_file() {
            // What cannot be read is not part of the measurement.
            let _ = scan_file(&scanner, &path, &mut buffer, &mut searched);
        }
    }
    let Searched { spent, ledger, hits } = searched;
    let bytes = ledger.searched();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let speed = bytes as f64 / 1e9 / spent.as_secs_f64().max(1e-9);
    let mut report = serde_json::json!({
        "bytes": bytes,
        "seconds": (spent.as_secs_f64() * 1e3).round() / 1e3,
        "gigabytes-per-second": (speed * 1e3).round() / 1e3,
        "ledger": ledger,
    });
    if with_hits {
        report["hits"] = serde_json::json!(hits);
    }
    output::print(&format!("{report}\n"))?;
    Ok(Exit::Pass)
}

#[expect(clippy::disallowed_methods, reason = "the command line owns the clock and reads files")]
fn scan_file(scanner: &Scanner, path: &Path, buffer: &mut [u8], searched: &mut Searched) -> io::Result<()> {
    let mut file = std::fs::File::open(path)?;
    let name = path.to_string_lossy();
    let mut scan = FileScan::new(name.trim_start_matches('/'), file.metadata()?.len());
    let mut hits = Vec::new();
    let size = file.metadata()?.len();
    let (mut read, mut ended) = (0, false);
    // Like the walk of a layer, which knows where a file ends.
    while !ended {
        let mut filled = 0;
        while filled < buffer.len() {
            let count = file.read(&mut buffer[filled..])?;
            filled += count;
            if count == 0 || read + filled as u64 >= size {
                ended = true;
                break;
            }
        }
        read += filled as u64;
        let now = std::time::Instant::now();
        scan.feed(scanner, &buffer[..filled], ended, &mut hits);
        searched.spent += now.elapsed();
    }
    scan.add_to(&mut searched.ledger, &name);
    for hit in hits {
        *searched.hits.entry(hit.detector).or_default() += 1;
    }
    Ok(())
}

/// Opens an image whose stored layers can be read on their own.
fn open(image: &str) -> Result<(Plan, Box<dyn Blobs>), Failure> {
    let opened = match ImageSpec::parse(image, &look)? {
        ImageSpec::Layout { path, tag } => open_layout(&path, tag.as_deref(), &Selector::All)?,
        ImageSpec::Archive { path, tag } => open_archive(&path, tag.as_deref(), &Selector::All)?,
        _ => return Err(Failure::usage("this is measured on layouts and archives only")),
    };
    let Opened::Blobs { plan, blobs } = opened else {
        return Err(Failure::usage("the layers of a compressed archive cannot be read on their own"));
    };
    Ok((plan, blobs))
}

#[expect(clippy::disallowed_methods, reason = "the command line owns the clock")]
fn measure_read(
    image: &str,
    asked: Option<NonZeroUsize>,
    no_secrets: bool,
    packages: Packages,
) -> Result<Exit, Failure> {
    let (plan, blobs) = open(image)?;
    let scanner = if no_secrets { Scanner::none() } else { Scanner::new() };
    let start = std::time::Instant::now();
    let engine = Engine {
        threads: threads(asked),
        limits: Limits::default(),
        scanner: &scanner,
        cache: None,
        packages: packages.into(),
        contents: std::sync::Arc::default(),
        progress: &Silent,
    };
    let inspection = engine.inspect(plan, &*blobs).map_err(|error| Failure::usage(error.to_string()))?;
    let seconds = start.elapsed().as_secs_f64();
    let mut scanned = ScanLedger::default();
    inspection.images.iter().for_each(|image| scanned += &image.scanned);
    let gaps: usize = inspection.images.iter().map(|image| image.gaps.len()).sum();
    let report = serde_json::json!({ "seconds": (seconds * 1e3).round() / 1e3, "gaps": gaps, "ledger": scanned });
    output::print(&format!("{report}\n"))?;
    Ok(Exit::Pass)
}

#[expect(clippy::disallowed_methods, reason = "the command line owns the clock")]
fn measure_limit(image: &str, asked: Option<NonZeroUsize>) -> Result<Exit, Failure> {
    let (plan, blobs) = open(image)?;
    let mut layers: Vec<LayerPlan> = plan.images.into_iter().flat_map(|image| image.layers).collect();
    layers.sort_by(|left, right| left.size.cmp(&right.size).then_with(|| left.diff_id.cmp(&right.diff_id)));
    layers.dedup_by(|left, right| left.diff_id == right.diff_id && left.key == right.key);
    let start = std::time::Instant::now();
    let waiting = Mutex::new(layers);
    let unpacked = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads(asked).get()).map(|_| scope.spawn(|| work(&waiting, &*blobs))).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|_| Err(io::Error::other("a worker panicked"))))
            .sum::<io::Result<u64>>()
    });
    let unpacked = unpacked.map_err(|error| Failure::usage(format!("a layer could not be read: {error}")))?;
    output::print(&format!("{{\"unpacked-bytes\":{unpacked},\"seconds\":{:.3}}}\n", start.elapsed().as_secs_f64()))?;
    Ok(Exit::Pass)
}

fn work(waiting: &Mutex<Vec<LayerPlan>>, blobs: &dyn Blobs) -> io::Result<u64> {
    let mut sum = 0;
    loop {
        let next = waiting.lock().map_err(|_| io::Error::other("a worker panicked"))?.pop();
        let Some(layer) = next else { return Ok(sum) };
        let raw = blobs.open(&layer.key, layer.size).map_err(io::Error::other)?;
        sum += limit(raw, &layer)?;
    }
}

fn limit(raw: Box<dyn Read + Send + '_>, layer: &LayerPlan) -> io::Result<u64> {
    let mut stored = Hashing { inner: raw, hash: Sha256::new() };
    let mut archive = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    let mut unpacked = 0;
    let mut drain = |reader: &mut dyn Read| -> io::Result<()> {
        loop {
            let count = reader.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            archive.update(&buffer[..count]);
            unpacked += count as u64;
        }
    };
    let buffered = BufReader::with_capacity(128 << 10, &mut stored);
    match layer.compression {
        Some(Compression::Gzip) => drain(&mut flate2::bufread::MultiGzDecoder::new(buffered))?,
        Some(Compression::Zstd) => drain(&mut zstd::stream::read::Decoder::with_buffer(buffered)?)?,
        // Of a plain archive the two digests are one.
        Some(Compression::None) | None => {
            drain(&mut *stored.inner)?;
            stored.hash = archive.clone();
        }
    }
    let wanted = layer.digest.as_ref().unwrap_or(&layer.diff_id).hex();
    if hex(stored.hash) != wanted || hex(archive) != layer.diff_id.hex() {
        return Err(io::Error::other("a digest is wrong"));
    }
    Ok(unpacked)
}

fn hex(hash: Sha256) -> String {
    use std::fmt::Write as _;
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

struct Hashing<'a> {
    inner: Box<dyn Read + Send + 'a>,
    hash: Sha256,
}

impl Read for Hashing<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        self.hash.update(&into[..count]);
        Ok(count)
    }
}
