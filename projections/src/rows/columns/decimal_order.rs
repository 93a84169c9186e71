//! [`decimal_sort_key`]: bytes that sort as decimal numbers do, for storages that have no such
//! numbers.

use super::plain_decimal::{PlainDecimal, too_long, without_leading_zeros, without_trailing_zeros};
use crate::rows::ColumnError;

/// As many digits as fit, in pairs. A decimal has up to 29.
const PAIRS: usize = 15;
/// The first byte of zero. Positive numbers have greater ones, and negative ones have less.
const ZERO: u8 = 0x80;
/// What is added to the exponent of a positive number, so that none falls to `ZERO`.
const BIAS: i32 = ZERO as i32 + 64;

/// Returns bytes that sort as decimal numbers in plain text do by value; equal numbers, such as
/// `1.5` and `1.50`, have equal bytes.
///
/// The first byte is the place of the first digit that is not 0, and each further one holds two
/// digits, from that digit to the last that is not 0. Of a negative number all bytes are inverted,
/// and one that is greater than any of digits ends them: it has to sort after those that go on.
///
/// # Errors
/// The text is no number in plain digits, or has more of them than a decimal.
pub(crate) fn decimal_sort_key(text: &str) -> Result<DecimalSortKey, ColumnError> {
    match short_key(text) {
        Some(key) => Ok(key),
        None => any_key(text),
    }
}

/// Makes the key in one pass, of a short text without needless zeros and not below 1: what most
/// columns hold.
fn short_key(text: &str) -> Option<DecimalSortKey> {
    let (negative, unsigned) = match text.as_bytes() {
        [b'-', unsigned @ ..] => (true, unsigned),
        unsigned => (false, unsigned),
    };
    let ([b'1'..=b'9', .., b'1'..=b'9'] | [b'1'..=b'9']) = unsigned else {
        return None;
    };
    if unsigned.len() > PAIRS * 2 {
        return None;
    }
    let mut key = DecimalSortKey::of(ZERO);
    let (mut place, mut point) = (0, None);
    for byte in unsigned {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            key.set_digit(place, digit);
            place += 1;
        } else if *byte == b'.' && point.is_none() {
            point = Some(place);
        } else {
            return None;
        }
    }
    key.bytes[0] = (BIAS as usize + point.unwrap_or(place)) as u8; // at most 30 places
    Some(key.finished(place, negative))
}

fn any_key(text: &str) -> Result<DecimalSortKey, ColumnError> {
    let PlainDecimal { negative, whole, fraction } = PlainDecimal::parse(text)?;
    let (exponent, head, tail) = significant(whole, fraction);
    let count = head.len() + tail.len();
    if count == 0 {
        return Ok(DecimalSortKey::of(ZERO));
    }
    if count > PAIRS * 2 || !(-63..=63).contains(&exponent) {
        return Err(too_long(text));
    }
    let mut key = DecimalSortKey::of((BIAS + exponent) as u8); // within 129..=255
    for (place, digit) in head.iter().chain(tail).enumerate() {
        key.set_digit(place, digit - b'0');
    }
    Ok(key.finished(count, negative))
}

/// Returns how many places before the point the first digit is, and the digits from there to the
/// last that is not 0, in two pieces.
fn significant<'a>(whole: &'a [u8], fraction: &'a [u8]) -> (i32, &'a [u8], &'a [u8]) {
    let places = |digits: &[u8]| i32::try_from(digits.len()).unwrap_or(i32::MAX);
    if fraction.is_empty() {
        return (places(whole), without_trailing_zeros(whole), &[]);
    }
    if whole.is_empty() {
        let digits = without_leading_zeros(fraction);
        return (places(digits).saturating_sub(places(fraction)), digits, &[]);
    }
    (places(whole), whole, fraction)
}

/// What [`decimal_sort_key`] returns: up to 17 bytes, five for a number of eight digits.
#[derive(Clone, Copy)]
pub(crate) struct DecimalSortKey {
    bytes: [u8; 1 + PAIRS + 1],
    length: usize,
}

