//! Truth values and integers.

use std::fmt::Display;

use crate::{
    GlobalPosition, StreamPosition,
    rows::{Column, ColumnError, Kind, Put, Value},
};

impl Column for bool {
    const KIND: Kind = Kind::Bool;

    #[inline]
    fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
        put(Value::Bool(*self));
        Ok(())
    }

    #[inline]
    fn read(value: Value<'_>) -> Result<Self, ColumnError> {
        match value {
            Value::Bool(value) => Ok(value),
            other => Err(ColumnError::unexpected(Kind::Bool, other)),
        }
    }

    #[inline]
    fn duplicate(&self) -> Self {
        *self
    }
}

/// Integers all of whose values a column can hold.
macro_rules! narrow_integers {
    ($($integer:ident)+) => {$(
        impl Column for $integer {
            const KIND: Kind = Kind::Integer;

            #[inline]
            fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
                put(Value::Integer((*self).into()));
                Ok(())
            }

            #[inline]
            fn read(value: Value<'_>) -> Result<Self, ColumnError> {
                read_integer(value, stringify!($integer), Self::MIN, Self::MAX)
            }

            #[inline]
            fn duplicate(&self) -> Self {
                *self
            }
        }
    )+};
}

/// Integers that may be too large for a column.
macro_rules! wide_integers {
    ($($integer:ident)+) => {$(
        impl Column for $integer {
            const KIND: Kind = Kind::Integer;

            #[inline]
            fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
                put(Value::Integer(stored_integer(*self)?));
                Ok(())
            }

            #[inline]
            fn read(value: Value<'_>) -> Result<Self, ColumnError> {
                read_integer(value, stringify!($integer), Self::MIN, Self::MAX)
            }

            #[inline]
            fn settle(&mut self) -> Result<(), ColumnError> {
                stored_integer(*self).map(drop)
            }

            #[inline]
            fn duplicate(&self) -> Self {
                *self
            }
        }
    )+};
}

/// Positions, which are `u64` inside.
macro_rules! positions {
    ($($position:ident)+) => {$(
        impl Column for $position {
            const KIND: Kind = Kind::Integer;

            #[inline]
            fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
                self.get().put(put)
            }

            #[inline]
            fn read(value: Value<'_>) -> Result<Self, ColumnError> {
                u64::read(value).map(Self::new)
            }

            #[inline]
            fn settle(&mut self) -> Result<(), ColumnError> {
                self.get().settle()
            }

            #[inline]
            fn duplicate(&self) -> Self {
                *self
            }
        }
    )+};
}

narrow_integers! { i8 i16 i32 i64 u8 u16 u32 }
wide_integers! { isize u64 usize }
positions! { GlobalPosition StreamPosition }

#[inline]
fn stored_integer<I: Copy + Display + TryInto<i64>>(integer: I) -> Result<i64, ColumnError> {
    integer.try_into().map_err(|_| unstorable(&integer))
}

#[inline]
fn read_integer<I: Display + TryFrom<i64>>(
    value: Value<'_>,
    name: &str,
    least: I,
    most: I,
) -> Result<I, ColumnError> {
    match value {
        Value::Integer(integer) => {
            integer.try_into().map_err(|_| unreadable(integer, name, &least, &most))
        }
        other => Err(ColumnError::unexpected(Kind::Integer, other)),
    }
}

#[cold]
fn unstorable(integer: &dyn Display) -> ColumnError {
    let (least, most) = (i64::MIN, i64::MAX);
    ColumnError::new(format!(
        "{integer} does not fit an integer column, which holds {least} to {most}"
    ))
}

#[cold]
fn unreadable(integer: i64, name: &str, least: &dyn Display, most: &dyn Display) -> ColumnError {
    ColumnError::new(format!("{integer} does not fit `{name}`, which holds {least} to {most}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::super::laws::{Case, holds, refuses_to_read, refuses_to_store};
    use super::*;

    #[test]
    fn a_truth_value_is_kept() -> Case {
        holds(true)?;
        holds(false)?;
        refuses_to_read::<bool>(Value::Integer(1), "Bool was expected, and Integer(1) is there");
        Ok(())
    }

    proptest! {
        #[test]
        fn integers_are_kept(
            (a, b, c, d) in any::<(i8, i16, i32, i64)>(),
            (e, f, g) in any::<(u8, u16, u32)>(),
            h in 0..=i64::MAX as u64,
            i in 0..=isize::MAX as usize,
            j in any::<isize>(),
        ) {
            holds(a)?;
            holds(b)?;
            holds(c)?;
            holds(d)?;
            holds(e)?;
            holds(f)?;
            holds(g)?;
            holds(h)?;
            holds(i)?;
            holds(j)?;
            holds(GlobalPosition::new(h))?;
            holds(StreamPosition::new(h))?;
        }

        #[test]
        fn reading_never_wraps(stored: i64) {
            let value = Value::Integer(stored);
            prop_assert_eq!(i8::read(value).ok(), i8::try_from(stored).ok());
            prop_assert_eq!(u16::read(value).ok(), u16::try_from(stored).ok());
            prop_assert_eq!(i32::read(value).ok(), i32::try_from(stored).ok());
            prop_assert_eq!(u64::read(value).ok(), u64::try_from(stored).ok());
            prop_assert_eq!(usize::read(value).ok(), usize::try_from(stored).ok());
        }
    }

    #[test]
    fn the_limits_are_kept() -> Case {
        holds(i64::MIN)?;
        holds(i64::MAX)?;
        holds(u32::MAX)?;
        holds(i64::MAX as u64)
    }

    #[test]
    fn an_integer_that_is_too_large_is_refused() {
        let limit = "does not fit an integer column, which holds -9223372036854775808 to \
                     9223372036854775807";
        refuses_to_store(1_u64 << 63, &format!("9223372036854775808 {limit}"));
        refuses_to_store(u64::MAX, &format!("18446744073709551615 {limit}"));
        #[cfg(target_pointer_width = "64")]
        refuses_to_store(usize::MAX, &format!("18446744073709551615 {limit}"));
        refuses_to_store(GlobalPosition::new(u64::MAX), &format!("18446744073709551615 {limit}"));
    }

    #[test]
    fn a_stored_integer_that_is_too_large_for_the_type_is_refused() {
        refuses_to_read::<u8>(Value::Integer(256), "256 does not fit `u8`, which holds 0 to 255");
        refuses_to_read::<i8>(
            Value::Integer(-129),
            "-129 does not fit `i8`, which holds -128 to 127",
        );
        refuses_to_read::<StreamPosition>(
            Value::Integer(-1),
            "-1 does not fit `u64`, which holds 0 to 18446744073709551615",
        );
        refuses_to_read::<u32>(Value::Null, "Integer was expected, and Null is there");
        refuses_to_read::<i64>(Value::Text("7"), "Integer was expected, and Text(\"7\") is there");
    }
}
