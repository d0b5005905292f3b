//! Facts of an image with packages of many kinds, for the tests of the formats.

use std::collections::BTreeMap;

use super::{Document, Options, Party, build};
use crate::model::{
    Checksum, ChecksumAlgorithm, Dependency, Gap, GapKind, ImageFacts, Method, Package, PackageFact, PackageKind,
    PackagePlace, Packages, Presence, Role, TamperedFile, Tampering,
};
use crate::report::sample;

/// A name that tries everything: quotes, markup, control and bidirectional characters, a formula, two lines.
pub(super) const NASTY: &str = "=ev\"il\u{1b}[31m\u{202e}\n</text>]]>&<b>\u{0}\u{85}\u{fffe} ü漢🎉##[x]";

fn place(path: &str, inside: &str, layer: u32, cataloger: &str, method: Method) -> PackagePlace {
    PackagePlace { path: path.to_owned(), inside: inside.to_owned(), layer, cataloger: cataloger.to_owned(), method }
}

fn fact(id: &str, purl: &str, package: Package, places: Vec<PackagePlace>) -> PackageFact {
    let introduced = places.iter().map(|place| place.layer).min().unwrap_or_default();
    PackageFact {
        id: id.to_owned(),
        purl: purl.to_owned(),
        package,
        places,
        introduced,
        changed: introduced,
        removed: None,
        depends_on: Vec::new(),
        unresolved: Vec::new(),
        part_of: None,
    }
}

fn deb() -> PackageFact {
    let mut package = Package::new(PackageKind::Deb, "libssl3", "3.0.11-1~deb12u2", Method::Database);
    package.namespace = Some("debian".to_owned());
    package.arch = Some("amd64".to_owned());
    package.supplier = Some("Debian OpenSSL Team <pkg-openssl-devel@alioth-lists.debian.net>".to_owned());
    package.description = Some("Secure Sockets Layer toolkit - shared libraries".to_owned());
    package.homepage = Some("https://www.openssl.org/".to_owned());
    package.licences.raw = vec!["Apache-2.0".to_owned(), "Artistic or GPL-1+".to_owned()];
    package.licences.declared = Some("Apache-2.0 AND (Artistic-1.0-Perl OR GPL-1.0-or-later)".to_owned());
    package.licences.concluded = Some("Apache-2.0".to_owned());
    package.properties = BTreeMap::from([("deb:section".to_owned(), "libs".to_owned())]);
    let purl = "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12&upstream=openssl";
    let mut fact =
        fact("libssl3-5f1c", purl, package, vec![place("var/lib/dpkg/status", "", 1, "dpkg", Method::Database)]);
    fact.depends_on = vec!["libc6-91aa".to_owned()];
    fact.changed = 3;
    fact
}

fn libc() -> PackageFact {
    let mut package = Package::new(PackageKind::Deb, "libc6", "2.36-9+deb12u4", Method::Database);
    package.supplier = Some("GNU Libc Maintainers <debian-glibc@lists.debian.org>".to_owned());
    package.cpes = vec!["cpe:2.3:a:gnu:glibc:2.36:*:*:*:*:*:*:*".to_owned(), "cpe:/a:gnu:glibc:2.36".to_owned()];
    package.licences.raw = vec!["LGPL-2.1+".to_owned()];
    package.licences.declared = Some("LGPL-2.1-or-later".to_owned());
    let purl = "pkg:deb/debian/libc6@2.36-9%2Bdeb12u4?arch=amd64&distro=debian-12&upstream=glibc";
    fact("libc6-91aa", purl, package, vec![place("var/lib/dpkg/status", "", 0, "dpkg", Method::Database)])
}

fn rpm() -> PackageFact {
    let mut package = Package::new(PackageKind::Rpm, "openssl-libs", "3.0.7-27.el9", Method::Database);
    package.qualifiers.insert("epoch".to_owned(), "1".to_owned());
    package.supplier = Some("Red Hat, Inc. (EMEA)".to_owned());
    package.licences.raw = vec!["ASL 2.0".to_owned()];
    package.licences.declared = Some("LicenseRef-ASL-2.0".to_owned());
    package
        .licences
        .texts
        .insert("LicenseRef-ASL-2.0".to_owned(), "ASL 2.0\nA text of\n  two lines & <more>".to_owned());
    let purl = "pkg:rpm/redhat/openssl-libs@3.0.7-27.el9?arch=x86_64&distro=rhel-9.4&epoch=1";
    let mut fact =
        fact("openssl-libs-77", purl, package, vec![place("var/lib/rpm/rpmdb.sqlite", "", 2, "rpm", Method::Database)]);
    fact.unresolved =
        vec![Dependency { names: vec!["libc.so.6".to_owned(), "musl".to_owned()], ..Dependency::default() }];
    fact
}

