//! Whether the quotes of a CSV record are in their places.
//!
//! `csv_core` takes a quote that is never closed as the start of one long cell, and the rows behind it
//! as its text. Here that is a mistake that can be named. What the cells are is `csv_core`'s.

/// Where in a record the last byte was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    CellStart,
    PlainCell,
    QuotedCell,
    /// Behind a quote that ends the cell, unless another one follows.
    ClosingQuote,
}

/// Follows the bytes of one record.
#[derive(Debug)]
pub(super) struct Quotes {
    at: At,
    has_text_behind: bool,
}

impl Default for Quotes {
    fn default() -> Self {
        Self { at: At::CellStart, has_text_behind: false }
    }
}

impl Quotes {
    /// Goes over the next bytes.
    pub(super) fn pass(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.at = match (self.at, byte) {
                (At::QuotedCell, b'"') => At::ClosingQuote,
                (At::QuotedCell, _) | (At::CellStart | At::ClosingQuote, b'"') => At::QuotedCell,
                (_, b',' | b'\r' | b'\n') => At::CellStart,
                (At::ClosingQuote, b' ' | b'\t') => At::ClosingQuote,
                (At::ClosingQuote, _) => {
                    self.has_text_behind = true;
                    At::PlainCell
                }
                // The byte order mark in front of a file is no part of its first cell.
                (At::CellStart, 0xef | 0xbb | 0xbf) => At::CellStart,
                (At::CellStart | At::PlainCell, _) => At::PlainCell,
            };
        }
    }

    /// Whether the record that ended here is one; otherwise why not.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.has_text_behind {
            let reason = "there is text behind the quote that ends a cell: a quote inside of a cell \
                          is written twice (\"\"); or is the quote before it not closed?";
            return Err(reason.to_owned());
        }
        match self.at {
            At::QuotedCell => {
                Err("a quote is not closed: the file ends inside of a cell".to_owned())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(record: &str) -> Result<(), String> {
        let mut quotes = Quotes::default();
        // In pieces, as a source gives them.
        record.as_bytes().chunks(3).for_each(|piece| quotes.pass(piece));
        quotes.check()
    }

    #[test]
    fn quotes_stand_around_whole_cells() {
        for fits in [
            "1,a\n",
            "1,\"a, \"\"b\"\"\nc\",2\r\n",
            "1,5\" pipe,\"\"\n",
            "\"1\" ,\"a\"",
            "1,\"\"\"\"",
            "\u{feff}\"a, \"\"b\"\"\",\"\"\"c\"",
            "",
        ] {
            assert_eq!(check(fits), Ok(()), "{fits}");
        }
        for (record, says) in [
            ("1,\"a\n2,b\n", "not closed"),
            ("\u{feff}\"a", "not closed"),
            ("1,\"", "not closed"),
            ("1,\"a\"\"", "not closed"),
            ("1,\"a\"b,c\n", "written twice"),
            ("1,\"a\n2,\"b\"\n", "written twice"),
            ("1,\"a \\\"b\\\"\"\n", "written twice"),
        ] {
            assert!(check(record).is_err_and(|reason| reason.contains(says)), "{record}");
        }
    }
}
