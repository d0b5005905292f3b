//! From what the user wrote to a store that holds the image and its evidence.

use crate::evidence::Store;
use crate::model::Digest;
use crate::oci::Reference;
use crate::registry::Client;
use crate::source::ImageSpec;

use super::super::image::look;
use super::super::{Failure, SourceArguments};

/// Opens the store of an image; the image is resolved once.
pub(super) fn open(text: &str, arguments: &SourceArguments) -> Result<Store<'static>, Failure> {
    open_spec(text, None, arguments)
}

/// Opens the store of an image that was resolved before, at its digest: its tag may point elsewhere by now.
pub(super) fn open_at(text: &str, digest: &Digest, arguments: &SourceArguments) -> Result<Store<'static>, Failure> {
    open_spec(text, Some(digest), arguments)
}

/// Refuses an image that has no place for signatures.
pub(super) fn check_place(text: &str) -> Result<(), Failure> {
    match ImageSpec::parse(text, &look)? {
        ImageSpec::Layout { .. } | ImageSpec::Registry(_) => Ok(()),
        _ => Err(no_place(text)),
    }
}

fn no_place(text: &str) -> Failure {
    Failure::usage(format!("`{text}` has no place for signatures"))
        .with_hint("name an image in a registry or in an OCI layout folder, as in oci:DIR:TAG")
}

fn open_spec(text: &str, at: Option<&Digest>, arguments: &SourceArguments) -> Result<Store<'static>, Failure> {
    match ImageSpec::parse(text, &look)? {
        ImageSpec::Layout { path, tag } => {
            let at = at.map(ToString::to_string);
            Ok(Store::layout(&path, at.as_deref().or(tag.as_deref()))?)
        }
        ImageSpec::Registry(text) => {
            let mut reference = text.parse::<Reference>()?;
            if at.is_some() {
                reference = Reference { tag: None, digest: at.cloned(), ..reference };
            }
            let client = Client::new(arguments.connection.options()?)?;
            Ok(Store::registry(&client, &reference)?)
        }
        _ => Err(no_place(text)),
    }
}
