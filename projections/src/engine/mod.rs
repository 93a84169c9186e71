//! The seam between the runner, which knows positions, and a projector with its storage, which
//! know events and transactions. The runner has one implementation; engines differ by how their
//! storage runs.

mod activation;
mod apply;
mod asynchronous;
mod blocking;
mod handling;
mod in_process;
mod inline;
mod lenient;
mod limit;
mod network;
mod reads;
mod rows;
mod snapshots;
mod stages;

use std::{
    any::Any,
    future::Future,
    ops::Range,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use jiff::Timestamp;

pub(crate) use self::snapshots::Known;
pub use self::{
    activation::{Activated, Activation},
    inline::Identity,
    lenient::Aside,
    limit::{Interrupt, Progress},
    rows::RowUse,
    snapshots::{SnapshotPlace, SnapshotUse},
};
pub(crate) use self::{
    apply::{catch_panic, message},
    handling::handling as handling_projector,
    in_process::State,
    lenient::{Failed, Triage},
    limit::keep_others_awake,
    network::endless,
    rows::owner,
    stages::{AtWork, Stage, Stopwatch, Work},
};
use crate::{
    BoxError, Checkpoint, CheckpointKey, CheckpointWrite, CommitError, Envelope, Filter,
    Fingerprint, GlobalPosition, HandleError, Handlers, Letter, LetterQuery, Mode, Page, ParkedKey,
    Parking, Projector, Storage, StoreError, Verdict, inline::Database, letters::LetterBox,
    projector::KeySource, read::RowReads, registry::StorageKind, rows::RowsError, values::Values,
};

/// A boxed future: one a batch, never one an event.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a runner drives: a projector with its storage. Only the library implements it.
pub trait Engine: Send {
    /// Reads the stored checkpoint, and beside it which keys are parked.
    fn load<'a>(
        &'a mut self,
        key: &'a CheckpointKey,
    ) -> BoxFuture<'a, Result<Option<Checkpoint>, StoreError>>;

    /// Starts a run: creates what is missing, empties the read model where a rebuild asks for it,
    /// and writes the checkpoint, in one transaction.
    fn start(&mut self, start: Start) -> BoxFuture<'_, Result<(), StartError>>;

    /// Applies events and writes the checkpoint, in one transaction.
    fn apply(&mut self, batch: Batch) -> BoxFuture<'_, Applied>;

    /// Writes the checkpoint and letters alone.
    fn save(&mut self, write: CheckpointWrite) -> BoxFuture<'_, Result<(), CommitError>>;

    /// The keys that were parked when the checkpoint was read.
    fn parked(&mut self) -> Vec<ParkedKey>;

    /// Reads letters.
    fn letters<'a>(
        &'a mut self,
        key: &'a CheckpointKey,
        query: LetterQuery,
    ) -> BoxFuture<'a, Result<Vec<Letter>, StoreError>>;

    /// The letters of a read model in process, for others to look at.
    fn letter_box(&self) -> Option<Arc<LetterBox>> {
        None
    }

    /// What the storage says of an error of its driver.
    fn verdict(&self, error: &(dyn std::error::Error + 'static)) -> Option<Verdict> {
        let _ = error;
        None
    }

    /// Throws away state in process that has come further than this; false where there is none.
    fn throw_away(&mut self, after: GlobalPosition) -> BoxFuture<'_, bool> {
        let _ = after;
        Box::pin(std::future::ready(false))
    }

    /// The checkpoint of state that is in process; it is lost and set back with that state.
    fn kept(&self) -> Option<&Checkpoint> {
        None
    }

    /// Throws away what was read from a snapshot and cannot be used, for this reason; false where
    /// there is no such.
    fn discard(&mut self, why: &str) -> BoxFuture<'_, bool> {
        let _ = why;
        Box::pin(std::future::ready(false))
    }

    /// Says where to keep snapshots, where the projector has such.
    fn keep_snapshots(&mut self, place: SnapshotPlace) -> Option<Arc<SnapshotUse>> {
        let _ = place;
        None
    }

    /// The state that `Runtime::read` shows, where it is in process.
    fn state(&self) -> Option<Arc<dyn Any + Send + Sync>>;

    /// What the rows in memory take, where a storage has them.
    fn row_use(&self) -> Option<Arc<RowUse>> {
        None
    }

    /// The tables, for readers, where the storage has such.
    fn row_reads(&self) -> Option<Arc<dyn RowReads>>;

    /// The database in whose appends the projector can take part, where there is one.
    fn database(&self) -> Option<Database> {
        None
    }

    /// Lets the appends of this process run the projector, for as long as the answer is kept.
    fn join_appends(&self, identity: Identity) -> Option<Arc<dyn Any + Send + Sync>> {
        let _ = identity;
        None
    }

    /// The code that appends must run the projector with, where it is active.
    fn active<'a>(
        &'a mut self,
        key: &'a CheckpointKey,
    ) -> BoxFuture<'a, Result<Option<Fingerprint>, StoreError>> {
        let _ = key;
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Hands a projector that has caught up over to the appends.
    fn activate(&mut self, activation: Activation) -> BoxFuture<'_, Activated> {
        let error = activation::impossible();
        drop(activation);
        Box::pin(std::future::ready(Activated::Store(error)))
    }
}

