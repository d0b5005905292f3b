//! Shell texts and what they surely run.

use super::Word;
use crate::rules::exec::report::Report;
use crate::rules::exec::resolver::{Resolver, Setting};
use crate::testkit::image::image;

/// An image with these commands: `sh`, `have`, `also`, `tar`, `su`.
const IMAGE: &str = "0755 0:0 bin/sh elf\nbin/have -> sh\nbin/also -> sh\nbin/tar -> sh\n0755 0:0 opt/tool elf\n\
                     0644 0:0 lib.sh \"helper() { have; }\\n\"\nbin/bash -> sh\n";

fn report(text: &str) -> Report {
    let image = image(IMAGE);
    let resolver = Resolver::new(&image);
    let mut report = Report::default();
    let words =
        [Word::plain("/bin/sh"), Word::plain("-c"), Word::plain(text), Word::plain("name"), Word::plain("have")];
    resolver.run(&words, &Setting::of_image(&image), &mut report);
    report
}

/// `fails a b`, `open`, `doubt a` or `fine`.
fn answer(text: &str) -> String {
    let report = report(text);
    let names = |list: &[crate::rules::exec::report::Finding]| {
        list.iter().map(|finding| finding.runs.as_str()).collect::<Vec<_>>().join(" ")
    };
    if !report.failures.is_empty() {
        format!("fails {}", names(&report.failures))
    } else if !report.unknown.is_empty() {
        "open".to_owned()
    } else if !report.doubts.is_empty() {
        format!("doubt {}", names(&report.doubts))
    } else {
        "fine".to_owned()
    }
}

fn table(rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        assert_eq!(answer(text), *expected, "{text}\n{:?}", report(text));
    }
}

#[test]
fn only_what_is_reached_whatever_happens_fails() {
    table(&[
        ("have", "fine"),
        ("gone", "fails gone"),
        ("have; gone", "fails gone"),
        ("have && gone", "fails gone"),
        ("gone && also-gone", "fails gone"),
        ("have | gone", "fails gone"),
        ("A=b gone x", "fails gone"),
        ("gone > /dev/null 2>&1", "fails gone"),
        ("have &\ngone", "fails gone"),
        ("(gone)", "fails gone"),
        ("{ gone; }", "fails gone"),
        ("'gone' x", "fails gone"),
        ("exec gone", "fails gone"),
        ("exec -a x gone", "fails gone"),
        ("cd /opt && ./tool", "fine"),
        ("cd /opt; ./gone", "fails ./gone"),
        ("/opt/tool; /opt/gone", "fails /opt/gone"),
    ]);
}

#[test]
fn a_second_command_may_make_up_for_the_first() {
    table(&[
        ("gone || exit 1", "fails gone"),
        ("gone || false", "fails gone"),
        ("gone || { echo no; exit 1; }", "fails gone"),
        ("gone || have", "fine"),
        ("gone || also-gone", "fails gone also-gone"),
        ("gone || also-gone || have", "fine"),
        ("gone || true", "doubt gone"),
        ("gone || :", "doubt gone"),
        ("have || gone", "doubt gone"),
        ("have || exit 1; gone", "fails gone"),
        ("true || gone", "fine"),
        ("false && gone", "fine"),
        ("! gone", "doubt gone"),
    ]);
}

#[test]
fn branches_loops_and_questions_are_no_certainty() {
    table(&[
        ("if have; then gone; fi", "doubt gone"),
        ("if gone; then have; fi", "doubt gone"),
        ("if have; then exit 1; fi; gone", "fails gone"),
        ("if have; then exec have; fi; gone", "doubt gone"),
        ("if have; then exec have; else exec also; fi; gone", "fine"),
        ("[ -x /x ] && gone", "doubt gone"),
        ("[[ a < b && ( c ) ]] && gone", "doubt gone"),
        ("test -f /x || gone", "doubt gone"),
        ("case $1 in a|b) gone;; (*) have; esac", "doubt gone"),
        ("while have; do gone; done; also", "doubt gone"),
        ("until gone; do sleep=1; done", "doubt gone"),
        ("for x in a b; do gone; done", "doubt gone"),
        ("for ((i=0; i<3; i++)); do gone; done", "doubt gone"),
        ("((a = 1)) && gone", "doubt gone"),
        ("exit 0; gone", "fine"),
        ("exec have; gone", "fine"),
        ("command -v gone && gone", "open"),
        ("if ! command -v gone; then echo no; fi; gone", "open"),
        ("which gone; gone", "fails which"),
        ("[ -x /opt/gone ] && echo yes; /opt/gone", "open"),
    ]);
}

