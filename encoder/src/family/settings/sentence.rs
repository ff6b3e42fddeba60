//! What a folder of sentence-transformers says about itself, in that library's own files.
//!
//! Only defaults: `gleaner.toml` states otherwise where it wants to. A way to pool that is not
//! known here is an error, never a guess.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{Cause, EncodeError};
use crate::family::choices::DensePooling;
use crate::family::folder::stated;
use crate::files::read_text;

const MODULES: &str = "modules.json";
const PROMPTS: &str = "config_sentence_transformers.json";
/// Names that prompts of the document side have, first the most usual.
const DOCUMENT_PROMPTS: [&str; 3] = ["document", "passage", "corpus"];

/// What those files state; every field may be left open.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Sentence {
    pub(crate) pooling: Option<DensePooling>,
    /// Width of the vectors that are pooled.
    pub(crate) dims: Option<usize>,
    pub(crate) normalize: bool,
    /// Tokens per text.
    pub(crate) max_length: Option<usize>,
    pub(crate) lower_case: bool,
    /// What is put before queries and before documents.
    pub(crate) prompts: [Option<String>; 2],
    /// Prefixes are not pooled.
    pub(crate) leaves_prompts_out: bool,
    /// A step after pooling that is not known here.
    pub(crate) other_step: Option<String>,
}

#[derive(Deserialize)]
struct Module {
    #[serde(default)]
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

impl Module {
    /// `Pooling` of `sentence_transformers.models.Pooling`.
    fn name(&self) -> &str {
        self.kind.rsplit('.').next().unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct PoolingFile {
    word_embedding_dimension: Option<usize>,
    include_prompt: Option<bool>,
    #[serde(flatten)]
    others: BTreeMap<String, serde_json::Value>,
}

#[derive(Default, Deserialize)]
struct LengthFile {
    max_seq_length: Option<usize>,
    #[serde(default)]
    do_lower_case: bool,
}

#[derive(Default, Deserialize)]
struct PromptFile {
    #[serde(default)]
    prompts: BTreeMap<String, String>,
    default_prompt_name: Option<String>,
}

/// Whether the folder is one of sentence-transformers that pools tokens into a vector.
pub(crate) fn has_pooling(folder: &Path) -> Result<bool, EncodeError> {
    let modules: Option<Vec<Module>> = read(&folder.join(MODULES), MODULES)?;
    Ok(modules.unwrap_or_default().iter().any(|module| module.name() == "Pooling"))
}

impl Sentence {
    /// Errors: `Read` and `InvalidFile` for files that cannot be understood; `MissingFile` and
    /// `InvalidSetting` for modules that are not in the folder.
    pub(crate) fn read(folder: &Path) -> Result<Self, EncodeError> {
        let mut found = Self::default();
        let modules_file = folder.join(MODULES);
        let modules: Option<Vec<Module>> = read(&modules_file, MODULES)?;
        let mut pooling_file = Some(folder.join("1_Pooling/config.json"));
        for module in modules.iter().flatten() {
            match module.name() {
                "Transformer" => {}
                "Pooling" => {
                    let file = Path::new(&module.path).join("config.json");
                    let names = ("modules.json", "pooling configuration");
                    pooling_file = Some(stated(folder, &file, &modules_file, names)?);
                }
                "Normalize" => found.normalize = true,
                other => found.other_step = Some(other.to_owned()),
            }
        }
        if let Some(path) = pooling_file.take() {
            found.take_pooling(path)?;
        }
        found.take_lengths(folder)?;
        found.take_prompts(folder)?;
        Ok(found)
    }

    fn take_pooling(&mut self, path: PathBuf) -> Result<(), EncodeError> {
        let Some(file): Option<PoolingFile> = read(&path, "pooling configuration")? else {
            return Ok(());
        };
        self.dims = file.word_embedding_dimension;
        self.leaves_prompts_out = file.include_prompt == Some(false);
        let modes: Vec<&str> = file
            .others
            .iter()
            .filter(|(_, value)| value.as_bool() == Some(true))
            .filter_map(|(key, _)| key.strip_prefix("pooling_mode_"))
            .collect();
        self.pooling = Some(match modes[..] {
            ["cls_token"] => DensePooling::Cls,
            ["max_tokens"] => DensePooling::Max,
            // What the library does where nothing is stated.
            ["mean_tokens"] | [] => DensePooling::Mean,
            _ => {
                let reason = format!(
                    "pooling by {} is not known, only by mean_tokens, cls_token or max_tokens; \
                     export a graph that pools itself and state pooling = \"graph\"",
                    modes.join(" and ")
                );
                let source: Cause = reason.into();
                return Err(EncodeError::InvalidFile {
                    what: "pooling configuration",
                    path,
                    source,
                });
            }
        });
        Ok(())
    }

    fn take_lengths(&mut self, folder: &Path) -> Result<(), EncodeError> {
        let path = folder.join("sentence_bert_config.json");
        let file: LengthFile = read(&path, "sentence_bert_config.json")?.unwrap_or_default();
        (self.max_length, self.lower_case) = (file.max_seq_length, file.do_lower_case);
        Ok(())
    }

    fn take_prompts(&mut self, folder: &Path) -> Result<(), EncodeError> {
        let PromptFile { prompts, default_prompt_name } =
            read(&folder.join(PROMPTS), PROMPTS)?.unwrap_or_default();
        let default = default_prompt_name.and_then(|name| prompts.get(&name));
        let prompt = |names: &[&str]| {
            let own = names.iter().find_map(|name| prompts.get(*name));
            own.or(default).filter(|prompt| !prompt.is_empty()).cloned()
        };
        self.prompts = [prompt(&["query"]), prompt(&DOCUMENT_PROMPTS)];
        Ok(())
    }
}

/// A JSON file, or nothing when there is none.
fn read<T: DeserializeOwned>(path: &Path, what: &'static str) -> Result<Option<T>, EncodeError> {
    let Some(text) = read_text(path)? else { return Ok(None) };
    let path = path.to_owned();
    serde_json::from_str(&text).map(Some).map_err(|error| EncodeError::InvalidFile {
        what,
        path,
        source: error.into(),
    })
}
