//! Where documents are read and written.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::super::Failure;
use super::super::output::Output;
use crate::sbom::{BYTES_MAX, Document, Format, Read, read};

/// Reads a document of any format.
#[expect(clippy::disallowed_methods, reason = "the command line reads files")]
pub(super) fn read_document(path: &Path) -> Result<Read, Failure> {
    let file = std::fs::File::open(path).map_err(|error| Failure::file(path, "read", &error))?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| Failure::file(path, "read", &error))?;
    read(&bytes).map_err(|error| Failure::usage(format!("`{}` could not be read: {error}", path.display())))
}

/// An output of one document.
pub(super) fn place(format: &str, path: PathBuf) -> Output {
    Output { format: format.to_owned(), file: Some(path) }
}

/// The file of each document: `{platform}` in the name is replaced; below a folder each has a name of its own.
pub(super) fn written_files(
    file: &Path,
    documents: &[(String, Document)],
    format: &Format,
) -> Result<Vec<PathBuf>, Failure> {
    let text = file.to_string_lossy();
    if text.contains("{platform}") {
        return Ok(documents.iter().map(|(platform, _)| PathBuf::from(text.replace("{platform}", platform))).collect());
    }
    if text.ends_with('/') || file.is_dir() {
        std::fs::create_dir_all(file).map_err(|error| Failure::file(file, "made", &error))?;
        let name = |(platform, document): &(String, Document)| {
            file.join(format!("{}.{platform}.{}", short_name(document), format.extension))
        };
        return Ok(documents.iter().map(name).collect());
    }
    if documents.len() > 1 {
        return Err(Failure::usage(format!("there are {} documents, and `{text}` is one file", documents.len()))
            .with_hint("put {platform} into its name, or name a folder"));
    }
    Ok(vec![file.to_owned()])
}

/// The last part of the image's name, of characters that are safe in a file name.
fn short_name(document: &Document) -> String {
    let name = document.root_component().map_or("image", |root| root.name.as_str());
    let last = name.rsplit('/').next().unwrap_or(name);
    let safe = |letter: char| if letter.is_ascii_alphanumeric() || "._-".contains(letter) { letter } else { '-' };
    let name: String = last.trim_start_matches('.').chars().map(safe).take(100).collect();
    if name.is_empty() { "image".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sbom::format;

    #[test]
    fn several_documents_need_several_names() {
        let documents = [("linux-amd64".to_owned(), Document::default()), ("index".to_owned(), Document::default())];
        let json = format("spdx-json").expect("a format");
        let of = |file: &str| written_files(Path::new(file), &documents, json);
        assert_eq!(
            of("a-{platform}.json").expect("names"),
            [PathBuf::from("a-linux-amd64.json"), PathBuf::from("a-index.json")]
        );
        assert_eq!(of("a.json").expect_err("one name").message, "there are 2 documents, and `a.json` is one file");
        let folder = tempfile::tempdir().expect("a folder");
        let inside = written_files(folder.path(), &documents, json).expect("names");
        assert_eq!(inside[1].file_name().and_then(|name| name.to_str()), Some("image.index.spdx.json"));
    }
}
