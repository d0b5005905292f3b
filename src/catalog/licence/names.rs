//! Names of licences: the SPDX list (3.29, from the crate `spdx`), what became of its deprecated ids, and what else is
//! written for exactly one of its entries. A name that could mean two licences is in no table.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use spdx::identifiers::{EXCEPTIONS, LICENSES};

/// Lower-case ids, and the listed case.
static IDS: LazyLock<BTreeMap<String, &str>> =
    LazyLock::new(|| LICENSES.iter().map(|licence| (licence.name.to_ascii_lowercase(), licence.name)).collect());

/// Full names, reduced by [`reduced`], and their ids.
static FULL_NAMES: LazyLock<BTreeMap<String, &str>> = LazyLock::new(|| {
    let mut names = BTreeMap::new();
    for licence in LICENSES {
        names.entry(reduced(licence.full_name)).or_insert(licence.name);
    }
    names
});

/// Deprecated ids whose successor is not just `-only` or `-or-later`.
const SUCCESSORS: &[(&str, &str)] = &[
    ("BSD-2-Clause-FreeBSD", "BSD-2-Clause-Views"),
    ("BSD-2-Clause-NetBSD", "BSD-2-Clause"),
    ("bzip2-1.0.5", "bzip2-1.0.6"),
    ("eCos-2.0", "GPL-2.0-or-later WITH eCos-exception-2.0"),
    ("GPL-2.0-with-autoconf-exception", "GPL-2.0-only WITH Autoconf-exception-2.0"),
    ("GPL-2.0-with-bison-exception", "GPL-2.0-only WITH Bison-exception-2.2"),
    ("GPL-2.0-with-classpath-exception", "GPL-2.0-only WITH Classpath-exception-2.0"),
    ("GPL-2.0-with-font-exception", "GPL-2.0-only WITH Font-exception-2.0"),
    ("GPL-2.0-with-GCC-exception", "GPL-2.0-only WITH GCC-exception-2.0"),
    ("GPL-3.0-with-autoconf-exception", "GPL-3.0-only WITH Autoconf-exception-3.0"),
    ("GPL-3.0-with-GCC-exception", "GPL-3.0-only WITH GCC-exception-3.1"),
    ("StandardML-NJ", "SMLNJ"),
    ("wxWindows", "LGPL-2.0-or-later WITH WxWindows-exception-3.1"),
];

