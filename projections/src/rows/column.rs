//! [`Column`]: what a field of a row may be.

use std::fmt;

use super::{Kind, Put, Value};

/// A type that a column can hold.
///
/// It is implemented for the types in the table of [`Kind`], and for `Option` of each. A type of
/// your own that wraps one of them implements it by calling the wrapped type's methods; anything
/// else can be stored as JSON, with `#[column(json)]` on the field.
///
/// ```
/// use projections::rows::{Column, ColumnError, Kind, Put, RowKey, Value};
///
/// #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
/// struct PlayerId(String);
///
/// impl Column for PlayerId {
///     const KIND: Kind = String::KIND;
///
///     fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
///         Column::put(&self.0, put)
///     }
///
///     fn read(value: Value<'_>) -> Result<Self, ColumnError> {
///         <String as Column>::read(value).map(Self)
///     }
///
///     fn settle(&mut self) -> Result<(), ColumnError> {
///         Column::settle(&mut self.0)
///     }
///
///     fn heap_bytes(&self) -> usize {
///         Column::heap_bytes(&self.0)
///     }
///
///     fn duplicate(&self) -> Self {
///         Self(self.0.duplicate())
///     }
/// }
///
/// let stored = Value::Text("ada");
/// assert_eq!(<PlayerId as Column>::read(stored)?, PlayerId("ada".into()));
///
/// // It can be compared and hashed, so it can be a key, alone or in a tuple.
/// fn can_be_a_key<K: RowKey>() {}
/// can_be_a_key::<PlayerId>();
/// can_be_a_key::<(PlayerId, u32)>();
/// # Ok::<(), ColumnError>(())
/// ```
///
/// With `settle` and `heap_bytes` left out it would compile, too, and values that cannot be stored
/// would be found only when they are written, and memory be counted too low.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no column type",
    label = "a column cannot hold `{Self}`",
    note = "write `#[column(json)]` on the field to store it as JSON, or implement `projections::rows::Column` for `{Self}`"
)]
pub trait Column: Sized + Send + Sync + 'static {
    /// What the column holds.
    const KIND: Kind;
    /// Whether it may hold [`Value::Null`].
    const NULLABLE: bool = false;

    /// Hands over the value: once.
    ///
    /// # Errors
    /// Says why the value cannot be stored.
    fn put(&self, put: Put<'_>) -> Result<(), ColumnError>;

    /// Makes it from what was stored.
    ///
    /// # Errors
    /// Says why what is stored is no such value.
    fn read(value: Value<'_>) -> Result<Self, ColumnError>;

    /// Brings the value to the form that it would have after it was stored and loaded: without
    /// what the column does not keep.
    ///
    /// # Errors
    /// Says why the value cannot be stored.
    fn settle(&mut self) -> Result<(), ColumnError> {
        Ok(())
    }

    /// Returns how many bytes it keeps beside its own size.
    fn heap_bytes(&self) -> usize {
        0
    }

    /// Makes another one like it.
    #[must_use]
    fn duplicate(&self) -> Self;
}

/// Why a value cannot be stored, or what is stored is no value of the column.
#[derive(Debug)]
pub struct ColumnError {
    message: String,
    column: Option<&'static str>,
}

impl ColumnError {
    /// Says why, in words that follow "cannot be stored: " or "cannot be read: ".
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), column: None }
    }

    /// Names the column, unless it is named already.
    #[must_use]
    pub fn of_column(mut self, column: &'static str) -> Self {
        self.column.get_or_insert(column);
        self
    }

    /// Says that a value of another kind was found.
    #[must_use]
    pub fn unexpected(kind: Kind, found: Value<'_>) -> Self {
        Self::new(format!("{kind:?} was expected, and {found:?} is there"))
    }
}

impl fmt::Display for ColumnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Some(column) => write!(f, "column `{column}`: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for ColumnError {}
