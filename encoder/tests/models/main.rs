//! The crate's tests with a real ONNX Runtime: what it promises, every family, dense models.
//!
//! Where the library is missing these tests skip and say so on stderr; with `CI=true` they fail.
#![allow(clippy::unwrap_used)]

mod dense;
mod family;
mod harness;
mod promise;