/// Other names, reduced by [`reduced`], in every dialect.
const NAMES: &[(&str, &str)] = &[
    ("2 clause bsd", "BSD-2-Clause"),
    ("3 clause bsd", "BSD-3-Clause"),
    ("apache 2", "Apache-2.0"),
    ("apache 2.0", "Apache-2.0"),
    ("apache software 2", "Apache-2.0"),
    ("apache software 2.0", "Apache-2.0"),
    ("apache software version 2", "Apache-2.0"),
    ("apache software version 2.0", "Apache-2.0"),
    ("apache v2", "Apache-2.0"),
    ("apache v2.0", "Apache-2.0"),
    ("apache version 2", "Apache-2.0"),
    ("apache version 2.0", "Apache-2.0"),
    ("apache2", "Apache-2.0"),
    ("asf 2.0", "Apache-2.0"),
    ("asl 1.1", "Apache-1.1"),
    ("asl 2.0", "Apache-2.0"),
    ("boost", "BSL-1.0"),
    ("boost 1.0", "BSL-1.0"),
    ("bsd 2", "BSD-2-Clause"),
    ("bsd 2 clause", "BSD-2-Clause"),
    ("bsd 3", "BSD-3-Clause"),
    ("bsd 3 clause", "BSD-3-Clause"),
    ("bsd 3 clause new or revised", "BSD-3-Clause"),
    ("bsd 4", "BSD-4-Clause"),
    ("bsd new", "BSD-3-Clause"),
    ("cc by 3.0", "CC-BY-3.0"),
    ("cc by 4.0", "CC-BY-4.0"),
    ("cc by sa 3.0", "CC-BY-SA-3.0"),
    ("cc by sa 4.0", "CC-BY-SA-4.0"),
    ("cc0", "CC0-1.0"),
    ("cc0 1.0", "CC0-1.0"),
    ("cddl 1.0", "CDDL-1.0"),
    ("cddl 1.1", "CDDL-1.1"),
    ("common development and distribution 1.0", "CDDL-1.0"),
    ("common development and distribution 1.1", "CDDL-1.1"),
    ("common public 1.0", "CPL-1.0"),
    ("common public version 1.0", "CPL-1.0"),
    ("eclipse distribution 1.0", "BSD-3-Clause"),
    ("eclipse distribution v 1.0", "BSD-3-Clause"),
    ("eclipse distribution v1.0", "BSD-3-Clause"),
    ("eclipse public 1.0", "EPL-1.0"),
    ("eclipse public 2.0", "EPL-2.0"),
    ("eclipse public v 1.0", "EPL-1.0"),
    ("eclipse public v 2.0", "EPL-2.0"),
    ("eclipse public v1.0", "EPL-1.0"),
    ("eclipse public v2.0", "EPL-2.0"),
    ("eclipse public version 1.0", "EPL-1.0"),
    ("eclipse public version 2.0", "EPL-2.0"),
    ("edl 1.0", "BSD-3-Clause"),
    ("epl 1.0", "EPL-1.0"),
    ("epl 2.0", "EPL-2.0"),
    ("expat", "MIT"),
    ("expat mit", "MIT"),
    ("gpl2 w cpe", "GPL-2.0-only WITH Classpath-exception-2.0"),
    ("isc", "ISC"),
    ("mit expat", "MIT"),
    ("mit", "MIT"),
    ("modified bsd", "BSD-3-Clause"),
    ("mozilla public 1.1", "MPL-1.1"),
    ("mozilla public 2.0", "MPL-2.0"),
    ("mozilla public version 1.1", "MPL-1.1"),
    ("mozilla public version 2.0", "MPL-2.0"),
    ("mpl 1.1", "MPL-1.1"),
    ("mpl 2", "MPL-2.0"),
    ("mpl 2.0", "MPL-2.0"),
    ("mplv1.1", "MPL-1.1"),
    ("mplv2.0", "MPL-2.0"),
    ("new bsd", "BSD-3-Clause"),
    ("ofl 1.1", "OFL-1.1"),
    ("psf 2", "PSF-2.0"),
    ("revised bsd", "BSD-3-Clause"),
    ("sil open font 1.1", "OFL-1.1"),
    ("simplified bsd", "BSD-2-Clause"),
    ("unlicense", "Unlicense"),
    ("upl", "UPL-1.0"),
    ("upl 1.0", "UPL-1.0"),
    ("wtfpl", "WTFPL"),
    ("zlib", "Zlib"),
    ("zlib libpng", "Zlib"),
    ("zope 2.1", "ZPL-2.1"),
    ("zpl 2.1", "ZPL-2.1"),
    ("zplv2.1", "ZPL-2.1"),
];

/// Addresses of licence texts, without scheme, `www.`, ending and trailing `/`; lower case.
const ADDRESSES: &[(&str, &str)] = &[
    ("apache.org/licenses/license-1.1", "Apache-1.1"),
    ("apache.org/licenses/license-2.0", "Apache-2.0"),
    ("boost.org/license_1_0", "BSL-1.0"),
    ("creativecommons.org/licenses/by/3.0", "CC-BY-3.0"),
    ("creativecommons.org/licenses/by/4.0", "CC-BY-4.0"),
    ("creativecommons.org/licenses/by-sa/4.0", "CC-BY-SA-4.0"),
    ("creativecommons.org/publicdomain/zero/1.0", "CC0-1.0"),
    ("creativecommons.org/publicdomain/zero/1.0/legalcode", "CC0-1.0"),
    ("eclipse.org/legal/epl-2.0", "EPL-2.0"),
    ("eclipse.org/legal/epl-v10", "EPL-1.0"),
    ("eclipse.org/legal/epl-v20", "EPL-2.0"),
    ("eclipse.org/org/documents/edl-v10", "BSD-3-Clause"),
    ("eclipse.org/org/documents/epl-v10", "EPL-1.0"),
    ("gnu.org/licenses/old-licenses/gpl-2.0", "GPL-2.0-only"),
    ("gnu.org/licenses/old-licenses/lgpl-2.1", "LGPL-2.1-only"),
    ("gnu.org/software/classpath/license", "GPL-2.0-or-later WITH Classpath-exception-2.0"),
    ("mozilla.org/en-us/mpl/2.0", "MPL-2.0"),
    ("mozilla.org/mpl/2.0", "MPL-2.0"),
    ("mozilla.org/mpl/mpl-1.1", "MPL-1.1"),
    ("opensource.org/licenses/apache-2.0", "Apache-2.0"),
    ("opensource.org/licenses/bsd-2-clause", "BSD-2-Clause"),
    ("opensource.org/licenses/bsd-3-clause", "BSD-3-Clause"),
    ("opensource.org/licenses/isc", "ISC"),
    ("opensource.org/licenses/mit", "MIT"),
    ("opensource.org/licenses/mit-license", "MIT"),
    ("opensource.org/license/mit", "MIT"),
    ("unlicense.org", "Unlicense"),
];

