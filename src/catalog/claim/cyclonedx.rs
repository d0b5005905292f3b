//! `CycloneDX` 1.x, JSON and XML.

use serde_json::Value;

use crate::catalog::field::{self, Several};
use crate::catalog::xml::Element;
use crate::catalog::{Dialect, json};
use crate::model::{Package, Role};

use super::{PACKAGES, claimed, said};

fn role(kind: Option<&str>) -> Role {
    match kind {
        Some("application") => Role::Application,
        Some("framework" | "platform") => Role::Framework,
        Some("operating-system") => Role::OperatingSystem,
        Some("device-driver") => Role::DeviceDriver,
        _ => Role::Library,
    }
}

/// JSON. Components in components come behind the one they are in.
pub(super) fn of_json(root: &Value, packages: &mut Vec<Package>) {
    let mut open: Vec<&Value> = json::elements(root.get("components"));
    open.reverse();
    while let Some(component) = open.pop() {
        if packages.len() > PACKAGES {
            return;
        }
        open.extend(json::elements(component.get("components")).into_iter().rev());
        packages.extend(of_component(component));
    }
}

fn of_component(component: &Value) -> Option<Package> {
    let get = |key: &str| said(json::raw(component, key));
    // Files are no packages.
    if matches!(json::raw(component, "type"), Some("file" | "data" | "cryptographic-asset"))
        && component.get("purl").is_none()
    {
        return None;
    }
    let mut package = claimed(&get("name")?, get("version").as_deref(), json::raw(component, "purl"))?;
    if package.namespace.is_none() && component.get("purl").is_none() {
        package.namespace = get("group");
    }
    package.role = role(json::raw(component, "type"));
    package.cpes.extend(get("cpe"));
    package.supplier = component
        .get("supplier")
        .or_else(|| component.get("manufacturer"))
        .and_then(|it| said(json::raw(it, "name")))
        .or_else(|| get("publisher"));
    package.author = get("author")
        .or_else(|| json::elements(component.get("authors")).first().and_then(|it| said(json::raw(it, "name"))));
    package.description = get("description").as_deref().and_then(field::summary);
    let names: Vec<&str> = json::elements(component.get("licenses"))
        .into_iter()
        .filter_map(|it| {
            json::raw(it, "expression")
                .or_else(|| it.get("license").and_then(|it| json::raw(it, "id").or_else(|| json::raw(it, "name"))))
        })
        .collect();
    package.licences = field::licence_list(Dialect::Spdx, names, Several::Unsaid);
    package.hashes = json::elements(component.get("hashes"))
        .into_iter()
        .filter_map(|it| field::hex_checksum(field::algorithm(json::raw(it, "alg")?)?, json::raw(it, "content")?))
        .take(16)
        .collect();
    crate::catalog::hashes::tidy(&mut package.hashes);
    for it in json::elements(component.get("externalReferences")) {
        let place = match json::raw(it, "type") {
            Some("website") => &mut package.homepage,
            Some("vcs") => &mut package.vcs,
            Some("distribution") => &mut package.download,
            _ => continue,
        };
        if place.is_none() {
            *place = json::raw(it, "url").and_then(field::url);
        }
    }
    Some(package)
}

/// XML.
pub(super) fn of_xml(root: &Element, packages: &mut Vec<Package>) {
    let mut open: Vec<&Element> = root.list("components", "component").collect();
    open.reverse();
    while let Some(component) = open.pop() {
        if packages.len() > PACKAGES {
            return;
        }
        let inner: Vec<&Element> = component.list("components", "component").collect();
        open.extend(inner.into_iter().rev());
        let get = |key: &str| said(component.value(key));
        let Some(mut package) =
            get("name").and_then(|name| claimed(&name, get("version").as_deref(), component.value("purl")))
        else {
            continue;
        };
        package.cpes.extend(get("cpe"));
        package.supplier =
            component.child("supplier").and_then(|it| said(it.value("name"))).or_else(|| get("publisher"));
        package.author = get("author");
        package.description = get("description").as_deref().and_then(field::summary);
        let licences = component.child("licenses");
        let names = licences.into_iter().flat_map(|it| &it.children).filter_map(|it| match it.name.as_str() {
            "expression" => Some(it.text.trim()),
            _ => it.value("id").or_else(|| it.value("name")),
        });
        package.licences = field::licence_list(Dialect::Spdx, names, Several::Unsaid);
        packages.push(package);
    }
}
