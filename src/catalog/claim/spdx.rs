//! SPDX: 2.x as JSON and as tags, 3.0 as JSON-LD.

use serde_json::Value;

use crate::catalog::{Dialect, field, json, licences};
use crate::model::Package;

use super::{PACKAGES, claimed, said};

/// What a document says of one package.
#[derive(Default)]
struct Claim {
    name: String,
    version: Option<String>,
    purl: Option<String>,
    cpes: Vec<String>,
    supplier: Option<String>,
    author: Option<String>,
    licence: Option<String>,
    download: Option<String>,
    homepage: Option<String>,
    description: Option<String>,
}

impl Claim {
    fn package(self) -> Option<Package> {
        let mut package = claimed(&self.name, self.version.as_deref(), self.purl.as_deref())?;
        package.cpes = self.cpes;
        package.supplier = self.supplier.as_deref().and_then(agent);
        package.author = self.author.as_deref().and_then(agent);
        package.licences = self.licence.map(|text| licences(Dialect::Spdx, &text)).unwrap_or_default();
        package.download = self.download.as_deref().and_then(field::url);
        package.homepage = self.homepage.as_deref().and_then(field::url);
        package.description = self.description.as_deref().and_then(field::summary);
        Some(package)
    }
}

/// `Organization: Name (mail)`.
fn agent(text: &str) -> Option<String> {
    let name = ["Organization:", "Person:", "Tool:"].iter().find_map(|kind| text.strip_prefix(kind)).unwrap_or(text);
    said(Some(name))
}

/// SPDX 2.x, JSON.
pub(super) fn of_json(root: &Value, packages: &mut Vec<Package>) {
    for element in json::elements(root.get("packages")).into_iter().take(PACKAGES + 1) {
        let get = |key: &str| said(json::raw(element, key));
        let reference = |kind: &str| {
            json::elements(element.get("externalRefs"))
                .into_iter()
                .filter(|it| {
                    json::raw(it, "referenceType").is_some_and(|it| it == kind || it.ends_with(&format!("/{kind}")))
                })
                .filter_map(|it| said(json::raw(it, "referenceLocator")))
                .take(64)
                .collect::<Vec<_>>()
        };
        let claim = Claim {
            name: get("name").unwrap_or_default(),
            version: get("versionInfo"),
            purl: reference("purl").into_iter().next(),
            cpes: reference("cpe23Type"),
            supplier: get("supplier"),
            author: get("originator"),
            licence: get("licenseDeclared").or_else(|| get("licenseConcluded")),
            download: get("downloadLocation"),
            homepage: get("homepage"),
            description: get("summary").or_else(|| get("description")),
        };
        packages.extend(claim.package());
    }
}

/// SPDX 3.0, JSON-LD.
pub(super) fn of_graph(root: &Value, packages: &mut Vec<Package>) {
    let elements = json::elements(root.get("@graph"));
    let is_package = |element: &&Value| {
        ["type", "@type"]
            .iter()
            .any(|key| json::raw(element, key).is_some_and(|kind| kind.ends_with("software_Package")))
    };
    for element in elements.into_iter().filter(is_package).take(PACKAGES + 1) {
        let get = |key: &str| said(json::raw(element, key));
        let identifier = |kind: &str| {
            json::elements(element.get("externalIdentifier"))
                .into_iter()
                .filter(|it| json::raw(it, "externalIdentifierType") == Some(kind))
                .filter_map(|it| said(json::raw(it, "identifier")))
                .take(64)
                .collect::<Vec<_>>()
        };
        let claim = Claim {
            name: get("name").unwrap_or_default(),
            version: get("software_packageVersion"),
            purl: get("software_packageUrl").or_else(|| identifier("packageUrl").into_iter().next()),
            cpes: identifier("cpe23"),
            download: get("software_downloadLocation"),
            homepage: get("software_homePage"),
            description: get("summary").or_else(|| get("description")),
            ..Claim::default()
        };
        packages.extend(claim.package());
    }
}

/// SPDX 2.x, tags and values; a value in `<text>…</text>` may have several lines.
pub(super) fn of_tags(text: &str, packages: &mut Vec<Package>) {
    let mut open: Option<Claim> = None;
    let mut inside_text = false;
    for line in text.lines() {
        if inside_text {
            inside_text = !line.contains("</text>");
            continue;
        }
        let Some((tag, value)) = line.split_once(':') else { continue };
        inside_text = value.contains("<text>") && !value.contains("</text>");
        let value = value.trim();
        if tag == "PackageName" {
            packages.extend(open.take().and_then(Claim::package));
            if packages.len() > PACKAGES {
                return;
            }
            open = Some(Claim { name: value.to_owned(), ..Claim::default() });
            continue;
        }
        // Files and snippets end what is said of a package.
        if matches!(tag, "FileName" | "SnippetSPDXID" | "LicenseID" | "Relationship") {
            packages.extend(open.take().and_then(Claim::package));
            continue;
        }
        let Some(claim) = &mut open else { continue };
        match tag {
            "PackageVersion" => claim.version = said(Some(value)),
            "PackageSupplier" => claim.supplier = said(Some(value)),
            "PackageOriginator" => claim.author = said(Some(value)),
            "PackageLicenseDeclared" => claim.licence = said(Some(value)),
            "PackageDownloadLocation" => claim.download = said(Some(value)),
            "PackageHomePage" => claim.homepage = said(Some(value)),
            "PackageSummary" => {
                claim.description = said(Some(value.trim_start_matches("<text>").trim_end_matches("</text>")));
            }
            "ExternalRef" => {
                let mut words = value.split_whitespace().skip(1);
                match (words.next(), words.next()) {
                    (Some("purl"), Some(purl)) => claim.purl = claim.purl.take().or_else(|| said(Some(purl))),
                    (Some("cpe23Type"), Some(cpe)) if claim.cpes.len() < 64 => claim.cpes.extend(said(Some(cpe))),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    packages.extend(open.and_then(Claim::package));
}
