use crate::policy::{Policy, Verdict, fake, judge, parse};
use crate::rules::{Circumstances, Level, Outcome};
use crate::testkit::image::image;

/// Reads a policy with the section, and files beside it.
fn read(section: &str, files: &[(&str, &str)]) -> Result<Policy, String> {
    let text = format!("version: 1\nstructure:\n{section}");
    let mut load = |path: &str| {
        let found = files.iter().find(|(name, _)| *name == path);
        found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| format!("no file {path}"))
    };
    parse(&text, "imgguard.yaml", &mut load).map_err(|errors| errors.to_string())
}

/// What the rule of that name says of the image.
fn says(tests: &str, rule: &str, facts: &str) -> Outcome {
    let section = format!("  - tests:\n      schemaVersion: 2.0.0\n{}", indented(tests));
    let policy = read(&section, &[]).unwrap_or_else(|errors| panic!("{errors}\n{section}"));
    let report = judge(&policy, fake::inspection(vec![image(facts)]), &Circumstances::default());
    let found = report.images[0].results.iter().find(|result| result.rule.id == rule);
    found.unwrap_or_else(|| panic!("no {rule}")).outcome.clone()
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |text, line| text + "      " + line + "\n")
}

/// The first message of a failure.
fn fails(tests: &str, rule: &str, facts: &str) -> String {
    match says(tests, rule, facts) {
        Outcome::Fail(faults) => faults[0].message.clone(),
        other => panic!("{other:?}"),
    }
}

fn holds(tests: &str, rule: &str, facts: &str) {
    let outcome = says(tests, rule, facts);
    assert!(matches!(outcome, Outcome::Pass(_)), "{outcome:?}");
}

fn existence(rest: &str) -> String {
    format!("fileExistenceTests:\n- {{ name: n, {rest} }}")
}

#[test]
fn paths_are_there_or_not_and_belong_to_whom_they_should() {
    let facts =
        "4755 0:0 usr/bin/su\n0755 1000:1000 app/\n0644 0:0 etc/a\nlib -> usr/lib\n0644 0:0 usr/lib/x\n1777 0:0 tmp/";
    let rule = "structure.existence";
    for good in [
        "path: /etc/a, shouldExist: true, permissions: '-rw-r--r--', uid: 0, gid: 0",
        "path: /usr/bin/su, permissions: '-rwsr-xr-x', isExecutableBy: other",
        "path: /usr/bin/su, permissions: urwxr-xr-x",
        "path: /app/, permissions: drwxr-xr-x, uid: 1000, gid: 1000",
        "path: /tmp, permissions: dtrwxrwxrwx",
        "path: /lib/x",
        "path: /lib, permissions: Lrwxrwxrwx",
        "path: /no, shouldExist: false",
        "path: /",
    ] {
        holds(&existence(good), rule, facts);
    }
    for (bad, why) in [
        ("path: /no", "`n`: `/no` is not in the image"),
        ("path: /etc/a, shouldExist: false", "`n`: `/etc/a` is in the image, and should not be"),
        ("path: /etc/a, permissions: '-rw-------'", "`n`: `/etc/a` has the permissions `-rw-r--r--`, not `-rw-------`"),
        ("path: /etc/a, uid: 5", "`n`: `/etc/a` belongs to the user `0`, not `5`"),
        ("path: /etc/a, gid: 5", "`n`: `/etc/a` belongs to the group `0`, not `5`"),
        ("path: /etc/a, isExecutableBy: any", "`n`: `/etc/a` cannot be executed by anybody: its mode is `0644`"),
        ("path: /, shouldExist: false", "`n`: `/` is in every image"),
    ] {
        assert_eq!(fails(&existence(bad), rule, facts), why);
    }
    assert!(matches!(says(&existence("path: /, uid: 0"), rule, facts), Outcome::Unknown(_)));
    let unseen = format!("layer a\n{facts}\ngap layer 0 was not there");
    assert!(matches!(says(&existence("path: /no, shouldExist: false"), rule, &unseen), Outcome::Unknown(_)));
}

#[test]
fn contents_match_and_what_was_not_kept_is_unknown() {
    let tests = |rest: &str| format!("fileContentTests:\n- {{ name: n, path: /etc/passwd, {rest} }}");
    let (rule, facts) = ("structure.contents", "0644 0:0 etc/passwd \"root:x:0:0::/:\\n\"");
    holds(&tests("expectedContents: ['^root:', ':0:'], excludedContents: ['^app:']"), rule, facts);
    assert_eq!(
        fails(&tests("expectedContents: ['^app:']"), rule, facts),
        "`n`: the content of `/etc/passwd` does not match `^app:`"
    );
    assert_eq!(
        fails(&tests("excludedContents: ['ro+t']"), rule, facts),
        "`n`: the content of `/etc/passwd` matches `ro+t`, and should not"
    );
    assert_eq!(fails(&tests("excludedContents: [x]"), rule, ""), "`n`: `/etc/passwd` is not in the image");
    assert!(fails(&tests("excludedContents: [x]"), rule, "0755 0:0 etc/passwd/").contains("no regular file"));
    let large = says(&tests("excludedContents: [x]"), rule, "0644 0:0 etc/passwd @9MB");
    assert!(matches!(&large, Outcome::Unknown(why) if why.contains("was not kept")), "{large:?}");
    let other = "fileContentTests:\n- { name: n, path: /app/a, excludedContents: [x] }";
    let unkept = says(other, rule, "0644 0:0 app/a @3B");
    assert!(matches!(&unkept, Outcome::Unknown(why) if why.contains("was not kept")), "{unkept:?}");
    holds(other, rule, "0644 0:0 app/a");
}