#[test]
fn what_a_shell_could_change_is_open() {
    table(&[
        ("$RUN x", "open"),
        ("${RUN:-gone} x", "open"),
        ("`which x`", "open"),
        ("$(which x) y", "open"),
        ("/opt/t* x", "open"),
        ("~/run", "open"),
        ("alias gone=have; gone", "open"),
        ("eval \"$X\"; gone", "open"),
        (". /unknown.sh; gone", "open"),
        ("source $X; gone", "open"),
        ("PATH=$X:$PATH; gone", "open"),
        ("tar xf a.tar; gone", "open"),
        ("echo x > gone; gone", "open"),
        ("if have; then PATH=/x; fi; gone", "open"),
        ("cd $X; ./gone", "open"),
        ("have \"", "open"),
        ("if have; then", "open"),
        ("have )", "open"),
        ("x=$(have <<E\nit's\nE\n); gone", "open"),
        ("x=$(have # it's\n); have", "fine"),
    ]);
}

#[test]
fn functions_are_read_where_they_are_called() {
    table(&[
        ("f() { gone; }", "fine"),
        ("f() { gone; }; f", "fails gone"),
        ("f() { gone; }\nf &\nwait", "fails gone"),
        ("function f { have; }; f; gone", "fails gone"),
        ("f() { return; }; f; gone", "fails gone"),
        ("f() { if have; then return 0; fi; also; }; f; gone", "fails gone"),
        ("f() { exit; }; f; gone", "fine"),
        ("f() { \"$@\"; }; f gone", "fails gone"),
        ("f() { f; }; f", "fine"),
        (". /lib.sh; helper", "fine"),
        (". /lib.sh; gone", "fails gone"),
    ]);
}

#[test]
fn arguments_are_handed_on() {
    table(&[
        ("exec \"$@\"", "fine"),
        ("set -- gone \"$@\"; exec \"$@\"", "fails gone"),
        ("set -- gone; exec \"$@\"", "fails gone"),
        ("set -euo pipefail; exec \"$@\"", "fine"),
        ("shift; set -- also; \"$@\"", "fine"),
        ("sh -c 'exec \"$0\"' gone", "open"),
    ]);
}

#[test]
fn words_are_read_as_a_shell_reads_them() {
    table(&[
        ("cat=1 # gone\n#gone\nhave", "fine"),
        ("have <<E\ngone\nE\nalso", "fine"),
        ("have <<-'E' && also\n\tgone\n\tE\ngone", "fails gone"),
        ("have \\\n gone", "fine"),
        ("have \"a $(gone \"b\") c\" ${x:-\"}\"} $((1 + (2)))", "fine"),
        ("a=(x y); have", "fine"),
        ("have <(also) 2>&1 >|x &>>y", "fine"),
        ("have;also&have", "fine"),
        ("time have", "fine"),
        ("go\\ne; 'ha've", "fails gone"),
        ("have $'a\\'b' ; also", "fine"),
        ("", "fine"),
    ]);
}

#[test]
fn long_and_deep_texts_end() {
    let long = "x".repeat(1 << 20);
    assert_eq!(answer(&format!("have {}", &long[..(1 << 20) - 10])), "fine");
    assert_eq!(answer(&format!("have {long}")), "open");
    assert_eq!(answer(&"(".repeat(100_000)), "open");
    assert_eq!(answer(&"$(".repeat(100_000)), "open");
    assert_eq!(answer(&"if have; then ".repeat(10_000)), "open");
    assert_eq!(answer(&"have;".repeat(30_000)), "open");
    assert_eq!(answer(&"f() { f; f; }; f".repeat(3)), "open");
}
