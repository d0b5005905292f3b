//! How many stages of a Dockerfile have a part in the image (Dockerfile reference, "Multi-stage builds").

use std::collections::BTreeSet;

use crate::companions::{Dockerfile, Instruction, Keyword};

/// Stages of one file.
const MAX_STAGES: usize = 1_000;

/// The stages that have a part in the target stage (the last one unless named): those whose results it copies or
/// mounts, with everything these are built on, and one for the target with all its own parents, since a chain of `FROM`
/// leaves everything in the image. None when that cannot be told.
pub(super) fn stages(file: &Dockerfile, target: Option<&str>) -> Option<u32> {
    if file.stages.len() > MAX_STAGES || file.problems.iter().any(crate::companions::Problem::is_fatal) {
        return None;
    }
    // Which stage a variable means is not told here.
    let names_before = |at: usize| file.stages.iter().take(at).any(|stage| stage.name.is_some());
    if file.stages.iter().enumerate().any(|(at, stage)| stage.base.text.contains('$') && names_before(at)) {
        return None;
    }
    let mut uses: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); file.stages.len()];
    for instruction in &file.instructions {
        let Some(at) = instruction.stage else { continue };
        for name in sources(instruction) {
            if name.contains('$') {
                return None;
            }
            uses.get_mut(at)?.extend(named(file, name, at));
        }
    }
    let count = file.stages.len();
    let end = match target {
        Some(target) => named(file, target, count)?,
        None => file.last_stage()?,
    };
    let chain: BTreeSet<usize> = file.chain(end).into_iter().collect();
    let mut pending: Vec<usize> = chain.iter().filter_map(|at| uses.get(*at)).flatten().copied().collect();
    let mut others = BTreeSet::new();
    while let Some(at) = pending.pop() {
        if !chain.contains(&at) && others.insert(at) {
            pending.extend(file.stages.get(at)?.base_stage.into_iter().chain(uses.get(at)?.iter().copied()));
        }
    }
    u32::try_from(others.len() + 1).ok()
}

/// The stages or images that an instruction takes files from, as written.
fn sources(instruction: &Instruction) -> Vec<&str> {
    let values = |name: &'static str| {
        instruction.flags.iter().filter(move |flag| flag.name == name).filter_map(|flag| flag.value.as_deref())
    };
    match instruction.keyword {
        Keyword::Run => values("mount")
            .filter_map(|options| options.split(',').find_map(|option| option.strip_prefix("from=")))
            .collect(),
        Keyword::Copy | Keyword::Add => values("from").collect(),
        _ => Vec::new(),
    }
}

/// A stage before `before` by its name or its number.
fn named(file: &Dockerfile, name: &str, before: usize) -> Option<usize> {
    let numbered = || name.parse().ok().filter(|at| *at < before);
    file.stage_named(name, before).or_else(numbered)
}

#[cfg(test)]
mod tests {
    use crate::companions::Dockerfile;

    fn stages(text: &str, target: Option<&str>) -> Option<u32> {
        super::stages(&Dockerfile::parse("Dockerfile", text), target)
    }

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
