use super::schema::{IMAGE, Schema};
use super::value::Value;
use super::{Problem, Program};
use crate::testkit::image::image;

const IMAGE_TEXT: &str =
    "user app\nenv A=1\nenv A=2\nport 8501/tcp\nlabel org.x=y\n0644 0:0 etc/passwd \"hello\"\n0755 0:0 usr/bin/curl\n";

fn decide(text: &str) -> Result<bool, String> {
    let program = Program::compile(text, true).map_err(|problems| problems[0].message.clone())?;
    program.decide(&image(IMAGE_TEXT)).map_err(|stopped| stopped.why)
}

fn problem(text: &str) -> Problem {
    Program::compile(text, false).expect_err(text).remove(0)
}

#[test]
fn expressions_mean_what_the_specification_says() {
    for yes in [
        "true || 1 / 0 == 1",
        "1 / 0 == 1 || true",
        "!(false && 1 / 0 == 1)",
        "1 + 2 * 3 == 7 && 7 % 4 == 3 && -7 / 2 == -3",
        "-9223372036854775808 < 0",
        "1 == 1.0 && 1 < 1.5 && 2 > 1.5",
        "'a' + \"b\" == r'ab' && '\\x41\\u00e9\\101' == 'AéA'",
        "'''a\n'b''' == \"a\\n'b\"",
        "[1, 2,] + [3] == [1, 2, 3]",
        "2 in [1, 2] && 'a' in {'a': 1} && !('b' in {'a': 1})",
        "{'a': [1]}['a'][0] == 1 && {'a': 1}.a == 1",
        "size('äb') == 2 && [1].size() == 1",
        "[1, 2, 3].filter(x, x > 1) == [2, 3]",
        "[1, 2, 3].map(x, x > 1, x * 2) == [4, 6]",
        "[1, 2].exists_one(x, x == 1) && ![1, 1].exists_one(x, x == 1)",
        "[0, 1].exists(x, 1 / x == 1)",
        "{'a': 1, 'b': 2}.all(key, key in ['a', 'b'])",
        "'a.b'.matches('^a[.]b$') && 'a,b'.split(',') == ['a', 'b']",
        "(1 > 2 ? 'a' : 'b') == 'b'",
        "int('7') == 7 && string(7) == '7' && double(1) / 2.0 == 0.5",
        "null == null // a comment",
    ] {
        assert_eq!(decide(yes), Ok(true), "{yes}");
    }
}

#[test]
fn facts_are_named_as_in_their_document() {
    for yes in [
        "image.config.user == 'app'",
        "image.env['A'] == '2' && 'B' in image.env == false",
        "image.config.exposed_ports == ['8501/tcp']",
        "image.labels['org.x'] == 'y'",
        "image.files.exists(file, file.entry.path == 'usr/bin/curl' && file.entry.mode == 493)",
        "image.files.size() >= 2 && image.files[0].added == 0",
        "!has(image.config.healthcheck) && image.config.healthcheck == null",
        "image.packages != null && image.packages.list.size() == 0",
        "image.platform == 'linux/amd64' && image.config.os in ['', 'linux']",
        "image.layers.all(layer, layer.size >= 0) && image.compressed_size >= 0",
    ] {
        assert_eq!(decide(yes), Ok(true), "{yes}");
    }
}

#[test]
fn what_cannot_be_worked_out_stops_with_its_place_and_is_no_answer() {
    let stopped = |text: &str| {
        let program = Program::compile(text, false).unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
        program.decide(&image(IMAGE_TEXT)).expect_err(text)
    };
    assert_eq!(stopped("image.env['B'] == 'x'").why, "there is no such key: ask with `in` first");
    assert_eq!(stopped("image.config.healthcheck.interval > 0").why, "there is no `interval` of null");
    assert_eq!(stopped("9223372036854775807 + 1 > 0").why, "the number is too large");
    let stopped = stopped("image.config.env[7][0] == 'A'");
    assert_eq!((stopped.why.as_str(), stopped.at), ("there is no element 7", 17..18));
}

#[test]
fn what_is_wrong_is_found_before_an_image_is_there() {
    for (text, part, message, hint) in [
        ("image.confg.user == 'a'", "confg", "unknown field `confg`", "did you mean `config`?"),
        ("image.user == 'a'", "user", "unknown field `user`", "did you mean `image.config.user`?"),
        ("img.config.user == 'a'", "img", "unknown name `img`", "did you mean `image`?"),
        (
            "image.config.user == 1000",
            "image.config.user == 1000",
            "text and a whole number are never equal",
            "put it in quotes: `'1000'`",
        ),
        ("image.files.exists(f, f.entry.mod == 1)", "mod", "unknown field `mod`", "did you mean `mode`?"),
        ("image.files.exists(f, f.entry.kind == 'fil')", "'fil'", "it is never `fil`", "did you mean `file`?"),
        (
            "image.config.user.startswith('a')",
            "startswith",
            "unknown function `startswith`",
            "did you mean `startsWith`?",
        ),
        ("image.config.user = 'a'", "=", "unexpected `=`", "equal is `==`"),
    ] {
        let found = problem(text);
        assert_eq!(
            (text.get(found.at.clone()), found.message.as_str(), found.hint.as_deref()),
            (Some(part), message, Some(hint)),
            "{text}"
        );
    }
    for text in [
        "image.config.user",
        "1 + 'a' == 2",
        "!1",
        "size(1) == 1",
        "image.config.user.x",
        "'a'.matches('(')",
        "(1",
        "1 +",
        "image.files.all(image, true)",
        "b'x' == 'x'",
        "1u == 1",
        "for",
        "[1",
        "{1: 2} == {}",
        "has(image)",
        "'abc",
        "1 < 'a'",
        "'a' in 1",
        "image.config.user.size('x') == 1",
        "'\\q' == ''",
        "99999999999999999999 > 1",
        "",
        "image.layers.x",
        "1\u{659}",
        "2ä == 2",
    ] {
        let found = problem(text);
        assert!(text.get(found.at.clone()).is_some(), "{text}: {found:?}");
    }
}

