//! What a sparse folder of sentence-transformers says about itself, in that library's own files.
//!
//! Only defaults: `gleaner.toml` states otherwise where it wants to. A step that is not known here
//! is an error, never a guess; `pooling = "graph"` in `gleaner.toml` says that the graph has all
//! steps. The steps themselves are listed by `modules.rs`.

use std::path::{Path, PathBuf};

use crate::error::{Cause, EncodeError};
use crate::family::choices::{Activation, Pooling};
use crate::family::folder::{first_present, positions};
use crate::family::settings::modules::{DEFAULT_POOLING, Module, Routes};
use crate::family::settings::said::{ObjectFile, Said, not_understood};
use crate::family::settings::sentence::{TransformerFile, prompts};
use crate::files::{json_cause, read_file};

/// Longer limits of tokenizers mean that there is none.
const LONGEST: f64 = 1e6;

/// What those files state of both sides.
#[derive(Debug, Default)]
pub(crate) struct Splade {
    pub(crate) query: SpladeSide,
    pub(crate) document: SpladeSide,
}

/// What they state of one side; every field may be left open.
#[derive(Debug, Clone, Default)]
pub(crate) struct SpladeSide {
    pub(crate) pooling: Option<Said<Pooling>>,
    pub(crate) activation: Option<Said<Activation>>,
    /// Tokens per text.
    pub(crate) max_length: Option<Said<usize>>,
    /// The most that the model has positions for.
    pub(crate) positions: Option<usize>,
    pub(crate) lower_case: Option<Said<bool>>,
    /// What is put before texts.
    pub(crate) prompt: Option<Said<String>>,
    /// The transformer's folder, where it is not the model's.
    pub(crate) folder: Option<PathBuf>,
    /// The table of a static embedding, which needs no transformer.
    pub(crate) table: Option<Said<PathBuf>>,
    /// The static embedding's folder.
    table_folder: Option<PathBuf>,
}

impl Splade {
    /// Reads what a folder states. `has_steps` says that the graph has the steps after the
    /// transformer.
    ///
    /// Errors: `Read` and `InvalidFile` for files that cannot be understood; `NotUnderstood` for
    /// keys, values and steps that cannot; `MissingFile` for a static embedding without weights.
    pub(crate) fn read(folder: &Path, has_steps: bool) -> Result<Self, EncodeError> {
        let [query_prompt, document_prompt] = prompts(folder)?;
        let routes = Routes::read(folder)?;
        let Some(routes) = routes else {
            let mut side = SpladeSide::default();
            side.take_lengths(folder, Path::new(""))?;
            side.positions = positions(folder)?;
            if !has_steps {
                side.take_pooling(folder, Path::new(DEFAULT_POOLING))?;
            }
            return Ok(Self {
                query: SpladeSide { prompt: query_prompt, ..side.clone() },
                document: SpladeSide { prompt: document_prompt, ..side },
            });
        };
        if routes.is_dense() {
            // What is wrong with the folder shows in its graph.
            let side = SpladeSide { positions: positions(folder)?, ..SpladeSide::default() };
            return Ok(Self { query: side.clone(), document: side });
        }
        let side = |modules: &[Module]| SpladeSide::read(folder, &routes.file, modules, has_steps);
        let (mut query, mut document) = (side(&routes.query)?, side(&routes.document)?);
        (query.prompt, document.prompt) = (query_prompt, document_prompt);
        Ok(Self { query, document })
    }

    /// The tokenizer of both sides.
    ///
    /// Errors: `InvalidFile` when the sides have different ones; `Read`.
    pub(crate) fn tokenizer(&self, folder: &Path) -> Result<PathBuf, EncodeError> {
        let own = [&self.document.folder, &self.query.folder, &self.query.table_folder];
        let own = own.into_iter().flatten().map(|folder| folder.join("tokenizer.json"));
        let mut found: Vec<PathBuf> = own.filter(|path| path.is_file()).collect();
        let common = folder.join("tokenizer.json");
        if common.is_file() {
            let place = if self.document.folder.is_some() { found.len() } else { 0 };
            found.insert(place, common.clone());
        }
        let Some(first) = found.first().cloned() else { return Ok(common) };
        let expected = vocabulary(&first)?;
        for path in found.into_iter().skip(1) {
            if vocabulary(&path)? != expected {
                let reason = format!("it is another tokenizer than `{}`", first.display());
                let source: Cause = reason.into();
                return Err(EncodeError::InvalidFile {
                    what: "tokenizer of queries",
                    path,
                    source,
                });
            }
        }
        Ok(first)
    }
}

/// A tokenizer, but for how it cuts and pads, which Gleaner does itself.
fn vocabulary(path: &Path) -> Result<serde_json::Value, EncodeError> {
    let bytes = read_file("tokenizer", path)?;
    let mut value: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|error| EncodeError::InvalidFile {
            what: "tokenizer",
            path: path.to_owned(),
            source: json_cause(&error),
        })?;
    if let Some(object) = value.as_object_mut() {
        object.retain(|key, _| key != "truncation" && key != "padding");
    }
    Ok(value)
}

