//! The rules: one file each, data first, then one pure function over [`ImageFacts`].

use crate::model::ImageFacts;

mod accounts_duplicate_id;
mod accounts_empty_password;
mod base_age;
mod base_allow;
mod base_outdated;
mod base_stages;
mod base_tag;
mod cache_kind;
mod circumstances;
mod consistency_command;
mod consistency_env;
mod consistency_health;
mod consistency_image_refs;
mod consistency_ports;
mod consistency_read_only;
mod consistency_user;
mod env_forbid_values;
mod env_require;
mod env_tls_off;
mod exec;
mod exec_form;
mod exec_init;
mod exec_onbuild;
mod exec_resolve;
mod files_bytecode;
mod files_capabilities;
mod files_devices;
mod files_empty;
mod files_forbid;
mod files_lastlog;
mod files_logs;
mod files_setuid;
mod files_shell_relinked;
mod files_whole_rootfs;
mod files_world_writable;
mod healthcheck_exec;
mod healthcheck_exposed;
mod healthcheck_present;
mod healthcheck_shape;
mod healthcheck_timing;
mod history_add_instead_of_copy;
mod history_chpasswd;
mod history_dist_upgrade;
mod history_insecure_download;
mod history_sudo;
mod history_text;
mod history_update_alone;
mod label_format;
mod labels_maintainer;
mod labels_require;
mod layers_add_archive;
mod layers_caches;
mod layers_count;
mod layers_duplicate;
mod layers_timestamps;
mod layers_waste;
mod licenses_forbid;
mod outcome;
mod package_facts;
mod packages_database_removed;
mod packages_forbid;
mod packages_require;
mod packages_tampered;
mod packages_unowned;
mod paths_volume_system;
mod paths_workdir_system;
mod platforms_match;
mod platforms_parity;
mod platforms_require;
mod ports_exactly;
mod ports_forbid;
mod ports_range;
mod ports_ssh;
mod probe;
mod recorded;
mod runtime_eol;
mod secret_places;
mod secrets_content;
mod secrets_incomplete;
mod secrets_names;
mod secrets_package_supplied;
mod secrets_suspected;
pub mod setting;
mod settings;
mod size_growth;
mod size_own;
mod size_total;
mod supply_attestations;
mod supply_evidence;
mod supply_provenance;
mod supply_sbom_matches;
mod supply_signature;
mod system_path;
mod table;
mod tags_forbid;
mod tags_immutable;
mod tags_semver;
mod tree;
mod user;
mod user_exists;
mod user_numeric;
mod user_owns;
mod user_path_usable;
mod user_root;
mod user_uid;
mod words;
mod workloads;

pub use circumstances::{Accepted, Circumstances, Earlier, EarlierImage, Proven, SupplyEvidence};
pub use outcome::{Fault, Outcome, Seat};
pub use settings::{SettingsError, SettingsReader};
pub use table::{RULES, find};
pub use words::code_within;

/// What a failed rule means for the verdict.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Not judged.
    Off,
    /// Told, without weight.
    Info,
    /// Told; the verdict stays.
    Warn,
    /// A failure is a violation; undecided makes the verdict inconclusive.
    Deny,
}

/// A rule: what it is called, what it means, how it is built from its settings. Registered in [`RULES`].
pub struct Rule {
    /// What the policy file says: `group.rule`. Stable.
    pub id: &'static str,
    /// Frozen code for SARIF: `IG` and four digits. Never reused.
    pub code: &'static str,
    /// The level when a policy gives only settings.
    pub level: Level,
    /// One line: what a finding says, as a lowercase fragment.
    pub summary: &'static str,
    /// Why it matters: Markdown, without a heading.
    pub why: &'static str,
    /// How to fix it: Markdown, without a heading.
    pub fix: &'static str,
    /// Settings (YAML flow text, may be empty) and an image as text that the rule flags; see `testkit::image`.
    pub flags: &'static [(&'static str, &'static str)],
    /// The same for images that it passes.
    pub passes: &'static [(&'static str, &'static str)],
    /// Reads the settings.
    pub build: fn(&mut SettingsReader<'_>) -> Result<Box<dyn Check>, SettingsError>,
    /// JSON schema of the settings.
    pub schema: fn(&mut schemars::SchemaGenerator) -> schemars::Schema,
}

impl Rule {
    /// Whether it looks at [`ImageFacts::packages`], which are put together only when somebody asks.
    #[must_use]
    pub fn reads_packages(&self) -> bool {
        ["packages.", "licenses.", "runtime.", "platforms.parity", "supply.sbom-matches"]
            .iter()
            .any(|group| self.id.starts_with(group))
    }
}

/// A rule with its settings: a pure function.
pub trait Check: Send + Sync {
    /// Judges one platform's image.
    fn decide(&self, image: &ImageFacts) -> Outcome;

    /// Judges it under the circumstances of a run; most rules do not depend on them.
    fn decide_in(&self, image: &ImageFacts, _: &Circumstances) -> Outcome {
        self.decide(image)
    }

    /// Judges all inspected images of one reference together; none when the rule judges each by itself. The answer counts for
    /// every one of them, and is told once.
    fn decide_together(&self, _: &[ImageFacts], _: &Circumstances) -> Option<Outcome> {
        None
    }

    /// Canonical names of base images that its settings name exactly: those that `imgguard bases update` looks up.
    fn named_bases(&self) -> Vec<String> {
        Vec::new()
    }
}
