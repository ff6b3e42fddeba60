//! The files of a run, of whatever format, to documents with their places.
//!
//! - `files`, `recognise`: what a path means;
//! - `lines`, `table` (and `quotes`), `rows`, `ciff`: the formats, each behind the trait of `entries`;
//! - `reader`: an open file, how far it was read, and proof that this part is unchanged.
//!
//! What a line means is left to `document`.

mod ciff;
mod entries;
mod files;
mod lines;
mod quotes;
mod reader;
mod recognise;
mod rows;
mod table;

pub use files::{InputFile, InputFormat, InputKind};
pub use reader::{Input, check_not_empty};
pub use recognise::find_inputs;
