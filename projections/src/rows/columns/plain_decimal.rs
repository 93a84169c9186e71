//! Decimal numbers in plain text: what rows read and what SQLite sorts.

use crate::rows::ColumnError;

/// A decimal number in plain text, such as `-12.50`, without the zeros that do not change it.
///
/// Zero has no digits, and is not negative.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct PlainDecimal<'a> {
    pub(super) negative: bool,
    /// The ASCII digits before the point, the first of which is not 0.
    pub(super) whole: &'a [u8],
    /// The ASCII digits after the point, the last of which is not 0.
    pub(super) fraction: &'a [u8],
}

impl<'a> PlainDecimal<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, ColumnError> {
        let (negative, unsigned) = match text.as_bytes() {
            [b'-', unsigned @ ..] => (true, unsigned),
            [b'+', unsigned @ ..] => (false, unsigned),
            unsigned => (false, unsigned),
        };
        let point = unsigned.iter().position(|byte| *byte == b'.');
        let (whole, fraction) = match point {
            Some(point) => (&unsigned[..point], &unsigned[point + 1..]), // it is in there
            None => (unsigned, &[][..]),
        };
        let is_number = whole.len() + fraction.len() > 0;
        if !(is_number && all_digits(whole) && all_digits(fraction)) {
            return Err(no_decimal(text));
        }
        let (whole, fraction) = (without_leading_zeros(whole), without_trailing_zeros(fraction));
        let is_zero = whole.is_empty() && fraction.is_empty();
        Ok(Self { negative: negative && !is_zero, whole, fraction })
    }
}

fn all_digits(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_digit)
}

pub(super) fn without_leading_zeros(mut digits: &[u8]) -> &[u8] {
    while let [b'0', rest @ ..] = digits {
        digits = rest;
    }
    digits
}

pub(super) fn without_trailing_zeros(mut digits: &[u8]) -> &[u8] {
    while let [rest @ .., b'0'] = digits {
        digits = rest;
    }
    digits
}

/// Says that a text is no decimal number.
#[cold]
fn no_decimal(text: &str) -> ColumnError {
    ColumnError::new(format!(
        "a decimal number in plain digits was expected, and {} is there",
        shortened(text)
    ))
}

/// Says that a number has more digits than a decimal.
#[cold]
pub(super) fn too_long(text: &str) -> ColumnError {
    ColumnError::new(format!(
        "{} does not fit a decimal, which holds up to 79228162514264337593543950335, and up to 28 \
         digits after the point",
        shortened(text)
    ))
}

/// Quotes a text, of which nobody knows how long it is.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 64;
    let shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() { format!("{shown:?}..") } else { format!("{shown:?}") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parts(text: &str) -> (bool, &str, &str) {
        let PlainDecimal { negative, whole, fraction } = PlainDecimal::parse(text).unwrap();
        (negative, str::from_utf8(whole).unwrap(), str::from_utf8(fraction).unwrap())
    }

    #[test]
    fn zeros_that_mean_nothing_are_left_out() {
        assert_eq!(parts("-0012.3400"), (true, "12", "34"));
        assert_eq!(parts("+1000"), (false, "1000", ""));
        assert_eq!(parts("0.001"), (false, "", "001"));
        assert_eq!(parts(".5"), (false, "", "5"));
        assert_eq!(parts("5."), (false, "5", ""));
        for zero in ["0", "-0", "-0.00", "000", ".0"] {
            assert_eq!(parts(zero), (false, "", ""), "{zero}");
        }
    }

    #[test]
    fn what_is_not_in_plain_digits_is_refused() {
        for text in ["", "-", ".", "+.", "1e3", "1_000", "--1", "1.2.3", " 1", "1 ", "NaN", "٣"] {
            let error = PlainDecimal::parse(text).unwrap_err().to_string();
            let why =
                format!("a decimal number in plain digits was expected, and {text:?} is there");
            assert_eq!(error, why);
        }
    }

    #[test]
    fn an_error_does_not_quote_all_of_a_long_text() {
        let error = PlainDecimal::parse(&"x".repeat(1_000_000)).unwrap_err().to_string();
        assert!(error.len() < 200, "{error}");
    }
}
