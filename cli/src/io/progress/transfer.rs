//! How one file of a download gets on: a bar on a terminal, lines elsewhere.

use indicatif::ProgressBar;

use super::pace::{LinePace, bar};

/// Shows the bytes of one file.
pub(crate) struct TransferProgress {
    name: String,
    bar: Option<ProgressBar>,
    pace: LinePace,
    got_bytes: u64,
}

impl TransferProgress {
    /// A transfer that begins now.
    pub(crate) fn new(name: &str) -> Self {
        let template = "{msg} {bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
        let bar = bar(template, 0).map(|bar| bar.with_message(name.to_owned()));
        Self { name: name.to_owned(), bar, pace: LinePace::new(), got_bytes: 0 }
    }

    /// Says how many bytes have come, and of how many where that is known.
    pub(crate) fn update(&mut self, got_bytes: u64, total_bytes: Option<u64>) {
        self.got_bytes = got_bytes;
        match (&self.bar, total_bytes) {
            (Some(bar), total) => {
                bar.set_length(total.unwrap_or(got_bytes));
                bar.set_position(got_bytes);
            }
            (None, total) if self.pace.is_due() => {
                let share = total.map_or(String::new(), |total| {
                    format!(", {} %", got_bytes * 100 / total.max(1))
                });
                say!("{}: {got_bytes} bytes{share}", self.name);
                self.pace.wrote_line();
            }
            (None, _) => {}
        }
    }

    /// The last word: how much has come, and whether a hash proves it.
    pub(crate) fn finish(self, is_proven: bool) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let proof = if is_proven { "its hash is right" } else { "NOT VERIFIED" };
        say!("{}: {} bytes, {proof}", self.name, self.got_bytes);
    }
}
