//! Gleaner's front door: text to hits, for programs.
//!
//! An [`Index`] is a folder. Documents go in ([`Document`], [`Index::upsert`], [`Index::commit`]), a
//! [`Search`] goes in, an exact answer comes out ([`Index::search`]). Texts are encoded by the models of the
//! index, which [`Models`] finds by their fingerprints. Vectors of one's own take the place of texts.
//!
//! ```
//! use gleaner::{Document, Index};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let (path, model) = (folder.path().join("my.index"), concat!(env!("CARGO_MANIFEST_DIR"), "/../data/models/splade-tiny"));
//! # if gleaner::Models::new().open_sparse(model.as_ref()).is_err() {
//! #     return Ok(()); // without the ONNX Runtime
//! # }
//! // `path` is the folder of the index, `model` that of a model, such as data/models/splade-tiny.
//! let mut index = Index::create(path).model(model).open()?;
//! index.upsert([
//!     Document::new("1", "Penicillin was discovered by Alexander Fleming in 1928."),
//!     Document::new("2", "The flight was late and the airline paid a compensation."),
//!     Document::new("3", "Kittens need a clean litter box."),
//! ])?;
//! index.commit()?;
//!
//! let answer = index.search("who found the first antibiotic")?;
//! assert!(answer.exact);
//! for hit in answer.hits {
//!     println!("{} {:.3}", hit.id, hit.score);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Where to begin
//!
//! | task | type | example |
//! |---|---|---|
//! | index files of documents | [`IndexBuilder::files`], [`Indexing`] | `examples/index_a_folder.rs` |
//! | search, fuse, explain | [`Search`], [`Query`] | `examples/search_and_fuse.rs` |
//! | write from several threads, delete | [`WriteQueue`], [`Change`] | |
//! | bring vectors | [`Document::vector`], [`Document::dense`] | `examples/bring_your_own_vectors.rs` |
//! | many queries, evaluation | [`BatchSearch`], [`eval`] | `examples/evaluate_a_run.rs` |
//! | what an index holds | [`Snapshot`] | `examples/inspect_an_index.rs` |
//! | files of vectors and queries; model folders by themselves | [`exchange`], [`model`] | |
//! | servers: encode apart from searching | [`Prepared`], [`QueryEncoder`] | `examples/follow_a_query.rs` |
//!
//! Command line and HTTP server stand on this crate; both add words and formats, and no logic of
//! their own.

mod builder;
mod document;
mod encoders;
mod error;
pub mod exchange;
mod index;
mod indexing;
mod inspect;
pub mod model;
mod models;
mod search;
mod snapshot;
mod worker;
mod writing;

pub use builder::{GivenField, IndexBuilder, LongTextsAsked};
pub use document::Document;
pub use error::{Error, Named, Part, chain};
pub use index::Index;
pub use indexing::{Indexing, IndexingReport, OpenedIndexing};
pub use inspect::statistics::{DenseStatistics, RowsByWeight, SegmentStatistics};
pub use inspect::verify::{Check, Finding, Level, examine};
pub use models::{Models, moved::MovedModel};
pub use search::batch::{BatchSearch, QUERIES_AT_ONCE, QueryHits};
pub use search::encode::threads_or_cores;
pub use search::encode::{QueryEncoder, term_sources};
pub use search::prepare::{Prepared, QueryVector};
pub use search::query::{Query, Search};
pub use search::ranking::Ranking;
pub use search::vocabulary::vocabulary_of;
pub use snapshot::Snapshot;
pub use writing::change::{Change, CommitMode, Outcome, Verdict, WriteReport};
pub use writing::queue::WriteQueue;

/// Runs, judgements, measures, intervals and tests.
pub use gleaner_eval as eval;

// What an index is.
pub use gleaner_catalog::{
    Analyzer, CatalogError, DenseField, FUSION_DEPTH_LIMIT, FileSeal, InputProgress, LongTexts,
    Manifest, ModelBinding,
};

// Vectors and the models that make them.
pub use gleaner_encoder::{
    DenseModel, EncodeError, Model, Passage, Side, SideEncoder, Spans, SparseVector,
};
pub use gleaner_format::{
    DenseError, DenseSpec, DenseStorage, FormatError, MAX_WEIGHT, Metric, VectorError, is_blank,
};

// Files of documents.
pub use gleaner_indexer::{
    IndexError, InputFile, InputFormat, InputKind, MergeReport, OnError, Progress, TokenError,
    term_of,
};

// Rankings and answers.
pub use gleaner_searcher::{
    BOOST_LIMIT, Certificate, CertificateKind, Contribution, Counters, Explanation,
    FUSION_NUMBER_LIMIT, Feedback, Fusion, Hit, LEGS_LIMIT, Leg, LegExplanation, LegProfile,
    LegScore, Method, Normaliser, PhasesUs, Plan, Profile, RRF_K, Rank, SearchError,
    SearchResponse, StoredDocument, StoredRow, THREADS_LIMIT, WeightedLeg, is_rank_constant,
    is_weight,
};
