//! Which fields that a yardstick requires are missing, in a document and in each of its components.

mod requirements;
mod show;

use super::{Component, Document, Read};

pub use show::{score_json, score_text};

/// Whether a field is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Present,
    Missing,
    /// The requirement is not about such a component.
    NotApplicable,
}

impl Answer {
    fn of(present: bool) -> Self {
        if present { Self::Present } else { Self::Missing }
    }
}

/// What a requirement looks at.
#[derive(Clone, Copy)]
enum Look {
    Document(fn(&Read) -> Answer),
    Component(fn(&Component, &Facts<'_>) -> Answer),
}

/// A required field.
#[derive(Clone, Copy)]
struct Requirement {
    id: &'static str,
    title: &'static str,
    look: Look,
}

/// What is worked out once per document.
struct Facts<'a> {
    document: &'a Document,
    /// Ids of components that stand in a relation.
    related: std::collections::BTreeSet<&'a str>,
}

/// A set of required fields.
pub struct Yardstick {
    /// What `--against` says.
    pub name: &'static str,
    /// Its title and date.
    pub title: &'static str,
    requirements: &'static [&'static Requirement],
}

/// All yardsticks.
pub const YARDSTICKS: &[Yardstick] = &[
    Yardstick {
        name: "ntia",
        title: "NTIA, The Minimum Elements For a Software Bill of Materials, 2021-07-12",
        requirements: requirements::NTIA,
    },
    Yardstick {
        name: "cisa2025",
        title: "CISA, 2025 Minimum Elements for a Software Bill of Materials, draft of 2025-08",
        requirements: requirements::CISA,
    },
    Yardstick { name: "bsi", title: "BSI TR-03183-2, version 2.1.0, 2025-08-20", requirements: requirements::BSI },
];

/// How often one field is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldScore {
    /// Stable id of the field.
    pub id: &'static str,
    /// What it is.
    pub title: &'static str,
    /// Whether it is a field of the document, not of its components.
    pub of_document: bool,
    /// How often it is there.
    pub present: usize,
    /// How often it is missing.
    pub missing: usize,
    /// How often it is not asked for.
    pub not_applicable: usize,
}

/// What one component lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// Id of the component.
    pub id: String,
    /// Name and version.
    pub name: String,
    /// Ids of missing fields.
    pub missing: Vec<&'static str>,
}

/// The answer of one yardstick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    /// Name of the yardstick.
    pub yardstick: &'static str,
    /// Title of the yardstick.
    pub title: &'static str,
    /// Every required field.
    pub fields: Vec<FieldScore>,
    /// Components that lack something, in the document's order.
    pub components: Vec<Lack>,
}

impl Score {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.fields.iter().all(|field| field.missing == 0)
    }

    /// Fields that are there, and fields that were asked for.
    #[must_use]
    pub fn totals(&self) -> (usize, usize) {
        let present = self.fields.iter().map(|field| field.present).sum();
        (present, present + self.fields.iter().map(|field| field.missing).sum::<usize>())
    }
}

/// Holds a document against a yardstick.
#[must_use]
pub fn score(read: &Read, yardstick: &Yardstick) -> Score {
    let document = &read.document;
    let related =
        document.relations.iter().flat_map(|relation| [relation.from.as_str(), relation.to.as_str()]).collect();
    let facts = Facts { document, related };
    let mut fields: Vec<FieldScore> = yardstick
        .requirements
        .iter()
        .map(|requirement| FieldScore {
            id: requirement.id,
            title: requirement.title,
            of_document: matches!(requirement.look, Look::Document(_)),
            present: 0,
            missing: 0,
            not_applicable: 0,
        })
        .collect();
    let mut count = |at: usize, answer: Answer| {
        if let Some(field) = fields.get_mut(at) {
            match answer {
                Answer::Present => field.present += 1,
                Answer::Missing => field.missing += 1,
                Answer::NotApplicable => field.not_applicable += 1,
            }
        }
    };
    let mut components = Vec::new();
    for (at, requirement) in yardstick.requirements.iter().enumerate() {
        if let Look::Document(look) = requirement.look {
            count(at, look(read));
        }
    }
    for component in &document.components {
        let mut missing = Vec::new();
        for (at, requirement) in yardstick.requirements.iter().enumerate() {
            if let Look::Component(look) = requirement.look {
                let answer = look(component, &facts);
                count(at, answer);
                missing.extend((answer == Answer::Missing).then_some(requirement.id));
            }
        }
        if !missing.is_empty() {
            let version = component.version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
            components.push(Lack { id: component.id.clone(), name: format!("{}{version}", component.name), missing });
        }
    }
    Score { yardstick: yardstick.name, title: yardstick.title, fields, components }
}
