//! The one table of all rules.

use super::Rule;

/// All rules, sorted by id.
pub const RULES: &[Rule] = &[
    super::accounts_duplicate_id::RULE,
    super::accounts_empty_password::RULE,
    super::base_age::RULE,
    super::base_allow::RULE,
    super::base_outdated::RULE,
    super::base_stages::RULE,
    super::base_tag::RULE,
    super::consistency_command::RULE,
    super::consistency_env::RULE,
    super::consistency_health::RULE,
    super::consistency_image_refs::RULE,
    super::consistency_ports::RULE,
    super::consistency_read_only::RULE,
    super::consistency_user::RULE,
    super::env_forbid_values::RULE,
    super::env_require::RULE,
    super::env_tls_off::RULE,
    super::exec_form::RULE,
    super::exec_init::RULE,
    super::exec_onbuild::RULE,
    super::exec_resolve::RULE,
    super::files_bytecode::RULE,
    super::files_capabilities::RULE,
    super::files_devices::RULE,
    super::files_empty::RULE,
    super::files_forbid::RULE,
    super::files_lastlog::RULE,
    super::files_logs::RULE,
    super::files_setuid::RULE,
    super::files_shell_relinked::RULE,
    super::files_whole_rootfs::RULE,
    super::files_world_writable::RULE,
    super::healthcheck_exec::RULE,
    super::healthcheck_exposed::RULE,
    super::healthcheck_present::RULE,
    super::healthcheck_shape::RULE,
    super::healthcheck_timing::RULE,
    super::history_add_instead_of_copy::RULE,
    super::history_chpasswd::RULE,
    super::history_dist_upgrade::RULE,
    super::history_insecure_download::RULE,
    super::history_sudo::RULE,
    super::history_update_alone::RULE,
    super::labels_maintainer::RULE,
    super::labels_require::RULE,
    super::layers_add_archive::RULE,
    super::layers_caches::RULE,
    super::layers_count::RULE,
    super::layers_duplicate::RULE,
    super::layers_timestamps::RULE,
    super::layers_waste::RULE,
    super::licenses_forbid::RULE,
    super::packages_database_removed::RULE,
    super::packages_forbid::RULE,
    super::packages_require::RULE,
    super::packages_tampered::RULE,
    super::packages_unowned::RULE,
    super::paths_volume_system::RULE,
    super::paths_workdir_system::RULE,
    super::platforms_match::RULE,
    super::platforms_parity::RULE,
    super::platforms_require::RULE,
    super::ports_exactly::RULE,
    super::ports_forbid::RULE,
    super::ports_range::RULE,
    super::ports_ssh::RULE,
    super::runtime_eol::RULE,
    super::secrets_content::RULE,
    super::secrets_incomplete::RULE,
    super::secrets_names::RULE,
    super::secrets_package_supplied::RULE,
    super::secrets_suspected::RULE,
    super::size_growth::RULE,
    super::size_own::RULE,
    super::size_total::RULE,
    super::supply_attestations::RULE,
    super::supply_provenance::RULE,
    super::supply_sbom_matches::RULE,
    super::supply_signature::RULE,
    super::tags_forbid::RULE,
    super::tags_immutable::RULE,
    super::tags_semver::RULE,
    super::user_exists::RULE,
    super::user_numeric::RULE,
    super::user_owns::RULE,
    super::user_path_usable::RULE,
    super::user_root::RULE,
    super::user_uid::RULE,
];

