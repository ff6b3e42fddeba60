//! What a dense folder of sentence-transformers says about itself, in that library's own files.
//!
//! Only defaults: `gleaner.toml` states otherwise where it wants to. A way to pool that is not
//! known here is an error, never a guess. TransformerFile and prompts are read here for sparse folders too;
//! what else those say is `splade.rs`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::EncodeError;
use crate::family::choices::DensePooling;
use crate::family::folder::stated;
use crate::family::settings::modules::{self, MODULES};
use crate::family::settings::said::{ObjectFile, Said};

const PROMPTS: &str = "config_sentence_transformers.json";
/// Names that prompts of the document side have, first the most usual.
const DOCUMENT_PROMPTS: [&str; 3] = ["document", "passage", "corpus"];
/// Names that the configuration of a transformer has, first the usual one.
const TRANSFORMER_FILES: [&str; 7] = [
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
];

/// What those files state; every field may be left open.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Sentence {
    pub(crate) pooling: Option<Said<DensePooling>>,
    /// Width of the vectors that are pooled.
    pub(crate) dims: Option<usize>,
    pub(crate) normalize: Option<Said<bool>>,
    /// Tokens per text.
    pub(crate) max_length: Option<Said<usize>>,
    pub(crate) lower_case: Option<Said<bool>>,
    /// What is put before queries and before documents.
    pub(crate) prompts: [Option<Said<String>>; 2],
    /// Prefixes are not pooled.
    pub(crate) leaves_prompts_out: bool,
    /// A step after pooling that is not known here.
    pub(crate) other_step: Option<String>,
}

/// What the configuration of a transformer states.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct TransformerFile {
    /// Tokens per text.
    pub(crate) max_length: Option<Said<usize>>,
    pub(crate) lower_case: Option<Said<bool>>,
}

impl TransformerFile {
    /// Reads the configuration of the transformer in a folder below the model's. `task` is what
    /// its model must have been made for.
    ///
    /// Errors: `Read`, `InvalidFile`; `NotUnderstood` for keys and values that are not known.
    pub(crate) fn read(
        folder: &Path,
        below: &Path,
        task: Option<&str>,
    ) -> Result<Self, EncodeError> {
        let is_there = |name: &&str| folder.join(below).join(name).is_file();
        let name = TRANSFORMER_FILES.into_iter().find(is_there).unwrap_or(TRANSFORMER_FILES[0]);
        let file = ObjectFile::read(folder, &below.join(name), "transformer configuration")?;
        let Some(file) = file else { return Ok(Self::default()) };
        // Those of the last line say how weights are loaded or run, which an exported graph has
        // behind it.
        file.only(&[
            "max_seq_length",
            "do_lower_case",
            "transformer_task",
            "processing_kwargs",
            "processor_kwargs",
            "tokenizer_args",
            "modality_config",
            "module_output_name",
            "unpad_inputs",
            "model_args",
            "model_kwargs",
            "config_args",
            "config_kwargs",
        ])?;
        for key in ["processing_kwargs", "processor_kwargs", "tokenizer_args"] {
            if file.says(key) {
                let expected = "settings of the tokenizer are read from tokenizer.json alone";
                return Err(file.not_understood(key, expected));
            }
        }
        if let Some(task) = task {
            file.choice("transformer_task", &[(task, ())])?;
        }
        let max_length = file.get::<usize>("max_seq_length", "it is to be a number of tokens")?;
        if max_length.as_ref().is_some_and(|length| length.value == 0) {
            return Err(file.not_understood("max_seq_length", "a text has one token at least"));
        }
        let lower_case = file.get("do_lower_case", "it is to be true or false")?;
        Ok(Self { max_length, lower_case })
    }
}

