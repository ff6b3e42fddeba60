//! What an index is to be: model, dense fields, analyser, long texts; and whether it is that already.
//!
//! What the builder leaves open is as the index has it, or the default of a new one. Models are opened
//! before anything is created or written. Writing documents is `index`'s and `indexing`'s.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use gleaner_catalog::{
    Analyzer, CatalogError, DenseField, IndexSettings, LongTexts, Manifest, ModelBinding, OpenIndex,
};
use gleaner_encoder::{DenseModel, Model, Side, SideEncoder};
use gleaner_format::{DenseSpec, DenseStorage, Metric, source::LINE_LIMIT_BYTES};
use gleaner_indexer::{IndexStore, InputFile, InputFormat, InputKind, find_inputs};

use crate::{
    error::Error,
    index::{Index, when_unlocked},
    indexing::Indexing,
    models::{Models, binding},
    search::vocabulary::vocabulary_of,
    worker::{DocumentModels, spans},
};

/// The name of the dense field of a named dense model.
const MODEL_FIELD: &str = "dense";
/// Half the size of 32 bits, and about as good.
const DEFAULT_STORAGE: DenseStorage = DenseStorage::F16;
const DEFAULT_METRIC: Metric = Metric::Cosine;
/// Spans of long texts share this part of their length.
const OVERLAP_ONE_IN: usize = 8;

/// What becomes of long texts, as it is asked for; what is left open is as the index has it, or the
/// model's length and an eighth of it.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let (path, model) = (folder.path().join("my.index"), concat!(env!("CARGO_MANIFEST_DIR"), "/../data/models/splade-tiny"));
/// # if gleaner::Models::new().open_sparse(model.as_ref()).is_err() {
/// #     return Ok(()); // without the ONNX Runtime
/// # }
/// use gleaner::{Index, LongTexts, LongTextsAsked};
///
/// let long = LongTextsAsked::Passages { length: Some(128), overlap: None };
/// let index = Index::create(path).model(model).long_texts(long).open()?;
/// let long = index.snapshot().manifest().long;
/// assert_eq!(long, LongTexts::Passages { length: 128, overlap: 16 });
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LongTextsAsked {
    /// Their end is cut off.
    Cut,
    /// Spans; every term has its highest weight of all spans.
    Max {
        /// Tokens of a span.
        length: Option<usize>,
        /// Tokens that two spans share.
        overlap: Option<usize>,
    },
    /// Spans, one row each; the best of them is the document's.
    Passages {
        /// Tokens of a span.
        length: Option<usize>,
        /// Tokens that two spans share.
        overlap: Option<usize>,
    },
}

/// A dense field whose vectors documents bring, as it is asked for.
///
/// ```
/// use gleaner::{GivenField, Metric};
///
/// let field = GivenField::new("emb", 768).metric(Metric::Dot);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenField {
    name: String,
    dims: usize,
    metric: Option<Metric>,
    storage: Option<DenseStorage>,
}

impl GivenField {
    /// A field of vectors of so many numbers; compared by cosine and kept as f16 in a new index.
    pub fn new(name: impl Into<String>, dims: usize) -> Self {
        Self { name: name.into(), dims, metric: None, storage: None }
    }

    /// How vectors are compared.
    pub fn metric(mut self, metric: Metric) -> Self {
        self.metric = Some(metric);
        self
    }

    /// How vectors are kept.
    pub fn storage(mut self, storage: DenseStorage) -> Self {
        self.storage = Some(storage);
        self
    }

    /// The field in an index that may have it already.
    fn resolve(&self, index: &[DenseField]) -> DenseField {
        let index = index.iter().map(|field| &field.spec).find(|spec| spec.name == self.name);
        let spec = DenseSpec {
            name: self.name.clone(),
            dims: self.dims,
            metric: self.metric.or(index.map(|spec| spec.metric)).unwrap_or(DEFAULT_METRIC),
            storage: self.storage.or(index.map(|spec| spec.storage)).unwrap_or(DEFAULT_STORAGE),
        };
        DenseField { spec, model: None }
    }
}

