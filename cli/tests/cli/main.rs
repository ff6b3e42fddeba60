//! The binary as a user meets it: what it prints, writes, refuses, and its exit codes.
//!
//! One test binary with a module for each subject, so that it is linked once. `harness` runs the
//! binary. Tests run side by side in one process: none may change its environment or its folder.
#![allow(clippy::unwrap_used, missing_docs)]

mod commands;
mod compare;
mod dense;
mod dense_index;
mod encode;
mod families;
mod fingerprint;
mod harness;
mod hybrid;
mod inputs;
mod io;
mod long;
mod models {
    mod blanks;
    mod folders;
    mod moved;
}
mod no_traffic;
mod texts;
mod words {
    mod help;
    mod mistakes;
}
