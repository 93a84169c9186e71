//! Identities of 16 bytes.

use uuid::Uuid;

use crate::{
    EventId, StoreId,
    rows::{Column, ColumnError, Kind, Put, Value},
};

/// Identities: how each is made of 16 bytes, and made to them.
macro_rules! ids {
    ($($id:ident = $make:expr, $bytes:expr;)+) => {$(
        impl Column for $id {
            const KIND: Kind = Kind::Uuid;

            #[inline]
            fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
                put(Value::Uuid($bytes(*self)));
                Ok(())
            }

            #[inline]
            fn read(value: Value<'_>) -> Result<Self, ColumnError> {
                match value {
                    Value::Uuid(bytes) => Ok($make(bytes)),
                    other => Err(ColumnError::unexpected(Kind::Uuid, other)),
                }
            }

            #[inline]
            fn duplicate(&self) -> Self {
                *self
            }
        }
    )+};
}

ids! {
    Uuid = Uuid::from_bytes, Uuid::into_bytes;
    EventId = EventId::from_bytes, EventId::to_bytes;
    StoreId = StoreId::from_bytes, StoreId::to_bytes;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::laws::{Case, holds, refuses_to_read, stored};
    use super::*;
    use crate::rows::OwnedValue;

    proptest! {
        #[test]
        fn ids_are_kept(bits: u128) {
            holds(Uuid::from_u128(bits))?;
            holds(EventId::from_u128(bits))?;
            holds(StoreId::from_u128(bits))?;
        }
    }

    #[test]
    fn the_most_significant_byte_is_the_first() -> Case {
        let mut bytes = [0; 16];
        bytes[0] = 1;
        assert_eq!(stored(&Uuid::from_u128(1 << 120))?, OwnedValue::Uuid(bytes));
        assert_eq!(stored(&EventId::from_u128(1 << 120))?, OwnedValue::Uuid(bytes));
        assert_eq!(stored(&StoreId::from_u128(1 << 120))?, OwnedValue::Uuid(bytes));
        Ok(())
    }

    #[test]
    fn what_is_no_id_is_refused() {
        let why = "Uuid was expected, and Integer(1) is there";
        refuses_to_read::<Uuid>(Value::Integer(1), why);
        refuses_to_read::<EventId>(Value::Integer(1), why);
        refuses_to_read::<StoreId>(Value::Integer(1), why);
    }
}
