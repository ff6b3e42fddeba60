//! One segment.
pub use crate::index::Segment;

impl Segment {
    /// The largest weight that a living document has of a term; 0 if none has it.
    pub(crate) fn largest_weight(&self, term: u32) -> f32 {
        self.maxima().largest_weight(term, self.impacts(), self.alive())
    }

    /// The length of the longest vector of a living document in a dense field; 0 if none has one.
    pub(crate) fn longest_vector(&self, position: usize) -> f64 {
        self.maxima().longest_vector(position, self.dense_fields(), self.alive())
    }

    /// All rows of a living row's document, and perhaps dead ones behind them: where rows are
    /// passages, those that lie together. (Rows are in document order there.)
    pub(crate) fn span_of_document(&self, row: usize) -> std::ops::Range<usize> {
        match self.passages() {
            None => row..row + 1,
            Some(passages) => {
                let rows = passages.rows(row as u32);
                rows.start as usize..rows.end as usize
            }
        }
    }

    /// The living rows of a living row's document.
    pub(crate) fn rows_of_document(&self, row: usize) -> impl Iterator<Item = usize> + '_ {
        let is_alive = |row: &usize| self.alive().is_none_or(|alive| alive.contains(*row));
        self.span_of_document(row).filter(is_alive)
    }
}
