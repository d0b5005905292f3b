//! `accounts.duplicate-id`: no two accounts or groups share an id or a name.

use std::collections::BTreeMap;

use crate::model::ImageFacts;

use super::setting::NoSettings;
use super::user;
use super::words::codes;
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "accounts.duplicate-id",
    code: "IG1602",
    level: Level::Warn,
    summary: "two accounts or groups share an id or a name",
    why: "Two names for one uid are one user: what is locked for one is open to the other, and logs name the wrong one. Of two \
          lines with one name only the first counts. A second account with uid 0 is a second root.",
    fix: "Give every account an id of its own: `useradd --uid 1001 app`, `groupadd --gid 1001 app`; remove the line that is not \
          needed.",
    flags: &[
        ("", "0644 0:0 etc/passwd \"root:x:0:0::/root:/bin/sh\\ntoor:x:0:0::/root:/bin/sh\\n\""),
        ("", "0644 0:0 etc/group \"a:x:5:\\nb:x:5:\\n\""),
        ("", "0644 0:0 etc/passwd \"a:x:1:1::/:\\na:x:2:2::/:\\n\""),
    ],
    passes: &[
        ("", ""),
        (
            "",
            "0644 0:0 etc/passwd \"root:x:0:0::/root:/bin/sh\\napp:x:1000:1000::/:\\n\"\n0644 0:0 etc/group \"root:x:0:\\n\"",
        ),
    ],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(Duplicate))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct Duplicate;

impl Check for Duplicate {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let accounts = match user::known_accounts(image) {
            Ok(accounts) => accounts,
            Err(why) => return Outcome::Unknown(why),
        };
        let groups = image.groups.as_deref().unwrap_or_default();
        let accounts: Vec<(&str, u32)> = accounts.iter().map(|one| (one.name.as_str(), one.uid)).collect();
        let groups: Vec<(&str, u32)> = groups.iter().map(|one| (one.name.as_str(), one.gid)).collect();
        let mut faults = Vec::new();
        for (path, ids, list) in [("etc/passwd", "uid", &accounts), ("etc/group", "gid", &groups)] {
            let resolved = image.resolve(path).unwrap_or_else(|| path.to_owned());
            let layer = image.file(&resolved).map_or(0, |file| file.changed);
            let seat = Seat::File { path: resolved, layer, line: None };
            let mut by_id: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
            let mut by_name: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
            for (name, id) in list {
                let names = by_id.entry(*id).or_default();
                if !names.contains(name) {
                    names.push(name);
                }
                by_name.entry(name).or_default().push(*id);
            }
            for (id, names) in by_id.iter().filter(|(_, names)| names.len() > 1) {
                faults.push(Fault {
                    subject: format!("{ids} {id}"),
                    message: format!("{} share {ids} `{id}` in `/{path}`", codes(names)),
                    seat: seat.clone(),
                    fix: None,
                });
            }
            for (name, found) in by_name.iter().filter(|(_, found)| found.len() > 1) {
                faults.push(Fault {
                    subject: format!("{path} {name}"),
                    message: format!(
                        "{} has {} lines in `/{path}`: only the first one counts",
                        super::words::code(name),
                        found.len()
                    ),
                    seat: seat.clone(),
                    fix: None,
                });
            }
        }
        if faults.is_empty() { Outcome::Pass(String::new()) } else { Outcome::Fail(faults) }
    }
}
