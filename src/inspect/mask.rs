//! Masks: what was found is replaced by its redacted form before any text of an image is kept for people.

use std::borrow::Cow;

use crate::model::{Grade, ImageFacts, Part, Place};
use crate::secrets::{Scanner, TextHit};

/// Replaces what the hits found; of overlapping hits the last one wins. Placeholders are left as they are.
pub(super) fn cover(text: &mut String, hits: &mut [TextHit]) {
    hits.sort_by_key(|hit| (hit.range.start, hit.range.end));
    // Masked from the back, so that ranges stay right.
    let mut from = text.len();
    for hit in hits.iter().rev() {
        let fits =
            hit.range.end <= from && text.is_char_boundary(hit.range.start) && text.is_char_boundary(hit.range.end);
        if hit.grade > Grade::Weak && fits {
            text.replace_range(hit.range.clone(), &hit.redacted);
            from = hit.range.start;
        }
    }
}

/// A text without the secrets in it.
pub(super) fn masked<'a>(scanner: &Scanner, text: &'a str) -> Cow<'a, str> {
    // The shortest token of any provider is longer.
    if text.len() < 12 {
        return Cow::Borrowed(text);
    }
    let mut hits = scanner.scan_text("", text);
    if hits.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut covered = text.to_owned();
    cover(&mut covered, &mut hits);
    Cow::Owned(covered)
}

/// Replaces whatever may be a secret by `*`, which no command and no path is taken for.
pub(super) fn blot(scanner: &Scanner, text: &mut Box<str>) {
    let hits = scanner.scan_text("", text);
    if hits.is_empty() {
        return;
    }
    let mut covered: Vec<u8> = text.as_bytes().to_vec();
    for hit in hits {
        if let Some(found) = covered.get_mut(hit.range) {
            found.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b'*');
        }
    }
    *text = String::from_utf8_lossy(&covered).into();
}

fn mask(scanner: &Scanner, text: &mut String) {
    if let Cow::Owned(covered) = masked(scanner, text) {
        *text = covered;
    }
}

fn mask_boxed(scanner: &Scanner, text: &mut Box<str>) {
    if let Cow::Owned(covered) = masked(scanner, text) {
        *text = covered.into();
    }
}

/// Masks what quotes names of the image: gaps and notes always; names of files, links and attributes where a secret was
/// found in one.
pub(super) fn names(image: &mut ImageFacts, scanner: &Scanner) {
    for gap in &mut image.gaps {
        mask(scanner, &mut gap.detail);
        gap.path.iter_mut().for_each(|path| mask(scanner, path));
    }
    for note in &mut image.notes {
        mask(scanner, &mut note.detail);
        note.path.iter_mut().for_each(|path| mask(scanner, path));
    }
    let in_names = image
        .secrets
        .iter()
        .flat_map(|secret| secret.places.iter().chain(secret.halves.iter().flat_map(|half| &half.places)));
    let (mut has_name, mut has_attribute) = (false, false);
    for place in in_names {
        if let Place::Member { part, .. } = place {
            has_name |= matches!(part, Part::Name | Part::Link);
            has_attribute |= matches!(part, Part::Attribute(_));
        }
    }
    if !has_name && !has_attribute {
        return;
    }
    let entries = image
        .files
        .iter_mut()
        .map(|file| &mut file.entry)
        .chain(image.hidden.iter_mut().map(|hidden| &mut hidden.entry));
    for entry in entries {
        if has_name {
            mask_boxed(scanner, &mut entry.path);
            entry.link.iter_mut().for_each(|link| mask_boxed(scanner, link));
        }
        if has_attribute {
            for (name, value) in &mut entry.xattrs {
                if holds_secret(scanner, name, value) {
                    *value = "".into();
                }
            }
        }
    }
    if has_name {
        image.documents.iter_mut().for_each(|document| mask_boxed(scanner, &mut document.path));
        if let Some(startup) = &mut image.startup {
            startup.programs.iter_mut().for_each(|program| mask_boxed(scanner, &mut program.path));
            startup.texts.iter_mut().for_each(|text| mask_boxed(scanner, &mut text.path));
            startup.open_accounts.iter_mut().for_each(|account| mask_boxed(scanner, &mut account.path));
            super::startup::sort(startup);
        }
        for secret in &mut image.secrets {
            let halves = secret.halves.iter_mut().flat_map(|half| &mut half.places);
            for place in secret.places.iter_mut().chain(halves) {
                mask_place(scanner, place);
            }
        }
        image.files.sort_by(|one, other| one.entry.path.cmp(&other.entry.path));
        image.hidden.sort_by(|one, other| (one.layer, &one.entry.path).cmp(&(other.layer, &other.entry.path)));
        image.documents.sort_by(|one, other| one.path.cmp(&other.path));
    }
}

fn mask_place(scanner: &Scanner, place: &mut Place) {
    match place {
        Place::File { path, .. } | Place::Member { path, .. } | Place::Path { path, .. } => mask(scanner, path),
        Place::Slack { path, .. } => path.iter_mut().for_each(|path| mask(scanner, path)),
        Place::Env { .. }
        | Place::Label { .. }
        | Place::History { .. }
        | Place::Config { .. }
        | Place::Document { .. } => {}
    }
}

/// Whether the value of an attribute, kept as hexadecimal digits, holds a secret.
fn holds_secret(scanner: &Scanner, name: &str, value: &str) -> bool {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Vec<u8> =
        value.as_bytes().chunks(2).filter_map(|pair| Some(digit(pair.first()?)? << 4 | digit(pair.get(1)?)?)).collect();
    !scanner.scan_text(name, &String::from_utf8_lossy(&bytes)).is_empty()
}