/// What `name` means in the SPDX list, case aside: an id with `+`, a deprecated id's successor, an id `WITH` an exception.
/// A `LicenseRef-…` stays.
pub(super) fn listed(name: &str) -> Option<String> {
    if let Some((licence, exception)) = split_with(name) {
        let exception = exception_id(exception)?;
        return Some(format!("{} WITH {exception}", simple(licence).filter(|id| !id.contains(' '))?));
    }
    simple(name)
}

/// Splits at `WITH`, however it is written.
pub(super) fn split_with(name: &str) -> Option<(&str, &str)> {
    [" WITH ", " with ", " With "].iter().find_map(|word| name.split_once(word))
}

fn exception_id(name: &str) -> Option<&'static str> {
    EXCEPTIONS.iter().map(|exception| exception.name).find(|id| id.eq_ignore_ascii_case(name))
}

fn simple(name: &str) -> Option<String> {
    if let Some(own) = name.get(..11).filter(|start| start.eq_ignore_ascii_case("LicenseRef-")) {
        let rest = &name[own.len()..];
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        return (!rest.is_empty() && rest.len() < 200 && rest.bytes().all(allowed))
            .then(|| format!("LicenseRef-{rest}"));
    }
    if name.len() > 80 {
        return None;
    }
    if let Some((_, successor)) = SUCCESSORS.iter().find(|(old, _)| old.eq_ignore_ascii_case(name)) {
        return Some((*successor).to_owned());
    }
    let exact = |name: &str| IDS.get(&name.to_ascii_lowercase()).copied();
    let (base, later) = name.strip_suffix('+').map_or((name, false), |base| (base, true));
    let id = exact(base)?;
    let replaced = format!("{id}{}", if later { "-or-later" } else { "-only" });
    if let Some(id) = exact(&replaced) {
        return Some(id.to_owned());
    }
    // `-or-later+` says the same thing twice.
    Some(if later && !id.ends_with("-or-later") { format!("{id}+") } else { id.to_owned() })
}

/// What a name means that every dialect may use: an id, a GNU short form, a licence's full name, or a known other name.
pub(super) fn known(name: &str) -> Option<String> {
    if let Some(id) = listed(name).or_else(|| gnu(name)) {
        return Some(id);
    }
    let reduced = reduced(name);
    if reduced.is_empty() {
        return None;
    }
    let other = NAMES.iter().find(|(other, _)| *other == reduced).map(|(_, id)| (*id).to_owned());
    other.or_else(|| full_name(&reduced)).or_else(|| gnu_words(&reduced))
}

fn full_name(wanted: &str) -> Option<String> {
    FULL_NAMES.get(wanted).and_then(|id| simple(id))
}

/// The licence whose text has this address.
pub(super) fn address(url: &str) -> Option<String> {
    let lower = url.trim().to_ascii_lowercase();
    let rest = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"))?;
    let rest = rest.strip_prefix("www.").unwrap_or(rest).trim_end_matches('/');
    let endings = [".txt", ".html", ".htm", ".php"];
    let rest = endings.iter().find_map(|ending| rest.strip_suffix(ending)).unwrap_or(rest);
    if let Some((_, id)) = ADDRESSES.iter().find(|(address, _)| *address == rest) {
        return Some((*id).to_owned());
    }
    rest.strip_prefix("spdx.org/licenses/").and_then(simple)
}

/// A name without what does not tell licences apart: case, punctuation, `the`, `license`.
fn reduced(name: &str) -> String {
    let mut words = Vec::new();
    let lower = name.to_ascii_lowercase();
    for word in lower.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '.' && letter != '+') {
        let word = word.trim_matches('.');
        if !matches!(word, "" | "the" | "license" | "licence" | "licensed" | "under" | "licenses") {
            words.push(word);
        }
    }
    words.join(" ")
}

