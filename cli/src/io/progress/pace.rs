//! How often progress is shown: a bar on a terminal, or a line now and then.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// Time between two lines of progress, where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// When work began, and when its next line is due.
pub(super) struct LinePace {
    start: Instant,
    last_line: Instant,
}

impl LinePace {
    /// Work that begins now.
    pub(super) fn new() -> Self {
        let start = Instant::now();
        Self { start, last_line: start }
    }

    /// Seconds since the work began.
    pub(super) fn elapsed_s(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Things a second, of so many since the work began.
    pub(super) fn rate(&self, count: u64) -> f64 {
        count as f64 / self.elapsed_s().max(1e-3)
    }

    /// Whether the last line is long enough ago.
    pub(super) fn is_due(&self) -> bool {
        self.last_line.elapsed() >= LINE_INTERVAL
    }

    /// Says that a line was written.
    pub(super) fn wrote_line(&mut self) {
        self.last_line = Instant::now();
    }
}

/// A bar of the given template and length, where stderr is a terminal.
pub(super) fn bar(template: &'static str, length: u64) -> Option<ProgressBar> {
    let style =
        ProgressStyle::with_template(template).expect("the template is a constant and valid");
    std::io::stderr().is_terminal().then(|| ProgressBar::new(length).with_style(style))
}
