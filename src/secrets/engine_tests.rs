//! The engine as a whole: where a file is cut, how much it holds and what it holds never matters.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::detectors;
use super::engine::{MAX_HITS, Scanner};
use super::examples::{Example, expand};
use super::file_scan::FileScan;
use crate::model::{Grade, Hit};

static SCANNER: LazyLock<Scanner> = LazyLock::new(Scanner::new);

/// Found at the start of a file only.
const AT_START: &str = "kerberos-keytab";

/// Scans a file that is cut into pieces of the given sizes; the last size is repeated.
fn scan_cut(path: &str, bytes: &[u8], sizes: &[usize]) -> (Vec<Hit>, bool) {
    let mut scan = FileScan::new(path, bytes.len() as u64);
    let mut hits = Vec::new();
    let mut rest = bytes;
    let mut sizes = sizes.iter().copied().chain(std::iter::repeat(sizes.last().copied().unwrap_or(usize::MAX)));
    while !rest.is_empty() {
        let size = sizes.next().unwrap_or(usize::MAX).min(rest.len());
        scan.feed(&SCANNER, &rest[..size], false, &mut hits);
        rest = &rest[size..];
    }
    scan.feed(&SCANNER, b"", true, &mut hits);
    (hits, scan.truncated())
}

fn scan(path: &str, bytes: &[u8]) -> Vec<Hit> {
    let mut hits = Vec::new();
    FileScan::new(path, bytes.len() as u64).feed(&SCANNER, bytes, true, &mut hits);
    hits
}

/// A file with every example of every detector, `spread` bytes of filler between them.
fn everything(spread: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for detector in detectors::all() {
        for text in detector.finds.iter().chain(detector.ignores) {
            bytes.extend(Example::of(text).bytes);
            bytes.extend("\n lorem ipsum dolor\n".bytes().cycle().take(spread));
            bytes.push(b'\n');
        }
    }
    bytes
}

#[test]
fn a_file_of_all_examples_has_a_hit_of_every_detector_that_needs_no_special_name() {
    let hits = scan("app/.env", &everything(20));
    let named = |detector: &&detectors::Detector| detector.finds.iter().all(|text| text.starts_with("# "));
    for detector in detectors::all().filter(|detector| !named(detector) && detector.id != AT_START) {
        assert!(hits.iter().any(|hit| &*hit.detector == detector.id), "{}", detector.id);
    }
    // Several values may lie in one container, and then at one place.
    assert!(hits.windows(2).all(|pair| pair[0].offset <= pair[1].offset));
}

#[test]
fn one_byte_chunks_change_nothing() {
    for (path, spread) in [("app/.env", 0), ("app/data", 700), ("etc/shadow", 3)] {
        let bytes = everything(spread);
        assert_eq!(scan_cut(path, &bytes, &[1]).0, scan(path, &bytes), "{path} {spread}");
    }
}

