//! Packages over several layers, from images as text.

use crate::model::{PackageFact, Packages, Tampering};
use crate::testkit::image::image;

fn packages(text: &str) -> Packages {
    image(text).packages.expect("asked for")
}

fn one<'a>(packages: &'a Packages, name: &str) -> &'a PackageFact {
    let mut found = packages.list.iter().filter(|fact| fact.package.name == name);
    let first = found.next().unwrap_or_else(|| panic!("no {name}"));
    assert!(found.next().is_none(), "{name} twice");
    first
}

const STATUS: &str = "var/lib/dpkg/status";

#[test]
fn a_package_is_introduced_by_the_layer_since_which_it_is_there_without_interruption() {
    let found = packages(
        "layer FROM\npackage pkg:deb/libc6@2?arch=amd64 in var/lib/dpkg/status\n\
         package pkg:deb/curl@1?arch=amd64 in var/lib/dpkg/status\n\
         layer RUN remove curl\npackage pkg:deb/libc6@2?arch=amd64 in var/lib/dpkg/status\n\
         layer RUN install curl again, jq\npackage pkg:deb/libc6@2?arch=amd64 in var/lib/dpkg/status\n\
         package pkg:deb/curl@1?arch=amd64 in var/lib/dpkg/status\npackage pkg:deb/jq@1 in var/lib/dpkg/status",
    );
    let told: Vec<_> =
        ["libc6", "curl", "jq"].map(|name| (name, one(&found, name).introduced, one(&found, name).removed)).into();
    assert_eq!(told, [("libc6", 0, None), ("curl", 2, None), ("jq", 2, None)]);
}

#[test]
fn an_upgrade_leaves_the_old_version_as_one_that_was_removed() {
    let found = packages(
        "layer a\npackage pkg:deb/x@1:1.0-1 in var/lib/dpkg/status\nlayer b\npackage pkg:deb/x@1:1.1-1 in var/lib/dpkg/status",
    );
    let told: Vec<_> =
        found.list.iter().map(|fact| (fact.package.version.as_str(), fact.introduced, fact.removed)).collect();
    assert_eq!(told, [("1:1.0-1", 0, Some(1)), ("1:1.1-1", 1, None)]);
    assert_eq!(found.installed().count(), 1);
}

#[test]
fn the_same_version_for_two_architectures_is_two_packages() {
    let found = packages(
        "package pkg:deb/x@1?arch=amd64 in var/lib/dpkg/status\npackage pkg:deb/x@1?arch=i386 in var/lib/dpkg/status",
    );
    assert_eq!(found.list.len(), 2);
    assert_ne!(found.list[0].id, found.list[1].id);
}

#[test]
fn a_file_package_goes_with_its_file() {
    let found = packages(
        "layer a\npackage pkg:pypi/flask@3.0 in site/flask-3.0.dist-info/METADATA\n\
         package pkg:pypi/jinja2@3.1 in site/jinja2-3.1.dist-info/METADATA\n\
         layer RUN rm\n0644 0:0 site/.wh.flask-3.0.dist-info\nlayer c\n0644 0:0 x",
    );
    assert_eq!(one(&found, "flask").removed, Some(1));
    assert_eq!(one(&found, "jinja2").removed, None);
}

#[test]
fn one_package_at_two_places_is_one_with_two_places() {
    let found = packages(
        "package pkg:npm/a@1 in x/node_modules/a/package.json\npackage pkg:npm/a@1 in y/node_modules/a/package.json",
    );
    let paths: Vec<_> = one(&found, "a").places.iter().map(|place| place.path.as_str()).collect();
    assert_eq!(paths, ["x/node_modules/a/package.json", "y/node_modules/a/package.json"]);
}

#[test]
fn a_deleted_database_hides_no_package_whose_files_stay() {
    let found = packages(
        "layer a\n0755 0:0 usr/bin/curl\n0755 0:0 usr/bin/jq\n\
         package pkg:deb/curl@1 in var/lib/dpkg/status owns usr/bin/curl\n\
         package pkg:deb/jq@1 in var/lib/dpkg/status owns usr/bin/jq\n\
         layer RUN rm -rf /var/lib/dpkg /usr/bin/jq\n0644 0:0 var/lib/.wh.dpkg\n0644 0:0 usr/bin/.wh.jq",
    );
    assert_eq!(one(&found, "curl").removed, None);
    assert_eq!(one(&found, "jq").removed, Some(1));
    let told: Vec<_> = found.removed_databases.iter().map(|one| (one.path.as_str(), one.by, one.packages)).collect();
    assert_eq!(told, [(STATUS, 1, 1)]);
}

#[test]
fn files_that_are_not_as_installed_are_told_with_the_layer_that_did_it() {
    let found = packages(
        "layer a\n0755 0:0 usr/bin/one \"1\"\n0755 0:0 usr/bin/two \"2\"\n0755 0:0 usr/bin/three \"3\"\n0644 0:0 usr/share/doc/x/y\n\
         package pkg:deb/x@1 in var/lib/dpkg/status owns usr/bin/one usr/bin/two usr/bin/three usr/share/doc/x/y bin/one\n\
         layer RUN tamper\n0755 0:0 usr/bin/one \"other\"\n0644 0:0 usr/bin/.wh.two\n0700 0:0 usr/bin/three \"3\"\n\
         0644 0:0 usr/share/doc/x/.wh.y\nlayer b\n0644 0:0 z",
    );
    let told: Vec<_> = found.tampered.iter().map(|one| (one.path.as_str(), one.how, one.layer)).collect();
    assert_eq!(
        told,
        [
            ("bin/one", Tampering::Missing, None),
            ("usr/bin/one", Tampering::Overwritten, Some(1)),
            ("usr/bin/two", Tampering::Missing, Some(1)),
        ]
    );
}

