//! [`PresenceStore`]: where processes say that they run what every process runs by itself.

use std::{
    collections::BTreeMap,
    future::ready,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{CheckpointKey, GlobalPosition, Lease, OwnerId, State, StoreError, engine::BoxFuture};

/// What one process says of a projector that it runs for itself: one whose read model is in its own
/// fields, or that is live.
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_structs)] // a store must keep every field
pub struct Presence {
    /// Which projector.
    pub key: CheckpointKey,
    /// Who says so, and how long it may be silent. Its `beat` is not kept.
    pub lease: Lease,
    /// What the projector does there.
    pub state: State,
    /// The last event that was applied there.
    pub position: GlobalPosition,
    /// The last event that was looked at there.
    pub scanned: GlobalPosition,
    /// Why it halted there, or what it waits for.
    pub last_error: Option<String>,
}

/// A place where processes say what they run.
///
/// An event store or a storage that has such a place returns it from
/// [`EventSource::presences`](crate::EventSource::presences) or
/// [`Storage::presences`](crate::Storage::presences). Each process writes there when it starts and
/// then every third of its lease, however much happens, and `status` reads it.
/// `projections::testing::conformance::presence_store` has the suite.
pub trait PresenceStore: Send + Sync + 'static {
    /// Puts what one owner says in the place of what it said before of the same projectors, and
    /// forgets what was said longer than [`PRESENCE_KEPT`] ago, by the store's clock.
    ///
    /// # Errors
    /// Fails when it cannot be written.
    ///
    /// # Cancel safety
    /// A dropped call may or may not have happened.
    fn save<'a>(&'a self, said: &'a [Presence]) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Forgets all that an owner has said.
    ///
    /// # Errors
    /// Fails when it cannot be written.
    ///
    /// # Cancel safety
    /// A dropped call may or may not have happened.
    fn forget(&self, owner: OwnerId) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Reads what was said of the projectors of a namespace, and how long ago by the store's clock,
    /// in the order of their names. A place that was never written to holds nothing.
    ///
    /// # Errors
    /// Fails when the place cannot be read.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    fn list<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(Presence, Duration)>, StoreError>>;
}

type Said = BTreeMap<(CheckpointKey, OwnerId), (Presence, Instant)>;

/// How long the last word of a process that died is kept.
pub const PRESENCE_KEPT: Duration = Duration::from_secs(600);

/// Presences that live as long as their handles. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct MemoryPresences(Arc<Mutex<Said>>);

impl MemoryPresences {
    // A poisoned lock is taken all the same: its entries are replaced whole.
    fn all(&self) -> MutexGuard<'_, Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PresenceStore for MemoryPresences {
    fn save<'a>(&'a self, said: &'a [Presence]) -> BoxFuture<'a, Result<(), StoreError>> {
        let (now, mut all) = (Instant::now(), self.all());
        for presence in said {
            let place = (presence.key.clone(), presence.lease.owner);
            all.insert(place, (presence.clone(), now));
        }
        all.retain(|_, (_, at)| at.elapsed() <= PRESENCE_KEPT);
        Box::pin(ready(Ok(())))
    }

    fn forget(&self, owner: OwnerId) -> BoxFuture<'_, Result<(), StoreError>> {
        self.all().retain(|(_, other), _| *other != owner);
        Box::pin(ready(Ok(())))
    }

    fn list<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(Presence, Duration)>, StoreError>> {
        let all = self.all();
        let own = all.values().filter(|(presence, _)| presence.key.namespace == namespace);
        let own = own.map(|(presence, at)| (presence.clone(), at.elapsed())).collect();
        Box::pin(ready(Ok(own)))
    }
}
