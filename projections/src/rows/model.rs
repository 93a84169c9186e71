//! [`ReadModel`]: a struct that is a row of a declared table.

use std::hash::Hash;

use super::{Column, ColumnError, Put, RowValues, Table, Values};

/// A row of a declared table.
///
/// `#[derive(ReadModel)]` writes it; [`Rows`](super::Rows) and the storages use it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a row",
    label = "`{Self}` does not implement `ReadModel`",
    note = "write `#[derive(ReadModel, Default)]` and `#[read_model(table = \"...\")]` on `{Self}`, and `#[key]` on the field that is its key"
)]
pub trait ReadModel: Values + Sized + 'static {
    /// The type of its key: that of the field with `#[key]`, or a tuple where several have it.
    type Key: RowKey;
    /// Its table.
    const TABLE: &'static Table;

    /// Returns a copy of the row's key.
    fn key(&self) -> Self::Key;

    /// Tells whether the row has this key.
    fn has_key(&self, key: &Self::Key) -> bool;

    /// Makes the row that stands for a key at first: the default with this key.
    #[must_use]
    fn blank(key: &Self::Key) -> Self;

    /// Makes a row from what was stored.
    ///
    /// # Errors
    /// Names the column that holds something else.
    fn read(row: &dyn RowValues) -> Result<Self, ColumnError>;

    /// Brings the key to its stored form.
    ///
    /// # Errors
    /// Names the column whose value cannot be stored.
    fn settle_key(&mut self) -> Result<(), ColumnError>;

    /// Brings all values but the key to their stored form.
    ///
    /// # Errors
    /// Names the column whose value cannot be stored.
    fn settle(&mut self) -> Result<(), ColumnError>;

    /// Returns how many bytes it keeps beside its own size.
    fn heap_bytes(&self) -> usize;

    /// Makes another one like it.
    #[must_use]
    fn duplicate(&self) -> Self;
}

/// The key of a row: one column, or a tuple of up to four.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key",
    label = "a key must be comparable and hashable, and a column can hold it",
    note = "integers, `String`, `bool`, dates, times, decimals and uuids can be keys; floats, options and JSON cannot"
)]
pub trait RowKey: Values + Clone + Eq + Hash + Ord + Send + Sync + 'static {
    /// Brings it to its stored form.
    ///
    /// # Errors
    /// Says why it cannot be stored.
    fn settle(&mut self) -> Result<(), ColumnError>;

    /// Makes it from a row that was stored, where its columns have these numbers.
    ///
    /// # Errors
    /// Says which column holds something else.
    fn read(row: &dyn RowValues, columns: &[usize]) -> Result<Self, ColumnError>;

    /// Returns how many bytes it keeps beside its own size.
    fn heap_bytes(&self) -> usize;
}

#[diagnostic::do_not_recommend]
impl<C: Column> Values for C {
    fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
        Column::put(self, put)
    }
}

#[diagnostic::do_not_recommend]
impl<C: Column + Clone + Eq + Hash + Ord> RowKey for C {
    fn settle(&mut self) -> Result<(), ColumnError> {
        Column::settle(self)
    }

    fn read(row: &dyn RowValues, columns: &[usize]) -> Result<Self, ColumnError> {
        read_column(row, columns, 0)
    }

    fn heap_bytes(&self) -> usize {
        Column::heap_bytes(self)
    }
}

fn read_column<C: Column>(
    row: &dyn RowValues,
    columns: &[usize],
    at: usize,
) -> Result<C, ColumnError> {
    let Some(column) = columns.get(at) else {
        return Err(ColumnError::new("the key has fewer columns"));
    };
    C::read(row.value(*column)?)
}

macro_rules! tuple_keys {
    ($(($($part:ident $index:tt),+))+) => {$(
        impl<$($part: Column),+> Values for ($($part,)+) {
            fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
                $(Column::put(&self.$index, &mut *put)?;)+
                Ok(())
            }
        }

        impl<$($part: Column + Clone + Eq + Hash + Ord),+> RowKey for ($($part,)+) {
            fn settle(&mut self) -> Result<(), ColumnError> {
                $(Column::settle(&mut self.$index)?;)+
                Ok(())
            }

            fn read(row: &dyn RowValues, columns: &[usize]) -> Result<Self, ColumnError> {
                Ok(($(read_column::<$part>(row, columns, $index)?,)+))
            }

            fn heap_bytes(&self) -> usize {
                0 $(+ Column::heap_bytes(&self.$index))+
            }
        }
    )+};
}

tuple_keys! {
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
}

/// A column of a table, by name and type: what `#[derive(ReadModel)]` makes a constant of for each
/// field, such as `PlayerStats::NET`.
pub struct ColumnOf<T, V: ?Sized> {
    number: usize,
    marker: std::marker::PhantomData<fn() -> (*const T, *const V)>,
}

impl<T: ReadModel, V: ?Sized> ColumnOf<T, V> {
    /// The column with this number. For generated code.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(number: usize) -> Self {
        Self { number, marker: std::marker::PhantomData }
    }

    /// Returns its number in [`Table::columns`].
    #[must_use]
    pub const fn number(&self) -> usize {
        self.number
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        T::TABLE.columns[self.number].name // generated code knows the number
    }
}

impl<T, V: ?Sized> Clone for ColumnOf<T, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, V: ?Sized> Copy for ColumnOf<T, V> {}

impl<T: ReadModel, V: ?Sized> std::fmt::Debug for ColumnOf<T, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", T::TABLE.name, self.name())
    }
}

/// A column that rows can be looked up by: one with an index, or the first of the key. It is what
/// `#[derive(ReadModel)]` makes of such a field instead of a [`ColumnOf`].
pub struct IndexedColumn<T, V: ?Sized>(ColumnOf<T, V>);

impl<T: ReadModel, V: ?Sized> IndexedColumn<T, V> {
    /// The column with this number. For generated code.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(number: usize) -> Self {
        Self(ColumnOf::new(number))
    }

    /// Returns the column, whether it is indexed or not.
    #[must_use]
    pub const fn column(self) -> ColumnOf<T, V> {
        self.0
    }

    /// Returns its number in [`Table::columns`].
    #[must_use]
    pub const fn number(&self) -> usize {
        self.0.number()
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name()
    }
}

impl<T, V: ?Sized> Clone for IndexedColumn<T, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, V: ?Sized> Copy for IndexedColumn<T, V> {}

impl<T: ReadModel, V: ?Sized> std::fmt::Debug for IndexedColumn<T, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.0, f)
    }
}

impl<T, V: ?Sized> From<IndexedColumn<T, V>> for ColumnOf<T, V> {
    fn from(indexed: IndexedColumn<T, V>) -> Self {
        indexed.0
    }
}
