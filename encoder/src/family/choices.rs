//! What a folder may choose: pooling, activation, batching, and what encodes a side.
//!
//! Names here are those of `gleaner.toml`, of model cards and of fingerprints, so none may change.
//! A new choice is a new variant; matches on it then fail to compile. Lists (`ALL`), command-line
//! flags and names read from other tools' folders do not: `docs/how-to-add.md` has them.

use serde::{Deserialize, Serialize};

/// How a text's token rows become one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The largest value over the text's tokens.
    Max,
    /// The sum over the text's tokens, activated before summing.
    Sum,
    /// The graph has pooled.
    Graph,
}

impl Pooling {
    /// Its name in settings, messages and fingerprints.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Max => "max",
            Self::Sum => "sum",
            Self::Graph => "graph",
        }
    }

    /// Whether every text must run alone. A sum adds up the noise of all tokens, beyond the
    /// tolerance.
    pub(crate) fn runs_alone(self) -> bool {
        match self {
            Self::Sum => true,
            Self::Max | Self::Graph => false,
        }
    }
}

/// What is applied to a logit to make it a weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `ln(1 + max(x, 0))`.
    Log1pRelu,
    /// `ln(1 + ln(1 + max(x, 0)))`.
    Log1pLog1pRelu,
    /// `max(x, 0)`.
    Relu,
    /// 1 where `x > 0`, else 0.
    Binary,
    /// The graph has activated.
    Graph,
}

impl Activation {
    /// Its name in settings and fingerprints.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Log1pRelu => "log1p_relu",
            Self::Log1pLog1pRelu => "log1p_log1p_relu",
            Self::Relu => "relu",
            Self::Binary => "binary",
            Self::Graph => "graph",
        }
    }

    /// The weight of a logit; 0 or less gives 0, and what is not a number stays so.
    #[inline]
    pub(crate) fn apply(self, logit: f32) -> f32 {
        if logit <= 0.0 {
            return 0.0;
        }
        match self {
            Self::Log1pRelu => logit.ln_1p(),
            Self::Log1pLog1pRelu => logit.ln_1p().ln_1p(),
            Self::Binary if logit.is_finite() => 1.0,
            Self::Binary | Self::Relu | Self::Graph => logit,
        }
    }

    /// What decides whether a term stays: its weight, or where weights are all alike, its logit.
    #[inline]
    pub(crate) fn decisive(self, logit: f32, weight: f32) -> f32 {
        match self {
            Self::Binary => logit,
            Self::Log1pRelu | Self::Log1pLog1pRelu | Self::Relu | Self::Graph => weight,
        }
    }
}

/// Whether texts may share a run of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Batching {
    /// Texts of similar length run together, padded.
    Padded,
    /// Every text runs alone: for graphs whose results depend on a text's neighbours, such as
    /// those that quantise activations over the whole batch.
    Single,
}

impl Batching {
    /// Its name in settings and in fingerprints of sparse models.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Padded => "padded",
            Self::Single => "single",
        }
    }
}

/// What turns the texts of one side into vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SideEncoder {
    /// The graph.
    Graph,
    /// A table: every distinct term of the text has its weight there. No graph is run.
    Idf,
    /// Every distinct term of the text has weight 1.
    Ones,
    /// A table of sparse rows: the largest weight over the rows of the text's terms.
    Embedding,
}

impl SideEncoder {
    /// All of them, in the order in which messages list them.
    pub(crate) const ALL: [Self; 4] = [Self::Graph, Self::Idf, Self::Ones, Self::Embedding];

    /// Its name in settings and flags.
    pub fn name(self) -> &'static str {
        match self {
            Self::Graph => "graph",
            Self::Idf => "idf",
            Self::Ones => "ones",
            Self::Embedding => "embedding",
        }
    }

    /// Whether it runs a graph.
    pub(crate) fn runs_graph(self) -> bool {
        match self {
            Self::Graph => true,
            Self::Idf | Self::Ones | Self::Embedding => false,
        }
    }

    /// The names that the file of its table usually has, first the most usual; none without a
    /// table.
    pub(crate) fn table_files(self) -> &'static [&'static str] {
        match self {
            Self::Idf => &["idf.json", "query_token_weights.txt"],
            Self::Embedding => &["query_embeddings.json"],
            Self::Graph | Self::Ones => &[],
        }
    }
}

/// How the rows of a text's tokens become its dense vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DensePooling {
    /// Their mean, specials included.
    Mean,
    /// The first row.
    Cls,
    /// The largest value in every dimension.
    Max,
    /// The graph has pooled.
    Graph,
}

impl DensePooling {
    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Cls => "cls",
            Self::Max => "max",
            Self::Graph => "graph",
        }
    }
}
