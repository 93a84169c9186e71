//! [`Reader`]: the rows of a table, to be read.

use std::{borrow::Borrow, fmt, marker::PhantomData, sync::Arc};

use super::{
    At, AtLeast, Query, QueryError, RowReads, Selection,
    wait::{Wait, Waits},
};
use crate::{
    GlobalPosition, ReadModel,
    rows::{IndexedColumn, OwnedValue, RowKey, Values},
};

/// The rows of a table, for whoever reads them.
///
/// Made by [`Runtime::rows`](crate::Runtime::rows), or by a storage for a process without runtime:
/// `Sqlite::rows` does. It is a handle, and clones are cheap. See the
/// [module's documentation](super) for what a read shows.
pub struct Reader<T> {
    source: Arc<Source>,
    wait: Option<Wait>,
    row: PhantomData<fn() -> T>,
}

/// Where rows come from.
struct Source {
    reads: Arc<dyn RowReads>,
    waits: Option<Arc<dyn Waits>>,
}

impl<T: ReadModel> Reader<T> {
    pub(crate) fn new(reads: Arc<dyn RowReads>) -> Self {
        Self::of(Source { reads, waits: None })
    }

    /// Reads the rows of a projector in a runtime, which can wait for it.
    pub(crate) fn of_runtime(reads: Arc<dyn RowReads>, waits: Arc<dyn Waits>) -> Self {
        Self::of(Source { reads, waits: Some(waits) })
    }

    fn of(source: Source) -> Self {
        Self { source: Arc::new(source), wait: None, row: PhantomData }
    }

    /// Returns the row with a key.
    ///
    /// # Errors
    /// When the storage cannot be read, the table is not as declared, or no row can have the key.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    pub async fn get<Q>(&self, key: &Q) -> Result<Option<T>, QueryError>
    where
        T::Key: Borrow<Q>,
        Q: ToOwned<Owned = T::Key> + ?Sized,
    {
        let mut key = key.to_owned();
        key.settle().map_err(|error| QueryError::value(T::TABLE, error))?;
        let mut rows = self.all().of_key(&key).fetch().await?;
        Ok(rows.pop())
    }

    /// Asks for the rows that have a value in an indexed column, in the order of their keys.
    pub fn by<V: Values>(&self, column: IndexedColumn<T, V>, value: &V) -> Query<T> {
        self.all().by(column, value)
    }

    /// Asks for all rows, in the order of their keys.
    pub fn all(&self) -> Query<T> {
        Query::new(self.clone())
    }

    /// Goes through all rows in the order of their keys, so many at a time.
    pub fn pages(&self, rows: u32) -> super::Pages<T> {
        self.all().pages(rows)
    }

    /// Counts the rows.
    ///
    /// # Errors
    /// When the storage cannot be read, or the table is not as declared.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    pub async fn count(&self) -> Result<u64, QueryError> {
        self.all().count().await
    }

    /// Returns the position of the last event that the rows show. To have it of the very rows that
    /// were read, ask for both with [`Query::fetch_with_position`].
    ///
    /// # Errors
    /// When the storage cannot be read, or the table is not as declared.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    pub async fn position(&self) -> Result<GlobalPosition, QueryError> {
        let (_, position) = self.all().limit(0).fetch_with_position().await?;
        Ok(position)
    }

    /// Waits, before each read, until the projector has applied an event: one that the reader's own
    /// append has just stored, say. [`within`](AtLeast::within) says for how long.
    ///
    /// It takes a [`GlobalPosition`], a [`Receipt`](crate::Receipt) or a [`Token`](crate::Token).
    #[must_use = "say for how long with `within`"]
    pub fn at(&self, at: impl Into<At>) -> AtLeast<T> {
        AtLeast { reader: self.clone(), at: at.into() }
    }

    pub(super) fn waiting(self, wait: Wait) -> Self {
        Self { wait: Some(wait), ..self }
    }

    pub(super) async fn select(
        &self,
        selection: Selection,
    ) -> Result<(Vec<T>, GlobalPosition), QueryError> {
        self.arrive().await?;
        super::collect::collect(&*self.source.reads, selection).await
    }

    pub(super) async fn count_of(&self, selection: Selection) -> Result<u64, QueryError> {
        self.arrive().await?;
        self.source.reads.count(selection).await
    }

    async fn arrive(&self) -> Result<(), QueryError> {
        let Some(wait) = &self.wait else { return Ok(()) };
        let table = T::TABLE.name;
        let waits = self.source.waits.as_ref().ok_or(QueryError::NoRuntime { table })?;
        Ok(waits.wait(&wait.at, wait.within).await?)
    }
}

impl<T> Clone for Reader<T> {
    fn clone(&self) -> Self {
        Self { source: Arc::clone(&self.source), wait: self.wait.clone(), row: PhantomData }
    }
}

impl<T: ReadModel> fmt::Debug for Reader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("table", &T::TABLE.name).finish_non_exhaustive()
    }
}

/// The values of a row, or of a part of it.
pub(super) fn values(of: &dyn Values) -> Result<Vec<OwnedValue>, crate::rows::ColumnError> {
    let mut values = Vec::new();
    of.put(&mut |value| values.push(value.into()))?;
    Ok(values)
}
