//! What is fixed when an index is created: as a caller asks for it, and whether that is what an index
//! has.
//!
//! The manifest keeps it; the schema keeps the analyser. Bringing a folder to it is `indexer`'s.

use gleaner_format::DenseSpec;

use crate::{
    analyzer::Analyzer,
    document::is_own_key,
    error::CatalogError,
    long::LongTexts,
    manifest::{DenseField, FUSION_DEPTH, FUSION_DEPTH_LIMIT, Manifest, ModelBinding},
};

/// What to create an index with; `None` for what the index has, and for the default of a new one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IndexSettings {
    /// What becomes of texts that are longer than the model reads; a new index cuts.
    pub long: Option<LongTexts>,
    /// The dense fields; a new index has none. Whoever opens an index of dense fields with models and
    /// has those models states all of them again: they may have moved, and must be the same.
    pub dense: Option<Vec<DenseField>>,
    /// How text becomes words for BM25; English in a new index.
    pub analyzer: Option<Analyzer>,
    /// Hits of each leg that take part in fusion; [`FUSION_DEPTH`] in a new index.
    pub fusion_depth: Option<usize>,
}

impl IndexSettings {
    /// Whether there can be such an index.
    ///
    /// # Errors
    /// `Dense`, `DenseKey`, `FusionDepth`.
    pub fn check(&self) -> Result<(), CatalogError> {
        let fields = self.dense.as_deref().unwrap_or_default();
        let specs: Vec<DenseSpec> = fields.iter().map(|field| field.spec.clone()).collect();
        DenseSpec::check_all(&specs)?;
        let given = fields.iter().filter(|field| field.model.is_none());
        if let Some(field) = given.map(|field| &field.spec.name).find(|name| is_own_key(name)) {
            return Err(CatalogError::DenseKey { field: field.clone() });
        }
        match self.fusion_depth {
            Some(found) if !(1..=FUSION_DEPTH_LIMIT).contains(&found) => {
                Err(CatalogError::FusionDepth { found, limit: FUSION_DEPTH_LIMIT })
            }
            _ => Ok(()),
        }
    }

    /// The manifest of a new index.
    pub fn manifest(&self, model: Option<ModelBinding>) -> Manifest {
        let mut manifest = Manifest::new(model, self.long.unwrap_or_default());
        manifest.dense = self.dense.clone().unwrap_or_default();
        manifest.fusion_depth = self.fusion_depth.unwrap_or(FUSION_DEPTH);
        manifest
    }

    /// Brings a manifest to what is asked for, which only one of an index that was never written to
    /// takes if it is something else. A model that is the same may have moved.
    ///
    /// # Errors
    /// `LongMismatch`, `DenseMismatch`, `DenseModelMismatch`, `FusionDepthMismatch`.
    pub fn settle(&self, manifest: &mut Manifest, is_unused: bool) -> Result<(), CatalogError> {
        if is_unused {
            let Manifest { long, dense, fusion_depth, .. } = manifest;
            *long = self.long.unwrap_or(*long);
            *fusion_depth = self.fusion_depth.unwrap_or(*fusion_depth);
            if let Some(asked) = &self.dense {
                dense.clone_from(asked);
            }
            return Ok(());
        }
        let (index, asked) = (manifest.long, self.long.unwrap_or(manifest.long));
        if index != asked {
            return Err(CatalogError::LongMismatch { index, asked });
        }
        let (index, asked) = (manifest.fusion_depth, self.fusion_depth);
        match asked.filter(|asked| *asked != index) {
            Some(asked) => Err(CatalogError::FusionDepthMismatch { index, asked }),
            None => self.settle_dense(&mut manifest.dense),
        }
    }

    fn settle_dense(&self, fields: &mut [DenseField]) -> Result<(), CatalogError> {
        let Some(asked) = &self.dense else { return Ok(()) };
        let named = |name: &str| asked.iter().find(|field| field.spec.name == name);
        // Another model often makes vectors of another length: the model is the nearer cause.
        for field in fields.iter() {
            let asked = named(&field.spec.name).and_then(|asked| asked.model.as_ref());
            if let (Some(bound), Some(asked)) = (&field.model, asked)
                && bound.fingerprint != asked.fingerprint
            {
                return Err(CatalogError::DenseModelMismatch {
                    field: field.spec.name.clone(),
                    index: bound.fingerprint.clone(),
                    model: asked.fingerprint.clone(),
                });
            }
        }
        let is_asked = |field: &DenseField| {
            let same = |asked: &DenseField| {
                asked.spec == field.spec && asked.model.is_some() == field.model.is_some()
            };
            named(&field.spec.name).is_some_and(same)
        };
        if asked.len() != fields.len() || !fields.iter().all(is_asked) {
            let (index, asked) = (describe(fields), describe(asked));
            return Err(CatalogError::DenseMismatch { index, asked });
        }
        for field in fields {
            let asked = named(&field.spec.name).and_then(|asked| asked.model.clone());
            field.model = asked.or(field.model.take());
        }
        Ok(())
    }
}

/// Dense fields in words.
fn describe(fields: &[DenseField]) -> String {
    let describe = |field: &DenseField| match field.model {
        Some(_) => format!("{} made by a model", field.spec),
        None => format!("{} given by documents", field.spec),
    };
    match fields {
        [] => "none".to_owned(),
        fields => fields.iter().map(describe).collect::<Vec<_>>().join(", "),
    }
}
