//! `dockerfile.copy-order`: the order of copies.

use crate::companions::{Command, Keyword};
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.copy-order",
    code: "IG9027",
    level: Level::Info,
    summary: "everything is copied before dependencies are installed",
    why: "Any change of any file makes the step that installs dependencies run again.",
    fix: "Copy the list of dependencies first, install, then copy the rest: `COPY requirements.txt .`, `RUN pip install …`, `COPY . .`.",
    flags: &[
        "FROM a\nCOPY . .\nRUN pip install --no-cache-dir -r requirements.txt\n",
        "FROM a\nCOPY ./ /app/\nRUN npm ci\n",
    ],
    passes: &[
        "FROM a\nCOPY requirements.txt .\nRUN pip install --no-cache-dir -r requirements.txt\nCOPY . .\n",
        "FROM a\nCOPY . .\nRUN make\n",
        "FROM a\nCOPY --from=b . .\nRUN npm ci\n",
    ],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for copy in subject.all(Keyword::Copy).filter(|copy| copy.flag("from").is_none()) {
        let words = copy.plain_words();
        let all =
            words.split_last().is_some_and(|(_, sources)| sources.iter().any(|one| matches!(one.as_str(), "." | "./")));
        if !all {
            continue;
        }
        let later =
            subject.runs.iter().filter(|run| run.instruction.stage == copy.stage && run.instruction.line > copy.line);
        let install = later.flat_map(|run| &run.commands).find(|command| installs(command));
        if let Some(install) = install {
            let name = install.name();
            notes.instruction(copy, format!("all files are copied before `{name}` installs dependencies"));
        }
    }
}

/// Whether a command installs what a list of dependencies names.
fn installs(command: &Command) -> bool {
    match command.name() {
        "npm" | "pnpm" => {
            ["ci", "install", "i"].iter().any(|verb| command.words.get(1).is_some_and(|word| word.text == *verb))
        }
        "yarn" => command.words.len() == 1 || command.has("install"),
        "bundle" | "composer" | "poetry" | "pipenv" => command.has("install"),
        "uv" => command.has("sync"),
        "go" => command.has("mod") && command.has("download"),
        name if name.starts_with("pip") => {
            command.has("install") && (command.has("-r") || command.has("--requirement"))
        }
        _ => false,
    }
}
