//! The public promises of the crate.

mod errors;
mod golden;
mod independence;
mod long;
mod optimizing;
mod robustness;
mod runtime;
mod small;

use gleaner_encoder::{Model, Runtime};

use crate::harness::{runtime, shipped_sparse};

/// The shipped model, or nothing where there is no ONNX Runtime.
fn model() -> Option<Model> {
    runtime().map(|runtime| Model::open(&shipped_sparse(), &runtime).unwrap())
}

#[test]
fn handles_cross_threads() {
    fn sendable<T: Send + 'static>() {}
    fn shareable<T: Send + Sync + Clone + 'static>() {}
    shareable::<Runtime>();
    shareable::<Model>();
    sendable::<gleaner_encoder::Encoder>();
    sendable::<gleaner_encoder::EncodeError>();
}
