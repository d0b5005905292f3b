//! What the image itself says about the image it is built on. Proof by known bases is the rule's part: it has the list.

use crate::model::{BaseClaim, BaseGrade, Digest, ImageFacts, basename};

const NAME: &str = "org.opencontainers.image.base.name";
const DIGEST: &str = "org.opencontainers.image.base.digest";

/// Answers, best first.
pub(super) fn claims(image: &ImageFacts) -> Vec<BaseClaim> {
    let mut claims = Vec::new();
    claims.extend(scratch(image));
    claims.extend(named(image));
    claims.extend(guessed(image));
    claims.sort_by(|left, right| right.grade.cmp(&left.grade).then_with(|| left.reference.cmp(&right.reference)));
    claims.dedup_by(|left, right| left.reference == right.reference);
    claims
}

/// `scratch`: every layer was seen, and none of them, in sight or hidden, brings what every operating system base has.
fn scratch(image: &ImageFacts) -> Option<BaseClaim> {
    if image.layers.is_empty() || image.tree_gap().is_some() {
        return None;
    }
    let all = image
        .files
        .iter()
        .map(|file| &file.entry)
        .chain(image.hidden.iter().map(|hidden| &hidden.entry))
        .filter(|entry| !entry.is_directory());
    let mut system = all.filter(|entry| is_of_an_operating_system(&entry.path));
    system.next().is_none().then(|| BaseClaim {
        reference: "scratch".to_owned(),
        digest: None,
        grade: BaseGrade::Proved,
        layers: Some(0),
        by: "no layer holds an operating system: no os-release, shell, loader or package database".to_owned(),
    })
}

fn is_of_an_operating_system(path: &str) -> bool {
    const PATHS: &[&str] = &["etc/os-release", "usr/lib/os-release", "etc/alpine-release", "etc/debian_version"];
    const FOLDERS: &[&str] =
        &["var/lib/dpkg/", "lib/apk/", "usr/lib/apk/", "var/lib/rpm/", "usr/lib/sysimage/rpm/", "var/lib/pacman/"];
    if PATHS.contains(&path) || FOLDERS.iter().any(|folder| path.starts_with(folder)) {
        return true;
    }
    let name = basename(path);
    let in_bin = ["bin/", "usr/bin/", "sbin/", "usr/sbin/"].iter().any(|folder| path.starts_with(folder));
    let is_shell = in_bin && matches!(name, "sh" | "bash" | "dash" | "ash" | "busybox");
    let is_loader = name.starts_with("ld-linux") || name.starts_with("ld-musl-") || name == "libc.so.6";
    is_shell || is_loader
}

fn named(image: &ImageFacts) -> Option<BaseClaim> {
    let index = image.index.as_ref().map(|index| &index.annotations);
    let places = [
        (Some(&image.annotations), "manifest annotation"),
        (index, "index annotation"),
        (Some(&image.config.labels), "label"),
    ];
    places.into_iter().find_map(|(map, place)| {
        let map = map?;
        let name = map.get(NAME).filter(|name| !name.is_empty())?;
        Some(BaseClaim {
            reference: canonical(name),
            digest: map.get(DIGEST).and_then(|digest| digest.parse::<Digest>().ok()),
            grade: BaseGrade::Claimed,
            layers: None,
            by: format!("{place} `{NAME}`"),
        })
    })
}

/// Docker Hub's short names written out: `python:3.12` is `docker.io/library/python:3.12`.
fn canonical(name: &str) -> String {
    if name == "scratch" {
        return name.to_owned();
    }
    match name.split_once('/') {
        None => format!("docker.io/library/{name}"),
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => name.to_owned(),
        Some(_) => format!("docker.io/{name}"),
    }
}

/// From the environment variables that official images set, else from the operating system's own name.
fn guessed(image: &ImageFacts) -> Option<BaseClaim> {
    let system = image.os_release.get("ID").map(String::as_str);
    let runtime = [
        ("PYTHON_VERSION", "python"),
        ("NODE_VERSION", "node"),
        ("GOLANG_VERSION", "golang"),
        ("RUBY_VERSION", "ruby"),
        ("PHP_VERSION", "php"),
        ("RUST_VERSION", "rust"),
        ("JAVA_VERSION", "eclipse-temurin"),
        ("NGINX_VERSION", "nginx"),
        ("REDIS_VERSION", "redis"),
        ("PG_VERSION", "postgres"),
    ]
    .into_iter()
    .find_map(|(variable, name)| Some((variable, name, image.config.env_value(variable)?)));
    if let Some((variable, name, version)) = runtime {
        let version = version.split(['-', '+', '~']).next().unwrap_or_default();
        let plain = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
        let version = if plain { version } else { "unknown" };
        let flavour = if system == Some("alpine") { "-alpine" } else { "" };
        return Some(guess(
            format!("docker.io/library/{name}:{version}{flavour}"),
            &format!("environment variable `{variable}`"),
        ));
    }
    let version = image.os_release.get("VERSION_ID").map_or("unknown", String::as_str);
    match system {
        Some(
            id @ ("debian" | "ubuntu" | "alpine" | "fedora" | "amazonlinux" | "rockylinux" | "almalinux" | "archlinux"),
        ) => Some(guess(format!("docker.io/library/{id}:{version}"), "`os-release`")),
        Some("amzn") => Some(guess(format!("docker.io/library/amazonlinux:{version}"), "`os-release`")),
        Some("rocky") => Some(guess(format!("docker.io/library/rockylinux:{version}"), "`os-release`")),
        Some("rhel") => Some(guess(
            format!("registry.access.redhat.com/ubi{}", version.split('.').next().unwrap_or(version)),
            "`os-release`",
        )),
        Some("wolfi" | "chainguard") => Some(guess("cgr.dev/chainguard/wolfi-base:latest".to_owned(), "`os-release`")),
        _ => None,
    }
}

fn guess(reference: String, by: &str) -> BaseClaim {
    BaseClaim {
        reference,
        digest: None,
        grade: BaseGrade::Guessed,
        layers: None,
        by: format!("{by}, which anyone can write"),
    }
}
