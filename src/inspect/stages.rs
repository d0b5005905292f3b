//! How many stages of a Dockerfile have a part in the image (Dockerfile reference, "Multi-stage builds").

use std::collections::BTreeSet;

/// Stages of one file.
const MAX_STAGES: usize = 1_000;

struct Stage {
    name: Option<String>,
    /// The stage it is built on; none for an image.
    parent: Option<usize>,
    /// Stages it copies from or mounts.
    uses: BTreeSet<usize>,
}

/// The stages that have a part in the target stage (the last one unless named): those whose results it copies or
/// mounts, with everything these are built on, and one for the target with all its own parents, since a chain of `FROM`
/// leaves everything in the image. None when that cannot be told.
pub(super) fn stages(dockerfile: &str, target: Option<&str>) -> Option<u32> {
    let mut stages: Vec<Stage> = Vec::new();
    for instruction in instructions(dockerfile) {
        let mut words = instruction.split_whitespace();
        let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
        let words: Vec<&str> = words.collect();
        match keyword.as_str() {
            "FROM" => {
                if stages.len() == MAX_STAGES {
                    return None;
                }
                let mut rest = words.iter().filter(|word| !word.starts_with("--"));
                let image = rest.next()?;
                let named = rest.next().is_some_and(|word| word.eq_ignore_ascii_case("as"));
                let name = rest.next().filter(|_| named).map(|name| name.to_ascii_lowercase());
                // Which stage a variable means is not told here.
                if image.contains('$') && stages.iter().any(|stage| stage.name.is_some()) {
                    return None;
                }
                stages.push(Stage { name, parent: find(&stages, image, false), uses: BTreeSet::new() });
            }
            "COPY" | "RUN" | "ADD" => {
                let flags = words.iter().take_while(|word| word.starts_with("--"));
                let sources: Vec<&str> = flags.filter_map(|flag| source(&keyword, flag)).collect();
                for name in sources {
                    if name.contains('$') {
                        return None;
                    }
                    let found = find(&stages, name, true);
                    let last = stages.last_mut()?;
                    last.uses.extend(found);
                }
            }
            _ => {}
        }
    }
    let end = match target {
        Some(target) => find(&stages, target, true)?,
        None => stages.len().checked_sub(1)?,
    };
    // Parents come before their children, so these walks end.
    let mut chain = BTreeSet::new();
    let mut at = Some(end);
    while let Some(index) = at {
        chain.insert(index);
        at = stages.get(index)?.parent;
    }
    let mut pending: Vec<usize> =
        chain.iter().filter_map(|index| stages.get(*index)).flat_map(|stage| stage.uses.iter().copied()).collect();
    let mut others = BTreeSet::new();
    while let Some(index) = pending.pop() {
        if !chain.contains(&index) && others.insert(index) {
            let stage = stages.get(index)?;
            pending.extend(stage.parent.into_iter().chain(stage.uses.iter().copied()));
        }
    }
    u32::try_from(others.len() + 1).ok()
}

/// The stage that a flag takes files from.
fn source<'a>(keyword: &str, flag: &'a str) -> Option<&'a str> {
    if keyword == "RUN" {
        let options = flag.strip_prefix("--mount=")?;
        return options.split(',').find_map(|option| option.strip_prefix("from="));
    }
    flag.strip_prefix("--from=")
}

/// A stage by its name, the last one of that name; by its number where numbers are understood.
fn find(stages: &[Stage], name: &str, numbers: bool) -> Option<usize> {
    let wanted = name.to_ascii_lowercase();
    let named = stages.iter().rposition(|stage| stage.name.as_deref() == Some(wanted.as_str()));
    let numbered = || name.parse::<usize>().ok().filter(|index| numbers && *index < stages.len());
    named.or_else(numbered)
}

