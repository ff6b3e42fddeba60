//! Lines of a limited length, so that memory does not follow what a file says.

use std::io::{self, BufRead};

/// Bytes of the longest line that is read where nothing else is asked for.
pub const LINE_LIMIT_BYTES: usize = 64 << 20;

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineRead {
    /// There is none: the file is at its end.
    End,
    /// It is read, with its line end if it has one.
    Whole,
    /// It has more bytes than the limit and was passed over.
    TooLong,
}

/// Reads the next line into `line`, which is emptied first. `seen` is shown every byte that is
/// passed, those of lines that are too long included. The line end does not count for the limit.
///
/// Errors: those of the reader.
pub fn read_line(
    reader: &mut impl BufRead,
    limit_bytes: usize,
    line: &mut Vec<u8>,
    mut seen: impl FnMut(&[u8]),
) -> io::Result<LineRead> {
    line.clear();
    let (mut found, mut is_too_long) = (false, false);
    loop {
        let buffer = match reader.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            buffer => buffer?,
        };
        if buffer.is_empty() {
            break;
        }
        found = true;
        let end = memchr::memchr(b'\n', buffer);
        let text = end.unwrap_or(buffer.len());
        let taken = end.map_or(buffer.len(), |end| end + 1);
        seen(&buffer[..taken]);
        is_too_long |= line.len() + text > limit_bytes;
        match is_too_long {
            true => *line = Vec::new(),
            false => line.extend_from_slice(&buffer[..taken]),
        }
        reader.consume(taken);
        if end.is_some() {
            break;
        }
    }
    Ok(match (found, is_too_long) {
        (false, _) => LineRead::End,
        (true, false) => LineRead::Whole,
        (true, true) => LineRead::TooLong,
    })
}
