use std::collections::BTreeMap;

use super::super::fake::table;
use super::super::{Origin, render};
use super::*;
use crate::rules::{Level, Outcome};

const PRESET: &str = "version: 1\nname: soft\nrules:\n  size:\n    total: { level: warn, basis: uncompressed, below: 2GB }\n  user:\n    root: deny\n";
const HARD: &str = "version: 1\nextends: [\"@soft\"]\nrules:\n  size:\n    total: { below: 1GB }\n";

/// Reads `imgguard.yaml` with the texts of other files beside it.
fn read(text: &str, files: &[(&str, &str)]) -> Result<Policy, PolicyErrors> {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    let presets: &[Preset] = &[("@soft", PRESET), ("@hard", HARD)];
    let mut load = |path: &str| files.get(path).map(|text| (*text).to_owned()).ok_or_else(|| format!("no file {path}"));
    // 2026-11-25, noon.
    parse_with(table(), presets, text, "ci/imgguard.yaml", &mut Files(&mut load), Some(1_795_608_000))
}

fn good(text: &str, files: &[(&str, &str)]) -> Policy {
    read(text, files).unwrap_or_else(|errors| panic!("{errors}"))
}

/// All complaints, one per line, without the name of the file when it is the first one.
fn complaints(text: &str, files: &[(&str, &str)]) -> String {
    let Err(errors) = read(text, files) else { panic!("accepted: {text}") };
    errors.to_string().replace("ci/imgguard.yaml:", "")
}

fn hints(text: &str) -> Vec<String> {
    let Err(errors) = read(text, &[]) else { panic!("accepted: {text}") };
    errors.errors().iter().map(|error| error.hint.clone().unwrap_or_default()).collect()
}

/// Id, level, what the rule answers, and where it was last set.
fn effect(policy: &Policy) -> Vec<(&'static str, Level, String, String)> {
    let image = super::super::fake::image("a");
    let rules = policy.rules.iter().map(|configured| {
        let Outcome::Pass(says) = configured.check.decide(&image) else { panic!("fake rules pass") };
        let Origin { file, line } = &configured.origin;
        (id(configured), configured.level, says, format!("{file}:{line}"))
    });
    rules.collect()
}

fn id(configured: &crate::policy::Configured) -> &'static str {
    table().iter().map(|rule| rule.id).find(|id| configured.rule.id == *id).expect("a rule of the table")
}

fn rules(lines: &str) -> String {
    format!("version: 1\nrules:\n{lines}")
}

#[test]
fn levels_and_tables_are_read_and_rules_come_sorted() {
    let policy = good(&rules("  user:\n    root: info\n  ports: { exactly: { ports: [80/tcp], level: warn } }\n"), &[]);
    assert_eq!(
        effect(&policy),
        [
            ("ports.exactly", Level::Warn, "80/tcp".to_owned(), "ci/imgguard.yaml:5".to_owned()),
            ("user.root", Level::Info, String::new(), "ci/imgguard.yaml:4".to_owned()),
        ]
    );
    assert_eq!(policy.name, "ci/imgguard.yaml", "a policy without a name goes by its file");
}

#[test]
fn a_rule_nobody_names_is_off_and_off_is_a_word() {
    let policy = good(&rules("  user:\n    root: deny\n    exists: off\n"), &[]);
    assert_eq!(policy.rules.len(), 1);
    assert_eq!(
        complaints(&rules("  user:\n    root: false\n"), &[]),
        "4:11: a level or a table of settings is wanted here, not a boolean"
    );
    assert_eq!(hints(&rules("  user:\n    root: false\n")), ["did you mean `off`?"]);
}

#[test]
fn a_level_alone_keeps_the_settings_of_the_parent() {
    let policy = good("version: 1\nextends: [\"@soft\"]\nrules: { size: { total: deny } }\n", &[]);
    let expected = ("size.total", Level::Deny, "Size(2000000000)".to_owned(), "ci/imgguard.yaml:3".to_owned());
    assert_eq!(effect(&policy)[0], expected);
}

#[test]
fn a_table_replaces_the_settings_key_by_key_and_keeps_the_level() {
    let policy = good("version: 1\nextends: [\"@soft\"]\nrules:\n  size:\n    total: { below: 3GB }\n", &[]);
    let expected = ("size.total", Level::Warn, "Size(3000000000)".to_owned(), "ci/imgguard.yaml:5".to_owned());
    assert_eq!(effect(&policy)[0], expected);
}

#[test]
fn null_takes_an_inherited_setting_away() {
    let text = "version: 1\nextends: [./base.yaml]\nrules: { base: { allow: { refs: null } } }\n";
    let base = rules("  base:\n    allow: { refs: [a, b] }\n");
    assert_eq!(effect(&good(text, &[("base.yaml", &base)]))[0].2, "0 refs, 0 known");
    assert_eq!(
        complaints(&rules("  base: { allow: { refs: ~ } }\n"), &[]),
        "3:20: there is no inherited `refs` to take away"
    );
    assert_eq!(complaints(&rules("  base:\n    allow:\n      refs:\n"), &[]), "5:7: `refs` has no value");
}