fn npm() -> PackageFact {
    let mut package = Package::new(PackageKind::Npm, "core", "17.1.0", Method::Manifest);
    package.namespace = Some("@angular".to_owned());
    package.author = Some("A. Uthor <author@example.org>".to_owned());
    package.download = Some("https://files.example.org/@angular/core/-/core-17.1.0.tgz".to_owned());
    package.vcs = Some("git+https://code.example.org/angular/angular.git".to_owned());
    package.licences.raw = vec!["MIT".to_owned()];
    package.licences.declared = Some("MIT".to_owned());
    package.licences.concluded = Some("MIT".to_owned());
    package.hashes = vec![Checksum { algorithm: ChecksumAlgorithm::Sha512, value: "ab".repeat(64) }];
    let path = "app/node_modules/@angular/core/package.json";
    fact("angular-core-3", "pkg:npm/%40angular/core@17.1.0", package, vec![place(path, "", 2, "npm", Method::Manifest)])
}

fn nested_jar() -> PackageFact {
    let mut package = Package::new(PackageKind::Maven, "slf4j-api", "2.0.9", Method::Manifest);
    package.namespace = Some("org.slf4j".to_owned());
    package.hashes = vec![
        Checksum { algorithm: ChecksumAlgorithm::Sha1, value: "7cf2726fdcfbc8610f9a71fb3ed639871f315340".to_owned() },
        Checksum { algorithm: ChecksumAlgorithm::Sha512, value: "0c".repeat(64) },
    ];
    // The same identifier as in the rpm, but another text.
    package.licences.declared = Some("LicenseRef-ASL-2.0 OR MIT".to_owned());
    package.licences.texts.insert("LicenseRef-ASL-2.0".to_owned(), "another text".to_owned());
    let places = vec![place("app/app.jar", "BOOT-INF/lib/slf4j-api-2.0.9.jar", 2, "java", Method::Manifest)];
    let mut fact = fact("slf4j-api-8", "pkg:maven/org.slf4j/slf4j-api@2.0.9", package, places);
    fact.part_of = Some("app-jar-9".to_owned());
    fact
}

fn outer_jar() -> PackageFact {
    let mut package = Package::new(PackageKind::Maven, "app", "1.0", Method::Manifest);
    package.role = Role::Application;
    let places = vec![place("app/app.jar", "", 2, "java", Method::Manifest)];
    let mut fact = fact("app-jar-9", "pkg:maven/app@1.0", package, places);
    // Contained and needed at once.
    fact.depends_on = vec!["slf4j-api-8".to_owned()];
    fact
}

fn without_version() -> PackageFact {
    let package = Package::new(PackageKind::Pypi, "no-version", "", Method::Manifest);
    fact("no-version-1", "pkg:pypi/no-version", package, vec![place("app/main.py", "", 2, "python", Method::Manifest)])
}

fn program() -> PackageFact {
    let mut package = Package::new(PackageKind::Generic, "nginx", "1.25.3", Method::Landmark);
    package.role = Role::Application;
    package.cpes = vec!["cpe:2.3:a:f5:nginx:1.25.3:*:*:*:*:*:*:*".to_owned()];
    package.hashes = vec![Checksum { algorithm: ChecksumAlgorithm::Sha256, value: "1d".repeat(32) }];
    fact(
        "nginx-4",
        "pkg:generic/nginx@1.25.3",
        package,
        vec![place("opt/agent/helper", "", 2, "binary", Method::Landmark)],
    )
}

