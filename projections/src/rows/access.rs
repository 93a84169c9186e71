//! [`RowAccess`] and [`AsyncRowAccess`]: what a storage does for rows. This is all of it.

use crate::{StoreError, engine::BoxFuture};

use super::{OwnedValue, RowValues, Table, Values};

/// Takes the rows that were found, one after the other.
pub type Found<'a> = &'a mut dyn FnMut(&dyn RowValues);

/// Rows to be written: absolute values, so that a repeat changes nothing.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations)]
#[allow(clippy::exhaustive_structs)]
pub struct RowWrites<'a> {
    /// Keys of rows to delete, which may be missing. They go first: a row whose unique key moves
    /// to another row is deleted and written anew.
    pub deletes: &'a [&'a dyn Values],
    /// Rows to insert, or to put in the place of those with their keys.
    pub upserts: &'a [&'a dyn Values],
}

/// Why rows could not be written, or a table not be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum RowsError {
    /// The storage failed: nobody's fault.
    Store(StoreError),
    /// The rows break a rule of the table, such as a foreign key or a trigger that the application
    /// has added: the fault of an event.
    Refused(crate::BoxError),
    /// The table is not as declared; the text says what differs.
    Differs(String),
}

impl From<StoreError> for RowsError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What became of a table that a projector's start asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_enums)] // a storage must know them all
pub enum Prepared {
    /// It was missing, and is there now, empty.
    Created,
    /// It was there, and has new columns now.
    Extended,
    /// It was there.
    Kept,
}

/// The tables of a storage whose calls block, within one open transaction.
///
/// A storage that implements it hands it to its session's `RowSets`, and then
/// implements `RowStorage`. `projections::testing::conformance` has the suite.
pub trait RowAccess: Send + Sync {
    /// Creates the table with its indexes where it is missing, and records whose it is; else
    /// compares it with its declaration, and adds columns that have a default or are nullable, and
    /// indexes that are not unique.
    ///
    /// # Errors
    /// [`RowsError::Differs`] when anything else differs, or the table is another projector's, or
    /// was not made by the storage. Then nothing is changed.
    fn prepare(&self, table: &Table, projector: &str) -> Result<Prepared, RowsError>;

    /// Drops the table, so that `prepare` creates it as declared: as a part of a rebuild, by which a
    /// projector may also take over what was another one's. A table that the storage did not make
    /// stays.
    ///
    /// # Errors
    /// When the storage fails.
    fn drop_table(&self, table: &Table) -> Result<(), RowsError>;

    /// Looks for the row with a key.
    ///
    /// # Errors
    /// When the storage fails.
    fn load(&self, table: &Table, key: &dyn Values, found: Found<'_>) -> Result<(), StoreError>;

    /// Looks for the rows that have these values in these columns, in the order of their keys.
    ///
    /// # Errors
    /// When the storage fails.
    fn find(
        &self,
        table: &Table,
        columns: &[usize],
        values: &[OwnedValue],
        found: Found<'_>,
    ) -> Result<(), StoreError>;

    /// Writes rows.
    ///
    /// # Errors
    /// [`RowsError::Refused`] when the table refuses them; then nothing can be said of what was
    /// written, and the transaction is rolled back.
    fn write(&self, table: &Table, writes: RowWrites<'_>) -> Result<(), RowsError>;
}

/// The tables of a storage behind a network, within one open transaction: as [`RowAccess`], with
/// many keys in one query.
#[allow(missing_docs)] // documented on `RowAccess`, method by method
pub trait AsyncRowAccess: Send + Sync {
    fn prepare<'a>(
        &'a self,
        table: &'a Table,
        projector: &'a str,
    ) -> BoxFuture<'a, Result<Prepared, RowsError>>;

    fn drop_table<'a>(&'a self, table: &'a Table) -> BoxFuture<'a, Result<(), RowsError>>;

    /// Looks for the rows with any of these keys, by one query.
    fn load<'a>(
        &'a self,
        table: &'a Table,
        keys: &'a [&'a dyn Values],
        found: &'a mut (dyn FnMut(&dyn RowValues) + Send),
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Looks for the rows that have any of these lists of values in these columns, by one query.
    fn find<'a>(
        &'a self,
        table: &'a Table,
        columns: &'a [usize],
        values: &'a [Vec<OwnedValue>],
        found: &'a mut (dyn FnMut(&dyn RowValues) + Send),
    ) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Writes rows, by one statement for the deletes and one for the rest.
    fn write<'a>(
        &'a self,
        table: &'a Table,
        writes: RowWrites<'a>,
    ) -> BoxFuture<'a, Result<(), RowsError>>;
}
