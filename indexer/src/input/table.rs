//! Tables with a heading to rows: CSV with quotes, TSV without.
//!
//! A column is what a key of JSONL is. Records are found by `csv_core`, byte for byte, so that a
//! checksum and the place of the next record are known. What a row means is `document`'s.

use std::{
    io::{self, BufRead},
    path::Path,
    sync::Arc,
};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use gleaner_catalog::{DenseField, InputProgress, OWN_KEYS};
use gleaner_format::source::Source;

use super::{
    entries::{Entries, Entry, Tally},
    files::InputKind,
    lines::{pass_bytes, too_long},
    quotes::Quotes,
};
use crate::{
    document::InputDocument,
    error::{IndexError, Place},
};

/// Cells of a row at most, and columns of a heading.
const CELLS_LIMIT: usize = 1 << 16;

const FIRST_CELL_BYTES: usize = 1 << 12;

/// The rows of a table.
pub(crate) struct TableRows {
    source: Source,
    reader: Reader,
    /// The format's name, for messages.
    format: &'static str,
    /// Nothing until the heading is read.
    columns: Option<Vec<String>>,
    dense: Arc<[DenseField]>,
    limit_bytes: usize,
    record: Record,
    /// Where the last record begins.
    first_line: u64,
}

/// The cells of a record: their bytes, one after the other, and where each ends.
#[derive(Default)]
struct Record {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    len_bytes: usize,
    cells: usize,
    quotes: Quotes,
    /// Whether quotes mean something in this format.
    is_quoted: bool,
}

/// What became of a record.
enum RecordRead {
    End,
    Whole,
    TooLong,
}

impl Record {
    /// Its cells, or why they are no text.
    fn cells(&self) -> Result<Vec<&str>, String> {
        if self.is_quoted {
            self.quotes.check()?;
        }
        let mut start = 0;
        let ends = self.ends[..self.cells].iter();
        let cell = |(at, &end): (usize, &usize)| {
            let cell = std::str::from_utf8(&self.bytes[std::mem::replace(&mut start, end)..end]);
            cell.map_err(|_| format!("column {} is not UTF-8", at + 1))
        };
        ends.enumerate().map(cell).collect()
    }
}

impl TableRows {
    /// Opens a file at its start.
    pub(crate) fn open(
        path: &Path,
        kind: InputKind,
        limit_bytes: usize,
        dense: Arc<[DenseField]>,
    ) -> io::Result<Self> {
        let (delimiter, format, quoting) = match kind {
            InputKind::Tsv => (b'\t', "TSV", false),
            _ => (b',', "CSV", true),
        };
        Ok(Self {
            source: Source::open(path)?,
            reader: ReaderBuilder::new().delimiter(delimiter).quoting(quoting).build(),
            format,
            columns: None,
            dense,
            limit_bytes,
            record: Record { is_quoted: quoting, ..Record::default() },
            first_line: 1,
        })
    }

