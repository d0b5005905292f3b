//! From facts to a bill of materials: pure, the same bytes for the same image in every run.

mod package;
mod subject;

use std::collections::{BTreeMap, BTreeSet};

use super::document::{
    Completeness, Component, ComponentKind, Document, Party, Phase, Property, Relation, RelationKind, Tool,
};
use super::identity::{document_id, format_time, utc_seconds};
use super::{carry, licence};
use crate::model::{Gap, GapKind, ImageFacts, Inspection, PackageFact, Presence as Found, Scope};

/// What a document is to hold and who answers for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether packages that a later layer removed are listed.
    pub removed: bool,
    /// Whether packages that only a lock file names are listed.
    pub declared: bool,
    /// Whether packages that only a bill of materials inside the image names are listed.
    pub claimed: bool,
    /// Who is responsible for the document.
    pub creator: Option<Party>,
    /// Seconds since 1970 at which it counts as made; the image's own time unless given.
    pub created: Option<i64>,
    /// Version of imgguard.
    pub tool_version: String,
}

/// The name under which imgguard writes itself into documents.
pub(super) const TOOL: &str = "imgguard";
/// Property of a document: what it lists beside installed packages.
pub(super) const LISTS: &str = "imgguard:lists";
/// Property of a document: platform of the image.
pub(super) const PLATFORM: &str = "imgguard:platform";

impl Options {
    /// What is listed, as a property.
    fn lists(&self) -> String {
        let mut words = vec!["installed"];
        words.extend(self.removed.then_some("removed"));
        words.extend(self.declared.then_some("declared"));
        words.extend(self.claimed.then_some("claimed"));
        words.join(" ")
    }

    /// The options that an existing document was made with, as far as it says so.
    #[must_use]
    pub fn of(document: &Document) -> Self {
        let lists = document.property(LISTS).unwrap_or_default();
        let has = |word: &str| lists.split(' ').any(|part| part == word);
        Self {
            removed: has("removed"),
            declared: has("declared"),
            claimed: has("claimed"),
            creator: document.creator.clone(),
            created: document.created.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second),
            tool_version: document.tool.as_ref().and_then(|tool| tool.version.clone()).unwrap_or_default(),
        }
    }

    fn wants(&self, fact: &PackageFact) -> bool {
        let listed = match fact.package.presence {
            Found::Installed => true,
            Found::Declared => self.declared,
            Found::Claimed => self.claimed,
        };
        listed && (self.removed || fact.removed.is_none())
    }

    fn identity(&self, digest: &str, platform: &str) -> String {
        let creator = self.creator.as_ref().map(|party| format!("{party:?}")).unwrap_or_default();
        document_id(&[digest, platform, &self.tool_version, &self.lists(), &creator])
    }
}

/// Why no document could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The facts were gathered without looking at packages.
    #[error("the facts of {0} say nothing of packages")]
    NoPackages(String),
}

/// Makes the document of one platform's image.
///
/// # Errors
/// When packages were not looked for.
pub fn build(image: &ImageFacts, options: &Options) -> Result<Document, BuildError> {
    let packages = image.packages.as_ref().ok_or_else(|| BuildError::NoPackages(image.platform.to_string()))?;
    let root = subject::image(image);
    let mut document = Document {
        id: options.identity(&image.subject.digest.to_string(), &image.platform.to_string()),
        name: format!("{} ({})", root.name, image.platform),
        created: created(image, options),
        tool: Some(Tool { name: TOOL.to_owned(), version: Some(options.tool_version.clone()) }),
        creator: options.creator.clone(),
        phase: Some(Phase::PostBuild),
        root: Some(root.id.clone()),
        properties: vec![Property::new(LISTS, options.lists()), Property::new(PLATFORM, image.platform.to_string())],
        unknowns: image.gaps.iter().filter(|gap| gap.kind != GapKind::SecretScan).map(sentence).collect(),
        ..Document::default()
    };
    let layers = subject::layers(image);
    for layer in &layers {
        document.relations.push(contains(&root.id, &layer.id));
    }
    if let Some(system) = subject::operating_system(image) {
        document.relations.push(contains(&root.id, &system.id));
        document.components.push(system);
    }
    let wanted: BTreeMap<&str, &PackageFact> =
        packages.list.iter().filter(|fact| options.wants(fact)).map(|fact| (fact.id.as_str(), fact)).collect();
    let tampered = package::tampered(packages);
    let secret = secret_layers(image);
    // In the order of the document, so that large components are not moved about later.
    let mut facts: Vec<&PackageFact> = wanted.values().copied().collect();
    facts.sort_by(|one, other| {
        (&one.purl, &one.package.name, &one.id).cmp(&(&other.purl, &other.package.name, &other.id))
    });
    document.components.reserve(facts.len() + layers.len() + 2);
    document.relations.reserve(facts.len() * 3);
    for fact in facts {
        let mut component =
            package::component(image, fact, tampered.get(fact.id.as_str()).map_or(&[], Vec::as_slice), &secret);
        take_texts(&mut document.licence_texts, &mut component, &fact.package.licences.texts);
        relate(&mut document.relations, fact, &wanted, &layers, &root.id);
        document.components.push(component);
    }
    document.components.extend(layers);
    document.components.push(root);
    document.sort();
    Ok(document)
}

