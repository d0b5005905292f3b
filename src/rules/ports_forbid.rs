//! `ports.forbid`: the image exposes none of these ports.

use serde::Deserialize;

use crate::model::ImageFacts;

use super::setting::{Declared, NonEmpty, Port};
use super::words::{code, codes, count, pointer};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "ports.forbid",
    code: "IG0602",
    level: Level::Deny,
    summary: "the image exposes a forbidden port",
    why: "A database, a debugger or an SSH server beside the service is another way in, and `docker run -P` publishes every \
          exposed port. What must only be reached from inside should not be announced.",
    fix: "Remove the `EXPOSE` of that port. If the service behind it is needed, run it in a container of its own. A port \
          that the base image exposes cannot be taken back: then another base is needed.",
    flags: &[
        ("{ports: [22/tcp]}", "port 22/tcp"),
        ("{ports: [5432/tcp, 6379/tcp]}", "port 8000/tcp\nport 6379"),
        ("{ports: [5432/tcp]}", "port 5000-6000/tcp"),
    ],
    passes: &[
        ("{ports: [22/tcp]}", ""),
        ("{ports: [5432/tcp, 6379/tcp]}", "port 8000/tcp"),
        ("{ports: [53/udp]}", "port 53/tcp"),
    ],
    build: |settings| Ok(Box::new(settings.read::<Forbid>()?)),
    schema: |generator| generator.subschema_for::<Forbid>(),
};

/// The ports that are not wanted.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Forbid {
    /// Ports that the image must not expose.
    #[schemars(extend("x-tighter" = "more"))]
    ports: NonEmpty<Port>,
}

impl Check for Forbid {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let exposed = &image.config.exposed_ports;
        let declared = || exposed.iter().filter_map(|text| Some((text, Declared::read(text)?)));
        let faults: Vec<Fault> = declared()
            .flat_map(|(text, declared)| {
                self.ports.iter().filter(move |port| declared.contains(**port)).map(move |port| (text, port))
            })
            .map(|(text, port)| Fault {
                subject: port.to_string(),
                message: format!("{} is exposed, the policy forbids `{port}`", code(text)),
                seat: Seat::Config(format!("/config/ExposedPorts/{}", pointer(text))),
                fix: Some(format!(
                    "remove {} from the Dockerfile; if the base image exposes it, build on another base",
                    code(format!("EXPOSE {text}"))
                )),
            })
            .collect();
        let odd: Vec<&String> = exposed.iter().filter(|text| Declared::read(text).is_none()).collect();
        if !faults.is_empty() {
            Outcome::Fail(faults)
        } else if odd.is_empty() {
            Outcome::Pass(format!("{} exposed, none forbidden", count(exposed.len(), "port")))
        } else {
            Outcome::Unknown(format!("the config exposes {}, which cannot be read as a port", codes(odd)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    #[test]
    fn a_declaration_that_is_no_port_is_undecided() {
        let outcome = decide("ports.forbid", "{ports: [22/tcp]}", "port 80/tcp\nport $PORT/tcp");
        assert_eq!(
            outcome,
            Outcome::Unknown("the config exposes `$PORT/tcp`, which cannot be read as a port".to_owned())
        );
        assert!(decide("ports.forbid", "{ports: [22/tcp]}", "port 22/tcp\nport $PORT/tcp").is_fail());
    }

    #[test]
    fn an_empty_list_is_refused() {
        assert!(complaint("ports.forbid", "{ports: []}").starts_with("1:9: an empty list matches nothing"));
    }
}
