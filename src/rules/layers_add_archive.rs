//! `layers.add-archive`: archives and downloads that `ADD` brought into a layer.

use crate::model::{File, ImageFacts};

use super::history_add_instead_of_copy::{ARCHIVES, Added, add_steps, files_of};
use super::setting::NoSettings;
use super::words::{self, bytes, code, count};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "layers.add-archive",
    code: "IG0407",
    level: Level::Info,
    summary: "`ADD` brought an archive or a download into a layer",
    why: "`ADD` unpacks an archive of the build context as it is: owners, set-id files and links that nobody looked at. A download is \
          not unpacked and, without a checksum, not checked; a step that unpacks it cannot delete it, since it lies in a layer of \
          its own.",
    fix: "Unpack in a step of a build stage and copy what is needed; for a download give its checksum:\n\n```dockerfile\nADD \
          --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d https://host.example/tool.tgz /tmp/\nRUN \
          --mount=type=bind,source=app.tar.gz,target=/tmp/app.tar.gz tar -xf /tmp/app.tar.gz -C /opt\n```",
    flags: &[
        ("", "layer FROM\n0644 0:0 a\nlayer ADD app.tar.gz /opt/ # buildkit\n0755 0:0 opt/x\n0644 0:0 opt/y"),
        ("", "layer FROM\n0644 0:0 a\nlayer ADD https://host.example/t.tgz /tmp/ # buildkit\n0600 0:0 tmp/t.tgz @20MB"),
        ("", "layer FROM\n0644 0:0 a\nlayer /bin/sh -c #(nop) ADD file:8d33 in /opt \n0755 0:0 opt/x\n0644 0:0 opt/y"),
    ],
    passes: &[
        ("", "layer ADD alpine-minirootfs.tar.gz / # buildkit\n0644 0:0 etc/x\n0644 0:0 etc/y"),
        ("", "layer FROM\n0644 0:0 a\nlayer COPY app.tar.gz /opt/\n0644 0:0 opt/app.tar.gz @20MB"),
        (
            "",
            "layer FROM\n0644 0:0 a\nlayer ADD --checksum=sha256:0a https://host.example/t.tgz /tmp/\n0600 0:0 tmp/t.tgz @20MB",
        ),
        ("", "layer FROM\n0644 0:0 a\nlayer /bin/sh -c #(nop) ADD file:8d33 in /opt/x \n0755 0:0 opt/x"),
    ],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(AddArchive))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct AddArchive;

/// The largest archive that a layer still shows.
fn archive_of(image: &ImageFacts, layer: u32) -> Option<&File> {
    let is_archive = |file: &&File| ARCHIVES.iter().any(|ending| file.entry.path.ends_with(ending));
    let files = image.files.iter().filter(|file| file.changed == layer && file.entry.is_file()).filter(is_archive);
    files.max_by_key(|file| (file.entry.size, std::cmp::Reverse(&file.entry.path)))
}

fn told(image: &ImageFacts, source: &Added<'_>, layer: u32) -> Option<String> {
    let unpacked = || count(files_of(image, layer), "file");
    match source {
        Added::Archive(name) => Some(format!("unpacked {} into {}", code(name), unpacked())),
        Added::Unnamed(_) if files_of(image, layer) > 1 => Some(format!("unpacked an archive into {}", unpacked())),
        Added::Remote(name) => Some(match archive_of(image, layer) {
            Some(file) => format!(
                "fetched {} and left {} as it is in {}",
                code(name),
                bytes(file.entry.size),
                code(format!("/{}", file.entry.path))
            ),
            None => format!("fetched {} without a checksum", code(name)),
        }),
        Added::Local(_) | Added::Unnamed(_) => None,
    }
}

impl Check for AddArchive {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let mut faults = Vec::new();
        let steps = add_steps(image);
        for &(index, entry, rest) in &steps {
            // The lowest layer is a system, which has to come from somewhere.
            let Some(layer) = entry.layer.filter(|layer| *layer > 0) else { continue };
            let Some(what) = Added::read(rest).iter().find_map(|source| told(image, source, layer)) else { continue };
            faults.push(Fault {
                subject: format!("layer {layer}"),
                message: format!("{} {what}", words::layer(image, layer)),
                seat: Seat::History(index),
                fix: None,
            });
        }
        Outcome::of_tree(image, faults, count(steps.len(), "ADD"))
    }
}
