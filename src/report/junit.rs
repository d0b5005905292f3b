//! `JUnit` XML as CI servers read it: a suite per platform, a case per rule.

use std::fmt::Write as _;

use super::Context;
use super::escape::xml;
use super::findings::{self, Finding, Weight};
use super::summary::reference;
use crate::policy::{Report, RuleResult};
use crate::rules::{Outcome, RULES};

/// Faults of one case that are written out.
const LISTED: usize = 200;

#[derive(Default)]
struct Suite {
    cases: String,
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Suite {
    fn case(&mut self, class: &str, name: &str, body: &str) {
        self.tests += 1;
        let open = format!("    <testcase classname=\"{}\" name=\"{}\"", xml(class), xml(name));
        _ = if body.is_empty() {
            writeln!(self.cases, "{open}/>")
        } else {
            writeln!(self.cases, "{open}>\n{body}    </testcase>")
        };
    }

    fn attributes(&self) -> String {
        let Self { cases: _, tests, failures, errors, skipped } = self;
        format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\"")
    }
}

/// Writes the reports as `JUnit` XML.
pub(super) fn render(reports: &[Report], context: &Context<'_>) -> String {
    let mut suites = String::new();
    let mut total = Suite::default();
    for report in reports {
        for at in 0..report.inspection.images.len().max(1) {
            let (name, suite) = of_image(report, at);
            _ = writeln!(suites, "  <testsuite name=\"{}\" {}>", xml(&name), suite.attributes());
            suites.push_str(&suite.cases);
            suites.push_str("  </testsuite>\n");
            total.tests += suite.tests;
            total.failures += suite.failures;
            total.errors += suite.errors;
            total.skipped += suite.skipped;
        }
    }
    if reports.is_empty() {
        // A document without cases is green everywhere.
        total.tests = 1;
        total.errors = 1;
        suites.push_str(
            "  <testsuite name=\"imgguard\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\">\n    <testcase \
             classname=\"imgguard\" name=\"image.seen\">\n      <error message=\"no image was judged\"/>\n    \
             </testcase>\n  </testsuite>\n",
        );
    }
    let time = context.elapsed.map(|elapsed| format!(" time=\"{:.3}\"", elapsed.as_secs_f64())).unwrap_or_default();
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    format!("{head}\n<testsuites name=\"imgguard\" {}{time}>\n{suites}</testsuites>\n", total.attributes())
}

fn of_image(report: &Report, at: usize) -> (String, Suite) {
    let mut suite = Suite::default();
    let image = report.inspection.images.get(at);
    let platform = image.map(|image| image.platform.to_string()).unwrap_or_default();
    let name = format!("{} {platform}", reference(report)).trim_end().to_owned();
    seen(&mut suite, report, at, &name);
    let (Some(image), Some(judged)) = (image, report.images.get(at)) else { return (name, suite) };
    let findings = findings::of_image(at, image, judged);
    for result in &judged.results {
        let of_rule: Vec<_> =
            findings.iter().filter(|one| one.rule.id == result.rule.id && one.origin == &result.origin).collect();
        case(&mut suite, &name, result, &of_rule);
    }
    for rule in RULES {
        if !judged.results.iter().any(|result| result.rule.id == rule.id) {
            suite.skipped += 1;
            suite.case(&name, rule.id, "      <skipped message=\"off in this policy\"/>\n");
        }
    }
    (name, suite)
}

