//! Archives made by hand, right and wrong.

use std::io::Write as _;

use super::*;

fn short(length: usize) -> u32 {
    u32::try_from(length).expect("a small archive")
}

fn tiny(length: usize) -> u16 {
    u16::try_from(length).expect("a small archive")
}

/// Makes an archive; members with `true` are deflated.
pub fn archive(members: &[(&str, &[u8], bool)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (name, content, deflate) in members {
        let offset = short(out.len());
        let packed = if *deflate {
            let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
            packer.write_all(content).expect("memory");
            packer.finish().expect("memory")
        } else {
            content.to_vec()
        };
        let mut common = Vec::new();
        common.extend(20u16.to_le_bytes());
        common.extend(0u16.to_le_bytes());
        common.extend((if *deflate { 8u16 } else { 0 }).to_le_bytes());
        common.extend([0; 4]);
        common.extend(crc32fast::hash(content).to_le_bytes());
        common.extend(short(packed.len()).to_le_bytes());
        common.extend(short(content.len()).to_le_bytes());
        common.extend(tiny(name.len()).to_le_bytes());
        common.extend(0u16.to_le_bytes());
        out.extend(LOCAL.to_le_bytes());
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(&packed);
        directory.extend(CENTRAL.to_le_bytes());
        directory.extend(20u16.to_le_bytes());
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = short(out.len());
    out.extend(&directory);
    out.extend(END.to_le_bytes());
    out.extend([0; 4]);
    out.extend(tiny(members.len()).to_le_bytes());
    out.extend(tiny(members.len()).to_le_bytes());
    out.extend(short(directory.len()).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend(0u16.to_le_bytes());
    out
}

/// Turns a small archive into one with 64-bit fields in its end.
fn widened(plain: &[u8]) -> Vec<u8> {
    let end = plain.len() - END_SIZE;
    let count = u64::from(u16_at(plain, end + 10).expect("count"));
    let size = u64::from(u32_at(plain, end + 12).expect("size"));
    let start = u64::from(u32_at(plain, end + 16).expect("start"));
    let mut out = plain[..end].to_vec();
    out.extend(END_64.to_le_bytes());
    out.extend(44u64.to_le_bytes());
    out.extend([0; 12]);
    for value in [count, count, size, start] {
        out.extend(value.to_le_bytes());
    }
    out.extend(LOCATOR_64.to_le_bytes());
    out.extend(0u32.to_le_bytes());
    out.extend((end as u64).to_le_bytes());
    out.extend(1u32.to_le_bytes());
    out.extend(END.to_le_bytes());
    out.extend([0; 4]);
    out.extend([0xff; 12]);
    out.extend(0u16.to_le_bytes());
    out
}

fn contents(zip: &Zip<'_>) -> Vec<(String, Result<Vec<u8>, ZipError>)> {
    zip.members
        .iter()
        .map(|member| (member.name().into_owned(), zip.read(member, 1 << 20).map(Cow::into_owned)))
        .collect()
}

#[test]
fn members_are_read_whatever_is_in_front_and_behind() {
    let plain = archive(&[("a", b"one", false), ("b/c", b"two two two two", true), ("d/", b"", false)]);
    let mut prefixed = b"#!/bin/sh\nexec java -jar \"$0\"\n".to_vec();
    prefixed.extend(&plain);
    let mut commented = plain.clone();
    let at = commented.len() - 2;
    commented[at] = 5;
    commented.extend(b"PK\x05\x06!");
    let mut wide_prefixed = b"#!/bin/sh\n".to_vec();
    wide_prefixed.extend(widened(&plain));
    for bytes in [plain.clone(), prefixed, commented, widened(&plain), wide_prefixed] {
        let zip = Zip::open(&bytes).expect("an archive");
        assert_eq!(zip.gaps, Vec::<String>::new());
        assert_eq!(
            contents(&zip),
            [
                ("a".to_owned(), Ok(b"one".to_vec())),
                ("b/c".to_owned(), Ok(b"two two two two".to_vec())),
                ("d/".to_owned(), Ok(Vec::new()))
            ]
        );
    }
}

#[test]
fn what_is_no_archive_is_said_to_be_none() {
    for bytes in [&b""[..], b"PK\x03\x04", &[0; 100], &archive(&[("a", b"one", false)])[..40]] {
        assert_eq!(Zip::open(bytes).err(), Some(ZipError::NoDirectory));
    }
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let bytes = archive(&[("zeros", &vec![0; 3 << 20], true)]);
    let zip = Zip::open(&bytes).expect("an archive");
    assert_eq!(zip.read(&zip.members[0], 1 << 20), Err(ZipError::Limit("zeros".to_owned(), 1 << 20)));
    // The directory understates the size: what comes out decides.
    let mut lying = bytes.clone();
    let central = lying.len() - END_SIZE - 46 - 5;
    lying[central + 24..central + 28].copy_from_slice(&10u32.to_le_bytes());
    let zip = Zip::open(&lying).expect("an archive");
    assert_eq!(zip.read(&zip.members[0], 1 << 20), Err(ZipError::Limit("zeros".to_owned(), 1 << 20)));
}

#[test]
fn entries_that_share_their_bytes_are_not_unpacked() {
    let mut bytes = archive(&[("a", b"one", false), ("b", b"two", false)]);
    let second = bytes.len() - END_SIZE - 47;
    bytes[second + 42..second + 46].copy_from_slice(&0u32.to_le_bytes());
    let zip = Zip::open(&bytes).expect("an archive");
    assert_eq!(zip.gaps, ["`b` overlaps another entry"]);
    assert!(zip.read(&zip.members[0], 10).is_ok());
    assert_eq!(zip.read(&zip.members[1], 10), Err(ZipError::Overlap("b".to_owned())));
}

#[test]
fn damage_is_named() {
    let good = archive(&[("a", b"one", false)]);
    let central = good.len() - END_SIZE - 47;
    let changed = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] = value;
        bytes
    };
    let first = |bytes: &[u8]| {
        let zip = Zip::open(bytes).expect("an archive");
        zip.read(&zip.members[0], 10).expect_err("damaged").to_string()
    };
    assert_eq!(first(&changed(31, b'X')), "`a` is damaged");
    assert_eq!(first(&changed(0, b'X')), "`a` is not where the central directory says");
    assert_eq!(first(&changed(central + 8, 1)), "`a` is encrypted");
    assert_eq!(first(&changed(central + 10, 12)), "`a` is packed with method 12, which is not read");
    assert_eq!(first(&changed(central + 42, 200)), "`a` is not where the central directory says");
}

#[test]
fn a_name_that_is_there_twice_is_a_gap() {
    let bytes = archive(&[("a", b"one", false), ("a", b"two", false)]);
    assert_eq!(Zip::open(&bytes).expect("an archive").gaps, ["the name `a` is in the archive twice"]);
}

#[test]
fn a_directory_that_breaks_off_keeps_what_came_before() {
    let mut bytes = archive(&[("a", b"one", false), ("b", b"two", false)]);
    let second = bytes.len() - END_SIZE - 47;
    bytes[second] = 0;
    let zip = Zip::open(&bytes).expect("an archive");
    assert_eq!(zip.gaps, ["the central directory is damaged at entry 1"]);
    assert_eq!(zip.members.len(), 1);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(mut noise in proptest::collection::vec(proptest::num::u8::ANY, 0..200), flips in proptest::collection::vec((0usize..400, proptest::num::u8::ANY), 0..8)) {
        let mut bytes = widened(&archive(&[("a", b"one", true), ("b/c.jar", b"two two", true)]));
        for (at, value) in flips {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        noise.extend(bytes);
        if let Ok(zip) = Zip::open(&noise) {
            let _ = contents(&zip);
        }
    }
}
