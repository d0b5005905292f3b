//! Markdown for a job summary or a pull request: the verdict, a table of rules by platform, details to unfold.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Context;
use super::escape::{markdown, markdown_fragment};
use super::findings::{self, Finding, Weight};
use super::summary::{self, Counts, Standing, count};
use crate::policy::{Attribution, Report, RuleResult, Verdict};
use crate::rules::Outcome;

/// GitHub refuses a whole summary above 1 MiB, so the text stays below this.
const BUDGET: usize = 900_000;
/// Room kept for the sentence that tells what was left out and for closing marks.
const RESERVE: usize = 1_000;

/// Writes the reports as Markdown.
pub(super) fn render(reports: &[Report], context: &Context<'_>) -> String {
    let mut text = String::new();
    if reports.is_empty() {
        text.push_str("## ❓ No image was judged\n");
    }
    let heads: Vec<String> = reports.iter().map(|report| head(report, context)).collect();
    let mut left = (BUDGET - RESERVE).saturating_sub(heads.iter().map(String::len).sum());
    for (report, head) in reports.iter().zip(heads) {
        if text.len() + head.len() + RESERVE > BUDGET {
            text.push_str("\nMore images were judged: see the JSON report.\n");
            break;
        }
        text.push_str(&head);
        details(&mut text, report, &mut left);
    }
    text
}

fn mark(standing: Standing) -> &'static str {
    match standing {
        Standing::Failed => "❌ **FAILED**",
        Standing::Undecided => "❓ **unknown**",
        Standing::Warned => "⚠️ warning",
        Standing::Open => "❓ unknown",
        Standing::Told => "ℹ️ info",
        Standing::Waived => "🕓 waived",
        Standing::Held => "✅ ok",
        Standing::Nothing => "– n/a",
    }
}

fn head(report: &Report, context: &Context<'_>) -> String {
    let counts = Counts::of(&findings::of_report(report));
    let sign = match report.verdict {
        Verdict::Pass(_) => "✅",
        Verdict::Violations => "❌",
        Verdict::Inconclusive => "❓",
    };
    let mut text = format!(
        "## {sign} {}: {}\n\n{}, {}, {} unknown, {} waived",
        summary::verdict_word(&report.verdict),
        markdown(summary::reference(report)),
        count(counts.errors, "error"),
        count(counts.warnings, "warning"),
        counts.unknown,
        counts.waived,
    );
    let gaps = findings::gaps(report).len();
    if gaps > 0 {
        _ = write!(text, ", {}", count(gaps, "gap"));
    }
    if let Some(digest) = summary::digest(report) {
        _ = write!(text, " · digest <code>{digest}</code>");
    }
    let policy = if report.policy_source.is_empty() { &report.policy } else { &report.policy_source };
    _ = writeln!(
        text,
        " · policy {} <code>sha256:{}</code> · imgguard {}\n",
        markdown(policy),
        report.policy_digest.short(),
        markdown(context.tool_version),
    );
    table(&mut text, report);
    text
}

fn cell(result: &RuleResult) -> String {
    let standing = mark(Standing::of(result.level, &result.outcome));
    match &result.outcome {
        Outcome::Fail(faults) if faults.len() > 1 => format!("{standing} ({})", summary::grouped(&faults.len())),
        Outcome::Pass(measured) if !measured.is_empty() => format!("{standing}: {}", short(measured)),
        _ => standing.to_owned(),
    }
}

/// A measured value short enough for a table.
fn short(text: &str) -> String {
    if text.chars().count() <= 60 {
        return markdown_fragment(text);
    }
    markdown(&text.chars().take(59).chain(['…']).collect::<String>())
}

