//! Bounds on what one layer may make imgguard do.

/// Bounds of one layer. Reaching one makes a gap, never a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Most uncompressed bytes.
    pub unpacked: u64,
    /// Most uncompressed bytes per stored byte, once more than 1 GiB has been unpacked.
    pub ratio: u64,
    /// Most members.
    pub entries: usize,
    /// Most bytes of one name or of one pax record block.
    pub header: usize,
    /// Most bytes of one document that is kept whole.
    pub document: u64,
    /// Most bytes of all documents that are kept whole.
    pub documents: u64,
    /// Most bytes of a package list that is kept while its layer is read.
    pub record: u64,
    /// Most bytes of all package lists of a layer.
    pub records: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            unpacked: 64 << 30,
            ratio: 400,
            entries: 8_000_000,
            header: 1 << 20,
            document: 4 << 20,
            documents: 32 << 20,
            record: 16 << 20,
            records: 48 << 20,
        }
    }
}
