//! `dockerfile.secret-argument`: build arguments for secrets.

use crate::companions::Keyword;
use crate::lint::notes::code;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.secret-argument",
    code: "IG9035",
    level: Level::Warn,
    summary: "a build argument is made for a secret",
    why: "The values of build arguments are in the history of the image and in its provenance, also when nothing of them stands in a file.",
    fix: "`RUN --mount=type=secret,id=npm_token NPM_TOKEN=\"$(cat /run/secrets/npm_token)\" npm ci`.",
    flags: &["FROM a\nARG NPM_TOKEN\n", "FROM a\nARG DB_PASSWORD\nENV DB_PASSWORD=$DB_PASSWORD\n"],
    passes: &[
        "FROM a\nARG VERSION\n",
        "ARG GPG_KEY\nFROM a\nARG GPG_KEY\n",
        "FROM a\nARG PUBLIC_KEY\nARG TOKEN_FILE\nARG KEY_VERSION\n",
        "FROM a\nRUN --mount=type=secret,id=npm_token npm ci\n",
    ],
    check,
};

/// Parts of names that mean a secret.
const SECRET: &[&str] =
    &["apikey", "auth", "credential", "credentials", "password", "passwd", "pword", "secret", "token", "passphrase"];
/// Parts of names that mean something about one.
const HARMLESS: &[&str] =
    &["public", "file", "version", "path", "url", "id", "name", "type", "length", "ttl", "expiry"];

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for instruction in subject.all(Keyword::Arg) {
        for pair in instruction.pairs().0 {
            let lower = pair.name.to_ascii_lowercase();
            let parts: Vec<&str> = lower.split('_').collect();
            let key = parts.windows(2).any(|two| matches!(two, ["api" | "private" | "access" | "secret", "key"]));
            let secret = key || parts.iter().any(|part| SECRET.contains(part));
            if secret && !parts.iter().any(|part| HARMLESS.contains(part)) {
                notes.at(
                    instruction.place(pair.start),
                    format!("the build argument {} is kept in the image's history", code(&pair.name)),
                );
            }
        }
    }
}
