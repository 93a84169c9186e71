//! Floating point numbers.
//!
//! Storages disagree about NaN (SQLite stores NULL, PostgreSQL sorts it last) and about the sign
//! of zero, so neither is stored.

use crate::rows::{Column, ColumnError, Kind, Put, Value};

impl Column for f64 {
    const KIND: Kind = Kind::Real;

    #[inline]
    fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
        put(Value::Real(stored_real(*self)?));
        Ok(())
    }

    #[inline]
    fn read(value: Value<'_>) -> Result<Self, ColumnError> {
        match value {
            Value::Real(real) => stored_real(real),
            other => Err(ColumnError::unexpected(Kind::Real, other)),
        }
    }

    #[inline]
    fn settle(&mut self) -> Result<(), ColumnError> {
        *self = stored_real(*self)?;
        Ok(())
    }

    #[inline]
    fn duplicate(&self) -> Self {
        *self
    }
}

impl Column for f32 {
    const KIND: Kind = Kind::Real;

    #[inline]
    fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
        f64::from(*self).put(put)
    }

    #[inline]
    fn read(value: Value<'_>) -> Result<Self, ColumnError> {
        let stored = f64::read(value)?;
        let read = stored as Self;
        // Rounding would make the row differ from its table.
        if f64::from(read) == stored { Ok(read) } else { Err(unreadable(stored)) }
    }

    #[inline]
    fn settle(&mut self) -> Result<(), ColumnError> {
        *self = stored_real(f64::from(*self))? as Self; // it came from an `f32`
        Ok(())
    }

    #[inline]
    fn duplicate(&self) -> Self {
        *self
    }
}

#[inline]
fn stored_real(real: f64) -> Result<f64, ColumnError> {
    if real.is_nan() {
        return Err(ColumnError::new("NaN is no value that a column holds"));
    }
    Ok(real + 0.0) // which is how a negative zero loses its sign
}

#[cold]
fn unreadable(stored: f64) -> ColumnError {
    ColumnError::new(format!(
        "{stored} does not fit `f32`, which would round it to {}",
        stored as f32
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::super::laws::{Case, holds, refuses_to_read, refuses_to_store};
    use super::*;

    fn bits(real: f64) -> f64 {
        if real.is_nan() { 0.5 } else { real }
    }

    proptest! {
        #[test]
        fn reals_are_kept(wide: u64, narrow: u32) {
            holds(bits(f64::from_bits(wide)))?;
            holds(bits(f32::from_bits(narrow).into()) as f32)?;
        }

        #[test]
        fn reading_never_rounds(stored: f64) {
            match f32::read(Value::Real(stored)) {
                Ok(read) => prop_assert_eq!(f64::from(read), stored),
                Err(_) => prop_assert_ne!(f64::from(stored as f32), stored),
            }
        }
    }

    #[test]
    fn the_limits_are_kept() -> Case {
        for real in [f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, 5e-324] {
            holds(real)?;
        }
        for real in [f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 1e-45] {
            holds(real)?;
        }
        Ok(())
    }

    #[test]
    fn a_negative_zero_loses_its_sign() -> Case {
        holds(-0.0_f64)?;
        holds(-0.0_f32)?;
        let (mut wide, mut narrow) = (-0.0_f64, -0.0_f32);
        wide.settle().unwrap();
        narrow.settle().unwrap();
        assert!(wide.is_sign_positive() && narrow.is_sign_positive());
        assert!(f64::read(Value::Real(-0.0)).unwrap().is_sign_positive());
        assert!(f32::read(Value::Real(-0.0)).unwrap().is_sign_positive());
        wide = 1.0;
        (-0.0_f64).put(&mut |value| wide = f64::read(value).unwrap()).unwrap();
        assert_eq!(wide.to_bits(), 0);
        Ok(())
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        let why = "NaN is no value that a column holds";
        refuses_to_store(f64::NAN, why);
        refuses_to_store(-f64::NAN, why);
        refuses_to_store(f32::NAN, why);
        refuses_to_read::<f64>(Value::Real(f64::NAN), why);
        refuses_to_read::<f32>(Value::Real(f64::NAN), why);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        refuses_to_read::<f32>(
            Value::Real(0.1),
            "0.1 does not fit `f32`, which would round it to 0.1",
        );
        refuses_to_read::<f32>(
            Value::Real(16_777_217.0),
            "16777217 does not fit `f32`, which would round it to 16777216",
        );
        refuses_to_read::<f64>(Value::Integer(3), "Real was expected, and Integer(3) is there");
    }
}
