//! How an indexing run gets on: a bar on a terminal, lines elsewhere, or JSON lines.

use gleaner::Progress;
use indicatif::ProgressBar;
use serde_json::json;

use super::pace::{LinePace, bar};
use crate::args::ProgressArg;

/// Bad lines that are printed; the rest is counted.
const REJECTIONS_PRINTED: u64 = 20;

/// How progress is shown.
enum Style {
    Bar(ProgressBar),
    Plain,
    Json,
}

/// Shows how an indexing run gets on.
pub(crate) struct IndexingProgress {
    style: Style,
    pace: LinePace,
    rejections_printed: u64,
}

impl IndexingProgress {
    /// A run that begins now.
    pub(crate) fn new(style: ProgressArg) -> Self {
        let style = match style {
            ProgressArg::Json => Style::Json,
            ProgressArg::Plain => Style::Plain,
            ProgressArg::Auto => match bar("{bar:30} {percent:>3}%  {msg}", 1) {
                Some(bar) => Style::Bar(bar),
                None => Style::Plain,
            },
        };
        Self { style, pace: LinePace::new(), rejections_printed: 0 }
    }

    /// A sentence above the progress.
    pub(crate) fn say(&self, message: &str) {
        match &self.style {
            Style::Bar(bar) => bar.suspend(|| say!("{message}")),
            Style::Plain => say!("{message}"),
            Style::Json => say!("{}", json!({ "event": "message", "message": message })),
        }
    }

    /// Shows bad lines, and how far the run is where that is due.
    pub(crate) fn update(&mut self, progress: &Progress) {
        for rejection in &progress.rejections {
            self.rejections_printed += 1;
            match self.rejections_printed {
                n if n <= REJECTIONS_PRINTED => self.say(&format!("rejected {rejection}")),
                n if n == REJECTIONS_PRINTED + 1 => self.say("further rejected lines are counted"),
                _ => {}
            }
        }
        let is_due = self.pace.is_due();
        let message = self.message(progress);
        match &self.style {
            Style::Bar(bar) => {
                bar.set_length(progress.total_bytes.max(1));
                bar.set_position(progress.read_bytes);
                bar.set_message(message);
            }
            Style::Plain if is_due => say!("{message}"),
            Style::Json if is_due => self.json("progress", progress),
            Style::Plain | Style::Json => {}
        }
        if is_due {
            self.pace.wrote_line();
        }
    }

    /// The last word.
    pub(crate) fn finish(&mut self, progress: &Progress) {
        let message = self.message(progress);
        match &self.style {
            Style::Bar(bar) => {
                bar.finish_and_clear();
                say!("{message}");
            }
            Style::Plain => say!("{message}"),
            Style::Json => self.json("finished", progress),
        }
    }

    fn rate(&self, progress: &Progress) -> f64 {
        self.pace.rate(progress.indexed)
    }

    /// Seconds left, by the share of the input read since the start.
    fn eta_s(&self, progress: &Progress) -> Option<f64> {
        let done = progress.read_bytes.saturating_sub(progress.passed_bytes) as f64;
        let left = progress.total_bytes.saturating_sub(progress.read_bytes) as f64;
        (done > 0.0).then(|| self.pace.elapsed_s() * left / done)
    }

    fn message(&self, progress: &Progress) -> String {
        let mut message = format!(
            "{} documents, {} added, {} replaced, {:.0}/s, {} committed",
            progress.found + progress.indexed,
            progress.added,
            progress.replaced,
            self.rate(progress),
            progress.found + progress.committed
        );
        for (count, what) in [
            (progress.unchanged, "unchanged"),
            (progress.deleted, "deleted"),
            (progress.missing, "to delete that were not there"),
        ] {
            if count > 0 {
                message += &format!(", {count} {what}");
            }
        }
        if progress.longer > 0 {
            message += &format!(", {} longer than the model reads", progress.longer);
        }
        if progress.rejected > 0 {
            message += &format!(", {} rejected", progress.rejected);
        }
        if progress.blank > 0 {
            message += &format!(", {} blank lines", progress.blank);
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
            "unchanged": progress.unchanged,
            "deleted": progress.deleted,
            "missing": progress.missing,
            "added": progress.added,
            "replaced": progress.replaced,
            "blank": progress.blank,
            "without_dense": progress.without_dense,
            "longer": progress.longer,
            "committed": progress.committed,
            "rejected": progress.rejected,
            "read_bytes": progress.read_bytes,
            "total_bytes": progress.total_bytes,
            "documents_per_s": self.rate(progress),
            "eta_s": self.eta_s(progress),
            "elapsed_s": self.pace.elapsed_s(),
        });
        say!("{line}");
    }
}
