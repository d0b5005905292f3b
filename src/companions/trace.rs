//! Which line of a Dockerfile made which step of an image's history: matched by their texts, in order.

use super::{Dockerfile, Instruction, Keyword, expand};

/// A step of the history and the lines that it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traced {
    /// Index of the step.
    pub step: usize,
    /// First line of the instruction, from 1.
    pub line: usize,
    /// Last line of it.
    pub end_line: usize,
}

/// Most steps and most instructions that are compared.
const MOST: usize = 1_000;
/// A pair whose texts are the same.
const SAME: u32 = 4;
/// A pair of which one side is written in the builder's own form.
const LIKE: u32 = 1;

/// Pairs the steps of a history (as people would write them, see `instruction`) with the instructions of the stage that
/// is built last, and of the stages it builds on. Empty when fewer than half of the instructions are found: then this
/// is another image's Dockerfile.
#[must_use]
pub fn trace(dockerfile: &Dockerfile, steps: &[String]) -> Vec<Traced> {
    let written = written(dockerfile);
    if written.is_empty() || written.len() > MOST || steps.len() > MOST {
        return Vec::new();
    }
    let steps: Vec<Step> = steps.iter().map(|text| Step::read(text)).collect();
    let pairs = align(&steps, &written);
    let enough =
        pairs.len() * 2 >= written.len() && pairs.iter().any(|(step, at)| steps[*step].score(&written[*at]) == SAME);
    if !enough {
        return Vec::new();
    }
    pairs
        .into_iter()
        .map(|(step, at)| Traced { step, line: written[at].line, end_line: written[at].end_line })
        .collect()
}

/// An instruction that leaves a step in the history.
struct Written {
    keyword: Keyword,
    /// The arguments with variables written out as far as they are known.
    text: String,
    /// What builders keep of it in any case: a name, a destination.
    key: String,
    line: usize,
    end_line: usize,
}

fn written(dockerfile: &Dockerfile) -> Vec<Written> {
    let Some(last) = dockerfile.last_stage() else { return Vec::new() };
    let mut chain = dockerfile.chain(last);
    chain.reverse();
    let mut by_stage: Vec<Vec<Written>> = chain.iter().map(|_| Vec::new()).collect();
    dockerfile.walk(|instruction, scope| {
        let at = instruction.stage.and_then(|stage| chain.iter().position(|one| *one == stage));
        let Some(at) = at else { return };
        if matches!(instruction.keyword, Keyword::From | Keyword::Arg | Keyword::Unknown) {
            return;
        }
        let arguments = instruction.arguments();
        let text = if instruction.keyword.expands() {
            let expanded = expand(arguments, dockerfile.escape, &|name| scope.lookup(name)).text;
            expanded.unwrap_or_else(|| arguments.to_owned())
        } else {
            arguments.to_owned()
        };
        by_stage[at].push(Written {
            keyword: instruction.keyword,
            key: key(instruction),
            text: squeezed(&text),
            line: instruction.line,
            end_line: instruction.end_line,
        });
    });
    by_stage.into_iter().flatten().collect()
}

fn key(instruction: &Instruction) -> String {
    match instruction.keyword {
        Keyword::Env | Keyword::Label => {
            instruction.pairs().0.first().map(|pair| pair.name.clone()).unwrap_or_default()
        }
        Keyword::Copy | Keyword::Add => instruction.plain_words().last().map(|word| folder(word)).unwrap_or_default(),
        _ => String::new(),
    }
}

/// A destination without what builders change in it.
fn folder(path: &str) -> String {
    path.trim_start_matches("./").trim_end_matches('/').to_owned()
}

/// Text without quotes, commas and brackets, and with single blanks: builders write lists in several ways.
fn squeezed(text: &str) -> String {
    let bare: String = text.chars().map(|letter| if "\"'[],\\".contains(letter) { ' ' } else { letter }).collect();
    bare.split_whitespace().collect::<Vec<_>>().join(" ")
}

struct Step {
    keyword: Keyword,
    text: String,
}

impl Step {
    fn read(text: &str) -> Self {
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        Self { keyword: Keyword::read(word), text: squeezed(rest) }
    }

