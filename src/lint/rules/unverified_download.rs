//! `dockerfile.unverified-download`: verification switched off.

use crate::lint::notes::code;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.unverified-download",
    code: "IG9037",
    level: Level::Warn,
    summary: "a download or an installation is not verified",
    why: "With verification switched off anybody on the way can put something else into the image.",
    fix: "Install the certificate authority that is missing, or the key of the repository, and leave verification on: `curl -f https://…`.",
    flags: &[
        "FROM a\nRUN curl -k https://x/y -o z\n",
        "FROM a\nRUN wget --no-check-certificate https://x/y\n",
        "FROM a\nRUN apt-get install -y --allow-unauthenticated x\n",
        "FROM a\nRUN pip install --trusted-host x y\n",
    ],
    passes: &[
        "FROM a\nRUN curl -fsSL https://x/y -o z\n",
        "FROM a\nRUN wget -q https://x/y\n",
        "FROM a\nRUN apt-get install -y x\n",
    ],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for (run, command) in subject.commands() {
        let name = command.name();
        let off = command.words.iter().skip(1).find(|word| match name {
            "curl" => {
                let short = word.text.strip_prefix('-').is_some_and(|flags| {
                    // Letters behind one that takes a value are that value.
                    let flags =
                        flags.split(|letter: char| "oHdXAuTFKmbcez".contains(letter)).next().unwrap_or_default();
                    !word.text.starts_with("--") && flags.contains('k')
                });
                short || word.text == "--insecure"
            }
            "wget" => word.text == "--no-check-certificate",
            "apt-get" | "apt" => matches!(word.text.as_str(), "--allow-unauthenticated" | "--force-yes"),
            "apk" => word.text == "--allow-untrusted",
            "dnf" | "yum" | "microdnf" | "rpm" => matches!(word.text.as_str(), "--nogpgcheck" | "--nosignature"),
            name if name.starts_with("pip") => word.text.starts_with("--trusted-host"),
            _ => false,
        });
        if let Some(word) = off {
            notes.at(run.place(word.start), format!("{} switches verification off", code(&word.text)));
        }
    }
}
