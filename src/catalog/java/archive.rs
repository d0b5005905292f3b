//! Java archives, and the archives inside them.

use std::collections::BTreeMap;

use crate::catalog::zip::{Member, Zip};
use crate::catalog::{BINARY, CatalogError, Cataloger, Findings, Input, Takes, claim, field, hashes};
use crate::model::{Method, Package, PackageKind};

use super::identity::{Identity, Testimony};
use super::manifest;
use super::pom::Pom;

/// Java archives.
pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "java-archive",
    what: "Java archives, nested ones too: jar, war, ear, Jenkins plugins and their like",
    takes: Takes::Head(is_archive),
    limit: BINARY,
    parse,
};

const EXTENSIONS: &[&str] = &["jar", "war", "ear", "par", "sar", "nar", "rar", "kar", "lpkg", "jpi", "hpi"];
/// Most levels of archives.
const DEPTH: u32 = 8;
/// Most bytes that are unpacked of one file, all levels together; and at most so many times its own size.
const UNPACKED: u64 = 512 << 20;
const RATIO: u64 = 50;
/// A small archive may unpack to so much whatever its size.
const FREE: u64 = 16 << 20;
/// Most members of one file, all levels together.
const MEMBERS: usize = 1_000_000;
/// Most bytes of a manifest or a project description.
const TEXTS: u64 = 8 << 20;
/// Most packages and most gaps of one file.
const PACKAGES: usize = 50_000;
const GAPS: usize = 50;

fn extension(path: &str) -> Option<&'static str> {
    let (stem, extension) = path.rsplit_once('.')?;
    if stem.is_empty() {
        return None;
    }
    EXTENSIONS.iter().copied().find(|known| known.eq_ignore_ascii_case(extension))
}

/// The other extensions are used by other formats too, so there the first bytes must be those of an archive or of a script in
/// front of one.
fn is_archive(path: &str, head: &[u8]) -> bool {
    match extension(path) {
        Some("jar") => !head.is_empty(),
        Some(_) => head.starts_with(b"PK") || head.starts_with(b"#!"),
        None => false,
    }
}

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let allowed = UNPACKED.min(FREE + RATIO.saturating_mul(input.bytes.len() as u64));
    let mut walk = Walk { findings: Findings::default(), bytes: allowed, members: MEMBERS, whole: input.is_whole() };
    walk.archive(input.bytes, field::split(input.path).1, "", 0);
    Ok(walk.findings)
}

/// The state while archives are opened: what is left of the bounds.
struct Walk {
    findings: Findings,
    bytes: u64,
    members: usize,
    whole: bool,
}

impl Walk {
    fn gap(&mut self, inside: &str, what: &str) {
        if self.findings.gaps.len() == GAPS {
            self.findings.gaps.push("more of this archive could not be read".to_owned());
        }
        if self.findings.gaps.len() < GAPS {
            self.findings.gaps.push(if inside.is_empty() { what.to_owned() } else { format!("`{inside}`: {what}") });
        }
    }

    fn add(&mut self, package: Package) {
        if self.findings.packages.len() < PACKAGES {
            self.findings.packages.push(package);
        }
    }

