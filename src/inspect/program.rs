//! The heads of programs: what the kernel and the dynamic loader read of a file before anything of it runs.

use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, elf};

use crate::model::{Elf, Head, Linkage, Linking, encode_path};

/// Bytes of a script's first line that the kernel looks at (`BINPRM_BUF_SIZE`).
pub(super) const SHEBANG: usize = 256;
/// Most program headers: the kernel takes 64 KiB of them.
const MAX_SEGMENTS: usize = 1_200;
/// Most entries of the dynamic section.
const MAX_DYNAMIC: usize = 4_096;
/// Most libraries that one file may ask for.
const MAX_NEEDED: usize = 1_024;
/// Longest name or path.
const MAX_NAME: usize = 4_096;

/// How a file starts, from its beginning: `bytes` of `size`; none when it is neither ELF nor a script.
#[must_use]
pub fn program_head(bytes: &[u8], size: u64) -> Option<Head> {
    if let Some(rest) = bytes.strip_prefix(b"#!") {
        let line = &rest[..rest.len().min(SHEBANG - 2)];
        let end = memchr::memchr(b'\n', line).unwrap_or(line.len());
        let line = line.get(..end)?;
        let line = memchr::memchr(0, line).and_then(|nul| line.get(..nul)).unwrap_or(line);
        return Some(Head::Script(encode_path(line).into()));
    }
    if !bytes.starts_with(b"\x7fELF") {
        return None;
    }
    let whole = bytes.len() as u64 >= size;
    let read = match bytes.get(4) {
        Some(1) => read::<elf::FileHeader32<Endianness>>(bytes, whole, 32),
        Some(2) => read::<elf::FileHeader64<Endianness>>(bytes, whole, 64),
        _ => None,
    };
    Some(Head::Elf(read.unwrap_or_else(|| Elf {
        bits: 0,
        big_endian: false,
        machine: 0,
        kind: 0,
        linkage: Linkage::Damaged("its ELF header is cut or of no known class".into()),
    })))
}

fn read<E: FileHeader<Endian = Endianness>>(bytes: &[u8], whole: bool, bits: u8) -> Option<Elf> {
    let header = E::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    let linkage = match linking(header, endian, bytes) {
        Ok(linking) => Linkage::Seen(linking),
        Err(what) if whole => Linkage::Damaged(format!("its {what} lies outside of the file").into()),
        Err(what) => {
            let seen = bytes.len();
            Linkage::Unseen(format!("its {what} lies behind the first {seen} bytes, which were looked at").into())
        }
    };
    Some(Elf {
        bits,
        big_endian: header.is_big_endian(),
        machine: header.e_machine(endian).0,
        kind: header.e_type(endian).0,
        linkage,
    })
}

/// Bytes of the file at this place.
fn at(bytes: &[u8], offset: u64, size: u64) -> Option<&[u8]> {
    let from = usize::try_from(offset).ok()?;
    let to = usize::try_from(offset.checked_add(size)?).ok()?;
    bytes.get(from..to)
}

