//! What the image itself says about the image it is built on. Proof by recorded bases is [`super::prove_base`]'s part.

use crate::model::{BaseClaim, BaseGrade, Digest, ImageFacts, basename};

const NAME: &str = "org.opencontainers.image.base.name";
const DIGEST: &str = "org.opencontainers.image.base.digest";

/// Answers, best first.
pub(super) fn claims(image: &ImageFacts) -> Vec<BaseClaim> {
    let mut claims = Vec::new();
    claims.extend(scratch(image));
    claims.extend(named(image));
    claims.extend(image.build.as_ref().and_then(super::provenance::claim));
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
    // Asked of every file of an image: almost all are told apart by their first folder.
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    match first {
        "etc" => matches!(rest, "os-release" | "alpine-release" | "debian_version"),
        "bin" | "sbin" => is_shell(rest),
        "lib" | "lib32" | "lib64" => rest.starts_with("apk/") || is_loader(basename(rest)),
        "usr" => match rest.split_once('/') {
            Some(("bin" | "sbin", name)) => is_shell(name),
            Some(("lib" | "lib32" | "lib64", rest)) => {
                rest == "os-release"
                    || rest.starts_with("apk/")
                    || rest.starts_with("sysimage/rpm/")
                    || is_loader(basename(rest))
            }
            _ => false,
        },
        "var" => ["lib/dpkg/", "lib/rpm/", "lib/pacman/"].iter().any(|folder| rest.starts_with(folder)),
        _ => false,
    }
}

fn is_shell(name: &str) -> bool {
    matches!(name, "sh" | "bash" | "dash" | "ash" | "busybox")
}

fn is_loader(name: &str) -> bool {
    name.starts_with("ld-linux") || name.starts_with("ld-musl-") || name == "libc.so.6"
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
pub(super) fn canonical(name: &str) -> String {
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
