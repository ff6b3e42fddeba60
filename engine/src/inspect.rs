//! What a commit holds, and whether it is what was written.
//!
//! - `statistics`: segments, fields, bytes;
//! - `stored`: vectors read back;
//! - `verify`: every byte and bound examined.

pub(crate) mod statistics;
pub(crate) mod stored;
pub(crate) mod verify;
