//! `gleaner.toml`: what a model folder states about itself, and what holds where it is silent.
//!
//! Every key may be left out, and so may the file. A key that is not listed here is an error. Dense
//! models have keys of their own (`settings/dense.rs`).
//!
//! ```toml
//! kind = "sparse"             # "dense" is another kind of model; default: "sparse"
//! graph = "model.onnx"        # default: the only .onnx file in the folder or its `onnx` subfolder
//! layout = "logits"           # "pooled", "sparse", "token_weights", "gated", "hidden"; default: detected
//! pooling = "max"             # over tokens: "max" or "sum", which encodes every text alone;
//!                             # default "max" (where we pool)
//! activation = "log1p_relu"   # "log1p_log1p_relu", "relu", "binary"; default "log1p_relu" for
//!                             # logits, "relu" for token weights
//! gate = 0.5                  # gated layout: a term stays where its gate is above; default 0.5
//! batching = "padded"         # or "single": never encode a text beside others; default "padded"
//! max_length = { query = 256, document = 256 }   # tokens, specials included; default 256
//! inputs = { ids = "input_ids", mask = "attention_mask", types = "token_type_ids" }   # names
//! outputs = { weights = "logits", ids = "token_ids", gate = "gate" }                  # names
//!
//! [terms]                     # default: a term is a token of the tokenizer
//! unit = "token"              # "word": whole words, "code": columns that are no tokens
//! names = "phrases.txt"       # a name per line, or JSON name → id; ids that are no tokens
//! first = 30522               # id of the first line; default: the number of tokens (0 for words, codes)
//! count = 70000               # number of term ids; default: what tokenizer, names or graph give
//! drop = ["[CLS]", "[SEP]"]   # terms that no vector has; default: none
//!
//! [query]                     # and [document]: where a side differs; default: as above
//! encoder = "graph"           # "idf", "ones", "embedding"; default "graph"
//! also = ["ones"]             # [query] only: other encoders that may be chosen at query time
//! graph = "query.onnx"        # this side's own graph
//! weights = "idf.json"        # for "idf" and "embedding"; default: the usual names
//! prefix = "query: "          # put before every text
//! template = "{text} {text}"  # instead of a prefix; with two texts the second one is pooled
//! max_length = 32             # instead of the key above
//! pooling = "sum"             # and activation: as above, for this side
//! prune = { top_terms = 64, ratio = 0.05, mass = 0.95 }   # what to keep; default: everything
//!
//! [head]                      # layout "hidden": the outputs that hold the cut-off output layer
//! matrix = "decoder.weight"
//! bias = "decoder.bias"        # may be left out
//!
//! [golden]                    # default: none, and no self-test
//! file = "golden.json"        # relative to the folder
//! tolerance = 0.0001          # largest allowed difference of a weight; default 1e-4
//! ```
//!
//! A graph that returns one row per text has pooled and activated inside, so there `pooling` and
//! `activation` are `"graph"` (or `"binary"`, which makes every weight 1). Truncation and padding
//! in `tokenizer.json` are overridden: lengths are those above, and padding is this crate's own.
//! `config.json`, where present, bounds the lengths by `max_position_embeddings`. In a folder of
//! sentence-transformers that library's own files have the defaults of pooling, activation, lengths,
//! prefixes and the encoder of queries.
//!
//! `settings/file.rs` reads the file and fills in defaults; `settings/sparse.rs` has what comes of
//! it, checked for sense. Dense folders have `settings/dense.rs`. What sentence-transformers wrote is
//! `settings/splade.rs` for sparse folders and `settings/sentence.rs` for dense ones; `modules` lists
//! its steps, and `said` keeps where a value came from. `names` and `golden` are what both kinds share.

pub(crate) mod dense;
pub(crate) mod file;
pub(crate) mod golden;
pub(crate) mod modules;
pub(crate) mod names;
pub(crate) mod said;
pub(crate) mod sentence;
pub(crate) mod sparse;
pub(crate) mod splade;

#[cfg(test)]
mod tests;