/// How a run starts.
#[derive(Clone, Debug)]
pub struct Start {
    /// The checkpoint to write.
    pub(crate) write: CheckpointWrite,
    /// Whether to empty the read model first.
    pub(crate) reset: bool,
    /// The checkpoint that the start was decided by, where appends move it: they may have done so
    /// since, and more of the events that this start is the first to subscribe to must not have
    /// been passed.
    pub(crate) moving: Option<Moving>,
}

/// A checkpoint that appends move.
#[derive(Clone, Debug)]
pub(crate) struct Moving {
    /// How far they had come.
    pub(crate) scanned: GlobalPosition,
    /// What the start adds to the subscriptions.
    pub(crate) added: Vec<Filter>,
}

/// Why a run could not start.
#[derive(Debug)]
pub enum StartError {
    /// A hook failed.
    Hook(&'static str, BoxError),
    /// A hook asks for other rows whenever it is called, and they must be loaded before.
    Missing(&'static str),
    /// A table is not as declared.
    Table(String),
    /// The transaction failed.
    Commit(CommitError),
}

impl From<RowsError> for StartError {
    fn from(error: RowsError) -> Self {
        match error {
            RowsError::Store(error) => error.into(),
            RowsError::Differs(what) => Self::Table(what),
            RowsError::Refused(source) => Self::Hook("setup", source),
        }
    }
}

impl From<CommitError> for StartError {
    fn from(error: CommitError) -> Self {
        Self::Commit(error)
    }
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        Self::Commit(error.into())
    }
}

/// A run of events of one page, to be applied in one transaction.
#[derive(Debug)]
pub struct Batch {
    /// The page.
    pub(crate) page: Page,
    /// Where each of the page's names goes, by the name's number.
    pub(crate) targets: Arc<[Target]>,
    /// Which events of the page.
    pub(crate) events: Range<usize>,
    /// Events at or before it are replayed.
    pub(crate) effects_mark: GlobalPosition,
    /// The checkpoint to commit.
    pub(crate) write: CheckpointWrite,
    /// Where what handlers return goes, where somebody waits for it.
    pub(crate) values: Option<Arc<Values>>,
    /// Which of the events wait behind one that is parked, in order.
    pub(crate) left_out: Vec<usize>,
    /// Whether its events were parked, and come late.
    pub(crate) redriven: bool,
    /// Where it is.
    pub(crate) progress: Arc<Progress>,
    /// How many of its events were passed because they are erased.
    pub(crate) erased: AtomicU64,
    /// Decides about events that fail, where the batch is to go on without them.
    pub(crate) triage: Option<Arc<dyn Triage>>,
}

impl Batch {
    /// The envelope of its first event, for one attempt at it.
    fn envelope(&self) -> Envelope {
        if let Some(values) = &self.values {
            values.clear();
        }
        self.erased.store(0, Relaxed);
        let envelope = Envelope::new(self.page.clone(), self.events.start);
        envelope.with_values(self.values.clone()).redriven(self.redriven)
    }

