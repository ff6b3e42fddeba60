//! Flags that say what encodes: the runtime, and the models of queries.
//!
//! Several commands have them. They become [`Models`] here, and nothing is opened.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gleaner::{Models, SideEncoder};

/// Where the ONNX Runtime is.
#[derive(Args, Clone)]
pub(crate) struct RuntimeArgs {
    /// The library of ONNX Runtime, which runs the models [default: searched].
    ///
    /// `make setup` fetches it into the user's cache, where it is found.
    #[arg(long, value_name = "FILE", help_heading = "Model")]
    pub(crate) ort_lib: Option<PathBuf>,
}

/// How queries become vectors.
#[derive(Args, Clone)]
pub(crate) struct QueryModelArgs {
    /// The folder of the sparse model [default: the one recorded in the index].
    ///
    /// It must be the model that the index was built with.
    #[arg(long, value_name = "DIR", help_heading = "Model")]
    pub(crate) model: Option<PathBuf>,
    /// The folder of the dense model [default: the one recorded in the index].
    ///
    /// It must be the model that the dense field was built with.
    #[arg(long, value_name = "DIR", help_heading = "Model")]
    pub(crate) dense_model: Option<PathBuf>,
    /// What encodes queries; the model folder must offer it [default: what the folder states].
    #[arg(long, value_enum, value_name = "ENCODER", help_heading = "Model")]
    pub(crate) query_encoder: Option<QueryEncoderArg>,
    #[command(flatten)]
    pub(crate) runtime: RuntimeArgs,
}

impl RuntimeArgs {
    /// Models by this runtime, looked for where indexes recorded them.
    pub(crate) fn models(&self) -> Models {
        match &self.ort_lib {
            Some(file) => Models::new().runtime_library(file),
            None => Models::new(),
        }
    }
}

impl QueryModelArgs {
    /// Where models of queries are looked for.
    pub(crate) fn models(&self) -> Models {
        let mut models = self.runtime.models();
        if let Some(folder) = &self.model {
            models = models.sparse_folder(folder);
        }
        if let Some(folder) = &self.dense_model {
            models = models.dense_folder(folder);
        }
        match self.query_encoder {
            Some(encoder) => models.query_encoder(encoder.into()),
            None => models,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum QueryEncoderArg {
    /// The model itself
    Graph,
    /// A table of weights, idf.json, with a weight for every term; the model does not run
    Idf,
    /// Every distinct term weighs 1
    Ones,
    /// A table with a sparse vector for every term
    Embedding,
}

impl From<QueryEncoderArg> for SideEncoder {
    fn from(arg: QueryEncoderArg) -> Self {
        match arg {
            QueryEncoderArg::Graph => Self::Graph,
            QueryEncoderArg::Idf => Self::Idf,
            QueryEncoderArg::Ones => Self::Ones,
            QueryEncoderArg::Embedding => Self::Embedding,
        }
    }
}
