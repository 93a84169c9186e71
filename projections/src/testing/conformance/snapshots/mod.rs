//! The suite for places of snapshots.

use std::{future::Future, sync::Arc};

use super::{Broken, Failure, Verdict, conclude, ensure, run, run_all};
use crate::{CheckpointKey, SnapshotStore};

mod keeping;

type Subject = Arc<dyn SnapshotStore>;

/// Checks a place for snapshots against every rule of [`SnapshotStore`]. `make` makes an empty one.
///
/// ```
/// use projections::{EventSource, memory::MemoryEventStore, testing::conformance};
///
/// # #[tokio::main]
/// # async fn main() {
/// conformance::snapshot_store(|| async { MemoryEventStore::new().snapshots().unwrap() }).await;
/// # }
/// ```
///
/// # Panics
/// Panics with the checks that failed, each with the rule that is broken.
///
/// # Cancel safety
/// Cancel safe: it leaves nothing but the places that `make` made.
pub async fn snapshot_store<F>(make: impl Fn() -> F)
where
    F: Future<Output = Arc<dyn SnapshotStore>>,
{
    conclude("snapshot store", &snapshot_store_failures(make).await);
}

/// Runs the checks of [`snapshot_store`] and returns those that failed.
///
/// # Cancel safety
/// Cancel safe: it leaves nothing but the places that `make` made.
pub async fn snapshot_store_failures<F>(make: impl Fn() -> F) -> Vec<Failure>
where
    F: Future<Output = Arc<dyn SnapshotStore>>,
{
    run_all!(make() =>
        keeping: [
            a_place_that_was_never_written_to_is_empty,
            snapshots_come_back_byte_for_byte,
            a_later_snapshot_replaces_the_one_before,
            snapshot_keys_do_not_mix,
            a_removed_snapshot_is_gone,
        ],
    )
}

/// The key that most checks use.
fn orders() -> CheckpointKey {
    CheckpointKey::new("", "orders")
}
