//! Everything that can go wrong between a text and its vector, as facts with fields.
//!
//! One enum for the crate. A message never repeats its source: print the chain to see both.

use std::error::Error;
use std::path::PathBuf;

use gleaner_format::VectorError;

/// A boxed cause from a library whose error type is not ours to name.
pub(crate) type Cause = Box<dyn Error + Send + Sync + 'static>;

/// Why a runtime, a model or a text was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// No ONNX Runtime library was found in any of the places searched.
    #[error(
        "no usable ONNX Runtime library found: run `scripts/fetch-onnxruntime.sh` (`make setup`) \
         or set ORT_DYLIB_PATH; looked at {}",
        looked_at.join(", ")
    )]
    RuntimeNotFound {
        /// Every place that was searched, with the reason where a library there was refused.
        looked_at: Vec<String>,
    },
    /// The library that was asked for by path could not be loaded, or is too old.
    #[error(
        "cannot load ONNX Runtime from `{}`, named by {named_by}: \
         `scripts/fetch-onnxruntime.sh` (`make setup`) fetches a version that fits",
        path.display()
    )]
    RuntimeLoad {
        /// The library asked for.
        path: PathBuf,
        /// What named it: the flag or the environment variable.
        named_by: &'static str,
        /// What the loader said.
        source: Cause,
    },
    /// A process holds one ONNX Runtime, and it already holds another.
    #[error(
        "ONNX Runtime is already loaded from `{}`; `{}` cannot be loaded beside it",
        loaded.display(), requested.display()
    )]
    RuntimeInUse {
        /// The library in use.
        loaded: PathBuf,
        /// The library asked for.
        requested: PathBuf,
    },
    /// The model folder does not exist or is not a folder.
    #[error(
        "no model folder at `{}`; a path that does not begin with / is looked up in the current folder",
        path.display()
    )]
    ModelNotFound {
        /// The folder asked for.
        path: PathBuf,
    },
    /// A file that the model folder needs is not there.
    #[error("the model's {what} is missing: `{}`", path.display())]
    MissingFile {
        /// What the file would be.
        what: &'static str,
        /// Where it was expected.
        path: PathBuf,
    },
    /// A file of the model folder could not be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file of the model folder is not what its name promises.
    #[error("the model's {what} is not valid: `{}`", path.display())]
    InvalidFile {
        /// What the file should be.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What its parser said.
        source: Cause,
    },
    /// A value in the settings file cannot be honoured.
    #[error("setting `{key}` in `{}`: {reason}", path.display())]
    InvalidSetting {
        /// The settings file (or the folder, when a default is at fault).
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// Why the value does not fit this model.
        reason: String,
    },
    /// A file of another library states what is not understood.
    #[error("`{}` states `{key}` as {value}, which is not understood: {expected}", path.display())]
    NotUnderstood {
        /// The file.
        path: PathBuf,
        /// The key.
        key: Box<str>,
        /// Its value, as JSON.
        value: Box<str>,
        /// What is known, or what to do.
        expected: String,
    },
    /// The folder has a model's weights in another form than a graph.
    #[error(
        "the model has no ONNX graph, only weights in another form: `{}`; make the graph with \
         `pip install optimum-onnx` and `{command}`", weights.display()
    )]
    NoGraph {
        /// The weights.
        weights: PathBuf,
        /// What makes a graph of them.
        command: String,
    },
    /// Several graphs lie in the folder and nothing says which one to use.
    #[error(
        "several graphs in `{}`: {}; name one as `graph` in gleaner.toml",
        folder.display(), candidates.join(", ")
    )]
    AmbiguousGraph {
        /// The model folder.
        folder: PathBuf,
        /// The graphs found, relative to the folder.
        candidates: Vec<String>,
    },
    /// The graph's inputs or outputs are not a layout that can be used.
    #[error(
        "the layout of `{}` is not known: {reason}; inputs: {}; outputs: {}",
        path.display(), inputs.join(", "), outputs.join(", ")
    )]
    UnknownLayout {
        /// The graph.
        path: PathBuf,
        /// What does not fit.
        reason: String,
        /// The inputs found, as `name: element[shape]`.
        inputs: Vec<String>,
        /// The outputs found, as `name: element[shape]`.
        outputs: Vec<String>,
    },
    /// The tokenizer and the graph belong to different vocabularies.
    #[error(
        "tokenizer and graph do not match: {tokens} tokens, but output `{output}` has {columns} \
         columns; take the tokenizer.json of the same model, or, where columns are not all tokens, \
         state [terms] in gleaner.toml"
    )]
    VocabularyMismatch {
        /// The graph output.
        output: String,
        /// Its number of columns.
        columns: usize,
        /// The number of terms: the tokenizer's largest id plus one, or what `[terms]` states.
        tokens: usize,
    },
    /// The graph returns a short vector per token, as COIL and ColBERT do, or hidden states.
    #[error(
        "output `{output}` of `{}` holds {columns} values per token, not a logit for each of \
         {terms} terms: token vectors or hidden states are no sparse model; export the graph with \
         its output layer, or name that in a [head] table, as `gleaner model optimize` does; if \
         {columns} is the size of its vocabulary, tokenizer.json is another model's", path.display()
    )]
    TokenVectors {
        /// The graph.
        path: PathBuf,
        /// Its output.
        output: String,
        /// Values per token.
        columns: usize,
        /// The number of terms.
        terms: usize,
    },
    /// The graph returns a short vector per text.
    #[error(
        "output `{output}` of `{}` holds {columns} values per text, not a weight for each of \
         {terms} terms: a dense embedding is no sparse model; export the graph with its output \
         layer, or state [terms] in gleaner.toml if columns are codes; a dense folder (`kind = \
         \"dense\"`) makes the vectors of a dense field: index --dense-model", path.display()
    )]
    DenseEmbedding {
        /// The graph.
        path: PathBuf,
        /// Its output.
        output: String,
        /// Values per text.
        columns: usize,
        /// The number of terms.
        terms: usize,
    },
    /// The folder says that it is another kind of model than the one asked for.
    #[error(
        "the model in `{}` is {found}, but a {asked} one is asked for: `kind` and the other keys of \
         its gleaner.toml say so; take a {asked} model, or correct that file", folder.display()
    )]
    OtherKind {
        /// The model folder.
        folder: PathBuf,
        /// What it is.
        found: &'static str,
        /// What was asked for.
        asked: &'static str,
    },
    /// A graph that was to be dense returns weights of terms.
    #[error(
        "output `{output}` of `{}` holds {columns} values in a row, with {terms} tokens in the \
         vocabulary: weights of terms are no dense embedding; open it as a sparse model, or state \
         kind = \"dense\" in gleaner.toml", path.display()
    )]
    SparseWeights {
        /// The graph.
        path: PathBuf,
        /// Its output.
        output: String,
        /// Values in a row.
        columns: usize,
        /// The number of tokens.
        terms: usize,
    },
    /// A row of weights is not sparse: mostly negative, or hardly a zero in it.
    #[error(
        "text {text} has {positive} positive and {negative} negative weights of {columns} terms: \
         this is no sparse model; a graph that pools must also activate (log1p of relu), and one \
         that returns logits must have been trained to be sparse"
    )]
    NotSparse {
        /// Position of the text in the call.
        text: usize,
        /// Weights above zero.
        positive: usize,
        /// Weights below zero.
        negative: usize,
        /// All weights.
        columns: usize,
    },
    /// A file that a graph keeps its weights in is not one of the model folder.
    #[error(
        "`{}` keeps weights in `{location}`, which is refused: {reason}; \
         put the file beside the graph and export its plain name", graph.display()
    )]
    ExternalData {
        /// The graph.
        graph: PathBuf,
        /// The path it names.
        location: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A table of weights holds one that cannot be.
    #[error(
        "token `{token}` has weight {weight} in `{}`: weights are numbers from 0; \
         set it to 0 to ignore the token", path.display()
    )]
    TableWeight {
        /// The table.
        path: PathBuf,
        /// The token.
        token: String,
        /// Its weight.
        weight: f64,
    },
    /// A table of weights belongs to another vocabulary.
    #[error(
        "`{}` has {count} tokens that the model has not, such as {}; \
         take the table and the tokenizer.json of the same model", path.display(), quoted(first)
    )]
    UnknownTokens {
        /// The table.
        path: PathBuf,
        /// How many.
        count: usize,
        /// The first few, in order.
        first: Vec<String>,
    },
    /// The model folder does not offer the encoder asked for.
    #[error(
        "the model in `{}` does not offer `{asked}` for queries, only {}; add its files, or state \
         `also = [\"{asked}\"]` under [query] in gleaner.toml", folder.display(), quoted(offered)
    )]
    QueryEncoder {
        /// The model folder.
        folder: PathBuf,
        /// The encoder asked for.
        asked: &'static str,
        /// Those it offers.
        offered: Vec<&'static str>,
    },
    /// The graph returned a term id that does not exist.
    #[error(
        "output `{output}` names term {term} for text {text}, but there are {terms} terms; \
         take the tokenizer.json of the same model, or state `count` under [terms] in gleaner.toml"
    )]
    UnknownTerm {
        /// The graph output.
        output: String,
        /// Position of the text in the call.
        text: usize,
        /// The term id.
        term: i64,
        /// The number of terms.
        terms: usize,
    },
    /// Nothing is known of where a term's weight comes from.
    #[error(
        "provenance is not known for {layout} with {pooling} pooling: only where Gleaner itself \
         takes the largest value over tokens; use a graph that returns logits, hidden states with \
         a [head], or token weights"
    )]
    NoProvenance {
        /// The layout of the side.
        layout: &'static str,
        /// Its pooling.
        pooling: &'static str,
    },
    /// Spans that cannot cut a text; the command line calls them windows.
    #[error("windows of {length} tokens that overlap by {overlap} are of no use: {reason}")]
    Spans {
        /// Tokens of a span.
        length: usize,
        /// Tokens that two spans share.
        overlap: usize,
        /// What they must be.
        reason: String,
    },
    /// A text could not be tokenized.
    #[error("cannot tokenize text {text}")]
    Tokenize {
        /// Position of the text in the call.
        text: usize,
        /// What the tokenizer said.
        source: Cause,
    },
    /// ONNX Runtime failed at something other than loading a graph file.
    #[error("ONNX Runtime failed to {action}")]
    Runtime {
        /// What was being done.
        action: &'static str,
        /// What it said.
        source: Cause,
    },
    /// The graph returned a tensor of another shape than it declared.
    #[error(
        "output `{output}` has shape {found:?}, expected {expected:?}; if texts cannot share a run \
         of this graph, state batching = \"single\" in gleaner.toml, and `layout` if another is meant"
    )]
    OutputShape {
        /// The graph output.
        output: String,
        /// The shape that follows from the input.
        expected: Vec<i64>,
        /// The shape that came back.
        found: Vec<i64>,
    },
    /// The model produced a weight that is not a number, or infinite.
    #[error(
        "text {text} has weight {weight} for term {term}: the graph computes what is no weight; \
         export it again, in float32 if it is in float16"
    )]
    NonFinite {
        /// Position of the text in the call.
        text: usize,
        /// The vocabulary entry.
        term: u32,
        /// The weight.
        weight: f32,
    },
    /// A dense model produced a number that is none, or infinite.
    #[error(
        "text {text} has {value} in dimension {dimension}: the graph computes what is no \
         embedding; export it again, in float32 if it is in float16"
    )]
    NonFiniteEmbedding {
        /// Position of the text in the call.
        text: usize,
        /// Where in the vector.
        dimension: usize,
        /// The value.
        value: f32,
    },
    /// The model produced a vector that cannot be stored.
    #[error("the vector of text {text} is not valid")]
    Vector {
        /// Position of the text in the call.
        text: usize,
        /// What is wrong with it.
        source: VectorError,
    },
    /// A self-test was asked of a model that states no golden vectors.
    #[error("the model in `{}` names no golden file, so it cannot be tested", folder.display())]
    NoGolden {
        /// The model folder.
        folder: PathBuf,
    },
    /// The faster form of a model folder cannot be made.
    #[error("cannot optimize `{}`: {reason}", path.display())]
    CannotOptimize {
        /// The graph, or what stands in the way.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A model that was made from another one gives other vectors.
    #[error(
        "the optimized graph differs from the original by {largest_difference:e}, more than \
         {tolerance:e}; nothing was changed"
    )]
    NotEquivalent {
        /// Largest difference of a weight.
        largest_difference: f32,
        /// Largest that passes.
        tolerance: f32,
    },
    /// A file of the model folder could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}

