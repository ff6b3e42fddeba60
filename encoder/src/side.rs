//! The two sides of a search: what is searched with, and what is found.

/// Which side of the search a text is on; a model may treat queries and documents differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// A text to search with.
    Query,
    /// A text to be found.
    Document,
}