#[test]
fn settings_for_a_rule_that_was_off_switch_it_on() {
    let text = "version: 1\nextends: [./off.yaml]\nrules: { size: { total: { below: 1GB } } }\n";
    let off = "version: 1\nextends: [\"@soft\"]\nrules: { size: { total: off } }\n";
    let policy = good(text, &[("off.yaml", off)]);
    assert_eq!(effect(&policy)[0].1, Level::Deny, "at its default level");
    assert!(good(off, &[]).rules.iter().all(|configured| configured.rule.id != "size.total"));
}

#[test]
fn parents_apply_from_left_to_right_each_once() {
    let one = "version: 1\nextends: [\"@soft\"]\nrules: { size: { total: { below: 5GB } } }\n";
    let two = "version: 1\nextends: [\"@soft\"]\nrules: { user: { exists: warn } }\n";
    let policy = good("version: 1\nextends: [./one.yaml, ./two.yaml]\n", &[("one.yaml", one), ("two.yaml", two)]);
    assert_eq!(
        effect(&policy)[0].2,
        "Size(5000000000)",
        "the preset, coming again with two.yaml, does not undo one.yaml"
    );
    let reversed = good("version: 1\nextends: [./two.yaml, \"@hard\"]\n", &[("two.yaml", two)]);
    assert_eq!(effect(&reversed)[0].2, "Size(1000000000)");
    assert_eq!(
        complaints("version: 1\nextends: [\"@hard\", \"@soft\"]\n", &[]),
        "2:20: `@soft` is already part of what stands before it"
    );
}

#[test]
fn local_files_are_named_from_the_file_they_stand_in() {
    let files = [
        ("sub/a.yaml", "version: 1\nextends: [./b.yaml, ../c.yaml]\n"),
        ("sub/b.yaml", "version: 1\nrules: { user: { root: deny } }\n"),
        ("c.yaml", "version: 1\nextends: [../up/d.yaml]\n"),
        ("../up/d.yaml", "version: 1\nrules: { user: { exists: warn } }\n"),
    ];
    let policy = good("version: 1\nextends: [./sub/a.yaml]\n", &files);
    let origins: Vec<_> = policy.rules.iter().map(|configured| configured.origin.file.as_str()).collect();
    assert_eq!(origins, ["ci/../up/d.yaml", "ci/sub/b.yaml"]);
}

#[test]
fn extends_that_lead_nowhere_are_refused() {
    let extends = |what: &str| complaints(&format!("version: 1\nextends: [{what}]\n"), &[]);
    assert_eq!(extends("\"@sofd\""), "2:11: there is no preset `@sofd`");
    assert_eq!(extends("soft"), "2:11: `soft` is neither a preset nor a file");
    assert_eq!(hints("version: 1\nextends: [soft]\n"), ["did you mean `@soft`?"]);
    assert_eq!(hints("version: 1\nextends: [\"@sofd\"]\n"), ["did you mean `@soft`?"]);
    assert_eq!(extends("/etc/x.yaml"), "2:11: `/etc/x.yaml` is neither a preset nor a file");
    assert_eq!(extends("./x.yaml"), "2:11: `./x.yaml` could not be read: no file x.yaml");
    assert_eq!(extends("./"), "2:11: `./` does not name a file");
    assert_eq!(extends("../.."), "2:11: `../..` does not name a file");
    assert_eq!(extends("oci://a/b"), "2:11: `oci://a/b` is not pinned by a digest");
    assert_eq!(extends("https://a/b"), "2:11: policies cannot be read from `https://a/b`");
    assert_eq!(extends("\"@soft\", \"@soft\""), "2:20: `@soft` is given twice");
    assert_eq!(extends(""), "2:10: the list is empty");
    assert_eq!(extends("1.10"), "2:11: text is wanted here, not a number");
    assert_eq!(
        complaints("version: 1\nextends: \"@soft\"\n", &[]),
        "2:10: a list of presets, files and bundles is wanted here, not text"
    );
}

#[test]
fn a_policy_that_extends_itself_is_refused_where_the_circle_closes() {
    let files = [("a.yaml", "version: 1\nextends: [./b.yaml]\n"), ("b.yaml", "version: 1\nextends: [./x/../a.yaml]\n")];
    assert_eq!(
        complaints("version: 1\nextends: [./a.yaml]\n", &files),
        "ci/b.yaml:2:11: the policy extends itself: `imgguard.yaml` extends `a.yaml` extends `b.yaml` extends `a.yaml`"
    );
    let own = complaints("version: 1\nextends: [./imgguard.yaml]\n", &[]);
    assert!(own.starts_with("2:11: the policy extends itself"), "{own}");
}

