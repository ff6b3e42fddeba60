//! The engine of learned sparse weights: one query against one segment's impact file, exactly.
//!
//! | file | holds |
//! |---|---|
//! | `block_max` | the entries: one query, several in a pass, one on several threads |
//! | `exhaustive` | the oracle: every row scored by definition |
//! | `windows` | a query on its way through the windows of a segment |
//! | `scaled_query`, `active_list` | the query in integers, and its lists in one window |
//! | `window_plan`, `plan` | how a window and a segment are searched, and why |
//! | `max_score` | rows found in one list |
//! | `finalists` | one row's score, fast |
//! | `topk` | the k best rows under the total order |
//! | `answer`, `profile`, `scratch` | what is asked and answered, work counted, memory used again |
//!
//! Documents, ids and commits are left to `snapshot`, other legs to `dense` and `lexical`.

mod active_list;
pub(crate) mod answer;
pub mod block_max;
pub mod exhaustive;
pub(crate) mod finalists;
mod max_score;
pub(crate) mod plan;
pub(crate) mod profile;
pub(crate) mod scaled_query;
pub(crate) mod scratch;
pub(crate) mod topk;
mod window_plan;
mod windows;