    /// Reads the next record that is not blank.
    fn next_record(&mut self, tally: &mut Tally) -> io::Result<RecordRead> {
        let Self { source, reader, record, limit_bytes, .. } = self;
        record.bytes.resize(record.bytes.len().max(FIRST_CELL_BYTES), 0);
        record.ends.resize(record.ends.len().max(16), 0);
        (record.len_bytes, record.cells, record.quotes) = (0, 0, Quotes::default());
        let (mut is_too_long, mut has_begun) = (false, false);
        self.first_line = tally.progress.lines + 1;
        loop {
            let input = source.fill_buf()?;
            let (result, read, written, cells) = reader.read_record(
                input,
                &mut record.bytes[record.len_bytes..],
                &mut record.ends[record.cells..],
            );
            let passed = &input[..read];
            if !has_begun {
                // Line ends before it belong to the record before, or to blank lines.
                let before = passed.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
                self.first_line += before.filter(|byte| **byte == b'\n').count() as u64;
                has_begun = !passed.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
            }
            if record.is_quoted {
                record.quotes.pass(passed);
            }
            tally.progress.lines += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
            tally.consume(passed);
            source.consume(read);
            record.len_bytes += written;
            record.cells += cells;
            is_too_long |= record.len_bytes > *limit_bytes;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if record.bytes.len() > *limit_bytes => {
                    (is_too_long, record.len_bytes, record.cells) = (true, 0, 0);
                }
                ReadRecordResult::OutputFull => record.bytes.resize(record.bytes.len() * 2, 0),
                ReadRecordResult::OutputEndsFull if record.ends.len() >= CELLS_LIMIT => {
                    (is_too_long, record.len_bytes, record.cells) = (true, 0, 0);
                }
                ReadRecordResult::OutputEndsFull => record.ends.resize(record.ends.len() * 2, 0),
                ReadRecordResult::Record if is_too_long => {
                    record.bytes = Vec::new();
                    return Ok(RecordRead::TooLong);
                }
                ReadRecordResult::Record => return Ok(RecordRead::Whole),
                ReadRecordResult::End => return Ok(RecordRead::End),
            }
        }
    }

    /// Reads the heading, unless that is done.
    fn read_heading(&mut self, tally: &mut Tally) -> Result<(), IndexError> {
        if self.columns.is_some() {
            return Ok(());
        }
        let read = self.next_record(tally).map_err(|source| tally.unreadable(source))?;
        let columns = match read {
            RecordRead::End => Ok(Vec::new()),
            RecordRead::Whole => self.record.cells().and_then(|cells| self.checked_heading(&cells)),
            RecordRead::TooLong => Err(too_long(self.limit_bytes)),
        };
        let malformed = |reason: String| IndexError::Malformed {
            path: tally.path.clone(),
            format: self.format,
            source: format!("line {}, the heading: {reason}", self.first_line).into(),
        };
        self.columns = Some(columns.map_err(malformed)?);
        Ok(())
    }

    /// The columns, if they can make documents.
    fn checked_heading(&self, cells: &[&str]) -> Result<Vec<String>, String> {
        let trim = |cell: &&str| cell.trim_start_matches('\u{feff}').trim().to_owned();
        let columns: Vec<String> = cells.iter().map(trim).collect();
        for (at, column) in columns.iter().enumerate() {
            if column.is_empty() && columns.len() > 1 {
                return Err(format!(
                    "the column {} has no name: name it or leave it out (pandas writes its row \
                     numbers so, unless asked with index=False)",
                    at + 1
                ));
            }
            if columns[..at].contains(column) {
                return Err(format!("the column {column:?} is there twice"));
            }
        }
        let has = |name: &str| columns.iter().any(|column| column == name);
        let is_dense = |field: &DenseField| field.model.is_none() && has(&field.spec.name);
        let has_text = has("text") || has("title") || self.dense.iter().any(is_dense);
        match (has("_id") || has("id"), has_text) {
            (true, true) => Ok(columns),
            _ => Err(format!(
                "it must name a column \"_id\" or \"id\", and \"text\" or \"title\"; found {}{}",
                shown(&columns),
                if columns.len() == 1 { self.separator_advice() } else { "" }
            )),
        }
    }

    fn separator_advice(&self) -> &'static str {
        match self.format {
            "CSV" => " (a comma parts cells)",
            _ => " (a tab parts cells)",
        }
    }

    /// The document of the record read last, which ends with this line.
    fn document(&self, last_line: u64) -> Entry {
        let columns = self.columns.as_deref().unwrap_or_default();
        let cells = self.record.cells().map_err(|reason| match last_line > self.first_line {
            true => format!("{reason}; all lines to {last_line} are taken as this row"),
            false => reason,
        })?;
        if cells.len() != columns.len() {
            let (found, expected) = (cells.len(), columns.len());
            return Err(format!("{found} cells under a heading of {expected} columns"));
        }
        let cells = columns.iter().map(|column| &column[..]).zip(cells);
        InputDocument::of_row(cells, &self.dense)
    }
}

/// The first columns of a heading, which may be anything.
fn shown(columns: &[String]) -> String {
    let short = |column: &String| format!("{:?}", column.chars().take(40).collect::<String>());
    let shown: Vec<String> = columns.iter().take(OWN_KEYS.len() * 2).map(short).collect();
    if shown.is_empty() { "nothing".to_owned() } else { shown.join(", ") }
}

impl Entries for TableRows {
    fn next(&mut self, tally: &mut Tally) -> Result<Option<Entry>, IndexError> {
        self.read_heading(tally)?;
        let read = self.next_record(tally).map_err(|source| tally.unreadable(source))?;
        Ok(match read {
            RecordRead::End => None,
            RecordRead::Whole => Some(self.document(tally.progress.lines)),
            RecordRead::TooLong => Some(Err(too_long(self.limit_bytes))),
        })
    }

