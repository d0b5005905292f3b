//! From what the user wrote to a store that holds the image and its evidence.

use crate::evidence::{LayoutStore, RegistryStore, Store};
use crate::oci::Reference;
use crate::source::ImageSpec;

use super::super::image::{Reader, look};
use super::super::terminal::Terminal;
use super::super::{Failure, SourceArguments};

/// Opens the store of an image; the image is resolved once.
pub(super) fn open(text: &str, arguments: &SourceArguments, terminal: &Terminal) -> Result<Box<dyn Store>, Failure> {
    match ImageSpec::parse(text, &look)? {
        ImageSpec::Layout { path, tag } => Ok(Box::new(LayoutStore::open(&path, tag.as_deref())?)),
        ImageSpec::Registry(text) => {
            let reader = Reader::new(arguments, terminal)?;
            let reference = text.parse::<Reference>()?;
            Ok(Box::new(RegistryStore::open(reader.client()?, &reference)?))
        }
        _ => Err(Failure::usage(format!("`{text}` has no place for signatures"))
            .with_hint("name an image in a registry or in an OCI layout folder, as in oci:DIR:TAG")),
    }
}

/// `k=v` pairs.
pub(super) fn annotations(texts: &[String]) -> Result<std::collections::BTreeMap<String, String>, Failure> {
    let pair = |text: &String| {
        let (key, value) = text.split_once('=').filter(|(key, _)| !key.is_empty())?;
        Some((key.to_owned(), value.to_owned()))
    };
    texts
        .iter()
        .map(|text| pair(text).ok_or_else(|| Failure::usage(format!("`{text}` is no annotation: write KEY=VALUE"))))
        .collect()
}
