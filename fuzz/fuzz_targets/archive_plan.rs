//! Archives: each line is a member, `name\tcontent` or `name\t>target` for a link.

#![no_main]

use std::io::Read;

use imgguard::oci::{ArchiveIndex, BlobKey, Blobs, Descriptor, FetchError, Member, Selector};
use libfuzzer_sys::fuzz_target;

struct Nothing;

impl Blobs for Nothing {
    fn small(&self, descriptor: &Descriptor, _: u64) -> Result<Vec<u8>, FetchError> {
        Err(FetchError::NotFound { what: descriptor.digest.to_string() })
    }

    fn open(&self, key: &BlobKey, _: u64) -> Result<Box<dyn Read + Send + '_>, FetchError> {
        Err(FetchError::NotFound { what: key.to_string() })
    }
}

fuzz_target!(|text: &str| {
    let mut index = ArchiveIndex::default();
    for line in text.lines() {
        let Some((name, content)) = line.split_once('\t') else { continue };
        let Ok(name) = imgguard::model::normalise_path(name.as_bytes()) else { continue };
        let member = match content.strip_prefix('>') {
            Some(target) => Member::Link { target: target.to_owned(), hard: target.len() % 2 == 0 },
            None => Member::File { size: content.len() as u64, content: Some(content.as_bytes().to_vec()) },
        };
        if index.members.insert(name.clone(), member).is_some() {
            index.duplicates.push(name);
        }
    }
    for tag in [None, Some("1.0")] {
        for selector in [Selector::All, Selector::Host] {
            match index.plan("name", "path", tag, &selector, &Nothing) {
                Ok(plan) => assert!(!plan.images.is_empty()),
                Err(error) => drop(error.to_string()),
            }
        }
    }
});
