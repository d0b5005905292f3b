//! Tests of the readers on databases of rpm itself (`scripts/make-catalog-testdata`).

use proptest::prelude::*;

use super::super::tests::{read_bytes, read_text};
use super::*;
use crate::model::{ChecksumAlgorithm, Scope};

const SQLITE: &[u8] = include_bytes!("../../../testdata/catalog/rpmdb.sqlite");
const NDB: &[u8] = include_bytes!("../../../testdata/catalog/Packages.db");
const BDB: &[u8] = include_bytes!("../../../testdata/catalog/Packages");
/// What `rpm -qa` printed.
const LISTED: &str = include_str!("../../../testdata/catalog/rpm-qa.txt");

const FILES: [(&str, &[u8]); 3] =
    [("var/lib/rpm/rpmdb.sqlite", SQLITE), ("usr/lib/sysimage/rpm/Packages.db", NDB), ("var/lib/rpm/Packages", BDB)];

fn listed(found: &Findings) -> String {
    let mut lines: Vec<String> = found
        .packages
        .iter()
        .map(|package| {
            let epoch = package.qualifiers.get("epoch").map_or("(none)", String::as_str);
            let arch = package.arch.as_deref().unwrap_or_default();
            format!("{}|{epoch}|{}|{arch}\n", package.name, package.version)
        })
        .collect();
    lines.sort();
    lines.concat()
}

#[test]
fn every_database_format_gives_what_rpm_lists() {
    for (path, bytes) in FILES {
        let found = read_bytes(&CATALOGER, path, bytes);
        assert_eq!(listed(&found), LISTED, "{path}");
        assert!(found.gaps.is_empty(), "{path}: {:?}", found.gaps);
    }
}

#[test]
fn every_database_format_gives_the_same_facts() {
    let all = FILES.map(|(path, bytes)| {
        let mut packages = read_bytes(&CATALOGER, path, bytes).packages;
        packages.sort_by(|one, other| one.name.cmp(&other.name));
        packages
    });
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0], all[2]);
    let [first, large, _] = all[0].as_slice() else { panic!("three packages") };
    assert_eq!(first.supplier.as_deref(), Some("Example Makers"));
    assert_eq!(first.qualifiers["upstream"], "first-1.2-3.test.src.rpm");
    assert_eq!(first.licences.declared.as_deref(), Some("GPL-2.0-or-later AND LicenseRef-Callaway-MIT"));
    assert_eq!(first.provides, ["config(first)", "virtual-thing"]);
    let needs: Vec<_> =
        first.depends.iter().map(|needed| (needed.names.join("|"), needed.version.as_deref())).collect();
    for wanted in [("second", Some("4.5-6")), ("alpha|beta", None), ("plain", None)] {
        assert!(needs.contains(&(wanted.0.to_owned(), wanted.1)), "{needs:?}");
    }
    assert!(first.depends.iter().all(|needed| !needed.names[0].starts_with("rpmlib(")));
    let files: Vec<_> = first
        .files
        .iter()
        .map(|file| (&*file.path, file.digest.as_ref().map(|digest| digest.algorithm), file.may_differ))
        .collect();
    let sha256 = Some(ChecksumAlgorithm::Sha256);
    assert_eq!(
        files,
        [
            ("etc/first.conf", sha256, true),
            ("usr/share/doc/first/readme", sha256, true),
            ("usr/share/first/data", sha256, false),
            ("usr/share/first/link", None, false),
            ("var/log/first.log", None, true),
        ]
    );
    assert_eq!(large.files.len(), 300);
    assert_eq!(first.properties["rpm:payloadsha256"].len(), 64);
}

#[test]
fn only_databases_in_a_folder_of_rpm_are_taken() {
    for (path, wanted) in [
        ("var/lib/rpm/rpmdb.sqlite", Some(Backend::Sqlite)),
        ("usr/share/rpm/rpmdb.sqlite-wal", Some(Backend::Log)),
        ("usr/lib/sysimage/rpm-ostree-base-db/Packages.db", Some(Backend::Ndb)),
        ("opt/root/var/lib/rpm/Packages", Some(Backend::Bdb)),
        ("var/lib/apt/lists/Packages", None),
        ("var/lib/rpm/Name", None),
    ] {
        assert_eq!(backend(path), wanted, "{path}");
    }
}

#[test]
fn what_is_no_database_is_a_gap() {
    for (path, bytes) in FILES {
        assert_eq!(read_bytes(&CATALOGER, path, b"").gaps.len(), 1, "{path}");
        assert_eq!(read_bytes(&CATALOGER, path, &bytes[1..]).gaps.len(), 1, "{path}");
        let half = read_bytes(&CATALOGER, path, &bytes[..bytes.len() * 2 / 3]);
        assert!(!half.gaps.is_empty(), "{path}");
    }
    let mut encrypted = BDB.to_vec();
    encrypted[24] = 1;
    assert_eq!(read_bytes(&CATALOGER, "var/lib/rpm/Packages", &encrypted).gaps, ["the database is encrypted"]);
}