#[test]
fn depth_and_number_of_files_are_bounded() {
    let load = |path: &str| {
        let number: usize = path.trim_end_matches(".yaml").parse().expect("a number");
        let rule = if number == 8 { "rules: { user: { root: deny } }" } else { "" };
        let next = if number == 8 { String::new() } else { format!("extends: [./{}.yaml]\n", number + 1) };
        Ok(format!("version: 1\n{next}{rule}\n"))
    };
    let chain = |first: usize| {
        let text = format!("version: 1\nextends: [./{first}.yaml]\n");
        parse_with(table(), &[], &text, "p.yaml", &mut Files(&mut { load }), None)
    };
    assert!(chain(1).is_ok(), "eight parents");
    let Err(errors) = chain(0) else { panic!("nine parents") };
    assert_eq!(errors.to_string(), "7.yaml:2:11: `extends` goes deeper than 8 files");

    let list: Vec<String> = (100..200).map(|number| format!("./{number}.yaml")).collect();
    let text = format!("version: 1\nextends: [{}]\n", list.join(", "));
    let Err(errors) =
        parse_with(table(), &[], &text, "p.yaml", &mut Files(&mut |_| Ok("version: 1\n".to_owned())), None)
    else {
        panic!("a hundred parents")
    };
    assert!(errors.to_string().contains("the policy is made of more than 64 files"));
    let Err(errors) = read(&format!("# {}\n", "x".repeat(MAX_BYTES)), &[]) else { panic!("a megabyte") };
    assert!(errors.to_string().contains("more than 1048576 bytes of policy"));
}

#[test]
fn a_wrong_setting_points_into_the_file_that_has_it() {
    let base = rules("  size:\n    total: { basis: uncompressed, below: 2 }\n");
    let text = "version: 1\nextends: [./base.yaml]\nrules:\n  size:\n    total: { warn-at: 1 }\n";
    assert_eq!(
        complaints(text, &[("base.yaml", &base)]),
        "ci/base.yaml:4:42: size.total: text is wanted here, not the number `2`",
        "serde stops at the first wrong setting of a rule"
    );
    let text = "version: 1\nextends: [\"@soft\"]\nrules:\n  size:\n    total: { warn-at: 1GX }\n";
    assert!(complaints(text, &[]).starts_with("5:23: size.total: `1GX` is not a size"));
    let text = "version: 1\nextends: [\"@soft\"]\nrules:\n  size:\n    total: { warn-att: 1GB }\n";
    assert_eq!(complaints(text, &[]), "5:14: size.total: unknown key `warn-att`");
    assert_eq!(hints(text), ["did you mean `warn-at`?"]);
}

#[test]
fn a_mandatory_setting_that_nobody_gives_points_at_the_rule() {
    assert_eq!(complaints(&rules("  ports:\n    exactly: deny\n"), &[]), "4:5: ports.exactly: `ports` is missing");
    assert_eq!(hints(&rules("  ports:\n    exactly: deny\n")), ["`imgguard rules ports.exactly` tells its settings"]);
    assert_eq!(
        complaints(&rules("  ports: { exactly: { ports: [] } }\n"), &[]),
        "3:30: ports.exactly: `ports` is empty"
    );
}

#[test]
fn a_rule_that_is_off_with_wrong_settings_is_wrong_all_the_same() {
    let text = rules("  user: { root: deny }\n  ports: { exactly: { level: off, port: [1] } }\n");
    assert_eq!(complaints(&text, &[]), "4:35: ports.exactly: unknown key `port`");
}

#[test]
fn unknown_names_come_with_the_nearest_known_one() {
    let cases = [
        ("version: 1\nruels: {}\n", "2:1: unknown key `ruels`", "did you mean `rules`?"),
        ("version: 1\nrules: { usr: { root: deny } }\n", "2:10: unknown group `usr`", "did you mean `user`?"),
        ("version: 1\nrules: { user: { rot: deny } }\n", "2:18: there is no rule `user.rot`", "did you mean `root`?"),
        (
            "version: 1\nrules: { user: { total: deny } }\n",
            "2:18: there is no rule `user.total`",
            "did you mean `size.total`?",
        ),
        ("version: 1\nrules: { root: deny }\n", "2:10: unknown group `root`", "did you mean `user.root`?"),
        (
            "version: 1\nrules: { user: { zzz: deny } }\n",
            "2:18: there is no rule `user.zzz`",
            "rules of `user` are `user.exists`, `user.root`",
        ),
        (
            "version: 1\nrules: { user.root: deny }\n",
            "2:10: rule `user.root` stands outside of its group",
            "write `user: { root: … }`",
        ),
        ("version: 1\nrules: { user: { root: denny } }\n", "2:24: `denny` is not a level", "did you mean `deny`?"),
        (
            "version: 1\nrules: { user: { root: 7 } }\n",
            "2:24: a level or a table of settings is wanted here, not a number",
            "levels are `deny`, `warn`, `info`, `off`",
        ),
        (
            "version: 1\nrules: { user: { root: { levle: deny } } }\n",
            "2:26: unknown key `levle`",
            "did you mean `level`?",
        ),
        (
            "version: 1\nrules: { user: deny }\n",
            "2:16: a table of rules is wanted here, not text",
            "rules of `user` are `exists`, `root`",
        ),
    ];
    for (text, complaint, hint) in cases {
        assert_eq!(complaints(text, &[]), complaint, "{text}");
        assert_eq!(hints(text), [hint], "{text}");
    }
}

