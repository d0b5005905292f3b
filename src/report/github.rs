//! Annotations of GitHub Actions: workflow commands, the worst first, within the ten that a step may show of each kind.

use super::Context;
use super::escape::{command_message, command_property, visible};
use super::findings::{self, Finding, Weight};
use super::summary::{count, reference, verdict_word};
use crate::policy::{Report, Verdict};

/// Annotations of one kind that GitHub shows per step.
const SHOWN: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Error,
    Warning,
    Notice,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

struct Annotation {
    kind: Kind,
    /// A file of the repository that is to blame, instead of the one that all others point at.
    file: Option<String>,
    line: Option<usize>,
    title: String,
    /// Lines; each is made safe by itself.
    lines: Vec<String>,
}

/// Writes the reports as annotations.
pub(super) fn render(reports: &[Report], context: &Context<'_>) -> String {
    let mut annotations: Vec<Annotation> = reports.iter().flat_map(|report| of_report(report, context)).collect();
    if annotations.is_empty() {
        annotations.push(verdicts(reports));
    }
    let mut text = String::new();
    for kind in [Kind::Error, Kind::Warning, Kind::Notice] {
        let of_kind: Vec<_> = annotations.iter().filter(|annotation| annotation.kind == kind).collect();
        let shown = if of_kind.len() > SHOWN { SHOWN - 1 } else { of_kind.len() };
        for annotation in &of_kind[..shown] {
            text.push_str(&command(annotation, context));
        }
        if shown < of_kind.len() {
            let lines = vec![format!("and {} more (see the report of `imgguard check`)", of_kind.len() - shown)];
            text.push_str(&command(
                &Annotation { kind, file: None, line: None, title: "imgguard".to_owned(), lines },
                context,
            ));
        }
    }
    text
}

/// A run without findings says so: silence would look the same as a step that did not run.
fn verdicts(reports: &[Report]) -> Annotation {
    let lines: Vec<_> =
        reports.iter().map(|report| format!("{}  {}", verdict_word(&report.verdict), reference(report))).collect();
    let passed = !reports.is_empty() && reports.iter().all(|report| matches!(report.verdict, Verdict::Pass(_)));
    let lines = if lines.is_empty() { vec!["no image was judged".to_owned()] } else { lines };
    let kind = if passed { Kind::Notice } else { Kind::Error };
    Annotation { kind, file: None, line: None, title: "imgguard".to_owned(), lines }
}

fn of_report(report: &Report, context: &Context<'_>) -> Vec<Annotation> {
    let findings = findings::of_report(report);
    let errors = findings.partition_point(|finding| finding.weight == Weight::Error);
    let gaps = findings::gaps(report).into_iter().map(|seen| {
        let words = findings::placed(seen.gap.layer, seen.gap.path.as_deref(), &seen.gap.detail);
        Annotation {
            kind: if seen.blocking { Kind::Error } else { Kind::Notice },
            file: None,
            line: None,
            title: format!("not seen: {}", findings::kind_name(&seen.gap.kind)),
            lines: vec![words, image_line(report, &seen.images)],
        }
    });
    let told = |finding: &Finding<'_>| annotation(report, finding, context);
    // What is waived is no annotation by itself: its number is told once.
    let waived = findings.iter().filter(|finding| finding.weight == Weight::Waived).count();
    let number = (waived > 0).then(|| Annotation {
        kind: Kind::Notice,
        file: None,
        line: None,
        title: "waived".to_owned(),
        lines: vec![format!("{} waived by the policy", count(waived, "finding")), image_line(report, &[])],
    });
    let rest = findings[errors..].iter().filter(|finding| finding.weight != Weight::Waived).map(told);
    findings[..errors].iter().map(told).chain(gaps).chain(rest).chain(number).collect()
}

fn image_line(report: &Report, images: &[usize]) -> String {
    let platforms: Vec<_> = findings::platforms(report, images).iter().map(ToString::to_string).collect();
    format!("{}  {}", reference(report), platforms.join(", ")).trim_end().to_owned()
}

fn annotation(report: &Report, finding: &Finding<'_>, context: &Context<'_>) -> Annotation {
    let kind = match finding.weight {
        Weight::Error | Weight::Undecided => Kind::Error,
        Weight::Warning => Kind::Warning,
        Weight::Open | Weight::Info | Weight::Waived => Kind::Notice,
    };
    let undecided = matches!(finding.weight, Weight::Undecided | Weight::Open);
    let message = if undecided { format!("could not be decided: {}", finding.message) } else { finding.headline() };
    let mut lines = vec![message, image_line(report, &finding.images)];
    lines.extend(finding.place.locator.clone());
    lines.extend(finding.attribution.map(|whose| format!("whose: {}", whose.word())));
    lines.extend(finding.remarks.iter().map(|remark| format!("note: {remark}")));
    for step in &finding.place.steps {
        let layer = step.layer.map(|layer| format!(" layer {layer}")).unwrap_or_default();
        lines.push(format!("{}{layer}: {}", step.role.word(), step.instruction.as_deref().unwrap_or("?")));
    }
    if !undecided {
        lines.extend(format!("fix: {}", finding.fix()).lines().map(str::to_owned));
    }
    let policy = context.repository_file == Some(finding.origin.file.as_str());
    let own = finding.place.in_repository().filter(|(file, ..)| super::sarif::repository_path(file).is_some());
    let line = (policy && finding.origin.line > 0).then_some(finding.origin.line);
    Annotation {
        kind,
        file: own.map(|(file, ..)| file.trim_start_matches("./").to_owned()),
        line: own.map(|(_, line, _)| line).or(line),
        title: finding.rule.id.to_string(),
        lines,
    }
}

