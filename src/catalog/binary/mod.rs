//! Programs and libraries: what compilers, linkers and authors left inside them.

pub(super) mod go;
pub(super) mod landmark;
pub(super) mod note;
pub(super) mod rust;

mod landmarks;

/// Whether a file begins like a program or a library: ELF, PE, Mach-O (thin or fat; a Java class begins like a fat one).
pub(super) fn is_program(_path: &str, head: &[u8]) -> bool {
    match head {
        [0x7f, b'E', b'L', b'F', ..] | [b'M', b'Z', ..] => head.len() >= 16,
        [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..] | [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..] => true,
        // In a class file the next number is a version of at least 45; a fat binary has few architectures.
        [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, count, ..] => (1..40).contains(count),
        _ => false,
    }
}

/// A sentence for a program of which only the beginning was seen.
fn cut(input: &super::Input<'_>, what: &str) -> String {
    format!("{what}, and only the first {} of its {} bytes were looked at", input.bytes.len(), input.size)
}

/// Whether a file begins like an ELF program or library.
pub(super) fn is_elf(_path: &str, head: &[u8]) -> bool {
    head.starts_with(b"\x7fELF")
}
