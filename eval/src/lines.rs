//! Lines of a text file, numbered, with faults pinned to their file and line.
//!
//! All readers of this crate go through here, so that white space, byte order marks and bytes that
//! are not UTF-8 are treated alike. It knows nothing of what a line means.

use std::io::BufRead;
use std::path::Path;

use gleaner_format::source::{LINE_LIMIT_BYTES, LineRead, Source, read_line};

use crate::error::EvalError;

/// Opens a file for reading by lines, packed or not; `-` is stdin.
/// Errors: `Read`.
pub(crate) fn open_file(path: &Path) -> Result<Source, EvalError> {
    Source::open(path).map_err(|source| read_error(path, source))
}

/// Shows every line that is not blank to `visit`, without its line end.
/// A reason returned by `visit` becomes the error of that line.
/// Errors: `Read`; `BadLine` for a refused line, one that is not UTF-8, and one of more than 64 MiB.
pub(crate) fn for_each_line(
    mut reader: impl BufRead,
    file: &Path,
    mut visit: impl FnMut(&str) -> Result<(), String>,
) -> Result<(), EvalError> {
    let mut buffer = Vec::new();
    for line in 1.. {
        let read = read_line(&mut reader, LINE_LIMIT_BYTES, &mut buffer, |_| ());
        let visited = match read.map_err(|source| read_error(file, source))? {
            LineRead::End => break,
            LineRead::TooLong => Err(format!("it is longer than {LINE_LIMIT_BYTES} bytes")),
            LineRead::Whole => match std::str::from_utf8(&buffer) {
                Ok(text) => visit_trimmed(text, line, &mut visit),
                Err(_) => Err("it is not UTF-8".to_owned()),
            },
        };
        visited.map_err(|reason| EvalError::BadLine { file: file.to_owned(), line, reason })?;
    }
    Ok(())
}

/// Returns the `N` fields of a line, or how many it has instead.
pub(crate) fn exact_fields<'a, const N: usize>(
    fields: impl Iterator<Item = &'a str>,
    names: &str,
) -> Result<[&'a str; N], String> {
    let fields: Vec<&str> = fields.collect();
    let found = fields.len();
    fields.try_into().map_err(|_| format!("expected {N} fields ({names}), found {found}"))
}

fn visit_trimmed(
    text: &str,
    line: u64,
    visit: &mut impl FnMut(&str) -> Result<(), String>,
) -> Result<(), String> {
    let text = if line == 1 { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
    let text = text.trim_end_matches(['\n', '\r']);
    if text.trim().is_empty() { Ok(()) } else { visit(text) }
}

fn read_error(path: &Path, source: std::io::Error) -> EvalError {
    EvalError::Read { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(bytes: &[u8]) -> Result<Vec<String>, EvalError> {
        let mut lines = Vec::new();
        for_each_line(bytes, Path::new("f"), |line| {
            lines.push(line.to_owned());
            Ok(())
        })?;
        Ok(lines)
    }

    #[test]
    fn line_ends_blank_lines_and_byte_order_marks_vanish() {
        assert_eq!(lines_of("\u{feff}a b\r\n\n \t\nc".as_bytes()).unwrap(), ["a b", "c"]);
        assert!(lines_of(b"").unwrap().is_empty());
    }

    #[test]
    fn bytes_that_are_not_utf8_are_named_by_line() {
        let error = lines_of(b"a\n\n\xff\n").unwrap_err();
        assert_eq!(error.to_string(), "f, line 3: it is not UTF-8");
    }
}
