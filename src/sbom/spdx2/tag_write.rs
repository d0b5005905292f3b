//! SPDX 2.3 objects as tag-value text.

use std::fmt::Write as _;

use super::DOCUMENT;
use super::types::{Annotation, Objects, Package};

/// Writes the document.
pub(super) fn write(objects: &Objects) -> String {
    let mut tags = Tags { text: String::with_capacity(1 << 16) };
    tags.line("SPDXVersion", &objects.spdx_version);
    tags.line("DataLicense", &objects.data_license);
    tags.line("SPDXID", &objects.spdx_id);
    tags.line("DocumentName", &objects.name);
    tags.line("DocumentNamespace", &objects.document_namespace);
    objects.creation_info.creators.iter().for_each(|creator| tags.line("Creator", creator));
    tags.line("Created", &objects.creation_info.created);
    objects.annotations.iter().for_each(|one| tags.annotation(one, DOCUMENT));
    objects.packages.iter().for_each(|package| tags.package(package));
    if !objects.has_extracted_licensing_infos.is_empty() {
        tags.text.push_str("\n##### Licences\n");
    }
    for one in &objects.has_extracted_licensing_infos {
        tags.text.push('\n');
        tags.line("LicenseID", &one.license_id);
        tags.lines("ExtractedText", &one.extracted_text);
        tags.optional("LicenseName", one.name.as_deref());
    }
    tags.text.push_str("\n##### Relationships\n\n");
    for one in &objects.relationships {
        tags.line(
            "Relationship",
            &format!("{} {} {}", one.spdx_element_id, one.relationship_type, one.related_spdx_element),
        );
    }
    tags.text
}

struct Tags {
    text: String,
}

impl Tags {
    fn line(&mut self, tag: &str, value: &str) {
        let _ = writeln!(self.text, "{tag}: {value}");
    }

    fn lines(&mut self, tag: &str, value: &str) {
        let _ = writeln!(self.text, "{tag}: <text>{value}</text>");
    }

    fn optional(&mut self, tag: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.line(tag, value);
        }
    }

    fn annotation(&mut self, annotation: &Annotation, about: &str) {
        self.text.push('\n');
        self.line("Annotator", &annotation.annotator);
        self.line("AnnotationDate", &annotation.annotation_date);
        self.line("AnnotationType", &annotation.annotation_type);
        self.line("SPDXREF", about);
        self.lines("AnnotationComment", &annotation.comment);
    }

    fn package(&mut self, package: &Package) {
        let _ = writeln!(self.text, "\n##### Package: {}\n", package.name);
        self.line("PackageName", &package.name);
        self.line("SPDXID", &package.spdx_id);
        self.optional("PackageVersion", package.version_info.as_deref());
        self.optional("PackageFileName", package.package_file_name.as_deref());
        self.optional("PackageSupplier", package.supplier.as_deref());
        self.optional("PackageOriginator", package.originator.as_deref());
        self.line("PackageDownloadLocation", &package.download_location);
        self.optional("FilesAnalyzed", package.files_analyzed.map(|known| if known { "true" } else { "false" }));
        for one in &package.checksums {
            self.line("PackageChecksum", &format!("{}: {}", one.algorithm, one.checksum_value));
        }
        self.optional("PackageHomePage", package.homepage.as_deref());
        if let Some(text) = &package.source_info {
            self.lines("PackageSourceInfo", text);
        }
        self.optional("PackageLicenseConcluded", package.license_concluded.as_deref());
        self.optional("PackageLicenseDeclared", package.license_declared.as_deref());
        match package.copyright_text.as_deref() {
            Some(text @ ("NOASSERTION" | "NONE")) => self.line("PackageCopyrightText", text),
            Some(text) => self.lines("PackageCopyrightText", text),
            None => {}
        }
        if let Some(text) = &package.description {
            self.lines("PackageDescription", text);
        }
        for one in &package.external_refs {
            self.line(
                "ExternalRef",
                &format!("{} {} {}", one.reference_category, one.reference_type, one.reference_locator),
            );
        }
        self.optional("PrimaryPackagePurpose", package.primary_package_purpose.as_deref());
        package.annotations.iter().for_each(|one| self.annotation(one, &package.spdx_id));
    }
}
