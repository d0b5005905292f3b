use super::*;
use crate::lint::lint;
use crate::secrets::Scanner;

const TEXT: &str = "FROM python\nRUN apt-get update && apt-get install curl\n\tRNU \u{1b}[31m ::stop ##[x]\n";

fn reports() -> Vec<LintReport> {
    vec![lint("build/Dockerfile", TEXT, &Scanner::none(), 0, &|rule| rule.level)]
}

#[test]
fn text_shows_the_line_and_points_at_the_place() {
    let shown = (LINT_FORMATS[0].render)(&reports(), &Context::default());
    assert!(
        shown.contains(
            "warning[dockerfile.base-tag]: `python` has no tag, which means `latest`\n  --> build/Dockerfile:1:6\n 1 | FROM python\n   |      ^\n"
        ),
        "{shown}"
    );
    assert!(shown.contains("\nbuild/Dockerfile  1 error, "), "{shown}");
}

#[test]
fn no_format_lets_a_dockerfile_control_the_terminal_or_the_runner() {
    for format in LINT_FORMATS {
        let shown = (format.render)(&reports(), &Context::default());
        assert!(!shown.contains('\u{1b}') && !shown.contains("##["), "{}: {shown}", format.name);
        assert!(shown.ends_with('\n'), "{}", format.name);
        assert_eq!(shown, (format.render)(&reports(), &Context::default()), "{} differs from run to run", format.name);
        let command = |line: &str| line.trim_start().starts_with("::");
        assert_eq!(shown.lines().any(command), format.name == "github", "{}", format.name);
    }
}

#[test]
fn documents_follow_their_schemas() {
    let of = |name: &str| -> serde_json::Value {
        let format = LINT_FORMATS.iter().find(|format| format.name == name).expect("a format");
        serde_json::from_str(&(format.render)(&reports(), &Context::default())).expect("JSON")
    };
    for (name, schema) in
        [("json", schema()), ("sarif", include_str!("../../../testdata/schemas/sarif-2.1.0.json").to_owned())]
    {
        let schema: serde_json::Value = serde_json::from_str(&schema).expect("JSON");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let errors: Vec<_> = validator.iter_errors(&of(name)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
    let first = &of("sarif")["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(first["artifactLocation"]["uri"], "build/Dockerfile");
}
