//! x
/// x
pub struct InspectOptions {}
/// x
pub struct Tree {}
/// x
pub fn inspect_text() {}
