//! `healthcheck.exposed`: the port that the health check asks is one that the image declares.

use crate::model::ImageFacts;

use super::probe::{Probe, Unclear};
use super::setting::{Declared, NoSettings, Port, Protocol};
use super::words::{code, codes};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "healthcheck.exposed",
    code: "IG0706",
    level: Level::Warn,
    summary: "the health check asks a port that the image does not declare",
    why: "The image says twice on which port it serves: in `EXPOSE` and in its health check. When they differ, one of them is left \
          from before, and proxies, `docker run -P` and people who read the one end where nobody listens.",
    fix: "Declare the port that the service listens on, and ask it:\n\n```dockerfile\nEXPOSE 8501/tcp\nHEALTHCHECK CMD [\"curl\", \"-fsS\", \
          \"http://127.0.0.1:8501/health\"]\n```\n\nA port for health alone, which must not be reached from outside, is a reason to turn \
          this rule off.",
    flags: &[
        ("", "healthcheck CMD curl -f http://localhost:8501/"),
        ("", "port 8080/tcp\nhealthcheck CMD curl -f http://localhost:8501/"),
        ("", "port 5432/udp\nhealthcheck CMD nc -z localhost 5432"),
    ],
    passes: &[
        ("", "port 8501/tcp\nhealthcheck CMD curl -f http://localhost:8501/"),
        ("", "port 8000-9000\nhealthcheck CMD curl -f http://localhost:8501/"),
        ("", "healthcheck CMD pg_isready"),
    ],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(Exposed))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct Exposed;

impl Check for Exposed {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let number = match Probe::of(&image.config) {
            None => return Outcome::NotApplicable("the image has no health check".to_owned()),
            Some(Probe::Http { port: Ok(port), .. } | Probe::Tcp { port: Ok(port) }) => port,
            Some(Probe::Http { port: Err(Unclear(text)), .. } | Probe::Tcp { port: Err(Unclear(text)) }) => {
                return Outcome::Unknown(format!("the port of the health check is {}", code(text)));
            }
            Some(Probe::Command(_)) => return Outcome::Pass("the health check asks no port".to_owned()),
            Some(Probe::Unknown(name)) => {
                return Outcome::Unknown(format!("the health check runs {}, whose words name no port", code(name)));
            }
        };
        let port = Port { number, protocol: Protocol::Tcp };
        let exposed = &image.config.exposed_ports;
        if exposed.iter().any(|text| Declared::read(text).is_some_and(|declared| declared.contains(port))) {
            return Outcome::Pass(format!("asks {port}"));
        }
        let declared = match exposed.as_slice() {
            [] => "the image declares no port".to_owned(),
            ports => format!("the image declares {}", codes(ports)),
        };
        Outcome::Fail(vec![Fault {
            subject: port.to_string(),
            message: format!("the health check asks `{port}`, {declared}"),
            seat: Seat::Config("/config/Healthcheck/Test".to_owned()),
            fix: Some(format!("add {} to the last stage of the Dockerfile", code(format!("EXPOSE {port}")))),
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::decide;
    use super::*;

    #[test]
    fn a_port_that_is_not_told_is_undecided() {
        let outcome = decide("healthcheck.exposed", "", "healthcheck CMD /app/health");
        assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
        assert!(matches!(decide("healthcheck.exposed", "", ""), Outcome::NotApplicable(_)));
    }
}
