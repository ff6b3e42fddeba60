//! Documents: what a line of JSON says, and what the tokens of its vector mean.
//!
//! - `read`: a line to a document, with the vectors that it brings;
//! - `object`: the line's object, vectors taken out;
//! - `encoded`: vectors as encoders answer them;
//! - `weights`, `vocabulary`: tokens with weights to a sparse vector.
//!
//! Files and lines are left to `input`.

mod encoded;
mod object;
mod read;
mod vocabulary;
mod weights;

pub use encoded::read_encoded;
pub use read::{Change, Document, InputDocument, RefusedLine};
pub use vocabulary::{TokenError, Vocabulary, term_of};
pub use weights::{explain_weights, parse_weights};
