//! `healthcheck.present`: the image says how to tell whether it works.

use serde::Deserialize;

use crate::companions::{Place, Workload};
use crate::model::ImageFacts;

use super::setting::{Declared, NonEmpty};
use super::words::{code, codes};
use super::workloads::{Source, fault, select};
use super::{Check, Circumstances, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "healthcheck.present",
    code: "IG0701",
    level: Level::Deny,
    summary: "the image has no health check",
    why: "Without a health check a container counts as well as long as its process lives, also when it answers nobody. \
          Compose cannot wait for it, Swarm does not replace it, a rolling update goes on. (Kubernetes uses its own probes \
          instead.)",
    fix: "Ask the service itself, with a command that the image has:\n\n```dockerfile\nHEALTHCHECK --interval=30s \
          --timeout=5s --start-period=20s \\\n    CMD [\"wget\", \"-q\", \"--spider\", \
          \"http://127.0.0.1:8000/health\"]\n```\n\nBuildah and Podman keep it only in Docker format: `buildah build --format \
          docker`.",
    flags: &[
        ("", ""),
        ("", "healthcheck NONE"),
        ("", "healthcheck []"),
        ("", "healthcheck CMD"),
        ("", "healthcheck [\"CMD-SHELL\", \" \"]"),
        ("", "healthcheck curl -f http://localhost/"),
        ("{accept: [image]}", "--- compose.yml\nservices:\n  app: {build: ., healthcheck: {test: \"true\"}}"),
        (
            "{accept: [kubernetes]}",
            "healthcheck CMD true\n--- pod.yml\napiVersion: v1\nkind: Pod\nspec:\n  containers: [{image: app}]",
        ),
        ("", "step HEALTHCHECK &{[\"CMD-SHELL\" \"curl -f http://localhost/\"] \"30s\" \"5s\" \"0s\" '\\x00'}"),
    ],
    passes: &[
        ("", "healthcheck CMD curl -f http://localhost/"),
        ("{accept: [image]}", "healthcheck CMD-SHELL curl -f http://localhost/ || exit 1"),
        ("", "healthcheck [\"CMD\", \"/app\", \"health\"]"),
        (
            "{accept: [image, compose]}",
            "--- compose.yml\nservices:\n  app: {build: ., healthcheck: {test: \"wget -q http://localhost/\"}}",
        ),
        (
            "{accept: [kubernetes]}",
            "--- pod.yml\napiVersion: v1\nkind: Pod\nspec:\n  containers: [{image: app, livenessProbe: {httpGet: {port: 80}}}]",
        ),
    ],
    build: |settings| Ok(Box::new(settings.read::<Present>()?)),
    schema: |generator| generator.subschema_for::<Present>(),
};

/// What counts as a health check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Evidence {
    /// `HEALTHCHECK` in the image's config.
    Image,
    /// `healthcheck` of the service that runs the image, in a compose file.
    Compose,
    /// A liveness or readiness probe of the container that runs the image, in a Kubernetes manifest.
    Kubernetes,
}

/// Where a health check may stand.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Present {
    /// What counts; `[image]` when not given.
    #[serde(default = "in_the_image")]
    #[schemars(extend("x-tighter" = "fewer"))]
    accept: NonEmpty<Evidence>,
}

fn in_the_image() -> NonEmpty<Evidence> {
    NonEmpty::one(Evidence::Image)
}

impl Check for Present {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        self.decide_in(image, &Circumstances::default())
    }

    fn decide_in(&self, image: &ImageFacts, circumstances: &Circumstances) -> Outcome {
        let own = self.accept.contains(&Evidence::Image).then(|| in_config(image));
        if let Some(Outcome::Pass(_)) = own {
            return own.unwrap_or_else(|| in_config(image));
        }
        let mut bare = None;
        for source in self.sources() {
            let selection = select(image, &circumstances.evidence, &[source]);
            if let Some(workload) = selection.own.iter().find(|workload| asks(workload)) {
                return Outcome::Pass(format!("{} asks for its health", workload.name));
            }
            if let Outcome::Unknown(why) = selection.outcome(Vec::new()) {
                return Outcome::Unknown(why);
            }
            bare =
                bare.or_else(|| selection.own.first().map(|workload| (workload.name.clone(), workload.place.clone())));
        }
        own.unwrap_or_else(|| Outcome::Fail(vec![not_asked(bare)]))
    }
}

impl Present {
    /// The files beside the image that count.
    fn sources(&self) -> Vec<Source> {
        let kinds = [(Evidence::Compose, Source::Compose), (Evidence::Kubernetes, Source::Kubernetes)];
        kinds.into_iter().filter(|(accepted, _)| self.accept.contains(accepted)).map(|(_, source)| source).collect()
    }
}

/// Whether a container is asked for its health all the time it runs.
fn asks(workload: &Workload) -> bool {
    workload.health_off.is_none() && workload.probes.iter().any(|probe| probe.what != "startupProbe")
}

fn not_asked(bare: Option<(String, Place)>) -> Fault {
    let fix = "give the service a `healthcheck`, or the container a `livenessProbe`";
    let subject = "HEALTHCHECK".to_owned();
    match bare {
        Some((name, place)) => {
            let message =
                format!("{name} is not asked for its health; the policy accepts no `HEALTHCHECK` of the image");
            fault(subject, message, &place, fix)
        }
        None => Fault {
            subject,
            message:
                "no file that was given asks for the container's health; the policy accepts no `HEALTHCHECK` of the \
                      image"
                    .to_owned(),
            seat: Seat::Image,
            fix: Some(fix.to_owned()),
        },
    }
}

