//! A layer's blob as it comes: whatever is read whole has the digests of its bytes, and where chunks are cut changes nothing.
//!
//! The first byte picks how the rest is stored before it is read: as it is, or packed by us, so that mutations reach the
//! archive and not only the compression.

#![no_main]

use std::io::Write;

use imgguard::layer::{Limits, Pieces, Promise, TAR_BLOCK, Walked, Walker, read};
use imgguard::model::Digest;
use libfuzzer_sys::fuzz_target;

fn limits() -> Limits {
    Limits { unpacked: 16 << 20, entries: 5_000, header: 64 << 10, document: 64 << 10, documents: 256 << 10, ..Limits::default() }
}

fn wants(path: &str) -> bool {
    path.ends_with("passwd")
}

/// Walks in chunks of that many blocks; the pieces must lie inside their chunk and tell each file from its start to its end.
fn walk(bytes: &[u8], blocks: usize) -> Option<(Walked, u64)> {
    let mut walker = Walker::new(limits(), wants);
    let mut chunks = bytes.chunks(blocks * TAR_BLOCK).peekable();
    let (mut content, mut open) = (0, false);
    let mut look = |chunk: &[u8], pieces: &Pieces| {
        for piece in &pieces.list {
            assert!(piece.range.end <= chunk.len());
            assert_eq!(piece.first, !open);
            assert!(!piece.first || pieces.paths.get(piece.path.clone()).is_some());
            open = !piece.last;
            content += piece.range.len() as u64;
        }
    };
    while let Some(chunk) = chunks.next() {
        let mut pieces = Pieces::default();
        if chunks.peek().is_none() {
            let walked = walker.finish(chunk, &mut pieces).ok()?;
            look(chunk, &pieces);
            assert!(!open);
            return Some((walked, content));
        }
        walker.push(chunk, &mut pieces).ok()?;
        look(chunk, &pieces);
    }
    walker.finish(&[], &mut Pieces::default()).ok().map(|walked| (walked, 0))
}

fuzz_target!(|input: &[u8]| {
    let Some((&first, bytes)) = input.split_first() else { return };
    let blob = match first % 3 {
        0 => bytes.to_vec(),
        1 => {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packer.write_all(bytes).expect("memory");
            packer.finish().expect("memory")
        }
        _ => zstd::encode_all(bytes, 1).expect("memory"),
    };
    let promise = Promise { size: Some(blob.len() as u64), digest: Some(Digest::of(&blob)), ..Promise::default() };
    let whole = read(Box::new(&blob[..]), promise, limits(), wants);
    if let Err(error) = &whole {
        let _ = error.to_string();
    }
    let (one, other) = (walk(bytes, 1), walk(bytes, 7));
    match (one, other) {
        (Some((one, content)), Some((other, same))) => {
            assert_eq!(one.diff_id, Digest::of(bytes));
            assert_eq!((one.entries.len(), content, one.size), (other.entries.len(), same, other.size));
            assert_eq!(one.entries, other.entries);
            assert_eq!(one.documents, other.documents);
            if let (1 | 2, Ok((_, walked))) = (first % 3, whole) {
                assert_eq!(walked.diff_id, one.diff_id);
                assert_eq!(walked.entries, one.entries);
            }
        }
        (None, None) => {}
        _ => panic!("where chunks are cut decides whether an archive is good"),
    }
});
