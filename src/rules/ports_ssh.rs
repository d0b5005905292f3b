//! `ports.ssh`: the image offers no SSH server.

use crate::model::ImageFacts;

use super::setting::{Declared, NoSettings, Port, Protocol};
use super::words::{code, pointer};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

/// The port of SSH (RFC 4253, section 4.1).
const SSH: Port = Port { number: 22, protocol: Protocol::Tcp };

pub(super) const RULE: Rule = Rule {
    id: "ports.ssh",
    code: "IG0603",
    level: Level::Warn,
    summary: "the image exposes the port of SSH",
    why: "A container is entered with `docker exec` or `kubectl exec`, which check who may. An SSH server beside the service is a \
          second way in, with keys and passwords of its own that every container of the image shares.",
    fix: "Remove `EXPOSE 22` and the package `openssh-server`. A container that is meant to be an SSH server listens on a port above \
          1023, so that it needs no root:\n\n```dockerfile\nEXPOSE 2222/tcp\nUSER 1000\n```",
    flags: &[("", "port 22/tcp"), ("", "port 80/tcp\nport 22"), ("", "port 20-25/tcp")],
    passes: &[("", "port 2222/tcp"), ("", "port 22/udp"), ("", "")],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(Ssh))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct Ssh;

impl Check for Ssh {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let exposed = image.config.exposed_ports.iter();
        let ssh = exposed.filter(|text| Declared::read(text).is_some_and(|declared| declared.contains(SSH)));
        let server = image.file("usr/sbin/sshd").map_or("", |_| "; the server is there: `/usr/sbin/sshd`");
        let faults: Vec<Fault> = ssh
            .map(|text| Fault {
                subject: SSH.to_string(),
                message: format!("{} is exposed, the port of SSH{server}", code(text)),
                seat: Seat::Config(format!("/config/ExposedPorts/{}", pointer(text))),
                fix: None,
            })
            .collect();
        if faults.is_empty() { Outcome::Pass(String::new()) } else { Outcome::Fail(faults) }
    }
}