/// An error names the part that is not among the bytes.
fn linking<E: FileHeader<Endian = Endianness>>(
    header: &E,
    endian: Endianness,
    bytes: &[u8],
) -> Result<Linking, &'static str> {
    if header.e_phoff(endian).into() == 0 {
        return Ok(Linking::default());
    }
    let segments = header.program_headers(endian, bytes).map_err(|_| "table of segments")?;
    let mut linking = Linking::default();
    let mut dynamic = None;
    for segment in segments.iter().take(MAX_SEGMENTS) {
        let (offset, size) = segment.file_range(endian);
        match segment.p_type(endian) {
            elf::PT_INTERP => {
                let path = at(bytes, offset, size.min(MAX_NAME as u64)).ok_or("interpreter")?;
                let end = memchr::memchr(0, path).unwrap_or(path.len());
                linking.interpreter = path.get(..end).map(|path| encode_path(path).into());
            }
            elf::PT_DYNAMIC if dynamic.is_none() => dynamic = Some((offset, size)),
            _ => {}
        }
    }
    let Some((offset, size)) = dynamic else { return Ok(linking) };
    let width: u64 = if header.is_class_64() { 8 } else { 4 };
    let entries = at(bytes, offset, size.min(2 * width * MAX_DYNAMIC as u64)).ok_or("dynamic section")?;
    let number = |raw: &[u8]| {
        let mut wide = [0; 8];
        for (at, byte) in raw.iter().enumerate().take(8) {
            let place = if header.is_big_endian() { raw.len() - 1 - at } else { at };
            if let Some(slot) = wide.get_mut(place) {
                *slot = *byte;
            }
        }
        u64::from_le_bytes(wide)
    };
    let half = usize::try_from(width).unwrap_or(8);
    let mut names = Vec::new();
    let mut table = None;
    for entry in entries.chunks_exact(2 * half) {
        let (tag, value) = entry.split_at(half);
        let value = number(value);
        match number(tag) {
            0 => break,
            5 => table = Some(value),
            tag @ (1 | 14 | 15 | 29) if names.len() < MAX_NEEDED => names.push((tag, value)),
            _ => {}
        }
    }
    if names.is_empty() {
        return Ok(linking);
    }
    let table = table.ok_or("table of names")?;
    // The table's place is an address: the segment that is loaded there tells the place in the file.
    let strings = segments
        .iter()
        .take(MAX_SEGMENTS)
        .filter(|segment| segment.p_type(endian) == elf::PT_LOAD)
        .find_map(|segment| {
            let (offset, size) = segment.file_range(endian);
            let inside = table.checked_sub(segment.p_vaddr(endian).into())?;
            (inside < size).then(|| offset.checked_add(inside)).flatten()
        })
        .ok_or("table of names")?;
    for (tag, value) in names {
        let from = strings.checked_add(value).and_then(|from| usize::try_from(from).ok()).ok_or("table of names")?;
        let rest = bytes.get(from..).ok_or("table of names")?;
        let rest = rest.get(..rest.len().min(MAX_NAME)).ok_or("table of names")?;
        let end = memchr::memchr(0, rest).ok_or("table of names")?;
        let name: Box<str> = encode_path(rest.get(..end).ok_or("table of names")?).into();
        match tag {
            1 => linking.needed.push(name),
            14 => linking.soname = Some(name),
            15 => linking.rpath = Some(name),
            _ => linking.runpath = Some(name),
        }
    }
    Ok(linking)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 64-bit program with one loaded segment, an interpreter, and a dynamic section of these tags.
    fn elf(interpreter: &str, tags: &[(u64, &str)]) -> Vec<u8> {
        let mut strings = vec![0];
        let mut dynamic: Vec<u8> = Vec::new();
        for (tag, name) in tags {
            dynamic.extend(tag.to_le_bytes());
            dynamic.extend((strings.len() as u64).to_le_bytes());
            strings.extend(name.as_bytes());
            strings.push(0);
        }
        let interpreter_at = 64 + 3 * 56;
        let strings_at = interpreter_at + interpreter.len() + 1;
        let dynamic_at = strings_at + strings.len();
        let base = 0x40_0000_u64;
        dynamic.extend(5_u64.to_le_bytes());
        dynamic.extend((base + strings_at as u64).to_le_bytes());
        dynamic.extend([0; 16]);
        let whole = dynamic_at + dynamic.len();
        let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        bytes.extend(2_u16.to_le_bytes());
        bytes.extend(62_u16.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
        for number in [0_u64, 64, 0] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(0_u32.to_le_bytes());
        for number in [64_u16, 56, 3, 64, 0, 0] {
            bytes.extend(number.to_le_bytes());
        }
        let segments = [(1_u32, 0, whole), (3, interpreter_at, interpreter.len() + 1), (2, dynamic_at, dynamic.len())];
        for (kind, offset, size) in segments {
            bytes.extend(kind.to_le_bytes());
            bytes.extend(4_u32.to_le_bytes());
            for number in [offset as u64, base + offset as u64, base + offset as u64, size as u64, size as u64, 8] {
                bytes.extend(number.to_le_bytes());
            }
        }
        bytes.extend(interpreter.as_bytes());
        bytes.push(0);
        bytes.extend(strings);
        bytes.extend(dynamic);
        bytes
    }

    fn head(bytes: &[u8]) -> Elf {
        match program_head(bytes, bytes.len() as u64) {
            Some(Head::Elf(elf)) => elf,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_program_tells_its_loader_and_its_libraries() {
        let tags = [(1, "libz.so.1"), (1, "libc.so.6"), (14, "me.so"), (15, "/r"), (29, "$ORIGIN/../lib")];
        let elf = head(&elf("/lib64/ld-linux-x86-64.so.2", &tags));
        assert_eq!((elf.bits, elf.machine, elf.kind, elf.big_endian), (64, 62, 2, false));
        let Linkage::Seen(linking) = elf.linkage else { panic!("{:?}", elf.linkage) };
        assert_eq!(linking.interpreter.as_deref(), Some("/lib64/ld-linux-x86-64.so.2"));
        assert_eq!(linking.needed, ["libz.so.1".into(), "libc.so.6".into()]);
        assert_eq!(linking.soname.as_deref(), Some("me.so"));
        assert_eq!((linking.rpath.as_deref(), linking.runpath.as_deref()), (Some("/r"), Some("$ORIGIN/../lib")));
    }

    #[test]
    fn what_lies_behind_the_bytes_is_not_seen_and_never_absent() {
        let whole = elf("/lib/ld.so", &[(1, "libz.so.1")]);
        let wanted = head(&whole);
        for cut in 64..whole.len() {
            let Some(Head::Elf(elf)) = program_head(&whole[..cut], whole.len() as u64) else { panic!("{cut}") };
            let seen = elf.linkage == wanted.linkage;
            assert!(seen || matches!(elf.linkage, Linkage::Unseen(_)), "{cut}: {:?}", elf.linkage);
            // The same bytes as a whole file contradict themselves.
            let Some(Head::Elf(elf)) = program_head(&whole[..cut], cut as u64) else { panic!("{cut}") };
            assert!(seen || matches!(elf.linkage, Linkage::Damaged(_)), "{cut}: {:?}", elf.linkage);
        }
    }

    #[test]
    fn a_file_that_lies_is_damaged() {
        let whole = elf("/lib/ld.so", &[(1, "libz.so.1")]);
        let dynamic = whole.len() - 48;
        for (at, value) in [(32, u64::MAX), (64 + 56 + 8, u64::MAX / 2), (dynamic + 8, u64::MAX), (dynamic + 24, 1)] {
            let mut bytes = whole.clone();
            bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
            assert!(matches!(head(&bytes).linkage, Linkage::Damaged(_)), "{at}");
        }
        let mut bytes = whole;
        bytes[4] = 9;
        assert!(matches!(head(&bytes).linkage, Linkage::Damaged(_)));
        assert!(matches!(head(b"\x7fELF").linkage, Linkage::Damaged(_)));
    }

    #[test]
    fn first_lines_are_kept_up_to_their_end_with_their_carriage_return() {
        let line = |bytes: &[u8]| match program_head(bytes, bytes.len() as u64) {
            Some(Head::Script(line)) => line,
            other => panic!("{other:?}"),
        };
        assert_eq!(&*line(b"#!/bin/sh\r\nrm"), "/bin/sh\r");
        assert_eq!(&*line(b"#!/bin/sh"), "/bin/sh");
        assert_eq!(line(&[b"#!".to_vec(), vec![b'x'; 1000]].concat()).len(), 254);
        assert_eq!(&*line(b"#!/bin/s\xff"), "/bin/s\\xff");
        assert_eq!(program_head(b"plain", 5), None);
        assert_eq!(program_head(b"", 0), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(at in 0_usize..400, value in proptest::num::u8::ANY, more in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let mut bytes = elf("/lib/ld.so", &[(1, "libz.so.1"), (29, "$ORIGIN")]);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
            let _ = program_head(&bytes, bytes.len() as u64);
            let _ = program_head(&[b"\x7fELF".to_vec(), more.clone()].concat(), 1 << 40);
            let _ = program_head(&[b"#!".to_vec(), more].concat(), 10);
        }
    }
}
