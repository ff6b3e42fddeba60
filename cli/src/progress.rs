//! Progress on stderr: a bar on a terminal, lines elsewhere, JSON on request.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use gleaner_indexer::Progress;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::args::ProgressArg;

/// Time between two lines of plain progress.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// Bad lines that are printed; the rest is counted.
const REJECTIONS_PRINTED: u64 = 20;

enum Style {
    Bar(ProgressBar),
    Plain,
    Json,
}

/// Shows how an indexing run gets on.
pub(crate) struct Reporter {
    style: Style,
    start: Instant,
    last_line: Instant,
    rejections_printed: u64,
}

impl Reporter {
    pub(crate) fn new(style: ProgressArg) -> Self {
        let template = "{bar:30} {percent:>3}%  {msg}";
        let style = match style {
            ProgressArg::Json => Style::Json,
            ProgressArg::Auto if std::io::stderr().is_terminal() => {
                let style = ProgressStyle::with_template(template)
                    .expect("the template is a constant and valid");
                Style::Bar(ProgressBar::new(1).with_style(style))
            }
            _ => Style::Plain,
        };
        let start = Instant::now();
        let last_line = start;
        Self { style, start, last_line, rejections_printed: 0 }
    }

    /// A sentence above the progress.
    pub(crate) fn say(&self, message: &str) {
        match &self.style {
            Style::Bar(bar) => bar.suspend(|| eprintln!("{message}")),
            Style::Plain => eprintln!("{message}"),
            Style::Json => eprintln!("{}", json!({ "event": "message", "message": message })),
        }
    }

    pub(crate) fn update(&mut self, progress: &Progress) {
        for rejection in &progress.rejections {
            self.rejections_printed += 1;
            match self.rejections_printed {
                n if n <= REJECTIONS_PRINTED => self.say(&format!("rejected {rejection}")),
                n if n == REJECTIONS_PRINTED + 1 => self.say("further rejected lines are counted"),
                _ => {}
            }
        }
        let is_due = self.last_line.elapsed() >= LINE_INTERVAL;
        let message = self.message(progress);
        match &self.style {
            Style::Bar(bar) => {
                bar.set_length(progress.total_bytes.max(1));
                bar.set_position(progress.read_bytes);
                bar.set_message(message);
            }
            Style::Plain if is_due => eprintln!("{message}"),
            Style::Json if is_due => self.json("progress", progress),
            _ => return,
        }
        if is_due {
            self.last_line = Instant::now();
        }
    }

    /// The last word.
    pub(crate) fn finish(&mut self, progress: &Progress) {
        let message = self.message(progress);
        match &self.style {
            Style::Bar(bar) => {
                bar.finish_and_clear();
                eprintln!("{message}");
            }
            Style::Plain => eprintln!("{message}"),
            Style::Json => self.json("finished", progress),
        }
    }

    fn rate(&self, progress: &Progress) -> f64 {
        progress.indexed as f64 / self.start.elapsed().as_secs_f64().max(1e-3)
    }

    /// Seconds left, by the share of the input read since the start.
    fn eta_s(&self, progress: &Progress) -> Option<f64> {
        let done = progress.read_bytes.saturating_sub(progress.passed_bytes) as f64;
        let left = progress.total_bytes.saturating_sub(progress.read_bytes) as f64;
        (done > 0.0).then(|| self.start.elapsed().as_secs_f64() * left / done)
    }

    fn message(&self, progress: &Progress) -> String {
        let mut message = format!(
            "{} documents, {:.0}/s, {} committed",
            progress.found + progress.indexed,
            self.rate(progress),
            progress.found + progress.committed
        );
        if progress.longer > 0 {
            message += &format!(", {} longer than the model reads", progress.longer);
        }
        if progress.rejected > 0 {
            message += &format!(", {} rejected", progress.rejected);
        }
        match self.eta_s(progress) {
            Some(eta) if eta >= 1.0 => message += &format!(", {eta:.0} s left"),
            _ => {}
        }
        message
    }

    fn json(&self, event: &str, progress: &Progress) {
        let line = json!({
            "event": event,
            "found": progress.found,
            "indexed": progress.indexed,
            "longer": progress.longer,
            "committed": progress.committed,
            "rejected": progress.rejected,
            "read_bytes": progress.read_bytes,
            "total_bytes": progress.total_bytes,
            "documents_per_s": self.rate(progress),
            "eta_s": self.eta_s(progress),
            "elapsed_s": self.start.elapsed().as_secs_f64(),
        });
        eprintln!("{line}");
    }
}