#[test]
fn the_config_is_what_the_tests_say() {
    let tests = "metadataTest:\n  envVars: [{key: A, value: b}, {key: V, value: '^\\d+$', isRegex: true}]\n  unboundEnvVars: [{key: DEBUG}]\n  labels: [{key: l, value: x}]\n  exposedPorts: [8080, 53/udp]\n  unexposedPorts: ['22']\n  volumes: [/data]\n  unmountedVolumes: [/x]\n  entrypoint: []\n  cmd: [/bin/app, -v]\n  workdir: /app\n  user: '1000'";
    let good = "env A=b\nenv V=12\nlabel l=x\nport 8080/tcp\nport 53/udp\nvolume /data\ncmd [\"/bin/app\",\"-v\"]\nworkdir /app\nuser 1000";
    let rule = "structure.metadata";
    holds(tests, rule, good);
    for (from, to, why) in [
        ("env A=b", "env A=c", "the variable `A` is not `b`"),
        ("env A=b", "", "the variable `A` is not set"),
        ("env V=12", "env V=1x", "the variable `V` does not match `^\\d+$`"),
        ("env V=12", "env V=12\nenv DEBUG=1", "the variable `DEBUG` is set, and should not be"),
        ("label l=x", "label l=y", "the label `l` is not `x`"),
        ("port 53/udp", "port 53/tcp", "the port `53/udp` is not exposed"),
        ("port 53/udp", "port 53/udp\nport 22/tcp", "the port `22` is exposed, and should not be"),
        ("volume /data", "volume /x", "the volume `/data` is not declared"),
        ("cmd [\"/bin/app\",\"-v\"]", "cmd [\"x\"]", "`Cmd` is `[\"x\"]`, not `[\"/bin/app\",\"-v\"]`"),
        ("workdir /app", "workdir /", "`WorkingDir` is `/`, not `/app`"),
        ("user 1000", "user root", "`User` is `root`, not `1000`"),
    ] {
        assert_eq!(fails(tests, rule, &good.replace(from, to)), why);
    }
    let with_entry = format!("{good}\nentrypoint [\"/e\"]");
    assert_eq!(fails(tests, rule, &with_entry), "`Entrypoint` is `[\"/e\"]`, not `[]`");
}

#[test]
fn commands_and_licences_are_never_decided() {
    let tests = "globalEnvVars: [{key: PATH, value: \"/x:$PATH\"}]\ncommandTests:\n- { name: curl works, command: curl, args: [--version], exitCode: 0, expectedOutput: [curl] }\nlicenseTests: [{debian: true, files: [/a]}]\ncontainerRunOptions: {user: root, privileged: true}";
    let Outcome::Unknown(why) = says(tests, "structure.commands", "") else { panic!("decided") };
    assert_eq!(why, "nothing of an image is ever run, and these tests run commands: `curl works`");
    assert!(matches!(says(tests, "structure.licenses", ""), Outcome::Unknown(why) if why.contains("licenses.forbid")));
    let file = format!("schemaVersion: '2.0.0'\n{tests}\n");
    let verdict = |section: &str| {
        let policy = read(section, &[("s.yaml", &file)]).unwrap_or_else(|errors| panic!("{errors}"));
        judge(&policy, fake::inspection(vec![image("")]), &Circumstances::default()).verdict
    };
    assert_eq!(verdict("  - ./s.yaml\n"), Verdict::Inconclusive);
    let lowered = verdict("  - { file: ./s.yaml, commands: info, licenses: warn }\n");
    assert!(matches!(lowered, Verdict::Pass(_)), "{lowered:?}");
}