    /// Unpacks a member within what is left of the bounds.
    fn read<'a>(
        &mut self,
        zip: &Zip<'a>,
        member: &Member<'_>,
        most: u64,
        inside: &str,
    ) -> Option<std::borrow::Cow<'a, [u8]>> {
        match zip.read(member, most.min(self.bytes)) {
            Ok(bytes) => {
                if let std::borrow::Cow::Owned(bytes) = &bytes {
                    self.bytes = self.bytes.saturating_sub(bytes.len() as u64);
                }
                Some(bytes)
            }
            Err(error) => {
                self.gap(inside, &error.to_string());
                None
            }
        }
    }

    /// One archive and what is in it. `name` is its file name, `inside` its place in the outermost one.
    fn archive(&mut self, bytes: &[u8], name: &str, inside: &str, depth: u32) {
        let extension = extension(name).unwrap_or("jar");
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let mut testimony = Testimony { stem, extension, manifest: BTreeMap::new(), poms: BTreeMap::new() };
        let zip = match Zip::open(bytes) {
            Ok(zip) => zip,
            Err(error) => {
                // Its name is all that is known.
                self.gap(inside, &error.to_string());
                let mut main = testimony.identity().main;
                main.method = Method::FileName;
                self.finish(main, bytes, inside);
                return;
            }
        };
        for gap in &zip.gaps {
            self.gap(inside, gap);
        }
        let claims = self.testify(&zip, &mut testimony, inside);
        let Identity { main, contained } = testimony.identity();
        self.finish(main, bytes, inside);
        for (folder, mut package) in contained {
            if package.version.is_empty() {
                self.gap(inside, &format!("`{folder}`: the project has no version"));
            }
            package.inside = below(inside, &folder);
            self.add(package);
        }
        for package in claims {
            self.add(package);
        }
        self.nested(&zip, inside, depth);
    }

    fn finish(&mut self, mut main: Package, bytes: &[u8], inside: &str) {
        debug_assert!(main.kind == PackageKind::Maven);
        if self.whole {
            main.hashes = hashes::of(bytes);
        }
        inside.clone_into(&mut main.inside);
        self.add(main);
    }

    /// Reads manifest and project descriptions; returns what bills of materials claim.
    fn testify(&mut self, zip: &Zip<'_>, testimony: &mut Testimony<'_>, inside: &str) -> Vec<Package> {
        let mut claimed = Vec::new();
        for member in &zip.members {
            let name = member.name();
            if !name.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("META-INF/")) {
                continue;
            }
            let path = &name[9..];
            if path.eq_ignore_ascii_case("MANIFEST.MF") {
                if testimony.manifest.is_empty() {
                    let bytes = self.read(zip, member, TEXTS, inside);
                    testimony.manifest = bytes.map(|bytes| manifest::main_section(&bytes)).unwrap_or_default();
                }
            } else if path.starts_with("maven/") && (path.ends_with("/pom.properties") || path.ends_with("/pom.xml")) {
                let Some(bytes) = self.read(zip, member, TEXTS, inside) else { continue };
                let (pom, damage) = if field::has_extension(path, "xml") {
                    Pom::of_xml(&bytes)
                } else {
                    (Pom::of_properties(&bytes), None)
                };
                if let Some(damage) = damage {
                    self.gap(inside, &format!("`{name}`: {damage}"));
                }
                let folder = field::split(&name).0.to_owned();
                let known = testimony.poms.entry(folder).or_default();
                // The properties are what the build resolved.
                if field::has_extension(path, "xml") {
                    known.complete(pom);
                } else {
                    let described = std::mem::replace(known, pom);
                    known.complete(described);
                }
            } else if path.starts_with("sbom/") && claim::is_document(path) {
                let Some(bytes) = self.read(zip, member, 64 << 20, inside) else { continue };
                let claims = claim::document(&bytes, path);
                for gap in claims.gaps {
                    self.gap(inside, &format!("`{name}`: {gap}"));
                }
                for mut package in claims.packages {
                    package.inside = below(inside, &name);
                    claimed.push(package);
                }
                claimed.truncate(PACKAGES);
            }
        }
        self.complete_from_folders(testimony, inside);
        claimed
    }

    /// A description that names neither group nor artifact still lies in the folder of both.
    fn complete_from_folders(&mut self, testimony: &mut Testimony<'_>, inside: &str) {
        let mut missing = Vec::new();
        for (folder, pom) in &mut testimony.poms {
            let mut parts = folder.split('/').skip(2);
            let (group, artifact) = (parts.next().and_then(field::line), parts.next().and_then(field::line));
            if pom.artifact.is_none() && artifact.is_some() {
                missing.push(format!("`{folder}`: the project does not name itself"));
                pom.artifact = artifact;
            }
            pom.group = pom.group.take().or(group);
        }
        for gap in missing {
            self.gap(inside, &gap);
        }
    }

    fn nested(&mut self, zip: &Zip<'_>, inside: &str, depth: u32) {
        for member in &zip.members {
            if self.members == 0 {
                self.gap(inside, &format!("only the first {MEMBERS} entries were looked at"));
                return;
            }
            self.members -= 1;
            let name = member.name();
            if extension(&name).is_none() || name.ends_with('/') || member.size == 0 {
                continue;
            }
            let place = below(inside, &name);
            if depth + 1 >= DEPTH {
                self.gap(inside, &format!("`{name}` is deeper than {DEPTH} archives and was not opened"));
                continue;
            }
            let Some(bytes) = self.read(zip, member, BINARY, inside) else {
                self.by_name(&name, &place);
                continue;
            };
            if is_archive(&name, &bytes) {
                self.archive(&bytes, field::split(&name).1, &place, depth + 1);
            }
        }
    }

    /// An archive that could not be read at all.
    fn by_name(&mut self, name: &str, place: &str) {
        let name = field::split(name).1;
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let extension = extension(name).unwrap_or("jar");
        let testimony = Testimony { stem, extension, manifest: BTreeMap::new(), poms: BTreeMap::new() };
        let mut main = testimony.identity().main;
        place.clone_into(&mut main.inside);
        self.add(main);
    }
}

fn below(inside: &str, name: &str) -> String {
    let name: String =
        field::cut(name, 4096).chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect();
    if inside.is_empty() { name } else { format!("{inside}!/{name}") }
}

#[cfg(test)]
mod tests;
