//! `index --dense-model` and `--dense-field`: the dense fields that a run asks for, and their
//! models.
//!
//! What the flags leave open is as the index has it. Whether an index takes what is asked for is
//! the indexer's to say; models are opened here, before anything is read.

use std::path::{Path, PathBuf};

use gleaner_encoder::{DenseModel, EncodeError, ModelKind};
use gleaner_format::{DenseSpec, DenseStorage, Metric};
use gleaner_indexer::{InputFile, InputKind};
use gleaner_searcher::{DenseField, Manifest, ModelBinding};

use super::{binding::bind, folder};
use crate::{
    args::{DenseArgs, GivenField, IndexArgs, RuntimeArgs},
    failure::Failure,
};

/// The name of the field of `--dense-model`.
const MODEL_FIELD: &str = "dense";
/// Half the size, and about as good as 32 bits.
const DEFAULT_STORAGE: DenseStorage = DenseStorage::F16;
const DEFAULT_METRIC: Metric = Metric::Cosine;

/// What a run asks for.
pub(crate) struct DenseFields {
    /// All fields of the index; `None` for those it has.
    pub(crate) asked: Option<Vec<DenseField>>,
    /// Models by field.
    pub(crate) models: Vec<(String, DenseModel)>,
}

/// Reads the flags and opens the models that the inputs need.
///
/// Errors: `Usage` for what no index can have; `DenseModelNotFound`; the encoder's.
pub(crate) fn resolve(
    args: &IndexArgs,
    recorded: Option<&Manifest>,
    inputs: &[InputFile],
) -> anyhow::Result<DenseFields> {
    let index = recorded.map_or(&[][..], |manifest| &manifest.dense);
    let of_models: Vec<&DenseField> = index.iter().filter(|field| field.model.is_some()).collect();
    let (mut fields, mut models) = (Vec::new(), Vec::new());
    let mut take = |spec: DenseSpec, model: DenseModel| -> anyhow::Result<()> {
        fields.push(DenseField { spec: spec.clone(), model: Some(binding(&model)?) });
        models.push((spec.name, model));
        Ok(())
    };
    match (&args.dense.dense_model, &of_models[..]) {
        (Some(_), [_, _, ..]) => {
            let message = "the index has dense fields of several models; leave --dense-model out";
            return Err(Failure::Usage(message.to_owned()).into());
        }
        (Some(folder), of_models) => {
            let model = open(folder, &args.runtime)?;
            take(model_spec(&args.dense, of_models.first().copied(), &model), model)?;
        }
        (None, of_models) if has_texts(inputs) => {
            for field in of_models {
                take(field.spec.clone(), open_recorded(field, &args.runtime)?)?;
            }
        }
        (None, of_models) => fields.extend(of_models.iter().map(|&field| field.clone())),
    }
    match &args.dense.dense_field[..] {
        [] => fields.extend(index.iter().filter(|field| field.model.is_none()).cloned()),
        given => fields.extend(given.iter().map(|given| given_field(given, index))),
    }
    // Nothing said and nothing opened is nothing asked for.
    let is_asked = !models.is_empty() || !args.dense.dense_field.is_empty();
    Ok(DenseFields { asked: is_asked.then_some(fields), models })
}

/// Whether there may be texts for a dense model.
pub(crate) fn has_texts(inputs: &[InputFile]) -> bool {
    inputs.iter().any(|input| matches!(input.kind, InputKind::Texts | InputKind::VectorsJsonl))
}

/// The dense field of a model in a new index about which nothing else is said.
pub(crate) fn of_model(model: &DenseModel) -> anyhow::Result<DenseField> {
    let spec = DenseSpec {
        name: MODEL_FIELD.to_owned(),
        dims: model.dims(),
        metric: DEFAULT_METRIC,
        storage: DEFAULT_STORAGE,
    };
    Ok(DenseField { spec, model: Some(binding(model)?) })
}

/// The field of `--dense-model`.
fn model_spec(args: &DenseArgs, index: Option<&DenseField>, model: &DenseModel) -> DenseSpec {
    let index = index.map(|field| &field.spec);
    DenseSpec {
        name: index.map_or(MODEL_FIELD, |spec| &spec.name).to_owned(),
        dims: model.dims(),
        metric: args.dense_metric.or(index.map(|spec| spec.metric)).unwrap_or(DEFAULT_METRIC),
        storage: args.dense_storage.or(index.map(|spec| spec.storage)).unwrap_or(DEFAULT_STORAGE),
    }
}

/// A field of `--dense-field`.
fn given_field(given: &GivenField, index: &[DenseField]) -> DenseField {
    let index = index.iter().map(|field| &field.spec).find(|spec| spec.name == given.name);
    let spec = DenseSpec {
        name: given.name.clone(),
        dims: given.dims,
        metric: given.metric.or(index.map(|spec| spec.metric)).unwrap_or(DEFAULT_METRIC),
        storage: given.storage.or(index.map(|spec| spec.storage)).unwrap_or(DEFAULT_STORAGE),
    };
    DenseField { spec, model: None }
}

/// Opens a folder that is to be dense.
fn open(folder: &Path, runtime: &RuntimeArgs) -> anyhow::Result<DenseModel> {
    folder::open_dense(folder, runtime).map_err(|error| match error.downcast_ref() {
        Some(EncodeError::OtherKind { .. } | EncodeError::SparseWeights { .. }) => {
            let message = format!("{} is a sparse model: name it with --model", folder.display());
            Failure::Usage(message).into()
        }
        _ => error,
    })
}

/// Opens the model that made the vectors of a field.
fn open_recorded(field: &DenseField, runtime: &RuntimeArgs) -> anyhow::Result<DenseModel> {
    let path = PathBuf::from(field.model.as_ref().map_or("", |model| &model.path));
    if !path.is_dir() {
        let field = field.spec.name.clone();
        return Err(Failure::DenseModelNotFound { path, field }.into());
    }
    folder::open_dense(&path, runtime)
}

fn binding(model: &DenseModel) -> anyhow::Result<ModelBinding> {
    bind(model.folder(), model.fingerprint())
}

/// Refuses a dense folder where a sparse one is asked for.
///
/// Errors: `Usage`; the encoder's for a folder whose settings cannot be read.
pub(crate) fn refuse_as_sparse(folder: &Path) -> anyhow::Result<()> {
    if folder.is_dir() && ModelKind::of(folder)? == ModelKind::Dense {
        let message = format!("{} is a dense model: name it with --dense-model", folder.display());
        return Err(Failure::Usage(message).into());
    }
    Ok(())
}
