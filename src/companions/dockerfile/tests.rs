use super::*;

fn parse(text: &str) -> Dockerfile {
    Dockerfile::parse("Dockerfile", text)
}

fn problems(text: &str) -> Vec<String> {
    parse(text).problems.iter().map(|one| format!("{}:{}: {}", one.line, one.column, one.message)).collect()
}

#[test]
fn an_instruction_over_several_lines_knows_where_its_parts_stand() {
    let file = parse("FROM scratch\nRUN a \\\n  # note\n    && bb \\\n\n  && c\nUSER x\n");
    let run = &file.instructions[1];
    assert_eq!(run.text(), "RUN a     && bb   && c");
    assert_eq!((run.line, run.end_line), (2, 6));
    assert_eq!(run.place(run.text().find("bb").expect("there")), (4, 8));
    assert_eq!(run.place(run.text().find(" c").expect("there") + 1), (6, 6));
    assert_eq!(file.instructions[2].line, 7);
    assert_eq!(file.problems[0].kind, ProblemKind::EmptyContinuation);
    assert_eq!(file.problems[0].line, 5);
}

#[test]
fn the_escape_directive_and_crlf_are_understood() {
    let file = parse(
        "# syntax=docker/dockerfile:1\r\n# escape=`\r\nFROM scratch\r\nRUN a `\r\n  b\r\nWORKDIR C:\\x\\\r\nUSER y\r\n",
    );
    assert_eq!(file.problems, []);
    assert_eq!(file.syntax.as_deref(), Some("docker/dockerfile:1"));
    assert_eq!(file.instructions[1].arguments(), "a   b");
    assert_eq!(file.instructions[2].arguments(), "C:\\x\\");
    assert_eq!(file.instructions[3].keyword, Keyword::User);
    let late = parse("# a comment\n# escape=`\nFROM scratch\nRUN a \\\n b\n");
    assert_eq!(late.instructions.len(), 2, "behind a comment it is a comment");
}

#[test]
fn here_documents_belong_to_their_instruction() {
    let file = parse(
        "FROM a\nRUN <<EOF bash\nUSER x\nEOF\nCOPY <<-\"A\" <<B /dst/\n\tone\n\tA\ntwo\nB\nRUN x <<< y\nUSER z\n",
    );
    assert_eq!(file.problems, []);
    let bodies: Vec<_> = file.instructions.iter().flat_map(|one| &one.heredocs).map(|one| one.body.as_str()).collect();
    assert_eq!(bodies, ["USER x\n", "one\n", "two\n"]);
    assert!(file.instructions[1].heredocs[0].expands && !file.instructions[2].heredocs[0].expands);
    assert_eq!(file.instructions[4].keyword, Keyword::User);
    assert_eq!(file.instructions[4].line, 11);
    assert_eq!(problems("FROM a\nRUN <<EOF\nx\n"), ["2:1: the here-document `EOF` has no end"]);
}

#[test]
fn stages_know_what_they_build_on() {
    let file = parse("ARG V=1\nFROM a:$V AS Base\nFROM --platform=$BUILDPLATFORM base as app\nFROM scratch\n");
    assert_eq!(file.stages.len(), 3);
    assert_eq!(file.stages[1].base_stage, Some(0));
    assert_eq!(file.chain(1), [1, 0]);
    assert_eq!(file.stages[2].base_stage, None);
    assert_eq!(file.stage_named("APP", 3), Some(1));
    assert_eq!(file.stage_named("app", 1), None, "not before it is there");
    assert_eq!(file.instructions[2].flag("platform").and_then(|flag| flag.value.as_deref()), Some("$BUILDPLATFORM"));
}

#[test]
fn arguments_are_words_lists_or_pairs() {
    let file = parse(
        "FROM a\nENV A=1 B=\"x y\" C=d\\ e\nENV OLD the value\nCMD [\"a\", \"b c\"]\nRUN [ -f x ] && y\nHEALTHCHECK --interval=30s CMD curl x || exit 1\nONBUILD COPY --from=b x y\nCOPY --chown=1:1 [\"a b\", \"c\"]\n",
    );
    assert_eq!(file.problems, []);
    let (pairs, old) = file.instructions[1].pairs();
    let told: Vec<_> = pairs.iter().map(|pair| (pair.name.as_str(), pair.value.as_deref())).collect();
    assert_eq!(told, [("A", Some("1")), ("B", Some("\"x y\"")), ("C", Some("d\\ e"))]);
    assert!(!old);
    assert_eq!(file.instructions[2].pairs().0[0].value.as_deref(), Some("the value"));
    assert_eq!(file.instructions[3].json.as_deref(), Some(&["a".to_owned(), "b c".to_owned()][..]));
    assert_eq!(file.instructions[4].json, None);
    let check = file.instructions[5].inner.as_ref().expect("a command");
    assert_eq!(check.shell_text(), Some("curl x || exit 1"));
    let trigger = file.instructions[6].inner.as_ref().expect("a trigger");
    assert_eq!(trigger.flag("from").and_then(|flag| flag.value.as_deref()), Some("b"));
    assert_eq!(file.instructions[7].plain_words(), ["a b", "c"]);
}

