//! Files to lines: JSONL, plain or gzip, of texts or of vectors.
//!
//! What a line means is `document`'s; this only finds lines and counts them.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::read::MultiGzDecoder;
use gleaner_catalog::InputProgress;

use super::entries::{Entries, Entry, Tally};
use crate::error::{IndexError, Place};

/// Longest line that is read; longer ones are refused.
const LINE_LIMIT_BYTES: usize = 64 << 20;

const READ_BUFFER_BYTES: usize = 1 << 20;

/// A line, or why it is too long to be one.
enum Line {
    Text(Vec<u8>),
    TooLong,
}

/// Counts what is read from the file itself, before decompression.
struct Counted {
    file: File,
    read_bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read_bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// What a line says, or why it cannot be taken.
type Parse = Box<dyn Fn(&[u8]) -> Entry + Send>;

/// The lines of a file.
pub(crate) struct Lines {
    reader: Box<dyn BufRead + Send>,
    parse: Parse,
    read_bytes: Arc<AtomicU64>,
}

impl Lines {
    /// Opens a file at its start; gzip is recognised by its first bytes.
    pub(crate) fn open(
        path: &Path,
        parse: impl Fn(&[u8]) -> Entry + Send + 'static,
    ) -> io::Result<Self> {
        let read_bytes = Arc::new(AtomicU64::new(0));
        let file = Counted { file: File::open(path)?, read_bytes: Arc::clone(&read_bytes) };
        let mut plain = BufReader::with_capacity(READ_BUFFER_BYTES, file);
        let gzip = plain.fill_buf()?.starts_with(&[0x1f, 0x8b]);
        let reader: Box<dyn BufRead + Send> = if gzip {
            Box::new(BufReader::with_capacity(READ_BUFFER_BYTES, MultiGzDecoder::new(plain)))
        } else {
            Box::new(plain)
        };
        Ok(Self { reader, parse: Box::new(parse), read_bytes })
    }

    /// The next line that is not blank; `None` at the end of the file.
    fn next_line(&mut self, tally: &mut Tally) -> io::Result<Option<Line>> {
        loop {
            match self.read_line(tally)? {
                None => return Ok(None),
                Some(Line::Text(text)) if text.iter().all(u8::is_ascii_whitespace) => {}
                Some(line) => return Ok(Some(line)),
            }
        }
    }

    fn read_line(&mut self, tally: &mut Tally) -> io::Result<Option<Line>> {
        let mut line = Vec::new();
        let limit = LINE_LIMIT_BYTES as u64 + 1;
        let read = (&mut self.reader).take(limit).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        tally.consume(&line);
        tally.progress.lines += 1;
        if line.len() <= LINE_LIMIT_BYTES || line.ends_with(b"\n") {
            return Ok(Some(Line::Text(line)));
        }
        while !line.ends_with(b"\n") {
            line.clear();
            if (&mut self.reader).take(limit).read_until(b'\n', &mut line)? == 0 {
                break;
            }
            tally.consume(&line);
        }
        Ok(Some(Line::TooLong))
    }
}

impl Entries for Lines {
    fn next(&mut self, tally: &mut Tally) -> Result<Option<Entry>, IndexError> {
        let line = self.next_line(tally).map_err(|source| tally.unreadable(source))?;
        Ok(line.map(|line| match line {
            Line::Text(line) => (self.parse)(&line),
            Line::TooLong => Err(format!("longer than {LINE_LIMIT_BYTES} bytes")),
        }))
    }

    fn pass_over(
        &mut self,
        earlier: &InputProgress,
        tally: &mut Tally,
    ) -> Result<Option<&'static str>, IndexError> {
        let mut left = earlier.consumed_bytes;
        while left > 0 {
            let buffer = self.reader.fill_buf().map_err(|source| tally.unreadable(source))?;
            if buffer.is_empty() {
                return Ok(Some("it is shorter"));
            }
            let take = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            tally.consume(&buffer[..take]);
            self.reader.consume(take);
            left -= take as u64;
        }
        Ok(None)
    }

    fn place(&self, entries: u64) -> Place {
        Place::Line(entries)
    }

    fn read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

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