impl SpladeSide {
    fn read(
        folder: &Path,
        file: &Path,
        modules: &[Module],
        has_steps: bool,
    ) -> Result<Self, EncodeError> {
        let mut side = Self::default();
        for (place, module) in modules.iter().enumerate() {
            match module.name() {
                "Transformer" | "MLMTransformer" if place == 0 => {
                    side.take_transformer(folder, &module.path)?;
                }
                "SparseStaticEmbedding" | "IDF" if place == 0 && modules.len() == 1 => {
                    side.take_table(folder, &module.path)?;
                }
                _ if has_steps => {}
                "SpladePooling" if place == 1 => {
                    if !side.take_pooling(folder, &module.path)? {
                        let path = folder.join(&module.path).join("config.json");
                        let what = "pooling configuration";
                        return Err(EncodeError::MissingFile { what, path });
                    }
                }
                _ => {
                    let expected = "the step is not known at this place; if the graph has it, \
                                    state pooling = \"graph\" in gleaner.toml";
                    return Err(not_understood(file, "type", &module.kind, expected));
                }
            }
        }
        Ok(side)
    }

    fn take_transformer(&mut self, folder: &Path, below: &Path) -> Result<(), EncodeError> {
        let own = folder.join(below);
        self.take_lengths(folder, below)?;
        self.positions = positions(&own)?;
        if self.max_length.is_none() {
            self.max_length = tokenizer_limit(folder, below)?;
            if let Some(bound) = self.positions {
                let larger = |said: &Said<usize>| said.value > bound;
                if self.max_length.as_ref().is_none_or(larger) {
                    let from = format!("{} (max_position_embeddings)", shown(below, "config.json"));
                    self.max_length = Some(Said { value: bound, from });
                }
            }
        }
        if below.components().next().is_some() {
            self.folder = Some(own);
        }
        Ok(())
    }

    fn take_lengths(&mut self, folder: &Path, below: &Path) -> Result<(), EncodeError> {
        let TransformerFile { max_length, lower_case } =
            TransformerFile::read(folder, below, Some("fill-mask"))?;
        (self.max_length, self.lower_case) = (max_length, lower_case);
        Ok(())
    }

    /// Reads the configuration of SPLADE's pooling; whether there is one.
    fn take_pooling(&mut self, folder: &Path, below: &Path) -> Result<bool, EncodeError> {
        let name = below.join("config.json");
        let Some(file) = ObjectFile::read(folder, &name, "pooling configuration")? else {
            return Ok(false);
        };
        let known = [
            "pooling_strategy",
            "activation_function",
            "word_embedding_dimension",
            "embedding_dimension",
            "chunk_size",
        ];
        file.only(&known)?;
        let pooling = [("max", Pooling::Max), ("sum", Pooling::Sum)];
        let pooling = file.choice("pooling_strategy", &pooling)?;
        let said = |value| Said { value, from: name.display().to_string() };
        self.pooling = Some(pooling.unwrap_or_else(|| said(Pooling::Max)));
        // The library takes one more logarithm than the name of its activation says.
        let activation =
            [("relu", Activation::Log1pRelu), ("log1p_relu", Activation::Log1pLog1pRelu)];
        let activation = file.choice("activation_function", &activation)?;
        let default = Said { value: Activation::Log1pRelu, from: name.display().to_string() };
        self.activation = Some(activation.unwrap_or(default));
        Ok(true)
    }

    /// Finds the table of a static embedding: JSON that its configuration names, else its weights,
    /// else a table by a usual name.
    fn take_table(&mut self, folder: &Path, below: &Path) -> Result<(), EncodeError> {
        let own = folder.join(below);
        let usual = ["idf.json", "query_token_weights.txt"];
        let config = ObjectFile::read(folder, &below.join("config.json"), "static embedding")?;
        let named = config.as_ref().map(|file| named_table(file, folder, &own)).transpose()?;
        let found = named.flatten().or_else(|| {
            let weights = first_present(&own, &["model.safetensors"]);
            let path = weights.or_else(|| first_present(&own, &usual));
            let path = path.or_else(|| first_present(folder, &usual))?;
            let from = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
            Some(Said { value: path, from })
        });
        let Some(found) = found else {
            let path = own.join("model.safetensors");
            return Err(EncodeError::MissingFile { what: "table of weights", path });
        };
        self.max_length = tokenizer_limit(folder, below)?;
        (self.table, self.table_folder) = (Some(found), Some(own));
        Ok(())
    }
}

/// The table that the configuration of a static embedding names.
fn named_table(
    file: &ObjectFile,
    folder: &Path,
    own: &Path,
) -> Result<Option<Said<PathBuf>>, EncodeError> {
    file.only(&["frozen", "path"])?;
    let expected = "it is to be the name of a JSON file in the model folder";
    let Some(path) = file.get::<String>("path", expected)? else { return Ok(None) };
    let name = Path::new(&path.value);
    let is_plain = name.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    let found = first_present(own, &[path.value.as_str()]);
    let found = found.or_else(|| first_present(folder, &[path.value.as_str()]));
    match found.filter(|_| is_plain && name.extension().is_some_and(|end| end == "json")) {
        Some(value) => Ok(Some(Said { value, from: path.from })),
        None => Err(file.not_understood("path", expected)),
    }
}

/// The tokens that a tokenizer's configuration says a text may have.
fn tokenizer_limit(folder: &Path, below: &Path) -> Result<Option<Said<usize>>, EncodeError> {
    let name = below.join("tokenizer_config.json");
    let Some(file) = ObjectFile::read(folder, &name, "tokenizer configuration")? else {
        return Ok(None);
    };
    let limit = file.get::<f64>("model_max_length", "it is to be a number of tokens")?;
    let limit = limit.filter(|limit| limit.value <= LONGEST);
    match limit {
        Some(Said { value, .. }) if value < 1.0 || value.fract() != 0.0 => {
            Err(file.not_understood("model_max_length", "it is to be a number of tokens"))
        }
        Some(Said { value, from }) => Ok(Some(Said { value: value as usize, from })),
        None => Ok(None),
    }
}

fn shown(below: &Path, name: &str) -> String {
    below.join(name).display().to_string()
}
