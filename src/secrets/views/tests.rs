//! Every view, alone and nested: what it finds, that cuts never matter, and that hostile input comes to an end.

use std::io::Write as _;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::super::examples::expand;
use crate::model::{Grade, Hit, ScanLedger, SkipReason, ViewKind};
use crate::secrets::{FileScan, Scanner};

static SCANNER: LazyLock<Scanner> = LazyLock::new(Scanner::new);

fn scan_cut(path: &str, bytes: &[u8], sizes: &[usize]) -> (Vec<Hit>, ScanLedger) {
    let mut scan = FileScan::new(path, bytes.len() as u64);
    let mut hits = Vec::new();
    let mut rest = bytes;
    let mut sizes = sizes.iter().copied().cycle();
    while !rest.is_empty() {
        let size = sizes.next().unwrap_or(usize::MAX).clamp(1, rest.len());
        scan.feed(&SCANNER, &rest[..size], false, &mut hits);
        rest = &rest[size..];
    }
    scan.feed(&SCANNER, b"", true, &mut hits);
    let mut ledger = ScanLedger::default();
    scan.add_to(&mut ledger, path);
    (hits, ledger)
}

fn scan(bytes: &[u8]) -> Vec<Hit> {
    scan_cut("opt/app/data", bytes, &[usize::MAX]).0
}

fn views(bytes: &[u8]) -> Vec<String> {
    scan(bytes).into_iter().map(|hit| format!("{}{}", hit.detector, hit.view)).collect()
}

fn token() -> String {
    expand("ghp_{b62 30}{sum62}")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(bytes).expect("in memory");
    writer.finish().expect("in memory")
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(bytes).expect("in memory");
    writer.finish().expect("in memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(bytes, 3).expect("in memory")
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    writer.write_all(bytes).expect("in memory");
    writer.finish().expect("in memory")
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append_data(&mut header, name, *content).expect("in memory");
    }
    builder.into_inner().expect("in memory")
}

/// How a member of a made-up zip archive is stored.
#[derive(Clone, Copy, PartialEq)]
enum Stored {
    Plain,
    Deflated,
    /// With its sizes behind it.
    Streamed,
    Encrypted,
    /// In a way that nobody knows.
    Odd,
}

fn zip(members: &[(&str, &[u8], Stored)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, content, stored) in members {
        let body = match stored {
            Stored::Deflated | Stored::Streamed => {
                let mut writer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
                writer.write_all(content).expect("in memory");
                writer.finish().expect("in memory")
            }
            _ => content.to_vec(),
        };
        let size = |length: usize| u32::try_from(length).expect("small").to_le_bytes();
        let (flags, method) = match stored {
            Stored::Plain => (0u16, 0u16),
            Stored::Deflated => (0, 8),
            Stored::Streamed => (8, 8),
            Stored::Encrypted => (1, 8),
            Stored::Odd => (0, 99),
        };
        let sizes =
            if *stored == Stored::Streamed { [[0; 4]; 3] } else { [[7; 4], size(body.len()), size(content.len())] };
        out.extend(b"PK\x03\x04\x14\x00");
        out.extend(flags.to_le_bytes());
        out.extend(method.to_le_bytes());
        out.extend([0; 4]);
        out.extend(sizes.concat());
        out.extend(u16::try_from(name.len()).expect("short").to_le_bytes());
        out.extend([0; 2]);
        out.extend(name.as_bytes());
        out.extend(&body);
        if *stored == Stored::Streamed {
            out.extend([b"PK\x07\x08", &[7; 4][..], &size(body.len()), &size(content.len())].concat());
        }
    }
    out.extend(b"PK\x01\x02 the directory");
    out
}

fn utf16(text: &str, little: bool) -> Vec<u8> {
    text.encode_utf16().flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).expect("below 16");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// One secret seen through one view: the file, and the way that has to be told.
