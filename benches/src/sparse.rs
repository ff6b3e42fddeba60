//! Sparse search of one impact file: what `gleaner-bench` measures beside the oracle.
//!
//! `workload` is what is searched. `variants` takes turns among instruction sets, less effort and
//! filters, `throughput` counts queries a second, `segments` adds small files, and `floats` finds
//! what stored weights cost. Plain latency and the oracle are in the program.

pub mod floats;
pub mod segments;
pub mod throughput;
pub mod variants;
pub mod workload;
