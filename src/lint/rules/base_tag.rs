//! `dockerfile.base-tag`: bases that move.

use crate::lint::notes::code;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.base-tag",
    code: "IG9009",
    level: Level::Warn,
    summary: "the base image is named by a tag that moves",
    why: "Without a tag, and with `latest`, a build takes whatever was pushed last: tomorrow's image has another base, and perhaps another system.",
    fix: "Name a version: `FROM python:3.12-slim`, best with its digest.",
    flags: &[
        "FROM python\n",
        "FROM python:latest\n",
        "ARG V=latest\nFROM python:$V\n",
        "FROM registry.example:5000/app AS x\n",
    ],
    passes: &[
        "FROM python:3.12-slim\n",
        "FROM scratch\n",
        "FROM a:1 AS build\nFROM build\n",
        "ARG BASE\nFROM $BASE\n",
        "FROM python@sha256:0123\n",
    ],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for (at, stage) in subject.file.stages.iter().enumerate() {
        let Some(image) = subject.base_image(at).filter(|image| !image.eq_ignore_ascii_case("scratch")) else {
            continue;
        };
        let Some(from) = subject.file.instructions.get(stage.from) else { continue };
        if image.contains('@') || image.is_empty() {
            continue;
        }
        let tag = image.rsplit('/').next().and_then(|name| name.split_once(':')).map(|(_, tag)| tag);
        let place = from.place(stage.base.start);
        match tag {
            None | Some("") => notes.at(place, format!("{} has no tag, which means `latest`", code(&image))),
            Some("latest") => notes.at(place, format!("{} is `latest`, which moves", code(&image))),
            Some(_) => continue,
        };
    }
}
