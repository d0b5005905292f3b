//! `consistency.ports`: services and probes name the ports that the image exposes.

use crate::companions::{Action, Place, PortName, Workload, addresses};
use crate::model::ImageFacts;

use super::setting::{Declared, Port, Protocol};
use super::words::{code, codes};
use super::workloads::{Sources, compare, fault};
use super::{Check, Circumstances, Fault, Level, Outcome, Rule};

pub(super) const RULE: Rule = Rule {
    id: "consistency.ports",
    code: "IG1901",
    level: Level::Warn,
    summary: "the deployment and the image name different ports",
    why: "`EXPOSE` is the image's promise of what listens inside. A service that publishes another port, or a probe that asks \
          one, talks to nobody: the container runs and counts as dead, or is restarted for ever. A port that only the image \
          names is either forgotten in the deployment or should not be exposed.",
    fix: "Write the same port in all places: `EXPOSE 8501` in the Dockerfile, `ports: [\"8501:8501\"]` in compose, \
          `containerPort: 8501` in Kubernetes.",
    flags: &[
        ("", "port 8501/tcp\n--- compose.yml\nservices:\n  app: {build: ., ports: [\"80:8080\"]}"),
        ("", "port 8000/tcp\nport 5432/tcp\n--- compose.yml\nservices:\n  app: {build: ., ports: [\"8000\"]}"),
        (
            "{in: [kubernetes]}",
            "port 8501/tcp\n--- pod.yml\napiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - image: app\n      livenessProbe: {httpGet: {port: 8080}}",
        ),
        (
            "",
            "port 8501/tcp\n--- compose.yml\nservices:\n  app: {build: ., healthcheck: {test: \"curl -f http://localhost:9000/\"}}",
        ),
    ],
    passes: &[
        ("", "port 8501/tcp\n--- compose.yml\nservices:\n  app: {build: ., ports: [\"80:8501\"]}"),
        ("", "port 8501/tcp\n--- compose.yml\nservices:\n  app: {build: .}"),
        (
            "",
            "port 8501/tcp\n--- pod.yml\napiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - image: app\n      ports: [{name: web, containerPort: 8501}]\n      livenessProbe: {httpGet: {port: web}}",
        ),
    ],
    build: |settings| Ok(Box::new(Ports(settings.read::<Sources>()?))),
    schema: |generator| generator.subschema_for::<Sources>(),
};

struct Ports(Sources);

impl Check for Ports {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        self.decide_in(image, &Circumstances::default())
    }

    fn decide_in(&self, image: &ImageFacts, circumstances: &Circumstances) -> Outcome {
        compare(image, circumstances, &self.0.kinds, |workload| {
            let mut faults = published(image, workload);
            faults.extend(asked(image, workload));
            faults.extend(unnamed(image, workload));
            faults
        })
    }
}

fn protocol(text: &str) -> Protocol {
    match text {
        "udp" => Protocol::Udp,
        "sctp" => Protocol::Sctp,
        _ => Protocol::Tcp,
    }
}

fn exposes(image: &ImageFacts, port: Port) -> bool {
    image.config.exposed_ports.iter().filter_map(|text| Declared::read(text)).any(|declared| declared.contains(port))
}

/// What the image exposes, for messages.
fn exposed(image: &ImageFacts) -> String {
    match &image.config.exposed_ports[..] {
        [] => "which exposes no port".to_owned(),
        ports => format!("which exposes {}", codes(ports)),
    }
}

fn wrong(image: &ImageFacts, workload: &Workload, port: Port, does: &str, place: &Place) -> Fault {
    fault(
        format!("{}: {port}", workload.name),
        format!("{} {does} `{port}` of the image, {}", workload.name, exposed(image)),
        place,
        format!("write the port that listens inside; if that is {port}, add `EXPOSE {port}` to the Dockerfile"),
    )
}

