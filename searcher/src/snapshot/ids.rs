//! The ids of a segment, laid out for looking up: by document an ordinal, by ordinal a string.
//!
//! tantivy keeps ids in a dictionary of deltas, from which one id costs microseconds. Opening a
//! segment streams that dictionary once into one string. Memory: 12 bytes a document and the ids
//! themselves. Which document lives is not decided here.

use std::io;

use gleaner_kernels::prefetch_value;
use tantivy::columnar::StrColumn;

/// Ids in byte order, and which document has which.
pub(crate) struct Ids {
    /// All ids, one after the other, in byte order.
    text: String,
    /// By ordinal, where an id ends in `text`.
    ends: Vec<u64>,
    /// By document, the ordinal of its id.
    ordinals: Vec<u32>,
}

impl Ids {
    /// Reads the ids of the `docs` documents of a segment.
    ///
    /// Errors: the reason why the column is not one id for every document.
    pub(crate) fn read(column: &StrColumn, docs: u32) -> Result<Self, String> {
        let unreadable = |error: io::Error| error.to_string();
        let mut text = Vec::new();
        let mut ends = Vec::with_capacity(column.num_terms());
        let mut stream = column.dictionary().stream().map_err(unreadable)?;
        while stream.advance() {
            text.extend_from_slice(stream.key());
            ends.push(text.len() as u64);
        }
        text.shrink_to_fit();
        let text = String::from_utf8(text).map_err(|_| "an _id is not UTF-8".to_owned())?;
        // Each id on its own, too: a slice between two ends must begin and end a character.
        if let Some(end) = ends.iter().find(|&&end| !text.is_char_boundary(end as usize)) {
            return Err(format!("the _id that ends at byte {end} is not UTF-8"));
        }
        let mut ordinals = Vec::with_capacity(docs as usize);
        for doc in 0..docs {
            ordinals.push(match column.ords().first(doc) {
                Some(ordinal) if ordinal < ends.len() as u64 => u32::try_from(ordinal)
                    .map_err(|_| format!("document {doc} has the _id number {ordinal}"))?,
                _ => return Err(format!("document {doc} has no _id")),
            });
        }
        Ok(Self { text, ends, ordinals })
    }

    /// Number of ids.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The ordinal of a document's id: orders as the id's bytes do.
    pub(crate) fn ordinal(&self, doc: u32) -> u32 {
        self.ordinals[doc as usize]
    }

    /// Asks for what [`Ids::ordinal`] reads.
    pub(crate) fn fetch(&self, doc: u32) {
        prefetch_value(&self.ordinals[doc as usize]);
    }

    /// The id with this ordinal.
    pub(crate) fn id(&self, ordinal: u32) -> &str {
        let ordinal = ordinal as usize;
        let start = if ordinal == 0 { 0 } else { self.ends[ordinal - 1] };
        &self.text[start as usize..self.ends[ordinal] as usize]
    }
}
