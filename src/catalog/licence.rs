//! Licence texts of package records as SPDX expressions (SPDX 2.3, annex D).

mod expression;
mod names;

use std::collections::BTreeMap;

use crate::model::Licences;

pub use expression::Join;
use expression::{Expression, MAX_TEXT};

/// How a family of packages writes licences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SPDX expressions.
    Spdx,
    /// Names separated by blanks that all apply: apk, pacman.
    Blanks,
    /// RPM: SPDX, or the older short names of Fedora with `and` and `or`.
    Rpm,
    /// Debian's machine-readable short names: `GPL-2+`, `Expat`.
    Debian,
    /// The `License` field or a `License ::` classifier of a Python distribution.
    Python,
    /// npm: SPDX, `UNLICENSED`, `SEE LICENSE IN …`.
    Npm,
    /// Composer: SPDX with lower-case `and` and `or`.
    Composer,
    /// The name or the URL in a Maven `<license>`.
    Maven,
    /// R: `GPL (>= 2) | MIT + file LICENSE`.
    Cran,
    /// Portage: `|| ( A B )`, `use? ( C )`, a list that all applies.
    Portage,
}

/// Short names of Fedora before it took SPDX; only those with one meaning (`BSD` and `MIT` had many).
const FEDORA: &[(&str, &str)] = &[
    ("AFL", "AFL-2.1"),
    ("AGPLv3", "AGPL-3.0-only"),
    ("Artistic 2.0", "Artistic-2.0"),
    ("ASL 1.1", "Apache-1.1"),
    ("ASL 2.0", "Apache-2.0"),
    ("Boost", "BSL-1.0"),
    ("CC0", "CC0-1.0"),
    ("CDDL", "CDDL-1.0"),
    ("CPL", "CPL-1.0"),
    ("EPL", "EPL-1.0"),
    ("EPL-2.0", "EPL-2.0"),
    ("GPL+", "GPL-1.0-or-later"),
    ("IJG", "IJG"),
    ("ISC", "ISC"),
    ("LGPLv2", "LGPL-2.0-only"),
    ("LGPLv2+", "LGPL-2.0-or-later"),
    ("LPPL", "LPPL-1.3a"),
    ("MPLv1.1", "MPL-1.1"),
    ("MPLv2.0", "MPL-2.0"),
    ("NCSA", "NCSA"),
    ("OFL", "OFL-1.1"),
    ("OpenLDAP", "OLDAP-2.8"),
    ("OpenSSL", "OpenSSL"),
    ("PHP", "PHP-3.01"),
    ("PostgreSQL", "PostgreSQL"),
    ("Unlicense", "Unlicense"),
    ("Vim", "Vim"),
    ("WTFPL", "WTFPL"),
    ("ZPLv2.1", "ZPL-2.1"),
    ("zlib", "Zlib"),
];

/// Short names of Debian's machine-readable copyright files, and exceptions in words, that follow no general rule.
const DEBIAN: &[(&str, &str)] = &[
    ("Apache-1", "Apache-1.0"),
    ("Apache-2", "Apache-2.0"),
    ("Artistic-2", "Artistic-2.0"),
    ("BSL-1", "BSL-1.0"),
    ("CC0", "CC0-1.0"),
    ("CC-BY-3", "CC-BY-3.0"),
    ("CC-BY-SA-3", "CC-BY-SA-3.0"),
    ("CC-BY-SA-4", "CC-BY-SA-4.0"),
    ("EPL-1", "EPL-1.0"),
    ("Expat", "MIT"),
    ("MPL-2", "MPL-2.0"),
    ("OFL-1", "OFL-1.0"),
    ("PSF-2", "PSF-2.0"),
    ("zlib/libpng", "Zlib"),
];

/// Names of Gentoo's licence files that no other table has.
const GENTOO: &[(&str, &str)] = &[
    ("Artistic", "Artistic-1.0-Perl"),
    ("BSD", "BSD-3-Clause"),
    ("BSD-1", "BSD-1-Clause"),
    ("BSD-2", "BSD-2-Clause"),
    ("BSD-4", "BSD-4-Clause"),
    ("CC-PD", "CC-PDDC"),
    ("FDL-1.1+", "GFDL-1.1-or-later"),
    ("FDL-1.2+", "GFDL-1.2-or-later"),
    ("FDL-1.3+", "GFDL-1.3-or-later"),
    ("openssl", "OpenSSL"),
    ("PSF-2", "PSF-2.0"),
    ("vim", "Vim"),
    ("ZLIB", "Zlib"),
];

