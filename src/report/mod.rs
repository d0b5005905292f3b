//! Output formats: one file each, own types per format; all pure.
//!
//! Everything that comes from an image passes through `escape` before it is written.

use std::time::Duration;

use crate::policy::Report;

pub(crate) mod escape;
mod findings;
mod github;
mod inspect_json;
mod inspect_text;
mod json;
mod junit;
mod layer_diff;
mod lint;
mod markdown;
mod place;
mod sarif;
mod sarif_types;
mod secrets;
mod sheet;
mod summary;
mod text;

#[cfg(test)]
pub(crate) mod sample;

pub use inspect_json::inspect_json;
pub use inspect_text::{InspectOptions, Tree, inspect_text};
pub use json::{SCHEMA, check_predicate};
pub use lint::{LINT_FORMATS, LintFormat};
pub use secrets::{Ledger, SECRETS_FORMATS, SecretsFormat, SecretsReport, Skipped, Standing, Target, Told};

/// What a format needs to know beside the reports.
#[derive(Debug, Clone, Default)]
pub struct Context<'a> {
    /// Whether to use ANSI colours.
    pub color: bool,
    /// Columns of the terminal; unset when lines shall not be wrapped or cut.
    pub width: Option<usize>,
    /// Version of imgguard, such as `0.1.0`.
    pub tool_version: &'a str,
    /// The file of the repository that SARIF results and annotations point at, relative to its root: the Dockerfile
    /// when known, else the policy file; unset when there is neither.
    pub repository_file: Option<&'a str>,
    /// Time the run took; unset to leave it out.
    pub elapsed: Option<Duration>,
    /// Whether to print the whole reason behind each failed rule, not only its first sentence.
    pub explain: bool,
    /// Whether to list the secrets that are suppressed by proof.
    pub show_suppressed: bool,
    /// Whether to list notes and the rules that hold.
    pub verbose: bool,
    /// The exit code of the run.
    pub exit_code: u8,
}

/// An output format of `check`.
pub struct Format {
    /// What `-o` says.
    pub name: &'static str,
    /// One line for the help.
    pub summary: &'static str,
    /// Writes the reports of one run as text in this format, ending with a newline unless empty.
    pub render: fn(&[Report], &Context<'_>) -> String,
}

/// All output formats of `check`, the default first.
pub const FORMATS: &[Format] = &[
    Format { name: "text", summary: "for people", render: text::render },
    Format { name: "json", summary: "everything, versioned (imgguard.report/v1)", render: json::render },
    Format { name: "sarif", summary: "SARIF 2.1.0 for code scanning", render: sarif::render },
    Format { name: "junit", summary: "JUnit XML for test reports", render: junit::render },
    Format { name: "github", summary: "annotations of GitHub Actions", render: github::render },
    Format { name: "markdown", summary: "a summary for a job or a pull request", render: markdown::render },
];

/// The output format of that name.
#[must_use]
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// JSON schemas of the versioned documents: file name and text.
#[must_use]
pub fn schemas() -> Vec<(&'static str, String)> {
    vec![
        ("report-v1.json", json::schema()),
        ("bases-v1.json", inspect_json::bases_schema()),
        ("facts-v1.json", inspect_json::schema()),
        ("secrets-v1.json", secrets::schema()),
        ("lint-v1.json", lint::schema()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_files_are_those_the_types_describe() {
        crate::testkit::schemas::are_up_to_date(&schemas());
    }

    #[test]
    fn every_format_is_found_by_its_name_and_ends_its_last_line() {
        let reports = [sample::denied(), sample::passed(), sample::incomplete()];
        for entry in FORMATS {
            assert_eq!(format(entry.name).map(|found| found.summary), Some(entry.summary));
            let text = (entry.render)(&reports, &sample::context());
            assert!(text.ends_with('\n'), "{}", entry.name);
            assert_eq!(text, (entry.render)(&reports, &sample::context()), "{} differs from run to run", entry.name);
        }
        assert!(format("yaml").is_none());
    }

    #[test]
    fn no_format_lets_an_image_control_the_terminal_or_the_runner() {
        let reports = [sample::hostile()];
        for entry in FORMATS {
            let text = (entry.render)(&reports, &sample::context());
            for letter in text.chars() {
                assert!(letter == '\n' || !escape::is_dangerous(letter), "{} lets {letter:?} through", entry.name);
            }
            assert!(!text.contains("##["), "{} lets a runner command through", entry.name);
            let command = |line: &str| line.trim_start().starts_with("::") && entry.name != "github";
            assert!(!text.lines().any(command), "{} lets a workflow command through", entry.name);
        }
    }

    #[test]
    fn every_format_copes_with_no_report_and_with_no_image() {
        let empty = sample::without_images();
        for entry in FORMATS {
            let _ = (entry.render)(&[], &sample::context());
            let text = (entry.render)(std::slice::from_ref(&empty), &sample::context());
            assert!(!text.to_lowercase().contains("verdict: pass"), "{}", entry.name);
        }
    }
}
