//! Scores as text and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::Score;
use crate::report::escape::visible;
use crate::sbom::json;

/// Components that the text names; how many more there are is told.
const NAMED_MAX: usize = 50;

/// Scores for people.
#[must_use]
pub fn score_text(scores: &[Score]) -> String {
    let mut out = String::new();
    for (at, score) in scores.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        let (present, asked) = score.totals();
        let _ = writeln!(out, "{} ({})\n{present} of {asked} required fields are there", score.yardstick, score.title);
        for field in &score.fields {
            let place = if field.of_document { "document" } else { "components" };
            let state = match (field.missing, field.of_document) {
                (0, _) => "there".to_owned(),
                (_, true) => "MISSING".to_owned(),
                (missing, false) => format!("missing in {missing} of {}", missing + field.present),
            };
            let _ = writeln!(out, "  {:<22} {place:<10} {state:<24} {}", field.id, field.title);
        }
        for lack in score.components.iter().take(NAMED_MAX) {
            let _ = writeln!(out, "  {} lacks {}", visible(&lack.name), lack.missing.join(", "));
        }
        if score.components.len() > NAMED_MAX {
            let _ = writeln!(out, "  … and {} more components lack something", score.components.len() - NAMED_MAX);
        }
    }
    out
}

#[derive(Serialize)]
struct Scores<'a> {
    schema: &'static str,
    scores: Vec<One<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct One<'a> {
    yardstick: &'a str,
    title: &'a str,
    complete: bool,
    present: usize,
    required: usize,
    fields: Vec<Field<'a>>,
    components: Vec<Lack<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Field<'a> {
    id: &'a str,
    title: &'a str,
    of: &'a str,
    present: usize,
    missing: usize,
    not_applicable: usize,
}

#[derive(Serialize)]
struct Lack<'a> {
    id: &'a str,
    name: &'a str,
    missing: &'a [&'static str],
}

/// Scores for programs.
#[must_use]
pub fn score_json(scores: &[Score]) -> String {
    json::write(&Scores { schema: "imgguard.sbom-score/v1", scores: scores.iter().map(One::of).collect() })
}

impl<'a> One<'a> {
    fn of(score: &'a Score) -> Self {
        let (present, required) = score.totals();
        Self {
            yardstick: score.yardstick,
            title: score.title,
            complete: score.is_complete(),
            present,
            required,
            fields: score
                .fields
                .iter()
                .map(|field| Field {
                    id: field.id,
                    title: field.title,
                    of: if field.of_document { "document" } else { "components" },
                    present: field.present,
                    missing: field.missing,
                    not_applicable: field.not_applicable,
                })
                .collect(),
            components: score
                .components
                .iter()
                .map(|lack| Lack { id: &lack.id, name: &lack.name, missing: &lack.missing })
                .collect(),
        }
    }
}
