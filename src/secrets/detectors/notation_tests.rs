//! Every token is found wherever tokens are written down.

use super::super::engine::Scanner;
use super::super::examples::{self, Example, expand};
use super::*;

/// Places of a token, which stands where the `@` is.
const NOTATIONS: &[&str] = &[
    "@",
    "KEY=@",
    "export KEY=@\n",
    "KEY=\"@\"\r\n",
    "key: @\n",
    "  - '@'\n",
    "{\"key\":\"@\"}",
    "{\\\"key\\\":\\\"@\\\"}",
    "\"line\\n@\\nline\"",
    "const key = `@`;",
    "<key>@</key>",
    "--key=@ --next",
    "--key @ --next",
    "-e KEY=@ image",
    "Authorization: Bearer @\r\n",
    "# key is @, keep it",
    "|@|",
    "[@]",
    "(@)",
    "\u{1b}[32m@\u{1b}[0m",
    "k%3D@%26",
    "k\\u003d@\\u0026",
    "key\t@\tvalue",
    "ENV KEY @\n",
];

#[test]
fn every_token_is_found_in_every_notation() {
    let scanner = Scanner::new();
    let (mut missed, mut tried) = (Vec::new(), 0);
    for detector in all().filter(|detector| matches!(detector.seek, Seek::Tokens(_))) {
        let bare = detector
            .finds
            .iter()
            .filter(|text| !text.starts_with(['"', '\'', '?', '<', '/']) && !text.contains(['\n']));
        let Some(token) = bare.map(|text| expand(text)).find(|text| !text.contains([' ', '"', '='])) else { continue };
        tried += 1;
        for notation in NOTATIONS {
            let bytes = notation.replace('@', &token).into_bytes();
            let example = Example { path: "opt/app/data".to_owned(), bytes };
            let hits = examples::hits(&scanner, &example);
            if !hits.iter().any(|hit| &*hit.detector == detector.id && hit.grade >= detector.grade) {
                missed.push(format!("{}: `{notation}`", detector.id));
            }
        }
    }
    assert!(tried > 150, "{tried}");
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn a_token_of_a_fixed_length_is_never_sure_when_more_follows() {
    let scanner = Scanner::new();
    let bytes = expand("dop_v1_{hex 70} xdop_v1_{hex 64}").into_bytes();
    let hits = examples::hits(&scanner, &Example { path: "a".to_owned(), bytes });
    assert!(hits.iter().all(|hit| hit.offset > 0 || hit.grade < Grade::Structured), "{hits:?}");
}
