//! `dockerfile.expose`: what EXPOSE names.

use crate::companions::Keyword;
use crate::lint::notes::code;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.expose",
    code: "IG9029",
    level: Level::Warn,
    summary: "EXPOSE names no port",
    why: "`EXPOSE` takes ports of the container, from 1 to 65535, with `/tcp`, `/udp` or `/sctp` in lower case. It knows no addresses and no mapping.",
    fix: "`EXPOSE 8080/tcp`; what is published is decided by `docker run -p`.",
    flags: &[
        "FROM a\nEXPOSE 80:8080\n",
        "FROM a\nEXPOSE 127.0.0.1:80\n",
        "FROM a\nEXPOSE 70000\n",
        "FROM a\nEXPOSE 53/UDP\n",
        "FROM a\nEXPOSE 80/http\n",
    ],
    passes: &["FROM a\nEXPOSE 8080\n", "FROM a\nEXPOSE 53/udp 8000-8010\n", "FROM a\nEXPOSE $PORT ${X:-80}/tcp\n"],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for instruction in subject.all(Keyword::Expose) {
        for word in instruction.words() {
            let text = word.plain(subject.file.escape);
            if text.contains('$') {
                continue;
            }
            let Some((why, fix)) = wrong(&text) else { continue };
            notes.at(instruction.place(word.start), format!("{} {why}", code(&text)));
            if let Some(fix) = fix {
                notes.fix(fix);
            }
        }
    }
}

fn wrong(text: &str) -> Option<(&'static str, Option<String>)> {
    if text.contains(':') {
        let port = text.rsplit(':').next().unwrap_or_default();
        return Some(("is a mapping, and `EXPOSE` takes the container's port", Some(format!("`EXPOSE {port}`"))));
    }
    let (numbers, protocol) =
        text.split_once('/').map_or((text, None), |(numbers, protocol)| (numbers, Some(protocol)));
    match protocol {
        None | Some("tcp" | "udp" | "sctp") => {}
        Some(other) if ["tcp", "udp", "sctp"].iter().any(|known| other.eq_ignore_ascii_case(known)) => {
            return Some(("has a protocol in upper case", Some(format!("`EXPOSE {}`", text.to_ascii_lowercase()))));
        }
        Some(_) => return Some(("has an unknown protocol", None)),
    }
    let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
    let number = |text: &str| text.parse::<u16>().ok().filter(|number| *number != 0);
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => None,
        _ => Some(("is no port", None)),
    }
}