/// GNU short forms: `GPLv2+`, `LGPL-2.1`, `GPL (>= 2)`, `AGPL3`, `GFDL-NIV-1.3+`.
fn gnu(name: &str) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    let family = ["AGPL", "LGPL", "GPL", "GFDL"].into_iter().find(|family| upper.starts_with(family))?;
    let mut rest = upper[family.len()..].trim_start_matches(['-', ' ', '_', '(']);
    let mut variant = "";
    if family == "GFDL"
        && let Some(behind) = rest.strip_prefix("NIV-")
    {
        (rest, variant) = (behind, "-no-invariants");
    }
    let mut later = false;
    if let Some(behind) = rest.strip_prefix(">=") {
        (rest, later) = (behind.trim_start(), true);
    } else if let Some(behind) = rest.strip_prefix("==") {
        rest = behind.trim_start();
    }
    rest = rest.strip_prefix('V').unwrap_or(rest).trim_start();
    let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(rest.len());
    let (version, tail) = rest.split_at(end);
    match tail.trim_matches([' ', ')']) {
        "" | "-ONLY" | "ONLY" => {}
        "+" | "-OR-LATER" | "OR LATER" | "ONLY OR LATER" => later = true,
        _ => return None,
    }
    versioned(family, version, variant, later)
}

/// The id of a GNU family and version.
fn versioned(family: &str, version: &str, variant: &str, later: bool) -> Option<String> {
    let dotted = match version.strip_suffix(".0").unwrap_or(version) {
        "" => return None,
        whole if !whole.contains('.') => format!("{whole}.0"),
        other => other.to_owned(),
    };
    simple(&format!("{family}-{dotted}{variant}{}", if later { "-or-later" } else { "-only" }))
}

/// GNU names in words: `gnu general public v2 or later gplv2+`.
fn gnu_words(reduced: &str) -> Option<String> {
    let rest = reduced.strip_prefix("gnu ").unwrap_or(reduced);
    let families = [
        ("affero general public ", "AGPL"),
        ("lesser general public ", "LGPL"),
        ("library general public ", "LGPL"),
        ("general public ", "GPL"),
        ("free documentation ", "GFDL"),
        ("agpl ", "AGPL"),
        ("lgpl ", "LGPL"),
        ("gpl ", "GPL"),
        ("lesser ", "LGPL"),
    ];
    let (family, mut rest) =
        families.iter().find_map(|(words, family)| rest.strip_prefix(words).map(|rest| (*family, rest)))?;
    // `general public (gpl) version 2`: the short name in between says nothing new.
    rest = rest.strip_prefix(&family.to_ascii_lowercase()).unwrap_or(rest).trim_start();
    rest = rest.strip_prefix("version ").or_else(|| rest.strip_prefix('v')).unwrap_or(rest).trim_start();
    let (version, tail) = rest.split_once(' ').unwrap_or((rest, ""));
    let (version, plus) = version.strip_suffix('+').map_or((version, false), |version| (version, true));
    if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let short = format!("{}v{version}", family.to_ascii_lowercase());
    let tail = tail.strip_suffix(&format!("{short}+")).or_else(|| tail.strip_suffix(&short)).unwrap_or(tail).trim();
    let later = match tail {
        "" | "only" => plus,
        "or later" | "or newer" | "or any later version" | "or greater" | "or above" => true,
        _ => return None,
    };
    versioned(family, version, "", later)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_name_only_what_is_listed_and_current() {
        for (name, id) in SUCCESSORS.iter().chain(NAMES).chain(ADDRESSES) {
            assert_eq!(listed(id).as_deref(), Some(*id), "{name}");
        }
        for (name, _) in NAMES {
            assert_eq!(reduced(name), *name, "is not reduced and would never be found");
        }
    }

    #[test]
    fn every_listed_id_is_found_whatever_its_case_and_none_stays_deprecated() {
        for licence in LICENSES {
            let id = listed(&licence.name.to_ascii_lowercase()).expect(licence.name);
            let first = id.split(' ').next().unwrap_or_default();
            let found = spdx::license_id(first).expect(first);
            assert!(!found.is_deprecated() || matches!(first, "Net-SNMP" | "Nunit"), "{} -> {id}", licence.name);
        }
    }
}
