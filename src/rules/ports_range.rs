//! `ports.range`: every declared port is one.

use crate::model::ImageFacts;

use super::setting::{Declared, NoSettings};
use super::words::{code, count, pointer};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "ports.range",
    code: "IG0604",
    level: Level::Warn,
    summary: "`EXPOSE` declares something that is no port",
    why: "A port is a number from 1 to 65535 with a protocol. Something else, such as a variable that the build did not know, is \
          stored as it stands: runtimes refuse the image or publish nothing, and tools that read the list stumble.",
    fix: "Write the number, and the protocol in small letters:\n\n```dockerfile\nEXPOSE 8501/tcp\n```",
    flags: &[
        ("", "port $PORT/tcp"),
        ("", "port 70000/tcp"),
        ("", "port 0/tcp"),
        ("", "port 80/http"),
        ("", "port 80/TCP"),
    ],
    passes: &[("", "port 8501/tcp"), ("", "port 53/udp\nport 53"), ("", "port 8000-8010/tcp"), ("", "")],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(Range))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct Range;

impl Check for Range {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let exposed = &image.config.exposed_ports;
        let faults: Vec<Fault> = exposed
            .iter()
            .filter_map(|text| {
                let small = text.to_ascii_lowercase();
                let (message, fix) = match Declared::read(text) {
                    None => (format!("{} is no port from `1` to `65535` with tcp, udp or sctp", code(text)), None),
                    Some(_) if small != *text => {
                        (format!("{} has its protocol in capitals", code(text)), Some(code(format!("EXPOSE {small}"))))
                    }
                    Some(_) => return None,
                };
                let seat = Seat::Config(format!("/config/ExposedPorts/{}", pointer(text)));
                Some(Fault { subject: text.clone(), message, seat, fix })
            })
            .collect();
        if faults.is_empty() { Outcome::Pass(count(exposed.len(), "port")) } else { Outcome::Fail(faults) }
    }
}
