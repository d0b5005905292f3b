//! Tar archives (POSIX ustar and pax, GNU long names) inside files.

use super::{Child, Seen, Shared};
use crate::model::{SkipReason, ViewKind, encode_path};
use crate::secrets::name::Name;

const BLOCK: usize = 512;
/// Longest extended header that is read.
const MAX_EXTENDED: u64 = 64 * 1024;

/// The state between two pieces.
#[derive(Debug)]
pub(super) struct Tar {
    depth: u8,
    state: State,
    position: u64,
    /// Name and size out of an extended header, for the next member.
    name: Option<Vec<u8>>,
    size: Option<u64>,
}

#[derive(Debug)]
enum State {
    Header(Vec<u8>),
    Member { child: Box<Child>, left: u64, padding: u64 },
    Extended { kind: u8, bytes: Vec<u8>, left: u64, padding: u64 },
    Skip(u64),
    Over,
}

impl Tar {
    pub fn new(depth: u8) -> Self {
        Self { depth, state: State::Header(Vec::new()), position: 0, name: None, size: None }
    }

    pub fn feed(&mut self, shared: &mut Shared<'_>, bytes: &[u8], last: bool, seen: &mut Vec<Seen>) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let used = self.step(shared, rest, seen);
            self.position += used as u64;
            rest = &rest[used..];
        }
        if last {
            match std::mem::replace(&mut self.state, State::Over) {
                State::Member { child, left, .. } => {
                    if left > 0 {
                        shared.skip(SkipReason::Damaged, left, &child.label);
                    }
                    child.end(shared, self.position, false, seen);
                }
                State::Extended { .. } => shared.skip(SkipReason::Damaged, 0, ""),
                State::Header(header) if !header.is_empty() => shared.skip(SkipReason::Damaged, 0, ""),
                _ => {}
            }
        }
    }

    fn step(&mut self, shared: &mut Shared<'_>, bytes: &[u8], seen: &mut Vec<Seen>) -> usize {
        let room = |left: u64| usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        match std::mem::replace(&mut self.state, State::Over) {
            State::Header(mut header) => {
                let used = bytes.len().min(BLOCK - header.len());
                header.extend_from_slice(&bytes[..used]);
                self.state =
                    if header.len() == BLOCK { self.begin(shared, &header, used) } else { State::Header(header) };
                used
            }
            State::Member { mut child, left, padding } => {
                let used = room(left);
                child.unpack(shared, &bytes[..used], u64::MAX);
                let left = left - used as u64;
                if left == 0 {
                    child.end(shared, self.position + used as u64, false, seen);
                    self.state = past(padding);
                } else {
                    self.state = State::Member { child, left, padding };
                }
                used
            }
            State::Extended { kind, bytes: mut content, left, padding } => {
                let used = room(left);
                content.extend_from_slice(&bytes[..used]);
                let left = left - used as u64;
                if left == 0 {
                    self.extend(kind, &content);
                    self.state = past(padding);
                } else {
                    self.state = State::Extended { kind, bytes: content, left, padding };
                }
                used
            }
            State::Skip(left) => {
                let used = room(left);
                self.state = past(left - used as u64);
                used
            }
            State::Over => bytes.len(),
        }
    }

    fn begin(&mut self, shared: &mut Shared<'_>, header: &[u8], used: usize) -> State {
        if header.iter().all(|&byte| byte == 0) {
            return State::Header(Vec::new());
        }
        let sum: u64 = header.iter().map(|&byte| u64::from(byte)).sum();
        let field: u64 = header[148..156].iter().map(|&byte| u64::from(byte)).sum();
        let (Some(promised), Some(size)) = (number(&header[148..156]), number(&header[124..136])) else {
            shared.skip(SkipReason::Damaged, 0, "");
            return State::Over;
        };
        if promised != sum - field + 8 * u64::from(b' ') {
            shared.skip(SkipReason::Damaged, 0, "");
            return State::Over;
        }
        let kind = header[156];
        let extended = matches!(kind, b'L' | b'K' | b'x' | b'g');
        let size = if extended { size } else { self.size.take().unwrap_or(size) };
        let padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
        if extended && kind != b'g' && size > 0 && size <= MAX_EXTENDED {
            return State::Extended { kind, bytes: Vec::new(), left: size, padding };
        }
        if extended {
            return past(size.saturating_add(padding));
        }
        let name = self.name.take().unwrap_or_else(|| short_name(header));
        if !matches!(kind, b'0' | 0 | b'7') {
            // Links and directories have no content, whatever their size says.
            let has_content = !matches!(kind, b'1'..=b'6');
            return past(if has_content { size.saturating_add(padding) } else { 0 });
        }
        if size == 0 {
            return State::Header(Vec::new());
        }
        let start = (self.position + used as u64).saturating_sub(BLOCK as u64);
        let label = format!("!/{}", encode_path(&name));
        let known = Name::of(&String::from_utf8_lossy(&name));
        match Child::unpacked(shared, ViewKind::Tar, label, known, self.depth, start) {
            Some(child) => State::Member { child: Box::new(child), left: size, padding },
            None => past(size.saturating_add(padding)),
        }
    }

    fn extend(&mut self, kind: u8, content: &[u8]) {
        match kind {
            b'L' => self.name = Some(content.split(|&byte| byte == 0).next().unwrap_or_default().to_vec()),
            b'x' => {
                // Records: length, blank, key, `=`, value, newline.
                let mut rest = content;
                while let Some(blank) = memchr::memchr(b' ', rest) {
                    let length =
                        std::str::from_utf8(&rest[..blank]).ok().and_then(|digits| digits.parse::<usize>().ok());
                    let Some(record) = length.and_then(|length| rest.get(blank + 1..length)) else { return };
                    let record = record.strip_suffix(b"\n").unwrap_or(record);
                    if let Some(path) = record.strip_prefix(b"path=") {
                        self.name = Some(path.to_vec());
                    }
                    if let Some(size) = record.strip_prefix(b"size=") {
                        self.size = std::str::from_utf8(size).ok().and_then(|digits| digits.parse().ok());
                    }
                    rest = &rest[length.unwrap_or(rest.len())..];
                }
            }
            _ => {}
        }
    }
}

fn past(bytes: u64) -> State {
    if bytes == 0 { State::Header(Vec::new()) } else { State::Skip(bytes) }
}

/// Name and prefix of the header itself.
fn short_name(header: &[u8]) -> Vec<u8> {
    let text = |field: &[u8]| field.split(|&byte| byte == 0).next().unwrap_or_default().to_vec();
    let (name, prefix) = (text(&header[..100]), text(&header[345..500]));
    if prefix.is_empty() || &header[257..263] != b"ustar\0" { name } else { [prefix, b"/".to_vec(), name].concat() }
}

/// Reads an octal number, or one of base 256 (GNU); none when it is neither.
fn number(field: &[u8]) -> Option<u64> {
    if field.first()? & 0x80 != 0 {
        let (head, tail) = field.split_at(field.len() - 8);
        if head.iter().enumerate().any(|(index, &byte)| byte != if index == 0 { 0x80 } else { 0 }) {
            return None;
        }
        return tail.first_chunk::<8>().map(|eight| u64::from_be_bytes(*eight)).filter(|size| *size < 1 << 62);
    }
    let digits: Vec<u8> = field.iter().copied().filter(|byte| !matches!(byte, b' ' | 0)).collect();
    digits.iter().try_fold(0u64, |sum, &digit| matches!(digit, b'0'..=b'7').then(|| sum * 8 + u64::from(digit - b'0')))
}
