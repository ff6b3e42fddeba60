//! Texts to tokens, and tokens to terms: the part of the way that knows no graph.
//!
//! `template` puts a prefix or an echo around a text. `tokens` reads the tokenizer, `terms` says
//! what a term id means (`unit` has the choices), and `tokenize` makes the tokens of a text.
//! `spans` cuts texts that are longer than a model reads. Running tokens through a model is
//! `session`.

mod head;
pub(crate) mod spans;
pub(crate) mod template;
pub(crate) mod terms;
pub(crate) mod tokenize;
pub(crate) mod tokens;
pub(crate) mod unit;
