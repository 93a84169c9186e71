//! [`RowReads`]: what a storage does for those who read rows. This is all of it.

use std::cmp::Ordering;

use super::QueryError;
use crate::{
    CheckpointKey, GlobalPosition,
    engine::BoxFuture,
    rows::{OwnedValue, Prepared, RowValues, RowsError, Table, Value},
};

/// Takes the rows that were selected, one after the other.
pub type Selected = Box<dyn FnMut(&dyn RowValues) + Send>;

/// The tables of a storage, for readers.
///
/// A storage that has it returns it from [`Storage::row_reads`](crate::Storage::row_reads). Each
/// call reads one snapshot, which shows whole batches only, and never holds a projector up for
/// longer than it takes. Where there is no table yet, there are no rows.
pub trait RowReads: Send + Sync {
    /// Reads the rows of a selection, in its order, and the position of the last event that they
    /// show: the beginning, where no projector has begun with them.
    ///
    /// # Errors
    /// When the storage fails, or the table is not as declared.
    fn select(
        &self,
        selection: Selection,
        selected: Selected,
    ) -> BoxFuture<'_, Result<GlobalPosition, QueryError>>;

    /// Counts the rows of a selection.
    ///
    /// # Errors
    /// As [`select`](Self::select).
    fn count(&self, selection: Selection) -> BoxFuture<'_, Result<u64, QueryError>>;

    /// Tells what the next start of a projector would find of a table, and changes nothing:
    /// [`Prepared::Created`] where there is none, so that the start would create it.
    ///
    /// # Errors
    /// [`RowsError::Differs`] when the start would refuse the table, as
    /// [`RowAccess::prepare`](crate::rows::RowAccess::prepare) does; the text names the table, and
    /// says what differs and what to do.
    fn check(&self, check: TableCheck) -> BoxFuture<'_, Result<Prepared, RowsError>>;
}

/// A table that is to be looked at as the start of its projector would.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs)] // a storage must heed all of it
pub struct TableCheck {
    /// The table.
    pub table: &'static Table,
    /// The projector, by the name that `prepare` is given.
    pub projector: String,
    /// The projector's checkpoint.
    pub checkpoint: CheckpointKey,
    /// Whether the start rebuilds: then it refuses only what a rebuild cannot make anew.
    pub rebuild: bool,
}

/// Which rows of a table are asked for.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs)] // a storage must heed all of it
pub struct Selection {
    /// The table.
    pub table: &'static Table,
    /// What is true of each row.
    pub conditions: Vec<Condition>,
    /// The columns that the rows are sorted by, the first one first. No two rows are equal in all
    /// of them. Values have the order of [`Value::total_cmp`].
    pub order: Vec<OrderBy>,
    /// The values in these columns after which the rows begin.
    pub after: Option<Vec<OwnedValue>>,
    /// How many rows there are at most.
    pub limit: Option<u64>,
    /// Whether the position is asked for; else any will do.
    pub with_position: bool,
}

/// A column that rows are sorted by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_structs)] // as above
pub struct OrderBy {
    /// Its number.
    pub column: usize,
    /// Whether the greatest value comes first.
    pub descending: bool,
}

/// How the value of a column compares to another one.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::exhaustive_structs)] // as above
pub struct Condition {
    /// The column, by number.
    pub column: usize,
    /// How its value compares.
    pub comparison: Comparison,
    /// To what.
    pub value: OwnedValue,
}

/// A comparison of two values in the order of [`Value::total_cmp`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_enums)] // as above
#[allow(missing_docs)] // the words say it
pub enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Comparison {
    /// Tells whether two values compare in this way.
    #[must_use]
    pub fn holds(self, value: Value<'_>, to: Value<'_>) -> bool {
        let order = value.total_cmp(&to);
        match self {
            Self::Equal => order.is_eq(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
        }
    }
}

impl Selection {
    /// Compares the values of two rows in the columns of the order.
    pub(crate) fn compare(&self, one: &[OwnedValue], other: &[OwnedValue]) -> Ordering {
        for ((by, one), other) in self.order.iter().zip(one).zip(other) {
            let order = one.as_value().total_cmp(&other.as_value());
            let order = if by.descending { order.reverse() } else { order };
            if order.is_ne() {
                return order;
            }
        }
        Ordering::Equal
    }
}
