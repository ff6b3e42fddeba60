//! Lines on stderr: the one place that writes them.
//!
//! `eprintln!` panics when stderr cannot be written, as on a full disk (`2>log`). What is said there
//! is about the work and not the work itself. So a line that cannot be written is lost, and the
//! work goes on.

use std::{
    fmt,
    io::{self, Write},
};

/// Writes a line, if that is possible.
pub(crate) fn write_line(line: fmt::Arguments<'_>) {
    // One write for the whole line: lines of two processes do not mix.
    let _ = io::stderr().lock().write_all(format!("{line}\n").as_bytes());
}

/// Stderr, for a table that goes there because a file is written to stdout.
pub(crate) fn stderr() -> impl Write {
    io::stderr()
}

/// Says a line on stderr, as `eprintln!` does, but never panics.
macro_rules! say {
    ($($line:tt)*) => {
        $crate::io::stderr::write_line(format_args!($($line)*))
    };
}
