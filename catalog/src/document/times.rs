//! Times in documents and filters: text to keys that sort as the times do.
//!
//! A time is a date, or a date and a time of day as RFC 3339 writes them: years 0000 to 9999, any offset,
//! any number of digits behind the second, leap seconds. Without an offset it is UTC. Two forms of ISO 8601
//! are read as well: no seconds (`10:00`), and an offset without a colon (`+0100`). Which keys of documents hold times, and comparing them, is left to the indexer and the searcher.

/// Seconds of a day.
const DAY_SECONDS: i64 = 86_400;
/// Added to the seconds since the year 0, so that offsets lead to no negative number.
const SHIFT_SECONDS: i64 = 2 * DAY_SECONDS;

/// A time as it was written, and the moments that it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeKey {
    /// The key of the moment; of a date, that of its first moment in UTC.
    pub first: String,
    /// The key behind the last moment, where it stands for more than one: that of the next day.
    pub end: Option<String>,
}

impl TimeKey {
    /// Reads a date, or a date with a time of day. `None` for any other text.
    ///
    /// ```
    /// use gleaner_catalog::TimeKey;
    ///
    /// let key = |text| TimeKey::parse(text).unwrap().first;
    /// assert!(key("2022-01-01T00:00:00Z") < key("2022-01-01T00:00:00.5Z"));
    /// assert_eq!(key("2022-01-01T01:00:00+01:00"), key("2022-01-01"));
    /// assert!(key("0000-01-01") < key("9999-12-31T23:59:60Z"));
    /// assert_eq!(TimeKey::parse("2022-02-30"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let (date, rest) = text.split_at_checked(10)?;
        let day_seconds = days(date)? * DAY_SECONDS;
        if rest.is_empty() {
            let end = Some(key(day_seconds + DAY_SECONDS, false, ""));
            return Some(Self { first: key(day_seconds, false, ""), end });
        }
        let rest = rest.strip_prefix(['T', 't', ' '])?;
        let (clock, rest) = clock(rest)?;
        let [hour, minute, second] = clock;
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let (fraction, offset) = match rest.strip_prefix(['.', ',']) {
            Some(rest) => {
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                rest.split_at_checked(digits).filter(|(fraction, _)| !fraction.is_empty())?
            }
            None => ("", rest),
        };
        // The leap second is the last of its minute, behind all of its parts.
        let is_leap = second == 60;
        let seconds = hour * 3_600 + minute * 60 + second.min(59);
        let seconds = day_seconds + seconds - offset_seconds(offset)?;
        Some(Self { first: key(seconds, is_leap, fraction), end: None })
    }

    /// Whether a text has the form of a date with a time of day and is none, such as one of February 30.
    ///
    /// A date alone is never meant: numbers of parts and cases have its form as well.
    ///
    /// ```
    /// use gleaner_catalog::TimeKey;
    ///
    /// assert!(TimeKey::is_mistaken("2022-02-30T10:00:00Z"));
    /// assert!(!TimeKey::is_mistaken("2022-02-28T10:00:00Z"));
    /// assert!(!TimeKey::is_mistaken("2022-02-30"));
    /// ```
    pub fn is_mistaken(text: &str) -> bool {
        const FORM: &[u8] = b"0000-00-00T00:00";
        let fits = |(byte, form): (&u8, &u8)| match form {
            b'0' => byte.is_ascii_digit(),
            b'T' => matches!(byte, b'T' | b't' | b' '),
            form => byte == form,
        };
        let head = text.as_bytes().get(..FORM.len());
        head.is_some_and(|head| head.iter().zip(FORM).all(fits)) && Self::parse(text).is_none()
    }
}

/// Hour, minute and second of a time of day, and what stands behind them.
fn clock(text: &str) -> Option<([i64; 3], &str)> {
    if let Some((clock, rest)) = text.split_at_checked(8)
        && let Some(clock) = parts(clock, ':')
    {
        return Some((clock, rest));
    }
    let (clock, rest) = text.split_at_checked(5)?;
    let [hour, minute] = parts(clock, ':')?;
    (!rest.starts_with(['.', ','])).then_some(([hour, minute, 0], rest))
}

/// Digits of equal length in front, then what sorts behind them: `.` before `:`.
fn key(seconds: i64, is_leap: bool, fraction: &str) -> String {
    let (seconds, fraction) = (seconds + SHIFT_SECONDS, fraction.trim_end_matches('0'));
    match (is_leap, fraction) {
        (false, "") => format!("{seconds:012}"),
        (false, _) => format!("{seconds:012}.{fraction}"),
        (true, _) => format!("{seconds:012}:{fraction}"),
    }
}