#[test]
fn what_a_build_would_refuse_has_its_place() {
    assert_eq!(problems(""), ["1:1: there is no `FROM`"]);
    assert_eq!(problems("RUN x\nFROM a\n"), ["1:1: `RUN` stands before the first `FROM`"]);
    assert_eq!(problems("FROM a b\n"), ["1:1: `FROM` is written `FROM image` or `FROM image AS name`"]);
    assert_eq!(problems("FROM a\n  RNU x\n"), ["2:3: there is no instruction `RNU`"]);
    assert_eq!(parse("FROM a\nRNU x\n").problems[0].hint.as_deref(), Some("did you mean `RUN`?"));
    assert_eq!(
        problems("FROM a\nCOPY x\nSHELL sh\nENV A\nLABEL a=1 b\nUSER\nHEALTHCHECK RUN x\nONBUILD FROM x\n"),
        [
            "2:1: `COPY` needs a source and a destination",
            "3:1: `SHELL` needs a JSON list, such as `[\"/bin/sh\", \"-c\"]`",
            "4:1: `ENV` needs a name and a value",
            "5:11: `LABEL` needs `name=value`",
            "6:1: `USER` needs an argument",
            "7:1: `HEALTHCHECK` is followed by `CMD` or `NONE`",
            "8:1: `ONBUILD` needs an instruction that may stand there",
        ]
    );
    assert_eq!(
        problems("FROM a\nCMD ['x', 'y']\n"),
        ["2:5: the arguments of `CMD` look like a JSON list and are none"]
    );
    assert!(
        problems(&format!("FROM a\n{}", "USER x\n".repeat(4000))).last().is_some_and(|text| text.contains("more than"))
    );
}

#[test]
fn variables_have_the_scope_that_the_builder_gives_them() {
    let file = parse(
        "ARG V=1\nARG W\nFROM a:$V AS one\nENV A=$V\nARG V\nENV B=$V-$A C=$B\nFROM one\nUSER $B\nFROM scratch\nUSER $X\n",
    );
    let mut told = Vec::new();
    file.walk(|instruction, scope| {
        if matches!(instruction.keyword, Keyword::From | Keyword::User) {
            let text = expand(instruction.arguments(), '\\', &|name| scope.lookup(name)).text;
            told.push(text.unwrap_or_else(|| "?".to_owned()));
        }
    });
    assert_eq!(told, ["a:1 AS one", "one", "?", "scratch", ""]);
    let mut lost = Vec::new();
    file.walk(|instruction, scope| lost.push((instruction.line, scope.is_lost_global("V"))));
    assert!(lost.contains(&(4, true)) && lost.contains(&(6, false)));
}

#[test]
fn a_waiver_covers_the_instruction_below_it_or_around_it() {
    let text = "FROM a\n# imgguard: waive[a.b] until=2027-01-15 owner=@x reason=y\n\nRUN x \\\n  # imgguard: waive[c.d] until=2027-01-15 owner=@x reason=y\n  y\n# imgguard: waive[e.f]\n";
    let file = parse(text);
    assert_eq!(file.waivers.iter().map(|one| one.covers).collect::<Vec<_>>(), [Some(4), Some(4)]);
    assert_eq!(file.waiver_problems.len(), 1);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic_and_every_place_lies_in_the_text(
        text in "(FROM |RUN |COPY |ENV |ARG |ONBUILD |HEALTHCHECK |CMD |# escape=`|<<E|E|--a=|[ \n\r\t\\\\`\"'\\[\\],$\\{\\}a=é#]){0,40}"
    ) {
        let file = parse(&text);
        let lines = text.split('\n').count();
        for one in &file.instructions {
            proptest::prop_assert!(one.line >= 1 && one.line <= one.end_line && one.end_line <= lines);
            for word in one.words() {
                let (line, column) = one.place(word.start);
                proptest::prop_assert!(line <= lines && column >= 1);
            }
            let _ = one.pairs();
            if let Some(shell) = one.shell_text() {
                let _ = crate::companions::commands(shell);
            }
        }
        file.walk(|instruction, scope| {
            let _ = expand(instruction.text(), file.escape, &|name| scope.lookup(name));
        });
    }
}
