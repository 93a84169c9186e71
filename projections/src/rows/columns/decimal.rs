//! `rust_decimal::Decimal`, as plain text.

use rust_decimal::Decimal;

use super::plain_decimal::{PlainDecimal, too_long};
use crate::rows::{Column, ColumnError, Kind, Put, Value};

impl Column for Decimal {
    const KIND: Kind = Kind::Decimal;

    #[inline]
    fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
        put(Value::Decimal(DecimalText::of(self.normalize()).as_str()));
        Ok(())
    }

    fn read(value: Value<'_>) -> Result<Self, ColumnError> {
        match value {
            Value::Decimal(text) => {
                read_plain(PlainDecimal::parse(text)?).ok_or_else(|| too_long(text))
            }
            other => Err(ColumnError::unexpected(Kind::Decimal, other)),
        }
    }

    #[inline]
    fn settle(&mut self) -> Result<(), ColumnError> {
        self.normalize_assign();
        Ok(())
    }

    #[inline]
    fn duplicate(&self) -> Self {
        *self
    }
}

fn read_plain(PlainDecimal { negative, whole, fraction }: PlainDecimal<'_>) -> Option<Decimal> {
    const MOST_DIGITS: usize = 29; // of 96 bits
    if whole.len() + fraction.len() > MOST_DIGITS {
        return None;
    }
    let mantissa =
        whole.iter().chain(fraction).fold(0, |sum, digit| sum * 10 + i128::from(digit - b'0'));
    let signed = if negative { -mantissa } else { mantissa };
    Decimal::try_from_i128_with_scale(signed, fraction.len() as u32).ok() // at most `MOST_DIGITS`
}

/// The plain text of a decimal, written from its end.
struct DecimalText {
    bytes: [u8; Self::LONGEST],
    start: usize,
}

impl DecimalText {
    /// A sign, 29 digits and the point, or a zero before the point and 28 digits behind it.
    const LONGEST: usize = 31;

    fn of(decimal: Decimal) -> Self {
        /// As many as 64 bits hold, whatever they are.
        const DIGITS: u32 = 19;
        const SPLIT: u128 = 10_u128.pow(DIGITS);

        let mantissa = decimal.mantissa().unsigned_abs();
        // Both fit, as the mantissa has 96 bits. Division of 128 bits is slow and seldom needed.
        let (mut high, mut low) = match mantissa {
            ..SPLIT => (0, mantissa as u64),
            _ => ((mantissa / SPLIT) as u64, (mantissa % SPLIT) as u64),
        };
        let mut text = Self { bytes: [b'0'; Self::LONGEST], start: Self::LONGEST };
        for place in 0.. {
            if place > decimal.scale() && low == 0 && high == 0 {
                break;
            }
            if place == decimal.scale() && place > 0 {
                text.push(b'.');
            }
            text.push(b'0' + (low % 10) as u8);
            low /= 10;
            if place + 1 == DIGITS {
                (high, low) = (0, high);
            }
        }
        if decimal.is_sign_negative() {
            text.push(b'-');
        }
        text
    }

    fn push(&mut self, byte: u8) {
        self.start -= 1;
        self.bytes[self.start] = byte; // there is room for the longest
    }

    #[allow(clippy::expect_used)]
    fn as_str(&self) -> &str {
        str::from_utf8(&self.bytes[self.start..]).expect("digits, a sign and a point are ASCII")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::super::laws::{Case, holds, refuses_to_read, stored};
    use super::*;
    use crate::rows::OwnedValue;

    fn decimals() -> impl Strategy<Value = Decimal> {
        let mantissa = prop_oneof![any::<u32>().prop_map(i128::from), 0_i128..1 << 96];
        (mantissa, 0_u32..=28, 0_u32..10, any::<bool>()).prop_map(
            |(mantissa, scale, zeros, negative)| {
                let mantissa = mantissa / 10_i128.pow(zeros) * 10_i128.pow(zeros);
                let mut decimal = Decimal::from_i128_with_scale(mantissa, scale);
                decimal.set_sign_negative(negative);
                decimal
            },
        )
    }

    fn text_of(decimal: Decimal) -> Result<String, TestCaseError> {
        match stored(&decimal)? {
            OwnedValue::Decimal(text) => Ok(text),
            other => panic!("{other:?} was put"),
        }
    }

    proptest! {
        #[test]
        fn decimals_are_kept_in_their_shortest_form(decimal in decimals()) {
            holds(decimal)?;
            let mut settled = decimal;
            settled.settle().unwrap();
            let text = text_of(decimal)?;
            prop_assert_eq!(&text, &settled.to_string());
            let read = Decimal::read(Value::Decimal(&text)).unwrap();
            prop_assert_eq!(read.serialize(), settled.serialize());
        }

        #[test]
        fn any_plain_text_of_it_is_read(decimal in decimals(), before in "0*", after in "0*") {
            let (sign, digits) = match decimal.to_string().strip_prefix('-') {
                Some(digits) => ("-", digits.to_owned()),
                None => ("", decimal.to_string()),
            };
            let point = if digits.contains('.') { "" } else { "." };
            let text = format!("{sign}{before}{digits}{point}{after}");
            let read = Decimal::read(Value::Decimal(&text)).unwrap();
            prop_assert_eq!(read.serialize(), decimal.normalize().serialize(), "{}", text);
        }
    }

    #[test]
    fn its_text_has_no_needless_zeros() -> Case {
        for (written, text) in [
            ("1.50", "1.5"),
            ("-0.00", "0"),
            ("1000", "1000"),
            ("-0.0000000000000000000000000001", "-0.0000000000000000000000000001"),
            ("79228162514264337593543950335", "79228162514264337593543950335"),
            ("-7.9228162514264337593543950335", "-7.9228162514264337593543950335"),
            ("10000000000000000000", "10000000000000000000"),
            ("9999999999999999999.9", "9999999999999999999.9"),
        ] {
            let decimal: Decimal = written.parse().unwrap();
            assert_eq!(text_of(decimal)?, text);
            holds(decimal)?;
        }
        holds(Decimal::MAX)?;
        holds(Decimal::MIN)
    }

    #[test]
    fn what_is_settled_has_no_sign_of_zero_and_no_trailing_zeros() {
        let mut zero = Decimal::new(0, 5);
        zero.set_sign_negative(true);
        zero.settle().unwrap();
        assert_eq!(zero.serialize(), Decimal::ZERO.serialize());
        let mut price = Decimal::new(1500, 3);
        price.settle().unwrap();
        assert_eq!((price.mantissa(), price.scale()), (15, 1));
    }

    #[test]
    fn what_is_no_decimal_or_would_be_rounded_is_refused() {
        let limit = "does not fit a decimal, which holds up to 79228162514264337593543950335, and \
                     up to 28 digits after the point";
        for text in [
            "79228162514264337593543950336",
            "-100000000000000000000000000000",
            "0.00000000000000000000000000001",
            "7.92281625142643375935439503351",
        ] {
            refuses_to_read::<Decimal>(Value::Decimal(text), &format!("{text:?} {limit}"));
        }
        refuses_to_read::<Decimal>(
            Value::Decimal("1e3"),
            "a decimal number in plain digits was expected, and \"1e3\" is there",
        );
        refuses_to_read::<Decimal>(
            Value::Text("1"),
            "Decimal was expected, and Text(\"1\") is there",
        );
    }
}
