//! Query to hits: exact top-k over impact files, BM25, filters, explanations.
