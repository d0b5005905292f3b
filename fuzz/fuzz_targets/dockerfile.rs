//! Dockerfiles: every place lies in the text, reading is the same twice, and every rule copes with what was read.

#![no_main]

use imgguard::companions::Dockerfile;
use imgguard::lint::lint;
use imgguard::secrets::Scanner;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let file = Dockerfile::parse("Dockerfile", text);
    assert_eq!(file, Dockerfile::parse("Dockerfile", text));
    let lines = text.split('\n').count();
    for instruction in &file.instructions {
        assert!(instruction.line <= instruction.end_line && instruction.end_line <= lines);
        for word in instruction.words() {
            assert!(instruction.place(word.start).0 <= lines);
        }
    }
    let report = lint("Dockerfile", text, &Scanner::none(), 0, &|rule| rule.level);
    for finding in report.findings {
        assert!(finding.line >= 1 && finding.line <= lines, "{}", finding.message);
    }
});
