//! The image itself, its layers, its operating system, and the index around it.

use super::{IMAGE, completeness, last_part, own, secret_layers};
use crate::model::{Digest, ImageFacts, IndexChild, IndexFacts, Layer, Purl};
use crate::sbom::document::{Completeness, Component, ComponentKind, Deployable, Evidence, Hash, Party, Property};
use crate::sbom::identity::safe_id;
use crate::sbom::{licence, text};

/// Whether a repository is one of a registry; a path of the local machine has no place in a document.
fn is_registry(repository: &str) -> bool {
    let (host, rest) = repository.split_once('/').unwrap_or((repository, ""));
    !rest.is_empty() && !host.starts_with('.') && (host.contains(['.', ':']) || host == "localhost")
}

/// The repository, or the bare name of a local source.
fn name(image: &ImageFacts) -> String {
    let repository = &image.subject.repository;
    let name = if is_registry(repository) { repository } else { last_part(repository) };
    if name.is_empty() { "image".to_owned() } else { name.to_owned() }
}

fn purl(image: &ImageFacts, digest: &Digest, architecture: Option<&str>) -> String {
    let repository = &image.subject.repository;
    let mut purl = Purl {
        kind: "oci".to_owned(),
        // The specification of the type wants the name in lower case.
        name: last_part(&name(image)).to_lowercase(),
        version: Some(digest.to_string()),
        ..Purl::default()
    };
    if let Some(architecture) = architecture {
        purl.qualifiers.insert("arch".to_owned(), architecture.to_owned());
    }
    if is_registry(repository) {
        purl.qualifiers.insert("repository_url".to_owned(), repository.clone());
    }
    if let Some(tag) = &image.subject.tag {
        purl.qualifiers.insert("tag".to_owned(), tag.clone());
    }
    purl.to_string()
}

fn hash(digest: &Digest) -> Hash {
    let algorithm = if digest.hex().len() == 128 { "SHA-512" } else { "SHA-256" };
    Hash { algorithm: algorithm.to_owned(), value: digest.hex().to_owned() }
}

/// A label or annotation of the OCI image specification, annotation first.
fn label<'a>(image: &'a ImageFacts, key: &str) -> Option<&'a str> {
    let key = format!("org.opencontainers.image.{key}");
    let found = image.annotations.get(&key).or_else(|| image.config.labels.get(&key))?;
    Some(found.trim()).filter(|value| !value.is_empty())
}

/// The image as the component that the document is about.
pub(super) fn image(image: &ImageFacts) -> Component {
    let subject = &image.subject;
    let raw = label(image, "licenses");
    let url = label(image, "url").or_else(|| label(image, "documentation"));
    let author = label(image, "authors").map(str::to_owned).or_else(|| image.config.author.clone());
    let mut properties = vec![
        own("image:platform", image.platform.to_string()),
        own("image:manifest-digest", subject.digest.to_string()),
        own("image:config-digest", subject.config_digest.to_string()),
        own("image:media-type", subject.media_type.clone()),
    ];
    properties.extend(image.index.as_ref().map(|index| own("image:index-digest", index.digest.to_string())));
    properties.extend(label(image, "revision").map(|revision| own("image:revision", revision)));
    for base in &image.base {
        let digest = base.digest.as_ref().map(|digest| format!("@{digest}")).unwrap_or_default();
        properties.push(own(
            "image:base",
            format!(
                "{}{digest} ({})",
                base.reference,
                serde_json::to_value(base.grade).unwrap_or_default().as_str().unwrap_or_default()
            ),
        ));
    }
    Component {
        id: format!("image-{}", subject.digest.short()),
        kind: IMAGE,
        name: name(image),
        version: Some(subject.tag.clone().unwrap_or_else(|| subject.digest.to_string())),
        purl: Some(purl(image, &subject.digest, Some(&image.platform.architecture))),
        supplier: label(image, "vendor").and_then(party),
        author: author.as_deref().and_then(party).map(|party| Party { person: true, ..party }),
        description: label(image, "description").or_else(|| label(image, "title")).map(str::to_owned),
        raw_licences: raw.map(str::to_owned).into_iter().collect(),
        declared_licence: raw.filter(|raw| licence::is_expression(raw)).map(str::to_owned),
        hashes: vec![hash(&subject.digest)],
        homepage: url.map(str::to_owned),
        vcs: label(image, "source").map(str::to_owned),
        contents: Some(completeness(image.gaps.iter())),
        deployable: Some(Deployable {
            name: subject.digest.hex().to_owned(),
            executable: false,
            archive: true,
            structured: true,
        }),
        properties,
        ..Component::default()
    }
}