/// Days from the first of the year 0 to a date.
fn days(date: &str) -> Option<i64> {
    let (year, rest) = date.split_at_checked(4)?;
    let [year] = parts(year, '-')?;
    let [month, day] = parts(rest.strip_prefix('-')?, '-')?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before = lengths.get(..usize::try_from(month - 1).ok()?)?;
    let length = lengths.get(before.len())?;
    if !(1..=*length).contains(&day) {
        return None;
    }
    let leap_years_before = |year: i64| match year {
        0 => 0,
        // The year 0 is one.
        _ => (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 + 1,
    };
    Some(year * 365 + leap_years_before(year) + before.iter().sum::<i64>() + day - 1)
}

/// `Z`, `+01:30`, `+0130`, or nothing, which is UTC.
fn offset_seconds(offset: &str) -> Option<i64> {
    let (sign, rest) = match offset {
        "" | "Z" | "z" => return Some(0),
        _ if offset.starts_with('+') => (1, &offset[1..]),
        _ if offset.starts_with('-') => (-1, &offset[1..]),
        _ => return None,
    };
    let [hour, minute] = match rest.len() {
        4 => [number(rest.get(..2)?)?, number(rest.get(2..)?)?],
        _ => parts(rest, ':')?,
    };
    (hour <= 23 && minute <= 59 && rest.len() <= 5).then_some(sign * (hour * 3_600 + minute * 60))
}

/// Numbers of digits alone, each as wide as RFC 3339 has it: four for a year alone, two for the others.
fn parts<const N: usize>(text: &str, separator: char) -> Option<[i64; N]> {
    let width = if N == 1 { 4 } else { 2 };
    let mut numbers = [0; N];
    let mut given = text.split(separator);
    for found in &mut numbers {
        let digits = given.next()?;
        *found = number(digits).filter(|_| digits.len() == width)?;
    }
    given.next().is_none().then_some(numbers)
}

/// A number of digits alone.
fn number(digits: &str) -> Option<i64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_times_do() {
        let times = [
            "0000-01-01T00:00:00+23:59",
            "0000-01-01",
            "0000-02-29T12:00:00Z",
            "0001-01-01",
            "1582-10-15",
            "1899-12-31T23:59:59.999999999999Z",
            "1900-02-28",
            "1900-03-01",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00.0000001Z",
            "2000-02-29",
            "2016-12-31T23:59:59.9Z",
            "2016-12-31T23:59:60Z",
            "2016-12-31T23:59:60.5Z",
            "2017-01-01T00:00:00Z",
            "2022-01-01T00:30:00+01:00",
            "2022-01-01",
            "2262-04-12T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "9999-12-31T23:59:59-00:01",
        ];
        let keys: Vec<String> =
            times.iter().map(|text| TimeKey::parse(text).expect(text).first).collect();
        for (pair, texts) in keys.windows(2).zip(times.windows(2)) {
            assert!(pair[0] < pair[1], "{texts:?}: {pair:?}");
        }
        let widths: Vec<usize> =
            keys.iter().map(|key| key.split(['.', ':']).next().unwrap().len()).collect();
        assert!(widths.iter().all(|&width| width == 12), "{keys:?}");
    }

    #[test]
    fn equal_times_have_equal_keys() {
        let key = |text| TimeKey::parse(text).unwrap().first;
        let same = [
            ["2022-05-01T12:00:00Z", "2022-05-01T14:00:00+02:00"],
            ["2022-05-01T12:00:00Z", "2022-05-01 12:00:00.000"],
            ["2022-05-01t12:00:00.50z", "2022-05-01T12:00:00.5Z"],
            ["2022-05-01", "2022-04-30T19:00:00-05:00"],
            ["2022-05-01T12:30", "2022-05-01T12:30:00Z"],
            ["2022-05-01T12:30-0130", "2022-05-01T14:00:00Z"],
            ["2022-05-01 12:30:00,25+0000", "2022-05-01T12:30:00.25Z"],
        ];
        same.iter().for_each(|[a, b]| assert_eq!(key(a), key(b), "{a} {b}"));
    }

    #[test]
    fn a_date_is_all_of_its_day() {
        let date = TimeKey::parse("2024-02-29").unwrap();
        let end = date.end.unwrap();
        let key = |text| TimeKey::parse(text).unwrap().first;
        assert_eq!(end, key("2024-03-01T00:00:00Z"));
        assert!(date.first <= key("2024-02-29T00:00:00Z") && key("2024-02-29T23:59:59.99Z") < end);
        assert_eq!(TimeKey::parse("2024-02-29T00:00:00Z").unwrap().end, None);
    }

    #[test]
    fn other_texts_are_no_times() {
        for text in [
            "",
            "2022",
            "2022-1-1",
            "2022-13-01",
            "2022-00-10",
            "2022-04-31",
            "1900-02-29",
            "12022-01-01",
            "2022-01-01T",
            "2022-01-01T24:00:00Z",
            "2022-01-01T10:00.5Z",
            "2022-01-01T1:00Z",
            "2022-01-01T10Z",
            "2022-01-01T10:00:00+01000",
            "2022-01-01T10:00:00+-100",
            "2022-01-01T10:61:00Z",
            "2022-01-01T10:00:61Z",
            "2022-01-01T10:00:00.Z",
            "2022-01-01T10:00:00+1:00",
            "2022-01-01T10:00:00+24:00",
            "2022-01-01x",
            "-022-01-01",
            "+022-01-01",
            "２０22-01-01",
            "2022-01-01T10:00:00 Z",
            "2022-01-011",
        ] {
            assert_eq!(TimeKey::parse(text), None, "{text:?}");
            // Only what has a time of day is surely meant as a time.
            let has_clock = text.get(13..14) == Some(":") && text.get(16..).is_some();
            assert_eq!(TimeKey::is_mistaken(text), has_clock && !text.contains("T1:"), "{text:?}");
        }
        assert!(!TimeKey::is_mistaken("2022-05-01T12:30-0130"));
    }
}
