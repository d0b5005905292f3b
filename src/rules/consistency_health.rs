//! `consistency.health`: the deployment asks for health as the image says.

use crate::companions::{Action, Address, PortName, Probe, Workload, addresses};
use crate::model::ImageFacts;

use super::workloads::{Sources, compare, fault};
use super::{Check, Circumstances, Fault, Level, Outcome, Rule};

pub(super) const RULE: Rule = Rule {
    id: "consistency.health",
    code: "IG1902",
    level: Level::Warn,
    summary: "the deployment and the image disagree about how health is asked for",
    why: "A health check of a compose file or a probe replaces the one of the image. When they ask different paths or ports, \
          one of them asks something that is not there: the container is unhealthy for ever, and whoever heals it restarts a \
          service that works. (Whether the command is in the image, `healthcheck.exec` tells.)",
    fix: "Ask the same address everywhere. In compose, leave `test` out to keep the \
          image's own check.",
    flags: &[
        (
            "",
            "healthcheck CMD wget -q http://127.0.0.1:8501/_stcore/health\n0755 0:0 usr/bin/curl\n0755 0:0 bin/sh\n--- compose.yml\nservices:\n  app: {build: ., healthcheck: {test: \"curl -f http://localhost:8501/health\"}}",
        ),
        ("", "healthcheck CMD true\n--- compose.yml\nservices:\n  app: {build: ., healthcheck: {disable: true}}"),
        (
            "{in: [kubernetes]}",
            "healthcheck CMD wget http://localhost:80/health\n--- pod.yml\napiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - image: app\n      livenessProbe: {httpGet: {port: 80, path: /healthz}}",
        ),
    ],
    passes: &[
        (
            "",
            "healthcheck CMD wget http://127.0.0.1:80/health\n0755 0:0 usr/bin/curl\n0755 0:0 bin/sh\n--- compose.yml\nservices:\n  app: {build: ., healthcheck: {test: \"curl -f http://localhost/health || exit 1\"}}",
        ),
        (
            "",
            "healthcheck CMD wget http://localhost:80/health\n--- pod.yml\napiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - image: app\n      livenessProbe: {httpGet: {port: 80, path: /live}}\n      readinessProbe: {httpGet: {port: 80, path: /health}}",
        ),
    ],
    build: |settings| Ok(Box::new(Health(settings.read::<Sources>()?))),
    schema: |generator| generator.subschema_for::<Sources>(),
};

struct Health(Sources);

impl Check for Health {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        self.decide_in(image, &Circumstances::default())
    }

    fn decide_in(&self, image: &ImageFacts, circumstances: &Circumstances) -> Outcome {
        compare(image, circumstances, &self.0.kinds, |workload| {
            switched_off(image, workload).into_iter().chain(other_address(image, workload)).collect()
        })
    }
}

/// Whether the image itself has a health check.
fn own_check(image: &ImageFacts) -> Option<&[String]> {
    let test = image.config.healthcheck.as_ref().map(|check| &check.test[..])?;
    test.first().is_some_and(|kind| kind != "NONE").then_some(test)
}

fn switched_off(image: &ImageFacts, workload: &Workload) -> Option<Fault> {
    let place = workload.health_off.as_ref()?;
    own_check(image)?;
    Some(fault(
        format!("{}: healthcheck", workload.name),
        format!("{} switches the image's `HEALTHCHECK` off", workload.name),
        place,
        "take `disable` or `NONE` away",
    ))
}

/// What a probe asks, when it can be told.
fn asked(workload: &Workload, probe: &Probe) -> Option<Address> {
    match &probe.action {
        Action::Http { port, path } => Some(Address { port: workload.port(port)?, path: path.clone() }),
        Action::Exec(words) => addresses(&words.join(" ")).into_iter().next(),
        Action::Shell(text) => addresses(text).into_iter().next(),
        Action::Tcp(PortName::Number(_) | PortName::Name(_)) => None,
    }
}

/// The image's own check asks an address that no probe asks.
fn other_address(image: &ImageFacts, workload: &Workload) -> Option<Fault> {
    let own = addresses(&own_check(image)?.join(" ")).into_iter().next()?;
    let asked: Vec<(Address, &Probe)> =
        workload.probes.iter().filter_map(|probe| Some((asked(workload, probe)?, probe))).collect();
    let (first, probe) = asked.first()?;
    if asked.iter().any(|(address, _)| *address == own) {
        return None;
    }
    let show = |address: &Address| format!("`:{}{}`", address.port, address.path);
    Some(fault(
        format!("{}: {} {}{}", workload.name, probe.what, first.port, first.path),
        format!(
            "`{}` of {} asks {}, the image's `HEALTHCHECK` asks {}",
            probe.what,
            workload.name,
            show(first),
            show(&own)
        ),
        &probe.place,
        "find out which of them the service answers, and write it in both places",
    ))
}