/// `Name <mail>`, a name, or a mail address.
pub(super) fn party(text: &str) -> Option<Party> {
    let text = text.trim();
    let (name, email) = match text.strip_suffix('>').and_then(|head| head.rsplit_once('<')) {
        Some((name, mail)) if text::is_mail(mail.trim()) => {
            (name.trim().trim_matches('"'), Some(mail.trim().to_owned()))
        }
        _ if text::is_mail(text) => (text, Some(text.to_owned())),
        _ => (text, None),
    };
    let name = if name.is_empty() { email.clone().unwrap_or_default() } else { name.to_owned() };
    (!name.is_empty()).then_some(Party { name, email, url: None, person: false })
}

/// The layers, bottom first.
pub(super) fn layers(image: &ImageFacts) -> Vec<Component> {
    let hidden = secret_layers(image);
    let own_from = image.base.first().and_then(|base| base.layers);
    image
        .layers
        .iter()
        .zip(0u32..)
        .map(|(layer, at)| one_layer(image, layer, at, hidden.contains(&at), own_from))
        .collect()
}

fn one_layer(image: &ImageFacts, layer: &Layer, at: u32, secret: bool, own_from: Option<u32>) -> Component {
    let mut properties = vec![
        own("layer:index", at.to_string()),
        own("layer:diff-id", layer.diff_id.to_string()),
        own("layer:size", layer.size.to_string()),
    ];
    properties.extend(layer.digest.as_ref().map(|digest| own("layer:digest", digest.to_string())));
    properties.extend(layer.unpacked_size.map(|size| own("layer:unpacked-size", size.to_string())));
    if !layer.media_type.is_empty() {
        properties.push(own("layer:media-type", layer.media_type.clone()));
    }
    if let Some(instruction) = instruction(layer, secret) {
        properties.push(own("layer:created-by", instruction));
    }
    properties.extend(own_from.map(|count| own("layer:origin", if at < count { "base" } else { "own" })));
    Component {
        id: layer_id(layer, at),
        kind: ComponentKind::Layer,
        name: format!("layer {at}"),
        version: Some(layer.diff_id.to_string()),
        description: instruction(layer, secret).map(|instruction| text::cut(&instruction, 300).to_owned()),
        // Layers of a base that is known to be one come from somebody else.
        supplier: label(image, "vendor").filter(|_| own_from.is_none_or(|count| at >= count)).and_then(party),
        hashes: layer.digest.iter().map(hash).collect(),
        contents: Some(completeness(image.gaps.iter().filter(|gap| gap.layer.is_none_or(|layer| layer == at)))),
        deployable: Some(Deployable {
            name: layer.digest.as_ref().unwrap_or(&layer.diff_id).hex().to_owned(),
            executable: false,
            archive: true,
            structured: true,
        }),
        properties,
        ..Component::default()
    }
}

/// The instruction that made a layer, unless a secret was found in it.
pub(super) fn instruction(layer: &Layer, secret: bool) -> Option<String> {
    if secret {
        return Some("(left out: it holds a secret)".to_owned());
    }
    layer.instruction.clone().filter(|instruction| !instruction.is_empty())
}

fn layer_id(layer: &Layer, at: u32) -> String {
    format!("layer-{at}-{}", layer.diff_id.short())
}