    fn score(&self, written: &Written) -> u32 {
        if self.keyword != written.keyword || self.keyword == Keyword::Unknown {
            return 0;
        }
        if self.text == written.text {
            return SAME;
        }
        let last = || self.text.split(' ').next_back().map(folder).unwrap_or_default();
        let alike = match self.keyword {
            // A shell's text is kept as it is written; a here-document is shown with its body.
            Keyword::Run => written.text.starts_with("<<") && self.text.starts_with(&written.text),
            Keyword::Env | Keyword::Label => {
                let name = self.text.split(['=', ' ']).next().unwrap_or_default();
                !written.key.is_empty() && name == written.key
            }
            Keyword::Copy | Keyword::Add => {
                let (step, key) = (last(), written.key.as_str());
                !key.is_empty() && (step == key || step.ends_with(&format!("/{key}")) || key == ".")
            }
            _ => true,
        };
        if alike { LIKE } else { 0 }
    }
}

/// The heaviest pairing that keeps the order of both; of equal ones the one nearest to the end, where bases are not.
fn align(steps: &[Step], written: &[Written]) -> Vec<(usize, usize)> {
    let width = written.len() + 1;
    let mut best = vec![0_u32; (steps.len() + 1) * width];
    for (i, step) in steps.iter().enumerate() {
        for (j, one) in written.iter().enumerate() {
            let score = step.score(one);
            let skip = best[i * width + j + 1].max(best[(i + 1) * width + j]);
            let take = if score > 0 { best[i * width + j] + score } else { 0 };
            best[(i + 1) * width + j + 1] = skip.max(take);
        }
    }
    let (mut i, mut j) = (steps.len(), written.len());
    let mut pairs = Vec::new();
    while i > 0 && j > 0 {
        let here = best[i * width + j];
        let score = steps[i - 1].score(&written[j - 1]);
        if score > 0 && here == best[(i - 1) * width + j - 1] + score {
            pairs.push((i - 1, j - 1));
            i -= 1;
            j -= 1;
        } else if here == best[(i - 1) * width + j] {
            i -= 1;
        } else {
            j -= 1;
        }
    }
    pairs.reverse();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCKERFILE: &str = "FROM python:3.12-slim AS base\nARG V=1\nENV A=$V B=2\nRUN apt-get update \\\n    && apt-get install -y x\nFROM base\nWORKDIR /app\nCOPY --from=build /x ./app.py\nUSER app\nEXPOSE 8501\nHEALTHCHECK CMD curl x\nCMD [\"python\", \"app.py\"]\n";

    fn lines(steps: &[&str]) -> Vec<(usize, usize)> {
        let steps: Vec<String> = steps.iter().map(|text| (*text).to_owned()).collect();
        let dockerfile = Dockerfile::parse("Dockerfile", DOCKERFILE);
        trace(&dockerfile, &steps).into_iter().map(|one| (one.step, one.line)).collect()
    }

    #[test]
    fn steps_find_their_lines_in_the_forms_of_all_builders() {
        let buildkit = [
            "CMD [\"python3\"]",
            "ENV A=1 B=2",
            "RUN apt-get update     && apt-get install -y x",
            "WORKDIR /app",
            "COPY /x ./app.py",
            "USER app",
            "EXPOSE map[8501/tcp:{}]",
            "HEALTHCHECK &{[\"CMD-SHELL\" \"curl x\"] \"0s\" \"0s\" \"0s\" '\\x00'}",
            "CMD [\"python\" \"app.py\"]",
        ];
        let wanted = [(1, 3), (2, 4), (3, 7), (4, 8), (5, 9), (6, 10), (7, 11), (8, 12)];
        assert_eq!(lines(&buildkit), wanted, "the base's own CMD has no line");
        let classic = [
            "CMD [\"python3\"]",
            "ENV A=1 B=2",
            "RUN apt-get update     && apt-get install -y x",
            "WORKDIR /app",
            "COPY file:0123456789abcdef in ./app.py",
            "USER app",
            "EXPOSE 8501",
            "HEALTHCHECK &{[\"CMD-SHELL\" \"curl x\"]}",
            "CMD [\"python\" \"app.py\"]",
        ];
        assert_eq!(lines(&classic), wanted);
    }

    #[test]
    fn another_images_dockerfile_explains_nothing() {
        assert!(lines(&["CMD [\"x\"]", "RUN make", "USER other"]).is_empty());
        assert!(lines(&[]).is_empty());
        assert!(trace(&Dockerfile::parse("x", ""), &["RUN x".to_owned()]).is_empty());
    }
}