    fn pass_over(
        &mut self,
        earlier: &InputProgress,
        tally: &mut Tally,
    ) -> Result<Option<&'static str>, IndexError> {
        if earlier.consumed_bytes == 0 {
            return Ok(None);
        }
        self.read_heading(tally)?;
        let left = earlier.consumed_bytes.checked_sub(tally.progress.consumed_bytes);
        match left {
            Some(left) => pass_bytes(&mut self.source, left, tally),
            None => Ok(Some("its heading differs")),
        }
    }

    /// The line on which the last row begins.
    fn place(&self, _: u64) -> Place {
        Place::Line(self.first_line)
    }

    fn read_bytes(&self) -> u64 {
        self.source.read_bytes()
    }

    fn size_bytes(&self) -> u64 {
        self.source.size_bytes()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::input::{Input, InputFile, InputKind};

    /// What every row becomes: its id, text and source, or its place and the reason.
    fn rows(kind: InputKind, text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table");
        std::fs::write(&path, text).unwrap();
        let mut file = InputFile::new(&path, kind);
        file.max_line_bytes = 100;
        let mut input = Input::open(&file).unwrap();
        let mut rows = Vec::new();
        while let Some(row) = input.next_document().unwrap() {
            rows.push(match row {
                Ok(row) => {
                    format!("{} {:?} {}", row.document.id, row.document.text, row.document.source)
                }
                Err(rejection) => format!("{}: {}", rejection.place, rejection.reason),
            });
        }
        rows
    }

    #[test]
    fn rows_are_what_lines_of_jsonl_are() {
        let csv = "\u{feff}title,_id,text,year,ok\r\n\r\nA,007,\"b, \"\"c\"\"\nd\",2001,true\r\n,8,x,,no\r\n";
        let expected = [
            r#"007 "A b, \"c\"\nd" {"_id":"007","ok":true,"text":"b, \"c\"\nd","title":"A","year":2001}"#,
            r#"8 "x" {"_id":"8","ok":"no","text":"x"}"#,
        ];
        let sorted = |row: &String| row.clone();
        assert_eq!(rows(InputKind::Csv, csv).iter().map(sorted).collect::<Vec<_>>(), expected);
        let tsv = "id\ttext\tcode\n1\t\"b\" and \"c\t007\n2\td\t-1.5";
        let expected = [
            r#"1 "\"b\" and \"c" {"code":"007","id":"1","text":"\"b\" and \"c"}"#,
            r#"2 "d" {"code":-1.5,"id":"2","text":"d"}"#,
        ];
        assert_eq!(rows(InputKind::Tsv, tsv), expected);
    }

    #[test]
    fn bad_rows_are_named_by_their_lines() {
        let long = "x".repeat(500);
        let csv = format!("id,text\n1,\"a\nb\"\n2\n\n3,{long}\n4,d,e\n,f\n5,g\n");
        let found = rows(InputKind::Csv, &csv);
        assert_eq!(found.len(), 6, "{found:?}");
        for (found, says) in found.iter().zip([
            "1 \"a\\nb\"",
            "4: 1 cells under a heading of 2 columns",
            "6: longer than 100 bytes",
            "7: 3 cells under",
            "8: the key \"_id\" is missing",
            "5 \"g\"",
        ]) {
            assert!(found.starts_with(says), "{found} should start with {says}");
        }
    }

    #[test]
    fn a_quote_out_of_place_swallows_no_row_in_silence() {
        let csv = "id,text\n1,\"a\n2,b\n3,\"c\"\n4,d\n5,\"e\n6,f\n";
        let found = rows(InputKind::Csv, csv);
        let says = ["2: there is text behind the quote", "4 \"d\"", "6: a quote is not closed"];
        assert_eq!(found.len(), says.len(), "{found:?}");
        for (found, says) in found.iter().zip(says) {
            assert!(found.starts_with(says), "{found} should start with {says}");
        }
        // In TSV a quote is text.
        let tsv = "id\ttext\n1\t\"a\n";
        assert_eq!(rows(InputKind::Tsv, tsv).len(), 1);
    }

    #[test]
    fn a_heading_that_names_no_document_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.tsv");
        for (text, says) in [
            ("1\tsome text\n", "found \"1\", \"some text\""),
            ("id,text\n", "found \"id,text\""),
            ("id\ttext\tid\n", "\"id\" is there twice"),
            ("id\tyear\n", "\"text\" or \"title\""),
            ("\tid\ttext\n", "the column 1 has no name"),
        ] {
            std::fs::write(&path, text).unwrap();
            let mut input = Input::open(&InputFile::new(&path, InputKind::Tsv)).unwrap();
            let error =
                std::error::Error::source(&input.next_document().unwrap_err()).unwrap().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_resumed_table_goes_on_behind_any_row() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        std::fs::write(&path, "id,text\r\n1,\"a\nb\"\r\n2,c\r\n\r\n3,d\r\n").unwrap();
        let file = InputFile::new(&path, InputKind::Csv);
        for read in 0..4 {
            let mut first = Input::open(&file).unwrap();
            (0..read).for_each(|_| drop(first.next().unwrap()));
            let mark = first.mark();
            let mut second = Input::open(&file).unwrap();
            second.resume(&mark).unwrap();
            let rest = std::iter::from_fn(|| second.next().unwrap());
            let ids: Vec<String> = rest.map(|row| row.unwrap().document.id).collect();
            assert_eq!(ids, ["1", "2", "3"][read..]);
        }
    }
}