/// What the image itself says.
fn in_config(image: &ImageFacts) -> Outcome {
    let message = match image.config.healthcheck.as_ref().map(|check| &check.test[..]) {
        None => match lost(image) {
            Some(index) => {
                return Outcome::Fail(vec![Fault {
                    subject: "HEALTHCHECK".to_owned(),
                    message: "lost: OCI format. The history names `HEALTHCHECK`, but the config lacks it".to_owned(),
                    seat: Seat::History(index),
                    fix: Some(
                        "build in Docker format, which keeps it: `buildah build --format docker` or `podman build \
                         --format docker`"
                            .to_owned(),
                    ),
                }]);
            }
            None => "there is no `HEALTHCHECK`".to_owned(),
        },
        Some([]) => "`HEALTHCHECK` only inherits, and there is nothing to inherit from".to_owned(),
        Some([kind, ..]) if kind == "NONE" => "`HEALTHCHECK NONE` switches the check off".to_owned(),
        Some([kind, command @ ..]) if kind == "CMD" || kind == "CMD-SHELL" => match command.first() {
            Some(first) if !first.trim().is_empty() => {
                return Outcome::Pass(format!("{kind} {}", command.join(" ")));
            }
            _ => format!("`HEALTHCHECK` has {} without a command", code(kind)),
        },
        Some([kind, ..]) => {
            format!("`HEALTHCHECK` starts with {}; runtimes know only `CMD`, `CMD-SHELL` and `NONE`", code(kind))
        }
    };
    Outcome::Fail(vec![Fault {
        subject: "HEALTHCHECK".to_owned(),
        message,
        seat: Seat::Config("/config/Healthcheck".to_owned()),
        fix: advice(image),
    }])
}

/// The last history entry that sets a health check, when no later one switches it off.
fn lost(image: &ImageFacts) -> Option<u32> {
    let mut history = image.config.history.iter().enumerate().rev();
    let (index, text) = history.find_map(|(index, step)| {
        let text = step.created_by.trim_start();
        let text = text.split_once("#(nop)").map_or(text, |(_, text)| text.trim_start());
        Some((index, text.strip_prefix("HEALTHCHECK")?))
    })?;
    let off = text.contains("[\"NONE\"]") || text.trim() == "NONE";
    if off { None } else { u32::try_from(index).ok() }
}

/// A health check that this image can run.
pub(super) fn advice(image: &ImageFacts) -> Option<String> {
    let path = image.config.env_value("PATH").unwrap_or("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    let has = |name: &str| path.split(':').any(|folder| image.resolve(&format!("{folder}/{name}")).is_some());
    let ports = image.config.exposed_ports.iter();
    let port = ports
        .filter(|text| Declared::read(text).is_some() && !text.to_ascii_lowercase().ends_with("/udp"))
        .find_map(|text| text.split(['/', '-']).next())
        .unwrap_or("8000");
    let url = format!("http://127.0.0.1:{port}/");
    let (tool, command) = if has("curl") {
        ("curl", format!("[\"curl\", \"-fsS\", \"{url}\"]"))
    } else if has("wget") {
        ("wget", format!("[\"wget\", \"-q\", \"--spider\", \"{url}\"]"))
    } else if let Some(python) = ["python3", "python"].into_iter().find(|name| has(name)) {
        let program = format!("import urllib.request as u; u.urlopen('{url}', timeout=5)");
        (python, format!("[\"{python}\", \"-c\", \"{program}\"]"))
    } else if has("node") {
        let program = format!("fetch('{url}').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))");
        ("node", format!("[\"node\", \"-e\", \"{program}\"]"))
    } else {
        return None;
    };
    let missing = codes(["curl", "wget"].into_iter().filter(|name| !has(name) && image.tree_gap().is_none()));
    let missing = if missing.is_empty() { String::new() } else { format!(" (it lacks {missing})") };
    Some(format!("the image has `{tool}`{missing}: `HEALTHCHECK CMD {command}`, with the path that tells its health"))
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    fn fault(image: &str) -> Fault {
        let Outcome::Fail(mut faults) = decide("healthcheck.present", "", image) else { panic!("{image}") };
        faults.remove(0)
    }

    #[test]
    fn a_check_that_the_format_lost_is_told_from_one_that_never_was() {
        let lost = fault("step ENV A=b\nstep /bin/sh -c #(nop) HEALTHCHECK CMD curl -f http://localhost/");
        assert_eq!(lost.seat, Seat::History(1));
        assert!(lost.message.starts_with("lost: OCI format"));
        let off = fault("step HEALTHCHECK CMD true\nstep HEALTHCHECK &{[\"NONE\"] \"0s\" \"0s\" \"0s\" '\\x00'}");
        assert_eq!(off.message, "there is no `HEALTHCHECK`");
        assert_eq!(fault("step RUN echo HEALTHCHECK CMD").message, "there is no `HEALTHCHECK`");
    }

    #[test]
    fn the_fix_uses_what_the_image_has() {
        let fix = |image: &str| fault(image).fix;
        assert_eq!(fix(""), None);
        assert_eq!(
            fix("port 8501/tcp\n0755 0:0 usr/local/bin/python3").as_deref(),
            Some(
                "the image has `python3` (it lacks `curl` and `wget`): `HEALTHCHECK CMD [\"python3\", \"-c\", \"import \
                 urllib.request as u; u.urlopen('http://127.0.0.1:8501/', timeout=5)\"]`, with the path that tells its \
                 health"
            )
        );
        assert!(fix("0755 0:0 bin/busybox\nbin/wget -> /bin/busybox").is_some_and(|fix| fix.contains("\"wget\"")));
    }

    #[test]
    fn only_known_evidence_is_accepted() {
        assert!(complaint("healthcheck.present", "{accept: [image, nomad]}").starts_with("1:18: unknown value"));
        assert!(complaint("healthcheck.present", "{accept: []}").starts_with("1:10: an empty list"));
    }
}