impl DecimalSortKey {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length] // never more than there are
    }

    fn of(first: u8) -> Self {
        let mut bytes = [0; _];
        bytes[0] = first; // there is more than one
        Self { bytes, length: 1 }
    }

    /// Puts a digit into its pair. A pair is stored as 1 to 100: no byte may be what the end of a
    /// key compares as.
    #[inline]
    fn set_digit(&mut self, place: usize, digit: u8) {
        let byte = &mut self.bytes[1 + place / 2]; // whoever calls it has counted them
        *byte += if place.is_multiple_of(2) { digit * 10 + 1 } else { digit };
    }

    fn finished(mut self, digits: usize, negative: bool) -> Self {
        self.length = 1 + digits.div_ceil(2);
        if negative {
            self.length += 1; // the zero behind the pairs becomes the greatest byte
            self.bytes.iter_mut().for_each(|byte| *byte = !*byte);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;

    fn key(text: &str) -> Vec<u8> {
        decimal_sort_key(text).unwrap().as_bytes().to_vec()
    }

    /// Texts of few different digits, so that many begin alike, with needless zeros.
    fn texts() -> impl Strategy<Value = String> {
        prop_oneof![
            "[-+]?[0159]{1,28}",
            "[-+]?0{0,2}[0159]{1,4}[.][0159]{0,6}",
            "[-+]?[0159]{1,14}[.][0159]{1,14}",
            "[-+]?0?[.]0{0,20}[0159]{1,8}",
        ]
    }

    /// Pairs of texts, of which many are the same number or differ in their last digit or sign.
    fn pairs() -> impl Strategy<Value = (String, String)> {
        let changed = texts().prop_flat_map(|text| {
            let point = if text.contains('.') { "" } else { "." };
            let digits = text.trim_start_matches(['-', '+']).to_owned();
            let other = prop_oneof![
                Just(format!("{text}{point}00")),
                Just(format!("{text}{point}1")),
                Just(format!("-{digits}")),
                Just(digits.clone()),
                Just(format!("{}9", text.trim_end_matches('0'))),
            ];
            (Just(text), other)
        });
        let fits = |text: &str| text.parse::<Decimal>().is_ok();
        prop_oneof![(texts(), texts()), changed]
            .prop_filter("no decimal", move |(a, b)| fits(a) && fits(b))
    }

    /// The number of a text, unless `rust_decimal` would round it.
    fn number(text: &str) -> Option<Decimal> {
        let sign = if text.starts_with('-') { "-" } else { "" };
        let PlainDecimal { whole, fraction, .. } = PlainDecimal::parse(text).unwrap();
        let (whole, fraction) = (str::from_utf8(whole).unwrap(), str::from_utf8(fraction).unwrap());
        Decimal::from_str_exact(&format!("{sign}0{whole}.{fraction}")).ok()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2048, ..ProptestConfig::default() })]

        #[test]
        fn keys_sort_as_the_numbers_do((a, b) in pairs()) {
            let (Some(first), Some(second)) = (number(&a), number(&b)) else {
                return Err(TestCaseError::reject("it would be rounded"));
            };
            prop_assert_eq!(key(&a).cmp(&key(&b)), first.cmp(&second), "{} and {}", a, b);
        }

        #[test]
        fn keys_of_any_decimals_sort_as_they_do(
            (a, b) in any::<(i64, i64)>(),
            (c, d) in (0_i128..1 << 96, 0_i128..1 << 96),
            (e, f) in (0_u32..=28, 0_u32..=28),
        ) {
            let numbers = [
                Decimal::from_i128_with_scale(a.into(), e),
                Decimal::from_i128_with_scale(b.into(), f),
                Decimal::from_i128_with_scale(c, e),
                Decimal::from_i128_with_scale(-d, f),
            ];
            for one in numbers {
                for other in numbers {
                    let keys = (key(&one.to_string()), key(&other.to_string()));
                    prop_assert_eq!(keys.0.cmp(&keys.1), one.cmp(&other), "{} and {}", one, other);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_short_text_has_the_same_key_as_any(text in "-?[1-9][0-9]{0,16}([.][0-9]{0,16})?") {
            if let Some(short) = short_key(&text) {
                let any = any_key(&text).unwrap();
                prop_assert_eq!(short.as_bytes(), any.as_bytes());
            }
        }

        #[test]
        fn a_text_that_is_no_number_has_no_short_key(text in "[-+.019e ]{0,40}") {
            prop_assert!(short_key(&text).is_none() || any_key(&text).is_ok(), "{}", text);
        }
    }

    #[test]
    fn numbers_in_order_have_keys_in_order() {
        let numbers = [
            "-79228162514264337593543950335",
            "-38633.5",
            "-100",
            "-12.5",
            "-12.0005",
            "-12",
            "-9",
            "-0.5",
            "-0.05",
            "-0.0000000000000000000000000001",
            "0",
            "0.0000000000000000000000000001",
            "0.05",
            "0.5",
            "0.51",
            "9",
            "9.99",
            "10.25",
            "99",
            "100",
            "1234",
            "38633.5",
            "79228162514264337593543950335",
        ];
        for pair in numbers.windows(2) {
            assert!(key(pair[0]) < key(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn nine_sorts_before_ten_and_a_quarter() {
        let mut numbers = ["9", "10.25", "1234", "-38633.5"];
        numbers.sort_by_key(|number| key(number));
        assert_eq!(numbers, ["-38633.5", "9", "10.25", "1234"]);
    }

    #[test]
    fn equal_numbers_have_equal_keys() {
        for equal in [&["0", "-0", "0.00", ".0"][..], &["1.5", "01.50", "+1.500"], &["100", "100."]]
        {
            for number in equal {
                assert_eq!(key(number), key(equal[0]), "{number}");
            }
        }
    }

    /// Keys are stored, so that they may never change.
    #[test]
    fn keys_stay_what_they_are() {
        assert_eq!(key("0"), [128]);
        assert_eq!(key("12345678.9"), [200, 13, 35, 57, 79, 91]);
        assert_eq!(key("-12.5"), [61, 242, 204, 255]);
        assert_eq!(key("0.001"), [190, 11]);
        assert_eq!(key("1000"), [196, 11]);
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in [
            "",
            "1e5",
            "NaN",
            "1.2.3",
            "1-2",
            "--1",
            "1 2",
            &"9".repeat(31),
            &format!("1{}", "0".repeat(90)),
        ] {
            assert!(decimal_sort_key(text).is_err(), "{text}");
        }
        let small = format!("0.{}1", "0".repeat(90));
        assert!(decimal_sort_key(&small).is_err());
    }
}
