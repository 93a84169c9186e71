//! [`Query`]: which rows are asked for.

use std::{
    fmt,
    future::IntoFuture,
    ops::{Bound, RangeBounds},
};

use super::{Comparison, Condition, OrderBy, Pages, QueryError, Reader, Selection, reader::values};
use crate::{
    GlobalPosition, ReadModel,
    engine::BoxFuture,
    rows::{ColumnError, ColumnOf, IndexedColumn, OwnedValue, Values},
};

/// Rows that are asked for; awaiting it reads them. Made by [`Reader::all`] and [`Reader::by`].
///
/// They come in the order of their keys, or in that of a column, where rows with the same value
/// there come in the order of their keys.
#[must_use = "nothing is read until this is awaited"]
pub struct Query<T> {
    reader: Reader<T>,
    conditions: Vec<Condition>,
    by: Option<usize>,
    descending: bool,
    /// The values of the row before the first one.
    after: Option<Vec<OwnedValue>>,
    limit: Option<u64>,
    /// Why the query cannot be asked.
    fault: Option<ColumnError>,
}

impl<T: ReadModel> Query<T> {
    pub(super) fn new(reader: Reader<T>) -> Self {
        Self {
            reader,
            conditions: Vec::new(),
            by: None,
            descending: false,
            after: None,
            limit: None,
            fault: None,
        }
    }

    /// Leaves only the rows that have a value in an indexed column.
    pub fn by<V: Values>(self, column: IndexedColumn<T, V>, value: &V) -> Self {
        self.compare(column.number(), Comparison::Equal, value)
    }

    /// Leaves only the rows whose value in a column is in a range.
    ///
    /// As in Rust, `None` is less than any other value of an optional column: `..Some(5)` has the
    /// rows without a value, and `Some(1)..` has not.
    pub fn range<V: Values>(
        self,
        column: impl Into<ColumnOf<T, V>>,
        range: impl RangeBounds<V>,
    ) -> Self {
        let column = column.into().number();
        let query = match range.start_bound() {
            Bound::Included(least) => self.compare(column, Comparison::GreaterOrEqual, least),
            Bound::Excluded(less) => self.compare(column, Comparison::Greater, less),
            Bound::Unbounded => self,
        };
        match range.end_bound() {
            Bound::Included(most) => query.compare(column, Comparison::LessOrEqual, most),
            Bound::Excluded(more) => query.compare(column, Comparison::Less, more),
            Bound::Unbounded => query,
        }
    }

    /// Sorts the rows by a column: numbers, decimals and times by value, texts by their bytes, and
    /// rows without a value first. Rows with the same value come in the order of their keys.
    pub fn order_by<V: ?Sized>(mut self, column: impl Into<ColumnOf<T, V>>) -> Self {
        self.by = Some(column.into().number());
        self
    }

    /// Turns the order around: the greatest value of the column comes first, and rows with the same
    /// one still come in the order of their keys. Without a column the last key comes first.
    pub fn descending(mut self) -> Self {
        self.descending = true;
        self
    }

    /// Begins after a row: the last one of the page before. It finds its place by the row's values
    /// in the column of the order and in its key, so the row may be gone by now.
    pub fn after(mut self, row: &T) -> Self {
        self.after = self.values(row);
        self
    }

    /// Reads so many rows at most.
    pub fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// Reads the rows: one snapshot. Awaiting the query does the same.
    ///
    /// # Errors
    /// When the storage cannot be read, the table is not as declared, or no row can have a value
    /// that is looked for.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    pub async fn fetch(self) -> Result<Vec<T>, QueryError> {
        let (reader, selection) = self.selection()?;
        let (rows, _) = reader.select(selection).await?;
        Ok(rows)
    }

    /// Reads the rows, and the position of the last event that they show.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    pub async fn fetch_with_position(self) -> Result<(Vec<T>, GlobalPosition), QueryError> {
        let (reader, selection) = self.selection()?;
        reader.select(Selection { with_position: true, ..selection }).await
    }

    /// Counts the rows. A limit, and a row to begin after, make no difference.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    pub async fn count(self) -> Result<u64, QueryError> {
        let (reader, selection) = self.selection()?;
        reader.count_of(Selection { after: None, limit: None, ..selection }).await
    }

    /// Goes through the rows in their order, so many at a time (at least one).
    pub fn pages(self, rows: u32) -> Pages<T> {
        Pages::new(self.selection(), rows)
    }

    /// Leaves only the row with a key.
    pub(super) fn of_key(mut self, key: &T::Key) -> Self {
        let values = self.values(key).into_iter().flatten();
        let conditions = T::TABLE.key.iter().zip(values).map(|(column, value)| Condition {
            column: *column,
            comparison: Comparison::Equal,
            value,
        });
        self.conditions.extend(conditions);
        self
    }

    fn compare(mut self, column: usize, comparison: Comparison, to: &dyn Values) -> Self {
        let value = self.values(to).and_then(|mut values| values.pop());
        self.conditions.extend(value.map(|value| Condition { column, comparison, value }));
        self
    }

    fn values(&mut self, of: &dyn Values) -> Option<Vec<OwnedValue>> {
        match values(of) {
            Ok(values) => Some(values),
            Err(error) => {
                self.fault.get_or_insert(error);
                None
            }
        }
    }

    pub(super) fn selection(self) -> Result<(Reader<T>, Selection), QueryError> {
        if let Some(fault) = self.fault {
            return Err(QueryError::value(T::TABLE, fault));
        }
        let order = order::<T>(self.by, self.descending);
        let after = self.after.as_deref().map(|row| in_order(&order, row));
        let selection = Selection {
            table: T::TABLE,
            conditions: self.conditions,
            order,
            after,
            limit: self.limit,
            with_position: false,
        };
        Ok((self.reader, selection))
    }
}

/// The values of a row in the columns of an order.
pub(super) fn in_order(order: &[OrderBy], row: &[OwnedValue]) -> Vec<OwnedValue> {
    order.iter().map(|by| row[by.column].clone()).collect() // a row has all columns of its table
}

/// The columns that rows are sorted by: no two rows are equal in all of them.
fn order<T: ReadModel>(by: Option<usize>, descending: bool) -> Vec<OrderBy> {
    let Some(first) = by else {
        return T::TABLE.key.iter().map(|column| OrderBy { column: *column, descending }).collect();
    };
    let key = T::TABLE.key.iter().filter(|column| **column != first);
    let key = key.map(|column| OrderBy { column: *column, descending: false });
    std::iter::once(OrderBy { column: first, descending }).chain(key).collect()
}

impl<T: ReadModel> IntoFuture for Query<T> {
    type Output = Result<Vec<T>, QueryError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.fetch())
    }
}

impl<T: ReadModel> fmt::Debug for Query<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query")
            .field("table", &T::TABLE.name)
            .field("conditions", &self.conditions)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