#[test]
fn a_forged_blob_is_noticed() {
    let mut forged = NDB.to_vec();
    let at = forged.windows(14).position(|window| window == b"Example Makers").expect("the vendor");
    forged[at] ^= 1;
    let found = read_bytes(&CATALOGER, "var/lib/rpm/Packages.db", &forged);
    assert_eq!(found.packages.len(), 2);
    assert_eq!(found.gaps.len(), 1, "{:?}", found.gaps);
}

/// A header that holds strings under tags.
fn header(strings: &[(u32, &str)]) -> Vec<u8> {
    let number = |length: usize| u32::try_from(length).expect("a short header");
    let (mut index, mut data) = (Vec::new(), Vec::new());
    for (tag, text) in strings {
        for word in [*tag, 6, number(data.len()), 1] {
            index.extend(word.to_be_bytes());
        }
        data.extend(text.as_bytes());
        data.push(0);
    }
    let mut bytes = number(strings.len()).to_be_bytes().to_vec();
    bytes.extend(number(data.len()).to_be_bytes());
    bytes.extend(index);
    bytes.extend(data);
    bytes
}

#[test]
fn half_a_header_is_kept_with_a_gap() {
    let (mut room, mut gaps) = (Room::default(), Vec::new());
    let found = package::package(&header(&[(1000, "a")]), "package 7", &mut room, &mut gaps).expect("kept");
    assert_eq!((&*found.name, &*found.version), ("a", ""));
    assert_eq!(gaps, ["package 7: the header of `a` lacks its version or its release"]);
    assert!(package::package(&header(&[(1001, "1")]), "package 8", &mut room, &mut gaps).is_none());
    assert_eq!(gaps[1], "package 8: the header lacks its name");
    assert!(package::package(&header(&[(1000, "gpg-pubkey")]), "", &mut room, &mut gaps).is_none());
    let module = [(1000, "a"), (1001, "1"), (1002, "2"), (5096, "nodejs:18:8080:abc"), (1044, "(none)")];
    let found = package::package(&header(&module), "", &mut room, &mut gaps).expect("kept");
    assert_eq!(found.qualifiers["rpmmod"], "nodejs:18");
    assert!(!found.qualifiers.contains_key("upstream"));
    assert_eq!(gaps.len(), 2);
}

#[test]
fn conditions_make_a_need_optional() {
    let needed = |text: &str| {
        let bytes = header(&[(1000, "a"), (1001, "1"), (1002, "1"), (1049, text)]);
        let found = package::package(&bytes, "", &mut Room::default(), &mut Vec::new()).expect("kept");
        found.depends.into_iter().map(|needed| (needed.names.join("|"), needed.scope)).collect::<Vec<_>>()
    };
    assert_eq!(needed("(a or b >= 1)"), [("a|b".to_owned(), Scope::Runtime)]);
    assert_eq!(needed("(a if b)")[0].1, Scope::Optional);
    assert_eq!(needed("rpmlib(CompressedFileNames)"), []);
}

#[test]
fn lists_of_images_without_a_database_are_read() {
    let text = "bash\t5.1.8-1.cm2\t1\t2\tMicrosoft\t(none)\t3\tx86_64\t0\tbash-5.1.8-1.cm2.src.rpm\nx\n\t1\n";
    let found = read_text(&LISTS, MANIFEST, text);
    let names: Vec<_> = found.packages.iter().map(|package| (&*package.name, &*package.version)).collect();
    assert_eq!(names, [("bash", "5.1.8-1.cm2"), ("x", "")]);
    assert_eq!(found.packages[0].arch.as_deref(), Some("x86_64"));
    assert_eq!(found.packages[0].qualifiers.len(), 1);
    assert_eq!(found.gaps, ["line 2: record of `x` is cut off", "line 3: record lacks its name"]);
    let json = r#"{"Content":[{"Name":"bash","Publisher":"B","Version":"5","Release":"1","Epoch":"1","Architecture":"x86_64",
                  "Url":"u","Summary":"s","InstalledTime":"t","ApplicationType":"Unspecified"},{"Version":"1"}]}"#;
    let found = read_text(&LISTS, INVENTORY, json);
    assert_eq!(found.packages[0].version, "5-1");
    assert_eq!(found.packages[0].qualifiers["epoch"], "1");
    assert_eq!(found.gaps.len(), 1);
    assert_eq!(read_text(&LISTS, INVENTORY, "{").gaps.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn damaged_databases_never_panic(
        which in 0..FILES.len(),
        hits in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..40),
        length in any::<usize>(),
    ) {
        let (path, bytes) = FILES[which];
        let mut bytes = bytes.to_vec();
        for (at, byte) in hits {
            // Half of the damage goes where pages and tables begin.
            let at = if byte % 2 == 0 { at % bytes.len() } else { at % bytes.len() / 4096 * 4096 + usize::from(byte) };
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        if length % 4 == 0 {
            bytes.truncate(length % (bytes.len() + 1));
        }
        read_bytes(&CATALOGER, path, &bytes);
    }

    #[test]
    fn damaged_headers_never_panic(
        hits in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..30),
    ) {
        let mut bytes = header(&[(1000, "a"), (1001, "1"), (1002, "1"), (1117, "file"), (1118, "/folder/"), (1049, "(x or y)")]);
        for (at, byte) in hits {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        package::package(&bytes, "", &mut Room::default(), &mut Vec::new());
    }
}
