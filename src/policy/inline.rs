//! Waivers in comments of a Dockerfile that is given beside the image: they let pass what the instruction below them made.

use crate::companions::{Dockerfile, Waiver as Comment};
use crate::yaml::suggest;

use super::document::is_locked_by;
use super::waiver::{Lines, Match, Waiver};
use super::{Origin, Policy};

/// The group of rules that `lint` judges: waivers of them are its own.
const LINT: &str = "dockerfile.";

impl Policy {
    /// Adds the waivers of the Dockerfiles to those of the policy. `now` (seconds since 1970) is what their length is
    /// measured from.
    ///
    /// # Errors
    /// One sentence for each waiver that names no rule, a locked rule, or lasts longer than the policy allows.
    pub fn adopt_waivers(&mut self, dockerfiles: &[Dockerfile], now: i64) -> Result<(), Vec<String>> {
        let mut problems = Vec::new();
        for file in dockerfiles {
            for comment in &file.waivers {
                for rule in comment.rules.iter().filter(|rule| !rule.starts_with(LINT)) {
                    match self.inline(file, comment, rule, now) {
                        Ok(waiver) => self.waivers.push(waiver),
                        Err(why) => problems.push(format!("{}:{}: {why}", file.file, comment.line)),
                    }
                }
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    fn inline(&self, file: &Dockerfile, comment: &Comment, rule: &str, now: i64) -> Result<Waiver, String> {
        let own = self.rules.iter().any(|one| one.rule.id == rule);
        if !own && crate::rules::find(rule).is_none() {
            let ids: Vec<&str> = crate::rules::RULES.iter().map(|rule| rule.id).collect();
            let hint = suggest(rule, &ids).filter(|hint| hint.starts_with("did"));
            let hint = hint.map_or_else(String::new, |hint| format!(" ({hint})"));
            return Err(format!("there is no rule `{rule}`{hint}"));
        }
        if self.locks.iter().any(|lock| is_locked_by(rule, lock)) {
            return Err(format!("`{rule}` is locked by the policy: it cannot be waived"));
        }
        if let Some(days) = self.waiver_days.filter(|days| super::waiver::is_longer_than(comment.ends, *days, now)) {
            return Err(format!("the waiver lasts longer than the {days} days that the policy allows"));
        }
        let instruction = file.instructions.iter().find(|one| Some(one.line) == comment.covers);
        let Some(instruction) = instruction else { return Err("the waiver stands above no instruction".to_owned()) };
        let lines = Lines { file: file.file.clone(), first: instruction.line, last: instruction.end_line };
        let origin = Origin { file: file.file.clone(), line: comment.line };
        Ok(Waiver {
            rule: rule.to_owned(),
            matches: Match::made_by(lines),
            reason: comment.reason.clone(),
            owner: comment.owner.clone(),
            until: comment.ends,
            images: Vec::new(),
            platforms: Vec::new(),
            origin: origin.clone(),
            until_origin: origin,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::inspect::match_steps;
    use crate::policy::fake;
    use crate::policy::{Policy, Report, Verdict, judge, parse_at};
    use crate::rules::Circumstances;
    use crate::testkit::image::with_evidence;

    const NOW: i64 = 1_800_000_000;
    const POLICY: &str = "version: 1\nrules: { files: { setuid: deny } }\n";
    const IMAGE: &str =
        "layer RUN chmod u+s /usr/bin/a\n4755 0:0 usr/bin/a\nlayer RUN chmod u+s /usr/bin/b\n4755 0:0 usr/bin/b\n";

    fn policy(text: &str) -> Policy {
        parse_at(text, "imgguard.yaml", &mut |_| Err("none".to_owned()), Some(NOW))
            .unwrap_or_else(|errors| panic!("{errors}"))
    }

    fn judged(policy: &mut Policy, dockerfile: &str) -> Result<Report, Vec<String>> {
        let (mut image, evidence) = with_evidence(&format!("{IMAGE}--- Dockerfile\n{dockerfile}"));
        policy.adopt_waivers(&evidence.dockerfiles, NOW)?;
        for file in &evidence.dockerfiles {
            match_steps(&mut image, file);
        }
        let inspection = fake::inspection(vec![image]);
        Ok(judge(policy, inspection, &Circumstances { now: Some(NOW), evidence, ..Circumstances::default() }))
    }

    #[test]
    fn a_comment_waives_what_the_instruction_below_it_made_and_nothing_else() {
        let comment = "# imgguard: waive[files.setuid] until=2027-02-01 owner=@ops reason=\"ping needs it\"";
        let one = format!("FROM scratch\n{comment}\nRUN chmod u+s /usr/bin/a\nRUN chmod u+s /usr/bin/b\n");
        let report = judged(&mut policy(POLICY), &one).expect("good");
        assert_eq!(report.verdict, Verdict::Violations, "the other one is still there");
        let result = &report.images[0].results[0];
        assert_eq!(result.waived.len(), 1);
        assert_eq!(result.waived[0].origin.line, 2);
        let both = format!("FROM scratch\n{comment}\nRUN chmod u+s /usr/bin/a\n{comment}\nRUN chmod u+s /usr/bin/b\n");
        let report = judged(&mut policy(POLICY), &both).expect("good");
        assert!(matches!(report.verdict, Verdict::Pass(_)));
        let late = both.replace("2027-02-01", "2026-02-01");
        let report = judged(&mut policy(POLICY), &late).expect("good");
        assert!(report.images[0].results.iter().any(|result| result.rule.id == "waivers.expired"));
        assert_eq!(report.verdict, Verdict::Violations);
    }

    #[test]
    fn what_the_policy_locks_or_caps_no_comment_waives() {
        let file = |rule: &str, until: &str| {
            format!("FROM a\n# imgguard: waive[{rule}] until={until} owner=@a reason=b\nRUN chmod u+s /usr/bin/a\n")
        };
        let told = |text: &str, file: &str| judged(&mut policy(text), file).err().unwrap_or_default().join("\n");
        let locked = format!("{POLICY}lock: [files]\n");
        assert!(
            told(&locked, &file("files.setuid", "2027-02-01")).starts_with("Dockerfile:2: `files.setuid` is locked")
        );
        let capped = format!("{POLICY}limits: {{ waiver-days: 30 }}\n");
        assert!(told(&capped, &file("files.setuid", "2029-02-01")).contains("longer than the 30 days"));
        assert!(told(POLICY, &file("files.setuids", "2027-02-01")).contains("did you mean `files.setuid`?"));
        assert_eq!(told(POLICY, &file("dockerfile.sudo", "2027-02-01")), "", "that is the linter's");
    }
}
