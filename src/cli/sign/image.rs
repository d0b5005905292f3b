//! From what the user wrote to a store that holds the image and its evidence.

use crate::evidence::Store;
use crate::oci::Reference;
use crate::registry::Client;
use crate::source::ImageSpec;

use super::super::image::look;
use super::super::{Failure, SourceArguments};

/// Opens the store of an image; the image is resolved once.
pub(super) fn open(text: &str, arguments: &SourceArguments) -> Result<Store, Failure> {
    match ImageSpec::parse(text, &look)? {
        ImageSpec::Layout { path, tag } => Ok(Store::layout(&path, tag.as_deref())?),
        ImageSpec::Registry(text) => {
            let reference = text.parse::<Reference>()?;
            let client = Client::new(arguments.connection.options()?)?;
            Ok(Store::registry(&client, &reference)?)
        }
        _ => Err(Failure::usage(format!("`{text}` has no place for signatures"))
            .with_hint("name an image in a registry or in an OCI layout folder, as in oci:DIR:TAG")),
    }
}
