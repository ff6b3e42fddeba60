//! Tokens to vectors: running a model's graph, or looking terms up where a side has none.
//!
//! The way of a text, once it is tokenized: `batch` → `feed` → `graph_session` → `readers` → `pool`
//! → `prune`, or `table` → `pool` → `prune` without a graph. `encoder` drives it. `head` is the
//! output layer of graphs that stop at the hidden states. `long` encodes texts passage by passage,
//! `provenance` says where a weight comes from, and `runtime` loads the library that runs graphs.

pub(crate) mod batch;
pub(crate) mod encoder;
pub(crate) mod feed;
pub(crate) mod graph_session;
pub(crate) mod head;
pub(crate) mod long;
pub(crate) mod pool;
pub(crate) mod provenance;
pub(crate) mod prune;
pub(crate) mod readers;
pub(crate) mod runtime;
pub(crate) mod safetensors;
pub(crate) mod table;
