//! Tag-value text as SPDX 2.3 objects.

use std::collections::{BTreeMap, BTreeSet};

use super::DOCUMENT;
use super::types::{Annotation, Checksum, ExternalRef, ExtractedLicence, Objects, Package, Relationship};
use crate::sbom::{COMPONENTS_MAX, ReadError, text};

/// Reads the objects, and names the tags that they have no place for.
pub(super) fn read(input: &str) -> Result<(Objects, Vec<String>), ReadError> {
    let mut reader = Reader::default();
    let mut rest = input;
    let mut number = 0;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        number += 1;
        let start = line.trim_start();
        if start.trim_end().is_empty() || start.starts_with('#') {
            rest = after;
            continue;
        }
        let (tag, value) =
            start.split_once(':').ok_or(ReadError::Line { number, what: "a tag and a colon are expected" })?;
        let value = value.trim();
        if value.starts_with("<text>") {
            // The text begins inside this line and may go on over many.
            let body = rest.split_once("<text>").map_or("", |(_, body)| body);
            let (inside, behind) =
                body.split_once("</text>").ok_or(ReadError::Line { number, what: "the text does not end" })?;
            number += inside.matches('\n').count();
            reader.tag(tag.trim(), inside, number)?;
            rest = behind.split_once('\n').map_or("", |(_, after)| after);
        } else {
            reader.tag(tag.trim(), value, number)?;
            rest = after;
        }
    }
    reader.finish()
}

#[derive(Default)]
struct Reader {
    objects: Objects,
    /// Annotations by what they are about.
    annotations: BTreeMap<String, Vec<Annotation>>,
    annotation: Annotation,
    /// What the annotation is about; it may stand before or behind the comment.
    subject: Option<String>,
    /// Whether a file or a snippet is being described, which has no place.
    elsewhere: bool,
    unknown: BTreeSet<String>,
}

impl Reader {
    fn tag(&mut self, tag: &str, value: &str, number: usize) -> Result<(), ReadError> {
        let value = value.to_owned();
        match tag {
            "SPDXVersion" => self.objects.spdx_version = value,
            "DataLicense" => self.objects.data_license = value,
            "DocumentName" => self.objects.name = value,
            "DocumentNamespace" => self.objects.document_namespace = value,
            "Creator" => self.objects.creation_info.creators.push(value),
            "Created" => self.objects.creation_info.created = value,
            "Annotator" => self.annotation = Annotation { annotator: value, ..Annotation::default() },
            "AnnotationDate" => self.annotation.annotation_date = value,
            "AnnotationType" => self.annotation.annotation_type = value,
            "AnnotationComment" => {
                self.annotation.comment = value;
                self.annotation_done();
            }
            "SPDXREF" => {
                self.subject = Some(value);
                self.annotation_done();
            }
            "Relationship" => self.relationship(&value, number)?,
            "LicenseID" => {
                self.objects
                    .has_extracted_licensing_infos
                    .push(ExtractedLicence { license_id: value, ..ExtractedLicence::default() });
            }
            "ExtractedText" | "LicenseName" => {
                let last = self.objects.has_extracted_licensing_infos.last_mut();
                let last = last.ok_or(ReadError::Line { number, what: "no `LicenseID` stands before it" })?;
                if tag == "ExtractedText" {
                    last.extracted_text = value;
                } else {
                    last.name = Some(value);
                }
            }
            "PackageName" => {
                if self.objects.packages.len() >= COMPONENTS_MAX {
                    return Err(ReadError::Limit("there are too many packages"));
                }
                self.elsewhere = false;
                self.objects.packages.push(Package { name: value, ..Package::default() });
            }
            "FileName" | "SnippetSPDXID" => {
                self.elsewhere = true;
                self.note(tag);
            }
            _ if self.elsewhere => self.note(tag),
            "SPDXID" => match self.objects.packages.last_mut() {
                Some(package) => package.spdx_id = value,
                None => self.objects.spdx_id = value,
            },
            _ => self.package_tag(tag, value, number)?,
        }
        Ok(())
    }

    fn note(&mut self, tag: &str) {
        if self.unknown.len() < 1000 {
            self.unknown.insert(text::cut(tag, 80).to_owned());
        }
    }

    fn package_tag(&mut self, tag: &str, value: String, number: usize) -> Result<(), ReadError> {
        let Some(package) = self.objects.packages.last_mut() else {
            self.note(tag);
            return Ok(());
        };
        match tag {
            "PackageVersion" => package.version_info = Some(value),
            "PackageFileName" => package.package_file_name = Some(value),
            "PackageSupplier" => package.supplier = Some(value),
            "PackageOriginator" => package.originator = Some(value),
            "PackageDownloadLocation" => package.download_location = value,
            "FilesAnalyzed" => package.files_analyzed = Some(value == "true"),
            "PackageChecksum" => {
                let (algorithm, hex) = value
                    .split_once(':')
                    .ok_or(ReadError::Line { number, what: "a checksum is an algorithm, a colon and digits" })?;
                package
                    .checksums
                    .push(Checksum { algorithm: algorithm.trim().to_owned(), checksum_value: hex.trim().to_owned() });
            }
            "PackageHomePage" => package.homepage = Some(value),
            "PackageSourceInfo" => package.source_info = Some(value),
            "PackageLicenseConcluded" => package.license_concluded = Some(value),
            "PackageLicenseDeclared" => package.license_declared = Some(value),
            "PackageCopyrightText" => package.copyright_text = Some(value),
            "PackageDescription" => package.description = Some(value),
            "ExternalRef" => {
                let mut words = value.split_whitespace();
                let (Some(category), Some(kind), Some(locator)) = (words.next(), words.next(), words.next()) else {
                    return Err(ReadError::Line { number, what: "a reference is a category, a type and a locator" });
                };
                package.external_refs.push(ExternalRef {
                    reference_category: category.to_owned(),
                    reference_type: kind.to_owned(),
                    reference_locator: locator.to_owned(),
                });
            }
            "PrimaryPackagePurpose" => package.primary_package_purpose = Some(value),
            _ => self.note(tag),
        }
        Ok(())
    }

    fn relationship(&mut self, value: &str, number: usize) -> Result<(), ReadError> {
        let mut words = value.split_whitespace();
        let (Some(from), Some(kind), Some(to), None) = (words.next(), words.next(), words.next(), words.next()) else {
            return Err(ReadError::Line { number, what: "a relationship is an element, a type and an element" });
        };
        self.objects.relationships.push(Relationship {
            spdx_element_id: from.to_owned(),
            relationship_type: kind.to_owned(),
            related_spdx_element: to.to_owned(),
        });
        Ok(())
    }

    /// Files an annotation once its subject and its comment are known.
    fn annotation_done(&mut self) {
        if self.annotation.comment.is_empty() {
            return;
        }
        if let Some(subject) = self.subject.take() {
            self.annotations.entry(subject).or_default().push(std::mem::take(&mut self.annotation));
        }
    }

    fn finish(mut self) -> Result<(Objects, Vec<String>), ReadError> {
        if self.objects.spdx_version.is_empty() {
            return Err(ReadError::Shape("there is no `SPDXVersion`".to_owned()));
        }
        self.objects.annotations = self.annotations.remove(DOCUMENT).unwrap_or_default();
        for package in &mut self.objects.packages {
            package.annotations = self.annotations.remove(&package.spdx_id).unwrap_or_default();
        }
        if !self.annotations.is_empty() {
            self.unknown.insert("Annotator".to_owned());
        }
        Ok((self.objects, self.unknown.into_iter().collect()))
    }
}
