//! Tests of contents: `fileContentTests`.

use regex::bytes::Regex;

use crate::model::{File, ImageFacts, Kind};
use crate::rules::{Fault, Seat};

use super::{Said, Test, shown};

/// A test of one file.
pub(super) struct ContentTest {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) expected: Vec<Regex>,
    pub(super) excluded: Vec<Regex>,
}

impl ContentTest {
    fn fault(&self, file: Option<&File>, what: &str) -> Fault {
        let seat = file.map_or(Seat::Image, |file| Seat::File {
            path: file.entry.path.to_string(),
            layer: file.changed,
            line: None,
        });
        let message = format!("{}: {what}", shown(&self.name));
        Fault { subject: self.path.trim_matches('/').to_owned(), message, seat, fix: None }
    }
}

impl Test for ContentTest {
    fn ask(&self, image: &ImageFacts) -> Said {
        if let Some(gap) = image.tree_gap() {
            return Said::Open(gap.detail.clone());
        }
        let path = shown(&self.path);
        let Some(file) = image.resolve(&self.path).and_then(|place| image.file(&place)) else {
            return Said::Fails(vec![self.fault(None, &format!("{path} is not in the image"))]);
        };
        if !matches!(file.entry.kind, Kind::File | Kind::Hardlink) {
            return Said::Fails(vec![self.fault(Some(file), &format!("{path} is no regular file"))]);
        }
        let found = image.documents.binary_search_by(|document| document.path.as_ref().cmp(file.entry.path.as_ref()));
        let kept = found.ok().and_then(|at| image.documents.get(at)).filter(|document| !document.truncated);
        let bytes = match kept {
            Some(document) => document.bytes.as_slice(),
            None if file.entry.kind == Kind::File && file.entry.size == 0 => &[],
            None => {
                let why = "saved facts do not hold it, or it is too large or holds what looks like a secret";
                return Said::Open(format!("{}: the content of {path} was not kept: {why}", shown(&self.name)));
            }
        };
        let mut faults = Vec::new();
        for pattern in self.expected.iter().filter(|pattern| !pattern.is_match(bytes)) {
            let what = format!("the content of {path} does not match {}", shown(pattern.as_str()));
            faults.push(self.fault(Some(file), &what));
        }
        for pattern in self.excluded.iter().filter(|pattern| pattern.is_match(bytes)) {
            let what = format!("the content of {path} matches {}, and should not", shown(pattern.as_str()));
            faults.push(self.fault(Some(file), &what));
        }
        if faults.is_empty() { Said::Holds } else { Said::Fails(faults) }
    }
}
