//! `platforms.match`: the programs of the image are for the architecture that its config names.

use std::collections::BTreeMap;

use crate::model::{Head, ImageFacts, Platform};

use super::exec::{self, DEFAULT_PATH, FileSystem, Fit};
use super::setting::NoSettings;
use super::words::{code, count};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "platforms.match",
    code: "IG1002",
    level: Level::Deny,
    summary: "programs of the image are for another architecture than its config names",
    why: "The config says for which architecture an image is, and registries and runtimes believe it. A base of the wrong \
          platform or a copied program of another one ends with `exec format error` on the machines it is sent to. The ELF \
          heads of all programs in the folders of PATH tell the truth. 32-bit x86 programs count as fit for amd64.",
    fix: "Build for the platform that the image is pushed as: `docker buildx build --platform linux/arm64`, and let stages that \
          compile use `FROM --platform=$BUILDPLATFORM` with cross compilers.",
    flags: &[
        ("", "platform linux/arm64\n0755 0:0 bin/sh elf amd64"),
        ("", "0755 0:0 usr/local/bin/tool elf arm64\n0755 0:0 bin/sh elf"),
    ],
    passes: &[
        ("", "platform linux/arm64\n0755 0:0 bin/sh elf arm64"),
        ("", "0755 0:0 bin/sh elf\n0755 0:0 usr/bin/old elf 386"),
        ("", "0755 0:0 bin/sh elf\n0644 0:0 srv/prebuilds/arm64/x.node elf arm64"),
    ],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(Match))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct Match;

impl Check for Match {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let Some(startup) = &image.startup else {
            return Outcome::Unknown("these facts were saved before programs were looked at".to_owned());
        };
        if image.platform.os != "linux" {
            return Outcome::NotApplicable("only programs for Linux are compared".to_owned());
        }
        let config = &image.config;
        let said = Platform::new(&config.os, &config.architecture, &config.variant);
        let platform = if config.architecture.is_empty() { image.platform.clone() } else { said };
        let files = FileSystem::shipped(image);
        let path = image.config.env_value("PATH").unwrap_or(DEFAULT_PATH);
        let folders = path.split(':').chain(DEFAULT_PATH.split(':')).filter(|folder| folder.starts_with('/'));
        let mut folders: Vec<String> =
            folders.filter_map(|folder| files.look(folder, "/", None).ok()).map(|place| place.path).collect();
        folders.sort();
        folders.dedup();
        let mut foreign: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        let mut programs = 0;
        for folder in folders {
            let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
            let start = startup.programs.partition_point(|program| *program.path < *prefix);
            let below = startup.programs.iter().skip(start).take_while(|program| program.path.starts_with(&prefix));
            for program in below.filter(|program| !program.path[prefix.len()..].contains('/')) {
                let Head::Elf(elf) = &program.head else { continue };
                programs += 1;
                match exec::fit(&platform, elf) {
                    Fit::Runs | Fit::Perhaps(_) => {}
                    Fit::Unknown => {
                        let platform = code(platform.to_string());
                        return Outcome::Unknown(format!("programs for {platform} are not known"));
                    }
                    Fit::Foreign(_) => {
                        foreign.entry(exec::architecture(elf)).or_default().push(&program.path);
                    }
                }
            }
        }
        let faults = foreign.into_iter().filter_map(|(architecture, paths)| {
            let first = (*paths.first()?).to_owned();
            let layer = image.file(&first).map_or(0, |file| file.changed);
            Some(Fault {
                subject: architecture.clone(),
                message: format!(
                    "the config says {}, but {} for {}, such as {}",
                    code(platform.to_string()),
                    if paths.len() == 1 {
                        "1 program on PATH is".to_owned()
                    } else {
                        format!("{} programs on PATH are", paths.len())
                    },
                    code(architecture),
                    code(format!("/{first}"))
                ),
                seat: Seat::File { path: first, layer, line: None },
                fix: None,
            })
        });
        Outcome::of_tree(image, faults.collect(), count(programs, "program"))
    }
}
