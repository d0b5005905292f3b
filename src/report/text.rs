//! Text for people: a block per rule that does not hold, then the short form.

use std::collections::{BTreeMap, BTreeSet};

use anstyle::Style;

use super::Context;
use super::findings::{self, Finding, SeenGap, Weight};
use super::place::{Places, Role, Step};
use super::sheet::{BOLD, DIM, ERROR, INFO, OK, PLAIN, Sheet, UNKNOWN, WARNING};
use super::summary::{self, Counts, Standing, count, first_sentence};
use crate::model::{Class, ImageFacts, SecretFact};
use crate::policy::{Attribution, Report, Verdict};
use crate::rules::{Level, Outcome};

/// Faults of one rule that are listed; the rest is counted.
const LISTED: usize = 20;
/// Longest column for the names in a list.
const NAME_COLUMN: usize = 40;
/// Longest instruction where lines are not cut.
const INSTRUCTION: usize = 160;
const MARGIN: &str = "   |";

/// Writes the reports for people.
pub(super) fn render(reports: &[Report], context: &Context<'_>) -> String {
    let mut sheet = Sheet::new(context.color, context.width);
    for (at, report) in reports.iter().enumerate() {
        sheet.gap();
        let last = at + 1 == reports.len();
        Writer { sheet: &mut sheet, report, context }.write(last);
    }
    match reports {
        [] => sheet.put(UNKNOWN, "no image was judged").end(),
        [_] => {}
        several => overall(&mut sheet, several),
    }
    sheet.finish()
}

fn overall(sheet: &mut Sheet, reports: &[Report]) {
    let mut words: BTreeMap<&str, usize> = BTreeMap::new();
    for report in reports {
        *words.entry(summary::verdict_word(&report.verdict)).or_default() += 1;
    }
    let words: Vec<_> = words.iter().map(|(word, number)| format!("{number} {word}")).collect();
    sheet.gap();
    sheet.put(BOLD, &format!("{} images: {}", reports.len(), words.join(", "))).end();
}

/// The name and colour of a finding's header.
fn header(weight: Weight) -> (&'static str, Style) {
    match weight {
        Weight::Error => ("error", ERROR),
        Weight::Undecided => ("unknown", UNKNOWN),
        Weight::Open => ("unknown", INFO),
        Weight::Warning => ("warning", WARNING),
        Weight::Info => ("info", INFO),
        Weight::Waived => ("waived", DIM),
    }
}

fn verdict_style(verdict: &Verdict) -> Style {
    match verdict {
        Verdict::Pass(_) => OK.bold(),
        Verdict::Violations => ERROR,
        Verdict::Inconclusive => UNKNOWN,
    }
}

fn level_word(level: Level) -> &'static str {
    match level {
        Level::Off => "off",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Deny => "deny",
    }
}