/// What an index is to be. [`Index::create`] begins one.
///
/// ```
/// use gleaner::{Document, GivenField, Index, Query, Search};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("my.index");
/// let field = GivenField::new("emb", 2);
/// let mut index = Index::create(path).dense_field(field).fusion_depth(100).open()?;
/// index.upsert([Document::bare("a").dense("emb", vec![1.0, 0.0])])?;
/// index.commit()?;
///
/// let search = Search::new(Query::dense(vec![0.6, 0.8])).rank("dense:emb".parse()?);
/// assert_eq!(index.search(search)?.hits[0].id, "a");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct IndexBuilder {
    path: PathBuf,
    models: Models,
    dense_metric: Option<Metric>,
    dense_storage: Option<DenseStorage>,
    fields: Vec<GivenField>,
    long: Option<LongTextsAsked>,
    analyzer: Option<Analyzer>,
    fusion_depth: Option<usize>,
    threads: Option<usize>,
    max_line_bytes: usize,
    lock_wait: Duration,
}

/// What there will be to encode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contents {
    /// Not known yet: recorded models are opened when a text comes.
    Unknown,
    /// These inputs.
    Inputs {
        /// Some are texts.
        has_texts: bool,
        /// Some have vectors, and may have texts beside them.
        has_texts_beside: bool,
    },
}

