//! `RECORD` and `installed-files.txt`: which files a distribution owns.

use std::collections::BTreeMap;

use crate::catalog::{CatalogError, Cataloger, Findings, Input, TEXT, Takes, field};
use crate::model::{Fragment, OwnedFile, Owner};

use super::is_info_folder;

/// Lists of files.
pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "python-record",
    what: "files of Python distributions",
    takes: Takes::Path(is_record),
    limit: TEXT,
    parse,
};

/// Most files of one distribution.
const FILES: usize = 500_000;

fn is_record(path: &str) -> bool {
    let (folder, name) = field::split(path);
    (name == "RECORD" && field::ends_with(folder, ".dist-info"))
        || (name == "installed-files.txt" && is_info_folder(folder))
}

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let (folder, name) = field::split(input.path);
    let is_csv = name == "RECORD";
    // RECORD counts from the folder of the packages, installed-files.txt from its own.
    let base = if is_csv { field::split(folder).0 } else { folder };
    let text = field::text(input.bytes);
    let mut fragment = Fragment::of(Owner::Folder { path: folder.to_owned() });
    let mut files: BTreeMap<Box<str>, OwnedFile> = BTreeMap::new();
    let mut findings = Findings::default();
    let mut strange = 0;
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        if files.len() >= FILES {
            findings.gaps.push(format!("only the first {FILES} files were looked at"));
            break;
        }
        let fields = if is_csv { csv(line) } else { vec![line.trim().to_owned()] };
        let path = fields.first().and_then(|path| field::joined(base, path));
        let Some(path) = path else {
            strange += 1;
            if strange == 1 {
                findings.gaps.push(format!("line {}: no path inside the image", number + 1));
            }
            continue;
        };
        let digest = fields.get(1).and_then(|digest| {
            let (name, value) = digest.split_once('=')?;
            field::base64_checksum(field::algorithm(name)?, value)
        });
        let may_differ = digest.is_none();
        files.insert(path.clone(), OwnedFile { path, digest, may_differ });
    }
    fragment.files = files.into_values().collect();
    if !fragment.files.is_empty() {
        findings.fragments.push(fragment);
    }
    Ok(findings)
}

/// The fields of a line of comma-separated values (RFC 4180); no field of a RECORD has a line break.
fn csv(line: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted && fields.len() < 8 => fields.push(std::mem::take(&mut field)),
            letter => field.push(letter),
        }
    }
    fields.push(field);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str, text: &str) -> Findings {
        parse(&Input { path, bytes: text.as_bytes(), size: text.len() as u64 }).expect("findings")
    }

    #[test]
    fn files_are_paths_of_the_image_with_their_digests() {
        let findings = read(
            "usr/lib/python3/site-packages/a-1.dist-info/RECORD",
            "../../../bin/a,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n\"a/x,\"\"y.py\",,\na-1.dist-info/RECORD,,\n../../../../../etc/x,,\n",
        );
        let Owner::Folder { path } = &findings.fragments[0].owner else { panic!("a folder") };
        assert_eq!(path, "usr/lib/python3/site-packages/a-1.dist-info");
        let files: Vec<_> = findings.fragments[0].files.iter().map(|file| (&*file.path, file.may_differ)).collect();
        assert_eq!(
            files,
            [
                ("usr/bin/a", false),
                ("usr/lib/python3/site-packages/a-1.dist-info/RECORD", true),
                ("usr/lib/python3/site-packages/a/x,\"y.py", true),
            ]
        );
        assert_eq!(
            findings.fragments[0].files[0].digest.as_ref().map(|digest| digest.value.as_str()),
            Some("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        );
        assert_eq!(findings.gaps, ["line 4: no path inside the image"]);
    }

    #[test]
    fn lists_of_eggs_count_from_their_own_folder() {
        let findings = read("lib/a.egg-info/installed-files.txt", "../a/__init__.py\nPKG-INFO\n");
        let files: Vec<_> = findings.fragments[0].files.iter().map(|file| &*file.path).collect();
        assert_eq!(files, ["lib/a.egg-info/PKG-INFO", "lib/a/__init__.py"]);
    }
}
