//! `dockerfile.pip-cache`: pip's cache.

use crate::companions::{Command, Keyword};
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.pip-cache",
    code: "IG9022",
    level: Level::Warn,
    summary: "pip's cache stays in the layer",
    why: "pip keeps a copy of everything it downloads below `~/.cache/pip`, and an image never needs it again.",
    fix: "`pip install --no-cache-dir …`, or `ENV PIP_NO_CACHE_DIR=1`, or `RUN --mount=type=cache,target=/root/.cache/pip pip install …`.",
    flags: &["FROM a\nRUN pip install -r requirements.txt\n", "FROM a\nRUN python3 -m pip install flask\n"],
    passes: &[
        "FROM a\nRUN pip install --no-cache-dir flask\n",
        "FROM a\nENV PIP_NO_CACHE_DIR=1\nRUN pip install flask\n",
        "FROM a\nRUN --mount=type=cache,target=/root/.cache/pip pip install flask\n",
        "FROM a\nRUN pip install flask && rm -rf /root/.cache\n",
        "FROM a AS b\nRUN pip install flask\nFROM c\n",
        "FROM a\nRUN PIP_NO_CACHE_DIR=1 pip install flask\n",
    ],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    const CACHE: &str = "/root/.cache/pip";
    let mut switched_off: Vec<usize> = Vec::new();
    subject.file.walk(|instruction, scope| {
        if instruction.keyword == Keyword::Run && scope.declares("PIP_NO_CACHE_DIR") {
            switched_off.push(instruction.line);
        }
    });
    for (run, command) in subject.commands().filter(|(run, _)| subject.is_shipped(run.instruction)) {
        let off = command.has("--no-cache-dir")
            || command.assignments.iter().any(|word| word.text.starts_with("PIP_NO_CACHE_DIR="))
            || switched_off.contains(&run.instruction.line);
        if installs(command) && !off && !run.removes(CACHE) && !run.removes("~/.cache/pip") && !run.mounts(CACHE) {
            notes.at(run.place_of(command), "`pip install` keeps its cache in the layer").fix("add `--no-cache-dir`");
        }
    }
}

fn installs(command: &Command) -> bool {
    let name = command.name();
    let module = name.starts_with("python")
        && command.words.windows(2).any(|pair| pair[0].text == "-m" && pair[1].text == "pip");
    let pip = name == "pip"
        || name.strip_prefix("pip").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
    (module || pip) && command.has("install")
}