#[test]
fn an_upgrade_is_no_tampering() {
    let found = packages(
        "layer a\n0755 0:0 usr/bin/one \"1\"\npackage pkg:deb/x@1 in var/lib/dpkg/status owns usr/bin/one\n\
         layer b\n0755 0:0 usr/bin/one \"2\"\npackage pkg:deb/x@2 in var/lib/dpkg/status owns usr/bin/one",
    );
    assert!(found.tampered.is_empty(), "{:?}", found.tampered);
    assert!(found.unowned.is_empty(), "{:?}", found.unowned);
}

#[test]
fn programs_in_system_folders_that_nobody_owns_are_listed() {
    let found = packages(
        "usr/bin -> ../bin\n0755 0:0 bin/owned\n0755 0:0 bin/stray\n0644 0:0 bin/text\n0644 0:0 lib/libstray.so.1\n\
         0755 0:0 usr/local/bin/mine\npackage pkg:deb/x@1 in var/lib/dpkg/status owns usr/bin/owned",
    );
    assert_eq!(found.unowned, ["bin/stray", "lib/libstray.so.1"]);
    assert!(packages("0755 0:0 bin/stray").unowned.is_empty(), "nobody owns anything here");
}

#[test]
fn dependencies_lead_to_packages_of_the_same_family() {
    let found = packages(
        "package pkg:npm/app@1 in app/package.json needs a\npackage pkg:npm/a@1 in app/node_modules/a/package.json needs b\n\
         package pkg:npm/b@1 in app/node_modules/b/package.json\n\
         package pkg:npm/b@2 in app/node_modules/a/node_modules/b/package.json needs gone\n\
         package pkg:pypi/b@9 in site/b-9.dist-info/METADATA",
    );
    let versions = |name: &str| -> Vec<String> {
        one(&found, name).depends_on.iter().map(|id| found.find(id).expect("known").purl.clone()).collect()
    };
    assert_eq!(versions("app"), ["pkg:npm/a@1"]);
    assert_eq!(versions("a"), ["pkg:npm/b@2"], "the nearest node_modules");
    let inner = found.list.iter().find(|fact| fact.purl == "pkg:npm/b@2").expect("there");
    assert_eq!(inner.unresolved[0].names, ["gone"]);
}

#[test]
fn what_a_package_installed_is_part_of_it() {
    let found = packages(
        "package pkg:deb/python3-six@1 in var/lib/dpkg/status owns usr/lib/python3/dist-packages/six-1.egg-info\n\
         package pkg:pypi/six@1 in usr/lib/python3/dist-packages/six-1.egg-info\n\
         package pkg:maven/g/outer@1 in app.jar\npackage pkg:maven/g/inner@1 in app.jar inside lib/inner.jar",
    );
    let owner =
        |name: &str| found.find(one(&found, name).part_of.as_deref().expect("part of")).expect("known").purl.clone();
    assert_eq!(owner("six"), "pkg:deb/debian/python3-six@1");
    assert_eq!(owner("inner"), "pkg:maven/g/outer@1");
}

#[test]
fn what_the_owner_explains_is_told_once() {
    let found = packages(
        "0755 0:0 usr/bin/openssl\npackage pkg:deb/openssl@3.0.11-1~deb12u2 in var/lib/dpkg/status owns usr/bin/openssl usr/bin/app\n\
         package pkg:generic/openssl@3.0.11 in usr/bin/openssl landmark\npackage pkg:generic/openssl@1.1.1w in usr/bin/app landmark\n\
         package pkg:generic/openssl@3.0.11 in opt/openssl landmark",
    );
    let told: Vec<_> = found.list.iter().map(|fact| (fact.purl.as_str(), fact.places.len())).collect();
    assert_eq!(
        told,
        [
            ("pkg:deb/debian/openssl@3.0.11-1~deb12u2", 1),
            ("pkg:generic/openssl@1.1.1w", 1),
            ("pkg:generic/openssl@3.0.11", 1)
        ],
        "a copy that nobody explains stays in the list"
    );
}

#[test]
fn claims_that_nothing_confirms_are_told() {
    let found = packages(
        "package pkg:pypi/real@1 in site/real-1.dist-info/METADATA\npackage pkg:pypi/real@1 in opt/a.spdx.json claimed\n\
         package pkg:pypi/ghost@1 in opt/a.spdx.json claimed\npackage pkg:pypi/later@1 in app/poetry.lock declared",
    );
    let paths: Vec<_> = found.unconfirmed.iter().map(|(_, path)| path.as_str()).collect();
    assert_eq!(paths, ["opt/a.spdx.json"]);
    assert_eq!(found.installed().count(), 1);
}
