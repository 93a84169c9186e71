//! [`Value`]: what a column holds, on its way between a row and its table.

/// One value of a row, borrowed from whoever holds it.
///
/// The variants are logical types; a storage maps each to what it stores best. See
/// [`Kind`](super::Kind).
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(clippy::exhaustive_enums)] // a storage must know them all
pub enum Value<'a> {
    /// No value: a column that is an `Option`.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A finite or infinite floating point number; never NaN, and never a negative zero.
    Real(f64),
    /// Text without U+0000.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A decimal number as plain text without needless zeros: `-12.5`, `0`, `1000`.
    Decimal(&'a str),
    /// An instant, in microseconds since 1970 in UTC.
    Timestamp(i64),
    /// A calendar day, in days since 1970-01-01.
    Date(i32),
    /// A time of day, in microseconds since midnight.
    Time(i64),
    /// A UUID.
    Uuid([u8; 16]),
    /// A JSON text.
    Json(&'a str),
}

/// A [`Value`] that owns its text or bytes.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // documented on `Value`, variant by variant
#[allow(clippy::exhaustive_enums)]
pub enum OwnedValue {
    Null,
    Bool(bool),
    Integer(i64),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
    Decimal(String),
    Timestamp(i64),
    Date(i32),
    Time(i64),
    Uuid([u8; 16]),
    Json(String),
}

impl OwnedValue {
    /// Borrows it.
    #[must_use]
    pub fn as_value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Integer(value) => Value::Integer(*value),
            Self::Real(value) => Value::Real(*value),
            Self::Text(value) => Value::Text(value),
            Self::Bytes(value) => Value::Bytes(value),
            Self::Decimal(value) => Value::Decimal(value),
            Self::Timestamp(value) => Value::Timestamp(*value),
            Self::Date(value) => Value::Date(*value),
            Self::Time(value) => Value::Time(*value),
            Self::Uuid(value) => Value::Uuid(*value),
            Self::Json(value) => Value::Json(value),
        }
    }
}

impl From<Value<'_>> for OwnedValue {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Integer(value) => Self::Integer(value),
            Value::Real(value) => Self::Real(value),
            Value::Text(value) => Self::Text(value.to_owned()),
            Value::Bytes(value) => Self::Bytes(value.to_owned()),
            Value::Decimal(value) => Self::Decimal(value.to_owned()),
            Value::Timestamp(value) => Self::Timestamp(value),
            Value::Date(value) => Self::Date(value),
            Value::Time(value) => Self::Time(value),
            Value::Uuid(value) => Self::Uuid(value),
            Value::Json(value) => Self::Json(value.to_owned()),
        }
    }
}

/// Takes the values of a row or a key, one after the other, in the order of its columns.
pub type Put<'a> = &'a mut dyn FnMut(Value<'_>);

/// What has values in the order of some columns: a row, or a key. A storage binds them.
pub trait Values: Send + Sync {
    /// Hands each value over, in order.
    ///
    /// # Errors
    /// Says which value cannot be stored, and why. Rows that reach a storage were settled, so
    /// theirs can.
    fn put(&self, put: Put<'_>) -> Result<(), super::ColumnError>;
}

/// A row that a storage found: its values by the number of the column.
pub trait RowValues {
    /// Returns the value of the column with this number in [`Table::columns`](super::Table).
    ///
    /// # Errors
    /// When the storage holds something there that is not of the column's kind.
    fn value(&self, column: usize) -> Result<Value<'_>, super::ColumnError>;
}

impl RowValues for [OwnedValue] {
    fn value(&self, column: usize) -> Result<Value<'_>, super::ColumnError> {
        match self.get(column) {
            Some(value) => Ok(value.as_value()),
            None => Err(super::ColumnError::new("it has no such column")),
        }
    }
}

impl<R: RowValues + ?Sized> RowValues for &R {
    fn value(&self, column: usize) -> Result<Value<'_>, super::ColumnError> {
        (**self).value(column)
    }
}

impl Values for [OwnedValue] {
    fn put(&self, put: Put<'_>) -> Result<(), super::ColumnError> {
        self.iter().for_each(|value| put(value.as_value()));
        Ok(())
    }
}
