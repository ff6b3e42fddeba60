//! Names of a graph's inputs and outputs, where a folder states other than the usual ones.

use serde::Deserialize;

/// Names of a graph's inputs or outputs where the usual ones do not hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) ids: Option<String>,
    pub(crate) mask: Option<String>,
    pub(crate) types: Option<String>,
    pub(crate) weights: Option<String>,
    pub(crate) gate: Option<String>,
}

/// `inputs = { ids = "input_ids", mask = "attention_mask", types = "token_type_ids" }`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileInputs {
    ids: Option<String>,
    mask: Option<String>,
    types: Option<String>,
}

impl FileInputs {
    pub(crate) fn names(self) -> Names {
        let Self { ids, mask, types } = self;
        Names { ids, mask, types, ..Names::default() }
    }
}