    /// The events that go to handlers: all between two that are left out.
    fn runs(&self) -> impl Iterator<Item = Range<usize>> {
        let Range { start, end } = self.events;
        let at = |bound| self.left_out.partition_point(|index| *index < bound);
        let mut next = start;
        self.left_out[at(start)..at(end)].iter().copied().chain([end]).map(move |end| {
            let run = next..end;
            next = end + 1;
            run
        })
    }

    /// Notes in the write what was erased.
    fn count_erased(&mut self) {
        self.write.letters.passed.erased = *self.erased.get_mut();
    }

    fn leaves_out(&self, index: usize) -> bool {
        self.left_out.binary_search(&index).is_ok()
    }
}

/// Where the events of one name go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// To a handler, or the fallback.
    Route {
        id: u32,
        method: &'static str,
        is_async: bool,
        /// How it is known which rows the handler asks for.
        keys: KeySource,
        /// Events at or before it are not for this handler.
        after: GlobalPosition,
        /// Whether an event of it is in a batch of its own, because what its handler does cannot be
        /// taken back.
        alone: bool,
    },
    /// Nowhere.
    Skip,
    /// Nowhere, and that is an error.
    Unregistered,
}

/// What became of a batch. In all cases but the first nothing of it is in the read model.
#[derive(Debug)]
pub enum Applied {
    /// Read model and checkpoint are committed, and what was put aside on the way.
    Committed(Aside),
    /// The stored checkpoint was not the expected one.
    Conflict,
    /// The event with this index in the page could not be handled.
    Event(usize, HandleError),
    /// The commit was refused: one of the events is to blame.
    Refused(BoxError),
    /// The handler of the event with this index does not come back. Its thread is lost.
    Stalled(usize),
    /// The storage failed; the outcome of a commit may be unknown.
    Store(StoreError),
}

impl From<Result<(), CommitError>> for Applied {
    fn from(outcome: Result<(), CommitError>) -> Self {
        match outcome {
            Ok(()) => Self::Committed(Aside::default()),
            Err(CommitError::Conflict) => Self::Conflict,
            Err(CommitError::Refused(source)) => Self::Refused(source),
            Err(CommitError::Store(error)) => Self::Store(error),
        }
    }
}

/// Makes a fresh projector: at the start, and whenever in-process state is thrown away.
pub type Make<P> = Arc<dyn Fn() -> P + Send + Sync>;

/// Whether a projector's place in the log is in memory only.
const fn is_live<P: Projector>() -> bool {
    matches!(P::OPTIONS.mode, Mode::Live)
}

/// How the projectors of a storage run. Implemented by [`Blocking`](crate::Blocking),
/// [`Async`](crate::Async) and [`InProcess`](crate::InProcess) alone.
pub trait Execution<S: Storage> {
    /// Which of the three it is.
    const KIND: StorageKind;

    /// Joins a projector and its storage.
    fn engine<P>(storage: S, name: &str, make: Make<P>) -> Box<dyn Engine>
    where
        P: Projector<Storage = S> + Handlers + Send + Sync + 'static;

    /// Reads the checkpoints of a namespace.
    fn checkpoints<'a>(
        storage: &'a S,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(CheckpointKey, Checkpoint)>, StoreError>>;

    /// The time by the storage's clock.
    fn now(storage: &S) -> BoxFuture<'_, Result<Timestamp, StoreError>>;

    /// Reads letters.
    fn letters<'a>(
        storage: &'a S,
        key: &'a CheckpointKey,
        query: &'a LetterQuery,
    ) -> BoxFuture<'a, Result<Vec<Letter>, StoreError>>;

    /// Counts what is parked.
    fn parking<'a>(
        storage: &'a S,
        key: &'a CheckpointKey,
    ) -> BoxFuture<'a, Result<Parking, StoreError>>;
}
