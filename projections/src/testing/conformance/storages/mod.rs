//! The suite for storages.

use std::{future::Future, sync::Arc};

use super::{Broken, Failure, Verdict, conclude, ensure, run, run_all};
use crate::{BoxError, CheckpointKey, Storage};

pub use self::drive::Drive;
use self::subject::Subject;
pub(super) use self::subject::{checkpoint, first};

mod asking;
mod comparing;
mod drive;
mod isolation;
mod keeping;
mod parking;
mod savepoints;
mod subject;
mod telling;
mod transactions;

/// What the suite needs to know of a storage: how to make one, and how to write a row.
///
/// Whoever tests a storage implements it; [`storage`] calls it.
pub trait StorageHarness: Send + Sync + 'static {
    /// The storage.
    type Storage: Storage<Execution: Drive<Self::Storage>>;

    /// Opens an empty storage that was never set up.
    fn open(&self) -> impl Future<Output = Self::Storage> + Send;

    /// Puts a value under a key of a table of the harness's own, inside the transaction. It
    /// creates the table where it is missing.
    ///
    /// # Errors
    /// Fails when the storage does.
    fn put(
        &self,
        session: &mut <Self::Storage as Storage>::Session,
        key: &str,
        value: &str,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Reads what is under a key, inside the transaction.
    ///
    /// # Errors
    /// Fails when the storage does.
    fn get(
        &self,
        session: &mut <Self::Storage as Storage>::Session,
        key: &str,
    ) -> impl Future<Output = Result<Option<String>, BoxError>> + Send;
}

/// Checks a storage, blocking or async, against every rule of
/// [`BlockingStorage`](crate::BlockingStorage).
///
/// ```
/// use projections::{
///     BoxError,
///     testing::{MemorySession, MemoryStorage, conformance::{self, StorageHarness}},
/// };
///
/// struct Harness;
///
/// impl StorageHarness for Harness {
///     type Storage = MemoryStorage;
///
///     async fn open(&self) -> MemoryStorage {
///         MemoryStorage::new()
///     }
///
///     async fn put(&self, session: &mut MemorySession, key: &str, value: &str) -> Result<(), BoxError> {
///         session.tx().set("harness", key, value);
///         Ok(())
///     }
///
///     async fn get(&self, session: &mut MemorySession, key: &str) -> Result<Option<String>, BoxError> {
///         let value = session.tx().get("harness", key);
///         Ok(value.and_then(|value| value.as_str().map(str::to_owned)))
///     }
/// }
///
/// # #[tokio::main]
/// # async fn main() {
/// conformance::storage(Harness).await;
/// # }
/// ```
///
/// # Panics
/// Panics with the checks that failed, each with the rule that is broken.
///
/// # Cancel safety
/// Cancel safe: it leaves nothing but the storages that the harness opened.
pub async fn storage<H: StorageHarness>(harness: H) {
    conclude(H::Storage::LABEL, &storage_failures(harness).await);
}

/// Runs the checks of [`storage`] and returns those that failed.
///
/// # Cancel safety
/// Cancel safe: it leaves nothing but the storages that the harness opened.
pub async fn storage_failures<H: StorageHarness>(harness: H) -> Vec<Failure> {
    let harness = Arc::new(harness);
    run_all!(Subject::open(&harness) =>
        transactions: [
            a_commit_shows_rows_and_checkpoint,
            a_later_commit_replaces_rows_and_checkpoint,
            a_commit_alone_shows_rows_and_leaves_checkpoints,
            a_rollback_leaves_nothing,
            a_dropped_session_leaves_nothing,
            a_session_reads_its_own_writes,
            sessions_follow_one_another,
            clones_are_one_storage,
        ],
        asking: [
            requests_come_back_until_they_are_answered,
            an_answer_commits_with_its_checkpoint,
            a_request_is_answered_once,
        ],
        comparing: [
            another_epoch_is_a_conflict,
            another_position_is_a_conflict,
            a_missing_checkpoint_is_a_conflict,
            an_existing_checkpoint_is_a_conflict,
            a_conflict_commits_no_row,
            of_two_writers_one_wins,
        ],
        keeping: [
            every_column_comes_back,
            every_column_is_replaced,
            a_list_of_checkpoints_has_every_column,
        ],
        parking: [
            every_field_of_a_letter_comes_back,
            letters_are_read_in_order_and_by_key,
            letters_commit_with_the_checkpoint_or_not_at_all,
            a_letter_is_replaced_and_removed,
            parked_keys_and_counts_add_up,
            a_reset_removes_letters_and_counts,
            letters_of_read_models_do_not_mix,
        ],
        savepoints: [
            what_follows_a_savepoint_can_be_undone,
            a_later_savepoint_takes_the_place_of_the_one_before,
        ],
        isolation: [
            namespaces_do_not_mix,
            projectors_do_not_mix,
            generations_lanes_and_partitions_do_not_mix,
            a_reset_leaves_the_others,
            a_storage_without_setup_has_no_checkpoints,
            setup_may_be_repeated,
            setup_may_be_rolled_back,
        ],
        telling: [
            commits_are_told,
        ],
    )
}

/// The key that most checks use.
fn orders() -> CheckpointKey {
    CheckpointKey::new("", "orders")
}