/// Logical lines: continued ones joined, comments and here-documents left out.
fn instructions(text: &str) -> Vec<String> {
    let escape = if text.lines().take(10).any(|line| line.replace(' ', "").eq_ignore_ascii_case("#escape=`")) {
        '`'
    } else {
        '\\'
    };
    let mut all = Vec::new();
    let mut open = String::new();
    let mut documents: Vec<String> = Vec::new();
    for line in text.lines() {
        if let Some(end) = documents.first() {
            if line.trim_start_matches('\t').trim_end() == end {
                documents.remove(0);
            }
            continue;
        }
        let line = line.trim();
        if line.starts_with('#') || (line.is_empty() && !open.is_empty()) {
            continue;
        }
        if let Some(part) = line.strip_suffix(escape) {
            open.push_str(part);
            open.push(' ');
            continue;
        }
        open.push_str(line);
        let done = std::mem::take(&mut open);
        documents = here_documents(&done);
        if !done.trim().is_empty() {
            all.push(done);
        }
    }
    if !open.trim().is_empty() {
        all.push(open);
    }
    all
}

/// The words that end the here-documents of a `RUN`, `COPY` or `ADD`.
fn here_documents(instruction: &str) -> Vec<String> {
    let keyword = instruction.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
    if !matches!(keyword.as_str(), "RUN" | "COPY" | "ADD") {
        return Vec::new();
    }
    let start = |word: &&str| word.starts_with("<<") && !word.starts_with("<<<");
    let name = |word: &str| word.trim_start_matches("<<").trim_start_matches('-').trim_matches(['"', '\'']).to_owned();
    instruction.split_whitespace().filter(start).map(name).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::stages;

    #[test]
    fn a_chain_of_from_is_one_stage() {
        assert_eq!(stages("FROM debian", None), Some(1));
        assert_eq!(stages("FROM debian AS base\nRUN a\nFROM base AS app\nRUN b\n", None), Some(1));
    }

    #[test]
    fn stages_count_when_the_result_takes_from_them() {
        let unused = "FROM golang AS build\nFROM debian\n";
        assert_eq!(stages(unused, None), Some(1));
        let copied = "from golang as Build\nRUN make\nFROM debian\nCOPY --chown=1:1 --from=build /a /b\n";
        assert_eq!(stages(copied, None), Some(2));
        let numbered = "FROM golang\nFROM debian\nCOPY --from=0 /a /b\n";
        assert_eq!(stages(numbered, None), Some(2));
        let mounted = "FROM golang AS b\nFROM debian\nRUN --mount=type=bind,from=b,target=/b cp /b/x /\n";
        assert_eq!(stages(mounted, None), Some(2));
        let image = "FROM debian\nCOPY --from=ghcr.io/astral-sh/uv /uv /bin/\n";
        assert_eq!(stages(image, None), Some(1), "another image is no stage");
    }

    #[test]
    fn what_a_stage_is_built_on_counts_too() {
        let four = "FROM python AS base\nFROM base AS deps\nRUN pip\nFROM deps AS builder\nRUN b\nFROM base AS run\nCOPY --from=builder /a \\\n  # why\n  /b\n";
        assert_eq!(stages(four, None), Some(3), "deps, builder, and run on base");
        assert_eq!(stages(four, Some("deps")), Some(1));
        assert_eq!(stages(four, Some("nowhere")), None);
    }

    #[test]
    fn text_in_here_documents_is_no_instruction() {
        let text =
            "FROM a AS x\nRUN <<EOF\nFROM b\nEOF\nCOPY <<-'END' /f\n\tFROM c\n\tEND\nFROM d\nCOPY --from=x / /\n";
        assert_eq!(stages(text, None), Some(2));
    }

    #[test]
    fn what_variables_decide_is_not_told() {
        assert_eq!(stages("FROM a AS x\nFROM $WHICH\n", None), None);
        assert_eq!(stages("ARG V=1\nFROM a:$V\n", None), Some(1));
        assert_eq!(stages("FROM a AS x\nFROM b\nCOPY --from=$X / /\n", None), None);
        assert_eq!(stages("", None), None);
        assert_eq!(stages("FROM", None), None);
    }
}
