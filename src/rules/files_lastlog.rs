//! `files.lastlog`: no login records grown to gigabytes by a large user id.

use serde::Deserialize;

use crate::model::{Entry, ImageFacts};

use super::setting::Size;
use super::words::{self, bytes, code};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

/// Records that are indexed by user id (`lastlog(8)`, `faillog(5)`, `pam_tally2(8)`).
const RECORDS: &[&str] = &["var/log/lastlog", "var/log/faillog", "var/log/tallylog"];

pub(super) const RULE: Rule = Rule {
    id: "files.lastlog",
    code: "IG0308",
    level: Level::Warn,
    summary: "login records take room for millions of users",
    why: "`useradd` writes a record at the place that belongs to the user's number. For a large uid the file has a hole of \
          gigabytes, which archives and file systems of images store as zeros: building gets slow, the layer huge, and disks fill up \
          where it is unpacked.",
    fix: "Make the user without the record, or with a smaller number:\n\n```dockerfile\nRUN useradd --no-log-init --uid 10001 app\n```",
    flags: &[
        ("", "0664 0:43 var/log/lastlog @290GB"),
        ("", "0644 0:0 var/log/faillog @32MB\nlayer RUN rm /var/log/faillog\n0644 0:0 var/log/.wh.faillog"),
        ("{max: 1kB}", "0664 0:43 var/log/lastlog @290kB"),
    ],
    passes: &[
        ("", "0664 0:43 var/log/lastlog @290kB"),
        ("", "0644 0:0 var/log/dpkg.log @32MB"),
        ("{max: 1TB}", "0664 0:43 var/log/lastlog @290GB"),
    ],
    build: |settings| Ok(Box::new(settings.read::<Lastlog>()?)),
    schema: |generator| generator.subschema_for::<Lastlog>(),
};

/// How large the records may be.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Lastlog {
    /// Largest size of one of them; 10MB when not given.
    max: Size,
}

impl Default for Lastlog {
    fn default() -> Self {
        Self { max: Size(10_000_000) }
    }
}

impl Check for Lastlog {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let visible = RECORDS.iter().filter_map(|path| image.file(path)).map(|file| (&file.entry, file.changed));
        let hidden = image.hidden.iter().filter(|hidden| RECORDS.contains(&hidden.entry.path.as_ref()));
        let all = visible.chain(hidden.map(|hidden| (&hidden.entry, hidden.layer)));
        let fault = |(Entry { path, size, .. }, layer): (&Entry, u32)| Fault {
            subject: path.to_string(),
            message: format!(
                "{} is {} large in {}, accepted are `{}`",
                code(format!("/{path}")),
                bytes(*size),
                words::layer(image, layer),
                self.max
            ),
            seat: Seat::Layer(layer),
            fix: None,
        };
        let faults = all.filter(|(entry, _)| entry.size > self.max.0).map(fault).collect();
        Outcome::of_tree(image, faults, String::new())
    }
}
