//! Runs and judgements to measures.
//!
//! The last stage of the pipeline: a [`Run`] (what a searcher returned, from memory or from a TREC
//! run file) meets [`Qrels`] (what people judged, from a BEIR folder or a TREC file), and
//! [`evaluate`] turns both into an [`Evaluation`]. The measures are trec_eval's, under the names
//! of ir_measures; `benches/trec_eval_parity.py` and a golden table hold them to it.
//!
//! How sure a mean is, [`mean_interval`] tells; whether two runs differ by more than chance,
//! [`Paired`] and [`randomisation_test`]. Both resample from a seed: equal inputs give equal
//! results.
//!
//! This crate knows no index, prints nothing and decides no exit code.
//!
//! ```
//! use gleaner_eval::{Measure, Qrels, Run, ScoredDoc, evaluate};
//!
//! let mut qrels = Qrels::new();
//! qrels.insert("q1", "d2", 1)?;
//! let mut run = Run::new();
//! run.insert_ranked("q1", vec![ScoredDoc::new("d1", 2.0), ScoredDoc::new("d2", 2.0)])?;
//!
//! let evaluation = evaluate(&qrels, &run, &["RR@10".parse::<Measure>()?])?;
//! assert_eq!(evaluation.means[0].1, 0.5);
//! # Ok::<(), gleaner_eval::EvalError>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod dataset;
mod error;
mod evaluate;
mod interval;
mod lines;
mod measure;
mod paired;
mod qrels;
mod random;
mod run;
mod scored_doc;
mod significance;
mod strata;
mod threshold;

pub use dataset::{Dataset, Query, read_queries};
pub use error::EvalError;
pub use evaluate::{Evaluation, evaluate};
pub use interval::{Bootstrap, Interval, mean_interval};
pub use measure::Measure;
pub use paired::{Paired, Tally};
pub use qrels::Qrels;
pub use run::{Run, RunWriter, remove_identical_ids};
pub use scored_doc::ScoredDoc;
pub use significance::{Permutations, Significance, holm, randomisation_test, standardised_effect};
pub use strata::mean_of_means;
pub use threshold::{Operator, Threshold};
