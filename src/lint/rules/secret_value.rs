//! `dockerfile.secret-value`: secrets in values.

use crate::companions::Keyword;
use crate::lint::notes::code;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.secret-value",
    code: "IG9028",
    level: Level::Deny,
    summary: "a secret is written into the Dockerfile",
    why: "The values of `ENV`, `ARG` and `LABEL` are in the image's config and history, and the Dockerfile is in its repository: everybody who can read one of them has the secret.",
    fix: "Revoke it. Then give it to the step that needs it: `RUN --mount=type=secret,id=token …`.",
    flags: &["FROM a\nENV STRIPE_KEY=@STRIPE@\n", "FROM a\nARG DB_PASSWORD=@PASSWORD@\n"],
    passes: &[
        "FROM a\nENV GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D\n",
        "FROM a\nENV DB_PASSWORD=changeme API_KEY=${KEY}\n",
        "FROM a\nARG NPM_TOKEN\n",
    ],
    check,
};

use crate::model::{Grade, Nature};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    let keywords = [Keyword::Env, Keyword::Arg, Keyword::Label];
    for instruction in subject.file.instructions.iter().filter(|one| keywords.contains(&one.keyword)) {
        for pair in instruction.pairs().0 {
            let Some(value) = &pair.value else { continue };
            let value = value.trim_matches(['"', '\'']);
            // What a variable brings is judged where it is written.
            if value.is_empty() || value.starts_with('$') {
                continue;
            }
            let hits = subject.scanner.scan_text(&pair.name, value);
            if let Some(hit) = hits.iter().find(|hit| hit.grade >= Grade::Structured && hit.nature == Nature::Secret) {
                let what = subject.scanner.what(hit.detector).unwrap_or("secret");
                let word = instruction.keyword.word();
                let message = format!("{what} {} as value of {} in `{word}`", code(&hit.redacted), code(&pair.name));
                notes.at(instruction.place(pair.value_start), message);
            }
        }
    }
}
