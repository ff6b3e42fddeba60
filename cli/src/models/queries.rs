//! Query texts to what a ranking needs: sparse vectors, dense vectors, or neither.
//!
//! Only the models that the ranking asks for are opened. Searching with what comes out is
//! the business of the commands.

use std::path::PathBuf;

use gleaner_encoder::{DenseEncoder, DenseModel, Encoder, Model, Runtime, Side, SparseVector};
use gleaner_searcher::{DenseField, DenseQuery, Feedback, Rank, Snapshot};
use serde::Deserialize;

use super::bound::{model_error, open_for};
use crate::{
    args::{QueryModelArgs, RankingArgs},
    failure::Failure,
};

/// How hits are ordered and where their list ends, read from the command line.
pub(crate) struct Ranking {
    pub(crate) rank: Rank,
    pub(crate) feedback: Vec<Feedback>,
    pub(crate) min_score: Option<f32>,
    pub(crate) until_knee: bool,
}

impl Ranking {
    pub(crate) fn read(args: &RankingArgs) -> anyhow::Result<Self> {
        let feedback = args.feedback.iter().map(|feedback| Ok(feedback.parse()?));
        Ok(Self {
            rank: args.rank.parse()?,
            feedback: feedback.collect::<anyhow::Result<_>>()?,
            min_score: args.min_score,
            until_knee: args.until_knee,
        })
    }

    /// A ranking with nothing else said.
    pub(crate) fn plain(rank: Rank) -> Self {
        Self { rank, feedback: Vec::new(), min_score: None, until_knee: false }
    }
}

/// Whether there is nothing in a text to search for. A model would make a vector of it
/// nevertheless.
pub(crate) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// A query ready to be searched for; what the ranking does not need is missing.
#[derive(Default)]
pub(crate) struct EncodedQuery {
    pub(crate) vector: Option<SparseVector>,
    /// By dense field.
    pub(crate) dense: Vec<(String, Vec<f32>)>,
}

impl EncodedQuery {
    /// The dense vectors as a request takes them.
    pub(crate) fn dense_queries(&self) -> Vec<DenseQuery<'_>> {
        self.dense.iter().map(|(field, vector)| DenseQuery { field, vector }).collect()
    }
}

/// The models that a ranking needs for texts.
pub(crate) struct QueryEncoders {
    model: Option<Model>,
    sparse: Option<Encoder>,
    /// By dense field.
    dense: Vec<(String, DenseEncoder)>,
}

impl QueryEncoders {
    /// Opens them. Vectors that are `given` need no model; `threads` as in [`Model::encoder`].
    pub(crate) fn open(
        snapshot: &Snapshot,
        args: &QueryModelArgs,
        rank: &Rank,
        given: &EncodedQuery,
        threads: usize,
    ) -> anyhow::Result<Self> {
        let needs_sparse = rank.needs_sparse() && given.vector.is_none();
        let model = needs_sparse.then(|| open_for(snapshot, args)).transpose()?;
        let sparse = model.as_ref().map(|model| model.encoder(threads)).transpose()?;
        let mut dense = Vec::new();
        for field in rank.dense_fields() {
            let field = snapshot.manifest().dense_field(field)?;
            let name = &field.spec.name;
            if !given.dense.iter().any(|(given, _)| given == name) {
                let encoder = open_dense(field, args)?.encoder(threads)?;
                dense.push((name.clone(), encoder));
            }
        }
        Ok(Self { model, sparse, dense })
    }

    /// The sparse model, where it was opened.
    pub(crate) fn model(&self) -> Option<&Model> {
        self.model.as_ref()
    }

    /// What every text becomes.
    pub(crate) fn encode(&mut self, texts: &[&str]) -> anyhow::Result<Vec<EncodedQuery>> {
        let mut queries: Vec<EncodedQuery> =
            texts.iter().map(|_| EncodedQuery::default()).collect();
        if let Some(encoder) = &mut self.sparse {
            let vectors = encoder.encode(Side::Query, texts)?;
            queries.iter_mut().zip(vectors).for_each(|(query, vector)| query.vector = Some(vector));
        }
        for (field, encoder) in &mut self.dense {
            let vectors = encoder.encode(Side::Query, texts)?;
            for (query, vector) in queries.iter_mut().zip(vectors.rows()) {
                query.dense.push((field.clone(), vector.to_vec()));
            }
        }
        Ok(queries)
    }
}

/// Opens the model that encodes queries for a dense field, and proves that it is the right one.
fn open_dense(field: &DenseField, args: &QueryModelArgs) -> anyhow::Result<DenseModel> {
    let (name, bound) = (&field.spec.name, field.model.as_ref());
    let folder = match (&args.dense_model, bound) {
        (Some(folder), _) => folder.clone(),
        (None, Some(bound)) => PathBuf::from(&bound.path),
        (None, None) => return Err(Failure::NoDenseModel { field: name.clone() }.into()),
    };
    if args.dense_model.is_none() && !folder.is_dir() {
        return Err(Failure::DenseModelNotFound { path: folder, field: name.clone() }.into());
    }
    let runtime = Runtime::load(args.runtime.ort_lib.as_deref())?;
    let model = DenseModel::open(&folder, &runtime)
        .map_err(|error| model_error(error, args.dense_model.is_none()))?;
    if let Some(bound) = bound
        && model.fingerprint() != bound.fingerprint
    {
        let (index, model) = (bound.fingerprint.clone(), model.fingerprint().to_owned());
        let field = name.clone();
        return Err(Failure::DenseModelMismatch { field, index, path: folder, model }.into());
    }
    // A field of given vectors is bound to no model: whoever names one says that it fits.
    let (expected, found) = (field.spec.dims, model.dims());
    match expected == found {
        true => Ok(model),
        false => Err(Failure::Usage(format!(
            "the dense field {name} has {expected} dimensions, {} makes {found}",
            folder.display()
        ))
        .into()),
    }
}

/// Numbers of one field, or of several by name.
#[derive(Deserialize)]
#[serde(untagged)]
enum GivenDense {
    Only(Vec<f32>),
    ByField(std::collections::BTreeMap<String, Vec<f32>>),
}

/// Reads `--dense-vector`: a vector without a name is for the ranking's only dense leg.
pub(crate) fn read_dense(
    snapshot: &Snapshot,
    rank: &Rank,
    json: &str,
) -> anyhow::Result<Vec<(String, Vec<f32>)>> {
    let legs: Vec<Option<&str>> = rank.dense_fields().collect();
    if legs.is_empty() {
        return Err(Failure::NoLeg { flag: "--dense-vector", rank: rank.to_string() }.into());
    }
    let usage = |_| {
        let message = "--dense-vector: it is an array of numbers, or an object of them by field";
        Failure::Usage(message.to_owned())
    };
    match serde_json::from_str(json).map_err(usage)? {
        GivenDense::ByField(vectors) => {
            for field in vectors.keys() {
                snapshot.manifest().dense_field(Some(field))?;
            }
            Ok(vectors.into_iter().collect())
        }
        GivenDense::Only(vector) => {
            let [leg] = legs[..] else {
                let message = "--dense-vector: the ranking has several dense legs; give an object \
                               of vectors by field, {\"FIELD\": [0.1, …]}";
                return Err(Failure::Usage(message.to_owned()).into());
            };
            let field = snapshot.manifest().dense_field(leg)?;
            Ok(vec![(field.spec.name.clone(), vector)])
        }
    }
}
