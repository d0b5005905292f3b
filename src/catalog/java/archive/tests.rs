use super::*;
use crate::catalog::zip::tests::archive;

fn read(path: &str, bytes: &[u8]) -> Findings {
    assert!(is_archive(path, bytes));
    parse(&Input { path, bytes, size: bytes.len() as u64 }).expect("findings")
}

/// `inside group:name@version`, one line each.
fn told(findings: &Findings) -> Vec<String> {
    findings
        .packages
        .iter()
        .map(|package| {
            let group = package.namespace.as_deref().unwrap_or("-");
            format!("{} {group}:{}@{}", package.inside, package.name, package.version).trim().to_owned()
        })
        .collect()
}

fn properties(group: &str, artifact: &str, version: &str) -> Vec<u8> {
    format!("groupId={group}\nartifactId={artifact}\nversion={version}\n").into_bytes()
}

fn library(artifact: &str, version: &str) -> Vec<u8> {
    let path = format!("META-INF/maven/org.x/{artifact}/pom.properties");
    archive(&[(&path, &properties("org.x", artifact, version), true), ("a/B.class", b"\xca\xfe\xba\xbe", false)])
}

#[test]
fn archives_in_archives_are_opened() {
    let inner = library("inner", "1.2");
    let middle =
        archive(&[("lib/inner-1.2.jar", &inner, true), ("META-INF/MANIFEST.MF", b"Implementation-Version: 3\n", true)]);
    let outer = archive(&[
        ("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\nStart-Class: a.B\n", false),
        ("BOOT-INF/lib/middle-3.jar", &middle, false),
        ("BOOT-INF/lib/inner-1.2.jar", &inner, false),
    ]);
    let findings = read("app/app.jar", &outer);
    assert_eq!(
        told(&findings),
        [
            "-:app@",
            "BOOT-INF/lib/middle-3.jar -:middle@3",
            "BOOT-INF/lib/middle-3.jar!/lib/inner-1.2.jar org.x:inner@1.2",
            "BOOT-INF/lib/inner-1.2.jar org.x:inner@1.2",
        ]
    );
    assert_eq!(findings.gaps, Vec::<String>::new());
    assert_eq!(findings.packages[3].hashes, hashes::of(&inner));
    assert_eq!(findings.packages[0].role, crate::model::Role::Application);
}

#[test]
fn shaded_projects_are_contained() {
    let own = properties("org.x", "big", "2");
    let other = properties("org.y", "small", "1");
    let bytes = archive(&[
        ("META-INF/maven/org.y/small/pom.properties", &other, true),
        ("META-INF/maven/org.x/big/pom.properties", &own, true),
        ("META-INF/maven/org.x/big/pom.xml", b"<project><version>${revision}</version><url>https://host.example</url><dependencies><dependency><groupId>org.y</groupId><artifactId>small</artifactId></dependency></dependencies></project>", true),
    ]);
    let findings = read("lib/big-2-all.jar", &bytes);
    assert_eq!(told(&findings), ["org.x:big@2", "META-INF/maven/org.y/small org.y:small@1"]);
    assert_eq!(findings.packages[0].qualifiers["classifier"], "all");
    assert_eq!(findings.packages[0].homepage.as_deref(), Some("https://host.example"));
    assert_eq!(findings.packages[0].depends[0].names, ["org.y:small"]);
    // Of a renamed archive with several descriptions none is its own.
    assert_eq!(
        told(&read("lib/app.jar", &bytes)),
        ["-:app@", "META-INF/maven/org.x/big org.x:big@2", "META-INF/maven/org.y/small org.y:small@1"]
    );
}

#[test]
fn a_renamed_archive_with_one_description_is_that_project() {
    assert_eq!(told(&read("app.jar", &library("service", "1"))), ["org.x:service@1"]);
    assert_eq!(
        told(&read("fat-3.jar", &library("service", "1"))),
        ["-:fat@3", "META-INF/maven/org.x/service org.x:service@1"]
    );
}

#[test]
fn manifest_and_name_identify_archives_without_a_description() {
    let manifest = b"Bundle-SymbolicName: org.apache.commons.lang3;singleton:=true\nBundle-Version: 3.12.0\nImplementation-Vendor: Org\nBundle-License: https://www.apache.org/licenses/LICENSE-2.0.txt\n";
    let findings = read("commons-lang3-3.12.0.jar", &archive(&[("meta-inf/manifest.mf", manifest, true)]));
    assert_eq!(told(&findings), ["org.apache.commons:commons-lang3@3.12.0"]);
    assert_eq!(findings.packages[0].supplier.as_deref(), Some("Org"));
    assert_eq!(findings.packages[0].method, Method::Manifest);
    let findings = read("thing-1.0.jar", &archive(&[("A.class", b"", false)]));
    assert_eq!((told(&findings)[0].as_str(), findings.packages[0].method), ("-:thing@1.0", Method::FileName));
}

