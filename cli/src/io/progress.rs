//! Progress on stderr: a bar on a terminal, lines elsewhere, JSON where it is asked for.
//!
//! A file for each kind of work that takes long. `pace` has what they share: the bar, and when the
//! next line is due.

mod encoding;
mod indexing;
mod pace;
mod transfer;

pub(crate) use encoding::EncodingProgress;
pub(crate) use indexing::IndexingProgress;
pub(crate) use transfer::TransferProgress;
