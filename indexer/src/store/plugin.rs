//! The vector files as parts of a tantivy segment: written, merged and collected with it.
//!
//! tantivy calls this plugin while it writes or merges a segment, so that our files belong to the
//! same atomic commit. The set of extensions is frozen when an index is created. Row *i* of both files
//! is one document of the storage layer's. What becomes of a vector in a file is left to `format`.

use std::{
    any::Any,
    io::Write,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use gleaner_catalog::{DENSE_EXTENSION, DENSE_TYPE, IMPACT_EXTENSION, IMPACTS_TYPE};
use gleaner_format::{DenseBuilder, DenseFile, DenseSpec, FormatError, ImpactBuilder, ImpactFile};
use tantivy::{
    DocId, Segment, SegmentReader, TantivyDocument, TantivyError,
    directory::{OwnedBytes, TerminatingWrite},
    error::DataCorruption,
    index::SegmentComponent,
    indexer::{DocIdMapping, doc_id_mapping::MappingType},
    plugin::{PluginMergeContext, PluginWriter, PluginWriterContext, SegmentPlugin},
    schema::{Field, FieldType, Schema, Value, document::ErasedDocument},
};

use super::field_bytes::{dense_from_bytes, vector_from_bytes};

/// Writes and merges `<segment>.imp` and `<segment>.vec`.
#[derive(Default)]
pub(super) struct ImpactPlugin {
    specs: DenseSpecs,
}

/// The dense fields of an index, which are known as soon as its manifest was read: before any segment
/// is written, but after the plugin is registered.
#[derive(Clone, Default)]
pub(super) struct DenseSpecs(Arc<OnceLock<Vec<DenseSpec>>>);

impl DenseSpecs {
    /// Makes the fields known; what they are first is what they stay.
    pub(super) fn set(&self, specs: Vec<DenseSpec>) {
        self.0.get_or_init(|| specs);
    }

    fn get(&self) -> tantivy::Result<&[DenseSpec]> {
        let unknown = || TantivyError::InternalError("dense fields are not known yet".to_owned());
        self.0.get().map(Vec::as_slice).ok_or_else(unknown)
    }
}

impl ImpactPlugin {
    pub(super) fn new(specs: DenseSpecs) -> Self {
        Self { specs }
    }
}

/// The rows of a segment on their way into its files.
struct SegmentRows {
    impacts: ImpactBuilder,
    dense: DenseBuilder,
}

impl SegmentRows {
    fn new(specs: &[DenseSpec]) -> Self {
        Self { impacts: ImpactBuilder::new(), dense: DenseBuilder::new(specs) }
    }

    fn write(self, segment: &Segment) -> tantivy::Result<()> {
        let mut out = segment.open_write(component(IMPACT_EXTENSION))?;
        self.impacts.write(&mut out)?;
        out.flush()?;
        out.terminate()?;
        let mut out = segment.open_write(component(DENSE_EXTENSION))?;
        self.dense.write(&mut out)?;
        out.flush()?;
        out.terminate()?;
        Ok(())
    }

    /// Appends the living rows of a segment as they are.
    fn copy_living(&mut self, from: &SegmentReader, specs: &[DenseSpec]) -> tantivy::Result<()> {
        let (impact_bytes, dense_bytes) =
            (bytes_of(from, IMPACT_EXTENSION)?, bytes_of(from, DENSE_EXTENSION)?);
        let impacts = ImpactFile::open(impact_bytes.as_slice())
            .map_err(|error| damaged(from, IMPACT_EXTENSION, error.to_string()))?;
        let dense = DenseFile::open(dense_bytes.as_slice())
            .map_err(|error| damaged(from, DENSE_EXTENSION, error.to_string()))?;
        let (impacts, dense) = (impacts.view(), dense.view());
        let docs = from.max_doc() as usize;
        for (extension, rows) in
            [(IMPACT_EXTENSION, impacts.rows()), (DENSE_EXTENSION, dense.rows())]
        {
            if rows != docs {
                return Err(damaged(from, extension, format!("{rows} rows for {docs} documents")));
            }
        }
        if !dense.fields().map(|field| field.spec()).eq(specs) {
            let reason = "its fields are not those of the index".to_owned();
            return Err(damaged(from, DENSE_EXTENSION, reason));
        }
        let mut row_of_doc: Vec<u32> = vec![0; docs];
        for row in 0..docs {
            row_of_doc[impacts.doc(row) as usize] = row as u32;
        }
        for doc in from.doc_ids_alive() {
            let row = row_of_doc[doc as usize] as usize;
            self.impacts.push_row(impacts.row(row)).map_err(refused)?;
            self.dense.push_row(dense, row).map_err(refused)?;
        }
        Ok(())
    }
}

fn bytes_of(reader: &SegmentReader, extension: &str) -> tantivy::Result<OwnedBytes> {
    Ok(reader.open_read(component(extension))?.read_bytes()?)
}

fn damaged(reader: &SegmentReader, extension: &str, reason: String) -> TantivyError {
    let file = format!("{}.{extension}", reader.segment_id().uuid_string());
    TantivyError::DataCorruption(DataCorruption::new(PathBuf::from(file), reason))
}

fn refused(error: FormatError) -> TantivyError {
    TantivyError::InvalidArgument(error.to_string())
}

/// The field of a type of ours.
fn field_of(schema: &Schema, type_name: &str) -> tantivy::Result<Field> {
    let ours = |field_type: &FieldType| matches!(field_type, FieldType::Custom(options) if options.type_name() == type_name);
    let field = schema.fields().find(|(_, entry)| ours(entry.field_type()));
    let missing = || TantivyError::SchemaError(format!("the schema has no field of {type_name}"));
    field.map(|(field, _)| field).ok_or_else(missing)
}

fn component(extension: &str) -> SegmentComponent {
    SegmentComponent::Custom(extension.to_owned())
}

fn sorted_index() -> TantivyError {
    let reason = "sorted indexes are not supported: rows could not follow".to_owned();
    TantivyError::InvalidArgument(reason)
}

impl SegmentPlugin for ImpactPlugin {
    fn extensions(&self) -> &[&str] {
        &[IMPACT_EXTENSION, DENSE_EXTENSION]
    }

    fn create_writer(
        &self,
        context: &PluginWriterContext<'_>,
    ) -> tantivy::Result<Box<dyn PluginWriter>> {
        let (schema, specs) = (context.segment.schema(), self.specs.get()?.to_vec());
        Ok(Box::new(RowWriter {
            impacts_field: field_of(&schema, IMPACTS_TYPE)?,
            dense_field: field_of(&schema, DENSE_TYPE)?,
            rows: SegmentRows::new(&specs),
            specs,
        }))
    }

    /// Copies the living rows of all sources in order; columns are derived anew.
    fn merge(&self, context: PluginMergeContext<'_>) -> tantivy::Result<()> {
        if matches!(context.doc_id_mapping.mapping_type(), MappingType::Shuffled) {
            return Err(sorted_index());
        }
        let specs = self.specs.get()?;
        let mut merged = SegmentRows::new(specs);
        for reader in context.readers {
            merged.copy_living(reader, specs)?;
        }
        merged.write(context.target_segment)
    }
}

/// Collects the rows of the segment being written.
struct RowWriter {
    impacts_field: Field,
    dense_field: Field,
    specs: Vec<DenseSpec>,
    rows: SegmentRows,
}

impl PluginWriter for RowWriter {
    fn add_document(
        &mut self,
        doc_id: DocId,
        document: &dyn ErasedDocument,
        _schema: &Schema,
    ) -> tantivy::Result<()> {
        debug_assert_eq!(doc_id as usize, self.rows.impacts.len());
        let document = document.as_any().downcast_ref::<TantivyDocument>().ok_or_else(|| {
            TantivyError::InvalidArgument("only TantivyDocument can be indexed".to_owned())
        })?;
        let bytes = |field: Field| {
            let bytes = document.get_first(field).and_then(|value| value.as_custom());
            bytes.unwrap_or_default()
        };
        let vector = vector_from_bytes(bytes(self.impacts_field))?;
        let dense = dense_from_bytes(bytes(self.dense_field), &self.specs)?;
        let dense: Vec<Option<&[f32]>> = dense.iter().map(Option::as_deref).collect();
        self.rows.impacts.push(&vector).map_err(refused)?;
        self.rows.dense.push(&dense).map_err(refused)
    }

    fn serialize(
        self: Box<Self>,
        segment: &Segment,
        doc_id_map: Option<&DocIdMapping>,
    ) -> tantivy::Result<()> {
        match doc_id_map {
            Some(_) => Err(sorted_index()),
            None => self.rows.write(segment),
        }
    }

    fn mem_usage(&self) -> usize {
        self.rows.impacts.mem_usage_bytes() + self.rows.dense.mem_usage_bytes()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