fn removed() -> PackageFact {
    let package = Package::new(PackageKind::Apk, "gcc", "13.2.1_git20231014-r0", Method::Database);
    let mut fact = fact(
        "gcc-12",
        "pkg:apk/alpine/gcc@13.2.1_git20231014-r0?arch=x86_64",
        package,
        vec![place("lib/apk/db/installed", "", 1, "apk", Method::Database)],
    );
    fact.removed = Some(3);
    fact
}

fn other(presence: Presence, name: &str) -> PackageFact {
    let mut package = Package::new(PackageKind::Cargo, name, "0.8.5", Method::Claim);
    package.presence = presence;
    let places = vec![place("app/Cargo.lock", "", 2, "cargo-lock", Method::Claim)];
    fact(&format!("{name}-2"), &format!("pkg:cargo/{name}@0.8.5"), package, places)
}

fn hostile() -> PackageFact {
    let mut package = Package::new(PackageKind::Pypi, NASTY, "1.0\u{1b}\n", Method::Manifest);
    package.supplier = Some(NASTY.to_owned());
    package.author = Some(format!("(x) {NASTY} <not a mail>"));
    package.description = Some(format!("{NASTY}\r\n{NASTY}"));
    package.homepage = Some(NASTY.to_owned());
    package.download = Some("javascript alert(1)".to_owned());
    package.licences.raw = vec![NASTY.to_owned(), String::new(), "json:\"x\"".to_owned()];
    package.licences.declared = Some(NASTY.to_owned());
    package.licences.texts.insert("LicenseRef-odd".to_owned(), format!("{NASTY}\n\n{NASTY}"));
    package.properties = BTreeMap::from([
        ("imgguard:name".to_owned(), "another".to_owned()),
        ("bsi:component:filename".to_owned(), "x".to_owned()),
        (NASTY.to_owned(), NASTY.to_owned()),
    ]);
    fact("hostile-13", "pkg:pypi/hostile@1.0", package, vec![place(NASTY, NASTY, 2, "python", Method::Manifest)])
}

/// An image with all of them.
pub(super) fn image() -> ImageFacts {
    let mut image = sample::image("linux/amd64");
    image.os_release = [
        ("ID", "debian"),
        ("VERSION_ID", "12"),
        ("NAME", "Debian GNU/Linux"),
        ("PRETTY_NAME", "Debian GNU/Linux 12 (bookworm)"),
        ("HOME_URL", "https://www.debian.org/"),
        ("VERSION_CODENAME", "bookworm"),
        ("CPE_NAME", "cpe:/o:debian:debian_linux:12"),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect();
    image.config.created = Some("2026-01-02T03:04:05.678+01:00".to_owned());
    for (key, value) in
        [("vendor", "ACME Corp."), ("licenses", "Apache-2.0"), ("source", "https://code.example.org/acme/app")]
    {
        image.config.labels.insert(format!("org.opencontainers.image.{key}"), value.to_owned());
    }
    let mut list = vec![
        deb(),
        libc(),
        rpm(),
        npm(),
        nested_jar(),
        outer_jar(),
        without_version(),
        program(),
        removed(),
        other(Presence::Declared, "rand"),
        other(Presence::Claimed, "libc"),
        hostile(),
    ];
    list.sort_by(|left, right| left.purl.cmp(&right.purl));
    image.packages = Some(Packages {
        list,
        tampered: vec![TamperedFile {
            package: "libssl3-5f1c".to_owned(),
            path: "usr/lib/x86_64-linux-gnu/libssl.so.3".to_owned(),
            how: Tampering::Overwritten,
            layer: Some(3),
        }],
        ..Packages::default()
    });
    image.gaps.push(Gap {
        kind: GapKind::Catalog,
        layer: Some(1),
        path: Some("var/lib/dpkg/status".to_owned()),
        detail: "line 7: a record has no name".to_owned(),
    });
    image
}

/// Everything that can be listed, with an organisation that answers for it.
pub(super) fn options() -> Options {
    Options {
        removed: true,
        declared: true,
        claimed: true,
        creator: Some(Party {
            name: "ACME Corp.".to_owned(),
            email: Some("sbom@acme.example".to_owned()),
            url: None,
            person: false,
        }),
        created: None,
        tool_version: "0.1.0".to_owned(),
    }
}

/// The document of the image.
pub(super) fn document() -> Document {
    build(&image(), &options()).expect("packages were looked for")
}
