//! Lengths of texts: how many words the living documents of a segment have.
//!
//! Read from the lengths that are stored with documents, one byte each. Sums over all segments are
//! `statistics.rs`'s.

use tantivy::{SegmentReader, fieldnorm::FieldNormReader, schema::Field};

use crate::error::{SearchError, storage};

/// The words of living documents of a segment, by the lengths that are stored with them.
pub(crate) fn living_tokens(reader: &SegmentReader, text: Field) -> Result<u64, SearchError> {
    let Some(lengths) = reader.fieldnorms_readers().get_field(text).map_err(storage)? else {
        return Ok(0);
    };
    let mut counts = [0u64; 256];
    for doc in reader.doc_ids_alive() {
        counts[usize::from(lengths.fieldnorm_id(doc))] += 1;
    }
    let tokens =
        |(id, &count): (usize, &u64)| count * u64::from(FieldNormReader::id_to_fieldnorm(id as u8));
    Ok(counts.iter().enumerate().map(tokens).sum())
}
