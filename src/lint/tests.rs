use super::*;
use crate::secrets::Scanner;

/// Later than every day in the examples, but the one that never ends.
const NOW: i64 = 4_000_000_000;

/// Placeholders of examples become made-up secrets.
fn filled(text: &str) -> String {
    text.replace("@STRIPE@", &format!("{}_live_{}", "sk", "kR7vQ2mZx8Lw3Np5Tb9Yc4Hd"))
        .replace("@PASSWORD@", "kR7vQ2mZx8Lw")
}

/// Making a scanner takes long.
static SCANNER: std::sync::LazyLock<Scanner> = std::sync::LazyLock::new(Scanner::new);

fn report(text: &str) -> LintReport {
    lint("Dockerfile", &filled(text), &SCANNER, NOW, &|rule| rule.level)
}

fn told(text: &str) -> Vec<String> {
    let findings = report(text).findings;
    findings.iter().map(|one| format!("{}:{} {}", one.line, one.column, one.rule.id)).collect()
}

#[test]
fn every_example_behaves() {
    let mut wrong = Vec::new();
    for rule in RULES {
        assert!(rule.flags.len() >= 2 && rule.passes.len() >= 2, "{}: too few examples", rule.id);
        let finds = |text: &str| report(text).findings.iter().any(|finding| finding.rule.id == rule.id);
        wrong.extend(rule.flags.iter().filter(|text| !finds(text)).map(|text| format!("{} missed:\n{text}", rule.id)));
        wrong.extend(rule.passes.iter().filter(|text| finds(text)).map(|text| format!("{} flagged:\n{text}", rule.id)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn ids_are_sorted_and_every_rule_says_enough() {
    assert!(RULES.is_sorted_by(|left, right| left.id < right.id));
    for rule in RULES {
        assert!(
            rule.id.starts_with("dockerfile.") && rule.code.starts_with("IG90") && rule.code.len() == 6,
            "{}",
            rule.id
        );
        assert!(!rule.summary.ends_with('.') && rule.why.len() > 60 && !rule.fix.is_empty(), "{}", rule.id);
        for text in rule.flags {
            for finding in report(text).findings.iter().filter(|finding| finding.rule.id == rule.id) {
                assert!(!finding.message.ends_with('.') && !finding.message.is_empty(), "{}", rule.id);
                assert!(finding.line >= 1 && finding.column >= 1, "{}", rule.id);
            }
        }
    }
}

#[test]
fn ids_and_codes_never_change() {
    let list: Vec<String> = RULES.iter().map(|rule| format!("{} {}", rule.code, rule.id)).collect();
    insta::assert_snapshot!(list.join("\n"), @r"
    IG9014 dockerfile.add-local
    IG9015 dockerfile.add-remote
    IG9021 dockerfile.apk-cache
    IG9019 dockerfile.apt-interactive
    IG9018 dockerfile.apt-lists
    IG9017 dockerfile.apt-recommends
    IG9020 dockerfile.apt-update-alone
    IG9016 dockerfile.apt-yes
    IG9009 dockerfile.base-tag
    IG9005 dockerfile.casing
    IG9023 dockerfile.cd
    IG9032 dockerfile.copy-destination
    IG9027 dockerfile.copy-order
    IG9036 dockerfile.dnf-cache
    IG9003 dockerfile.empty-continuation
    IG9029 dockerfile.expose
    IG9004 dockerfile.json-form
    IG9033 dockerfile.legacy-pair
    IG9011 dockerfile.maintainer
    IG9022 dockerfile.pip-cache
    IG9026 dockerfile.pipefail
    IG9010 dockerfile.platform-flag
    IG9012 dockerfile.repeated-instruction
    IG9035 dockerfile.secret-argument
    IG9028 dockerfile.secret-value
    IG9013 dockerfile.shell-form
    IG9006 dockerfile.stage-name
    IG9025 dockerfile.sudo
    IG9001 dockerfile.syntax
    IG9007 dockerfile.undefined-stage
    IG9008 dockerfile.undefined-variable
    IG9002 dockerfile.unknown-instruction
    IG9037 dockerfile.unverified-download
    IG9031 dockerfile.user-missing
    IG9030 dockerfile.user-root
    IG9034 dockerfile.waiver
    IG9024 dockerfile.workdir-relative
    ");
}

#[test]
fn the_handbook_in_docs_is_what_the_program_prints() {
    assert!(include_str!("../../docs/lint.md") == handbook(), "run `imgguard lint --rules > docs/lint.md`");
}

#[test]
fn findings_stand_at_their_place_in_continued_lines() {
    let text = "FROM a:1\nRUN set -e; \\\n    # note\n    sudo x && \\\n    curl -k y\nUSER 1\n";
    assert_eq!(told(text), ["4:5 dockerfile.sudo", "5:10 dockerfile.unverified-download"]);
    let heredoc = "FROM a:1\nRUN <<EOF\nset -e\n  sudo x\nEOF\nUSER 1\n";
    assert_eq!(told(heredoc), ["4:3 dockerfile.sudo"]);
}

#[test]
fn a_secret_is_told_and_never_shown() {
    let report =
        report("FROM a:1\nENV \\\n  STRIPE_KEY=@STRIPE@\nCMD app --password=@PASSWORD@ --key=@STRIPE@\nUSER 1\n");
    let all: Vec<String> = report.findings.iter().map(|one| format!("{}{:?}", one.message, one.fix)).collect();
    let all = all.concat();
    let lines: String = report.lines.values().cloned().collect();
    assert!(report.findings.iter().any(|one| one.rule.id == "dockerfile.secret-value" && one.line == 3));
    assert!(!all.contains("kR7vQ2mZx8Lw3Np5") && !lines.contains("kR7vQ2mZx8Lw3Np5"), "{all}\n{lines}");
    assert!(!report.lines.contains_key(&3), "{:?}", report.lines);
}

#[test]
fn a_waiver_lets_a_finding_pass_until_its_day() {
    let with = |until: &str| {
        report(&format!(
            "# imgguard: waive[dockerfile.base-tag] until={until} owner=@a reason=\"a mirror\"\nFROM a\nUSER 1\n"
        ))
    };
    let good = with("2999-01-01");
    assert!(good.findings.is_empty());
    assert_eq!((good.waived.len(), good.waived[0].reason.as_str()), (1, "a mirror"));
    let ended = with("2026-01-01");
    let ids: Vec<&str> = ended.findings.iter().map(|one| one.rule.id).collect();
    assert_eq!(ids, ["dockerfile.waiver", "dockerfile.base-tag"]);
    assert!(ended.findings[0].message.contains("ended on 2026-01-01"));
    let unused = report("# imgguard: waive[dockerfile.sudo] until=2999-01-01 owner=@a reason=b\nFROM a:1\nUSER 1\n");
    assert!(unused.findings[0].message.contains("lets nothing pass"));
    assert!(
        report("# imgguard: waive[dockerfile.sduo] until=2999-01-01 owner=@a reason=b\nFROM a:1\nUSER 1\n").findings[0]
            .fix
            .as_deref()
            .is_some_and(|fix| fix.contains("dockerfile.sudo"))
    );
}

#[test]
fn a_good_dockerfile_says_nothing() {
    let text = "# syntax=docker/dockerfile:1\nARG VERSION=3.12\nFROM python:${VERSION}-slim AS build\nWORKDIR /app\nCOPY requirements.txt .\nRUN --mount=type=cache,target=/root/.cache/pip pip install --target /packages -r requirements.txt\n\nFROM python:${VERSION}-slim\nRUN apt-get update \\\n    && apt-get install -y --no-install-recommends libgomp1 \\\n    && rm -rf /var/lib/apt/lists/*\nCOPY --from=build /packages /packages\nENV PYTHONPATH=/packages PATH=/packages/bin:$PATH\nWORKDIR /app\nCOPY app.py .\nUSER 1000\nEXPOSE 8000\nHEALTHCHECK CMD [\"python\", \"health.py\"]\nENTRYPOINT [\"python\"]\nCMD [\"app.py\"]\n";
    assert_eq!(told(text), Vec::<String>::new());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(
        text in "(FROM a\n|FROM |RUN |COPY |ENV |ARG |USER |ADD |CMD |apt-get install |curl -k | \\| |<<E\n|E\n|--from=|[ \n\t\\\\\"'\\[\\],$\\{\\}a=é#&;]){0,30}"
    ) {
        let _ = lint("Dockerfile", &text, &Scanner::none(), 0, &|rule| rule.level);
    }
}
