//! Many texts on all cores: one encoder of a model for each thread.
//!
//! Threads that have a session each encode more texts in a second than one session that is given all
//! threads. Where the vectors go is the caller's.

use gleaner_encoder::{DenseEncoder, DenseModel, Embeddings, Encoder, Model, Side, SparseVector};

use crate::{error::Error, search::encode::threads_or_cores, worker::on_all};

/// Encoders of a sparse model, one for each thread.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/models/splade-tiny");
/// # if gleaner::Models::new().open_sparse(model.as_ref()).is_err() {
/// #     return Ok(()); // without the ONNX Runtime
/// # }
/// use gleaner::{Models, Side, model::Encoders};
///
/// let model = Models::new().open_sparse(model.as_ref())?;
/// let mut encoders = Encoders::open(&model, Some(2))?;
/// let vectors = encoders.encode(Side::Document, &["one", "two", "three"])?;
/// assert_eq!(vectors.len(), 3);
/// # Ok(())
/// # }
/// ```
pub struct Encoders(Vec<Encoder>);

impl Encoders {
    /// As many as threads are asked for, or as there are cores.
    ///
    /// # Errors
    /// `Encode`.
    pub fn open(model: &Model, threads: Option<usize>) -> Result<Self, Error> {
        let encoders = (0..threads_or_cores(threads)).map(|_| Ok(model.encoder(1)?));
        Ok(Self(encoders.collect::<Result<_, Error>>()?))
    }

    /// Threads.
    pub fn threads(&self) -> usize {
        self.0.len()
    }

    /// The vectors of texts, in their order.
    ///
    /// # Errors
    /// `Encode`, the first in the order of the texts.
    pub fn encode(&mut self, side: Side, texts: &[&str]) -> Result<Vec<SparseVector>, Error> {
        let encode = |encoder: &mut Encoder, texts: Vec<&str>| encoder.encode(side, &texts);
        let shares = on_all(&mut self.0, texts.to_vec(), encode)?;
        Ok(shares.into_iter().flatten().collect())
    }
}

/// Encoders of a dense model, one for each thread.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/models/minilm");
/// # if gleaner::Models::new().open_dense(model.as_ref()).is_err() {
/// #     return Ok(()); // without the ONNX Runtime
/// # }
/// use gleaner::{Models, Side, model::DenseEncoders};
///
/// let model = Models::new().open_dense(model.as_ref())?;
/// let mut encoders = DenseEncoders::open(&model, Some(2))?;
/// let shares = encoders.encode(Side::Document, &["one", "two", "three"])?;
/// let vectors: Vec<&[f32]> = shares.iter().flat_map(|share| share.rows()).collect();
/// assert_eq!((vectors.len(), vectors[0].len()), (3, model.dims()));
/// # Ok(())
/// # }
/// ```
pub struct DenseEncoders(Vec<DenseEncoder>);

impl DenseEncoders {
    /// As many as threads are asked for, or as there are cores.
    ///
    /// # Errors
    /// `Encode`.
    pub fn open(model: &DenseModel, threads: Option<usize>) -> Result<Self, Error> {
        let encoders = (0..threads_or_cores(threads)).map(|_| Ok(model.encoder(1)?));
        Ok(Self(encoders.collect::<Result<_, Error>>()?))
    }

    /// Threads.
    pub fn threads(&self) -> usize {
        self.0.len()
    }

    /// The vectors of texts, in their order; those of one thread lie together.
    ///
    /// # Errors
    /// `Encode`, the first in the order of the texts.
    pub fn encode(&mut self, side: Side, texts: &[&str]) -> Result<Vec<Embeddings>, Error> {
        let encode = |encoder: &mut DenseEncoder, texts: Vec<&str>| encoder.encode(side, &texts);
        Ok(on_all(&mut self.0, texts.to_vec(), encode)?)
    }
}
