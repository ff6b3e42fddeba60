//! Files to lines: JSONL of texts or of vectors.
//!
//! What a line means is `document`'s; this only finds lines and counts them.

use std::{
    io::{self, BufRead},
    path::Path,
};

use gleaner_catalog::InputProgress;
use gleaner_format::source::{LineRead, Source, read_line};

use super::entries::{Entries, Entry, Tally};
use crate::error::{IndexError, Place};

/// What a line says, or why it cannot be taken.
type Parse = Box<dyn Fn(&[u8]) -> Entry + Send>;

/// The lines of a file.
pub(crate) struct Lines {
    source: Source,
    parse: Parse,
    limit_bytes: usize,
    line: Vec<u8>,
}

impl Lines {
    /// Opens a file at its start.
    pub(crate) fn open(
        path: &Path,
        limit_bytes: usize,
        parse: impl Fn(&[u8]) -> Entry + Send + 'static,
    ) -> io::Result<Self> {
        let (source, parse) = (Source::open(path)?, Box::new(parse));
        Ok(Self { source, parse, limit_bytes, line: Vec::new() })
    }

    /// Reads the next line that is not blank.
    fn next_line(&mut self, tally: &mut Tally) -> io::Result<LineRead> {
        loop {
            let consume = |bytes: &[u8]| tally.consume(bytes);
            let read = read_line(&mut self.source, self.limit_bytes, &mut self.line, consume)?;
            tally.progress.lines += u64::from(read != LineRead::End);
            if read != LineRead::Whole || !self.line.iter().all(u8::is_ascii_whitespace) {
                return Ok(read);
            }
            tally.blank += 1;
        }
    }
}

/// Passes what an earlier run has read, which the checksum in `tally` proves.
pub(super) fn pass_bytes(
    source: &mut Source,
    mut left: u64,
    tally: &mut Tally,
) -> Result<Option<&'static str>, IndexError> {
    while left > 0 {
        let buffer = source.fill_buf().map_err(|source| tally.unreadable(source))?;
        if buffer.is_empty() {
            return Ok(Some("it is shorter"));
        }
        let take = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        tally.consume(&buffer[..take]);
        source.consume(take);
        left -= take as u64;
    }
    Ok(None)
}

/// Why a line is refused that is not read.
pub(super) fn too_long(limit_bytes: usize) -> String {
    format!("longer than {limit_bytes} bytes; --max-line-bytes sets the limit")
}

impl Entries for Lines {
    fn next(&mut self, tally: &mut Tally) -> Result<Option<Entry>, IndexError> {
        let read = self.next_line(tally).map_err(|source| tally.unreadable(source))?;
        Ok(match read {
            LineRead::End => None,
            LineRead::Whole => Some((self.parse)(&self.line)),
            LineRead::TooLong => Some(Err(too_long(self.limit_bytes))),
        })
    }

    fn pass_over(
        &mut self,
        earlier: &InputProgress,
        tally: &mut Tally,
    ) -> Result<Option<&'static str>, IndexError> {
        pass_bytes(&mut self.source, earlier.consumed_bytes, tally)
    }

    fn place(&self, entries: u64) -> Place {
        Place::Line(entries)
    }

    fn read_bytes(&self) -> u64 {
        self.source.read_bytes()
    }

    fn size_bytes(&self) -> u64 {
        self.source.size_bytes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{fs::File, io::Write};

    use super::*;
    use crate::input::{Input, InputFile, InputKind};

    fn open(path: &Path) -> Input {
        Input::open(&InputFile::new(path, InputKind::Texts)).unwrap()
    }

    /// Ids of the documents, one per line that can be read.
    fn ids(input: &mut Input) -> Vec<String> {
        let entries = std::iter::from_fn(|| input.next().unwrap());
        entries.map(|entry| entry.unwrap().document.id).collect()
    }

    fn line(id: &str) -> String {
        format!("{{\"_id\":\"{id}\",\"text\":\"\"}}\n")
    }

    #[test]
    fn gzip_and_plain_files_read_alike() {
        let folder = tempfile::tempdir().unwrap();
        let (plain, packed) = (folder.path().join("a.jsonl"), folder.path().join("a.jsonl.gz"));
        let text = line("one") + "\n  \n" + line("two").trim_end();
        std::fs::write(&plain, &text).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(
            File::create(&packed).unwrap(),
            flate2::Compression::fast(),
        );
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.finish().unwrap();
        for path in [plain, packed] {
            let mut input = open(&path);
            assert_eq!(ids(&mut input), ["one", "two"]);
            assert_eq!((input.progress().lines, input.progress().complete), (4, true));
        }
    }

    #[test]
    fn a_line_has_a_limit_and_the_next_one_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        std::fs::write(&path, line("one") + &line(&"x".repeat(200)) + "\n" + &line("two")).unwrap();
        let mut file = InputFile::new(&path, InputKind::Texts);
        file.max_line_bytes = 100;
        let mut input = Input::open(&file).unwrap();
        assert_eq!(input.next().unwrap().unwrap().unwrap().document.id, "one");
        let reason = input.next().unwrap().unwrap().unwrap_err();
        assert!(reason.starts_with("longer than 100 bytes"), "{reason}");
        assert_eq!(input.rejection(reason).place, Place::Line(2));
        assert_eq!(ids(&mut input), ["two"]);
        assert_eq!((input.progress().lines, input.tally.blank), (4, 1));
    }

    #[test]
    fn a_resumed_input_goes_on_and_a_changed_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        std::fs::write(&path, line("one") + &line("two") + &line("three")).unwrap();
        let mut first = open(&path);
        first.next().unwrap();
        let mark = first.mark();
        let mut second = open(&path);
        second.resume(&mark).unwrap();
        assert_eq!(ids(&mut second), ["two", "three"]);
        assert_eq!(second.progress().lines, 3);

        std::fs::write(&path, line("one") + &line("two_corrected")).unwrap();
        open(&path).resume(&mark).unwrap();
        std::fs::write(&path, line("One") + &line("two") + &line("three")).unwrap();
        let resumed = open(&path).resume(&mark);
        assert!(matches!(resumed, Err(IndexError::ChangedInput { lines: 1, .. })));
        std::fs::write(&path, "o").unwrap();
        let resumed = open(&path).resume(&mark);
        assert!(matches!(resumed, Err(IndexError::ChangedInput { .. })));
    }

    #[test]
    fn truncated_gzip_is_an_error_not_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.gz");
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        (0..1000).for_each(|i| writeln!(gzip, "line {i} {}", i * i).unwrap());
        let bytes = gzip.finish().unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let mut input = open(&path);
        let end = loop {
            match input.next() {
                Ok(Some(_)) => {}
                other => break other.map(|entry| entry.is_none()),
            }
        };
        assert!(matches!(end, Err(IndexError::Read { .. })));
    }
}