/// The prompts of queries and of documents; nothing for empty ones.
///
/// Errors: `Read`, `InvalidFile`; `NotUnderstood` for what is no text.
pub(crate) fn prompts(folder: &Path) -> Result<[Option<Said<String>>; 2], EncodeError> {
    let file = ObjectFile::read(folder, Path::new(PROMPTS), PROMPTS)?;
    let Some(file) = file else { return Ok([None, None]) };
    let expected = "it is to have texts by their names";
    let stated = file.get::<BTreeMap<String, Option<String>>>("prompts", expected)?;
    let stated = stated.map(|said| said.value).unwrap_or_default();
    let default = file.get::<String>("default_prompt_name", "it is to be a name")?;
    let default = default.map(|said| said.value);
    let prompt = |names: &[&str]| {
        let own = names.iter().copied().find(|name| stated.contains_key(*name));
        let name = own.or(default.as_deref())?;
        let prompt = stated.get(name)?.clone().filter(|prompt| !prompt.is_empty())?;
        Some(file.said(&format!("prompts.{name}"), prompt))
    };
    Ok([prompt(&["query"]), prompt(&DOCUMENT_PROMPTS)])
}

impl Sentence {
    /// Errors: `Read` and `InvalidFile` for files that cannot be understood; `MissingFile` and
    /// `InvalidSetting` for modules that are not in the folder.
    pub(crate) fn read(folder: &Path) -> Result<Self, EncodeError> {
        let mut found = Self::default();
        let modules_file = folder.join(MODULES);
        let mut pooling_file = PathBuf::from("1_Pooling/config.json");
        for module in modules::list(folder)?.iter().flatten() {
            match module.name() {
                "Transformer" => {}
                "Pooling" => {
                    let file = module.path.join("config.json");
                    let names = ("modules.json", "pooling configuration");
                    stated(folder, &file, &modules_file, names)?;
                    pooling_file = file;
                }
                "Normalize" => {
                    found.normalize = Some(Said { value: true, from: MODULES.to_owned() });
                }
                other => found.other_step = Some(other.to_owned()),
            }
        }
        found.take_pooling(folder, &pooling_file)?;
        let TransformerFile { max_length, lower_case } =
            TransformerFile::read(folder, Path::new(""), None)?;
        (found.max_length, found.lower_case) = (max_length, lower_case);
        found.prompts = prompts(folder)?;
        Ok(found)
    }

    fn take_pooling(&mut self, folder: &Path, name: &Path) -> Result<(), EncodeError> {
        let what = "pooling configuration";
        let Some(file) = ObjectFile::read(folder, name, what)? else { return Ok(()) };
        let number = "it is to be a number of dimensions";
        let dims = file.get::<usize>("embedding_dimension", number)?;
        let dims = dims.or(file.get::<usize>("word_embedding_dimension", number)?);
        self.dims = dims.map(|dims| dims.value);
        let includes = file.get::<bool>("include_prompt", "it is to be true or false")?;
        self.leaves_prompts_out = includes.is_some_and(|includes| !includes.value);
        self.pooling = Some(pooling(&file, name)?);
        Ok(())
    }
}

/// How a configuration pools: by its key `pooling_mode`, or else by the flags of older ones.
///
/// Errors: `NotUnderstood` for ways that are not known here, and for several at once.
fn pooling(file: &ObjectFile, name: &Path) -> Result<Said<DensePooling>, EncodeError> {
    let expected = "only mean, cls or max can be, and one of them; export a graph that pools \
                    itself and state pooling = \"graph\"";
    let known = |mode: &str| match mode {
        "mean" | "mean_tokens" => Some(DensePooling::Mean),
        "cls" | "cls_token" => Some(DensePooling::Cls),
        "max" | "max_tokens" => Some(DensePooling::Max),
        _ => None,
    };
    if let Some(stated) = file.get::<OneOrMore>("pooling_mode", expected)? {
        let modes = match stated.value {
            OneOrMore::One(mode) => vec![mode],
            OneOrMore::More(modes) => modes,
        };
        return match &modes[..] {
            [mode] => known(mode).map(|mode| file.said("pooling_mode", mode)),
            _ => None,
        }
        .ok_or_else(|| file.not_understood("pooling_mode", expected));
    }
    let flags = file.flags("pooling_mode_");
    match flags[..] {
        // What the library does where nothing is stated.
        [] => Ok(Said { value: DensePooling::Mean, from: name.display().to_string() }),
        [key] => known(key.trim_start_matches("pooling_mode_"))
            .map(|mode| file.said(key, mode))
            .ok_or_else(|| file.not_understood(key, expected)),
        [_, second, ..] => Err(file.not_understood(second, expected)),
    }
}

/// `"mean"`, or `["mean", "max"]`.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}