#[test]
fn jenkins_plugins_name_themselves() {
    let manifest = b"Group-Id: io.jenkins.plugins\nShort-Name: git\nPlugin-Version: 5.2.0\nPlugin-License-Name: MIT License\nPlugin-Dependencies: scm-api:1,mailer:2;resolution:=optional\n";
    let findings = read("plugins/git.jpi", &archive(&[("META-INF/MANIFEST.MF", manifest, true)]));
    assert_eq!(told(&findings), ["io.jenkins.plugins:git@5.2.0"]);
    assert_eq!(findings.packages[0].qualifiers["type"], "jpi");
    assert_eq!(findings.packages[0].depends.len(), 2);
}

#[test]
fn instrumentation_is_not_what_it_instruments() {
    let manifest = b"Implementation-Title: org.agent.spring-4.0\nImplementation-Version: 1.0\nWeave-Classes: a.B\n";
    assert_eq!(
        told(&read("spring-4.0.jar", &archive(&[("META-INF/MANIFEST.MF", manifest, true)]))),
        ["-:org.agent.spring-4.0@1.0"]
    );
}

#[test]
fn what_cannot_be_opened_is_kept_by_its_name() {
    let findings = read("a/broken-1.0.jar", b"PK\x03\x04 cut off");
    assert_eq!(told(&findings), ["-:broken@1.0"]);
    assert_eq!(findings.gaps, ["the archive has no central directory"]);
    let outer = archive(&[("lib/inner-2.jar", b"PK\x03\x04", false)]);
    let findings = read("outer-1.jar", &outer);
    assert_eq!(told(&findings), ["-:outer@1", "lib/inner-2.jar -:inner@2"]);
    assert_eq!(findings.gaps, ["`lib/inner-2.jar`: the archive has no central directory"]);
}

#[test]
fn bombs_are_not_unpacked() {
    let mut bytes = library("inner", "1");
    for level in 0..20 {
        bytes = archive(&[(&format!("level-{level}.jar"), &bytes, true)]);
    }
    let findings = read("matrjoschka.jar", &bytes);
    assert_eq!(findings.packages.len(), 8);
    assert!(findings.gaps[0].contains("deeper than 8 archives"), "{:?}", findings.gaps);
    let bomb = archive(&[("zeros-1.jar", &vec![0; 60 << 20], true)]);
    let findings = read("bomb.jar", &bomb);
    assert_eq!(told(&findings), ["-:bomb@", "zeros-1.jar -:zeros@1"]);
    assert!(findings.gaps[0].contains("larger than the limit"), "{:?}", findings.gaps);
}

#[test]
fn a_description_without_a_version_is_a_gap() {
    let bytes = archive(&[
        ("META-INF/maven/g/a/pom.xml", b"<project><artifactId>a</artifactId></project>", true),
        ("META-INF/maven/g/b/pom.properties", b"", true),
    ]);
    let findings = read("x-1.jar", &bytes);
    assert_eq!(told(&findings), ["-:x@1", "META-INF/maven/g/a g:a@", "META-INF/maven/g/b g:b@"]);
    assert_eq!(
        findings.gaps,
        [
            "`META-INF/maven/g/b`: the project does not name itself",
            "`META-INF/maven/g/a`: the project has no version",
            "`META-INF/maven/g/b`: the project has no version",
        ]
    );
}

#[test]
fn a_bill_of_materials_inside_is_a_claim() {
    let sbom = br#"{"bomFormat":"CycloneDX","components":[{"name":"x","version":"1","purl":"pkg:maven/g/x@1"}]}"#;
    let findings = read("app.jar", &archive(&[("META-INF/sbom/application.cdx.json", sbom, true)]));
    assert_eq!(told(&findings), ["-:app@", "META-INF/sbom/application.cdx.json g:x@1"]);
    assert_eq!(findings.packages[1].presence, crate::model::Presence::Claimed);
}

#[test]
fn other_formats_with_the_same_extension_are_left_alone() {
    assert!(!is_archive("a.rar", b"Rar!\x1a\x07"));
    assert!(!is_archive("a.jar", b""));
    assert!(!is_archive("jar", b"PK"));
    assert!(!is_archive(".jar", b"PK"));
    assert!(is_archive("a.WAR", b"PK\x03\x04"));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(noise in proptest::collection::vec(proptest::num::u8::ANY, 0..100), flips in proptest::collection::vec((0usize..1000, proptest::num::u8::ANY), 0..10)) {
        let mut bytes = archive(&[("lib/inner-1.jar", &library("inner", "1"), true), ("META-INF/MANIFEST.MF", b"A: b\n c\n", false)]);
        for (at, value) in flips {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        bytes.splice(..0, noise);
        let _ = parse(&Input { path: "a-1.jar", bytes: &bytes, size: bytes.len() as u64 });
    }
}
