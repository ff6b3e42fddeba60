//! Stdout, where data goes.
//!
//! Written with `writeln!` and `?`, never `println!`, which panics when the reader has gone away
//! (`gleaner search … | head -1`); `failure` lets that error end the process in silence.

use std::io::{self, BufWriter, StdoutLock};

/// Buffered stdout; flush it at the end.
pub(crate) fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::new(io::stdout().lock())
}
