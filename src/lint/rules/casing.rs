//! `dockerfile.casing`: one case for keywords.

use crate::companions::Keyword;
use crate::lint::notes::code;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.casing",
    code: "IG9005",
    level: Level::Warn,
    summary: "keywords are written in different cases",
    why: "One case for all keywords lets the eye find them; `FROM image as name` mixes two in one line.",
    fix: "Write all keywords in upper case: `FROM image AS name`.",
    flags: &["FROM a as b\n", "FROM a\nrun x\nRUN y\n", "from a AS b\nrun x\n"],
    passes: &["FROM a AS b\nRUN x\n", "from a as b\nrun x\n"],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    let known = || subject.file.instructions.iter().filter(|one| one.keyword != Keyword::Unknown);
    let is_lower = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_upper = |word: &str| word.bytes().all(|byte| byte.is_ascii_uppercase());
    let (lower, upper) =
        (known().filter(|one| is_lower(&one.word)).count(), known().filter(|one| is_upper(&one.word)).count());
    for instruction in known() {
        let word = &instruction.word;
        let fits = if lower > upper { is_lower(word) } else { is_upper(word) };
        if !fits {
            let wanted = if lower > upper { word.to_ascii_lowercase() } else { word.to_ascii_uppercase() };
            notes.instruction(instruction, format!("{} is written in another case than the rest", code(word)));
            notes.fix(format!("write `{wanted}`"));
        }
        let words = instruction.words();
        if instruction.keyword == Keyword::From
            && words.len() == 3
            && words[1].text.eq_ignore_ascii_case("as")
            && is_upper(word) != is_upper(&words[1].text)
        {
            let wanted = if is_upper(word) { "AS" } else { "as" };
            let place = instruction.place(words[1].start);
            notes.at(place, format!("`{word}` and {} are written in different cases", code(&words[1].text)));
            notes.fix(format!("write `{wanted}`"));
        }
    }
}