impl IndexBuilder {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            models: Models::new(),
            dense_metric: None,
            dense_storage: None,
            fields: Vec::new(),
            long: None,
            analyzer: None,
            fusion_depth: None,
            threads: None,
            max_line_bytes: LINE_LIMIT_BYTES,
            lock_wait: Duration::ZERO,
        }
    }

    /// Takes models that are open already, and what they were told of folders. Call it first.
    pub fn models(mut self, models: &Models) -> Self {
        self.models = models.clone();
        self
    }

    /// Encodes texts with the sparse model in this folder. Later openings find it where it is now.
    pub fn model(mut self, folder: impl Into<PathBuf>) -> Self {
        self.models = self.models.sparse_folder(folder);
        self
    }

    /// Also encodes texts with the dense model in this folder, into the dense field `dense`.
    pub fn dense_model(mut self, folder: impl Into<PathBuf>) -> Self {
        self.models = self.models.dense_folder(folder);
        self
    }

    /// How the vectors of the dense model are compared; by cosine in a new index.
    pub fn dense_metric(mut self, metric: Metric) -> Self {
        self.dense_metric = Some(metric);
        self
    }

    /// How the vectors of the dense model are kept; as f16 in a new index.
    pub fn dense_storage(mut self, storage: DenseStorage) -> Self {
        self.dense_storage = Some(storage);
        self
    }

    /// Adds a dense field whose vectors documents bring.
    pub fn dense_field(mut self, field: GivenField) -> Self {
        self.fields.push(field);
        self
    }

    /// What becomes of texts that are longer than the model reads; a new index cuts them.
    pub fn long_texts(mut self, long: LongTextsAsked) -> Self {
        self.long = Some(long);
        self
    }

    /// How text becomes words for BM25; English in a new index.
    pub fn analyzer(mut self, analyzer: Analyzer) -> Self {
        self.analyzer = Some(analyzer);
        self
    }

    /// Hits of each leg that are fused unless a ranking says otherwise; 1,000 in a new index.
    pub fn fusion_depth(mut self, depth: usize) -> Self {
        self.fusion_depth = Some(depth);
        self
    }

    /// Bytes of the longest line of a file that is read; a longer one is refused. 64 MiB by default.
    pub fn max_line_bytes(mut self, limit: usize) -> Self {
        self.max_line_bytes = limit;
        self
    }

    /// Time for another program that writes to the index to end; none by default.
    pub fn wait_for_lock(mut self, wait: Duration) -> Self {
        self.lock_wait = wait;
        self
    }

    /// Encodes queries of the sparse model so, instead of as its folder states.
    pub fn query_encoder(mut self, encoder: SideEncoder) -> Self {
        self.models = self.models.query_encoder(encoder);
        self
    }

    /// Loads this ONNX Runtime library, instead of searching for one.
    pub fn runtime_library(mut self, file: impl Into<PathBuf>) -> Self {
        self.models = self.models.runtime_library(file);
        self
    }

    /// Threads that encode documents; one for each core unless given.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Opens the index, or creates it, for writing and searching.
    ///
    /// # Errors
    /// `Index` when the folder holds another index than is asked for, is damaged, or is open for
    /// writing elsewhere; `Catalog` for damage and for settings that no index can have; `NotSparse`,
    /// `NotDense`, `Encode` for models; `SpansWithoutModel`, `SeveralDenseModels`.
    pub fn open(self) -> Result<Index, Error> {
        let threads = self.threads;
        let resolved = self.resolve(Contents::Unknown)?;
        let store = resolved.store()?;
        Index::from_resolved(resolved, store, threads)
    }

    /// Takes files of documents to be indexed, and opens the models that they need. Nothing is created
    /// and nothing written before [`Indexing::run`].
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let (path, model) = (folder.path().join("my.index"), concat!(env!("CARGO_MANIFEST_DIR"), "/../data/models/splade-tiny"));
    /// # if gleaner::Models::new().open_sparse(model.as_ref()).is_err() {
    /// #     return Ok(()); // without the ONNX Runtime
    /// # }
    /// use gleaner::{Index, InputFormat};
    ///
    /// # let texts = folder.path().join("texts.jsonl");
    /// std::fs::write(&texts, "{\"_id\": \"1\", \"text\": \"Kittens need a clean litter box.\"}\n")?;
    /// let report = Index::create(path).model(model).files(&[texts], InputFormat::Auto)?.run()?;
    /// assert_eq!(report.progress.indexed, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`IndexBuilder::open`]; `Index` for files that are missing, empty, or of another format;
    /// `TextsNeedModel`, `TextsWithoutModel`, `ModelNotFound`, `DenseModelNotFound`.
    pub fn files(self, paths: &[PathBuf], format: InputFormat) -> Result<Indexing<'static>, Error> {
        let mut inputs = find_inputs(paths, format)?;
        inputs.iter_mut().for_each(|input| input.max_line_bytes = self.max_line_bytes);
        gleaner_indexer::check_not_empty(&inputs)?;
        let contents = Contents::Inputs {
            has_texts: inputs.iter().any(|it| it.kind.is_texts()),
            has_texts_beside: inputs.iter().any(|it| it.kind == InputKind::VectorsJsonl),
        };
        let (threads, names_model) = (self.threads, self.models.names_sparse());
        let resolved = self.resolve(contents)?;
        if let (true, Some(model)) = (names_model, &resolved.documents.sparse) {
            name_tokens(&mut inputs, model);
        }
        Ok(Indexing::new(resolved, inputs, threads))
    }

    /// Opens what is there, and the models; says what the index is to be.
    fn resolve(self, contents: Contents) -> Result<Resolved, Error> {
        self.models.look_beside(&self.path);
        let reader = match OpenIndex::open(&self.path) {
            Ok(opened) => Some(gleaner_searcher::Index::from_opened(opened)?),
            Err(CatalogError::IndexNotFound { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let recorded = reader.as_ref().map(|reader| reader.snapshot().manifest().clone());
        let recorded = recorded.as_ref();
        let (asked, dense) = self.dense_fields(recorded, contents)?;
        let has_dense = match (&asked, recorded) {
            (Some(fields), _) => !fields.is_empty(),
            (None, manifest) => manifest.is_some_and(|manifest| !manifest.dense.is_empty()),
        };
        let sparse = self.sparse_model(recorded, has_dense, contents)?;
        let settings = IndexSettings {
            long: self.long_of(sparse.as_ref(), recorded)?,
            dense: asked,
            analyzer: self.analyzer,
            fusion_depth: self.fusion_depth,
        };
        let model = match &sparse {
            Some(model) => Some(binding(model.folder(), model.fingerprint())?),
            None => recorded.and_then(|manifest| manifest.model.clone()),
        };
        let documents = DocumentModels { sparse, dense };
        let Self { path, models, .. } = self;
        let lock_wait = self.lock_wait;
        Ok(Resolved { path, reader, settings, model, documents, models, lock_wait })
    }

    /// The model that texts are encoded with, or that names the tokens of given vectors.
    fn sparse_model(
        &self,
        recorded: Option<&Manifest>,
        has_dense: bool,
        contents: Contents,
    ) -> Result<Option<Model>, Error> {
        if let Some(folder) = self.models.named_sparse_folder() {
            return Ok(Some(self.models.open_sparse(folder)?));
        }
        match contents {
            Contents::Unknown | Contents::Inputs { has_texts: false, .. } => Ok(None),
            Contents::Inputs { has_texts: true, .. } => {
                match recorded.map(|manifest| (manifest, &manifest.model)) {
                    None | Some((_, None)) if has_dense => Ok(None),
                    None => Err(Error::TextsNeedModel),
                    Some((_, None)) => Err(Error::TextsWithoutModel),
                    Some((_, Some(bound))) => Ok(Some(self.models.recorded_sparse(bound)?)),
                }
            }
        }
    }

    /// All dense fields asked for (`None` for those that the index has), and their models.
    #[allow(clippy::type_complexity)]
    fn dense_fields(
        &self,
        recorded: Option<&Manifest>,
        contents: Contents,
    ) -> Result<(Option<Vec<DenseField>>, Vec<(String, DenseModel)>), Error> {
        let index = recorded.map_or(&[][..], |manifest| &manifest.dense);
        let of_models: Vec<&DenseField> = index.iter().filter(|it| it.model.is_some()).collect();
        let (mut fields, mut models) = (Vec::new(), Vec::new());
        let mut take = |spec: DenseSpec, model: DenseModel| -> Result<(), Error> {
            let bound = binding(model.folder(), model.fingerprint())?;
            fields.push(DenseField { spec: spec.clone(), model: Some(bound) });
            models.push((spec.name, model));
            Ok(())
        };
        match (self.models.named_dense_folder(), &of_models[..]) {
            (Some(_), [_, _, ..]) => return Err(Error::SeveralDenseModels),
            (Some(folder), of_models) => {
                let model = self.models.open_dense(folder)?;
                take(self.model_spec(of_models.first().copied(), &model), model)?;
            }
            (None, of_models) if contents.may_be_encoded() => {
                for field in of_models {
                    take(field.spec.clone(), self.models.recorded_dense(field)?)?;
                }
            }
            (None, of_models) => fields.extend(of_models.iter().map(|&field| field.clone())),
        }
        match &self.fields[..] {
            [] => fields.extend(index.iter().filter(|field| field.model.is_none()).cloned()),
            given => fields.extend(given.iter().map(|given| given.resolve(index))),
        }
        // Nothing said and nothing opened is nothing asked for.
        let is_asked = !models.is_empty() || !self.fields.is_empty();
        Ok((is_asked.then_some(fields), models))
    }

    /// The field of the named dense model.
    fn model_spec(&self, index: Option<&DenseField>, model: &DenseModel) -> DenseSpec {
        let index = index.map(|field| &field.spec);
        let (metric, storage) = (self.dense_metric, self.dense_storage);
        DenseSpec {
            name: index.map_or(MODEL_FIELD, |spec| &spec.name).to_owned(),
            dims: model.dims(),
            metric: metric.or(index.map(|spec| spec.metric)).unwrap_or(DEFAULT_METRIC),
            storage: storage.or(index.map(|spec| spec.storage)).unwrap_or(DEFAULT_STORAGE),
        }
    }

    /// What becomes of long texts; nothing where nothing is asked for.
    fn long_of(
        &self,
        model: Option<&Model>,
        recorded: Option<&Manifest>,
    ) -> Result<Option<LongTexts>, Error> {
        type Kind = fn(usize, usize) -> LongTexts;
        let (length, overlap, kind): (_, _, Kind) = match self.long {
            None => return Ok(None),
            Some(LongTextsAsked::Cut) => return Ok(Some(LongTexts::Cut)),
            Some(LongTextsAsked::Max { length, overlap }) => {
                (length, overlap, |length, overlap| LongTexts::Max { length, overlap })
            }
            Some(LongTextsAsked::Passages { length, overlap }) => {
                (length, overlap, |length, overlap| LongTexts::Passages { length, overlap })
            }
        };
        let model = match (model, recorded.filter(|manifest| manifest.model.is_some())) {
            (Some(model), _) => model.clone(),
            (None, Some(manifest)) => self.models.sparse_of(manifest)?,
            (None, None) => return Err(Error::SpansWithoutModel),
        };
        let recorded = recorded.map(|manifest| manifest.long);
        let same = recorded.filter(|recorded| self.long.is_some_and(|it| it.is_kind_of(recorded)));
        let same = same.and_then(spans);
        let model_length = model.card().max_length.document;
        let length = length.or(same.map(|it| it.length)).unwrap_or(model_length);
        let overlap = overlap.or(same.map(|it| it.overlap)).unwrap_or(length / OVERLAP_ONE_IN);
        let long = kind(length, overlap);
        if let Some(spans) = spans(long) {
            model.check_spans(Side::Document, spans)?;
        }
        Ok(Some(long))
    }
}

impl LongTextsAsked {
    /// Whether an index does the same with long texts, in spans of whatever length.
    fn is_kind_of(self, index: &LongTexts) -> bool {
        match (self, index) {
            (Self::Cut, LongTexts::Cut)
            | (Self::Max { .. }, LongTexts::Max { .. })
            | (Self::Passages { .. }, LongTexts::Passages { .. }) => true,
            (Self::Cut | Self::Max { .. } | Self::Passages { .. }, _) => false,
        }
    }
}

impl Contents {
    /// Whether there may be texts for a dense model.
    fn may_be_encoded(self) -> bool {
        match self {
            Self::Unknown => false,
            Self::Inputs { has_texts, has_texts_beside } => has_texts || has_texts_beside,
        }
    }
}

/// Tokens of given vectors are those of a model.
fn name_tokens(inputs: &mut [InputFile], model: &Model) {
    for input in inputs {
        input.vocabulary = Some(vocabulary_of(model));
    }
}

/// What an index is to be, its models opened; nothing of it is created or changed.
pub(crate) struct Resolved {
    pub(crate) path: PathBuf,
    /// The index that is there, if there is one.
    pub(crate) reader: Option<gleaner_searcher::Index>,
    pub(crate) settings: IndexSettings,
    pub(crate) model: Option<ModelBinding>,
    pub(crate) documents: DocumentModels,
    pub(crate) models: Models,
    lock_wait: Duration,
}

impl Resolved {
    /// Opens the index for writing, or creates it.
    pub(crate) fn store(&self) -> Result<IndexStore, Error> {
        let settings = &self.settings;
        when_unlocked(self.lock_wait, || match &self.reader {
            Some(reader) => IndexStore::open_checked(reader.opened(), self.model.clone(), settings),
            None => IndexStore::open_or_create_with(&self.path, self.model.clone(), settings),
        })
    }
}