/// The rule of that id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::rules::{Check, Circumstances, Outcome, Proven, SettingsError, SettingsReader, SupplyEvidence};
    use crate::testkit::image::{circumstances, evidence, images};

    fn build(id: &str, settings: &str) -> Result<Box<dyn Check>, SettingsError> {
        let node = crate::yaml::parse(settings).expect("YAML");
        (find(id).expect("a rule").build)(&mut SettingsReader::new(&node))
    }

    /// What the rule says of the image.
    pub(in crate::rules) fn decide(id: &str, settings: &str, text: &str) -> Outcome {
        let (text, evidence) = evidence(text);
        let (circumstances, text) = with_proofs(text);
        decide_in(id, settings, &text, &Circumstances { evidence, ..circumstances })
    }

    /// Takes the lines about evidence out of the text of an image: `evidence complete`, `evidence gap WHY`,
    /// `evidence TYPE by SIGNER [builder ID] [source URL] [matches|differs]`.
    fn with_proofs(text: &str) -> (Circumstances, String) {
        let (about, image): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with("evidence "));
        let image = image.join("\n");
        let mut circumstances = circumstances(&image);
        if about.is_empty() {
            return (circumstances, image);
        }
        let mut evidence = SupplyEvidence::default();
        for line in about {
            let words: Vec<&str> = line.split(' ').skip(1).collect();
            let after = |word: &str| words.iter().position(|one| *one == word).map(|at| words[at + 1].to_owned());
            match words[0] {
                "complete" => {}
                "gap" => evidence.gap = Some(words[1..].join(" ")),
                kind => evidence.proofs.push(Proven {
                    predicate_type: kind.to_owned(),
                    signer: after("by").expect("a signer"),
                    builder: after("builder"),
                    sources: after("source").into_iter().collect(),
                    differences: match words.last() {
                        Some(&"matches") => Some(0),
                        Some(&"differs") => Some(3),
                        _ => None,
                    },
                }),
            }
        }
        circumstances.supply.insert(images(&image)[0].subject.digest.clone(), evidence);
        (circumstances, image)
    }

    /// What it says under these circumstances.
    pub(in crate::rules) fn decide_in(id: &str, settings: &str, text: &str, circumstances: &Circumstances) -> Outcome {
        let check = build(id, settings).unwrap_or_else(|error| panic!("{id} {settings}: {error}"));
        let images = images(text);
        check.decide_together(&images, circumstances).unwrap_or_else(|| check.decide_in(&images[0], circumstances))
    }

    /// Place and words of the complaint about these settings.
    pub(in crate::rules) fn complaint(id: &str, settings: &str) -> String {
        let Err(error) = build(id, settings) else { panic!("{id} accepts {settings}") };
        format!("{}:{}: {}", error.span.line, error.span.column, error.message)
    }

    #[test]
    fn every_example_behaves() {
        for rule in RULES {
            assert!(rule.flags.len() >= 2 && rule.passes.len() >= 2, "{}: too few examples", rule.id);
            for (settings, image) in rule.flags {
                let outcome = decide(rule.id, settings, image);
                assert!(outcome.is_fail(), "{} {settings} missed, {outcome:?}:\n{image}", rule.id);
            }
            for (settings, image) in rule.passes {
                let outcome = decide(rule.id, settings, image);
                assert!(matches!(outcome, Outcome::Pass(_)), "{} {settings} flagged, {outcome:?}:\n{image}", rule.id);
            }
        }
    }

    #[test]
    fn ids_are_sorted_and_codes_are_unique() {
        assert!(RULES.is_sorted_by(|left, right| left.id < right.id));
        let mut codes: Vec<&str> = RULES.iter().map(|rule| rule.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), RULES.len(), "a code is given twice");
        for rule in RULES {
            let digits = rule.code.strip_prefix("IG").expect(rule.code);
            assert!(digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{}", rule.code);
            let (group, name) = rule.id.split_once('.').expect(rule.id);
            let word =
                |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
            assert!(word(group) && word(name), "{}", rule.id);
        }
    }

    #[test]
    fn every_fault_tells_what_where_and_how_to_fix_it() {
        for rule in RULES {
            assert!(!rule.summary.is_empty() && !rule.summary.ends_with('.'), "{}", rule.id);
            assert!(rule.why.len() > 80 && rule.fix.contains('`'), "{}: says too little", rule.id);
            for (settings, image) in rule.flags {
                let Outcome::Fail(faults) = decide(rule.id, settings, image) else { panic!("{}", rule.id) };
                for fault in faults {
                    assert!(!fault.subject.is_empty(), "{}", rule.id);
                    assert!(
                        fault.message.contains('`') && !fault.message.ends_with('.'),
                        "{}: {}",
                        rule.id,
                        fault.message
                    );
                    assert!(fault.fix.is_none_or(|fix| !fix.is_empty()), "{}", rule.id);
                }
            }
        }
    }

    #[test]
    fn settings_are_closed_and_their_schemas_too() {
        for rule in RULES {
            assert!(complaint(rule.id, "{no-such-key: 1}").contains("no-such-key"), "{}", rule.id);
            let mut generator = schemars::SchemaGenerator::default();
            (rule.schema)(&mut generator);
            let definitions = serde_json::to_value(generator.definitions()).expect("JSON");
            let tables = definitions.as_object().expect("an object").values();
            for table in tables.filter(|table| table["type"] == "object" && table.get("properties").is_some()) {
                assert_eq!(table["additionalProperties"], false, "{}: {table}", rule.id);
            }
        }
    }

    #[test]
    fn ids_and_codes_never_change() {
        let list: Vec<String> = RULES.iter().map(|rule| format!("{} {}", rule.code, rule.id)).collect();
        insta::assert_snapshot!(list.join("\n"), @r"
        IG1602 accounts.duplicate-id
        IG1601 accounts.empty-password
        IG0202 base.age
        IG0201 base.allow
        IG0203 base.outdated
        IG0205 base.stages
        IG0204 base.tag
        IG1906 consistency.command
        IG1907 consistency.env
        IG1902 consistency.health
        IG1905 consistency.image-refs
        IG1901 consistency.ports
        IG1904 consistency.read-only
        IG1903 consistency.user
        IG0901 env.forbid-values
        IG0902 env.require
        IG0903 env.tls-off
        IG1502 exec.form
        IG1503 exec.init
        IG1504 exec.onbuild
        IG1501 exec.resolve
        IG0306 files.bytecode
        IG0303 files.capabilities
        IG0311 files.devices
        IG0305 files.empty
        IG0302 files.forbid
        IG0308 files.lastlog
        IG0310 files.logs
        IG0301 files.setuid
        IG0309 files.shell-relinked
        IG0307 files.whole-rootfs
        IG0304 files.world-writable
        IG0702 healthcheck.exec
        IG0706 healthcheck.exposed
        IG0701 healthcheck.present
        IG0703 healthcheck.shape
        IG0704 healthcheck.timing
        IG1801 history.add-instead-of-copy
        IG1805 history.chpasswd
        IG1803 history.dist-upgrade
        IG1804 history.insecure-download
        IG1806 history.sudo
        IG1802 history.update-alone
        IG0802 labels.maintainer
        IG0801 labels.require
        IG0407 layers.add-archive
        IG0403 layers.caches
        IG0404 layers.count
        IG0405 layers.duplicate
        IG0406 layers.timestamps
        IG0402 layers.waste
        IG1301 licenses.forbid
        IG1205 packages.database-removed
        IG1201 packages.forbid
        IG1202 packages.require
        IG1203 packages.tampered
        IG1204 packages.unowned
        IG1701 paths.volume-system
        IG1702 paths.workdir-system
        IG1002 platforms.match
        IG1003 platforms.parity
        IG1001 platforms.require
        IG0601 ports.exactly
        IG0602 ports.forbid
        IG0604 ports.range
        IG0603 ports.ssh
        IG1401 runtime.eol
        IG0501 secrets.content
        IG0504 secrets.incomplete
        IG0505 secrets.names
        IG0503 secrets.package-supplied
        IG0506 secrets.suspected
        IG0409 size.growth
        IG0408 size.own
        IG0401 size.total
        IG2102 supply.attestations
        IG2103 supply.provenance
        IG2104 supply.sbom-matches
        IG2101 supply.signature
        IG1101 tags.forbid
        IG1103 tags.immutable
        IG1102 tags.semver
        IG0102 user.exists
        IG0104 user.numeric
        IG0106 user.owns
        IG0105 user.path-usable
        IG0101 user.root
        IG0103 user.uid
        ");
    }
}
