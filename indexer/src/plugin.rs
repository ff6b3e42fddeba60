//! The impact file as a part of a tantivy segment: written, merged and collected with it.
//!
//! tantivy calls this plugin while it writes or merges a segment, so that our files belong to the
//! same atomic commit. Both extensions are registered from the first version, because the set is
//! frozen when an index is created.

use std::{any::Any, io::Write, path::PathBuf};

use gleaner_format::{DenseBuilder, ImpactBuilder, ImpactFile, SparseVector};
use gleaner_searcher::{DENSE_EXTENSION, IMPACT_EXTENSION, IMPACTS_TYPE};
use tantivy::{
    DocId, Segment, SegmentReader, TantivyDocument, TantivyError,
    directory::{OwnedBytes, TerminatingWrite},
    error::DataCorruption,
    index::SegmentComponent,
    indexer::{DocIdMapping, doc_id_mapping::MappingType},
    plugin::{PluginMergeContext, PluginWriter, PluginWriterContext, SegmentPlugin},
    schema::{Field, FieldType, Schema, Value, document::ErasedDocument},
};

/// Writes and merges `<segment>.imp` and `<segment>.vec`.
pub struct ImpactPlugin;

/// The bytes of a vector on its way through tantivy's document: ids, then weights.
pub(crate) fn vector_to_bytes(vector: &SparseVector) -> Vec<u8> {
    let mut bytes = vec![0; vector.len() * 8];
    let (ids, weights) = bytes.split_at_mut(vector.len() * 4);
    let put = |(slot, word): (&mut [u8], [u8; 4])| slot.copy_from_slice(&word);
    let words = vector.terms().iter().map(|term| term.to_le_bytes());
    ids.chunks_exact_mut(4).zip(words).for_each(put);
    let words = vector.weights().iter().map(|weight| weight.to_le_bytes());
    weights.chunks_exact_mut(4).zip(words).for_each(put);
    bytes
}

fn vector_from_bytes(bytes: &[u8]) -> tantivy::Result<SparseVector> {
    let (ids, weights) = bytes.split_at(bytes.len() / 8 * 4);
    let words =
        |bytes| <[u8]>::chunks_exact(bytes, 4).map(|word| [word[0], word[1], word[2], word[3]]);
    let terms = words(ids).map(u32::from_le_bytes).collect();
    let weights = words(weights).map(f32::from_le_bytes).collect();
    SparseVector::new(terms, weights)
        .map_err(|error| TantivyError::InvalidArgument(error.to_string()))
}

fn impacts_field(schema: &Schema) -> tantivy::Result<Field> {
    let ours = |field_type: &FieldType| matches!(field_type, FieldType::Custom(options) if options.type_name() == IMPACTS_TYPE);
    let field = schema.fields().find(|(_, entry)| ours(entry.field_type()));
    field
        .map(|(field, _)| field)
        .ok_or_else(|| TantivyError::SchemaError("the schema has no impacts field".to_owned()))
}

fn component(extension: &str) -> SegmentComponent {
    SegmentComponent::Custom(extension.to_owned())
}

fn write_files(segment: &Segment, impacts: ImpactBuilder) -> tantivy::Result<()> {
    let rows = impacts.len();
    let mut out = segment.open_write(component(IMPACT_EXTENSION))?;
    impacts.write(&mut out)?;
    out.flush()?;
    out.terminate()?;
    let mut out = segment.open_write(component(DENSE_EXTENSION))?;
    empty_dense(rows)?.write(&mut out)?;
    out.flush()?;
    out.terminate()?;
    Ok(())
}

/// Rows without dense fields.
fn empty_dense(rows: usize) -> tantivy::Result<DenseBuilder> {
    let mut dense = DenseBuilder::new(&[]);
    let too_many = |error| TantivyError::InvalidArgument(format!("{error}"));
    (0..rows).try_for_each(|_| dense.push(&[])).map_err(too_many)?;
    Ok(dense)
}

impl SegmentPlugin for ImpactPlugin {
    fn extensions(&self) -> &[&str] {
        &[IMPACT_EXTENSION, DENSE_EXTENSION]
    }

    fn create_writer(
        &self,
        context: &PluginWriterContext<'_>,
    ) -> tantivy::Result<Box<dyn PluginWriter>> {
        let field = impacts_field(&context.segment.schema())?;
        Ok(Box::new(ImpactWriter { field, impacts: ImpactBuilder::new() }))
    }

    /// Copies the living rows of all sources in order; columns are derived anew.
    fn merge(&self, context: PluginMergeContext<'_>) -> tantivy::Result<()> {
        if matches!(context.doc_id_mapping.mapping_type(), MappingType::Shuffled) {
            let reason = "sorted indexes are not supported: rows could not follow".to_owned();
            return Err(TantivyError::InvalidArgument(reason));
        }
        let mut merged = ImpactBuilder::new();
        for reader in context.readers {
            copy_rows(reader, &mut merged)?;
        }
        write_files(context.target_segment, merged)
    }
}

fn copy_rows(reader: &SegmentReader, merged: &mut ImpactBuilder) -> tantivy::Result<()> {
    let bytes: OwnedBytes = reader.open_read(component(IMPACT_EXTENSION))?.read_bytes()?;
    let name = format!("{}.{IMPACT_EXTENSION}", reader.segment_id().uuid_string());
    let damaged = |reason: String| {
        TantivyError::DataCorruption(DataCorruption::new(PathBuf::from(&name), reason))
    };
    let file = ImpactFile::open(bytes.as_slice()).map_err(|error| damaged(error.to_string()))?;
    let view = file.view();
    if view.rows() != reader.max_doc() as usize {
        let (rows, docs) = (view.rows(), reader.max_doc());
        return Err(damaged(format!("{rows} rows for {docs} documents")));
    }
    let mut row_of_doc: Vec<u32> = vec![0; view.rows()];
    for row in 0..view.rows() {
        row_of_doc[view.doc(row) as usize] = row as u32;
    }
    for doc in reader.doc_ids_alive() {
        let row = view.row(row_of_doc[doc as usize] as usize);
        merged.push_row(row).map_err(|error| TantivyError::InvalidArgument(error.to_string()))?;
    }
    Ok(())
}

/// Collects the rows of the segment being written.
struct ImpactWriter {
    field: Field,
    impacts: ImpactBuilder,
}

impl PluginWriter for ImpactWriter {
    fn add_document(
        &mut self,
        doc_id: DocId,
        document: &dyn ErasedDocument,
        _schema: &Schema,
    ) -> tantivy::Result<()> {
        debug_assert_eq!(doc_id as usize, self.impacts.len());
        let document = document.as_any().downcast_ref::<TantivyDocument>().ok_or_else(|| {
            TantivyError::InvalidArgument("only TantivyDocument can be indexed".to_owned())
        })?;
        let bytes = document.get_first(self.field).and_then(|value| value.as_custom());
        let vector = vector_from_bytes(bytes.unwrap_or_default())?;
        let too_many = |error| TantivyError::InvalidArgument(format!("{error}"));
        self.impacts.push(&vector).map_err(too_many)
    }

    fn serialize(
        self: Box<Self>,
        segment: &Segment,
        doc_id_map: Option<&DocIdMapping>,
    ) -> tantivy::Result<()> {
        if doc_id_map.is_some() {
            let reason = "sorted indexes are not supported: rows could not follow".to_owned();
            return Err(TantivyError::InvalidArgument(reason));
        }
        write_files(segment, self.impacts)
    }

    fn mem_usage(&self) -> usize {
        self.impacts.mem_usage_bytes()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
