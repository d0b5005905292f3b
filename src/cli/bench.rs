//! `imgguard bench limit`: what no reader of an image can beat. Each layer is read, hashed, unpacked and hashed again with
//! the best library, one thread per layer, and nothing else is done.

use std::io::{self, BufReader, Read};
use std::num::NonZeroUsize;
use std::sync::Mutex;

use clap::{Args, Subcommand};
use sha2::{Digest as _, Sha256};

use crate::oci::{Blobs, Compression, LayerPlan, Selector};
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
}

#[expect(clippy::disallowed_methods, reason = "the command line owns the clock")]
pub(super) fn run(arguments: &BenchArguments) -> Result<Exit, Failure> {
    let BenchCommand::Limit { image, threads: asked } = &arguments.command;
    let opened = match ImageSpec::parse(image, &look)? {
        ImageSpec::Layout { path, tag } => open_layout(&path, tag.as_deref(), &Selector::All)?,
        ImageSpec::Archive { path, tag } => open_archive(&path, tag.as_deref(), &Selector::All)?,
        _ => return Err(Failure::usage("the limit is measured on layouts and archives only")),
    };
    let Opened::Blobs { plan, blobs } = opened else {
        return Err(Failure::usage("a compressed archive has no limit of its own"));
    };
    let mut layers: Vec<LayerPlan> = plan.images.into_iter().flat_map(|image| image.layers).collect();
    layers.sort_by(|left, right| left.size.cmp(&right.size).then_with(|| left.diff_id.cmp(&right.diff_id)));
    layers.dedup_by(|left, right| left.diff_id == right.diff_id && left.key == right.key);
    let start = std::time::Instant::now();
    let waiting = Mutex::new(layers);
    let unpacked = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads(*asked).get()).map(|_| scope.spawn(|| work(&waiting, &*blobs))).collect();
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
