//! Licences of Debian packages: `usr/share/doc/NAME/copyright`, machine-readable (DEP-5, "copyright-format 1.0") or prose that
//! points at `usr/share/common-licenses`.

use std::collections::{BTreeMap, BTreeSet};

use super::deb822::{Stanza, stanzas};
use super::licence::licences_with;
use super::{CatalogError, Cataloger, Dialect, Findings, Input, Join, Takes, licences_of};
use crate::model::{Fragment, Licences, Owner, PackageKind};

pub(super) const CATALOGER: Cataloger = Cataloger {
    id: "debian-copyright",
    what: "licences of Debian packages: usr/share/doc/*/copyright",
    takes: Takes::Path(|path| name(path).is_some()),
    limit: 8 << 20,
    parse,
};

fn name(path: &str) -> Option<&str> {
    let name = path.strip_prefix("usr/share/doc/")?.strip_suffix("/copyright")?;
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let Some(name) = name(input.path) else { return Ok(Findings::default()) };
    let text = String::from_utf8_lossy(input.bytes);
    let mut fragment = Fragment::of(Owner::Name { kind: PackageKind::Deb, name: name.to_owned(), arch: None });
    let head = text.trim_start_matches(['\u{feff}', '\n', ' ']).get(..7).unwrap_or_default();
    fragment.licences = if head.eq_ignore_ascii_case("Format:") { machine_readable(&text) } else { mentioned(&text) };
    let fragments = if fragment.licences == Licences::default() { Vec::new() } else { vec![fragment] };
    Ok(Findings { fragments, ..Findings::default() })
}

/// The short names of all `Files` stanzas apply; stanzas with a `License` alone give the texts.
fn machine_readable(text: &str) -> Licences {
    let stanzas = stanzas(text.trim_start_matches('\u{feff}'), &mut |_| {});
    let mut names: Vec<&str> = Vec::new();
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for (at, stanza) in stanzas.iter().enumerate() {
        let [name, body @ ..] = stanza.lines("License") else { continue };
        if !body.is_empty() {
            texts.entry(name.to_ascii_lowercase()).or_insert_with(|| unfolded(body));
        }
        let says = !stanza.lines("Files").is_empty() || (at == 0 && !name.is_empty());
        if says && !name.is_empty() && !names.contains(name) {
            names.push(name);
        }
    }
    if names.is_empty() {
        // Files stanzas are missing: what is described is what there is.
        names = stanzas.iter().filter_map(|stanza: &Stanza<'_>| stanza.first("License")).collect();
    }
    licences_with(Dialect::Debian, Join::All, names, &|name| texts.get(&name.to_ascii_lowercase()).cloned())
}

/// Continuation lines as text: ` .` stands for an empty line.
fn unfolded(lines: &[&str]) -> String {
    lines.iter().map(|line| if line.trim() == "." { "" } else { line.trim_end() }).collect::<Vec<_>>().join("\n")
}

/// Licences of which the prose says where Debian keeps the text. It follows from texts: nobody declared it in a field.
fn mentioned(text: &str) -> Licences {
    const FOLDER: &str = "/common-licenses/";
    let later = ["any later version", "or later", "or newer"].iter().any(|words| text.contains(words));
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices(FOLDER) {
        let rest = text.get(at + FOLDER.len()..).unwrap_or_default();
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '.' | '-' | '+'));
        let name = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default().trim_end_matches(['.', '-']);
        if name.is_empty() || name.len() > 40 {
            continue;
        }
        let versioned = name.ends_with(|letter: char| letter.is_ascii_digit());
        let gnu = ["GPL-", "LGPL-", "GFDL-"].iter().any(|family| name.starts_with(family));
        names.insert(match name {
            // In this folder these two are exact texts.
            "Artistic" => "Artistic-1.0-Perl".to_owned(),
            "BSD" => "BSD-3-Clause".to_owned(),
            name if gnu && versioned && later => format!("{name}+"),
            name => name.to_owned(),
        });
    }
    let found = licences_of(Dialect::Debian, Join::All, names.iter().map(String::as_str));
    Licences { concluded: found.declared, declared: None, ..found }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tests::{read_bytes, read_text};
    use proptest::prelude::*;

    #[test]
    fn machine_readable_files_give_what_all_their_files_say() {
        let text = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: x\n\n\
                    Files: *\nCopyright: 2020 A\nLicense: GPL-2+ or Expat\n\n\
                    Files: a b\nCopyright: 2021 B\nLicense: own\n Do what\n .\n you like.\n\n\
                    Files: c\nLicense: GPL-2+ or Expat\n\n\
                    License: BSD-3-clause\n unused text\n";
        let found = read_text(&CATALOGER, "usr/share/doc/x/copyright", text);
        let licences = &found.fragments[0].licences;
        let declared = licences.declared.as_deref().expect("declared");
        assert!(declared.starts_with("(GPL-2.0-or-later OR MIT) AND LicenseRef-own-"), "{declared}");
        assert_eq!(licences.texts.values().collect::<Vec<_>>(), ["Do what\n\nyou like."]);
        assert_eq!(licences.raw, ["GPL-2+ or Expat", "own"]);
    }

    #[test]
    fn prose_gives_the_licences_that_it_points_at_as_a_conclusion() {
        let text = "This is free software; either version 2 of the License, or (at your option) any later version.\n\
                    See `/usr/share/common-licenses/GPL-2'. Parts: /usr/share/common-licenses/Apache-2.0.\n";
        let found = read_text(&CATALOGER, "usr/share/doc/y/copyright", text);
        assert_eq!(found.fragments[0].licences.concluded.as_deref(), Some("Apache-2.0 AND GPL-2.0-or-later"));
        assert_eq!(found.fragments[0].licences.declared, None);
        assert!(read_text(&CATALOGER, "usr/share/doc/y/copyright", "Copyright 2020").fragments.is_empty());
    }

    #[test]
    fn only_a_packages_own_file_is_taken() {
        assert_eq!(name("usr/share/doc/bash/copyright"), Some("bash"));
        assert_eq!(name("usr/share/doc/a/b/copyright"), None);
    }

    proptest! {
        #[test]
        fn bytes_never_panic(machine: bool, bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut text = if machine { b"Format: 1.0\nLicense: ".to_vec() } else { b"/common-licenses/".to_vec() };
            text.extend(bytes);
            read_bytes(&CATALOGER, "usr/share/doc/y/copyright", &text);
        }
    }
}