/// Names of R that no other table has.
const CRAN: &[(&str, &str)] = &[
    ("BSD_2_clause", "BSD-2-Clause"),
    ("BSD_3_clause", "BSD-3-Clause"),
    ("CC BY 4.0", "CC-BY-4.0"),
    ("CC BY-SA 4.0", "CC-BY-SA-4.0"),
    ("CC0", "CC0-1.0"),
    ("Apache License (== 2)", "Apache-2.0"),
    ("Apache License (== 2.0)", "Apache-2.0"),
    ("Apache License (>= 2)", "Apache-2.0+"),
    ("Apache License (>= 2.0)", "Apache-2.0+"),
];

/// What trove classifiers say behind the last `::`, where it means one licence.
const CLASSIFIERS: &[(&str, &str)] = &[
    ("Blue Oak Model License (BlueOak-1.0.0)", "BlueOak-1.0.0"),
    ("Boost Software License 1.0 (BSL-1.0)", "BSL-1.0"),
    ("CC0 1.0 Universal (CC0 1.0) Public Domain Dedication", "CC0-1.0"),
    ("Eclipse Public License 1.0 (EPL-1.0)", "EPL-1.0"),
    ("Eclipse Public License 2.0 (EPL-2.0)", "EPL-2.0"),
    ("European Union Public Licence 1.1 (EUPL 1.1)", "EUPL-1.1"),
    ("European Union Public Licence 1.2 (EUPL 1.2)", "EUPL-1.2"),
    ("Historical Permission Notice and Disclaimer (HPND)", "HPND"),
    ("ISC License (ISCL)", "ISC"),
    ("MIT No Attribution License (MIT-0)", "MIT-0"),
    ("Mozilla Public License 1.0 (MPL)", "MPL-1.0"),
    ("Mozilla Public License 1.1 (MPL 1.1)", "MPL-1.1"),
    ("Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
    ("Mulan Permissive Software License v2 (MulanPSL-2.0)", "MulanPSL-2.0"),
    ("Open Software License 3.0 (OSL-3.0)", "OSL-3.0"),
    ("Python Software Foundation License", "PSF-2.0"),
    ("SIL Open Font License 1.1 (OFL-1.1)", "OFL-1.1"),
    ("The Unlicense (Unlicense)", "Unlicense"),
    ("Universal Permissive License (UPL)", "UPL-1.0"),
    ("University of Illinois/NCSA Open Source License", "NCSA"),
    ("W3C License", "W3C"),
    ("zlib/libpng License", "Zlib"),
];

/// Finds the text that belongs to a short name, if the record has it.
type Texts<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads what a package says of its licence. What is not understood stays as [`Licences::raw`] and becomes a
/// `LicenseRef-…` with its text.
#[must_use]
pub fn licences(dialect: Dialect, raw: &str) -> Licences {
    licences_of(dialect, Join::All, [raw])
}

/// Reads several values of one package: an array, several classifiers, several files.
#[must_use]
pub fn licences_of<'a>(dialect: Dialect, join: Join, raws: impl IntoIterator<Item = &'a str>) -> Licences {
    licences_with(dialect, join, raws, &|_| None)
}

/// The same for a record that has texts of its own behind its short names.
pub(super) fn licences_with<'a>(
    dialect: Dialect,
    join: Join,
    raws: impl IntoIterator<Item = &'a str>,
    texts: Texts<'_>,
) -> Licences {
    let mut found = Licences::default();
    let mut parts = Vec::new();
    for raw in raws {
        let raw = raw.trim();
        if raw.is_empty() {
            continue;
        }
        if !found.raw.iter().any(|known| known == raw) {
            found.raw.push(bounded(raw).to_owned());
        }
        parts.extend(read(dialect, raw, texts));
    }
    found.declared = Expression::join(join, parts).map(|expression| expression.write(&mut found.texts));
    found
}

