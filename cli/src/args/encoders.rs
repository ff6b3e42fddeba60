//! Flags that say what encodes: the runtime, and the models of queries.
//!
//! Several commands have them. They become [`Models`] here, and nothing is opened.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gleaner::{Models, SideEncoder};

/// Where the ONNX Runtime is.
#[derive(Args, Clone)]
pub(crate) struct RuntimeArgs {
    /// ONNX Runtime library [default: searched; `make setup` fetches it]
    #[arg(long, value_name = "FILE")]
    pub(crate) ort_lib: Option<PathBuf>,
}

/// How queries become vectors.
#[derive(Args, Clone)]
pub(crate) struct QueryModelArgs {
    /// Model folder [default: the one recorded in the index]
    #[arg(long, value_name = "DIR")]
    pub(crate) model: Option<PathBuf>,
    /// What encodes queries [default: what the model folder states]; the folder must offer it
    #[arg(long, value_enum, value_name = "ENCODER")]
    pub(crate) query_encoder: Option<QueryEncoderArg>,
    /// Dense model folder [default: the one recorded in the index]
    #[arg(long, value_name = "DIR")]
    pub(crate) dense_model: Option<PathBuf>,
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
    /// The model's graph
    Graph,
    /// A table of weights, idf.json: every distinct term has its weight there; no graph is run
    Idf,
    /// Every distinct term weighs 1
    Ones,
    /// A table of sparse rows
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
