//! Dense vectors of one field in one segment, compared with a query's.
//!
//! `nearest` is what the dense leg asks, `scan` the exact answer, `screen` the bounds from 8-bit
//! codes that spare most comparisons. Which segments are searched is left to `ranking`.

pub(crate) mod nearest;
pub(crate) mod scan;
mod screen;