/// Puts together what several records say of one package's licences, so that all of it applies.
#[must_use]
pub fn all_of(parts: impl IntoIterator<Item = Licences>) -> Licences {
    let mut whole = Licences::default();
    let (mut declared, mut concluded) = (Vec::new(), Vec::new());
    for part in parts {
        let Licences { raw, declared: said, concluded: follows, texts } = part;
        for text in raw {
            if !whole.raw.contains(&text) {
                whole.raw.push(text);
            }
        }
        declared.extend(said.and_then(|text| expression::parse(&text, &listed_or_name)));
        concluded.extend(follows.and_then(|text| expression::parse(&text, &listed_or_name)));
        whole.texts.extend(texts);
    }
    let mut unused = BTreeMap::new();
    whole.declared = Expression::join(Join::All, declared).map(|expression| expression.write(&mut unused));
    whole.concluded = Expression::join(Join::All, concluded).map(|expression| expression.write(&mut unused));
    whole
}

fn listed_or_name(name: &str) -> Expression {
    names::listed(name).map_or_else(|| unlisted(name), Expression::Listed)
}

fn unlisted(name: &str) -> Expression {
    Expression::Unlisted { name: name.to_owned(), text: None }
}

fn bounded(raw: &str) -> &str {
    let mut end = raw.len().min(MAX_TEXT);
    while !raw.is_char_boundary(end) {
        end -= 1;
    }
    &raw[..end]
}