fn published(image: &ImageFacts, workload: &Workload) -> Vec<Fault> {
    let wrong_of = |port: &crate::companions::ContainerPort| {
        let protocol = protocol(&port.protocol);
        let missing = (port.first..=port.last).find(|number| !exposes(image, Port { number: *number, protocol }))?;
        Some(wrong(image, workload, Port { number: missing, protocol }, "names the port", &port.place))
    };
    workload.ports.iter().filter_map(wrong_of).collect()
}

fn asked(image: &ImageFacts, workload: &Workload) -> Vec<Fault> {
    let mut faults = Vec::new();
    let named = |port: &PortName, what: &str, place: &Place, faults: &mut Vec<Fault>| {
        if let Some(number) = workload.port(port) {
            let port = Port { number, protocol: Protocol::Tcp };
            // A port that the container names itself has been looked at already.
            let known = workload.ports.iter().any(|one| (one.first..=one.last).contains(&number));
            if !known && !exposes(image, port) {
                faults.push(wrong(image, workload, port, &format!("has a `{what}` that asks"), place));
            }
        } else if let PortName::Name(name) = port {
            faults.push(fault(
                format!("{}: {what} {name}", workload.name),
                format!(
                    "`{what}` of {} asks the port {}, which the container does not name",
                    workload.name,
                    code(name)
                ),
                place,
                "give one of its `ports` that name, or write the number",
            ));
        }
    };
    for probe in &workload.probes {
        match &probe.action {
            Action::Http { port, .. } | Action::Tcp(port) => named(port, probe.what, &probe.place, &mut faults),
            Action::Exec(words) => {
                for address in addresses(&words.join(" ")) {
                    named(&PortName::Number(address.port), probe.what, &probe.place, &mut faults);
                }
            }
            Action::Shell(text) => {
                for address in addresses(text) {
                    named(&PortName::Number(address.port), probe.what, &probe.place, &mut faults);
                }
            }
        }
    }
    faults
}

/// Ports that only the image names; a container without any ports talks to nobody, which is no contradiction.
fn unnamed(image: &ImageFacts, workload: &Workload) -> Vec<Fault> {
    let Some(first) = workload.ports.first() else { return Vec::new() };
    let named = |text: &&String| {
        Declared::read(text).is_none_or(|declared| {
            let one = |number: u16, port: &crate::companions::ContainerPort| {
                declared.contains(Port { number, protocol: protocol(&port.protocol) })
            };
            workload.ports.iter().any(|port| (port.first..=port.last).any(|number| one(number, port)))
        })
    };
    image
        .config
        .exposed_ports
        .iter()
        .filter(|text| !named(text))
        .map(|text| {
            fault(
                format!("{}: {text}", workload.name),
                format!("the image exposes {}, which {} does not name", code(text), workload.name),
                &first.place,
                format!("take {} out of the Dockerfile, or name the port here", code(format!("EXPOSE {text}"))),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::decide;
    use super::super::{Outcome, Seat};

    #[test]
    fn every_port_has_its_place_in_the_file() {
        let text = "port 8000/tcp\nport 53/udp\n--- k8s/pod.yml\napiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - image: app\n      ports:\n        - containerPort: 9000\n      readinessProbe: {httpGet: {port: web}}\n";
        let Outcome::Fail(faults) = decide("consistency.ports", "", text) else { panic!("four faults") };
        let told: Vec<String> = faults
            .iter()
            .map(|fault| match &fault.seat {
                Seat::Evidence { file, line, .. } => format!("{file}:{line} {}", fault.subject),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            told,
            [
                "k8s/pod.yml:7 container `?` of Pod `?`: 53/udp",
                "k8s/pod.yml:7 container `?` of Pod `?`: 8000/tcp",
                "k8s/pod.yml:7 container `?` of Pod `?`: 9000/tcp",
                "k8s/pod.yml:8 container `?` of Pod `?`: readinessProbe web",
            ]
        );
    }
}