/// Makes the document of the index around several images: one component per image, each naming its own document.
#[must_use]
pub fn build_index(inspection: &Inspection, options: &Options) -> Option<Document> {
    let first = inspection.images.first()?;
    let index = first.index.as_ref()?;
    let root = subject::index(first, index);
    let mut document = Document {
        id: options.identity(&index.digest.to_string(), "index"),
        name: format!("{} (index)", root.name),
        created: inspection.images.iter().map(|image| created(image, options)).max()?,
        tool: Some(Tool { name: TOOL.to_owned(), version: Some(options.tool_version.clone()) }),
        creator: options.creator.clone(),
        phase: Some(Phase::PostBuild),
        root: Some(root.id.clone()),
        unknowns: inspection.gaps.iter().map(sentence).collect(),
        properties: vec![Property::new(LISTS, options.lists()), Property::new(PLATFORM, "index")],
        ..Document::default()
    };
    for child in &index.children {
        let inspected = inspection.images.iter().find(|image| image.subject.digest == child.digest);
        let id = inspected.map(|_| options.identity(&child.digest.to_string(), &child.platform.to_string()));
        let component = subject::child(first, child, inspected, id);
        document.relations.push(contains(&root.id, &component.id));
        document.components.push(component);
    }
    document.components.push(root);
    document.sort();
    document.components.dedup_by(|left, right| left.id == right.id);
    Some(document)
}

fn created(image: &ImageFacts, options: &Options) -> String {
    let own = image.config.created.as_deref().and_then(utc_seconds);
    options.created.map(format_time).or(own).unwrap_or_else(|| format_time(0))
}

fn contains(from: &str, to: &str) -> Relation {
    Relation { from: from.to_owned(), kind: RelationKind::Contains, to: to.to_owned() }
}

/// A package belongs to the package that owns its record and to the layer that brought it.
fn relate(
    relations: &mut Vec<Relation>,
    fact: &PackageFact,
    wanted: &BTreeMap<&str, &PackageFact>,
    layers: &[Component],
    root: &str,
) {
    let layer = usize::try_from(fact.introduced).ok().and_then(|at| layers.get(at));
    relations.push(contains(layer.map_or(root, |layer| &layer.id), &fact.id));
    if let Some(owner) = fact.part_of.as_deref().filter(|owner| wanted.contains_key(owner)) {
        relations.push(contains(owner, &fact.id));
    }
    let needed = fact.depends_on.iter().filter(|to| **to != fact.id && wanted.contains_key(to.as_str()));
    relations.extend(needed.map(|to| Relation {
        from: fact.id.clone(),
        kind: RelationKind::DependsOn(Scope::Runtime),
        to: to.clone(),
    }));
}

/// Takes the texts behind a component's own licence identifiers. Two packages may mean different texts by one identifier:
/// the second is renamed.
fn take_texts(all: &mut BTreeMap<String, String>, component: &mut Component, texts: &BTreeMap<String, String>) {
    for (name, text) in texts {
        match all.get(name) {
            None => _ = all.insert(name.clone(), text.clone()),
            Some(known) if known == text => {}
            Some(_) => {
                let own = format!("{name}-{}", super::identity::short_hash(text));
                for expression in
                    [&mut component.declared_licence, &mut component.concluded_licence].into_iter().flatten()
                {
                    *expression = licence::replace(expression, name, &own);
                }
                all.insert(own, text.clone());
            }
        }
    }
}

/// A gap as a known unknown.
fn sentence(gap: &Gap) -> String {
    let mut text = String::new();
    if let Some(layer) = gap.layer {
        text.push_str(&format!("layer {layer}: "));
    }
    if let Some(path) = &gap.path {
        text.push_str(&format!("{path}: "));
    }
    text + &gap.detail
}

/// Whether gaps make a list of packages incomplete.
fn completeness<'a>(mut gaps: impl Iterator<Item = &'a Gap>) -> Completeness {
    if gaps.any(|gap| gap.kind.hides_files() || gap.kind == GapKind::Catalog) {
        Completeness::Incomplete
    } else {
        Completeness::Complete
    }
}

/// The last part of a repository's name.
fn last_part(repository: &str) -> &str {
    repository.trim_end_matches('/').rsplit('/').next().unwrap_or(repository)
}

/// Layers whose instruction holds a secret.
fn secret_layers(image: &ImageFacts) -> BTreeSet<u32> {
    let mut layers = BTreeSet::new();
    for place in image.secrets.iter().flat_map(|secret| &secret.places) {
        if let crate::model::Place::History { index } = place {
            let entry = usize::try_from(*index).ok().and_then(|at| image.config.history.get(at));
            layers.extend(entry.and_then(|entry| entry.layer));
            layers.extend(
                image.layers.iter().zip(0..).filter(|(layer, _)| layer.history == Some(*index)).map(|(_, at)| at),
            );
        }
    }
    layers
}

/// A property under imgguard's own prefix.
fn own(name: &str, value: impl Into<String>) -> Property {
    Property::new(format!("{}{name}", carry::PREFIX), value)
}

/// A kind for a component that is an image.
const IMAGE: ComponentKind = ComponentKind::Container;
