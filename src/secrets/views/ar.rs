//! Unix archives as Debian packages are: few members, each with a header of 60 bytes.

use super::{Child, Seen, Shared};
use crate::model::{SkipReason, ViewKind, encode_path};
use crate::secrets::name::Name;

const MAGIC: u64 = 8;
const HEADER: usize = 60;

/// The state between two pieces.
#[derive(Debug)]
pub(super) struct Ar {
    depth: u8,
    state: State,
    position: u64,
}

#[derive(Debug)]
enum State {
    Skip(u64),
    Header(Vec<u8>),
    Member { child: Box<Child>, left: u64, padding: u64 },
    Over,
}

impl Ar {
    pub fn new(depth: u8) -> Self {
        Self { depth, state: State::Skip(MAGIC), position: 0 }
    }

    pub fn feed(&mut self, shared: &mut Shared<'_>, bytes: &[u8], last: bool, seen: &mut Vec<Seen>) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let used = self.step(shared, rest, seen);
            self.position += used as u64;
            rest = &rest[used..];
        }
        if last && let State::Member { child, left, .. } = std::mem::replace(&mut self.state, State::Over) {
            shared.skip(SkipReason::Damaged, left, &child.label);
            child.end(shared, self.position, false, seen);
        }
    }

    fn step(&mut self, shared: &mut Shared<'_>, bytes: &[u8], seen: &mut Vec<Seen>) -> usize {
        let room = |left: u64| usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        match std::mem::replace(&mut self.state, State::Over) {
            State::Skip(left) => {
                let used = room(left);
                self.state = past(left - used as u64);
                used
            }
            State::Header(mut header) => {
                let used = bytes.len().min(HEADER - header.len());
                header.extend_from_slice(&bytes[..used]);
                self.state =
                    if header.len() == HEADER { self.begin(shared, &header, used) } else { State::Header(header) };
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
            State::Over => bytes.len(),
        }
    }

    fn begin(&mut self, shared: &mut Shared<'_>, header: &[u8], used: usize) -> State {
        let size = std::str::from_utf8(&header[48..58]).ok().and_then(|digits| digits.trim_end().parse::<u64>().ok());
        let Some(size) = size.filter(|_| header.ends_with(b"`\n")) else {
            shared.skip(SkipReason::Damaged, 0, "");
            return State::Over;
        };
        let name = header[..16].trim_ascii_end();
        let label = format!("!/{}", encode_path(name.strip_suffix(b"/").unwrap_or(name)));
        let start = (self.position + used as u64).saturating_sub(HEADER as u64);
        let padding = size % 2;
        if size == 0 {
            return State::Header(Vec::new());
        }
        match Child::unpacked(shared, ViewKind::Ar, label, Name::Other, self.depth, start) {
            Some(child) => State::Member { child: Box::new(child), left: size, padding },
            None => past(size.saturating_add(padding)),
        }
    }
}

fn past(bytes: u64) -> State {
    if bytes == 0 { State::Header(Vec::new()) } else { State::Skip(bytes) }
}
