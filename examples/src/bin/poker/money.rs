//! Amounts of chips: exact decimals, written without trailing zeros.

use std::{fmt, str::FromStr};

use projections::{
    rows::{Column, ColumnError, Kind, Put, Value},
    sqlite::rusqlite::{
        self, ToSql,
        types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
    },
};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An exact amount: in events and in tables it is a text such as `-38633.5`.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Amount(Decimal);

impl Amount {
    pub(crate) const ZERO: Self = Self(Decimal::ZERO);

    pub(crate) fn from_cents(cents: i64) -> Self {
        Self(Decimal::new(cents, 2))
    }

    pub(crate) fn is_positive(self) -> bool {
        self > Self::ZERO
    }

    /// Adds exactly, or not at all: a sum that needs more digits than there are is an error, never
    /// rounded.
    pub(crate) fn plus(self, other: Self) -> Result<Self, AmountError> {
        let sum = self.0.checked_add(other.0);
        sum.filter(|sum| sum.checked_sub(self.0) == Some(other.0))
            .filter(|sum| sum.checked_sub(other.0) == Some(self.0))
            .map(Self)
            .ok_or_else(|| AmountError(format!("{self} + {other}")))
    }

    pub(crate) fn minus(self, other: Self) -> Result<Self, AmountError> {
        self.plus(Self(-other.0))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Zero has a sign in this decimal type; no one wants to read "-0".
        let amount = if self.0.is_zero() { Decimal::ZERO } else { self.0.normalize() };
        f.pad(&amount.to_string())
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        Decimal::from_str_exact(text).map(Self).map_err(|_| AmountError(format!("{text:?}")))
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Amount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount as a decimal string, such as \"12.5\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// In a declared row it is a decimal, which sorts by value.
impl Column for Amount {
    const KIND: Kind = Decimal::KIND;

    fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
        Column::put(&self.0, put)
    }

    fn read(value: Value<'_>) -> Result<Self, ColumnError> {
        <Decimal as Column>::read(value).map(Self)
    }

    fn settle(&mut self) -> Result<(), ColumnError> {
        Column::settle(&mut self.0)
    }

    fn duplicate(&self) -> Self {
        *self
    }
}

impl ToSql for Amount {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.to_string().into())
    }
}

impl FromSql for Amount {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

/// A text that is no amount, or a sum that no exact decimal of 28 digits can hold.
#[derive(Debug)]
pub(crate) struct AmountError(String);

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not an exact decimal of at most 28 digits", self.0)
    }
}

impl std::error::Error for AmountError {}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    #[test]
    fn amounts_are_written_without_trailing_zeros() {
        for (text, written) in
            [("10.50", "10.5"), ("-0.00", "0"), ("200", "200"), ("-38633.5", "-38633.5")]
        {
            assert_eq!(amount(text).to_string(), written);
        }
        assert_eq!(Amount::from_cents(1_205).to_string(), "12.05");
    }

    #[test]
    fn a_sum_is_exact_or_an_error() {
        assert_eq!(amount("0.1").plus(amount("0.2")).unwrap(), amount("0.3"));
        assert_eq!(amount("0.1").minus(amount("0.30")).unwrap(), amount("-0.2"));
        assert!(amount("79228162514264337593543950335").plus(amount("1")).is_err());
        assert!(amount("7922816251426433759354395033").plus(amount("0.01")).is_err());
    }

    #[test]
    fn only_decimal_strings_are_amounts() {
        for text in ["\"\"", "\"1e5\"", "\"ten\"", "\"NaN\"", "12.5", "null"] {
            assert!(serde_json::from_str::<Amount>(text).is_err(), "{text}");
        }
        assert_eq!(serde_json::from_str::<Amount>("\"12.50\"").unwrap(), amount("12.5"));
    }
}
