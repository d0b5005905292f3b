//! Bytes of a layer that no runtime unpacks: kept, within bounds, for whoever searches them.

pub use crate::model::Slack as SlackKind;

/// Bytes that are kept of one layer.
const MAX_BYTES: usize = 8 << 20;
/// Pieces that are kept of one layer.
const MAX_PIECES: usize = 100_000;

/// One run of such bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackPiece {
    /// Where they lie.
    pub kind: SlackKind,
    /// The file before them, for padding; else empty.
    pub path: Box<str>,
    /// Offset in the archive, or from the first byte behind it or behind the stream.
    pub at: u64,
    /// The bytes, from the first that is not zero.
    pub bytes: Vec<u8>,
}

/// All such bytes of one layer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SlackBytes {
    /// What was kept.
    pub pieces: Vec<SlackPiece>,
    /// Non-zero bytes that were not kept.
    pub dropped: u64,
    kept: usize,
}

impl SlackBytes {
    /// Keeps bytes from the first that is not zero; zeros alone are nothing.
    pub(super) fn add(&mut self, kind: SlackKind, path: &str, at: u64, bytes: &[u8]) {
        let Some(first) = bytes.iter().position(|byte| *byte != 0) else { return };
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(bytes.len(), |last| last + 1);
        let bytes = &bytes[first..end];
        let take = bytes.len().min(MAX_BYTES - self.kept);
        let at = at + first as u64;
        self.dropped += bytes[take..].iter().filter(|byte| **byte != 0).count() as u64;
        if take == 0 {
            return;
        }
        let has_room = self.pieces.len() < MAX_PIECES;
        match self.pieces.last_mut() {
            // A long run comes in several chunks: it is one piece, with the zeros in between.
            Some(last) if last.kind == kind && continues(last, path, at) => {
                let gap = usize::try_from(at - last.at).unwrap_or(usize::MAX) - last.bytes.len();
                last.bytes.extend(std::iter::repeat_n(0, gap));
                last.bytes.extend_from_slice(&bytes[..take]);
            }
            _ if has_room => {
                self.pieces.push(SlackPiece { kind, path: path.into(), at, bytes: bytes[..take].to_vec() });
            }
            _ => {
                self.dropped += take as u64;
                return;
            }
        }
        self.kept += take;
    }

    /// Adds what another part of the reading kept.
    pub fn append(&mut self, other: Self) {
        self.dropped += other.dropped;
        self.kept += other.kept;
        self.pieces.extend(other.pieces);
    }
}

/// Whether bytes at `at` belong to the same run; a few zeros may lie in between.
fn continues(last: &SlackPiece, path: &str, at: u64) -> bool {
    let end = last.at + last.bytes.len() as u64;
    !matches!(last.kind, SlackKind::Padding | SlackKind::StreamHeader)
        && *last.path == *path
        && at >= end
        && at - end < 4096
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_nothing_and_what_follows_in_chunks_is_one_piece() {
        let mut slack = SlackBytes::default();
        slack.add(SlackKind::BehindArchive, "", 0, &[0; 512]);
        assert_eq!(slack, SlackBytes::default());
        slack.add(SlackKind::BehindArchive, "", 512, b"\0\0smug");
        slack.add(SlackKind::BehindArchive, "", 518, b"gled\0\0");
        let [piece] = &slack.pieces[..] else { panic!("{slack:?}") };
        assert_eq!((piece.at, &piece.bytes[..]), (514, &b"smuggled"[..]));
    }

    #[test]
    fn only_so_much_is_kept_and_the_rest_is_counted() {
        let mut slack = SlackBytes::default();
        for at in 0..9u64 {
            slack.add(SlackKind::BehindStream, "", at << 20, &vec![7; 1 << 20]);
        }
        assert_eq!(slack.dropped, 1 << 20);
        assert_eq!(slack.pieces.iter().map(|piece| piece.bytes.len()).sum::<usize>(), MAX_BYTES);
    }
}