fn table(text: &mut String, report: &Report) {
    let mut rows: BTreeMap<&str, Vec<Option<&RuleResult>>> = BTreeMap::new();
    for (at, image) in report.images.iter().enumerate() {
        for result in &image.results {
            let row = rows.entry(&result.rule.id).or_insert_with(|| vec![None; report.images.len()]);
            row[at] = row[at].or(Some(result));
        }
    }
    if rows.is_empty() {
        return;
    }
    let platforms: Vec<_> =
        report.inspection.images.iter().map(|image| markdown(&image.platform.to_string())).collect();
    _ = writeln!(text, "| rule | {} |\n|---|{}", platforms.join(" | "), "---|".repeat(platforms.len()));
    let mut rows: Vec<_> = rows.into_iter().collect();
    let worst = |results: &[Option<&RuleResult>]| {
        results.iter().flatten().map(|result| Standing::of(result.level, &result.outcome)).min()
    };
    rows.sort_by_key(|(id, results)| (worst(results), *id));
    for (id, results) in rows {
        let cells: Vec<_> = results.iter().map(|result| result.map_or_else(String::new, cell)).collect();
        _ = writeln!(text, "| <code>{id}</code> | {} |", cells.join(" | "));
    }
    text.push('\n');
}

fn details(text: &mut String, report: &Report, left: &mut usize) {
    let findings = findings::of_report(report);
    let mut omitted = 0;
    for seen in findings::gaps(report) {
        let words = findings::placed(seen.gap.layer, seen.gap.path.as_deref(), &seen.gap.detail);
        let sign = if seen.blocking { "❓ **not seen**" } else { "not seen" };
        let line = format!("- {sign}: {}\n", markdown_fragment(&words));
        add(text, &line, left, &mut omitted, 1);
    }
    let same = |a: &Finding<'_>, b: &Finding<'_>| a.weight == b.weight && a.rule.id == b.rule.id;
    for block in findings.chunk_by(same) {
        let Some(first) = block.first() else { continue };
        let open = if first.weight <= Weight::Undecided { " open" } else { "" };
        let title =
            if let [one] = block { markdown_fragment(one.message) } else { markdown_fragment(&first.rule.summary) };
        let many =
            if block.len() > 1 { format!(" ({} findings)", summary::grouped(&block.len())) } else { String::new() };
        let word = word(first.weight);
        let opening =
            format!("\n<details{open}><summary>{word} <code>{}</code>: {title}{many}</summary>\n\n", first.rule.id);
        let closing = format!("\n{}{}\n</details>\n", why(block), policy(first));
        if opening.len() + closing.len() > *left {
            omitted += block.len();
            continue;
        }
        *left -= opening.len() + closing.len();
        text.push_str(&opening);
        for finding in block {
            add(text, &item(report, finding), left, &mut omitted, 1);
        }
        text.push_str(&closing);
    }
    if omitted > 0 {
        _ = writeln!(text, "\n{} left out: see the JSON report.\n", count(omitted, "finding"));
    }
    text.push('\n');
}

fn add(text: &mut String, part: &str, left: &mut usize, omitted: &mut usize, number: usize) {
    if part.len() > *left {
        *omitted += number;
        return;
    }
    *left -= part.len();
    text.push_str(part);
}

fn word(weight: Weight) -> &'static str {
    match weight {
        Weight::Error => "❌ error",
        Weight::Undecided | Weight::Open => "❓ unknown",
        Weight::Warning => "⚠️ warning",
        Weight::Info => "ℹ️ info",
        Weight::Waived => "🕓 waived",
    }
}