fn undecided(block: &[Finding<'_>]) -> bool {
    block.first().is_some_and(|first| matches!(first.weight, Weight::Undecided | Weight::Open))
}

/// Whose all findings of the block are, when that is the same for all.
fn whose(block: &[Finding<'_>]) -> Option<Attribution> {
    let first = block.first()?.attribution?;
    block.iter().all(|finding| finding.attribution == Some(first)).then_some(first)
}

struct Writer<'a> {
    sheet: &'a mut Sheet,
    report: &'a Report,
    context: &'a Context<'a>,
}

impl Writer<'_> {
    fn write(&mut self, last: bool) {
        let report = self.report;
        let findings = findings::of_report(report);
        let gaps = findings::gaps(report);
        let same_block = |a: &Finding<'_>, b: &Finding<'_>| {
            !undecided(std::slice::from_ref(a)) && a.weight == b.weight && a.rule.id == b.rule.id
        };
        let blocks: Vec<_> = findings.chunk_by(same_block).collect();
        let errors = blocks.partition_point(|block| block[0].weight == Weight::Error);
        for block in &blocks[..errors] {
            self.block(block);
        }
        for gap in &gaps {
            self.gap(gap, &findings);
        }
        // One cause gives one block: what is undecided because of a gap stands with the gap.
        let told =
            |block: &[Finding<'_>]| undecided(block) && gaps.iter().any(|gap| gap.gap.detail == block[0].message);
        let waived = blocks.partition_point(|block| block[0].weight != Weight::Waived);
        for block in blocks[errors..waived].iter().filter(|block| !told(block)) {
            self.block(block);
        }
        self.waived(&blocks[waived..]);
        if self.context.verbose {
            self.held();
        }
        self.suppressed();
        self.notes();
        self.closing(&Counts::of(&findings), gaps.len(), last);
    }

    fn block(&mut self, block: &[Finding<'_>]) {
        let Some(first) = block.first() else { return };
        let (word, style) = header(first.weight);
        self.sheet.gap();
        self.sheet.put(style, &format!("{word}[{}]", first.rule.id)).put(BOLD, ": ");
        let indent = "    ";
        if block.len() == 1 {
            self.title(indent, first.message);
        } else {
            self.title(indent, &format!("{} ({} findings)", first.rule.summary, summary::grouped(&block.len())));
        }
        let images: BTreeSet<usize> = block.iter().flat_map(|finding| finding.images.iter().copied()).collect();
        let images: Vec<usize> = images.into_iter().collect();
        let locator = first.place.locator.as_deref().filter(|_| block.len() == 1);
        self.arrow(&images, whose(block));
        if let [finding] = block {
            if let Some(locator) = locator {
                self.sheet.put(DIM, MARGIN).plain("  ").plain(locator).end();
            }
            self.steps(&finding.place.steps, &finding.images);
        } else {
            self.list(block, &images);
        }
        self.advice(block);
    }

    fn title(&mut self, indent: &str, text: &str) {
        // A title is one line of thought; further lines are indented little, so the eye keeps the left edge.
        let mut start = true;
        for word in text.split_whitespace() {
            if !start && word.chars().count() + 1 > self.sheet.room() {
                self.sheet.end();
                self.sheet.plain(indent);
                start = true;
            }
            self.sheet.put(BOLD, if start { "" } else { " " }).put(BOLD, word);
            start = false;
        }
        self.sheet.end();
    }

    fn arrow(&mut self, images: &[usize], whose: Option<Attribution>) {
        let platforms = self.platforms(images);
        self.sheet.put(DIM, "  --> ").plain(summary::reference(self.report));
        if !platforms.is_empty() {
            self.sheet.plain("  ").plain(&platforms);
        }
        if let Some(whose) = whose {
            self.sheet.put(DIM, "  ").put(DIM, whose.word());
        }
        self.sheet.end();
    }

    fn platforms(&self, images: &[usize]) -> String {
        if images.len() > 4 && images.len() == self.report.inspection.images.len() {
            return format!("all {} platforms", images.len());
        }
        let names: Vec<_> = findings::platforms(self.report, images).iter().map(ToString::to_string).collect();
        names.join(", ")
    }

    /// The layers' digests on these platforms, each once; they mostly differ.
    fn digests(&self, layer: u32, images: &[usize]) -> String {
        let of = |image: &ImageFacts| {
            let layer = image.layers.get(usize::try_from(layer).ok()?)?;
            Some(layer.digest.as_ref().unwrap_or(&layer.diff_id).short().to_owned())
        };
        let mut short: Vec<String> = Vec::new();
        for digest in images.iter().filter_map(|at| of(self.report.inspection.images.get(*at)?)) {
            if !short.contains(&digest) {
                short.push(digest);
            }
        }
        match short.as_slice() {
            [] => String::new(),
            [one] => format!("sha256:{one}"),
            [one, other] => format!("sha256:{one}, {other}"),
            [one, rest @ ..] => format!("sha256:{one} and {} more", rest.len()),
        }
    }

    fn steps(&mut self, steps: &[Step], images: &[usize]) {
        let word = |step: &Step| if step.role == Role::Wrote { "" } else { step.role.word() };
        let column = steps.iter().map(|step| word(step).len()).max().unwrap_or(0);
        let column = if column == 0 { 0 } else { column + 2 };
        for step in steps {
            self.sheet.put(DIM, MARGIN).plain("  ").plain(&format!("{:column$}", word(step)));
            if let Some(layer) = step.layer {
                let digests = self.digests(layer, images);
                self.sheet.plain(&format!("layer {layer}")).plain("  ").put(DIM, &digests).plain("  ");
            }
            let instruction = step.instruction.as_deref().unwrap_or_default();
            if self.sheet.room() < (instruction.chars().count() + 7).min(30) {
                self.sheet.end();
                self.sheet.put(DIM, MARGIN).tab(6 + column, 0);
            }
            if step.base {
                self.sheet.put(INFO, "(base)").plain(" ");
            } else if let Some(source) = &step.source {
                self.sheet.put(INFO, &format!("own, {source}")).plain("  ");
            }
            let cut: String = instruction.chars().take(INSTRUCTION).collect();
            let cut = if cut.len() < instruction.len() { cut + "…" } else { cut };
            self.sheet.fit(PLAIN, &cut);
            self.sheet.end();
        }
    }

    /// Several faults of one rule, under the steps that made them.
    fn list(&mut self, block: &[Finding<'_>], images: &[usize]) {
        let listed = &block[..block.len().min(LISTED)];
        let mut by_steps: BTreeMap<&[Step], Vec<&Finding<'_>>> = BTreeMap::new();
        for finding in listed {
            by_steps.entry(&finding.place.steps).or_default().push(finding);
        }
        let name = |finding: &Finding<'_>| finding.name().unwrap_or_default().to_owned();
        let column = listed.iter().map(|finding| name(finding).chars().count()).filter(|width| *width <= NAME_COLUMN);
        let column = column.max().unwrap_or(0);
        for (steps, findings) in by_steps {
            let indent = if steps.is_empty() { "  " } else { "    " };
            let shown: BTreeSet<usize> = findings.iter().flat_map(|one| one.images.iter().copied()).collect();
            self.steps(steps, &shown.into_iter().collect::<Vec<_>>());
            for finding in findings {
                let name = name(finding);
                self.sheet.put(DIM, MARGIN).plain(indent);
                if !name.is_empty() {
                    self.sheet.plain(&name).tab(MARGIN.len() + indent.len() + column + 2, 2);
                }
                self.sheet.plain(finding.message);
                if let Some(whose) = finding.attribution.filter(|_| whose(block).is_none()) {
                    self.sheet.put(DIM, "  ").put(DIM, whose.word());
                }
                if finding.images != images {
                    let only = self.platforms(&finding.images);
                    self.sheet.put(DIM, &format!("  only {only}"));
                }
                self.sheet.end();
            }
        }
        if block.len() > listed.len() {
            let more = summary::grouped(&(block.len() - listed.len()));
            self.sheet.put(DIM, MARGIN).put(DIM, &format!("  and {more} more (see -o json)")).end();
        }
    }

    fn advice(&mut self, block: &[Finding<'_>]) {
        let Some(first) = block.first() else { return };
        if self.context.explain {
            self.remark("why", &first.rule.why);
        } else if first.weight == Weight::Error {
            self.remark("why", &first_sentence(&first.rule.why));
        }
        if !undecided(block) {
            let mut fixes: Vec<&str> = Vec::new();
            for finding in block {
                if !fixes.contains(&finding.fix()) && fixes.len() < 4 {
                    fixes.push(finding.fix());
                }
            }
            for fix in fixes.iter().take(3) {
                self.remark("help", fix);
            }
            if fixes.len() > 3 {
                self.remark("help", "further advice: see -o json");
            }
        }
        for remark in first.remarks {
            self.remark("note", remark);
        }
        let at = if first.origin.line == 0 { String::new() } else { format!(":{}", first.origin.line) };
        let weight = if first.weight == Weight::Undecided { ": what is not known does not pass" } else { "" };
        self.remark("policy", &format!("{}{at}, {}{weight}", first.origin.file, level_word(first.level)));
    }

    fn remark(&mut self, word: &str, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        self.sheet.put(DIM, "   = ").put(BOLD, &format!("{word}:")).tab(13, 1);
        self.sheet.prose("", PLAIN, text);
    }

    fn gap(&mut self, seen: &SeenGap<'_>, findings: &[Finding<'_>]) {
        let SeenGap { gap, blocking, images } = seen;
        self.sheet.gap();
        let style = if *blocking { UNKNOWN } else { INFO };
        self.sheet.put(style, &format!("gap[{}]", findings::kind_name(&gap.kind))).put(BOLD, ": ");
        self.title("    ", &gap.detail);
        self.arrow(images, None);
        if let Some(path) = &gap.path {
            self.sheet.put(DIM, MARGIN).plain("  ").plain(&format!("/{}", path.trim_start_matches('/'))).end();
        }
        let first = images.first().and_then(|at| self.report.inspection.images.get(*at));
        if let (Some(layer), Some(image)) = (gap.layer, first) {
            let step = Places::new(image).layer(Role::Wrote, layer);
            self.steps(&[step], images);
        }
        if *blocking {
            self.remark("note", "what was not seen does not pass");
        }
        let because = findings.iter().filter(|one| undecided(std::slice::from_ref(*one)) && one.message == gap.detail);
        let rules: BTreeSet<&str> = because.map(|finding| finding.rule.id.as_ref()).collect();
        if !rules.is_empty() {
            self.remark("note", &format!("undecided because of it: {}", Vec::from_iter(rules).join(", ")));
        }
    }

    /// What waivers let pass: one line each.
    fn waived(&mut self, blocks: &[&[Finding<'_>]]) {
        if blocks.is_empty() {
            return;
        }
        self.sheet.gap();
        for block in blocks {
            for finding in block.iter().take(LISTED) {
                let Some(waiver) = finding.waiver else { continue };
                self.sheet
                    .put(DIM, &format!("waived[{}]", finding.rule.id))
                    .plain(": ")
                    .plain(&finding.headline())
                    .end();
                let line = format!("until {} by {}: {}", waiver.until, waiver.owner, waiver.reason);
                self.sheet.put(DIM, MARGIN).plain("  ").fit(PLAIN, &line);
                self.sheet.end();
            }
            if block.len() > LISTED {
                let more = summary::grouped(&(block.len() - LISTED));
                self.sheet.put(DIM, MARGIN).put(DIM, &format!("  and {more} more (see -o json)")).end();
            }
        }
    }

    /// What was suppressed by proof: its number, and all of it when asked for.
    fn suppressed(&mut self) {
        let mut seen: BTreeMap<&str, &SecretFact> = BTreeMap::new();
        let of_images = self.report.inspection.images.iter().flat_map(|image| &image.secrets);
        for secret in of_images.filter(|secret| secret.class() == Class::Suppressed) {
            seen.insert(&secret.fingerprint, secret);
        }
        if seen.is_empty() {
            return;
        }
        self.sheet.gap();
        let hint = if self.context.show_suppressed { "" } else { " (--show-suppressed lists them)" };
        let number = count(seen.len(), "value");
        self.sheet
            .put(DIM, &format!("suppressed: {number} that look like secrets in files as packages recorded them{hint}"))
            .end();
        for secret in seen.into_values().filter(|_| self.context.show_suppressed) {
            let place = secret.places.first().map(super::inspect_text::secret_place).unwrap_or_default();
            self.sheet
                .put(DIM, "  ")
                .plain(&format!("{} {}  {place}  {}", secret.what, secret.redacted, secret.fingerprint))
                .end();
        }
    }

    fn held(&mut self) {
        let mut lines: BTreeMap<(&str, &str, &str), Vec<usize>> = BTreeMap::new();
        for (at, image) in self.report.images.iter().enumerate() {
            for result in &image.results {
                let (word, text) = match &result.outcome {
                    Outcome::Pass(measured) => ("ok", measured.as_str()),
                    Outcome::NotApplicable(why) => ("n/a", why.as_str()),
                    Outcome::Fail(_) | Outcome::Unknown(_) | Outcome::Waived => continue,
                };
                lines.entry((result.rule.id.as_ref(), word, text)).or_default().push(at);
            }
        }
        self.sheet.gap();
        let column = lines.keys().map(|(id, ..)| id.len()).max().unwrap_or(0);
        for ((id, word, text), images) in lines {
            let style = if word == "ok" { OK } else { DIM };
            self.sheet.put(style, &format!("{word:5}")).plain(id).tab(5 + column + 2, 2).plain(text);
            if images.len() < self.report.images.len() {
                let only = self.platforms(&images);
                self.sheet.put(DIM, &format!("  only {only}"));
            }
            self.sheet.end();
        }
    }

    fn notes(&mut self) {
        let mut notes: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (at, image) in self.report.inspection.images.iter().enumerate() {
            for note in &image.notes {
                notes.entry(note).or_default().push(at);
            }
        }
        if notes.is_empty() {
            return;
        }
        self.sheet.gap();
        if !self.context.verbose {
            self.sheet.put(DIM, &format!("{} (-o json lists them)", count(notes.len(), "note"))).end();
            return;
        }
        for (note, images) in notes {
            self.sheet.put(INFO, &format!("note[{}]", findings::kind_name(&note.kind))).plain(": ");
            self.sheet.plain(&findings::placed(note.layer, note.path.as_deref(), &note.detail));
            if images.len() < self.report.inspection.images.len() {
                let only = self.platforms(&images);
                self.sheet.put(DIM, &format!("  only {only}"));
            }
            self.sheet.end();
        }
    }

    fn closing(&mut self, counts: &Counts, gaps: usize, last: bool) {
        let report = self.report;
        self.sheet.gap();
        let all: Vec<usize> = (0..report.inspection.images.len()).collect();
        let platforms = self.platforms(&all);
        self.sheet.put(BOLD, summary::reference(report)).plain("  ").plain(&platforms).end();
        self.groups();
        let mut numbers = vec![count(counts.errors, "error"), count(counts.warnings, "warning")];
        numbers.push(format!("{} unknown", summary::grouped(&counts.unknown)));
        numbers.push(format!("{} waived", summary::grouped(&counts.waived)));
        if gaps > 0 {
            numbers.push(count(gaps, "gap"));
        }
        let mut parts = vec![numbers.join(", ")];
        parts.extend(self.context.elapsed.filter(|_| last).map(summary::duration));
        parts.push(format!("policy sha256:{}", report.policy_digest.short()));
        if let Some(digest) = summary::digest(report) {
            parts.push(format!("digest {digest}"));
        }
        self.sheet.put(verdict_style(&report.verdict), summary::verdict_word(&report.verdict));
        let mut start = true;
        for part in parts {
            if !start && part.chars().count() + 2 > self.sheet.room() {
                self.sheet.end();
                self.sheet.plain("    ");
            }
            self.sheet.plain("  ").plain(&part);
            start = false;
        }
        self.sheet.end();
    }

    fn groups(&mut self) {
        let groups = summary::groups(self.report);
        for (at, (name, standing)) in groups.iter().enumerate() {
            let word = standing.word();
            let separator = if at == 0 { "" } else { " · " };
            if at > 0 && separator.chars().count() + name.len() + 1 + word.len() > self.sheet.room() {
                self.sheet.end();
            } else {
                self.sheet.put(DIM, separator);
            }
            let style = match standing {
                Standing::Failed => ERROR,
                Standing::Undecided => UNKNOWN,
                Standing::Warned => WARNING,
                Standing::Open | Standing::Told => INFO,
                Standing::Held => OK,
                Standing::Waived | Standing::Nothing => DIM,
            };
            self.sheet.plain(name).plain(" ").put(style, word);
        }
        if !groups.is_empty() {
            self.sheet.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn at_width(reports: &[Report], width: usize) -> String {
        render(reports, &Context { width: Some(width), ..sample::context() })
    }

    #[test]
    fn a_denied_image_says_what_where_why_and_how_to_fix_it() {
        insta::assert_snapshot!(at_width(&[sample::denied()], 80), @r"
        error[secrets.content]: GitHub token `ghp_…x3 (40)` in `/app/.env`
          --> registry.example/acme/app:1.4.2  linux/amd64, linux/arm64  own
           |  /app/.env:3
           |  shipped  layer 2  sha256:a0865141004d, 12330dd63818  COPY . /app
           |  deleted  layer 3  sha256:ab73de25e0c0, 0ae76d2a6665
           |           RUN rm -rf /app/.env /var/lib/apt/lists/*
           = why:    Whoever can pull the image can read every layer, deleted files too.
           = help:   Rotate it, then keep it out of the build: `RUN
                     --mount=type=secret`.
           = policy: imgguard.yaml:35, deny

        error[user.root]: the image runs as `root` (uid 0)
          --> registry.example/acme/app:1.4.2  linux/amd64, linux/arm64  own
           |  config.User
           |  set by  USER root
           = why:    A process that breaks out of its container is then root on the
                     host.
           = help:   add `USER 1000` as the last step
           = policy: imgguard.yaml:18, deny

        unknown[base.age]: the base's date is not known: no list of bases is given
          --> registry.example/acme/app:1.4.2  linux/amd64, linux/arm64
           = policy: imgguard.yaml:14, deny: what is not known does not pass

        warning[files.setuid]: file has the set-user-ID or set-group-ID bit (4 findings)
          --> registry.example/acme/app:1.4.2  linux/amd64, linux/arm64
           |  layer 0  sha256:e7d027cfb16f, 5d32dd633171  (base) ADD file:8d33 in /
           |    /usr/bin/su        mode 4755, owner 0  base
           |  layer 1  sha256:8a046049d235, 5a67b73bd27e  RUN apt-get update && apt-get…
           |    /usr/bin/ping      mode 4755, owner 0  own  only linux/arm64
           |    /usr/bin/sudo      mode 4755, owner 0  own
           |  layer 2  sha256:a0865141004d, 12330dd63818  COPY . /app
           |    /opt/agent/helper  mode 6755, owner 0  own
           = help:   `RUN chmod a-s PATH` in the layer that adds it.
           = policy: imgguard.yaml:31, warn

        info[layers.count]: 4 layers, more than 3
          --> registry.example/acme/app:1.4.2  linux/amd64, linux/arm64  own
           = help:   Join steps that belong together.
           = policy: imgguard.yaml:33, info

        1 note (-o json lists them)

        registry.example/acme/app:1.4.2  linux/amd64, linux/arm64
        secrets FAILED · user FAILED · base UNKNOWN · files warning · layers info
        size ok · healthcheck n/a
        DENY  2 errors, 4 warnings, 1 unknown, 0 waived  1.9 s
              policy sha256:823412d1eacb
              digest sha256:1bc04b5291c26a46d918139138b992d2de976d6851d0893b0476b85bfbdfc6e6
        ");
    }

    #[test]
    fn a_wide_terminal_is_used() {
        insta::assert_snapshot!(at_width(&[sample::denied()], 120), @r"
        error[secrets.content]: GitHub token `ghp_…x3 (40)` in `/app/.env`
          --> registry.example/acme/app:1.4.2  linux/amd64, linux/arm64  own
           |  /app/.env:3
           |  shipped  layer 2  sha256:a0865141004d, 12330dd63818  COPY . /app
           |  deleted  layer 3  sha256:ab73de25e0c0, 0ae76d2a6665  RUN rm -rf /app/.env /var/lib/apt/lists/*
           = why:    Whoever can pull the image can read every layer, deleted files too.
           = help:   Rotate it, then keep it out of the build: `RUN --mount=type=secret`.
           = policy: imgguard.yaml:35, deny

        error[user.root]: the image runs as `root` (uid 0)
          --> registry.example/acme/app:1.4.2  linux/amd64, linux/arm64  own
           |  config.User
           |  set by  USER root
           = why:    A process that breaks out of its container is then root on the host.
           = help:   add `USER 1000` as the last step
           = policy: imgguard.yaml:18, deny

        unknown[base.age]: the base's date is not known: no list of bases is given
          --> registry.example/acme/app:1.4.2  linux/amd64, linux/arm64
           = policy: imgguard.yaml:14, deny: what is not known does not pass

        warning[files.setuid]: file has the set-user-ID or set-group-ID bit (4 findings)
          --> registry.example/acme/app:1.4.2  linux/amd64, linux/arm64
           |  layer 0  sha256:e7d027cfb16f, 5d32dd633171  (base) ADD file:8d33 in /
           |    /usr/bin/su        mode 4755, owner 0  base
           |  layer 1  sha256:8a046049d235, 5a67b73bd27e  RUN apt-get update && apt-get install -y gcc sudo
           |    /usr/bin/ping      mode 4755, owner 0  own  only linux/arm64
           |    /usr/bin/sudo      mode 4755, owner 0  own
           |  layer 2  sha256:a0865141004d, 12330dd63818  COPY . /app
           |    /opt/agent/helper  mode 6755, owner 0  own
           = help:   `RUN chmod a-s PATH` in the layer that adds it.
           = policy: imgguard.yaml:31, warn

        info[layers.count]: 4 layers, more than 3
          --> registry.example/acme/app:1.4.2  linux/amd64, linux/arm64  own
           = help:   Join steps that belong together.
           = policy: imgguard.yaml:33, info

        1 note (-o json lists them)

        registry.example/acme/app:1.4.2  linux/amd64, linux/arm64
        secrets FAILED · user FAILED · base UNKNOWN · files warning · layers info · size ok · healthcheck n/a
        DENY  2 errors, 4 warnings, 1 unknown, 0 waived  1.9 s  policy sha256:823412d1eacb
              digest sha256:1bc04b5291c26a46d918139138b992d2de976d6851d0893b0476b85bfbdfc6e6
        ");
    }

    #[test]
    fn a_pass_is_short() {
        insta::assert_snapshot!(at_width(&[sample::passed()], 80), @r"
        1 note (-o json lists them)

        registry.example/acme/tool:2.0.0  linux/amd64
        size ok
        PASS  0 errors, 0 warnings, 0 unknown, 0 waived  1.9 s
              policy sha256:823412d1eacb
              digest sha256:1bc04b5291c26a46d918139138b992d2de976d6851d0893b0476b85bfbdfc6e6
        ");
    }

    #[test]
    fn what_could_not_be_seen_is_told_with_its_layer() {
        insta::assert_snapshot!(at_width(&[sample::incomplete()], 80), @r"
        gap[layer-damaged]: the blob is 96.4 MB long, 1.2 MB were sent
          --> registry.example/acme/app:1.4.2  linux/amd64
           |  layer 1  sha256:8a046049d235  RUN apt-get update && apt-get install -y gc…
           = note:   what was not seen does not pass
           = note:   undecided because of it: secrets.content

        registry.example/acme/app:1.4.2  linux/amd64
        secrets UNKNOWN · size ok
        INCONCLUSIVE  0 errors, 0 warnings, 1 unknown, 0 waived, 1 gap  1.9 s
              policy sha256:823412d1eacb
              digest sha256:1bc04b5291c26a46d918139138b992d2de976d6851d0893b0476b85bfbdfc6e6
        ");
    }

    #[test]
    fn an_image_can_write_neither_lines_nor_colours() {
        insta::assert_snapshot!(at_width(&[sample::hostile()], 120), @r"
        error[secrets.content]: a secret lies in the image (3 findings)
          --> oci:::error::x #\x23[add-mask]y #\x23vso[z]\n::stop\r\x1b[31m\u{202e}\x9b<script>|`]]>&\x00\u{feff}  linux/amd64
           |  ::error::x #\x23[add-mask]y #\x23vso[z]\n::stop\r\x1b[31m\u{202e}\x9b<script>|`]]>&\x00\u{feff}
           |  USER ::error::x #\x23[add-mask]y #\x23vso[z]\n::stop\r\x1b[31m\u{202e}\x9b<script>|`]]>&\x00\u{feff}
           |    ::error::x #\x23[add-mask]y #\x23vso[z]\n::stop\r\x1b[31m\u{202e}\x9b<script>|`]]>&\x00\u{feff}  own
           |  layer 1  sha256:8a046049d235  ::error::x #\x23[add-mask]y #\x23vso[z]\n::stop\r\x1b[31m\u{202e}\x9b<script>|`]]>&\x00\u…
           |    ::error::x #\x23[add-mask]y #\x23vso[z]\n::stop\r\x1b[31m\u{202e}\x9b<script>|`]]>&\x00\u{feff}  own
           = why:    Whoever can pull the image can read every layer, deleted files too.
           = help:   ::error::x #\x23[add-mask]y #\x23vso[z]
                     \x3a:stop \x1b[31m\u{202e}\x9b<script>|`]]>&\x00\u{feff}
           = help:   Rotate it, then keep it out of the build: `RUN --mount=type=secret`.
           = policy: imgguard.yaml:35, deny

        gap[document]: ::error::x #\x23[add-mask]y #\x23vso[z] ::stop \x1b[31m\u{202e}\x9b<script>|`]]>&\x00\u{feff}
          --> oci:::error::x #\x23[add-mask]y #\x23vso[z]\n::stop\r\x1b[31m\u{202e}\x9b<script>|`]]>&\x00\u{feff}  linux/amd64
           |  /::error::x #\x23[add-mask]y #\x23vso[z]\n::stop\r\x1b[31m\u{202e}\x9b<script>|`]]>&\x00\u{feff}
           |  layer 1  sha256:8a046049d235  ::error::x #\x23[add-mask]y #\x23vso[z]\n::stop\r\x1b[31m\u{202e}\x9b<script>|`]]>&\x00\u…
           = note:   what was not seen does not pass
           = note:   undecided because of it: size.total

        warning[files.setuid]: file has the set-user-ID or set-group-ID bit (3 findings)
          --> oci:::error::x #\x23[add-mask]y #\x23vso[z]\n::stop\r\x1b[31m\u{202e}\x9b<script>|`]]>&\x00\u{feff}  linux/amd64
           |  ::error::x #\x23[add-mask]y #\x23vso[z]\n::stop\r\x1b[31m\u{202e}\x9b<script>|`]]>&\x00\u{feff}
           |  USER ::error::x #\x23[add-mask]y #\x23vso[z]\n::stop\r\x1b[31m\u{202e}\x9b<script>|`]]>&\x00\u{feff}
           |    ::error::x #\x23[add-mask]y #\x23vso[z]\n::stop\r\x1b[31m\u{202e}\x9b<script>|`]]>&\x00\u{feff}  own
           |  layer 1  sha256:8a046049d235  ::error::x #\x23[add-mask]y #\x23vso[z]\n::stop\r\x1b[31m\u{202e}\x9b<script>|`]]>&\x00\u…
           |    ::error::x #\x23[add-mask]y #\x23vso[z]\n::stop\r\x1b[31m\u{202e}\x9b<script>|`]]>&\x00\u{feff}  own
           = help:   ::error::x #\x23[add-mask]y #\x23vso[z]
                     \x3a:stop \x1b[31m\u{202e}\x9b<script>|`]]>&\x00\u{feff}
           = help:   `RUN chmod a-s PATH` in the layer that adds it.
           = policy: imgguard.yaml:31, warn

        2 notes (-o json lists them)

        oci:::error::x #\x23[add-mask]y #\x23vso[z]\n::stop\r\x1b[31m\u{202e}\x9b<script>|`]]>&\x00\u{feff}  linux/amd64
        secrets FAILED · size UNKNOWN · files warning · layers ok · base n/a
        DENY  3 errors, 3 warnings, 1 unknown, 0 waived, 1 gap  1.9 s  policy sha256:823412d1eacb
              digest sha256:1bc04b5291c26a46d918139138b992d2de976d6851d0893b0476b85bfbdfc6e6
        ");
    }

    #[test]
    fn verbose_lists_what_holds_and_what_was_odd() {
        let context = Context { verbose: true, explain: true, ..sample::context() };
        insta::assert_snapshot!(render(&[sample::passed(), sample::incomplete()], &context), @r"
        ok   size.total  412 MB of 2 GB

        note[duplicate-entry]: layer 1 /etc/hosts: the archive names it twice; the last one counts

        registry.example/acme/tool:2.0.0  linux/amd64
        size ok
        PASS  0 errors, 0 warnings, 0 unknown, 0 waived  policy sha256:823412d1eacb
              digest sha256:1bc04b5291c26a46d918139138b992d2de976d6851d0893b0476b85bfbdfc6e6

        gap[layer-damaged]: the blob is 96.4 MB long, 1.2 MB were sent
          --> registry.example/acme/app:1.4.2  linux/amd64
           |  layer 1  sha256:8a046049d235  RUN apt-get update && apt-get install -y gc…
           = note:   what was not seen does not pass
           = note:   undecided because of it: secrets.content

        ok   size.total  412 MB of 2 GB

        registry.example/acme/app:1.4.2  linux/amd64
        secrets UNKNOWN · size ok
        INCONCLUSIVE  0 errors, 0 warnings, 1 unknown, 0 waived, 1 gap  1.9 s
              policy sha256:823412d1eacb
              digest sha256:1bc04b5291c26a46d918139138b992d2de976d6851d0893b0476b85bfbdfc6e6

        2 images: 1 INCONCLUSIVE, 1 PASS
        ");
    }

    #[test]
    fn colours_appear_only_on_request_and_change_no_text() {
        let plain = render(&[sample::denied()], &sample::context());
        let colored = render(&[sample::denied()], &Context { color: true, ..sample::context() });
        assert!(!plain.contains('\x1b'));
        let mut stripped = String::new();
        let mut rest = colored.as_str();
        while let Some((before, after)) = rest.split_once('\x1b') {
            stripped.push_str(before);
            rest = after.split_once('m').expect("an escape ends").1;
        }
        stripped.push_str(rest);
        assert!(colored.contains("\x1b[1m\x1b[31merror[secrets.content]\x1b[0m"), "{colored}");
        assert_eq!(stripped, plain);
    }

    #[test]
    fn long_lists_are_cut_and_say_so() {
        let text = render(&[sample::many(43)], &sample::context());
        assert!(text.contains("a secret lies in the image (43 findings)"), "{text}");
        assert!(text.contains("   |  and 23 more (see -o json)\n"), "{text}");
        assert_eq!(text.matches("private key").count(), 20);
        assert!(text.contains("43 errors"), "all are counted");
    }

    #[test]
    fn without_a_width_nothing_is_wrapped_or_cut() {
        let mut report = sample::denied();
        report.inspection.images[0].layers[3].instruction = Some(format!("RUN {}", "x".repeat(150)));
        let text = render(&[report], &Context { width: None, ..sample::context() });
        assert!(text.contains(&format!("RUN {}\n", "x".repeat(150))), "{text}");
        assert_eq!(text.lines().filter(|line| line.starts_with("DENY  ")).count(), 1);
        assert!(text.lines().last().is_some_and(|line| line.starts_with("DENY  ") && line.contains("digest sha256:")));
    }
}
