//! Times as RFC 3339 has them.

use jiff::Timestamp;

/// Reads an RFC 3339 time, to the microsecond: digits beyond are cut off.
///
/// jiff alone would also take other forms, such as `2026-01-31 12Z` or a zone in brackets.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let (date_time, rest) = bytes.split_at_checked(19)?;
    if !fits(date_time, b"0000-00-00T00:00:00") {
        return None;
    }
    let digits = match rest.strip_prefix(b".") {
        None => 0,
        Some(rest) => match rest.iter().take_while(|byte| byte.is_ascii_digit()).count() {
            0 => return None,
            digits => digits,
        },
    };
    let fraction_end = 19 + if digits == 0 { 0 } else { 1 + digits };
    let (instant, offset) = text.split_at_checked(fraction_end)?;
    if !matches!(offset, "Z" | "z") && !is_offset(offset) {
        return None;
    }
    let instant = instant.get(..19 + 7).unwrap_or(instant); // a point and six digits
    format!("{instant}{}", offset.to_ascii_uppercase()).parse().ok()
}

fn is_offset(text: &str) -> bool {
    fits(text.as_bytes(), b"+00:00") || fits(text.as_bytes(), b"-00:00")
}

/// Compares with a pattern, in which 0 stands for any digit and T for itself in either case.
fn fits(bytes: &[u8], pattern: &[u8]) -> bool {
    bytes.len() == pattern.len()
        && bytes.iter().zip(pattern).all(|(byte, wanted)| match wanted {
            b'0' => byte.is_ascii_digit(),
            b'T' => byte.eq_ignore_ascii_case(&b'T'),
            _ => byte == wanted,
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rfc_3339_is_read_to_the_microsecond() {
        for (text, wanted) in [
            ("2019-07-01T00:00:00Z", "2019-07-01T00:00:00Z"),
            ("2019-07-01t00:00:00z", "2019-07-01T00:00:00Z"),
            ("2019-07-01T02:00:00.70+02:00", "2019-07-01T00:00:00.7Z"),
            ("2019-07-01T00:00:00.123456-00:00", "2019-07-01T00:00:00.123456Z"),
            ("2019-07-01T00:00:00.123456789012345Z", "2019-07-01T00:00:00.123456Z"),
            ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), wanted, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "2019-07-01",
            "2019-07-01T00:00Z",
            "2019-07-01 00:00:00Z",
            "2019-07-01T00:00:00",
            "2019-07-01T00:00:00.Z",
            "2019-07-01T00:00:00+0200",
            "2019-07-01T00:00:00+02",
            "2019-07-01T00:00:00Z[UTC]",
            "2019-02-30T00:00:00Z",
            "2019-07-01T25:00:00Z",
            "2019-07-01T00:00:00Zé",
            "2019-07-01T00:00:0é",
            "1561939200",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