fn cases() -> Vec<(Vec<u8>, &'static str)> {
    let line = format!("first line\nTOKEN={}\n", token());
    let text = line.as_bytes();
    let long = [text, &b"filler that is longer than a window of the search\n".repeat(900)].concat();
    vec![
        (gzip(text), "@gzip"),
        (gzip(&long), "@gzip"),
        ([gzip(b"nothing"), gzip(text)].concat(), "@gzip"),
        (zlib(text), "@zlib"),
        (zstd(text), "@zstd"),
        (bzip2(text), "@bzip2"),
        (tar(&[("etc/motd", b"hello"), ("app/.env", text), ("end", b"x")]), "!/app/.env"),
        (gzip(&tar(&[("app/.env", text)])), "@gzip!/app/.env"),
        (zip(&[("META-INF/", b"", Stored::Plain), ("a/b.properties", text, Stored::Deflated)]), "!/a/b.properties"),
        (zip(&[("x", b"x", Stored::Streamed), ("b", text, Stored::Streamed)]), "!/b"),
        (zip(&[("x", b"x", Stored::Odd), ("e", b"xyz", Stored::Encrypted), ("b", text, Stored::Plain)]), "!/b"),
        (
            zip(&[("lib/app.jar", &zip(&[("a.properties", text, Stored::Deflated)]), Stored::Plain)]),
            "!/lib/app.jar!/a.properties",
        ),
        (format!("data: {}\n", STANDARD.encode(text)).into_bytes(), "@base64"),
        (format!("data: {}\n", URL_SAFE_NO_PAD.encode([text, "ÿÿ?>".as_bytes()].concat())).into_bytes(), "@base64"),
        (format!("token={}\n", STANDARD.encode(token())).into_bytes(), "@base64"),
        (STANDARD.encode(&long).into_bytes(), "@base64"),
        (format!("key: {}", wrapped(&STANDARD.encode([&[b'.'; 70], text].concat()), "\n    ")).into_bytes(), "@base64"),
        (STANDARD.encode(gzip(text)).into_bytes(), "@base64@gzip"),
        (format!("x {} y", hex(text)).into_bytes(), "@hex"),
        ([&[0xff, 0xfe][..], &utf16(&line, true)].concat(), "@utf-16"),
        ([&[0; 9001][..], &utf16(&line, false), &[1, 2, 3]].concat(), "@utf-16"),
        (zip(&[("s", format!("data: {}", STANDARD.encode(text)).as_bytes(), Stored::Deflated)]), "!/s@base64"),
        (
            [b"!<arch>\n".to_vec(), ar("debian-binary", b"2.0\n"), ar("data.tar.gz", &gzip(&tar(&[("k", text)])))]
                .concat(),
            "!/data.tar.gz@gzip!/k",
        ),
    ]
}

fn ar(name: &str, content: &[u8]) -> Vec<u8> {
    let header = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 644, content.len());
    [header.as_bytes(), content, if content.len() % 2 == 1 { b"\n" } else { b"" }].concat()
}

fn wrapped(text: &str, between: &str) -> String {
    let lines: Vec<&str> = text.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    lines.join(between)
}

#[test]
fn a_secret_is_found_through_every_view_and_told_once() {
    for (bytes, way) in cases() {
        assert_eq!(views(&bytes), [format!("github-token{way}")], "{way}");
        assert!(scan(&bytes).iter().all(|hit| hit.grade == Grade::Proven), "{way}");
    }
}

#[test]
fn every_view_is_the_same_in_pieces_of_any_size() {
    for (bytes, way) in cases() {
        let whole = scan_cut("opt/app/data", &bytes, &[usize::MAX]);
        for size in [1, 2, 3, 7, 64, 511, 512, 513, 1000, 40_000] {
            if size < 64 && bytes.len() > 20_000 {
                continue;
            }
            assert_eq!(scan_cut("opt/app/data", &bytes, &[size]), whole, "{way} in pieces of {size}");
        }
    }
}

#[test]
fn a_value_that_stands_there_as_it_is_is_not_told_again() {
    let stored = zip(&[("a.txt", token().as_bytes(), Stored::Plain)]);
    assert_eq!(views(&stored), ["github-token!/a.txt"]);
    let key = expand("client-key-data: {pem64 pkcs8}\n");
    assert_eq!(views(key.as_bytes()), ["base64-private-key"], "the decoded key has the same identity");
}

