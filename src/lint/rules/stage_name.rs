//! `dockerfile.stage-name`: names of stages.

use crate::companions::Stage;
use crate::lint::notes::code;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.stage-name",
    code: "IG9006",
    level: Level::Warn,
    summary: "the name of a stage is taken, reserved or not in lower case",
    why: "Of two stages with one name the later one counts, also for instructions that meant the first. `scratch` and `context` mean something else. Names are compared without case, so capitals only mislead.",
    fix: "Give every stage a name of its own in lower case: `FROM image AS build`.",
    flags: &["FROM a AS x\nFROM b AS x\n", "FROM a AS scratch\n", "FROM a AS Build\n"],
    passes: &["FROM a AS build\nFROM b AS run\n", "FROM a\nFROM b\n"],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    let stages = &subject.file.stages;
    for (at, stage) in stages.iter().enumerate() {
        let (Some(name), Some(from)) = (&stage.name, subject.file.instructions.get(stage.from)) else { continue };
        let place = from.place(name.start);
        let same = |other: &Stage| other.name.as_ref().is_some_and(|one| one.text.eq_ignore_ascii_case(&name.text));
        if stages[..at].iter().any(same) {
            notes.at(place, format!("there is an earlier stage {}", code(&name.text)));
        } else if ["scratch", "context"].iter().any(|word| name.text.eq_ignore_ascii_case(word)) {
            notes.at(place, format!("{} is a reserved name", code(&name.text)));
        } else if name.text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            notes.at(place, format!("the stage {} has capitals in its name", code(&name.text)));
            notes.fix(format!("write `{}`", name.text.to_ascii_lowercase()));
        }
    }
}