/// The operating system that `os-release` names.
pub(super) fn operating_system(image: &ImageFacts) -> Option<Component> {
    let value = |key: &str| image.os_release.get(key).map(String::as_str).filter(|value| !value.is_empty());
    let id = value("ID").or_else(|| value("NAME"))?;
    let version = value("VERSION_ID").or_else(|| value("BUILD_ID")).or_else(|| value("VERSION_CODENAME"));
    let purl = Purl {
        kind: "generic".to_owned(),
        name: id.to_owned(),
        version: version.map(str::to_owned),
        ..Purl::default()
    };
    let path = ["etc/os-release", "usr/lib/os-release"].into_iter().find_map(|path| image.resolve(path));
    let file = path.as_deref().and_then(|path| image.file(path));
    let mut properties: Vec<Property> = Vec::new();
    for key in ["VERSION_CODENAME", "VARIANT_ID", "ID_LIKE", "SUPPORT_END"] {
        properties.extend(value(key).map(|value| own(&format!("os:{}", key.to_lowercase().replace('_', "-")), value)));
    }
    Some(Component {
        id: safe_id(&format!("os-{id}-{}", version.unwrap_or("unknown"))),
        kind: ComponentKind::OperatingSystem,
        name: id.to_owned(),
        version: version.map(str::to_owned),
        purl: Some(purl.to_string()),
        cpes: value("CPE_NAME").map(str::to_owned).into_iter().collect(),
        supplier: value("VENDOR_NAME")
            .or_else(|| value("NAME"))
            .and_then(party)
            .map(|party| Party { url: value("VENDOR_URL").or_else(|| value("HOME_URL")).map(str::to_owned), ..party }),
        description: value("PRETTY_NAME").map(str::to_owned),
        homepage: value("HOME_URL").map(str::to_owned),
        contents: Some(Completeness::Unknown),
        evidence: file
            .map(|file| Evidence {
                path: file.entry.path.to_string(),
                layer: Some(file.changed),
                diff_id: diff_id(image, file.changed),
                found_by: "os-release".to_owned(),
                method: Some(crate::model::Method::Manifest),
                ..Evidence::default()
            })
            .into_iter()
            .collect(),
        properties,
        ..Component::default()
    })
}

/// The digest of a layer's uncompressed archive.
pub(super) fn diff_id(image: &ImageFacts, layer: u32) -> Option<String> {
    image.layers.get(usize::try_from(layer).ok()?).map(|layer| layer.diff_id.to_string())
}

/// The index as the component that its document is about.
pub(super) fn index(first: &ImageFacts, index: &IndexFacts) -> Component {
    Component {
        id: format!("index-{}", index.digest.short()),
        kind: IMAGE,
        name: name(first),
        version: Some(first.subject.tag.clone().unwrap_or_else(|| index.digest.to_string())),
        purl: Some(purl(first, &index.digest, None)),
        supplier: label(first, "vendor").and_then(party),
        hashes: vec![hash(&index.digest)],
        contents: Some(Completeness::Complete),
        deployable: Some(Deployable {
            name: index.digest.hex().to_owned(),
            executable: false,
            archive: true,
            structured: true,
        }),
        properties: vec![
            own("image:index-digest", index.digest.to_string()),
            own("image:media-type", index.media_type.clone()),
        ],
        ..Component::default()
    }
}

/// An image of the index: fully known when it was inspected, else by its descriptor.
pub(super) fn child(
    first: &ImageFacts,
    child: &IndexChild,
    inspected: Option<&ImageFacts>,
    document: Option<String>,
) -> Component {
    let mut component = match inspected {
        Some(facts) => image(facts),
        None => Component {
            id: format!("image-{}", child.digest.short()),
            kind: IMAGE,
            name: name(first),
            version: Some(child.digest.to_string()),
            purl: Some(purl(first, &child.digest, Some(&child.platform.architecture))),
            hashes: vec![hash(&child.digest)],
            contents: Some(Completeness::Unknown),
            properties: vec![own("image:platform", child.platform.to_string())],
            ..Component::default()
        },
    };
    component.properties.extend(document.map(|id| own("image:document", id)));
    component
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_organisations_are_read_with_their_addresses() {
        let of = |text: &str| party(text).map(|party| (party.name, party.email));
        assert_eq!(of("A B <a@b.c>"), Some(("A B".to_owned(), Some("a@b.c".to_owned()))));
        assert_eq!(of(" a@b.c "), Some(("a@b.c".to_owned(), Some("a@b.c".to_owned()))));
        assert_eq!(of("A <none>"), Some(("A <none>".to_owned(), None)));
        assert_eq!(of("<a@b.c>"), Some(("a@b.c".to_owned(), Some("a@b.c".to_owned()))));
        assert_eq!(of("  "), None);
    }

    #[test]
    fn paths_of_the_local_machine_are_no_repositories() {
        assert!(
            is_registry("registry.example/acme/app") && is_registry("localhost/app") && is_registry("host:5000/app")
        );
        assert!(
            !is_registry("/srv/images/app")
                && !is_registry("./app")
                && !is_registry("images/app")
                && !is_registry("app.tar")
        );
    }
}
