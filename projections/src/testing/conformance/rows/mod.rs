//! The suite for the tables of rows.

use std::future::Future;

use self::subject::Subject;
use super::{Broken, Drive, Failure, Verdict, conclude, ensure, run, run_all};
use crate::rows::RowStorage;

mod access;
mod changes;
mod differences;
mod finding;
mod subject;
mod tables;
mod transactions;
mod values;
mod writing;

/// Checks a storage's tables of rows against every rule of
/// [`RowAccess`](crate::rows::RowAccess), or of
/// [`AsyncRowAccess`](crate::rows::AsyncRowAccess). `make` makes an empty storage.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// use projections::{sqlite::Sqlite, testing::conformance};
///
/// # #[cfg(feature = "sqlite")]
/// # #[tokio::main]
/// # async fn main() {
/// let folder = tempfile::tempdir().expect("a temporary folder");
/// let files = std::sync::atomic::AtomicU32::new(0);
/// let make = || async {
///     let number = files.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
///     Sqlite::open(folder.path().join(format!("{number}.db"))).expect("a file")
/// };
/// conformance::rows(make).await;
/// # }
/// # #[cfg(not(feature = "sqlite"))]
/// # fn main() {}
/// ```
///
/// # Panics
/// Panics with the checks that failed, each with the rule that is broken.
///
/// # Cancel safety
/// Cancel safe: it leaves nothing but the storages that `make` made.
pub async fn rows<S, F>(make: impl Fn() -> F)
where
    S: RowStorage<Execution: Drive<S>>,
    F: Future<Output = S>,
{
    conclude(&format!("rows of {}", S::LABEL), &row_failures(make).await);
}

/// Runs the checks of [`rows`] and returns those that failed.
///
/// # Cancel safety
/// Cancel safe: it leaves nothing but the storages that `make` made.
pub async fn row_failures<S, F>(make: impl Fn() -> F) -> Vec<Failure>
where
    S: RowStorage<Execution: Drive<S>>,
    F: Future<Output = S>,
{
    let fresh = || async { Subject::new(make().await) };
    run_all!(fresh() =>
        values: [
            every_kind_comes_back,
            limits_come_back,
            nulls_come_back,
            large_values_come_back,
            every_kind_of_key_is_found,
            keys_are_compared_exactly,
            keys_of_several_columns_are_compared_in_each,
        ],
        writing: [
            a_missing_row_is_not_found,
            an_upsert_replaces_every_column,
            many_rows_are_written_at_once,
            writes_may_be_repeated,
            deletes_go_first,
            missing_rows_may_be_deleted,
            rows_may_swap_unique_values,
            a_unique_value_that_is_taken_is_refused,
            unique_columns_may_be_null_in_many_rows,
            a_table_may_have_nothing_but_a_key,
            tables_do_not_mix,
        ],
        finding: [
            rows_are_found_by_a_column,
            rows_are_found_by_null,
            rows_are_found_by_several_columns,
            found_rows_are_in_the_order_of_their_keys,
        ],
        transactions: [
            committed_rows_are_there,
            rows_that_are_rolled_back_are_not,
            tables_that_are_rolled_back_are_not,
        ],
        tables: [
            a_table_may_be_prepared_again,
            a_missing_table_may_be_dropped,
            a_dropped_table_is_empty,
            a_dropped_table_may_change,
            a_table_has_one_projector,
            a_dropped_table_may_change_hands,
        ],
        changes: [
            a_column_with_a_default_is_added,
            a_nullable_column_is_added,
            an_index_is_added,
            the_order_of_columns_does_not_matter,
        ],
        differences: [
            a_column_without_a_default_is_not_added,
            a_column_that_is_not_declared_is_told,
            another_kind_is_told,
            another_meaning_of_null_is_told,
            another_key_is_told,
            another_uniqueness_is_told,
            an_index_that_is_not_declared_is_told,
            every_difference_is_told,
            a_difference_changes_nothing,
        ],
    )
}
