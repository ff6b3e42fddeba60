//! When a search ends before everything was looked at.
//!
//! Legs ask between windows, groups of rows, or segments. What was found by then is the answer, and
//! it is not complete.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

/// When a search ends before everything was looked at; by default never.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stop<'a> {
    /// At this moment.
    pub deadline: Option<Instant>,
    /// As soon as this is set: nobody waits for the answer any more.
    pub given_up: Option<&'a AtomicBool>,
}

impl Stop<'_> {
    /// Whether the search is to end now.
    pub(crate) fn is_now(self) -> bool {
        let is_given_up = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        self.given_up.is_some_and(is_given_up)
            || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}