#[test]
fn values_with_escapes_inside_are_read() {
    let value = expand("AccountKey={b64 40}").replace("AccountKey=", "");
    let body = expand("{b64 84}").replace(['+', '/'], "k");
    for (escaped, plain) in [("\\/", "/"), ("\\u002b", "+"), ("%2F", "/"), ("%2B", "+"), ("&#43;", "+")] {
        let account = format!("x: AccountKey={body}{escaped}k==\nnext");
        let of_key = |hits: Vec<Hit>| -> Vec<Hit> {
            hits.into_iter().filter(|hit| &*hit.detector == "azure-storage-key").collect()
        };
        let found = of_key(scan(account.as_bytes()));
        assert_eq!(found.len(), 1, "{escaped} {found:?}");
        assert_eq!((&*found[0].detector, &*found[0].view), ("azure-storage-key", "@escapes"));
        let raw = of_key(scan(format!("x: AccountKey={body}{plain}k==\nnext").as_bytes()));
        assert_eq!(found[0].fingerprint, raw[0].fingerprint, "{escaped} {value}");
    }
}

#[test]
fn tokens_behind_an_escape_are_found() {
    for escape in ["\\n", "\\t", "\\\\n", "\\u003d", "%3D", "&quot;", "\\x3d", "\\\"", "\x1b[0;31m"] {
        let text = format!("line one and words{escape}{}", token());
        assert_eq!(views(text.as_bytes()), ["github-token"], "{escape}");
        let text = format!("line{escape}{}", expand("glpat-{b64u 20}"));
        assert_eq!(scan(text.as_bytes())[0].grade, Grade::Structured, "{escape}");
    }
}

#[test]
fn constants_of_compiled_python_and_java_are_read() {
    let token = expand("glpat-{b62 20}");
    let length = u8::try_from(token.len()).expect("short");
    let python =
        [&[0xa7, 0x0d, b'\r', b'\n', 0, 0, 0, 0][..], &[0; 8], &[0xe3, 0, 0, 0xda, length], token.as_bytes(), b"N"];
    let java =
        [&[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 65][..], &[0, 9, 1, 0, length], token.as_bytes(), &[7, 0, 1], &[0; 99]];
    for file in [python.concat(), java.concat()] {
        let hits = scan(&file);
        assert_eq!(hits.iter().map(|hit| (&*hit.detector, hit.line)).collect::<Vec<_>>(), [("gitlab-token", None)]);
    }
}

#[test]
fn what_is_not_unpacked_is_in_the_ledger() {
    let ledger = |bytes: &[u8]| scan_cut("srv/x", bytes, &[usize::MAX]).1;
    let odd =
        ledger(&zip(&[("a", b"abc", Stored::Odd), ("b", b"abcdef", Stored::Encrypted), ("c", b"x", Stored::Plain)]));
    let of = |ledger: &ScanLedger, reason| {
        ledger.skipped.get(&reason).map(|skipped| (skipped.count, skipped.bytes, skipped.example.clone()))
    };
    assert_eq!(of(&odd, SkipReason::UnknownCompression), Some((1, 3, "srv/x!/a".to_owned())));
    assert_eq!(of(&odd, SkipReason::Encrypted), Some((1, 6, "srv/x!/b".to_owned())));
    assert_eq!(odd.decoded[&ViewKind::Zip].count, 1);
    let cut = gzip(token().repeat(50).as_bytes());
    assert!(of(&ledger(&cut[..cut.len() - 9]), SkipReason::Damaged).is_some());
    assert_eq!(of(&ledger(b"\xfd7zXZ\0 and more"), SkipReason::UnknownCompression).map(|skipped| skipped.0), Some(1));
    let mut deep = token().into_bytes();
    for _ in 0..5 {
        deep = gzip(&deep);
    }
    let deep = scan_cut("srv/x", &deep, &[usize::MAX]);
    assert_eq!(of(&deep.1, SkipReason::Depth).map(|skipped| skipped.2), Some("srv/x@gzip".to_owned()));
    assert_eq!(deep.0, []);
    assert_eq!(ledger(b"text").searched(), 4);
}

#[test]
fn damage_in_one_member_hides_no_other() {
    let text = format!("{}\n", token());
    let mut archive =
        zip(&[("bad", text.repeat(9).as_bytes(), Stored::Deflated), ("good", text.as_bytes(), Stored::Deflated)]);
    for byte in &mut archive[40..60] {
        *byte = 0xff;
    }
    let (hits, ledger) = scan_cut("a.zip", &archive, &[usize::MAX]);
    assert!(hits.iter().any(|hit| &*hit.view == "!/good"), "{hits:?}");
    assert_eq!(ledger.skipped[&SkipReason::Damaged].example, "a.zip!/bad");
}