#[test]
fn what_is_wrong_in_a_file_of_tests_is_shown_at_its_place() {
    let wrong = |text: &str| {
        let files = [("s.yaml", text)];
        read("  - s.yaml\n", &files).err().unwrap_or_else(|| panic!("accepted: {text}"))
    };
    assert_eq!(wrong("schemaVersion: 1.0.0\n"), "s.yaml:1:16: version `1.0.0` of structure tests is not known");
    assert_eq!(wrong("schemaVersion: 2.0.0\n"), "s.yaml:1:16: there are no tests");
    assert!(wrong("fileContentTests: []\n").contains("`schemaVersion` is missing"));
    let head = "schemaVersion: 2.0.0\nfileContentTests:\n- name: a\n  path: /a\n";
    assert_eq!(wrong(&format!("{head}  expectedContent: [x]\n")), "s.yaml:5:3: unknown key `expectedContent`");
    assert_eq!(wrong(head), "s.yaml:3:9: the test asks for nothing");
    let bad = wrong(&format!("{head}  expectedContents: ['ok', '(a']\n"));
    assert!(bad.starts_with("s.yaml:5:28: no regular expression: unclosed group"), "{bad}");
    let huge = wrong(&format!("{head}  expectedContents: ['\\w{{500}}{{500}}']\n"));
    assert_eq!(huge, "s.yaml:5:22: no regular expression: it is too large");
    let mode = wrong("schemaVersion: 2.0.0\nfileExistenceTests:\n- { name: a, path: /a, permissions: '0644' }\n");
    assert_eq!(mode, "s.yaml:3:37: `0644` are no permissions");
    let never =
        wrong("schemaVersion: 2.0.0\nfileExistenceTests:\n- { name: a, path: /a, shouldExist: false, uid: 1 }\n");
    assert_eq!(never, "s.yaml:3:49: `uid` of a path that should not exist is never looked at");
    assert_eq!(wrong("{}\n---\n{}\n"), "s.yaml:1:1: one document with structure tests is wanted in the file");
    assert!(wrong("a: [\n").starts_with("s.yaml:"));
    assert_eq!(
        read("  - gone.yaml\n", &[]).err().expect("gone"),
        "imgguard.yaml:3:5: `gone.yaml` could not be read: no file gone.yaml"
    );
    let neither = read("  - { level: warn }\n", &[]).err().expect("neither");
    assert_eq!(neither, "imgguard.yaml:3:5: either `file` or `tests` is wanted here");
    assert!(read("  - 1\n", &[]).err().expect("a number").contains("text is wanted here"));
}

#[test]
fn tests_of_all_files_count_and_the_strictest_level_does() {
    let one = "schemaVersion: 2.0.0\nfileExistenceTests: [{name: one, path: /one}]\n";
    let two = "schemaVersion: 2.0.0\nfileExistenceTests: [{name: two, path: /two}]\n";
    let files = [("one.yaml", one), ("two.yaml", two)];
    let policy = read("  - { file: one.yaml, level: info }\n  - { file: ./two.yaml, level: warn }\n", &files);
    let policy = policy.unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(
        policy.rules.iter().map(|rule| (&*rule.rule.id, rule.level)).collect::<Vec<_>>(),
        [("structure.existence", Level::Warn)]
    );
    let report = judge(&policy, fake::inspection(vec![image("")]), &Circumstances::default());
    let Outcome::Fail(faults) = &report.images[0].results[0].outcome else { panic!("not failed") };
    assert_eq!(faults.iter().map(|fault| fault.subject.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    let off = read("  - { file: one.yaml, level: off }\n", &files);
    assert!(off.is_err_and(|why| why.contains("switches no rule on")));
}

#[test]
fn contents_that_are_wanted_are_known_before_an_image_is_opened() {
    let text = "schemaVersion: 2.0.0\nfileContentTests: [{name: a, path: /b/c, excludedContents: [x]}, {name: a, path: /a, excludedContents: [x]}]\n";
    let policy = read("  - s.yaml\n", &[("s.yaml", text)]).expect("good");
    assert_eq!(policy.contents, ["a", "b/c"]);
}

#[test]
fn a_policy_that_is_shown_reads_back() {
    let text = "schemaVersion: 2.0.0\nfileContentTests: [{name: \"a: b\", path: /a, excludedContents: ['^x\\d']}]\nmetadataTest: {exposedPorts: [80]}\ncommandTests: [{name: c, command: x}]\n";
    let policy = read("  - { file: s.yaml, commands: info }\n", &[("s.yaml", text)]).expect("good");
    let shown = policy.describe();
    let again = parse(&shown, "shown.yaml", &mut |_| Err("none".to_owned()))
        .unwrap_or_else(|errors| panic!("{errors}\n{shown}"));
    let rules =
        |policy: &Policy| policy.rules.iter().map(|one| (one.rule.id.to_string(), one.level)).collect::<Vec<_>>();
    assert_eq!(rules(&again), rules(&policy));
    assert_eq!(again.contents, policy.contents);
}

#[test]
fn codes_of_the_section_are_frozen_and_nobody_elses() {
    let all = [super::EXISTENCE, super::CONTENTS, super::METADATA, super::COMMANDS, super::LICENSES];
    let list: Vec<String> = all.iter().map(|kind| format!("{} {}", kind.code, kind.id)).collect();
    assert_eq!(
        list,
        [
            "IG2201 structure.existence",
            "IG2202 structure.contents",
            "IG2203 structure.metadata",
            "IG2204 structure.commands",
            "IG2205 structure.licenses"
        ]
    );
    for kind in all {
        assert!(crate::rules::RULES.iter().all(|rule| rule.code != kind.code), "{}", kind.code);
        assert!(kind.why.len() > 80 && kind.fix.contains('`') | kind.fix.contains("test"), "{}", kind.id);
    }
}
