//! The order of values, which is the same on every storage.

use std::cmp::Ordering;

use super::Value;

impl Value<'_> {
    /// Compares two values as every storage sorts them: numbers, decimals among them, by value, texts
    /// and bytes by their bytes, and what is no value before all others.
    ///
    /// ```
    /// use projections::rows::Value;
    ///
    /// let mut nets = ["9", "10.25", "1234", "-38633.5"].map(Value::Decimal);
    /// nets.sort_by(Value::total_cmp);
    /// assert_eq!(nets, ["-38633.5", "9", "10.25", "1234"].map(Value::Decimal));
    /// assert!(Value::Null.total_cmp(&nets[0]).is_lt());
    /// ```
    #[must_use]
    pub fn total_cmp(&self, other: &Value<'_>) -> Ordering {
        match (self, other) {
            (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
            (Value::Integer(one), Value::Integer(other))
            | (Value::Timestamp(one), Value::Timestamp(other))
            | (Value::Time(one), Value::Time(other)) => one.cmp(other),
            (Value::Date(one), Value::Date(other)) => one.cmp(other),
            (Value::Real(one), Value::Real(other)) => one.total_cmp(other),
            (Value::Text(one), Value::Text(other)) | (Value::Json(one), Value::Json(other)) => {
                one.cmp(other)
            }
            (Value::Bytes(one), Value::Bytes(other)) => one.cmp(other),
            (Value::Uuid(one), Value::Uuid(other)) => one.cmp(other),
            (Value::Decimal(one), Value::Decimal(other)) => compare_decimals(one, other),
            // A column holds values of one kind, or none.
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Value::Null => 0,
            Value::Bool(_) => 1,
            Value::Integer(_) => 2,
            Value::Real(_) => 3,
            Value::Decimal(_) => 4,
            Value::Timestamp(_) => 5,
            Value::Date(_) => 6,
            Value::Time(_) => 7,
            Value::Text(_) => 8,
            Value::Json(_) => 9,
            Value::Bytes(_) => 10,
            Value::Uuid(_) => 11,
        }
    }
}

fn compare_decimals(one: &str, other: &str) -> Ordering {
    let (one, other) = (Digits::of(one), Digits::of(other));
    match (one.negative, other.negative) {
        (false, false) => one.compare_size(&other),
        (true, true) => other.compare_size(&one),
        (one, other) => other.cmp(&one),
    }
}

/// A decimal in plain text, without needless zeros.
struct Digits<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
}

impl<'a> Digits<'a> {
    fn of(text: &'a str) -> Self {
        let size = text.trim_start_matches(['-', '+']);
        let (whole, fraction) = size.split_once('.').unwrap_or((size, ""));
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        let is_zero = whole.is_empty() && fraction.is_empty();
        Self { negative: text.starts_with('-') && !is_zero, whole, fraction }
    }

    fn compare_size(&self, other: &Self) -> Ordering {
        let wholes = (self.whole.len(), self.whole).cmp(&(other.whole.len(), other.whole));
        wholes.then_with(|| self.fraction.cmp(other.fraction))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used)]

    use proptest::prelude::*;

    use super::*;

    fn decimal(digits: i64, scale: usize) -> String {
        let sign = if digits < 0 { "-" } else { "" };
        let size = format!("{:0>width$}", digits.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = size.split_at(size.len() - scale);
        if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }

    fn scaled(digits: i64, scale: usize) -> i128 {
        i128::from(digits) * 10_i128.pow(10 - u32::try_from(scale).expect("at most 10"))
    }

    proptest! {
        #[test]
        fn decimals_sort_by_value(
            one in prop_oneof![-2000..2000_i64, any::<i64>()],
            other in prop_oneof![-2000..2000_i64, any::<i64>()],
            one_scale in 0..=10_usize,
            other_scale in 0..=10_usize,
        ) {
            let texts = (decimal(one, one_scale), decimal(other, other_scale));
            prop_assert_eq!(
                Value::Decimal(&texts.0).total_cmp(&Value::Decimal(&texts.1)),
                scaled(one, one_scale).cmp(&scaled(other, other_scale)),
                "{:?}", texts
            );
        }
    }

    #[test]
    fn no_value_is_before_all_others() {
        for value in [Value::Bool(false), Value::Integer(i64::MIN), Value::Text("")] {
            assert_eq!(Value::Null.total_cmp(&value), Ordering::Less);
            assert_eq!(value.total_cmp(&Value::Null), Ordering::Greater);
        }
        assert_eq!(Value::Null.total_cmp(&Value::Null), Ordering::Equal);
    }

    #[test]
    fn zero_has_no_sign() {
        assert_eq!(Value::Decimal("-0.0").total_cmp(&Value::Decimal("0")), Ordering::Equal);
    }
}
