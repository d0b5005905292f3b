//! `paths.volume-system`: no volume lies over a part of the system.

use crate::model::ImageFacts;

use super::setting::NoSettings;
use super::system_path::{self, clean};
use super::words::{code, count, pointer};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "paths.volume-system",
    code: "IG1701",
    level: Level::Warn,
    summary: "a volume lies over a part of the system",
    why: "A volume on `/proc`, `/sys` or `/dev` hides what the kernel and the runtime put there, or hands it to another container. \
          One on `/etc` or `/usr` freezes the system as it was when the volume was made: an update of the image does not reach it.",
    fix: "Declare a folder of the application's own:\n\n```dockerfile\nVOLUME /var/lib/app\n```\n\nA volume that the base image declares \
          cannot be taken back: then another base is needed.",
    flags: &[
        ("", "volume /proc"),
        ("", "volume /dev/shm"),
        ("", "volume /etc/"),
        ("", "volume /"),
        ("", "volume /data/../sys"),
    ],
    passes: &[
        ("", "volume /data"),
        ("", "volume /etc/nginx/conf.d\nvolume /usr/share/nginx/html"),
        ("", ""),
        ("", "volume /devices"),
    ],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(VolumeSystem))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

/// Folders over which no volume may lie, whatever stands below them.
const WHOLE: &[&str] =
    &["", "bin", "etc", "lib", "lib64", "run", "sbin", "usr", "usr/bin", "usr/lib", "usr/sbin", "var"];

struct VolumeSystem;

impl Check for VolumeSystem {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let volumes = &image.config.volumes;
        let faults: Vec<Fault> = volumes
            .iter()
            .filter_map(|volume| {
                let path = clean(volume);
                let part = system_path::part(&path, WHOLE)?;
                Some(Fault {
                    subject: volume.clone(),
                    message: format!("the volume {} lies over {}", code(volume), code(format!("/{part}"))),
                    seat: Seat::Config(format!("/config/Volumes/{}", pointer(volume))),
                    fix: None,
                })
            })
            .collect();
        if faults.is_empty() { Outcome::Pass(count(volumes.len(), "volume")) } else { Outcome::Fail(faults) }
    }
}