#[test]
fn what_every_rule_may_be_told_is_read_inherited_and_checked() {
    let base = rules("  user:\n    root: { since: 2027-01-01, scope: own, platforms: [linux/amd64] }\n");
    let child = "version: 1\nextends: [./base.yaml]\nrules: { user: { root: { scope: all } } }\n";
    let policy = good(child, &[("base.yaml", &base)]);
    let common = &policy.rules[0].common;
    // 2027-01-01, midnight.
    assert_eq!(common.since.map(|since| since.start), Some(1_798_761_600));
    assert_eq!((common.scope, common.platforms.len()), (crate::policy::Scope::All, 1));
    for (text, complaint) in [
        ("since: 01-01-2027", "4:20: `01-01-2027` is no day: write it as `2027-01-31`"),
        ("since: true", "4:20: a day such as `2027-01-31` is wanted here, not the boolean `true`"),
        ("scope: mine", "4:20: unknown value `mine`"),
        ("platforms: []", "4:24: an empty list matches nothing: name at least one, or turn the rule `off`"),
        ("platforms: [amd64]", "4:25: "),
        ("since:", "4:13: `since` has no value"),
    ] {
        let found = complaints(&rules(&format!("  user:\n    root: {{ {text} }}\n")), &[]);
        assert!(found.starts_with(complaint), "{text}: {found}");
    }
}

const WAIVER: &str =
    "  - { rule: user.root, match: { subject: USER }, reason: old, owner: \"@ops\", until: 2027-01-15 }\n";

fn waived(waiver: &str) -> String {
    format!("version: 1\nrules: {{ user: {{ root: deny }} }}\nwaivers:\n{waiver}")
}

#[test]
fn a_waiver_needs_all_its_parts() {
    let policy = good(&waived(WAIVER), &[]);
    let waiver = &policy.waivers[0];
    assert_eq!((waiver.rule.as_str(), waiver.owner.as_str()), ("user.root", "@ops"));
    assert_eq!((waiver.last_day().as_str(), waiver.origin.line), ("2027-01-15", 4));
    let without = |part: &str| complaints(&waived(&WAIVER.replace(part, "")), &[]);
    assert_eq!(without(", reason: old"), "4:7: a waiver without `reason`");
    assert_eq!(without(", owner: \"@ops\""), "4:7: a waiver without `owner`");
    assert_eq!(without(", until: 2027-01-15"), "4:7: a waiver without `until`");
    assert_eq!(without(" match: { subject: USER },"), "4:7: a waiver without `match`");
    let with = |from: &str, to: &str| complaints(&waived(&WAIVER.replace(from, to)), &[]);
    assert_eq!(with("{ subject: USER }", "{}"), "4:31: an empty `match` would waive every finding of the rule");
    assert_eq!(with("{ subject: USER }", "USER"), "4:31: a table is wanted here, not text");
    assert_eq!(with("subject: USER", "port: 80/tcp"), "4:33: findings of `user.root` are not told apart by `port`");
    assert_eq!(with("reason: old", "reason: \" \""), "4:58: this must not be empty");
    assert_eq!(with("2027-01-15", "true"), "4:85: a day such as `2027-01-31` is wanted here, not the boolean `true`");
    assert_eq!(with("2027-01-15", "15-01-2027"), "4:85: `15-01-2027` is no day: write it as `2027-01-31`");
    assert_eq!(with("user.root", "user.rot"), "4:13: there is no rule `user.rot`");
    assert_eq!(with("rule: user.root", "rule: user.root, rules: x"), "4:24: unknown key `rules`");
}

#[test]
fn a_waiver_lasts_no_longer_than_the_policy_or_its_parent_allows() {
    let limits = "limits: { waiver-days: 30 }\n";
    let long = "the waiver lasts longer than the 30 days that the policy allows";
    assert_eq!(complaints(&format!("{}{limits}", waived(WAIVER)), &[]), format!("4:85: {long}"));
    let soon = WAIVER.replace("2027-01-15", "2026-12-25");
    assert_eq!(good(&format!("{}{limits}", waived(&soon)), &[]).waivers.len(), 1);
    let base = format!("version: 1\n{limits}rules: {{ user: {{ root: deny }} }}\n");
    let child = format!("version: 1\nextends: [./base.yaml]\nwaivers:\n{WAIVER}");
    assert_eq!(complaints(&child, &[("base.yaml", &base)]), format!("4:85: {long}"));
    let raise = "version: 1\nextends: [./base.yaml]\nlimits: { waiver-days: 90 }\n";
    let problem = complaints(raise, &[("base.yaml", &base)]);
    assert_eq!(problem, "3:24: `waiver-days` is 90, but a parent allows 30 at most");
    assert!(complaints("version: 1\nlimits: { waiver-days: 0 }\n", &[]).starts_with("2:24: "));
}

