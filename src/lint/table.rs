//! The one table of all rules about Dockerfiles.

use super::LintRule;
use super::rules as all;

/// All rules, sorted by id.
pub const RULES: &[LintRule] = &[
    all::add_local::RULE,
    all::add_remote::RULE,
    all::apk_cache::RULE,
    all::apt_interactive::RULE,
    all::apt_lists::RULE,
    all::apt_recommends::RULE,
    all::apt_update_alone::RULE,
    all::apt_yes::RULE,
    all::base_tag::RULE,
    all::casing::RULE,
    all::cd::RULE,
    all::copy_destination::RULE,
    all::copy_order::RULE,
    all::dnf_cache::RULE,
    all::empty_continuation::RULE,
    all::expose::RULE,
    all::json_form::RULE,
    all::legacy_pair::RULE,
    all::maintainer::RULE,
    all::pip_cache::RULE,
    all::pipefail::RULE,
    all::platform_flag::RULE,
    all::repeated_instruction::RULE,
    all::secret_argument::RULE,
    all::secret_value::RULE,
    all::shell_form::RULE,
    all::stage_name::RULE,
    all::sudo::RULE,
    all::syntax::RULE,
    all::undefined_stage::RULE,
    all::undefined_variable::RULE,
    all::unknown_instruction::RULE,
    all::unverified_download::RULE,
    all::user_missing::RULE,
    all::user_root::RULE,
    all::waiver::RULE,
    all::workdir_relative::RULE,
];

/// The rule of that id.
#[must_use]
pub fn find(id: &str) -> Option<&'static LintRule> {
    RULES.iter().find(|rule| rule.id == id)
}
