//! What goes in and out, alike for all commands: files, stdin and stdout, progress, the network.
//!
//! Data goes to stdout or to files that appear whole, everything else to stderr. No file here knows
//! a command.

// First: what follows says its lines by the macro `say!`.
#[macro_use]
pub(crate) mod stderr;

pub(crate) mod answer;
pub(crate) mod download;
pub(crate) mod hash;
pub(crate) mod interrupt;
pub(crate) mod intervals;
pub(crate) mod lines;
pub(crate) mod model_folder;
pub(crate) mod output;
pub(crate) mod progress;
pub(crate) mod query_file;
pub(crate) mod resumable_file;
pub(crate) mod token_names;
pub(crate) mod vectors;
