//! `Option`: a column that may hold no value.

use crate::rows::{Column, ColumnError, Kind, Put, Value};

/// A column that may hold no value, [`Value::Null`].
///
/// An option in an option is no column: it could not tell `Some(None)` from `None` after it was
/// stored, so it does not compile.
///
/// ```
/// use projections::rows::Column;
/// const NULLABLE: bool = <Option<u8>>::NULLABLE;
/// # assert!(NULLABLE);
/// ```
///
/// ```compile_fail,E0080
/// use projections::rows::Column;
/// const NULLABLE: bool = <Option<Option<u8>>>::NULLABLE;
/// ```
impl<C: Column> Column for Option<C> {
    const KIND: Kind = C::KIND;
    const NULLABLE: bool = {
        assert!(
            !C::NULLABLE,
            "a column cannot hold an option in an option: `Some(None)` and `None` would both be stored as NULL"
        );
        true
    };

    #[inline]
    fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
        const { assert!(Self::NULLABLE) }; // so that a nested option fails wherever it is used
        match self {
            Some(value) => value.put(put),
            None => {
                put(Value::Null);
                Ok(())
            }
        }
    }

    #[inline]
    fn read(value: Value<'_>) -> Result<Self, ColumnError> {
        const { assert!(Self::NULLABLE) };
        match value {
            Value::Null => Ok(None),
            value => C::read(value).map(Some),
        }
    }

    #[inline]
    fn settle(&mut self) -> Result<(), ColumnError> {
        self.as_mut().map_or(Ok(()), C::settle)
    }

    #[inline]
    fn heap_bytes(&self) -> usize {
        self.as_ref().map_or(0, C::heap_bytes)
    }

    #[inline]
    fn duplicate(&self) -> Self {
        self.as_ref().map(C::duplicate)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::super::laws::{Case, holds, refuses_to_read, refuses_to_store, stored};
    use super::*;
    use crate::rows::OwnedValue;

    proptest! {
        #[test]
        fn options_are_kept(number: Option<i64>, real in prop::option::of(-1e9..1e9)) {
            holds(number)?;
            holds(real)?;
            holds(number.map(|number| number.to_string()))?;
        }
    }

    #[test]
    fn none_is_null_and_null_is_none() -> Case {
        const { assert!(Option::<u8>::NULLABLE && !u8::NULLABLE) };
        assert_eq!(stored(&None::<String>)?, OwnedValue::Null);
        assert_eq!(stored(&Some(String::new()))?, OwnedValue::Text(String::new()));
        assert_eq!(Option::<bool>::read(Value::Null).unwrap(), None);
        Ok(())
    }

    #[test]
    fn what_is_in_it_is_settled_and_counted() {
        let mut zero = Some(-0.0);
        zero.settle().unwrap();
        assert!(zero.is_some_and(f64::is_sign_positive));
        assert_eq!(Column::heap_bytes(&Some(String::with_capacity(90))), 90);
        assert_eq!(Column::heap_bytes(&None::<String>), 0);
    }

    #[test]
    fn what_its_type_refuses_is_refused() {
        refuses_to_store(Some(f64::NAN), "NaN is no value that a column holds");
        refuses_to_read::<Option<u8>>(
            Value::Integer(-1),
            "-1 does not fit `u8`, which holds 0 to 255",
        );
        refuses_to_read::<Option<u8>>(
            Value::Bool(true),
            "Integer was expected, and Bool(true) is there",
        );
    }
}
