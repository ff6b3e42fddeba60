//! How `encode` gets on: a line now and then.

use super::pace::LinePace;

/// Counts texts and says how fast they come.
pub(crate) struct EncodingProgress {
    texts: u64,
    found: u64,
    pace: LinePace,
}

impl EncodingProgress {
    /// A run that begins now, behind the texts that an earlier one has encoded.
    pub(crate) fn new(found: u64) -> Self {
        Self { texts: found, found, pace: LinePace::new() }
    }

    /// Texts encoded, those of earlier runs included.
    pub(crate) fn texts(&self) -> u64 {
        self.texts
    }

    /// Counts texts, and says so where a line is due.
    pub(crate) fn add(&mut self, texts: usize) {
        self.texts += texts as u64;
        if self.pace.is_due() {
            self.say();
            self.pace.wrote_line();
        }
    }

    /// Writes the line.
    pub(crate) fn say(&self) {
        let rate = self.pace.rate(self.texts - self.found);
        say!("{} texts encoded, {rate:.0}/s", self.texts);
    }
}