#[test]
fn a_cut_at_any_place_of_an_example_changes_nothing() {
    for detector in detectors::all().filter(|detector| detector.id != AT_START) {
        for (index, text) in detector.finds.iter().enumerate() {
            let example = Example::of(text);
            // The first piece is large enough to be searched at once, so that the example lies on the seam.
            for lead in [0, 40_000] {
                let mut bytes = b"filler \n".repeat(lead / 8);
                let from = bytes.len();
                bytes.extend(&example.bytes);
                bytes.extend(b"\n filler".repeat(lead / 8));
                let whole = scan(&example.path, &bytes);
                assert!(!whole.is_empty(), "{text}");
                let cuts = if index == 0 { 40 } else { 6 };
                let step = if lead == 0 { 1 } else { 1 + example.bytes.len() / cuts };
                for cut in (from..=from + example.bytes.len()).step_by(step) {
                    assert_eq!(
                        scan_cut(&example.path, &bytes, &[cut.max(1), bytes.len()]).0,
                        whole,
                        "{text} cut at {cut}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_cut_near_the_sniffed_bytes_changes_nothing() {
    let mut bytes = everything(5);
    bytes.truncate(8191);
    bytes.push(0);
    bytes.extend(everything(9));
    let whole = scan("app/.env", &bytes);
    for cut in [1, 100, 8190, 8191, 8192, 8193, 9000, 32_767, 32_768, 32_769] {
        assert_eq!(scan_cut("app/.env", &bytes, &[cut, 40_000]).0, whole, "{cut}");
    }
    assert!(whole.iter().all(|hit| hit.line.is_none()), "a file with a NUL at its start is no text");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn cuts_never_change_the_hits(
        sizes in prop::collection::vec(prop_oneof![1..200usize, 5_000..12_000usize, 30_000..70_000usize], 1..12),
        spread in 0..400usize, nul in prop::option::of(0..60_000usize), settings: bool,
    ) {
        let mut bytes = everything(spread);
        if let Some(nul) = nul {
            let at = nul % bytes.len();
            bytes[at] = 0;
        }
        let path = if settings { "app/.env" } else { "app/data" };
        prop_assert_eq!(scan_cut(path, &bytes, &sizes).0, scan(path, &bytes));
    }

    #[test]
    fn bytes_of_any_kind_are_searched_without_panic(bytes: Vec<u8>, key: String, text: String, cut in 1..50usize) {
        for path in ["a", "app/.env", "etc/shadow", ".netrc", ".docker/config.json"] {
            prop_assert_eq!(scan_cut(path, &bytes, &[cut]).0, scan(path, &bytes));
        }
        for hit in SCANNER.scan_text(&key, &text) {
            prop_assert!(text.get(hit.range).is_some());
        }
    }
}

#[test]
fn lines_are_counted_across_chunks_and_not_behind_a_nul() {
    let token = expand("ghp_{b62 30}{sum62}");
    let mut bytes = b"line\n".repeat(20_000);
    bytes.extend(format!("{token}\n").as_bytes());
    bytes.extend(b"line\n".repeat(20_000));
    bytes.extend(format!("x = {token}\n\0\n{token}\n").as_bytes());
    for sizes in [&[usize::MAX][..], &[1000], &[50_000, 3], &[33_000]] {
        let (hits, _) = scan_cut("a", &bytes, sizes);
        assert_eq!(hits.iter().map(|hit| hit.line).collect::<Vec<_>>(), [Some(20_001), Some(40_002), None]);
        assert_eq!(hits[1].offset, 200_000 + 41 + 4);
        assert_eq!(hits[0].fingerprint, hits[2].fingerprint);
    }
}

#[test]
fn a_token_between_packed_strings_of_a_program_is_found() {
    let mut bytes = vec![0u8; 9000];
    bytes.extend(expand("authheaderghp_{b62 30}{sum62}user_agentglpat-{b62 20}timeout").as_bytes());
    bytes.extend([0; 100]);
    let hits = scan("usr/bin/app", &bytes);
    let seen: Vec<(&str, Grade)> = hits.iter().map(|hit| (&*hit.detector, hit.grade)).collect();
    assert_eq!(seen, [("github-token", Grade::Proven), ("gitlab-token", Grade::Contextual)]);
}

#[test]
fn an_access_key_with_its_secret_is_surer_than_the_secret_alone() {
    let secret = expand("aws_secret_access_key = {b64 40}\n");
    let both = expand("aws_access_key_id = AKIAR{b32 15}\naws_secret_access_key = {b64 40}\n");
    let grade = |text: &str| {
        let hits = scan("app/notes", text.as_bytes());
        hits.iter().find(|hit| &*hit.detector == "aws-secret-access-key").map(|hit| hit.grade)
    };
    assert_eq!(grade(&secret), Some(Grade::Contextual));
    assert_eq!(grade(&both), Some(Grade::Structured));
}

#[test]
fn more_hits_than_the_limit_are_told_as_truncated_however_the_file_is_cut() {
    let token = expand("ghp_{b62 30}{sum62}\n");
    let few = token.repeat(MAX_HITS);
    let (hits, truncated) = scan_cut("a", few.as_bytes(), &[70_000]);
    assert_eq!((hits.len(), truncated), (MAX_HITS, false));
    let many = token.repeat(100_000);
    let whole = scan("a", many.as_bytes());
    assert_eq!(whole.len(), MAX_HITS);
    let (hits, truncated) = scan_cut("a", many.as_bytes(), &[70_000]);
    assert!(truncated);
    assert_eq!(hits, whole);
}

#[test]
fn a_crowd_of_weak_hits_pushes_no_secret_out() {
    let weak = expand("ghp_{b62 36}\n").repeat(3 * MAX_HITS);
    let text = [weak, expand("ghp_{b62 30}{sum62}\n")].concat();
    let (hits, truncated) = scan_cut("a", text.as_bytes(), &[70_000]);
    assert!(!truncated);
    assert_eq!(hits.iter().filter(|hit| hit.grade == Grade::Proven).count(), 1);
    assert_eq!(hits.len(), MAX_HITS + 1);
    assert_eq!(hits, scan("a", text.as_bytes()));
}

#[test]
fn hostile_repetition_comes_to_an_end() {
    // A search that is not linear would need hours for these.
    let key = expand("-----BEGIN PRIVATE KEY-----\n{der pkcs8}");
    let repeated = [
        "eyJhbGciOi",
        "eyJhbGciOi.",
        "://a:b",
        "://",
        "glpat-",
        "-----BEGIN PRIVATE KEY-----",
        "T3BlbkFJ",
        "AccountKey=",
        "hvs.",
        "LS0tLS1CRUdJTi",
        "PuTTY-User-Key-File-",
        "\"auth\":\"",
        "password=",
        "_authToken=",
        "sk-ant-aaa-",
        "\\",
        "\n",
        ":$a",
        "github_pat_",
        "-----BEGIN PRIVATE KEY-----\nVersion:\n",
        " LS0tLS1CRUdJTi",
        "secretAccessKey",
        " eyJhbGciOi",
        &key,
    ];
    for text in repeated {
        for path in ["a", "app/.env", "etc/shadow"] {
            let bytes = text.repeat(2_000_000 / text.len());
            let mut hits = Vec::new();
            FileScan::new(path, 0).feed(&SCANNER, bytes.as_bytes(), true, &mut hits);
            assert!(hits.len() <= MAX_HITS);
        }
    }
}

#[test]
fn memory_is_bounded_whatever_the_length_of_a_line() {
    let mut scan = FileScan::new("app/.env", 1 << 32);
    let mut hits = Vec::new();
    let line = b"word and no end ".repeat(4096);
    for _ in 0..200 {
        scan.feed(&SCANNER, &line, false, &mut hits);
        assert!(scan.held() <= 64 * 1024, "{}", scan.held());
    }
    for _ in 0..100_000 {
        scan.feed(&SCANNER, b"short", false, &mut hits);
        assert!(scan.held() <= 128 * 1024, "{}", scan.held());
    }
    scan.feed(&SCANNER, b"", true, &mut hits);
    assert_eq!(hits, []);
}

#[test]
fn a_file_fed_at_once_is_not_copied() {
    let mut scan = FileScan::new("a", 0);
    scan.feed(&SCANNER, &everything(10), true, &mut Vec::new());
    assert_eq!(scan.held(), 0);
}

#[test]
fn values_are_never_shown() {
    let bytes = everything(3);
    for hit in scan("app/.env", &bytes) {
        let start = usize::try_from(hit.offset).expect("small");
        let (head, rest) = hit.redacted.split_once('…').expect("an ellipsis");
        let length: usize =
            rest.rsplit_once('(').expect("a length").1.split(' ').next().expect("a number").parse().expect("digits");
        let tail = rest.split(' ').next().unwrap_or_default();
        assert!((head.len() + tail.len()) * 3 <= length, "{}", hit.redacted);
        // In a view the value stands decoded; its place is that of what was decoded.
        assert!(!hit.view.is_empty() || bytes[start..].starts_with(head.as_bytes()), "{}", hit.redacted);
        assert_eq!(hit.fingerprint.len(), 32);
    }
}

#[test]
fn every_lead_lies_within_what_is_kept() {
    for detector in SCANNER.detectors() {
        assert_eq!(SCANNER.what(detector.id), Some(detector.what));
    }
    assert_eq!(SCANNER.what("no-such-detector"), None);
}