#[test]
fn bombs_are_cut_off_and_what_follows_them_is_still_searched() {
    let zeros = vec![0; 80 << 20];
    let bomb = zip(&[("zeros", &zeros, Stored::Deflated), ("after", token().as_bytes(), Stored::Deflated)]);
    let mut hits = Vec::new();
    let mut scan = FileScan::new("bomb", 0).unpacking_at_most(40 << 20);
    scan.feed(&SCANNER, &bomb, true, &mut hits);
    assert_eq!(scan.cuts().map(|(reason, _)| reason).collect::<Vec<_>>(), [SkipReason::Bounds]);
    assert_eq!(scan.unpacked(), 40 << 20);
    let nested = gzip(&gzip(&gzip(&zeros)));
    let mut scan = FileScan::new("bomb", 0);
    scan.feed(&SCANNER, &nested, true, &mut hits);
    assert!(scan.unpacked() < 100 << 20, "{}", scan.unpacked());
    assert_eq!(scan.cuts().count(), 1);
}

/// A tree of containers around some text.
fn anything() -> impl Strategy<Value = Vec<u8>> {
    let text = (0..4usize, "[ -~\n]{0,300}", 0..6000usize).prop_map(|(kind, filler, length)| {
        let secret = match kind {
            0 => token(),
            1 => expand("AccountKey={b64 86}=="),
            2 => expand("https://robot:{b62 12}@host.internal/x"),
            _ => String::new(),
        };
        let filler = if filler.is_empty() { "\n".to_owned() } else { filler };
        let filler = filler.repeat(length / filler.len() + 1);
        format!("{filler}\n{secret}\n{filler}").into_bytes()
    });
    text.prop_recursive(4, 12, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|bytes| gzip(&bytes)),
            inner.clone().prop_map(|bytes| zstd(&bytes)),
            inner.clone().prop_map(|bytes| bzip2(&bytes)),
            inner.clone().prop_map(|bytes| STANDARD.encode(bytes).into_bytes()),
            inner.clone().prop_map(|bytes| wrapped(&STANDARD.encode(bytes), "\r\n\t").into_bytes()),
            inner.clone().prop_map(|bytes| hex(&bytes).into_bytes()),
            inner.clone().prop_map(|bytes| utf16(&String::from_utf8_lossy(&bytes), bytes.len() % 2 == 0)),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| tar(&[("a", &one), ("b", &other)])),
            (inner.clone(), inner.clone(), 0..5usize).prop_map(|(one, other, kind)| {
                let kind = [Stored::Plain, Stored::Deflated, Stored::Streamed, Stored::Encrypted, Stored::Odd][kind];
                zip(&[("a", &one, kind), (".env", &other, Stored::Streamed)])
            }),
            (inner.clone(), inner).prop_map(|(one, other)| [one, other].concat()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn cuts_never_change_what_any_view_shows(
        bytes in anything(), sizes in prop::collection::vec(prop_oneof![1..40usize, 500..9000usize, 30_000..50_000usize], 1..6),
        damage in prop::option::of((0..60_000usize, any::<u8>())), end in prop::option::of(0..60_000usize),
    ) {
        let mut bytes = bytes;
        if let Some((at, byte)) = damage {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        if let Some(end) = end {
            bytes.truncate(end % bytes.len() + 1);
        }
        let whole = scan_cut("app/.env", &bytes, &[usize::MAX]);
        prop_assert_eq!(scan_cut("app/.env", &bytes, &sizes), whole);
    }

    #[test]
    fn containers_of_random_bytes_are_read_without_panic(
        magic in 0..8usize, bytes: Vec<u8>, cut in 1..50usize,
    ) {
        let magic: &[u8] = [
            &b"PK\x03\x04"[..], b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"BZh91AY&SY", b"\x78\x9c", b"!<arch>\ndebian-binary",
            b"\xfd7zXZ\0", b"",
        ][magic];
        let bytes = [magic, &bytes].concat();
        prop_assert_eq!(scan_cut("a", &bytes, &[cut]), scan_cut("a", &bytes, &[usize::MAX]));
    }
}