fn command(annotation: &Annotation, context: &Context<'_>) -> String {
    let lines: Vec<_> = annotation.lines.iter().map(|line| visible(line).replace("##[", "#\\x23[")).collect();
    let place = annotation
        .file
        .as_deref()
        .or(context.repository_file)
        .map(|file| format!("file={},line={},", command_property(&visible(file)), annotation.line.unwrap_or(1)));
    format!(
        "::{} {}title={}::{}\n",
        annotation.kind.word(),
        place.unwrap_or_default(),
        command_property(&visible(&annotation.title)),
        command_message(&lines.join("\n")).replace("##vso[", "#\\x23vso["),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn findings_become_annotations_worst_first() {
        insta::assert_snapshot!(render(&[sample::denied()], &sample::context()), @r"
        ::error file=imgguard.yaml,line=35,title=secrets.content::GitHub token `ghp_…x3 (40)` in `/app/.env`%0Aregistry.example/acme/app:1.4.2  linux/amd64, linux/arm64%0A/app/.env:3%0Awhose: own%0Ashipped layer 2: COPY . /app%0Adeleted layer 3: RUN rm -rf /app/.env /var/lib/apt/lists/*%0Afix: Rotate it, then keep it out of the build: `RUN --mount=type=secret`.
        ::error file=imgguard.yaml,line=18,title=user.root::the image runs as `root` (uid 0)%0Aregistry.example/acme/app:1.4.2  linux/amd64, linux/arm64%0Aconfig.User%0Awhose: own%0Aset by: USER root%0Afix: add `USER 1000` as the last step
        ::error file=imgguard.yaml,line=14,title=base.age::could not be decided: the base's date is not known: no list of bases is given%0Aregistry.example/acme/app:1.4.2  linux/amd64, linux/arm64
        ::warning file=imgguard.yaml,line=31,title=files.setuid::/opt/agent/helper: mode 6755, owner 0%0Aregistry.example/acme/app:1.4.2  linux/amd64, linux/arm64%0A/opt/agent/helper%0Awhose: own%0Ain layer 2: COPY . /app%0Afix: `RUN chmod a-s PATH` in the layer that adds it.
        ::warning file=imgguard.yaml,line=31,title=files.setuid::/usr/bin/ping: mode 4755, owner 0%0Aregistry.example/acme/app:1.4.2  linux/arm64%0A/usr/bin/ping%0Awhose: own%0Ain layer 1: RUN apt-get update && apt-get install -y gcc sudo%0Afix: `RUN chmod a-s PATH` in the layer that adds it.
        ::warning file=imgguard.yaml,line=31,title=files.setuid::/usr/bin/su: mode 4755, owner 0%0Aregistry.example/acme/app:1.4.2  linux/amd64, linux/arm64%0A/usr/bin/su%0Awhose: base%0Ain layer 0: ADD file:8d33 in /%0Afix: `RUN chmod a-s PATH` in the layer that adds it.
        ::warning file=imgguard.yaml,line=31,title=files.setuid::/usr/bin/sudo: mode 4755, owner 0%0Aregistry.example/acme/app:1.4.2  linux/amd64, linux/arm64%0A/usr/bin/sudo%0Awhose: own%0Ain layer 1: RUN apt-get update && apt-get install -y gcc sudo%0Afix: `RUN chmod a-s PATH` in the layer that adds it.
        ::notice file=imgguard.yaml,line=33,title=layers.count::4 layers, more than 3%0Aregistry.example/acme/app:1.4.2  linux/amd64, linux/arm64%0Awhose: own%0Afix: Join steps that belong together.
        ");
    }

    #[test]
    fn a_pass_is_a_notice_and_nothing_judged_is_an_error() {
        insta::assert_snapshot!(render(&[sample::passed()], &sample::context()), @r#"::notice file=imgguard.yaml,line=1,title=imgguard::PASS  registry.example/acme/tool:2.0.0"#);
        insta::assert_snapshot!(render(&[], &sample::context()), @r#"::error file=imgguard.yaml,line=1,title=imgguard::no image was judged"#);
        insta::assert_snapshot!(render(&[sample::incomplete()], &Context { repository_file: None, ..sample::context() }), @r#"
        ::error title=not seen%3A layer-damaged::layer 1: the blob is 96.4 MB long, 1.2 MB were sent%0Aregistry.example/acme/app:1.4.2  linux/amd64
        ::error title=secrets.content::could not be decided: the blob is 96.4 MB long, 1.2 MB were sent%0Aregistry.example/acme/app:1.4.2  linux/amd64
        "#);
    }

    #[test]
    fn at_most_ten_of_a_kind_are_written_and_the_rest_is_counted() {
        let lines = |number| render(&[sample::many(number)], &sample::context()).lines().count();
        assert_eq!(lines(10), 10);
        assert_eq!(lines(11), 10);
        assert!(render(&[sample::many(32)], &sample::context()).contains("::and 23 more"));
    }

    #[test]
    fn an_image_cannot_write_a_second_command() {
        let text = render(&[sample::hostile()], &sample::context());
        assert_eq!(text.lines().filter(|line| !line.starts_with("::")).count(), 0, "{text}");
        assert!(
            text.lines().all(|line| line.contains("title=") && line.contains("file=imgguard.yaml,line=")),
            "{text}"
        );
        assert!(!text.contains("\n::stop"), "{text}");
    }
}
