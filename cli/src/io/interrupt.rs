//! Ctrl-C: the first asks a command to stop where it loses nothing, the second stops at once.

use std::{
    process,
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::Context;

/// Set by Ctrl-C; a second one ends the process at once.
pub(crate) static STOP: AtomicBool = AtomicBool::new(false);

/// The exit code of a process that a signal ended at once.
const INTERRUPTED: i32 = 130;

/// Ctrl-C asks to stop; a second one stops.
pub(crate) fn stop_on_signal() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            process::exit(INTERRUPTED);
        }
        say!("stopping after the documents under way; again to stop at once");
    })
    .context("cannot listen for Ctrl-C")
}

/// Whether Ctrl-C was pressed.
pub(crate) fn is_stop_asked() -> bool {
    STOP.load(Ordering::Relaxed)
}
