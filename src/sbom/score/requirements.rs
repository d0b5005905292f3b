//! The required fields of each yardstick.

use super::{Answer, Facts, Look, Requirement};
use crate::sbom::document::{Component, Party};
use crate::sbom::identity::utc_seconds;
use crate::sbom::{Read, licence, text};

const fn document(id: &'static str, title: &'static str, look: fn(&Read) -> Answer) -> Requirement {
    Requirement { id, title, look: Look::Document(look) }
}

const fn component(id: &'static str, title: &'static str, look: fn(&Component, &Facts<'_>) -> Answer) -> Requirement {
    Requirement { id, title, look: Look::Component(look) }
}

const AUTHOR: Requirement = document("author", "author of the document", |read| {
    Answer::of(read.document.creator.is_some() || read.document.tool.is_some())
});
const TIMESTAMP: Requirement =
    document("timestamp", "time of the document", |read| Answer::of(utc_seconds(&read.document.created).is_some()));
const TOOL: Requirement = document("tool", "name of the tool that made the document", |read| {
    Answer::of(read.document.tool.as_ref().is_some_and(|tool| !tool.name.is_empty()))
});
const CONTEXT: Requirement = document("generation-context", "before, during or after the build", |read| {
    Answer::of(read.document.phase.is_some())
});
const FORMAT: Requirement = document("format", "CycloneDX 1.6, SPDX 3.0.1, or later", |read| {
    let version = read.format.rsplit(' ').next().unwrap_or_default();
    let numbers: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
    let least: &[u32] = if read.format.starts_with("CycloneDX") { &[1, 6] } else { &[3, 0, 1] };
    Answer::of(numbers.as_slice() >= least)
});
const CREATOR: Requirement = document("creator", "mail address, else page, of the document's creator", |read| {
    Answer::of(read.document.creator.as_ref().is_some_and(is_reachable))
});
const URI: Requirement =
    document("uri", "identifier of the document", |read| Answer::of(text::is_iri(&read.document.id)));
const PRIMARY: Requirement = document("primary-component", "the component that the document is about", |read| {
    Answer::of(read.document.root_component().is_some())
});

const SUPPLIER: Requirement = component("supplier", "supplier", |component, _| {
    Answer::of(component.supplier.is_some() || component.author.is_some())
});
const NAME: Requirement = component("name", "name", |component, _| Answer::of(!component.name.trim().is_empty()));
const VERSION: Requirement = component("version", "version", |component, _| {
    Answer::of(component.version.as_deref().is_some_and(|version| !version.trim().is_empty()))
});
const IDENTIFIER: Requirement = component("identifier", "package URL or CPE", |component, _| {
    // A layer is named by its digest.
    let layer = component.kind == crate::sbom::ComponentKind::Layer && component.version.is_some();
    Answer::of(component.purl.is_some() || !component.cpes.is_empty() || layer)
});
const RELATION: Requirement = component("dependencies", "relation to other components", |component, facts| {
    let alone = facts.document.components.len() == 1;
    Answer::of(alone || facts.related.contains(component.id.as_str()) || component.dependencies.is_some())
});
const HASH: Requirement = component("hash", "checksum", |component, _| {
    Answer::of(component.hashes.iter().any(|hash| !hash.value.is_empty()))
});
const LICENCE: Requirement = component("licence", "licence", |component, _| {
    Answer::of(component.declared_licence.is_some() || component.concluded_licence.is_some())
});

const COMPONENT_CREATOR: Requirement =
    component("component-creator", "mail address, else page, of the component's creator", |component, _| {
        let parties = [component.author.as_ref(), component.supplier.as_ref()];
        Answer::of(parties.into_iter().flatten().any(is_reachable))
    });
const COMPLETENESS: Requirement =
    component("completeness", "whether the list of dependencies or contents is complete", |component, _| {
        Answer::of(component.dependencies.is_some() || component.contents.is_some())
    });
const DISTRIBUTION_LICENCE: Requirement =
    component("distribution-licence", "licence of the distribution, as an SPDX expression", |component, _| {
        let said = component.concluded_licence.as_deref().or(component.declared_licence.as_deref());
        Answer::of(said.is_some_and(licence::is_expression))
    });
const FILE_NAME: Requirement = component("file-name", "name of the deployable file", |component, _| {
    of_file(component, |file| !file.name.is_empty())
});
const SHA512: Requirement =
    component("sha512", "SHA-512 of the deployable file", |component, _| match &component.deployable {
        Some(_) => Answer::of(component.hashes.iter().any(|hash| hash.algorithm == "SHA-512")),
        None => Answer::NotApplicable,
    });
const KINDS: Requirement =
    component("file-properties", "whether the file is executable, an archive, structured", |component, _| {
        of_file(component, |_| true)
    });

/// Requirements that are about files only: an installed package is a logical component (BSI TR-03183-2, section 3.2.4).
fn of_file(component: &Component, holds: fn(&crate::sbom::Deployable) -> bool) -> Answer {
    component.deployable.as_ref().map_or(Answer::NotApplicable, |file| Answer::of(holds(file)))
}

fn is_reachable(party: &Party) -> bool {
    party.email.as_deref().is_some_and(text::is_mail) || party.url.as_deref().is_some_and(text::is_iri)
}

pub(super) const NTIA: &[&Requirement] = &[&AUTHOR, &TIMESTAMP, &SUPPLIER, &NAME, &VERSION, &IDENTIFIER, &RELATION];

pub(super) const CISA: &[&Requirement] =
    &[&AUTHOR, &TIMESTAMP, &TOOL, &CONTEXT, &SUPPLIER, &NAME, &VERSION, &IDENTIFIER, &HASH, &LICENCE, &RELATION];

pub(super) const BSI: &[&Requirement] = &[
    &FORMAT,
    &CREATOR,
    &TIMESTAMP,
    &URI,
    &PRIMARY,
    &COMPONENT_CREATOR,
    &NAME,
    &VERSION,
    &FILE_NAME,
    &RELATION,
    &COMPLETENESS,
    &DISTRIBUTION_LICENCE,
    &SHA512,
    &KINDS,
    &IDENTIFIER,
];
