//! Secrets of a layer outside of the content of its files: names, owners, attributes, records, and bytes that no runtime
//! unpacks.

use crate::layer::{MemberText, SlackBytes};
use crate::model::{Aside, Entry, Grade, Hit, Part, Spot};
use crate::secrets::{FileScan, Scanner};

/// Bytes of names that are searched at once.
const BATCH: usize = 4 << 20;

/// Searches everything of a layer that is not content.
pub(super) fn search(entries: &[Entry], texts: &[MemberText], slack: &SlackBytes, scanner: &Scanner) -> Vec<Aside> {
    let mut asides = Vec::new();
    names(entries, scanner, &mut asides);
    for text in texts {
        of_text(text, scanner, &mut asides);
    }
    for piece in &slack.pieces {
        let mut hits = Vec::new();
        FileScan::new("", piece.bytes.len() as u64).feed(scanner, &piece.bytes, true, &mut hits);
        asides.extend(hits.into_iter().map(|hit| Aside {
            spot: Spot::Slack(piece.kind),
            hit: Hit { path: piece.path.clone(), offset: piece.at + hit.offset, line: None, ..hit },
        }));
    }
    asides.sort();
    asides.dedup();
    asides
}

/// All names and link targets as one text, a line each, so that a layer with many files costs one search.
fn names(entries: &[Entry], scanner: &Scanner, asides: &mut Vec<Aside>) {
    let mut text = Vec::new();
    let mut starts: Vec<(usize, usize, Part)> = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let link = entry.link.as_deref().map(|link| (Part::Link, link));
        for (part, name) in std::iter::once((Part::Name, &*entry.path)).chain(link) {
            starts.push((text.len(), at, part));
            text.extend_from_slice(name.as_bytes());
            text.push(b'\n');
        }
        if text.len() >= BATCH {
            of_names(&text, &starts, entries, scanner, asides);
            text.clear();
            starts.clear();
        }
    }
    of_names(&text, &starts, entries, scanner, asides);
}

fn of_names(
    text: &[u8],
    starts: &[(usize, usize, Part)],
    entries: &[Entry],
    scanner: &Scanner,
    asides: &mut Vec<Aside>,
) {
    let mut hits = Vec::new();
    FileScan::new("", text.len() as u64).feed(scanner, text, true, &mut hits);
    for hit in hits {
        let Ok(offset) = usize::try_from(hit.offset) else { continue };
        let line = starts.partition_point(|(start, ..)| *start <= offset);
        let Some((start, at, part)) = line.checked_sub(1).and_then(|line| starts.get(line)) else { continue };
        // A name is no assignment: what only looks like one is left to the content of files.
        if hit.grade < Grade::Structured {
            continue;
        }
        let path = entries.get(*at).map(|entry| entry.path.clone()).unwrap_or_default();
        let offset = (offset - start) as u64;
        asides.push(Aside { spot: Spot::Member(part.clone()), hit: Hit { path, offset, line: None, ..hit } });
    }
}

fn of_text(text: &MemberText, scanner: &Scanner, asides: &mut Vec<Aside>) {
    let key = match &text.part {
        Part::Attribute(name) | Part::Record(name) => name.rsplit('.').next().unwrap_or(name),
        Part::Name | Part::Link | Part::Owner => "",
    };
    let value = String::from_utf8_lossy(&text.bytes);
    asides.extend(scanner.scan_text(key, &value).into_iter().map(|hit| Aside {
        spot: Spot::Member(text.part.clone()),
        hit: Hit {
            path: text.path.clone(),
            offset: hit.range.start as u64,
            line: None,
            detector: hit.detector.into(),
            grade: hit.grade,
            nature: hit.nature,
            view: Box::default(),
            expires: hit.expires,
            redacted: hit.redacted.into(),
            fingerprint: hit.fingerprint.into(),
        },
    }));
}
