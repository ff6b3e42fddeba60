//! Values of flags: what a text may be, and what the user reads where it is something else.
//!
//! A parser refuses a bad value while the command line is read, so its error is one of usage. Every
//! message says what to give instead.

use std::net::SocketAddr;

use gleaner::THREADS_LIMIT;

/// A whole number from `least` to `most`.
fn number(text: &str, least: u64, most: u64) -> Result<u64, String> {
    if let Some(number) = text.parse().ok().filter(|number| (least..=most).contains(number)) {
        return Ok(number);
    }
    let is_whole = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_large = is_whole && text.parse::<u64>().is_ok_and(|number| number > most);
    Err(match most {
        _ if is_large || is_whole && text.parse::<u64>().is_err() => {
            format!("the number is too large; give at most {most}")
        }
        u64::MAX => format!("give a whole number of {least} or more"),
        most => format!("give a whole number from {least} to {most}"),
    })
}

/// The same for sizes in memory.
fn size(text: &str, least: u64, most: u64) -> Result<usize, String> {
    let number = number(text, least, most.min(usize::MAX as u64))?;
    usize::try_from(number).map_err(|_| format!("the number is too large; give at most {most}"))
}

/// A whole number of 1 or more.
pub(super) fn one_or_more(text: &str) -> Result<usize, String> {
    size(text, 1, u64::MAX)
}

/// A whole number of 0 or more.
pub(super) fn whole(text: &str) -> Result<usize, String> {
    size(text, 0, u64::MAX)
}

/// A whole number of 64 bits, such as a seed or a number of microseconds.
pub(super) fn whole_u64(text: &str) -> Result<u64, String> {
    number(text, 0, u64::MAX)
}

/// A number above 0 and at most 1; not a number is not above 0 either.
pub(super) fn effort(text: &str) -> Result<f32, &'static str> {
    let effort = text.parse().ok().filter(|&effort: &f32| effort > 0.0 && effort <= 1.0);
    effort.ok_or("give a number above 0 and at most 1, such as 0.8; 1 is exact")
}

/// A score, which may be negative. What is not finite the search refuses.
pub(super) fn score(text: &str) -> Result<f32, &'static str> {
    text.parse().map_err(|_| "give a number, such as 0.5")
}

/// A number of threads.
pub(super) fn threads(text: &str) -> Result<usize, String> {
    size(text, 1, THREADS_LIMIT as u64)
}

/// A number of milliseconds in which something can be found.
pub(super) fn timeout_ms(text: &str) -> Result<u64, String> {
    let refused = |reason| format!("{reason}; leave the flag out to wait for the exact answer");
    number(text, 1, u64::MAX).map_err(refused)
}

/// An address of this machine, and a port.
pub(super) fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "give an IP address and a port, such as 127.0.0.1:7700")
}

/// The value of a switch's variable, in the words that clap reads.
pub(super) fn switch(text: &str) -> Result<bool, &'static str> {
    match &text.to_lowercase()[..] {
        "y" | "yes" | "t" | "true" | "on" | "1" => Ok(true),
        "n" | "no" | "f" | "false" | "off" | "0" => Ok(false),
        _ => Err("give true or false"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effort_is_a_share_of_the_work() {
        assert_eq!(["0.25", "1", "1e-9"].map(effort), [Ok(0.25), Ok(1.0), Ok(1e-9)]);
        for text in ["0", "-0.5", "1.0001", "NaN", "inf", "1e-60", "half", ""] {
            assert!(effort(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_limit_leaves_time() {
        assert_eq!(["1", "18446744073709551615"].map(timeout_ms), [Ok(1), Ok(u64::MAX)]);
        for text in ["0", "-1", "1.5", "soon", ""] {
            assert!(timeout_ms(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_number_that_is_refused_says_which_are_not() {
        assert_eq!((whole("0"), one_or_more("7"), whole_u64("9")), (Ok(0), Ok(7), Ok(9)));
        for text in ["0", "ten", "-1", "1.5", "", "1e3"] {
            let refused = one_or_more(text).err();
            assert_eq!(refused.as_deref(), Some("give a whole number of 1 or more"), "{text}");
        }
        let refused = one_or_more("99999999999999999999").err().unwrap_or_default();
        assert!(refused.contains("too large; give at most 18446744073709551615"), "{refused}");
        let refused = threads("1000000").err().unwrap_or_default();
        assert!(refused.contains("too large"), "{refused}");
    }

    #[test]
    fn a_switch_is_on_or_off() {
        assert_eq!(["1", "Yes", "off"].map(switch), [Ok(true), Ok(true), Ok(false)]);
        assert!(["", "maybe", "2"].iter().all(|text| switch(text).is_err()));
    }
}
