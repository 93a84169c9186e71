//! What the derive of a row does with each of its fields, and the assertions on their types.
//!
//! Each step exists twice: as an inherent item where the field's type is fit for it, and in a
//! fallback trait where it is not. A path takes the inherent one first, so the generated code
//! compiles whatever the types are, and only the assertions speak.

use std::{hash::Hash, marker::PhantomData};

use serde::{Serialize, de::DeserializeOwned};

use super::message::Message;
use crate::rows::{
    Column, ColumnError, Kind, OwnedValue, Put, RowKey, RowValues, Value, Values, json,
};

/// A field that is a column of its own kind.
#[derive(Debug)]
pub struct Field<V>(PhantomData<fn(&V)>);

#[allow(missing_docs, clippy::missing_errors_doc)] // as the methods of `Column`
impl<V: Column> Field<V> {
    pub const KIND: Kind = V::KIND;
    pub const NULLABLE: bool = V::NULLABLE;

    pub fn put(value: &V, put: Put<'_>, column: &'static str) -> Result<(), ColumnError> {
        value.put(put).map_err(|error| error.of_column(column))
    }

    pub fn read(
        row: &dyn RowValues,
        number: usize,
        column: &'static str,
    ) -> Result<V, ColumnError> {
        row.value(number).and_then(V::read).map_err(|error| error.of_column(column))
    }

    pub fn settle(value: &mut V, column: &'static str) -> Result<(), ColumnError> {
        value.settle().map_err(|error| error.of_column(column))
    }

    #[must_use]
    pub fn heap_bytes(value: &V) -> usize {
        value.heap_bytes()
    }

    #[must_use]
    pub fn duplicate(value: &V, _column: &'static str) -> V {
        value.duplicate()
    }

    #[must_use]
    pub fn owned(mut value: V, column: &'static str) -> OwnedValue {
        default_value(column, |put| {
            value.settle()?;
            value.put(put)
        })
    }
}

/// A field that is stored as JSON.
#[derive(Debug)]
pub struct JsonField<V>(PhantomData<fn(&V)>);

#[allow(missing_docs, clippy::missing_errors_doc)] // as the methods of `Column`
impl<V: Serialize + DeserializeOwned> JsonField<V> {
    pub const KIND: Kind = Kind::Json;
    pub const NULLABLE: bool = false;

    pub fn put(value: &V, put: Put<'_>, column: &'static str) -> Result<(), ColumnError> {
        json::put(value, put).map_err(|error| error.of_column(column))
    }

    pub fn read(
        row: &dyn RowValues,
        number: usize,
        column: &'static str,
    ) -> Result<V, ColumnError> {
        row.value(number).and_then(json::read).map_err(|error| error.of_column(column))
    }

    pub fn settle(value: &mut V, column: &'static str) -> Result<(), ColumnError> {
        json::settle(value).map_err(|error| error.of_column(column))
    }

    #[must_use]
    pub fn heap_bytes(value: &V) -> usize {
        json::heap_bytes(value)
    }

    /// # Panics
    /// When the value is none that JSON keeps. Rows are settled, or read, before they are
    /// duplicated, and then it is one.
    #[must_use]
    pub fn duplicate(value: &V, column: &'static str) -> V {
        json::copy(value).unwrap_or_else(|error| panic!("{}", error.of_column(column)))
    }

    #[must_use]
    pub fn owned(value: V, column: &'static str) -> OwnedValue {
        default_value(column, |put| json::put(&value, put))
    }
}

