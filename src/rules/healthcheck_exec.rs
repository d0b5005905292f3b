//! `healthcheck.exec`: the command of the health check is in the image and can be started.

use crate::companions::{Action, Probe, Workload};
use crate::model::ImageFacts;

use super::exec::{self, Resolver, Subject, Topic};
use super::healthcheck_present::advice;
use super::setting::NoSettings;
use super::words::code;
use super::workloads::{Source, both, resolved, select};
use super::{Check, Circumstances, Fault, Level, Outcome, Rule};

pub(super) const RULE: Rule = Rule {
    id: "healthcheck.exec",
    code: "IG0702",
    level: Level::Deny,
    summary: "the health check runs a command that the image does not have",
    why: "A health check whose command is missing fails every time: the container is unhealthy for ever, nothing that waits for \
          it goes on, and orchestrators replace it again and again. Slim and Alpine bases have no `curl`; a base may lose it \
          with an update. The command is resolved as at run time, in shell form word by word.",
    fix: "Ask with what the image has:\n\n```dockerfile\nHEALTHCHECK CMD [\"python\", \"-c\", \"import urllib.request as u; \
          u.urlopen('http://127.0.0.1:8000/health', timeout=5)\"]\n```\n\nOn Alpine: `CMD wget -q --spider \
          http://127.0.0.1:8000/health`.",
    flags: &[
        ("", "healthcheck CMD curl -f http://localhost/"),
        ("", "healthcheck CMD-SHELL curl -f http://localhost/ || exit 1\n0755 0:0 bin/sh elf"),
        ("", "healthcheck CMD-SHELL true"),
        ("", "healthcheck CMD /probe\nuser 1000\n0700 0:0 probe elf"),
        ("", "healthcheck CMD-SHELL curl -f x || wget x\n0755 0:0 bin/sh elf"),
        (
            "",
            "0755 0:0 usr/bin/python3 elf\n--- compose.yml\nservices:\n  app: {build: ., healthcheck: {test: [CMD, curl, -f, \"http://localhost:8501/\"]}}",
        ),
    ],
    passes: &[
        ("", "healthcheck CMD curl -f http://localhost/\n0755 0:0 usr/bin/curl elf"),
        (
            "",
            "healthcheck CMD-SHELL curl x || wget x\n0755 0:0 bin/busybox elf\nbin/sh -> busybox\nbin/wget -> busybox",
        ),
        ("", "healthcheck CMD-SHELL test -f /ready || exit 1\n0755 0:0 bin/sh elf"),
    ],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(Exec))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct Exec;

impl Check for Exec {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        self.decide_in(image, &Circumstances::default())
    }

    fn decide_in(&self, image: &ImageFacts, circumstances: &Circumstances) -> Outcome {
        if image.platform.os == "windows" {
            return Outcome::Unknown("commands of Windows images are not resolved".to_owned());
        }
        let resolver = Resolver::new(image);
        let kinds: Vec<Source> = both().into();
        let selection = select(image, &circumstances.evidence, &kinds);
        let mut subjects: Vec<Subject> = exec::checked(image).0.clone().into_iter().collect();
        for workload in &selection.own {
            subjects.extend(workload.probes.iter().filter_map(|probe| probed(&resolver, workload, probe)));
        }
        if subjects.is_empty() {
            return Outcome::NotApplicable("there is no health check".to_owned());
        }
        let faults: Vec<Fault> = subjects.iter().flat_map(|subject| faults(image, subject)).collect();
        if !faults.is_empty() {
            return Outcome::Fail(faults);
        }
        if let Some(why) = subjects.iter().find_map(|subject| subject.report.unknown.first()) {
            return Outcome::Unknown(why.clone());
        }
        let doubt = |subject: &Subject| subject.report.doubts.first().map(|doubt| doubt.words(&subject.name));
        if let Some(words) = subjects.iter().find_map(doubt) {
            return Outcome::Unknown(format!("only if it is reached, {words}"));
        }
        let reports = || subjects.iter().map(|subject| &subject.report);
        let instead = reports().find_map(|report| report.replaced.first());
        let instead = instead.map_or_else(String::new, |finding| format!("; {} is not there", code(&finding.runs)));
        let programs: Vec<&str> = reports().flat_map(|report| &report.resolved).map(String::as_str).collect();
        Outcome::Pass(format!("{}{instead}", programs.join(", ")))
    }
}

fn faults(image: &ImageFacts, subject: &Subject) -> Vec<Fault> {
    let failures = subject.report.failures.iter().filter(|finding| finding.topic == Topic::Command);
    failures
        .map(|finding| Fault {
            subject: format!("{}: {}", subject.id.replace('`', ""), finding.runs),
            message: finding.words(&subject.name),
            seat: finding.seat(image, &subject.seat),
            fix: advice(image),
        })
        .collect()
}

/// The command of a health check or probe that a file beside the image has.
fn probed(resolver: &Resolver<'_>, workload: &Workload, probe: &Probe) -> Option<Subject> {
    let words = match &probe.action {
        Action::Exec(words) => words.clone(),
        Action::Shell(text) => {
            let default = ["/bin/sh".to_owned(), "-c".to_owned()];
            let shell = resolver.image.config.shell.as_deref().filter(|shell| !shell.is_empty()).unwrap_or(&default);
            shell.iter().chain([text]).cloned().collect()
        }
        Action::Http { .. } | Action::Tcp(_) => return None,
    };
    resolved(resolver, workload, format!("`{}` of {}", probe.what, workload.name), &probe.place, &words)
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::decide;
    use super::*;

    #[test]
    fn the_fix_is_ready_for_this_image() {
        let image = "healthcheck CMD-SHELL curl -f http://localhost:8501/ || exit 1\nport 8501/tcp\n0755 0:0 bin/sh elf\n\
                     0755 0:0 usr/local/bin/python elf";
        let Outcome::Fail(faults) = decide("healthcheck.exec", "", image) else { panic!("curl is not there") };
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].message.starts_with("`HEALTHCHECK` runs `curl`, which is not in the image: searched `PATH="));
        let fix = faults[0].fix.as_deref().expect("Python is there");
        assert!(fix.contains("HEALTHCHECK CMD [\"python\", \"-c\"") && fix.contains("127.0.0.1:8501"), "{fix}");
    }

    #[test]
    fn an_image_without_a_check_has_nothing_to_resolve() {
        for image in ["", "healthcheck NONE", "healthcheck []", "healthcheck CMD"] {
            let outcome = decide("healthcheck.exec", "", image);
            assert!(matches!(outcome, Outcome::NotApplicable(_)), "{image}: {outcome:?}");
        }
    }
}
