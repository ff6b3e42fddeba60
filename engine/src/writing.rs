//! Changes on their way into an index that is searched meanwhile.
//!
//! - `change`: what is asked for, and what became of it;
//! - `encoders`: the models of an index's documents, and threads that use them;
//! - `prepare`: changes read, checked and encoded, on the thread of the caller;
//! - `queue`: changes that wait for the writer, as many as memory allows;
//! - `group`: the writer's thread: one commit for all that wait.
//!
//! An [`Index`](crate::Index) without a queue is written by one caller at a time (`index.rs`). What a writer
//! does with files is `indexer`'s.

pub(crate) mod change;
pub(crate) mod encoders;
mod group;
mod prepare;
pub(crate) mod queue;