/// Keeps what a column puts.
///
/// # Panics
/// When the value cannot be stored: then the declaration of the row is wrong.
fn default_value(
    column: &'static str,
    put: impl FnOnce(Put<'_>) -> Result<(), ColumnError>,
) -> OwnedValue {
    let mut owned = OwnedValue::Null;
    match put(&mut |value: Value<'_>| owned = value.into()) {
        Ok(()) => owned,
        Err(error) => panic!("the default cannot be stored: {}", error.of_column(column)),
    }
}

/// What stands in for the steps of a field whose type is not fit for them.
#[allow(missing_docs, clippy::missing_errors_doc)] // as the methods of `Column`
pub trait FieldFallback<V> {
    const KIND: Kind = Kind::Json;
    const NULLABLE: bool = false;

    fn put(_: &V, _: Put<'_>, _: &'static str) -> Result<(), ColumnError> {
        never()
    }

    fn read(_: &dyn RowValues, _: usize, _: &'static str) -> Result<V, ColumnError> {
        never()
    }

    fn settle(_: &mut V, _: &'static str) -> Result<(), ColumnError> {
        never()
    }

    fn heap_bytes(_: &V) -> usize {
        never()
    }

    fn duplicate(_: &V, _: &'static str) -> V {
        never()
    }

    fn owned(_: V, _: &'static str) -> OwnedValue {
        never()
    }
}

impl<V> FieldFallback<V> for Field<V> {}
impl<V> FieldFallback<V> for JsonField<V> {}

/// A field that is a part of the key.
#[derive(Debug)]
pub struct KeyField<V>(PhantomData<fn(&V)>);

impl<V: Column + Clone + Eq + Hash + Ord> KeyField<V> {
    /// It can be one, unless it may be empty.
    pub const FAULT: &'static str =
        if V::NULLABLE { "each row has one\nhelp: use the type without `Option`" } else { "" };

    /// Tells whether the field is the key's.
    #[inline]
    pub fn is(field: &V, key: &V) -> bool {
        field == key
    }
}

/// What stands in for a field that cannot be a part of the key.
#[allow(missing_docs)]
pub trait KeyFieldFallback<V> {
    const FAULT: &'static str = "\
        no column holds it, or it is not `Clone`, `Eq`, `Hash` and `Ord`\n\
        note: integers, `String`, `bool`, dates, times, decimals and uuids can be keys; floats and \
        JSON cannot\n\
        help: a type of your own implements these four, and `projections::rows::Column`";

    fn is(_: &V, _: &V) -> bool {
        never()
    }
}

impl<V> KeyFieldFallback<V> for KeyField<V> {}

/// The type of a part of the key. It is known once an assertion has held, and else it is an error,
/// which the compiler reports there and nowhere else.
#[derive(Debug)]
pub struct KeyPart<const IS_KEY: bool, V>(PhantomData<V>);

/// What it is.
#[allow(missing_docs)]
pub trait KeyType {
    type Type;
}

impl<V> KeyType for KeyPart<true, V> {
    type Type = V;
}

/// Asserts that a field has no fault as a part of the key.
///
/// # Panics
/// While compiling, at the caller's place, which is the field's type.
#[track_caller]
#[must_use]
pub const fn is_key(fault: &str, ty: &'static str) -> bool {
    if !fault.is_empty() {
        Message::new().name(ty).push(" cannot be a key: ").push(fault).report();
    }
    true
}

fn never() -> ! {
    unreachable!("an assertion has failed")
}

/// Asserts that a column can hold a type.
pub const fn check_column<V: Column>() {}

/// What can be stored as JSON.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored as JSON",
    label = "`{Self}` does not implement `Serialize` and `Deserialize`",
    note = "write `#[derive(serde::Serialize, serde::Deserialize)]` on it; it must not borrow"
)]
pub trait JsonValue {}

#[diagnostic::do_not_recommend]
impl<V: Serialize + DeserializeOwned> JsonValue for V {}

/// Asserts that a type can be stored as JSON.
pub const fn check_json<V: JsonValue>() {}

/// Makes the row that stands for a key at first.
#[diagnostic::on_unimplemented(
    message = "row `{Self}` has no default",
    label = "`{Self}` does not implement `Default`",
    note = "write `#[derive(Default)]` on it, or implement `Default`: a new row is the default with its key"
)]
pub trait BlankRow {
    /// Makes it.
    fn blank_row() -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Default> BlankRow for T {
    #[inline]
    fn blank_row() -> Self {
        T::default()
    }
}

/// Stands for the key of a row that the macro could not read.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[allow(clippy::exhaustive_enums)] // nobody matches it
pub enum UnknownKey {}

impl Values for UnknownKey {
    fn put(&self, _put: Put<'_>) -> Result<(), ColumnError> {
        match *self {}
    }
}

impl RowKey for UnknownKey {
    fn settle(&mut self) -> Result<(), ColumnError> {
        match *self {}
    }

    fn read(_row: &dyn RowValues, _columns: &[usize]) -> Result<Self, ColumnError> {
        Err(ColumnError::new("the row does not compile"))
    }

    fn heap_bytes(&self) -> usize {
        match *self {}
    }
}