#[test]
fn quadratic_expressions_are_refused_unless_told_otherwise_and_then_bounded() {
    let text = "image.files.all(a, !image.files.exists(b, a.entry.path + 'x' == b.entry.path))";
    let refused = problem(text);
    assert_eq!(text.get(refused.at.clone()), Some("image.files"));
    assert!(refused.message.starts_with("a long list is gone through once for each element"), "{refused:?}");
    let hidden = "image.files.all(a, image.packages.list.filter(p, true).map(p, p.purl).exists(p, p == a.entry.path))";
    assert!(problem(hidden).hint.is_some_and(|hint| hint.contains("cost: high")));
    let many = (0..2_000).map(|at| format!("0644 0:0 f{at}")).collect::<Vec<_>>().join("\n");
    let program = Program::compile(text, true).expect("allowed");
    let stopped = program.decide(&image(&many)).expect_err("two million pairs");
    assert!(stopped.costly, "{stopped:?}");
    let power = "[1,2,3,4,5,6,7,8,9,10]";
    let nested = (0..8).fold("true".to_owned(), |inner, at| format!("{power}.all(x{at}, {inner})"));
    let program = Program::compile(&nested, false).expect("short lists");
    assert!(program.decide(&image("")).expect_err("10^8 steps").costly);
}

#[test]
fn depth_and_length_are_bounded() {
    for text in [
        "(".repeat(5_000),
        "!".repeat(9_000),
        "-".repeat(9_000),
        "[".repeat(9_000),
        format!("true{}", " || true".repeat(1_000)),
        "a".repeat(20_000),
        format!("image{}", ".config".repeat(1_000)),
    ] {
        problem(&text);
    }
    let wide = format!("true{}", " || true".repeat(150));
    assert_eq!(decide(&wide), Ok(true));
}

#[test]
fn every_field_of_the_schema_is_there() {
    let facts = image(IMAGE_TEXT);
    let schema = Schema::of_facts();
    for name in schema.object(IMAGE).expect("the image").fields.keys() {
        assert!(Value::Image(&facts).field(name).is_some(), "{name}");
    }
    for name in ["ImageConfig", "Healthcheck", "File", "Entry", "PackageFact", "Package", "Layer"] {
        assert!(schema.object(name).is_some_and(|object| !object.fields.is_empty()), "{name}");
    }
}

#[test]
fn the_documentation_lists_what_there_is() {
    let page = include_str!("../../docs/custom-rules.md");
    let start = page.find("## Functions").expect("the list");
    let wanted = super::reference();
    assert!(
        page.get(start..) == Some(wanted.as_str()),
        "run `imgguard policy facts` and put what it prints at the end of docs/custom-rules.md"
    );
}

/// What expressions are made of.
const WORDS: &[&str] = &[
    "image",
    ".config",
    ".files",
    ".entry",
    ".path",
    ".env",
    ".cmd",
    ".labels",
    "['l']",
    "['x']",
    "[0]",
    "[-1]",
    ".all(",
    ".exists(",
    ".exists_one(",
    ".map(",
    ".filter(",
    "x, ",
    "y, ",
    "x",
    "y",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ", ",
    ": ",
    " && ",
    " || ",
    " == ",
    " != ",
    " < ",
    " >= ",
    " in ",
    " + ",
    " - ",
    " * ",
    " / ",
    " % ",
    " ? ",
    "!",
    "-",
    "true",
    "false",
    "null",
    "1",
    "0",
    "-9223372036854775808",
    "9223372036854775807",
    "1.5e308",
    "0x7f",
    "'a'",
    "\"\u{e9}\"",
    "r'\\'",
    "'''\n'''",
    "size(",
    ".size()",
    ".matches('(a|b)*$')",
    ".matches(",
    ".contains(",
    ".startsWith(",
    "has(",
    "int(",
    "double(",
    "string(",
    "@result",
    "\u{1f600}",
    "'",
];

proptest::proptest! {
    #[test]
    fn words_in_any_order_are_answered_or_complained_about_at_a_place_of_the_text(
        words in proptest::collection::vec(0..WORDS.len(), 1..24), costly in proptest::bool::ANY
    ) {
        let text: String = words.iter().map(|word| WORDS[*word]).collect();
        match Program::compile(&text, costly) {
            Ok(program) => {
                let facts = image(IMAGE_TEXT);
                let answer = program.decide(&facts);
                if let Err(stopped) = &answer {
                    proptest::prop_assert!(text.get(stopped.at.clone()).is_some(), "{stopped:?}");
                }
                proptest::prop_assert_eq!(answer, program.decide(&facts));
            }
            Err(problems) => {
                proptest::prop_assert!(!problems.is_empty());
                for problem in problems {
                    proptest::prop_assert!(text.get(problem.at.clone()).is_some(), "{}: {:?}", text, problem);
                }
            }
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "[-a-z0-9.()\\[\\]{}'\"\\\\!=<>&|?:, +*/%]{0,60}|image[.]config[.]\\PC{0,30}") {
        if let Ok(program) = Program::compile(&text, true) {
            let _ = program.decide(&image(IMAGE_TEXT));
        }
    }
}