#[test]
fn a_locked_rule_may_only_be_made_tighter() {
    let base = "version: 1\nlock: [size.total, user]\nrules:\n  user: { root: deny, exists: warn }\n  size: { total: { level: warn, basis: uncompressed, below: 2GB } }\n";
    let child = |rules: &str| format!("version: 1\nextends: [./base.yaml]\nrules: {{ {rules} }}\n");
    let refused = |rules: &str| complaints(&child(rules), &[("base.yaml", base)]);
    good(&child("user: { root: deny, exists: deny }, size: { total: deny }"), &[("base.yaml", base)]);
    assert_eq!(
        refused("user: { root: warn }"),
        "3:24: `user.root` is locked: the level may not fall from `deny` to `warn`"
    );
    assert_eq!(
        refused("size: { total: { basis: compressed } }"),
        "3:34: `size.total` is locked: `basis` may not change from `uncompressed` to `compressed`"
    );
    assert_eq!(
        refused("user: { root: { since: 2027-01-01 } }"),
        "3:33: `user.root` is locked: `since` may not hold it back"
    );
    assert_eq!(
        refused("user: { root: { scope: own } }"),
        "3:33: `user.root` is locked: `scope` may not leave findings out"
    );
    assert_eq!(
        refused("user: { root: { platforms: [linux/arm64] } }"),
        "3:37: `user.root` is locked: `platforms` may not leave platforms out"
    );
    let waiver = format!("version: 1\nextends: [./base.yaml]\nwaivers:\n{WAIVER}");
    assert_eq!(complaints(&waiver, &[("base.yaml", base)]), "4:13: `user.root` is locked: it cannot be waived");
    assert_eq!(complaints("version: 1\nlock: [usr]\n", &[]), "2:8: there is no rule and no group `usr`");
}

