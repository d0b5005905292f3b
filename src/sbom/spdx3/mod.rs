//! SPDX 3.0.1 as JSON-LD.

mod read;
mod types;
mod write;

use super::document::{ComponentKind, Document, Phase};
use super::{Read, ReadError, json};
use crate::model::Scope;

/// Writes the document.
pub(super) fn write_json(document: &Document) -> String {
    json::write(&write::graph(document))
}

/// Reads the document.
pub(super) fn read_json(value: &serde_json::Value) -> Result<Read, ReadError> {
    let (graph, mut unknown) = json::read::<types::Graph>(value)?;
    let version =
        graph.context.split("spdx.org/rdf/").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    if !matches!(version, "3.0.0" | "3.0.1") {
        return Err(ReadError::Version(super::text::cut(&graph.context, 80).escape_debug().to_string()));
    }
    let format = format!("SPDX {version}");
    let document = read::document(graph, &mut unknown)?;
    unknown.sort();
    unknown.dedup();
    Ok(Read { document, format, unknown })
}

const CONTEXT: &str = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld";
const CREATION: &str = "_:creationinfo";
/// Stands for the end of a list that is known to be empty.
const NONE_ELEMENT: &str = "https://spdx.org/rdf/3.0.1/terms/Core/NoneElement";
/// Stands for the end of a list of which nothing is known.
const NO_ASSERTION_ELEMENT: &str = "https://spdx.org/rdf/3.0.1/terms/Core/NoAssertionElement";

/// The name of a purpose, and whether the kind comes back from it.
fn purpose(kind: ComponentKind) -> (&'static str, bool) {
    match kind {
        ComponentKind::Container => ("container", true),
        ComponentKind::OperatingSystem => ("operatingSystem", true),
        ComponentKind::Layer => ("archive", false),
        ComponentKind::Library => ("library", true),
        ComponentKind::Application => ("application", true),
        ComponentKind::Framework => ("framework", true),
        ComponentKind::DeviceDriver => ("deviceDriver", true),
        ComponentKind::Firmware => ("firmware", true),
        ComponentKind::File => ("file", true),
        ComponentKind::Data => ("data", true),
        ComponentKind::Other => ("other", true),
    }
}

/// The type of a bill of materials, and whether the phase comes back from it.
fn sbom_type(phase: Phase) -> (&'static str, bool) {
    match phase {
        Phase::Design => ("design", true),
        Phase::PreBuild => ("source", true),
        Phase::Build => ("build", true),
        Phase::PostBuild => ("analyzed", true),
        Phase::Operations => ("runtime", true),
        Phase::Discovery => ("runtime", false),
        Phase::Decommission => ("deployed", false),
    }
}

/// The type and the scope of the relationship that tells a dependency.
fn dependency(scope: Scope) -> (&'static str, &'static str) {
    match scope {
        Scope::Runtime => ("dependsOn", "runtime"),
        Scope::Optional => ("hasOptionalDependency", "runtime"),
        Scope::Development => ("dependsOn", "development"),
        Scope::Build => ("dependsOn", "build"),
    }
}
