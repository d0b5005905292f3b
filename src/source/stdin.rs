//! An archive from standard input, compressed or not.

use std::io::{self, Read};

use crate::oci::{FetchError, PlanError, sniff};

use super::Opened;
use super::archive_file::decompress;

pub(super) fn open() -> Result<Opened, PlanError> {
    let failed = |source| FetchError::Io { what: "standard input".to_owned(), source };
    let mut head = Vec::new();
    io::stdin().take(6).read_to_end(&mut head).map_err(failed)?;
    if head.is_empty() {
        return Err(FetchError::Usage("standard input is empty: pipe an image archive into it".to_owned()).into());
    }
    let compression = sniff(&head);
    let reader = decompress(Box::new(io::Cursor::new(head).chain(io::stdin())), compression).map_err(failed)?;
    Ok(Opened::Stream { reader, name: "-".to_owned(), repository: "-".to_owned(), tag: None })
}