fn item(report: &Report, finding: &Finding<'_>) -> String {
    let platforms: Vec<_> = findings::platforms(report, &finding.images).iter().map(ToString::to_string).collect();
    let mut text = format!("- {} ({})\n", markdown_fragment(&finding.headline()), markdown(&platforms.join(", ")));
    if let Some(locator) = &finding.place.locator {
        _ = writeln!(text, "  - at <code>{}</code>", markdown(locator));
    }
    for step in &finding.place.steps {
        let layer = step.layer.map(|layer| format!(" layer {layer}")).unwrap_or_default();
        let base = if step.base { " (base)" } else { "" };
        let instruction = step.instruction.as_deref().unwrap_or("?");
        _ = writeln!(text, "  - {}{layer}{base}: <code>{}</code>", step.role.word(), markdown(instruction));
    }
    if let Some(whose) = finding.attribution {
        _ = writeln!(
            text,
            "  - {}",
            if whose == Attribution::Base { "of the base image" } else { "of the image itself" }
        );
    }
    if let Some(waiver) = finding.waiver {
        let (reason, owner) = (markdown(&waiver.reason), markdown(&waiver.owner));
        _ = writeln!(text, "  - waived until {} by {owner}: {reason}", waiver.until);
    }
    if let Some(fix) = finding.own_fix {
        let lines: Vec<_> = fix.lines().filter(|line| !line.trim().is_empty()).map(markdown_fragment).collect();
        _ = writeln!(text, "  - fix: {}", lines.join("<br>"));
    }
    text
}

