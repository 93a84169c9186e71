//! Makes rows of what a storage has selected.

use std::sync::{Arc, Mutex, PoisonError};

use super::{QueryError, RowReads, Selection};
use crate::{
    GlobalPosition, ReadModel, StoreError,
    rows::{OwnedValue, RowValues, unreadable},
};

/// Reads the rows of a selection, and the position that they show.
pub(super) async fn collect<T: ReadModel>(
    reads: &dyn RowReads,
    selection: Selection,
) -> Result<(Vec<T>, GlobalPosition), QueryError> {
    // A storage whose calls block fills it on another thread, also after this future was dropped.
    let rows: Arc<Mutex<Vec<Result<T, StoreError>>>> = Arc::default();
    let filled = Arc::clone(&rows);
    let selected = Box::new(move |row: &dyn RowValues| {
        let row = T::read(row).map_err(|error| unreadable(T::TABLE, &key::<T>(row), error));
        filled.lock().unwrap_or_else(PoisonError::into_inner).push(row);
    });
    let position = reads.select(selection, selected).await?;
    let rows = std::mem::take(&mut *rows.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((rows.into_iter().collect::<Result<_, _>>()?, position))
}

/// What can be read of a row's key, to name a row that cannot be read.
fn key<T: ReadModel>(row: &dyn RowValues) -> Vec<OwnedValue> {
    T::TABLE.key.iter().filter_map(|column| row.value(*column).ok()).map(Into::into).collect()
}