/// The case that fails when something could not be seen.
fn seen(suite: &mut Suite, report: &Report, at: usize, class: &str) {
    let gaps = findings::gaps(report);
    let mine = gaps.iter().filter(|seen| seen.images.contains(&at) || (seen.images.is_empty() && at == 0));
    let (blocking, odd): (Vec<_>, Vec<_>) = mine.partition(|seen| seen.blocking);
    let words = |gaps: &[&findings::SeenGap<'_>]| -> String {
        let lines = gaps.iter().map(|seen| {
            let words = findings::placed(seen.gap.layer, seen.gap.path.as_deref(), &seen.gap.detail);
            xml(&words)
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let body = if !blocking.is_empty() {
        suite.errors += 1;
        let message = "a part of the image could not be seen";
        format!("      <error type=\"gap\" message=\"{message}\">{}</error>\n", words(&blocking))
    } else if report.inspection.images.is_empty() {
        suite.errors += 1;
        "      <error message=\"no image was judged\"/>\n".to_owned()
    } else if odd.is_empty() {
        String::new()
    } else {
        format!("      <system-out>{}</system-out>\n", words(&odd))
    };
    suite.case(class, "image.seen", &body);
}

fn case(suite: &mut Suite, class: &str, result: &RuleResult, findings: &[&Finding<'_>]) {
    let body = match &result.outcome {
        Outcome::Pass(measured) if measured.is_empty() => String::new(),
        Outcome::Pass(measured) => format!("      <system-out>{}</system-out>\n", xml(measured)),
        Outcome::NotApplicable(why) => {
            suite.skipped += 1;
            format!("      <skipped message=\"{}\"/>\n", xml(why))
        }
        Outcome::Waived => {
            suite.skipped += 1;
            format!("      <skipped message=\"{}\"/>\n", xml(&waived(result)))
        }
        Outcome::Fail(_) | Outcome::Unknown(_) => {
            let counted: Vec<&Finding<'_>> =
                findings.iter().filter(|finding| finding.weight != Weight::Waived).copied().collect();
            told(suite, &counted)
        }
    };
    suite.case(class, &result.rule.id, &body);
}

/// Who lets it pass, until when and why.
fn waived(result: &RuleResult) -> String {
    let words = result.waived.iter().map(|waived| {
        format!("{}: waived until {} by {}: {}", waived.fault.subject, waived.until, waived.owner, waived.reason)
    });
    words.collect::<Vec<_>>().join("; ")
}

fn told(suite: &mut Suite, findings: &[&Finding<'_>]) -> String {
    let Some(first) = findings.first() else { return String::new() };
    let message = match findings {
        [one] => xml(&one.headline()),
        several => xml(&format!("{} ({} findings)", first.rule.summary, several.len())),
    };
    let mut lines: Vec<String> = findings.iter().take(LISTED).flat_map(|finding| words(finding)).collect();
    if findings.len() > LISTED {
        lines.push(format!("and {} more", findings.len() - LISTED));
    }
    let lines: Vec<_> = lines.iter().map(|line| xml(line)).collect();
    let lines = lines.join("\n");
    match first.weight {
        Weight::Error => {
            suite.failures += 1;
            format!("      <failure type=\"deny\" message=\"{message}\">{lines}</failure>\n")
        }
        Weight::Undecided => {
            suite.errors += 1;
            format!("      <error type=\"unknown\" message=\"{message}\">{lines}</error>\n")
        }
        Weight::Warning => format!("      <system-out>warning: {lines}</system-out>\n"),
        Weight::Open => format!("      <system-out>unknown: {lines}</system-out>\n"),
        Weight::Info => format!("      <system-out>info: {lines}</system-out>\n"),
        Weight::Waived => format!("      <system-out>waived: {lines}</system-out>\n"),
    }
}

fn words(finding: &Finding<'_>) -> Vec<String> {
    let place = finding.place.locator.as_ref().map(|locator| format!(" ({locator})")).unwrap_or_default();
    let mut lines = vec![format!("{}{place}", finding.message)];
    for step in &finding.place.steps {
        let layer = step.layer.map(|layer| format!(" layer {layer}")).unwrap_or_default();
        lines.push(format!("  {}{layer}: {}", step.role.word(), step.instruction.as_deref().unwrap_or("?")));
    }
    lines.extend(finding.attribution.map(|whose| format!("  whose: {}", whose.word())));
    lines.extend(finding.remarks.iter().map(|remark| format!("  note: {remark}")));
    if !matches!(finding.weight, Weight::Undecided | Weight::Open) {
        lines.extend(format!("fix: {}", finding.fix()).lines().map(|line| format!("  {line}")));
    }
    let line = if finding.origin.line == 0 { String::new() } else { format!(":{}", finding.origin.line) };
    lines.push(format!("  policy: {}{line}", finding.origin.file));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_rule_is_a_case() {
        let mut report = sample::denied();
        report.inspection.images.truncate(1);
        report.images.truncate(1);
        let mut suite = Suite::default();
        let findings = findings::of_image(0, &report.inspection.images[0], &report.images[0]);
        for result in &report.images[0].results {
            let of_rule: Vec<_> = findings.iter().filter(|finding| finding.rule.id == result.rule.id).collect();
            case(&mut suite, "app", result, &of_rule);
        }
        insta::assert_snapshot!(format!("{}\n{}", suite.attributes(), suite.cases), @r#"
        tests="7" failures="2" errors="1" skipped="1"
            <testcase classname="app" name="base.age">
              <error type="unknown" message="the base&apos;s date is not known: no list of bases is given">the base&apos;s date is not known: no list of bases is given
          policy: imgguard.yaml:14</error>
            </testcase>
            <testcase classname="app" name="files.setuid">
              <system-out>warning: mode 6755, owner 0 (/opt/agent/helper)
          in layer 2: COPY . /app
          whose: own
          fix: `RUN chmod a-s PATH` in the layer that adds it.
          policy: imgguard.yaml:31
        mode 4755, owner 0 (/usr/bin/su)
          in layer 0: ADD file:8d33 in /
          whose: base
          fix: `RUN chmod a-s PATH` in the layer that adds it.
          policy: imgguard.yaml:31
        mode 4755, owner 0 (/usr/bin/sudo)
          in layer 1: RUN apt-get update &amp;&amp; apt-get install -y gcc sudo
          whose: own
          fix: `RUN chmod a-s PATH` in the layer that adds it.
          policy: imgguard.yaml:31</system-out>
            </testcase>
            <testcase classname="app" name="healthcheck.exec">
              <skipped message="no health check"/>
            </testcase>
            <testcase classname="app" name="layers.count">
              <system-out>info: 4 layers, more than 3
          whose: own
          fix: Join steps that belong together.
          policy: imgguard.yaml:33</system-out>
            </testcase>
            <testcase classname="app" name="secrets.content">
              <failure type="deny" message="GitHub token `ghp_…x3 (40)` in `/app/.env`">GitHub token `ghp_…x3 (40)` in `/app/.env` (/app/.env:3)
          shipped layer 2: COPY . /app
          deleted layer 3: RUN rm -rf /app/.env /var/lib/apt/lists/*
          whose: own
          fix: Rotate it, then keep it out of the build: `RUN --mount=type=secret`.
          policy: imgguard.yaml:35</failure>
            </testcase>
            <testcase classname="app" name="size.total">
              <system-out>412 MB of 2 GB</system-out>
            </testcase>
            <testcase classname="app" name="user.root">
              <failure type="deny" message="the image runs as `root` (uid 0)">the image runs as `root` (uid 0) (config.User)
          set by: USER root
          whose: own
          fix: add `USER 1000` as the last step
          policy: imgguard.yaml:18</failure>
            </testcase>
        "#);
        let text = render(&[report], &sample::context());
        assert!(
            text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"imgguard\" tests=\""),
            "{text}"
        );
        assert!(
            text.contains(
                &suite
                    .cases
                    .lines()
                    .next()
                    .expect("a case")
                    .trim()
                    .replace("\"app\"", "\"registry.example/acme/app:1.4.2 linux/amd64\"")
            ),
            "{text}"
        );
        assert_eq!(
            text.matches("off in this policy").count(),
            RULES.len() - known(&suite),
            "every other rule is skipped"
        );
    }

    /// Sample rules that the table has, too.
    fn known(suite: &Suite) -> usize {
        RULES.iter().filter(|rule| suite.cases.contains(&format!("name=\"{}\"", rule.id))).count()
    }

    #[test]
    fn what_could_not_be_seen_is_an_error() {
        let text = render(&[sample::incomplete()], &sample::context());
        assert!(
            text.contains("<error type=\"gap\" message=\"a part of the image could not be seen\">layer 1: "),
            "{text}"
        );
        assert!(text.contains("<error type=\"unknown\""), "{text}");
        assert!(render(&[], &sample::context()).contains("errors=\"1\""), "nothing judged is not green");
        assert!(render(&[sample::without_images()], &sample::context()).contains("errors=\"1\""));
    }

    #[test]
    fn an_image_cannot_write_elements() {
        let text = render(&[sample::hostile()], &sample::context());
        assert!(!text.contains("<script>"), "{text}");
        let open = text.matches("<testcase ").count();
        assert_eq!(open, text.matches("</testcase>").count() + self_closed(&text));
    }

    fn self_closed(text: &str) -> usize {
        text.lines().filter(|line| line.contains("<testcase ") && line.ends_with("/>")).count()
    }
}
