//! Models by themselves: encoders of one's own, their limits and their self-test.
//!
//! Servers that encode texts of several requests together work with these. Finding the model of an index is
//! left to [`Models`](crate::Models), one query after the other to [`QueryEncoder`](crate::QueryEncoder).

pub use gleaner_encoder::BATCH_TOLERANCE;
pub use gleaner_encoder::DenseEncoder;
pub use gleaner_encoder::Encoder;
pub use gleaner_encoder::MaxLength;
pub use gleaner_encoder::SelfTest;
