//! The house rules that a program can check, over the whole repository.
//!
//! | file | rule |
//! |---|---|
//! | `rooms.rs` | no folder has more than 15 source files |
//! | `circles.rs` | no circle of imports has more than 3 files |
//! | `names.rs` | no two types of a crate have one name |
//! | `crates.rs` | the crate graph is the table in `ARCHITECTURE.md`, and keeps its invariants |
//! | `door.rs` | the front door shows no type of tantivy, ort or the byte layer |
//! | `documents.rs` | paths and links in documents exist |
//! | `links.rs` | links of pages have targets, and paths that pages name are links |
//! | `style.rs` | module docs, lengths of functions, prints |
//! | `data.rs` | shipped files have the hashes that are stated |
//!
//! `sources.rs` reads the repository, `modules.rs` makes trees of modules of it, `shown.rs` tells
//! what a public item shows. Each rule is a function that returns its offenders, and has a test on
//! a small bad example beside the one on the repository.
#![allow(clippy::unwrap_used)]

mod circles;
mod crates;
mod data;
mod documents;
mod door;
mod links;
mod modules;
mod names;
mod rooms;
mod shown;
mod sources;
mod style;
