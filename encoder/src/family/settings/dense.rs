//! `gleaner.toml` of a dense model, and what holds where it is silent.
//!
//! Every key may be left out, and so may the file where the folder is one of sentence-transformers:
//! its `modules.json`, `1_Pooling/config.json`, `sentence_bert_config.json` and
//! `config_sentence_transformers.json` then say the same.
//!
//! ```toml
//! kind = "dense"
//! graph = "onnx/model.onnx"   # default: the only .onnx file in the folder or its `onnx` subfolder
//! pooling = "mean"            # "cls", "max", or "graph": it pools; default: as the folder says, and
//!                             # "graph" where the output is a row per text
//! normalize = true            # to length 1; default: whether modules.json lists Normalize
//! dims = 384                  # where the graph leaves the width open; default: the folder's
//! batching = "padded"         # or "single", the default for graphs that quantise over a batch
//! max_length = { query = 32, document = 256 }   # default: the folder's, else 512, or the model's positions
//! inputs = { ids = "input_ids", mask = "attention_mask", types = "token_type_ids" }   # names
//! outputs = { embedding = "sentence_embedding" }                                      # its name
//!
//! [query]                     # and [document]
//! prefix = "query: "          # put before every text; default: the folder's prompt of that name
//! max_length = 32             # instead of the key above
//!
//! [golden]
//! file = "golden.json"        # default: none, and no self-test
//! tolerance = 0.0001          # largest allowed difference of a number; default 1e-4
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::EncodeError;
use crate::family::choices::{Batching, DensePooling};
use crate::family::folder::{FILE_NAME, only_graph, positions, stated};
use crate::family::kind::ModelKind;
use crate::family::lengths::{FileMaxLength, Lengths};
use crate::family::settings::golden::{FileGolden, Golden};
use crate::family::settings::names::{FileInputs, Names};
use crate::family::settings::said::Said;
use crate::family::settings::sentence::Sentence;
use crate::files::{read_text, toml_cause};
use crate::onnx::mentions::mentions;
use crate::text::template::Template;

/// Tokens per text where nothing is stated and the model has more positions: what most have.
const DEFAULT_MAX_LENGTH: usize = 512;

/// What is stated about a dense graph beside its file.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct DenseGraphSettings {
    pub(crate) inputs: Names,
    pub(crate) output: Option<String>,
    /// The pooling that `gleaner.toml` states.
    pub(crate) pooling: Option<DensePooling>,
    /// The width that is stated somewhere.
    pub(crate) dims: Option<usize>,
    /// Somebody said that the model is dense, whatever it looks like.
    pub(crate) is_dense: bool,
}

