//! [`Pages`]: rows, so many at a time.

use std::fmt;

use super::{QueryError, Reader, Selection, query::in_order, reader::values};
use crate::ReadModel;

/// The rows of a query, so many at a time. Made by [`Query::pages`](super::Query::pages) and
/// [`Reader::pages`].
///
/// Each page is one snapshot, and begins after the last row of the one before, wherever that is or
/// was in the order. So a row that stays where it is, is seen exactly once; one that moves in the
/// order meanwhile may be seen twice or not at all. Keys do not move.
pub struct Pages<T> {
    rest: Option<Rest<T>>,
    rows: u64,
}

/// What is left to be read, or why nothing can be.
type Rest<T> = Result<(Reader<T>, Selection), QueryError>;

impl<T: ReadModel> Pages<T> {
    pub(super) fn new(rest: Rest<T>, rows: u32) -> Self {
        Self { rest: Some(rest), rows: rows.max(1).into() }
    }

    /// Reads the next page; `None` after the last one. No page is empty.
    ///
    /// After an error the same page can be asked for again, where trying again helps.
    ///
    /// # Errors
    /// As [`Query::fetch`](super::Query::fetch).
    ///
    /// # Cancel safety
    /// Cancel safe: a call that is dropped has not moved on.
    pub async fn next(&mut self) -> Result<Option<Vec<T>>, QueryError> {
        let (reader, selection) = match &mut self.rest {
            None => return Ok(None),
            Some(Ok(rest)) => rest,
            rest @ Some(Err(_)) => match rest.take() {
                Some(Err(error)) => return Err(error),
                _ => return Ok(None),
            },
        };
        let left = selection.limit.unwrap_or(u64::MAX);
        let wanted = self.rows.min(left);
        let page = Selection { limit: Some(wanted), ..selection.clone() };
        let (rows, _) = reader.select(page).await?;
        let Some(last) = rows.last() else {
            self.rest = None;
            return Ok(None);
        };
        let last = values(last).map_err(|error| QueryError::value(T::TABLE, error))?;
        selection.after = Some(in_order(&selection.order, &last));
        selection.limit = selection.limit.map(|limit| limit - rows.len() as u64);
        if (rows.len() as u64) < wanted || selection.limit == Some(0) {
            self.rest = None;
        }
        Ok(Some(rows))
    }
}

impl<T: ReadModel> fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("table", &T::TABLE.name)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}
