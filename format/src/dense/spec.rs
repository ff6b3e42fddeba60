//! What a dense field is: its name, its dimensions, how vectors are compared and how they are kept.
//!
//! A vector is prepared here once, on its way to storage or to a search, and refused here if the
//! field cannot hold it. Bytes are `write.rs`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{error::DenseError, vector::MAX_WEIGHT};

/// Most dimensions of a dense field.
pub const DENSE_DIMS_LIMIT: usize = 16_384;

/// Largest value that 16 bits hold.
pub const F16_LIMIT: f32 = 65_504.0;

/// Most bytes of a field's name.
pub(crate) const NAME_LIMIT_BYTES: usize = 64;

/// How two vectors of a field are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Metric {
    /// The sum of products.
    #[serde(rename = "dot")]
    Dot,
    /// The sum of products of vectors brought to length 1, which is done before they are stored.
    #[serde(rename = "cosine")]
    Cosine,
}

impl Metric {
    /// All metrics; the position is the byte in the file.
    pub const ALL: [Metric; 2] = [Metric::Dot, Metric::Cosine];

    /// The name used in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Dot => "dot",
            Metric::Cosine => "cosine",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Metric {
    type Err = DenseError;

    fn from_str(name: &str) -> Result<Self, DenseError> {
        let metric = Self::ALL.into_iter().find(|metric| metric.name() == name);
        metric.ok_or_else(|| DenseError::Metric { found: name.to_owned() })
    }
}

/// What is kept of a vector, and so what a score is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DenseStorage {
    /// Its 32-bit floats: 4 bytes a dimension.
    #[serde(rename = "f32")]
    F32,
    /// 16-bit floats, to nearest, ties to even: 2 bytes a dimension.
    #[serde(rename = "f16")]
    F16,
    /// 8-bit codes and a scale: 1 byte a dimension, 12 a vector.
    #[serde(rename = "int8")]
    Int8,
    /// 32-bit floats, which decide, and 8-bit codes, which bound: 5 bytes a dimension, 12 a vector.
    #[serde(rename = "int8+f32")]
    Int8WithF32,
}

impl DenseStorage {
    /// All storages; the position is the byte in the file.
    pub const ALL: [DenseStorage; 4] =
        [DenseStorage::F32, DenseStorage::F16, DenseStorage::Int8, DenseStorage::Int8WithF32];

    /// The name used in configurations.
    pub fn name(self) -> &'static str {
        match self {
            DenseStorage::F32 => "f32",
            DenseStorage::F16 => "f16",
            DenseStorage::Int8 => "int8",
            DenseStorage::Int8WithF32 => "int8+f32",
        }
    }

    /// The largest magnitude of a stored value.
    fn limit(self) -> f32 {
        match self {
            DenseStorage::F16 => F16_LIMIT,
            DenseStorage::F32 | DenseStorage::Int8 | DenseStorage::Int8WithF32 => MAX_WEIGHT,
        }
    }

    /// Which role 8-bit codes have beside what else is kept.
    pub(crate) fn codes(self) -> Codes {
        match self {
            DenseStorage::F32 | DenseStorage::F16 => Codes::None,
            DenseStorage::Int8 => Codes::Decide,
            DenseStorage::Int8WithF32 => Codes::Bound,
        }
    }
}

/// The role of a vector's 8-bit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codes {
    /// There are none.
    None,
    /// They are the vector: nothing else is kept of it.
    Decide,
    /// They bound what is computed from floats.
    Bound,
}

impl fmt::Display for DenseStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for DenseStorage {
    type Err = DenseError;

    fn from_str(name: &str) -> Result<Self, DenseError> {
        let storage = Self::ALL.into_iter().find(|storage| storage.name() == name);
        storage.ok_or_else(|| DenseError::Storage { found: name.to_owned() })
    }
}

/// A dense field.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DenseSpec {
    /// 1 to 64 letters, digits, `_` and `-`.
    pub name: String,
    /// Dimensions of every vector, 1 to [`DENSE_DIMS_LIMIT`].
    pub dims: usize,
    /// How vectors are compared.
    pub metric: Metric,
    /// What is kept of them.
    pub storage: DenseStorage,
}

impl fmt::Display for DenseSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} dimensions, {}, {})", self.name, self.dims, self.metric, self.storage)
    }
}

