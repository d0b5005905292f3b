//! `ports.exactly`: the image exposes these ports and no others.

use serde::Deserialize;

use crate::model::ImageFacts;

use super::setting::{Declared, Port};
use super::words::{code, codes, pointer};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "ports.exactly",
    code: "IG0601",
    level: Level::Deny,
    summary: "the exposed ports are not the ones that the policy wants",
    why: "`EXPOSE` is the image's promise of what listens inside. Proxies, `docker run -P` and service definitions are made \
          from it: a port too many may be published without anybody meaning it, a missing one is not found.",
    fix: "Expose what the service listens on and nothing else:\n\n```dockerfile\nEXPOSE 8501/tcp\n```\n\nA port that the base \
          image exposes cannot be taken back: then another base is needed.",
    flags: &[
        ("{ports: [8501/tcp]}", ""),
        ("{ports: [8501/tcp]}", "port 8501/tcp\nport 5432/tcp"),
        ("{ports: [8501/tcp]}", "port 8501/udp"),
        ("{ports: []}", "port 80/tcp"),
        ("{ports: [8000/tcp, 8001/tcp]}", "port 8000-8002/tcp"),
        ("{ports: [80/tcp]}", "port 80/tcp\nport $PORT/tcp"),
    ],
    passes: &[
        ("{ports: [8501/tcp]}", "port 8501/tcp"),
        ("{ports: [8501/tcp]}", "port 8501"),
        ("{ports: [53/udp, 53/tcp]}", "port 53/tcp\nport 53/UDP"),
        ("{ports: [8000/tcp, 8001/tcp]}", "port 8000-8001/tcp"),
        ("{ports: []}", ""),
    ],
    build: |settings| Ok(Box::new(settings.read::<Exactly>()?)),
    schema: |generator| generator.subschema_for::<Exactly>(),
};

/// The ports that are wanted.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Exactly {
    /// All ports that the image exposes; an empty list wants none to be exposed.
    ports: Vec<Port>,
}

impl Check for Exactly {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let exposed = &image.config.exposed_ports;
        let wanted = match &self.ports[..] {
            [] => "no port at all".to_owned(),
            ports => format!("exactly {}", codes(ports.iter().map(Port::to_string))),
        };
        let mut faults: Vec<Fault> = exposed
            .iter()
            .filter(|text| !Declared::read(text).is_some_and(|declared| declared.is_within(&self.ports)))
            .map(|text| Fault {
                subject: text.clone(),
                message: format!("{} is exposed, the policy wants {wanted}", code(text)),
                seat: Seat::Config(format!("/config/ExposedPorts/{}", pointer(text))),
                fix: Some(format!(
                    "remove {} from the Dockerfile; if the base image exposes it, build on another base",
                    code(format!("EXPOSE {text}"))
                )),
            })
            .collect();
        let declared: Vec<Declared> = exposed.iter().filter_map(|text| Declared::read(text)).collect();
        let missing = self.ports.iter().filter(|port| !declared.iter().any(|declared| declared.contains(**port)));
        faults.extend(missing.map(|port| Fault {
            subject: port.to_string(),
            message: format!("`{port}` is not exposed, the policy wants {wanted}"),
            seat: Seat::Config("/config/ExposedPorts".to_owned()),
            fix: Some(format!("add `EXPOSE {port}` to the last stage of the Dockerfile")),
        }));
        match faults.is_empty() {
            true if self.ports.is_empty() => Outcome::Pass("no port is exposed".to_owned()),
            true => Outcome::Pass(format!("exposes {wanted}")),
            false => Outcome::Fail(faults),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    #[test]
    fn every_port_too_many_or_missing_is_a_fault_of_its_own() {
        let Outcome::Fail(faults) = decide("ports.exactly", "{ports: [8501/tcp]}", "port 22/tcp\nport 80/tcp") else {
            panic!("three faults")
        };
        let subjects: Vec<&str> = faults.iter().map(|fault| fault.subject.as_str()).collect();
        assert_eq!(subjects, ["22/tcp", "80/tcp", "8501/tcp"]);
        assert_eq!(faults[0].seat, Seat::Config("/config/ExposedPorts/22~1tcp".to_owned()));
    }

    #[test]
    fn the_list_is_mandatory_and_its_ports_are_checked() {
        assert_eq!(complaint("ports.exactly", "{}"), "1:1: `ports` is missing");
        assert_eq!(complaint("ports.exactly", "{ports: ['80']}"), "1:10: `80` lacks its protocol: write `80/tcp`");
    }
}