/// The settings of a dense folder, with defaults filled in where they need no knowledge of the
/// graph.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DenseSettings {
    /// The settings file, whether or not it exists; errors name it.
    pub(crate) path: PathBuf,
    pub(crate) file: PathBuf,
    pub(crate) graph: DenseGraphSettings,
    /// How the folder's own files pool.
    pub(crate) folder_pooling: Option<DensePooling>,
    /// A step after pooling that only a graph can do.
    pub(crate) other_step: Option<String>,
    pub(crate) normalize: bool,
    /// Texts are put into lower case before anything else.
    pub(crate) lower_case: bool,
    pub(crate) batching: Batching,
    pub(crate) lengths: Lengths,
    /// Of queries and of documents.
    pub(crate) templates: [Template; 2],
    pub(crate) golden: Option<Golden>,
    /// What states the settings, by their names on the card. Pooling may turn out to be the graph's.
    pub(crate) from: BTreeMap<&'static str, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DenseFile {
    kind: Option<ModelKind>,
    graph: Option<PathBuf>,
    pooling: Option<DensePooling>,
    normalize: Option<bool>,
    dims: Option<usize>,
    batching: Option<Batching>,
    #[serde(default)]
    max_length: FileMaxLength,
    #[serde(default)]
    inputs: FileInputs,
    #[serde(default)]
    outputs: DenseFileOutputs,
    #[serde(default)]
    query: DenseFileSide,
    #[serde(default)]
    document: DenseFileSide,
    golden: Option<FileGolden>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DenseFileOutputs {
    embedding: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DenseFileSide {
    prefix: Option<String>,
    max_length: Option<usize>,
}

impl DenseSettings {
    /// Reads what a folder states about itself.
    ///
    /// Errors: `OtherKind` for a folder that says it is sparse; `InvalidFile` for broken files and
    /// unknown keys; `InvalidSetting` for values the model cannot take; `MissingFile` or
    /// `AmbiguousGraph` when no graph can be named.
    pub(crate) fn read(folder: &Path) -> Result<Self, EncodeError> {
        ModelKind::Dense.check(folder)?;
        let path = folder.join(FILE_NAME);
        let file = match read_text(&path)? {
            Some(text) => toml::from_str(&text).map_err(|error| EncodeError::InvalidFile {
                what: "settings file",
                path: path.clone(),
                source: toml_cause(&error, &text),
            })?,
            None => DenseFile::default(),
        };
        file.settle(folder, path, Sentence::read(folder)?)
    }

    /// The pooling to apply to an output of one row per text, or of one per token.
    ///
    /// Errors: `InvalidSetting` when a row per token is left and nothing says how to pool, or a
    /// step follows that only a graph can do.
    pub(crate) fn pooling(&self, is_pooled: bool) -> Result<DensePooling, EncodeError> {
        if is_pooled {
            return Ok(DensePooling::Graph);
        }
        if let Some(step) = &self.other_step {
            let reason = format!(
                "modules.json lists {step} after it, which only a graph can do; export a graph that \
                 returns `sentence_embedding`"
            );
            return Err(self.invalid("pooling", reason));
        }
        self.graph.pooling.or(self.folder_pooling).ok_or_else(|| {
            let reason = "the graph returns a row per token, and neither this file nor \
                          1_Pooling/config.json says how to pool; state \"mean\", \"cls\" or \"max\"";
            self.invalid("pooling", reason.to_owned())
        })
    }

    /// An `InvalidSetting` of this file.
    pub(crate) fn invalid(&self, key: &'static str, reason: String) -> EncodeError {
        EncodeError::InvalidSetting { path: self.path.clone(), key, reason }
    }
}

impl DenseFile {
    fn settle(
        self,
        folder: &Path,
        path: PathBuf,
        sentence: Sentence,
    ) -> Result<DenseSettings, EncodeError> {
        let invalid = |key, reason: &str| {
            let (path, reason) = (path.clone(), reason.to_owned());
            Err(EncodeError::InvalidSetting { path, key, reason })
        };
        let graph = self.graph.as_ref();
        let graph = graph.map(|name| stated(folder, name, &path, ("graph", "graph")));
        let graph = graph.unwrap_or_else(|| only_graph(&[folder], None, ModelKind::Dense))?;
        let batching = self.batching.map_or_else(|| usual_batching(&graph), Ok)?;
        let own = [self.query.max_length, self.document.max_length];
        let default = sentence.max_length.clone();
        let default = default.unwrap_or_else(|| Said::default(DEFAULT_MAX_LENGTH));
        let defaults = [default.clone(), default];
        let lengths = self.max_length.settle(&path, own, defaults, [positions(folder)?; 2])?;
        let mut from = origins(&self, &sentence);
        from.extend(
            ["max_length.query", "max_length.document"].into_iter().zip(lengths.from.clone()),
        );
        let [query, document] = sentence.prompts.map(|prompt| prompt.map(|said| said.value));
        let prefixes = [self.query.prefix.or(query), self.document.prefix.or(document)];
        let templates = prefixes.map(|prefix| Template::prefix(prefix.as_deref().unwrap_or("")));
        if sentence.leaves_prompts_out && templates.iter().any(|template| !template.is_nothing()) {
            let reason = "1_Pooling/config.json leaves prompts out of the pooling, which is not \
                          supported; state an empty prefix, or take a graph that pools itself";
            return invalid("prefix", reason);
        }
        if self.dims == Some(0) {
            return invalid("dims", "a vector has at least one");
        }
        let golden = self.golden.as_ref().map(|golden| golden.settle(folder, &path)).transpose()?;
        Ok(DenseSettings {
            file: graph,
            graph: DenseGraphSettings {
                inputs: self.inputs.names(),
                output: self.outputs.embedding,
                pooling: self.pooling,
                dims: self.dims.or(sentence.dims.filter(|_| sentence.other_step.is_none())),
                is_dense: match self.kind {
                    Some(ModelKind::Dense) => true,
                    Some(ModelKind::Sparse) | None => sentence.pooling.is_some(),
                },
            },
            folder_pooling: sentence.pooling.map(|said| said.value),
            other_step: sentence.other_step,
            normalize: self.normalize.unwrap_or(sentence.normalize.is_some()),
            lower_case: sentence.lower_case.is_some_and(|said| said.value),
            batching,
            lengths,
            templates,
            golden,
            from,
            path,
        })
    }
}

/// What states the settings of a folder.
fn origins(file: &DenseFile, sentence: &Sentence) -> BTreeMap<&'static str, String> {
    let origin = |is_stated: bool, said: Option<&String>| match (is_stated, said) {
        (true, _) => FILE_NAME.to_owned(),
        (false, Some(from)) => from.clone(),
        (false, None) => "default".to_owned(),
    };
    let pooling = sentence.pooling.as_ref().map(|said| &said.from);
    let normalize = sentence.normalize.as_ref().map(|said| &said.from);
    let [query, document] =
        sentence.prompts.each_ref().map(|said| said.as_ref().map(|it| &it.from));
    let lower_case = sentence.lower_case.as_ref().filter(|said| said.value);
    let mut from = BTreeMap::from([
        ("pooling", origin(file.pooling.is_some(), pooling)),
        ("normalize", origin(file.normalize.is_some(), normalize)),
        ("query.template", origin(file.query.prefix.is_some(), query)),
        ("document.template", origin(file.document.prefix.is_some(), document)),
    ]);
    from.extend(lower_case.map(|said| ("lower_case", said.from.clone())));
    from
}

/// Texts run alone through a graph that quantises what it computes by the range of the whole batch.
fn usual_batching(graph: &Path) -> Result<Batching, EncodeError> {
    match mentions(graph, "DynamicQuantizeLinear") {
        Ok(true) => Ok(Batching::Single),
        Ok(false) => Ok(Batching::Padded),
        Err(source) => Err(EncodeError::Read { path: graph.to_owned(), source }),
    }
}