/// An error with its causes in one line, each said once: a transparent error repeats its source.
pub fn chain(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.ends_with(&text) {
            message = format!("{message}: {text}");
        }
        cause = error.source();
    }
    message
}

fn quoted(names: &[impl AsRef<str>]) -> String {
    names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}

impl EncodeError {
    /// Wraps what ONNX Runtime said while doing `action`.
    pub(crate) fn runtime(action: &'static str) -> impl FnOnce(ort::Error) -> Self {
        move |source| Self::Runtime { action, source: source.into() }
    }

    /// The same error, where texts were pieces: `of` says which text a piece is from.
    pub(crate) fn of_texts(mut self, of: impl Fn(usize) -> usize) -> Self {
        if let Some(text) = self.text_mut() {
            *text = of(*text);
        }
        self
    }

    /// The position of the text that the error names, where it is about one text.
    fn text_mut(&mut self) -> Option<&mut usize> {
        match self {
            Self::NotSparse { text, .. }
            | Self::UnknownTerm { text, .. }
            | Self::Tokenize { text, .. }
            | Self::NonFinite { text, .. }
            | Self::NonFiniteEmbedding { text, .. }
            | Self::Vector { text, .. } => Some(text),
            Self::RuntimeNotFound { .. }
            | Self::RuntimeLoad { .. }
            | Self::RuntimeInUse { .. }
            | Self::ModelNotFound { .. }
            | Self::MissingFile { .. }
            | Self::Read { .. }
            | Self::InvalidFile { .. }
            | Self::InvalidSetting { .. }
            | Self::NotUnderstood { .. }
            | Self::NoGraph { .. }
            | Self::AmbiguousGraph { .. }
            | Self::UnknownLayout { .. }
            | Self::VocabularyMismatch { .. }
            | Self::TokenVectors { .. }
            | Self::DenseEmbedding { .. }
            | Self::OtherKind { .. }
            | Self::SparseWeights { .. }
            | Self::ExternalData { .. }
            | Self::TableWeight { .. }
            | Self::UnknownTokens { .. }
            | Self::QueryEncoder { .. }
            | Self::NoProvenance { .. }
            | Self::Spans { .. }
            | Self::Runtime { .. }
            | Self::OutputShape { .. }
            | Self::NoGolden { .. }
            | Self::CannotOptimize { .. }
            | Self::NotEquivalent { .. }
            | Self::Write { .. } => None,
        }
    }
}