impl DenseSpec {
    /// Whether there can be such a field.
    ///
    /// Errors: `Name`, `DimsLimit`.
    pub fn check(&self) -> Result<(), DenseError> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let len = self.name.len();
        if len == 0 || len > NAME_LIMIT_BYTES || !self.name.bytes().all(is_allowed) {
            return Err(DenseError::Name { found: self.name.clone() });
        }
        if self.dims == 0 || self.dims > DENSE_DIMS_LIMIT {
            let (field, limit) = (self.name.clone(), DENSE_DIMS_LIMIT);
            return Err(DenseError::DimsLimit { field, found: self.dims, limit });
        }
        Ok(())
    }

    /// Whether there can be such fields together.
    ///
    /// Errors: as [`DenseSpec::check`]; `Twice` when a name repeats.
    pub fn check_all(specs: &[DenseSpec]) -> Result<(), DenseError> {
        for (position, spec) in specs.iter().enumerate() {
            spec.check()?;
            if specs[..position].iter().any(|other| other.name == spec.name) {
                return Err(DenseError::Twice { field: spec.name.clone() });
            }
        }
        Ok(())
    }

    /// The vector of a document as it is to be stored: of length 1 under [`Metric::Cosine`]
    /// (computed in f64, rounded to f32), otherwise as it is.
    ///
    /// Errors: `Dims`; `NotFinite`; `NoDirection` under `Cosine` if all its values are 0;
    /// `TooLarge` beyond [`F16_LIMIT`] for 16 bits or beyond [`MAX_WEIGHT`], which keeps every
    /// score finite.
    pub fn prepare(&self, vector: &[f32]) -> Result<Vec<f32>, DenseError> {
        let prepared = self.direct(vector)?;
        self.check_limit(&prepared, self.storage.limit())?;
        Ok(prepared)
    }

    /// The vector of a query as it is to be searched: as [`DenseSpec::prepare`], but never rounded
    /// to 16 bits and so without their limit.
    ///
    /// Errors: as [`DenseSpec::prepare`].
    pub fn prepare_query(&self, vector: &[f32]) -> Result<Vec<f32>, DenseError> {
        let prepared = self.direct(vector)?;
        self.check_limit(&prepared, MAX_WEIGHT)?;
        Ok(prepared)
    }

    /// Whether a vector can be stored as it is. Errors: `Dims`, `NotFinite`, `TooLarge`.
    pub fn check_prepared(&self, vector: &[f32]) -> Result<(), DenseError> {
        self.check_values(vector)?;
        self.check_limit(vector, self.storage.limit())
    }

    /// Brings a vector to length 1 where the metric asks for it.
    fn direct(&self, vector: &[f32]) -> Result<Vec<f32>, DenseError> {
        self.check_values(vector)?;
        match self.metric {
            Metric::Dot => Ok(vector.to_vec()),
            Metric::Cosine => self.of_length_one(vector),
        }
    }

    fn of_length_one(&self, vector: &[f32]) -> Result<Vec<f32>, DenseError> {
        // No square of an f32 leaves the normal range of f64, and only 0 has the square 0.
        let squares = vector.iter().map(|&value| f64::from(value) * f64::from(value));
        let length = squares.sum::<f64>().sqrt();
        if length == 0.0 {
            return Err(DenseError::NoDirection { field: self.name.clone() });
        }
        Ok(vector.iter().map(|&value| (f64::from(value) / length) as f32).collect())
    }

    fn check_values(&self, vector: &[f32]) -> Result<(), DenseError> {
        let field = || self.name.clone();
        if vector.len() != self.dims {
            let (expected, found) = (self.dims, vector.len());
            return Err(DenseError::Dims { field: field(), expected, found });
        }
        match vector.iter().position(|value| !value.is_finite()) {
            Some(dimension) => {
                let value = vector[dimension];
                Err(DenseError::NotFinite { field: field(), dimension, value })
            }
            None => Ok(()),
        }
    }

    fn check_limit(&self, vector: &[f32], limit: f32) -> Result<(), DenseError> {
        match vector.iter().position(|value| value.abs() > limit) {
            Some(dimension) => {
                let (field, value) = (self.name.clone(), vector[dimension]);
                Err(DenseError::TooLarge { field, dimension, value, limit })
            }
            None => Ok(()),
        }
    }
}
