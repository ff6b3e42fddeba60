//! ONNX files, as far as they are read and written without the runtime.
//!
//! `protobuf` reads and writes fields, `graph` nodes and values, `tensor` numbers. `external` finds
//! the files that hold a graph's weights, and `mentions` a name in a file. `surgery` cuts a graph
//! before its output layer, and `optimize` makes a model folder of that. Running a graph is
//! `session`. Source of the field numbers: `onnx.proto3` of ONNX 1.17.

pub(crate) mod external;
pub(crate) mod graph;
pub(crate) mod mentions;
pub(crate) mod optimize;
pub(crate) mod protobuf;
pub(crate) mod surgery;
pub(crate) mod tensor;
