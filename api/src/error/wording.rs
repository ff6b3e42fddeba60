//! What messages repeat: pieces of the request, reasons, causes.
//!
//! A request may be long and hold any character. So its pieces are quoted, escaped and cut.

use std::{error::Error, fmt::Display};

/// Characters of a token or a name that a message repeats.
const QUOTED_CHARACTERS: usize = 64;
/// Characters of a reason that a message repeats; reasons may repeat what was sent.
const BRIEF_CHARACTERS: usize = 300;

/// A piece of the request for a message: in quotes, escaped, not too long.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARACTERS) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// A reason for a message, not too long.
pub(crate) fn brief(reason: impl Display) -> String {
    let mut reason = reason.to_string();
    if let Some((end, _)) = reason.char_indices().nth(BRIEF_CHARACTERS) {
        reason.truncate(end);
        reason.push('…');
    }
    reason
}

/// The last cause of an error. Those around it only say that something failed.
pub(crate) fn innermost(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&error| error.source());
    causes.last().map_or_else(|| error.to_string(), ToString::to_string)
}
