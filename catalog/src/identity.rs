//! Is the commit that is in a folder now a later one of the index that was opened there?
//!
//! A folder can be replaced under whoever has it open. What was opened before (its schema, segments of
//! the same name) must not be mixed with what is there now. So every commit opened after the first is
//! compared with the one before.

use tantivy::{IndexMeta, schema::Schema};

use crate::{
    commit::Commit,
    manifest::{DenseField, Manifest},
};

/// What shows that a commit does not follow an earlier one of the same index; `None` if it may.
pub(crate) fn contradiction(
    earlier: &Commit,
    schema: &Schema,
    metas: &IndexMeta,
    manifest: &Manifest,
) -> Option<String> {
    let before = earlier.manifest();
    if before.id.is_some() && before.id != manifest.id {
        let name = |id: &Option<String>| id.as_deref().unwrap_or("none").to_owned();
        return Some(format!("its id is {}, not {}", name(&manifest.id), name(&before.id)));
    }
    if metas.schema != *schema {
        return Some("it analyses text otherwise, or has other fields".to_owned());
    }
    let (found, known) = (metas.opstamp, earlier.generation());
    if found < known {
        return Some(format!("its generation is {found}, which is before {known}"));
    }
    if found == known && before.commit.is_some() && before.commit != manifest.commit {
        return Some(format!("its generation {found} is another commit of that number"));
    }
    // Who writes first to an index that was never written to decides what it is.
    match !earlier.is_unused() && settings(before) != settings(manifest) {
        true => Some("it has other settings or another model".to_owned()),
        false => None,
    }
}

/// What never changes once there are documents. Where a model lies may change.
fn settings(manifest: &Manifest) -> impl PartialEq + '_ {
    let of_field = |field: &'_ DenseField| {
        (field.spec.clone(), field.model.as_ref().map(|model| model.fingerprint.clone()))
    };
    let dense: Vec<_> = manifest.dense.iter().map(of_field).collect();
    let model = manifest.model.as_ref().map(|model| &model.fingerprint);
    (manifest.long, dense, manifest.fusion_depth, model)
}
