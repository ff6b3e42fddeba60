//! Documents to committed segments.