/// Whole words, one blank between them.
fn one_line(raw: &str) -> String {
    raw.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text that is no expression: one reference with the text behind it.
fn prose(raw: &str) -> Expression {
    let name = raw.lines().find(|line| !line.trim().is_empty()).unwrap_or(raw).trim();
    Expression::Unlisted { name: name.to_owned(), text: Some(raw.to_owned()) }
}

fn read(dialect: Dialect, raw: &str, texts: Texts<'_>) -> Option<Expression> {
    if matches!(raw.to_ascii_uppercase().as_str(), "NONE" | "NOASSERTION" | "UNKNOWN" | "N/A" | "(NONE)") {
        return None;
    }
    if raw.len() > 4096 {
        return Some(prose(raw));
    }
    let line = one_line(raw);
    let found = match dialect {
        Dialect::Spdx | Dialect::Npm | Dialect::Composer => slashes(&line),
        Dialect::Blanks => blanks(&line),
        Dialect::Rpm => rpm(&line),
        Dialect::Debian => names::listed(&line).map(Expression::Listed).or_else(|| debian(&line, texts)),
        Dialect::Python => return python(&line, raw),
        Dialect::Maven => names::address(&line).or_else(|| names::known(&line)).map(Expression::Listed),
        Dialect::Cran => cran(&line),
        Dialect::Portage => portage(&line),
    };
    let found = found.or_else(|| {
        if let Some(id) = names::known(&line) {
            return Some(Expression::Listed(id));
        }
        expression::parse(&line, &|name| names::known(name).map_or_else(|| unlisted(name), Expression::Listed))
            .filter(|expression| dialect != Dialect::Maven || expression.is_listed())
    });
    Some(match found {
        Some(expression) if !expression.is_prose() => expression,
        _ if line.len() <= 80 => unlisted(&line),
        _ => prose(raw),
    })
}

/// An old habit of crates and npm: `MIT/Apache-2.0` means a choice.
fn slashes(line: &str) -> Option<Expression> {
    let parts: Option<Vec<Expression>> =
        line.split('/').map(|part| names::listed(part.trim()).map(Expression::Listed)).collect();
    parts.filter(|parts| parts.len() > 1).and_then(|parts| Expression::join(Join::Any, parts))
}

fn blanks(line: &str) -> Option<Expression> {
    if let Some(id) = names::known(line) {
        return Some(Expression::Listed(id));
    }
    let word = |word: &str| names::known(word).map_or_else(|| unlisted(word), Expression::Listed);
    if let Some(custom) = line.strip_prefix("custom:") {
        return Some(names::listed(custom.trim()).map_or_else(|| unlisted(line), Expression::Listed));
    }
    // Words between operators apply all: `MIT BSD AND ISC`.
    let leaf = |words: &str| {
        if let Some(id) = names::known(words) {
            return Expression::Listed(id);
        }
        Expression::join(Join::All, words.split(' ').map(word).collect()).unwrap_or_else(|| unlisted(words))
    };
    expression::parse(line, &leaf)
}

fn rpm(line: &str) -> Option<Expression> {
    let lower = line.split(' ').any(|word| matches!(word, "and" | "or"));
    let strict = |name: &str| names::listed(name).map_or_else(|| unlisted(name), Expression::Listed);
    if !lower && let Some(expression) = expression::parse(line, &strict).filter(Expression::is_listed) {
        return Some(expression);
    }
    // SUSE writes SPDX, and some write it with lower-case operators: a hyphen and a version tell it from the old names.
    let old = |name: &str| lower && matches!(name, "MIT" | "BSD" | "LGPL" | "GPL");
    expression::parse(line, &|name| {
        if let Some((_, id)) = FEDORA.iter().find(|(short, _)| *short == name) {
            return Expression::Listed((*id).to_owned());
        }
        match names::known(name) {
            Some(id) if !old(name) => Expression::Listed(id),
            // The name that Fedora's own converter gives to names from the time before SPDX.
            _ if old(name) || name == "BSD" => Expression::Unlisted { name: format!("Callaway {name}"), text: None },
            _ => unlisted(name),
        }
    })
}

fn debian(line: &str, texts: Texts<'_>) -> Option<Expression> {
    let leaf = |name: &str| {
        let id = debian_name(name).or_else(|| {
            let (licence, exception) = names::split_with(name)?;
            let exception = exception.strip_suffix(" exception").or_else(|| exception.strip_suffix(" Exception"))?;
            debian_exception(&debian_name(licence)?, exception)
        });
        id.map_or_else(|| Expression::Unlisted { name: name.to_owned(), text: texts(name) }, Expression::Listed)
    };
    expression::parse(line, &leaf)
}

fn debian_name(name: &str) -> Option<String> {
    if let Some((_, id)) = DEBIAN.iter().find(|(short, _)| short.eq_ignore_ascii_case(name)) {
        return Some((*id).to_owned());
    }
    names::known(name)
}

/// Exceptions in words: `with Autoconf exception`.
fn debian_exception(licence: &str, words: &str) -> Option<String> {
    let name = words.to_ascii_lowercase().replace(' ', "-");
    let versions: &[&str] = match name.as_str() {
        "autoconf" if licence.starts_with("GPL-3") => &["Autoconf-exception-3.0"],
        "autoconf" => &["Autoconf-exception-2.0"],
        "gcc" | "gcc-runtime-library" if licence.starts_with("GPL-3") => &["GCC-exception-3.1"],
        "gcc" => &["GCC-exception-2.0"],
        "bison" => &["Bison-exception-2.2"],
        "classpath" => &["Classpath-exception-2.0"],
        "font" => &["Font-exception-2.0"],
        "libtool" => &["Libtool-exception"],
        "llvm" => &["LLVM-exception"],
        _ => &[],
    };
    versions.first().and_then(|exception| names::listed(&format!("{licence} WITH {exception}")))
}

fn python(line: &str, raw: &str) -> Option<Expression> {
    let line = match line.rsplit_once("::") {
        Some((start, name)) if start.trim_start().starts_with("License") => {
            let name = name.trim();
            if matches!(name, "OSI Approved" | "License") {
                return None;
            }
            let short = name.rsplit_once('(').and_then(|(_, short)| names::listed(short.trim_end_matches(')')));
            let found = CLASSIFIERS.iter().find(|(known, _)| *known == name).map(|(_, id)| (*id).to_owned());
            let id = found.or_else(|| names::known(name)).or(short);
            return Some(id.map_or_else(|| unlisted(name), Expression::Listed));
        }
        _ => line,
    };
    if let Some(id) = names::known(line).or_else(|| names::address(line)) {
        return Some(Expression::Listed(id));
    }
    let leaf = |name: &str| names::known(name).map_or_else(|| unlisted(name), Expression::Listed);
    let parsed = slashes(line).or_else(|| expression::parse(line, &leaf));
    Some(match parsed {
        Some(expression) if !expression.is_prose() && (line.len() < 200 || expression.is_listed()) => expression,
        _ if line.len() <= 80 => unlisted(line),
        _ => prose(raw),
    })
}

fn cran(line: &str) -> Option<Expression> {
    let parts = line.split('|').filter_map(|part| {
        let part = part.trim();
        // `+ file LICENSE` fills in the names of a template; alone it is the licence.
        let name = part.split(" + file ").next().unwrap_or(part).trim();
        if name.is_empty() {
            return None;
        }
        let known = CRAN.iter().find(|(short, _)| *short == name).map(|(_, id)| (*id).to_owned());
        Some(known.or_else(|| names::known(name)).map_or_else(|| unlisted(name), Expression::Listed))
    });
    Expression::join(Join::Any, parts.collect())
}

fn portage(line: &str) -> Option<Expression> {
    let mut words = line.split(' ').filter(|word| !word.is_empty());
    portage_list(&mut words, Join::All, 0)
}

/// Words up to the `)` that ends the list. A condition (`use?`) is dropped: its licences may apply.
fn portage_list(words: &mut dyn Iterator<Item = &str>, join: Join, depth: usize) -> Option<Expression> {
    let mut parts = Vec::new();
    let mut next = Join::All;
    while let Some(word) = words.next() {
        match word {
            ")" => break,
            "||" => next = Join::Any,
            "(" if depth < 32 => {
                parts.extend(portage_list(words, next, depth + 1));
                next = Join::All;
            }
            "(" => return None,
            word if word.ends_with('?') => {}
            word => {
                let known = GENTOO.iter().find(|(short, _)| *short == word).map(|(_, id)| (*id).to_owned());
                parts.push(known.or_else(|| names::known(word)).map_or_else(|| unlisted(word), Expression::Listed));
            }
        }
    }
    Expression::join(join, parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn declared(dialect: Dialect, raw: &str) -> String {
        licences(dialect, raw).declared.unwrap_or_else(|| "-".to_owned())
    }

    fn same(dialect: Dialect, cases: &[(&str, &str)]) {
        for (raw, wanted) in cases {
            assert_eq!(declared(dialect, raw), *wanted, "{dialect:?}: {raw}");
        }
    }

    #[test]
    fn spdx_is_written_as_listed_with_current_ids_and_few_parentheses() {
        same(
            Dialect::Spdx,
            &[
                ("mit", "MIT"),
                ("apache-2.0 or MIT", "Apache-2.0 OR MIT"),
                ("(MIT)", "MIT"),
                ("MIT AND (ISC OR Zlib)", "MIT AND (ISC OR Zlib)"),
                ("(MIT AND ISC) OR Zlib", "MIT AND ISC OR Zlib"),
                ("MIT AND MIT", "MIT"),
                ("GPL-2.0", "GPL-2.0-only"),
                ("GPL-2.0+", "GPL-2.0-or-later"),
                ("GPL-2.0-or-later", "GPL-2.0-or-later"),
                ("LGPL-2.1+ WITH GCC-exception-2.0", "LGPL-2.1-or-later WITH GCC-exception-2.0"),
                ("gpl-2.0-with-classpath-exception", "GPL-2.0-only WITH Classpath-exception-2.0"),
                ("Apache-2.0 WITH llvm-exception", "Apache-2.0 WITH LLVM-exception"),
                ("Apache-2.0+", "Apache-2.0+"),
                ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
                ("LicenseRef-Mine AND MIT", "LicenseRef-Mine AND MIT"),
                ("Made Up", "LicenseRef-Made-Up"),
                ("NOASSERTION", "-"),
                ("", "-"),
            ],
        );
    }

    #[test]
    fn a_reference_has_its_text_and_hashes_keep_texts_apart() {
        let found = licences(Dialect::Spdx, "MIT AND Made Up");
        assert_eq!(found.declared.as_deref(), Some("MIT AND LicenseRef-Made-Up"));
        assert_eq!(found.texts, BTreeMap::from([("LicenseRef-Made-Up".to_owned(), "Made Up".to_owned())]));
        assert_eq!(found.raw, ["MIT AND Made Up"]);
        let text =
            |text: &'static str| licences_with(Dialect::Debian, Join::All, ["Own"], &move |_| Some(text.to_owned()));
        assert_ne!(text("do this").declared, text("do that").declared);
        assert_eq!(text("do this").texts.into_values().collect::<Vec<_>>(), ["do this"]);
    }

    #[test]
    fn old_names_of_fedora_are_read_and_ambiguous_ones_stay_references() {
        same(
            Dialect::Rpm,
            &[
                ("GPLv2+ and (LGPLv2+ or MPLv2.0)", "GPL-2.0-or-later AND (LGPL-2.0-or-later OR MPL-2.0)"),
                ("ASL 2.0", "Apache-2.0"),
                ("BSD", "LicenseRef-Callaway-BSD"),
                ("BSD and MIT", "LicenseRef-Callaway-BSD AND LicenseRef-Callaway-MIT"),
                ("MIT", "MIT"),
                ("MIT AND BSD-3-Clause", "MIT AND BSD-3-Clause"),
                ("GPL-2.0-or-later AND LGPL-2.1-only", "GPL-2.0-or-later AND LGPL-2.1-only"),
                ("GPLv3+ with exceptions", "LicenseRef-GPLv3-with-exceptions-dc718985"),
                ("Public Domain", "LicenseRef-Public-Domain"),
            ],
        );
    }

    #[test]
    fn short_names_of_debian_are_read() {
        same(
            Dialect::Debian,
            &[
                ("GPL-2+", "GPL-2.0-or-later"),
                ("GPL-2", "GPL-2.0-only"),
                ("Expat", "MIT"),
                ("zlib", "Zlib"),
                ("GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later"),
                ("BSD-3-clause", "BSD-3-Clause"),
                ("GPL-1+ or Artistic", "GPL-1.0-or-later OR LicenseRef-Artistic"),
                ("GPL-2+ with Autoconf exception", "GPL-2.0-or-later WITH Autoconf-exception-2.0"),
                ("GPL-2+ or LGPL-3, and MIT", "(GPL-2.0-or-later OR LGPL-3.0-only) AND MIT"),
                ("public-domain", "LicenseRef-public-domain"),
            ],
        );
    }

    #[test]
    fn lists_with_blanks_all_apply() {
        same(
            Dialect::Blanks,
            &[
                ("MIT BSD", "MIT AND LicenseRef-BSD"),
                ("GPL-2.0-or-later AND MIT", "GPL-2.0-or-later AND MIT"),
                ("GPL2 LGPL-2.1+", "GPL-2.0-only AND LGPL-2.1-or-later"),
                ("custom:TRE", "LicenseRef-custom-TRE"),
                ("custom", "LicenseRef-custom"),
                ("MPL-2.0 AND MIT", "MPL-2.0 AND MIT"),
            ],
        );
    }

    #[test]
    fn python_fields_and_classifiers_are_read() {
        same(
            Dialect::Python,
            &[
                ("License :: OSI Approved :: MIT License", "MIT"),
                ("License :: OSI Approved :: BSD License", "LicenseRef-BSD-License"),
                ("License :: OSI Approved", "-"),
                ("License :: OSI Approved :: GNU General Public License v2 or later (GPLv2+)", "GPL-2.0-or-later"),
                ("License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)", "LGPL-3.0-only"),
                ("License :: OSI Approved :: GNU Affero General Public License v3", "AGPL-3.0-only"),
                ("License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
                ("License :: OSI Approved :: ISC License (ISCL)", "ISC"),
                ("Apache License, Version 2.0", "Apache-2.0"),
                ("BSD 3-Clause", "BSD-3-Clause"),
                ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
                ("GPLv3+", "GPL-3.0-or-later"),
                ("https://opensource.org/licenses/MIT", "MIT"),
                ("UNKNOWN", "-"),
            ],
        );
        let text = "Own terms\n\nPermission is granted, free of charge, to whoever asks nicely and says thanks, or who does \
                    not ask at all and still uses this piece of work for the purpose that it was made for.";
        let found = licences(Dialect::Python, text);
        assert!(found.declared.as_deref().is_some_and(|id| id.starts_with("LicenseRef-Own-terms-")), "{found:?}");
        assert_eq!(found.texts.into_values().collect::<Vec<_>>(), [text]);
    }

    #[test]
    fn npm_composer_maven_cran_and_portage_are_read() {
        same(
            Dialect::Npm,
            &[
                ("(MIT OR Apache-2.0)", "MIT OR Apache-2.0"),
                ("UNLICENSED", "LicenseRef-UNLICENSED"),
                ("SEE LICENSE IN LICENSE.md", "LicenseRef-SEE-LICENSE-IN-LICENSE.md"),
                ("BSD", "LicenseRef-BSD"),
            ],
        );
        same(Dialect::Composer, &[("(LGPL-2.1-only or GPL-3.0-or-later)", "LGPL-2.1-only OR GPL-3.0-or-later")]);
        same(
            Dialect::Maven,
            &[
                ("The Apache Software License, Version 2.0", "Apache-2.0"),
                ("http://www.apache.org/licenses/LICENSE-2.0.txt", "Apache-2.0"),
                ("Eclipse Public License - v 2.0", "EPL-2.0"),
                ("GNU Lesser General Public License, version 2.1", "LGPL-2.1-only"),
                ("Bouncy Castle Licence", "LicenseRef-Bouncy-Castle-Licence"),
                ("https://spdx.org/licenses/MIT-0.html", "MIT-0"),
            ],
        );
        same(
            Dialect::Cran,
            &[
                ("GPL (>= 2) | MIT + file LICENSE", "GPL-2.0-or-later OR MIT"),
                ("GPL-2 | GPL-3", "GPL-2.0-only OR GPL-3.0-only"),
                ("Apache License (>= 2)", "Apache-2.0+"),
                ("BSD_3_clause + file LICENSE", "BSD-3-Clause"),
                ("file LICENSE", "LicenseRef-file-LICENSE"),
                ("Part of R 4.2.2", "LicenseRef-Part-of-R-4.2.2"),
            ],
        );
        same(
            Dialect::Portage,
            &[
                ("|| ( GPL-2 MIT ) BSD", "(GPL-2.0-only OR MIT) AND BSD-3-Clause"),
                ("GPL-2+ doc? ( FDL-1.3+ )", "GPL-2.0-or-later AND GFDL-1.3-or-later"),
                ("public-domain", "LicenseRef-public-domain"),
            ],
        );
    }

    #[test]
    fn an_array_is_a_choice_where_the_family_says_so() {
        let found = licences_of(Dialect::Npm, Join::Any, ["MIT", "BSD-3-Clause AND ISC"]);
        assert_eq!(found.declared.as_deref(), Some("MIT OR BSD-3-Clause AND ISC"));
        assert_eq!(found.raw, ["MIT", "BSD-3-Clause AND ISC"]);
        let whole = all_of([found, licences(Dialect::Spdx, "Zlib")]);
        assert_eq!(whole.declared.as_deref(), Some("(MIT OR BSD-3-Clause AND ISC) AND Zlib"));
    }

    const DIALECTS: [Dialect; 10] = [
        Dialect::Spdx,
        Dialect::Blanks,
        Dialect::Rpm,
        Dialect::Debian,
        Dialect::Python,
        Dialect::Npm,
        Dialect::Composer,
        Dialect::Maven,
        Dialect::Cran,
        Dialect::Portage,
    ];

    proptest! {
        #[test]
        fn whatever_is_written_becomes_a_strict_expression(
            dialect in 0..DIALECTS.len(),
            raw in "([ (),|+?:/]|MIT|GPL-2\\+|and|OR|WITH |BSD|\\PC){0,20}",
        ) {
            let found = licences(DIALECTS[dialect], &raw);
            prop_assert_eq!(found.raw.is_empty(), raw.trim().is_empty());
            if let Some(declared) = found.declared {
                let strict = spdx::Expression::parse(&declared);
                prop_assert!(strict.is_ok(), "{} -> {}: {:?}", raw, declared, strict.err());
                prop_assert_eq!(licences(Dialect::Spdx, &declared).declared, Some(declared.clone()));
                for word in declared.split([' ', '(', ')']).filter(|word| word.starts_with("LicenseRef-")) {
                    prop_assert!(found.texts.contains_key(word), "{}", word);
                }
            }
        }
    }
}