fn why(block: &[Finding<'_>]) -> String {
    let Some(first) = block.first().filter(|first| !matches!(first.weight, Weight::Undecided | Weight::Open)) else {
        return String::new();
    };
    let fix = if block.iter().all(|finding| finding.own_fix.is_some()) {
        String::new()
    } else {
        format!("**Fix:** {}\n\n", first.rule.fix)
    };
    format!("**Why:** {}\n\n{fix}", first.rule.why)
}

fn policy(finding: &Finding<'_>) -> String {
    let line = if finding.origin.line == 0 { String::new() } else { format!(":{}", finding.origin.line) };
    let mut remarks = String::new();
    for remark in finding.remarks {
        _ = write!(remarks, "Note: {}\n\n", markdown_fragment(remark));
    }
    format!("{remarks}Policy: <code>{}{line}</code>\n", markdown(&finding.origin.file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_summary_starts_with_the_verdict_and_a_table() {
        insta::assert_snapshot!(render(&[sample::denied()], &sample::context()), @r"
        ## ❌ DENY: registry.example/acme/app:1.4.2

        2 errors, 4 warnings, 1 unknown, 0 waived · digest <code>sha256:1bc04b5291c26a46d918139138b992d2de976d6851d0893b0476b85bfbdfc6e6</code> · policy imgguard.yaml <code>sha256:823412d1eacb</code> · imgguard 0.1.0

        | rule | linux/amd64 | linux/arm64 |
        |---|---|---|
        | <code>secrets.content</code> | ❌ **FAILED** | ❌ **FAILED** |
        | <code>user.root</code> | ❌ **FAILED** | ❌ **FAILED** |
        | <code>base.age</code> | ❓ **unknown** | ❓ **unknown** |
        | <code>files.setuid</code> | ⚠️ warning (3) | ⚠️ warning (4) |
        | <code>layers.count</code> | ℹ️ info | ℹ️ info |
        | <code>size.total</code> | ✅ ok: 412 MB of 2 GB | ✅ ok: 412 MB of 2 GB |
        | <code>healthcheck.exec</code> | – n/a | – n/a |


        <details open><summary>❌ error <code>secrets.content</code>: GitHub token <code>ghp&#95;…x3 (40)</code> in <code>/app/.env</code></summary>

        - GitHub token <code>ghp&#95;…x3 (40)</code> in <code>/app/.env</code> (linux/amd64, linux/arm64)
          - at <code>/app/.env:3</code>
          - shipped layer 2: <code>COPY . /app</code>
          - deleted layer 3: <code>RUN rm -rf /app/.env /var/lib/apt/lists/&#42;</code>
          - of the image itself

        **Why:** Whoever can pull the image can read every layer, deleted files too. Rotate the secret first.

        **Fix:** Rotate it, then keep it out of the build: `RUN --mount=type=secret`.

        Policy: <code>imgguard.yaml:35</code>

        </details>

        <details open><summary>❌ error <code>user.root</code>: the image runs as <code>root</code> (uid 0)</summary>

        - the image runs as <code>root</code> (uid 0) (linux/amd64, linux/arm64)
          - at <code>config.User</code>
          - set by: <code>USER root</code>
          - of the image itself
          - fix: add <code>USER 1000</code> as the last step

        **Why:** A process that breaks out of its container is then root on the host. Most images need no such rights.

        Policy: <code>imgguard.yaml:18</code>

        </details>

        <details open><summary>❓ unknown <code>base.age</code>: the base's date is not known: no list of bases is given</summary>

        - the base's date is not known: no list of bases is given (linux/amd64, linux/arm64)

        Policy: <code>imgguard.yaml:14</code>

        </details>

        <details><summary>⚠️ warning <code>files.setuid</code>: file has the set-user-ID or set-group-ID bit (4 findings)</summary>

        - /opt/agent/helper: mode 6755, owner 0 (linux/amd64, linux/arm64)
          - at <code>/opt/agent/helper</code>
          - in layer 2: <code>COPY . /app</code>
          - of the image itself
        - /usr/bin/ping: mode 4755, owner 0 (linux/arm64)
          - at <code>/usr/bin/ping</code>
          - in layer 1: <code>RUN apt-get update &#38;&#38; apt-get install -y gcc sudo</code>
          - of the image itself
        - /usr/bin/su: mode 4755, owner 0 (linux/amd64, linux/arm64)
          - at <code>/usr/bin/su</code>
          - in layer 0 (base): <code>ADD file:8d33 in /</code>
          - of the base image
        - /usr/bin/sudo: mode 4755, owner 0 (linux/amd64, linux/arm64)
          - at <code>/usr/bin/sudo</code>
          - in layer 1: <code>RUN apt-get update &#38;&#38; apt-get install -y gcc sudo</code>
          - of the image itself

        **Why:** A process started from it gets its owner's rights.

        **Fix:** `RUN chmod a-s PATH` in the layer that adds it.

        Policy: <code>imgguard.yaml:31</code>

        </details>

        <details><summary>ℹ️ info <code>layers.count</code>: 4 layers, more than 3</summary>

        - 4 layers, more than 3 (linux/amd64, linux/arm64)
          - of the image itself

        **Why:** Each layer is a request.

        **Fix:** Join steps that belong together.

        Policy: <code>imgguard.yaml:33</code>

        </details>
        ");
    }

    #[test]
    fn a_pass_is_short() {
        insta::assert_snapshot!(render(&[sample::passed()], &sample::context()), @r"
        ## ✅ PASS: registry.example/acme/tool:2.0.0

        0 errors, 0 warnings, 0 unknown, 0 waived · digest <code>sha256:1bc04b5291c26a46d918139138b992d2de976d6851d0893b0476b85bfbdfc6e6</code> · policy imgguard.yaml <code>sha256:823412d1eacb</code> · imgguard 0.1.0

        | rule | linux/amd64 |
        |---|---|
        | <code>size.total</code> | ✅ ok: 412 MB of 2 GB |
        ");
    }

    #[test]
    fn the_budget_is_kept_and_what_is_left_out_is_counted() {
        let text = render(&[sample::many(20_000), sample::many(20_000)], &sample::context());
        assert!(text.len() <= BUDGET, "{}", text.len());
        assert!(text.contains("findings left out: see the JSON report."));
        assert_eq!(text.matches("<details").count(), text.matches("</details>").count());
    }

    #[test]
    fn an_image_can_write_neither_html_nor_table_cells() {
        let text = render(&[sample::hostile()], &sample::context());
        assert!(!text.contains("<script"), "{text}");
        let row = text.lines().find(|line| line.contains("layers.count")).expect("a row");
        assert_eq!(row.matches('|').count(), 3, "{row}");
    }
}
