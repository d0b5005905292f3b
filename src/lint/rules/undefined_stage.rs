//! `dockerfile.undefined-stage`: stages that are not there.

use crate::companions::{Dockerfile, Keyword};
use crate::lint::notes::code;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.undefined-stage",
    code: "IG9007",
    level: Level::Deny,
    summary: "copies from a stage that is not there",
    why: "`--from` takes a name that is no stage for an image and tries to pull it from a registry: a misspelt stage brings in somebody else's files, or stops the build.",
    fix: "Name an earlier stage: `COPY --from=build /out /out`.",
    flags: &[
        "FROM a AS build\nFROM b\nCOPY --from=biuld /x /x\n",
        "FROM a\nCOPY --from=later /x /x\nFROM b AS later\n",
        "FROM a\nCOPY --from=0 /x /x\n",
        "FROM a AS me\nCOPY --from=me /x /x\n",
        "FROM a AS build\nFROM b\nRUN --mount=type=bind,from=buidl,target=/x y\n",
    ],
    passes: &[
        "FROM a AS build\nFROM b\nCOPY --from=build /x /x\nCOPY --from=0 /y /y\n",
        "FROM a\nCOPY --from=nginx:1.27 /x /x\nCOPY --from=busybox /y /y\n",
        "FROM a\nCOPY --from=$STAGE /x /x\n",
    ],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for instruction in &subject.file.instructions {
        let Some(stage) = instruction.stage else { continue };
        for flag in &instruction.flags {
            let value = flag.value.as_deref().unwrap_or_default();
            let from = match (instruction.keyword, flag.name.as_str()) {
                (Keyword::Copy, "from") => Some(value),
                (Keyword::Run, "mount") => value.split(',').find_map(|part| part.strip_prefix("from=")),
                _ => None,
            };
            if let Some((message, fix)) = from.and_then(|from| wrong(subject.file, from, stage)) {
                notes.at(instruction.place(flag.start), message);
                if let Some(fix) = fix {
                    notes.fix(fix);
                }
            }
        }
    }
}

fn wrong(file: &Dockerfile, from: &str, stage: usize) -> Option<(String, Option<String>)> {
    if from.contains('$') || file.stage_named(from, stage).is_some() {
        return None;
    }
    if let Ok(number) = from.parse::<usize>() {
        return (number >= stage).then(|| (format!("there is no earlier stage `{number}`"), None));
    }
    let is = |at: usize| file.stages.get(at).and_then(|one| one.name.as_ref());
    if is(stage).is_some_and(|name| name.text.eq_ignore_ascii_case(from)) {
        return Some((format!("the stage {} copies from itself", code(from)), None));
    }
    if file.stage_named(from, file.stages.len()).is_some() {
        return Some((format!("the stage {} comes only later", code(from)), Some("move it up".to_owned())));
    }
    // A name without registry, folder, tag and digest that is nearly that of a stage.
    if from.contains(['/', ':', '@', '.']) {
        return None;
    }
    let names: Vec<&str> = (0..stage).filter_map(is).map(|name| name.text.as_str()).collect();
    let near = names.iter().any(|name| strsim::damerau_levenshtein(name, from) <= 2 && name.len() > 3);
    let hint = crate::yaml::suggest(from, &names).filter(|hint| near && hint.starts_with("did"))?;
    Some((format!("there is no stage {}, and an image of that name would be pulled", code(from)), Some(hint)))
}
