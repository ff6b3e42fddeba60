//! Which texts say nothing.
//!
//! The encoder, the indexer and every door ask this one function, so that a text is blank for all
//! of them or for none.

/// Whether a text has nothing to see: it is empty, or only has white space, control characters, and
/// characters that are never drawn (Unicode's `Default_Ignorable_Code_Point`).
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || c.is_control() || is_never_drawn(c))
}

/// `Default_Ignorable_Code_Point` of Unicode 16 (`DerivedCoreProperties.txt`), and one more.
fn is_never_drawn(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}' // Braille without a dot, which is drawn as a space.
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_blank() {
        for blank in
            ["", " \t\n", "\u{a0}\u{3000}", "\u{200b}", "\u{feff} \u{200d}", "\u{ad}\0\u{1b}"]
        {
            assert!(is_blank(blank), "{blank:?}");
        }
        for text in ["a", " .", "\u{200b}0", "é", "日", "☂\u{fe0f}", "\u{301}"] {
            assert!(!is_blank(text), "{text:?}");
        }
    }
}
