//! [`RequestStore`]: where one process leaves what another, which owns a projector, is to do.

use std::{
    collections::BTreeMap,
    future::ready,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

use crate::{CheckpointKey, RequestId, StoreError, engine::BoxFuture};

/// Something that the owner of a projector is asked to do, between two batches, once.
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_structs)] // a store must keep every field
pub struct Request {
    /// Which request. Repeated with the same id it is the same request.
    pub id: RequestId,
    /// Which projector.
    pub key: CheckpointKey,
    /// What to do: `pause`, `resume`, `rebuild`, `redrive`, `discard`.
    pub command: String,
    /// More about it: JSON.
    pub arguments: String,
    /// When it was asked, by the clock of whoever asked.
    pub asked_at: Timestamp,
}

/// What became of a request: a part of the [`CheckpointWrite`](crate::CheckpointWrite) that carries
/// it out.
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_structs)] // a store must keep every field
pub struct Answer {
    /// Which request.
    pub id: RequestId,
    /// What came of it: JSON.
    pub outcome: String,
}

/// A place for requests, in the same database as the checkpoints.
///
/// A storage that has such a place returns it from [`Storage::requests`](crate::Storage::requests),
/// and its `commit` writes [`CheckpointWrite::answer`](crate::CheckpointWrite::answer) in the same
/// transaction: where that request is not there, or has its answer, nothing is committed, and the
/// commit is a [conflict](crate::CommitError::Conflict). So each is carried out once, whoever dies.
/// `projections::testing::conformance::storage` checks it.
pub trait RequestStore: Send + Sync + 'static {
    /// Leaves a request; nothing where it is there already.
    ///
    /// # Errors
    /// Fails when it cannot be written.
    ///
    /// # Cancel safety
    /// A dropped call may or may not have happened; repeating it is safe.
    fn ask<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Takes a request back, unless it has its answer.
    ///
    /// # Errors
    /// Fails when it cannot be written.
    ///
    /// # Cancel safety
    /// A dropped call may or may not have happened.
    fn withdraw(&self, id: RequestId) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Reads the requests of a namespace that have no answer, in the order in which they were left.
    ///
    /// # Errors
    /// Fails when they cannot be read.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    fn pending<'a>(&'a self, namespace: &'a str)
    -> BoxFuture<'a, Result<Vec<Request>, StoreError>>;

    /// Reads what came of a request; `None` where it has no answer yet.
    ///
    /// # Errors
    /// Fails when it cannot be read.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    fn outcome(&self, id: RequestId) -> BoxFuture<'_, Result<Option<String>, StoreError>>;
}

/// Requests that live as long as their handles. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct MemoryRequests(Arc<Mutex<Asked>>);

#[derive(Default)]
struct Asked {
    requests: Vec<Request>,
    outcomes: BTreeMap<RequestId, String>,
}

impl MemoryRequests {
    // A poisoned lock is taken all the same: it is whole between any two statements.
    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whether a request waits for its answer.
    pub(crate) fn waits(&self, id: RequestId) -> bool {
        let asked = self.asked();
        asked.requests.iter().any(|one| one.id == id) && !asked.outcomes.contains_key(&id)
    }

    /// Writes an answer, in the transaction that carries the request out.
    pub(crate) fn answer(&self, answer: &Answer) {
        self.asked().outcomes.insert(answer.id, answer.outcome.clone());
    }
}

impl RequestStore for MemoryRequests {
    fn ask<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<(), StoreError>> {
        let mut asked = self.asked();
        if asked.requests.iter().all(|known| known.id != request.id) {
            asked.requests.push(request.clone());
        }
        Box::pin(ready(Ok(())))
    }

    fn withdraw(&self, id: RequestId) -> BoxFuture<'_, Result<(), StoreError>> {
        let mut asked = self.asked();
        if !asked.outcomes.contains_key(&id) {
            asked.requests.retain(|known| known.id != id);
        }
        Box::pin(ready(Ok(())))
    }

    fn pending<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Vec<Request>, StoreError>> {
        let asked = self.asked();
        let is_due = |request: &&Request| {
            request.key.namespace == namespace && !asked.outcomes.contains_key(&request.id)
        };
        Box::pin(ready(Ok(asked.requests.iter().filter(is_due).cloned().collect())))
    }

    fn outcome(&self, id: RequestId) -> BoxFuture<'_, Result<Option<String>, StoreError>> {
        Box::pin(ready(Ok(self.asked().outcomes.get(&id).cloned())))
    }
}