#[test]
fn a_weakened_lock_shows_both_places() {
    let base = "version: 1\nlock: [user.root]\nrules: { user: { root: deny } }\n";
    let text = "version: 1\nextends: [./base.yaml]\nrules:\n  user:\n    root: warn\n";
    let Err(errors) = read(text, &[("base.yaml", base)]) else { panic!("wrong on purpose") };
    insta::assert_snapshot!(render(&errors, false), @r"
    error: `user.root` is locked: the level may not fall from `deny` to `warn`
     --> ci/imgguard.yaml:5:11
      |
    5 |     root: warn
      |           ^^^^
      |
     ::: ci/base.yaml:2:8
      |
    2 | lock: [user.root]
      |        --------- locked here
      |
      = help: a locked rule may only be made tighter
    ");
}

#[test]
fn version_and_name_are_checked_in_every_file() {
    let rest = "rules: { user: { root: deny } }\n";
    assert_eq!(complaints(rest, &[]), "1:1: `version` is missing");
    assert_eq!(complaints(&format!("version: \"1\"\n{rest}"), &[]), "1:10: the number 1 is wanted here, not text");
    assert_eq!(complaints(&format!("version: 2\n{rest}"), &[]), "1:10: version 2 of the policy format is not known");
    assert_eq!(complaints(&format!("version: 1\nname: 1.10\n{rest}"), &[]), "2:7: text is wanted here, not a number");
    assert_eq!(hints(&format!("version: 1\nname: 1.10\n{rest}")), ["put it in quotes: `\"1.10\"`"]);
    assert_eq!(
        complaints(&format!("version: 1\nname: \"a\\e[31m\"\n{rest}"), &[]),
        "2:7: the name holds a control character"
    );
    assert_eq!(
        complaints(&format!("version: 1\nextends: [./a.yaml]\n{rest}"), &[("a.yaml", rest)]),
        "ci/a.yaml:1:1: `version` is missing"
    );
    assert_eq!(complaints("- 1\n", &[]), "1:1: a table with `version` and `rules` is wanted here, not a list");
}

#[test]
fn a_policy_that_switches_nothing_on_would_pass_everything_and_is_refused() {
    for text in ["version: 1\n", "version: 1\nrules: {}\n", "version: 1\nrules: { user: { root: off } }\n"] {
        assert_eq!(complaints(text, &[]), "1:1: the policy switches no rule on, so it would pass every image");
    }
    assert_eq!(complaints("", &[]), "1:1: `version` is missing");
    assert_eq!(complaints("version: 1\nrules:\n", &[]), "2:1: a table of groups is wanted here, not nothing");
}

#[test]
fn known_bases_reach_the_rule_from_every_file() {
    let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let bases = |name: &str| format!("bases: [{{ ref: {name}, diff-ids: [\"{digest}\"] }}]\n");
    let base = format!("version: 1\n{}rules: {{ base: {{ allow: {{ refs: [x] }} }} }}\n", bases("a"));
    let text = format!("version: 1\nextends: [./base.yaml]\n{}", bases("b"));
    assert_eq!(effect(&good(&text, &[("base.yaml", &base)]))[0].2, "1 refs, 2 known");

    let alone = format!("version: 1\n{}rules: {{ user: {{ root: deny }} }}\n", bases("a"));
    assert_eq!(complaints(&alone, &[]), "2:8: `bases` is given, but no rule `base.allow` reads it");
    let wrong =
        |bases: &str| complaints(&format!("version: 1\nbases: {bases}\nrules: {{ base: {{ allow: deny }} }}\n"), &[]);
    assert_eq!(wrong("[]"), "2:8: the list is empty");
    assert_eq!(wrong("[{ ref: a, digest: ~ }]"), "2:9: neither `digest` nor `diff-ids` is given");
    assert_eq!(wrong("[{ ref: a, diff-ids: [] }]"), "2:29: `diff-ids` is empty");
    assert_eq!(wrong("[{ ref: a, diffids: [] }]"), "2:19: unknown key `diffids`");
    assert!(wrong("[{ ref: a, diff-ids: [sha256:00] }]").starts_with("2:30: digest is not made of"));
}

#[test]
fn all_mistakes_come_in_one_answer_in_the_order_of_the_text() {
    let text = "version: 3\nname: 7\nrules:\n  user:\n    root: denny\n    exists: { x: 1 }\n  ports:\n    exactly: { ports: [] }\n  prots: {}\n";
    assert_eq!(
        complaints(text, &[]).lines().map(|line| line.split(": ").next().unwrap_or_default()).collect::<Vec<_>>(),
        ["1:10", "2:7", "5:11", "6:15", "8:23", "9:3"]
    );
}

#[test]
fn nothing_is_said_of_the_whole_while_a_part_is_missing() {
    let text = "version: 1\nextends: [./gone.yaml]\nrules:\n  ports:\n    exactly: deny\n";
    assert_eq!(complaints(text, &[]), "2:11: `./gone.yaml` could not be read: no file gone.yaml");
    let broken = complaints("version: 1\nextends: [./a.yaml]\n", &[("a.yaml", "a: [\n")]);
    assert!(broken.starts_with("ci/a.yaml:") && broken.lines().count() == 1, "{broken}");
}

#[test]
fn the_digest_is_that_of_the_text_and_covers_every_parent() {
    let text = rules("  user: { root: deny }\n");
    assert_eq!(good(&text, &[]).digest, Digest::of(text.as_bytes()));
    let child = "version: 1\nextends: [./base.yaml]\n";
    let one = good(child, &[("base.yaml", &text)]).digest;
    let two = good(child, &[("base.yaml", &format!("{text}# changed\n"))]).digest;
    assert_ne!(one, two);
    assert_eq!(one, good(child, &[("base.yaml", &text)]).digest);
}

#[test]
fn the_description_tells_every_value_its_place_and_reads_back_as_the_same_policy() {
    let text = "version: 1\nname: \"a: b\\u00e9\"\nextends: [\"@soft\"]\nrules:\n  size:\n    total: { below: 1.5GB }\n  ports: { exactly: { ports: [80/tcp, \"# x\"] } }\n";
    let policy = good(text, &[]);
    let described = policy.describe();
    insta::assert_snapshot!(described.lines().skip(1).filter(|line| !line.starts_with("# not")).collect::<Vec<_>>().join("\n"), @r##"
    version: 1
    name: "a: bé"
    rules:
      ports:
        exactly:
          level: deny  # the rule's default
          ports: ["80/tcp", "# x"]  # ci/imgguard.yaml:7
      size:
        total:
          level: warn  # @soft:5
          basis: uncompressed  # @soft:5
          below: 1.5GB  # ci/imgguard.yaml:6
      user:
        root:
          level: deny  # @soft:7
    "##);
    let again = good(&described, &[]);
    assert_eq!(again.name, policy.name);
    let bare =
        |policy: &Policy| effect(policy).into_iter().map(|(id, level, says, _)| (id, level, says)).collect::<Vec<_>>();
    assert_eq!(bare(&again), bare(&policy));
}

#[test]
fn errors_look_like_a_compilers() {
    let text = "version: 1\nextends: [\"@soft\"]\nrules:\n  size:\n    total: { level: denny, below: 2 }\n  user:\n    root: deny\n    root: warn\n";
    let Err(errors) = read(text, &[]) else { panic!("wrong on purpose") };
    insta::assert_snapshot!(render(&errors, false), @r"
    error: `denny` is not a level
     --> ci/imgguard.yaml:5:21
      |
    5 |     total: { level: denny, below: 2 }
      |                     ^^^^^
      |
      = help: did you mean `deny`?

    error: `root` is given twice, first in line 7
     --> ci/imgguard.yaml:8:5
      |
    7 |     root: deny
      |     ---- first given here
    8 |     root: warn
      |     ^^^^
    ");
    let text =
        "version: 1\nrules:\n  size:\n    total:\n      level: denny\n  ports:\n    exactly:\n      port: [80/tcp]\n";
    let Err(errors) = read(text, &[]) else { panic!("wrong on purpose") };
    insta::assert_snapshot!(render(&errors, false), @r"
    error: `denny` is not a level
     --> ci/imgguard.yaml:5:14
      |
    5 |       level: denny
      |              ^^^^^
      |
      = help: did you mean `deny`?

    error: ports.exactly: unknown key `port`
     --> ci/imgguard.yaml:8:7
      |
    8 |       port: [80/tcp]
      |       ^^^^
      |
      = help: did you mean `ports`?
    ");
    let colored = render(&errors, true);
    assert!(colored.contains("\u{1b}[") && !render(&errors, false).contains('\u{1b}'));
}

#[test]
fn a_policy_cannot_write_on_the_terminal() {
    let text = "version: 1\n\"a\\e[31m\\u202e\": 1\n# \u{9b}31m \u{202e}\nb: 1 # \u{9b}31m\n";
    let Err(errors) = read(text, &[]) else { panic!("wrong on purpose") };
    let shown = render(&errors, false);
    assert!(!shown.contains(|letter: char| letter.is_control() && letter != '\n'), "{shown:?}");
    assert!(!shown.contains('\u{202e}'), "{shown:?}");
    assert!(!errors.to_string().contains('\u{1b}'));
}

#[test]
fn at_most_twenty_five_errors_are_shown_in_full() {
    let keys: Vec<String> = (0..40).map(|number| format!("k{number}: 1")).collect();
    let Err(errors) = read(&format!("version: 1\n{}\n", keys.join("\n")), &[]) else { panic!("wrong on purpose") };
    assert_eq!(errors.errors().len(), 40);
    let shown = render(&errors, false);
    assert_eq!(shown.matches("unknown key").count(), 25);
    assert!(shown.ends_with("error: 15 more errors are not shown\n"), "{shown}");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(version: 1\n)?((rules|bases|extends|name|user|size|total|root|  |: |\\{|\\}|\\[|\\]|@soft|deny|\n|- |2GB|\"|'|null|é){0,20})") {
        if let Err(errors) = read(&text, &[]) {
            proptest::prop_assert!(!errors.errors().is_empty());
            for error in errors.errors() {
                proptest::prop_assert!(error.span.line > 0 && error.span.column > 0);
            }
            proptest::prop_assert!(!render(&errors, true).is_empty());
        }
    }
}

/// Files beside the policy and bundles, with what was asked of them.
#[derive(Default)]
struct Shelf {
    files: BTreeMap<&'static str, String>,
    bundles: BTreeMap<Digest, Vec<(&'static str, String)>>,
    asked: Vec<String>,
}

impl Parents for Shelf {
    fn file(&mut self, path: &str) -> Result<String, ParentError> {
        self.files.get(path).cloned().ok_or_else(|| format!("no file {path}").into())
    }

    fn bundle(&mut self, wanted: &WantedBundle) -> Result<Bundle, ParentError> {
        let signer = match &wanted.signer {
            BundleSigner::Known(spec) => format!("{:?}", spec.who).split('(').next().unwrap_or_default().to_owned(),
            BundleSigner::InFile(_, text, name) => format!("{name}: {text}"),
            BundleSigner::Unsaid => "unsaid".to_owned(),
            BundleSigner::Nobody => "nobody".to_owned(),
        };
        self.asked.push(format!("{} {signer}", wanted.repository));
        let files = self.bundles.get(&wanted.digest).ok_or_else(|| ParentError {
            message: "the signature is bad".to_owned(),
            hint: Some("sign it".to_owned()),
        })?;
        let entry = files.first().map(|(path, _)| (*path).to_owned()).unwrap_or_default();
        Ok(Bundle { entry, files: files.iter().map(|(path, text)| ((*path).to_owned(), text.clone())).collect() })
    }
}

/// A digest that stands for a bundle.
fn pin(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

fn with_shelf(text: &str, shelf: &mut Shelf) -> Result<Policy, PolicyErrors> {
    let presets: &[Preset] = &[("@soft", PRESET)];
    parse_with(table(), presets, text, "ci/imgguard.yaml", shelf, Some(1_795_608_000))
}

#[test]
fn a_bundle_is_asked_for_with_the_signer_that_its_entry_names() {
    let mut shelf = Shelf::default();
    shelf.files.insert("keys/policy.pub", "PEM".to_owned());
    for name in ["a", "b", "c", "d"] {
        let rules = format!("version: 1\nname: {name}\nextends: [\"@soft\"]\n");
        shelf.bundles.insert(pin(name), vec![("policy.yaml", rules)]);
    }
    let text = format!(
        "version: 1\nextends:\n  - oci://r.example/a:v1@{}\n  - {{ from: \"oci://r.example/b@{}\", key: ./keys/policy.pub }}\n  - {{ from: \"oci://r.example/c@{}\", identity: a@b.example, issuer: \"https://b.example\" }}\n  - {{ from: \"oci://r.example/d@{}\", signature: none }}\n",
        pin("a"),
        pin("b"),
        pin("c"),
        pin("d")
    );
    let policy = with_shelf(&text, &mut shelf).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(
        shelf.asked,
        ["r.example/a:v1 unsaid", "r.example/b ci/keys/policy.pub: PEM", "r.example/c Identity", "r.example/d nobody"]
    );
    assert_eq!(policy.rules.len(), 2);
}

#[test]
fn files_of_a_bundle_are_found_in_it_and_nowhere_else() {
    let mut shelf = Shelf::default();
    shelf.files.insert("common.yaml", "version: 1\nrules: { user: { root: warn } }\n".to_owned());
    let child = "version: 1\nextends: [./sub/common.yaml]\nrules: { user: { exists: warn } }\n";
    let common = "version: 1\nrules: { user: { root: deny } }\nlock: [user]\nlimits: { waiver-days: 30 }\n";
    shelf.bundles.insert(pin("a"), vec![("policy.yaml", child.to_owned()), ("sub/common.yaml", common.to_owned())]);
    let parent = format!("version: 1\nextends: [\"oci://r.example/a@{}\"]\n", pin("a"));
    let policy = with_shelf(&parent, &mut shelf).unwrap_or_else(|errors| panic!("{errors}"));
    let root = policy.rules.iter().find(|one| one.rule.id == "user.root").expect("a rule");
    assert_eq!(root.level, Level::Deny);
    assert_eq!(root.origin.file, format!("oci://r.example/a@{}#sub/common.yaml", pin("a")));
    assert_eq!((policy.waiver_days, policy.locks), (Some(30), vec!["user".to_owned()]));

    let weaker = format!("{parent}rules:\n  user:\n    root: warn\n");
    let errors = with_shelf(&weaker, &mut shelf).err().expect("locked");
    let error = &errors.errors()[0];
    assert!(error.to_string().starts_with("ci/imgguard.yaml:5:11: `user.root` is locked"), "{error}");
    assert_eq!(error.related.as_ref().map(|related| related.file.clone()), Some(root.origin.file.clone()));

    let waiver = format!("{parent}waivers:\n{WAIVER}");
    let errors = with_shelf(&waiver, &mut shelf).err().expect("too long or locked").to_string();
    assert!(errors.contains("is locked: it cannot be waived") || errors.contains("30 days"), "{errors}");

    let broken =
        vec![("policy.yaml", "version: 1\nextends: [./gone.yaml]\nrules:\n  user: { roott: deny }\n".to_owned())];
    shelf.bundles.insert(pin("a"), broken);
    let errors = with_shelf(&parent, &mut shelf).err().expect("broken");
    let told = errors.to_string();
    assert!(
        told.contains(&format!(
            "oci://r.example/a@{}:2:11: `./gone.yaml` could not be read: it is not in the bundle",
            pin("a")
        )),
        "{told}"
    );
    assert!(told.contains(":4:11: there is no rule `user.roott`"), "{told}");
}

#[test]
fn a_circle_over_bundles_is_refused() {
    let mut shelf = Shelf::default();
    let of = |name: &str| format!("version: 1\nextends: [\"oci://r.example/x@{}\"]\n", pin(name));
    // No digest can be in its own content: whoever serves such a thing lies, and is not followed for ever.
    shelf.bundles.insert(pin("a"), vec![("policy.yaml", of("b"))]);
    shelf.bundles.insert(pin("b"), vec![("policy.yaml", of("a"))]);
    let errors = with_shelf(&of("a"), &mut shelf).err().expect("a circle").to_string();
    assert!(errors.contains("2:11: the policy extends itself: `imgguard.yaml` extends"), "{errors}");
    shelf.bundles.insert(
        pin("a"),
        vec![
            ("policy.yaml", "version: 1\nextends: [./b.yaml]\n".to_owned()),
            ("b.yaml", "version: 1\nextends: [./policy.yaml]\n".to_owned()),
        ],
    );
    let errors = with_shelf(&of("a"), &mut shelf).err().expect("a circle").to_string();
    assert!(errors.contains("#b.yaml:2:11: the policy extends itself"), "{errors}");
}

#[test]
fn an_entry_that_names_no_bundle_or_no_signer_is_refused_at_its_place() {
    let wrong = |entry: &str| {
        let text = format!("version: 1\nextends:\n  - {entry}\n");
        let mut shelf = Shelf::default();
        let errors = with_shelf(&text, &mut shelf).err().unwrap_or_else(|| panic!("accepted: {entry}"));
        errors.to_string().replace("ci/imgguard.yaml:", "")
    };
    let good = format!("oci://r.example/a@{}", pin("a"));
    assert_eq!(wrong("\"oci://r.example/a:v1\""), "3:5: `oci://r.example/a:v1` is not pinned by a digest");
    assert!(
        wrong("\"oci://r.example/a@sha256:12\"")
            .starts_with("3:5: `oci://r.example/a@sha256:12` is not pinned by a digest: ")
    );
    assert_eq!(wrong(&format!("\"oci://@{}\"", pin("a"))), format!("3:5: `oci://@{}` names no repository", pin("a")));
    assert_eq!(wrong("{ key: ./a.pub }"), "3:5: `from` is missing");
    assert_eq!(wrong("{ from: \"@soft\", key: ./a.pub }"), "3:13: only a bundle in a registry has a signer");
    assert_eq!(
        wrong(&format!("{{ from: \"{good}\", key: ./gone.pub }}")).split(": ").nth(1).map(str::to_owned),
        Some("`./gone.pub` could not be read".to_owned())
    );
    assert!(wrong(&format!("{{ from: \"{good}\", keyy: ./a.pub }}")).contains("unknown key `keyy`"));
    assert!(wrong(&format!("{{ from: \"{good}\", identity: a@b.example }}")).contains("issuer"));
    assert!(wrong(&format!("{{ from: \"{good}\", signature: any }}")).contains("only `none` can stand here"));
    assert!(wrong(&format!("{{ from: \"{good}\", signature: none, key: ./a.pub }}")).contains("asks for nobody's"));
    let unsigned = wrong(&format!("\"{good}\""));
    assert_eq!(unsigned, format!("3:5: `{good}` could not be read: the signature is bad"));
    let twice = wrong(&format!("\"{good}\"\n  - {{ from: \"{good}\", signature: none }}"));
    assert!(twice.contains("is given twice"), "{twice}");
}
