//! [`Runtime`]: runs projectors, and answers for them.

mod append;
mod batch;
mod builder;
mod dead_letters;
mod end;
mod failing;
#[cfg(feature = "metrics")]
mod figures;
#[cfg(not(feature = "metrics"))]
#[path = "no_figures.rs"]
mod figures;
mod forget;
mod health;
mod inline;
mod lease;
mod mark;
mod observe;
mod owned;
mod parking;
mod presence;
mod read;
mod rebuild;
mod record;
mod redrive;
mod requests;
pub(crate) mod routing;
mod rows;
mod runner;
mod settle;
mod shutdown;
mod slot;
mod source;
mod stall;
mod start;
mod status;
pub(crate) mod storages;
mod sync;
mod tables;
mod triage;
mod wait;
mod watcher;

use std::{fmt, future::Future, sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet, time::Instant};

pub(crate) use self::read::warn_if_slow;
#[cfg(feature = "cli")]
pub(crate) use self::requests::{Code, Command};
pub use self::{
    append::Append,
    builder::Builder,
    dead_letters::{Chosen, DeadLetters, Handled, RedriveError},
    forget::{ForgetError, Forgotten},
    health::{Health, ProjectorHealth},
    requests::CommandError,
    shutdown::shutdown_signal,
    status::{Owner, ProjectorStatus, RowMemory, SnapshotStatus, State, Status},
    sync::{SyncAppend, SyncMode},
};
use self::{
    lease::Ownership, runner::Goal, slot::Slot, source::Source, status::Counting,
    storages::Storages, watcher::Watchers,
};
use crate::{
    EventSource, EventStore, Expected, GlobalPosition, HaltReason, Halted, OwnerId, PresenceStore,
    RecordedState, Registration, RunError, StoreError, StoreErrorKind, ToEvent, UnknownProjector,
    error::chain,
};

/// Runs projectors over the events of a source.
///
/// It is a handle: clones share one runtime, so one part of an application can run it while others
/// append, wait and read. Dropping the future of [`run`](Self::run) stops the projectors without a
/// clean stop; nothing is lost, because a batch and its checkpoint are one transaction.
pub struct Runtime<S> {
    inner: Arc<Inner<S>>,
}

struct Inner<S> {
    source: Arc<S>,
    erased: Arc<dyn Source>,
    slots: Vec<Arc<Slot>>,
    storages: Arc<Storages>,
    watchers: Watchers,
    /// As what this runtime owns projectors.
    ownership: Ownership,
    /// Where processes say what they run by themselves.
    presences: Option<Arc<dyn PresenceStore>>,
    namespace: String,
    deadline: Duration,
}

impl<S> Inner<S> {
    fn slot(&self, projector: &str) -> Result<&Arc<Slot>, UnknownProjector> {
        let slots = &self.slots;
        slots.iter().find(|slot| slot.name == projector).ok_or_else(|| UnknownProjector {
            name: projector.to_owned(),
            known: slots.iter().map(|s| format!("`{}`", s.name)).collect::<Vec<_>>().join(", "),
        })
    }
}

impl<S> Clone for Runtime<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<S: EventSource> Runtime<S> {
    /// Begins a runtime over the events of a source.
    #[must_use]
    pub fn builder(events: S) -> Builder<S> {
        Builder::new(events)
    }

    /// The source that the runtime was built over.
    #[must_use]
    pub fn events(&self) -> &Arc<S> {
        &self.inner.source
    }

    /// The identity that this runtime owns projectors by, as `status` shows it of whoever runs one.
    #[must_use]
    pub fn owner(&self) -> OwnerId {
        self.inner.ownership.owner
    }

    /// The projectors that it runs, sorted by name.
    #[must_use]
    pub fn projectors(&self) -> Vec<(String, Registration)> {
        let slots = self.inner.slots.iter();
        slots.map(|slot| (slot.name.clone(), slot.registration)).collect()
    }

    /// Runs every projector until `shutdown` is ready, then stops cleanly: batches under way
    /// commit or are rolled back, and positions are saved, within the deadline.
    ///
    /// A projector that halts does not stop the others. One that already runs in this process is
    /// left to run there. One with a storage that another process owns is left to that one, and
    /// taken over when it stops, or within two leases where it was killed; see
    /// [`Builder::lease`]. Where newer code owns it, this run stands by as stale code.
    ///
    /// # Errors
    /// When all have halted, or when one does not stop within the deadline: names each, with why.
    ///
    /// # Cancel safety
    /// A dropped run stops its projectors at their next await. Nothing is lost; no clean stop is
    /// recorded.
    pub async fn run(&self, shutdown: impl Future<Output = ()> + Send) -> Result<(), RunError> {
        self.watching(self.run_until(shutdown)).await
    }

    async fn run_until(&self, shutdown: impl Future<Output = ()> + Send) -> Result<(), RunError> {
        let (stop, stopped) = watch::channel(false);
        let mut running = self.spawn(Goal::Forever, &stopped);
        let mut halted = Vec::new();
        let saying = self.inner.keep_saying();
        tokio::pin!(shutdown, saying);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                never = &mut saying => match never {},
                ended = running.join_next() => match ended {
                    Some(ended) => halted.extend(ended.unwrap_or_else(|e| Err(broken(&e))).err()),
                    None => {
                        self.inner.say_goodbye().await;
                        return Err(RunError::new(halted));
                    }
                }
            }
        }
        // The receivers are gone only where every runner has ended.
        let _ = stop.send(true);
        let drained = self.drain(running).await;
        self.inner.say_goodbye().await;
        drained
    }

    /// Waits for stopped runners, but not beyond the deadline.
    async fn drain(&self, mut running: JoinSet<Result<(), Halted>>) -> Result<(), RunError> {
        let deadline = Instant::now() + self.inner.deadline;
        loop {
            match tokio::time::timeout_at(deadline, running.join_next()).await {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(()),
                Err(_) => {
                    let slots = self.inner.slots.iter().filter(|s| s.shared.live.borrow().running);
                    let late = slots.map(|slot| Halted {
                        projector: slot.name.clone(),
                        reason: Arc::new(HaltReason::Store(StoreError::new(
                            StoreErrorKind::Busy,
                            format!(
                                "stop within {:?}: a batch is still under way",
                                self.inner.deadline
                            ),
                        ))),
                    });
                    return Err(RunError::new(late.collect()));
                }
            }
        }
    }

    /// Runs every projector until it has seen the log up to its head as of now, then stops cleanly.
    /// An outage of storage or source that lasts some seconds ends it, unlike [`run`](Self::run),
    /// which waits for as long as it takes. A projector that already runs, in this process or
    /// another, is waited for instead, outages included; one whose owner was killed is taken over
    /// after its lease.
    ///
    /// # Errors
    /// Names each projector that halted, with why; the others have caught up.
    ///
    /// # Cancel safety
    /// As [`run`](Self::run).
    pub async fn catch_up(&self) -> Result<(), RunError> {
        self.run_to(Goal::Head).await
    }

    /// As [`catch_up`](Self::catch_up), up to a position: it returns once every projector has seen
    /// the log up to there, and maybe further. A position that is not in the log yet is waited for.
    ///
    /// ```
    /// # use projections::{Event, Expected, Runtime, handlers, memory::MemoryEventStore, projector};
    /// # #[derive(Event, serde::Serialize, serde::Deserialize)]
    /// # #[event(domain = "orders")]
    /// # struct OrderPlaced;
    /// # #[projector("order-count", register = false)]
    /// # #[derive(Clone, Default)]
    /// # struct OrderCount { count: u64 }
    /// # #[handlers]
    /// # impl OrderCount {
    /// #     #[handles(OrderPlaced)]
    /// #     fn placed(&mut self, _: &OrderPlaced) { self.count += 1; }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), projections::Error> {
    /// let runtime = Runtime::builder(MemoryEventStore::new())
    ///     .without_linked()
    ///     .projector(OrderCount::default())
    ///     .build()
    ///     .await?;
    /// let receipt = runtime.append("order-7", Expected::NoStream, [OrderPlaced]).await?;
    /// runtime.catch_up_to(receipt.last).await?;
    /// assert_eq!(runtime.read::<OrderCount, _>(|orders| orders.count).await?, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`catch_up`](Self::catch_up).
    ///
    /// # Cancel safety
    /// As [`run`](Self::run).
    pub async fn catch_up_to(&self, position: GlobalPosition) -> Result<(), RunError> {
        self.run_to(Goal::To(position)).await
    }

    async fn run_to(&self, goal: Goal) -> Result<(), RunError> {
        let (_stop, stopped) = watch::channel(false);
        let mut running = self.spawn(goal, &stopped);
        let mut halted = Vec::new();
        let all = async {
            while let Some(ended) = running.join_next().await {
                halted.extend(ended.unwrap_or_else(|error| Err(broken(&error))).err());
            }
        };
        self.watching(all).await;
        match halted.is_empty() {
            true => Ok(()),
            false => Err(RunError::new(halted)),
        }
    }

    fn spawn(&self, goal: Goal, stop: &watch::Receiver<bool>) -> JoinSet<Result<(), Halted>> {
        let mut running = JoinSet::new();
        for slot in &self.inner.slots {
            running.spawn(drive(
                Arc::clone(slot),
                Arc::clone(&self.inner.erased),
                goal,
                stop.clone(),
            ));
        }
        running
    }

    /// Says what every projector is doing, in this process or another.
    ///
    /// # Errors
    /// When the source or a storage cannot be read.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    pub async fn status(&self) -> Result<Status, StoreError> {
        self.look(Counting::Positions).await
    }

    /// As [`status`](Self::status), but `behind` counts the matching events, which takes a scan.
    ///
    /// # Errors
    /// When the source or a storage cannot be read.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    pub async fn status_exact(&self) -> Result<Status, StoreError> {
        self.look(Counting::Events).await
    }

    async fn look(&self, counting: Counting) -> Result<Status, StoreError> {
        let Inner { erased, slots, storages, .. } = &*self.inner;
        let mut projectors = Vec::with_capacity(slots.len());
        let others = self.inner.others().await?;
        for slot in slots {
            let here = status::of(slot, erased, storages, counting).await?;
            let others: Vec<_> = others.iter().filter(|(one, _)| one.key == slot.key).collect();
            if !here.elsewhere || others.is_empty() {
                slot.show(&here);
                let owner = here.owner.clone().or_else(|| self.inner.owner_here(slot));
                projectors.push(ProjectorStatus { owner, ..here.clone() });
            }
            for (presence, silence) in others {
                let there = status::there(slot, erased, counting, (presence, *silence)).await?;
                projectors.push(there);
            }
        }
        let imports = erased.unfinished_imports().await?;
        Ok(Status { projectors, imports })
    }

    /// The projectors whose last run in this process halted, with why, by name: also those that
    /// another process has taken over, of which [`status`](Self::status) shows what that one does.
    #[must_use]
    pub fn halted(&self) -> Vec<Halted> {
        let slots = self.inner.slots.iter();
        slots.filter_map(|slot| slot.shared.live.borrow().halted.clone()).collect()
    }

    /// Warns of read models that nobody keeps up to date.
    async fn warn_of_orphans(&self) {
        let Inner { slots, storages, namespace, .. } = &*self.inner;
        let mut seen = std::collections::BTreeSet::new();
        for slot in slots {
            let (storage, name) = (slot.registration.storage_type)();
            if !seen.insert(storage) {
                continue;
            }
            // A storage that cannot be read says so when its projectors start.
            for (key, stored) in storages.checkpoints(storage, namespace).await.unwrap_or_default()
            {
                let projector = &*key.projector;
                match slots.iter().find(|slot| slot.key == key) {
                    None if stored.state == RecordedState::Inline => tracing::warn!(
                        projector,
                        storage = name,
                        "appends of this program are refused: a projector runs in them that is not here"
                    ),
                    None => tracing::warn!(
                        projector,
                        storage = name,
                        "a checkpoint has no projector here"
                    ),
                    Some(slot) if slot.registration.is_live() => tracing::warn!(
                        projector,
                        storage = name,
                        "the projector is live now, and leaves its checkpoint alone; made `async` again, it is to be rebuilt"
                    ),
                    Some(_) => {}
                }
            }
        }
    }
}

impl<S: EventStore> Runtime<S> {
    /// Appends events to a stream; awaiting the result carries it out.
    ///
    /// ```standalone_crate
    /// use projections::{Domain, Event, Expected, Runtime, memory::MemoryEventStore};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Event, Serialize, Deserialize)]
    /// #[event(domain = "orders")]
    /// struct OrderPlaced { order: u64 }
    ///
    /// #[derive(Event, Serialize, Deserialize)]
    /// struct OrderPaid { cents: u64 } // names no domain
    ///
    /// #[derive(Domain)]
    /// #[domain("orders")]
    /// enum OrderEvent {
    ///     Placed(OrderPlaced),
    ///     Paid(OrderPaid),
    /// }
    ///
    /// # #[projections::projector("orders")] struct Orders { placed: u64 }
    /// # #[projections::handlers] impl Orders {
    /// #     #[handles(OrderPlaced)] fn placed(&mut self, event: &OrderPlaced) { self.placed += event.order; }
    /// # }
    /// #
    /// #[tokio::main(flavor = "current_thread")]
    /// async fn main() -> Result<(), projections::Error> {
    ///     // Beside a projector, as every runtime has one.
    ///     let runtime = Runtime::builder(MemoryEventStore::new()).build().await?;
    ///
    ///     // One event, of a new stream.
    ///     let placed = OrderPlaced { order: 7 };
    ///     let receipt = runtime.append("order-7", Expected::NoStream, [placed]).await?;
    ///
    ///     // Only if nobody has appended to the stream meanwhile. The event's type names no domain.
    ///     let paid = OrderPaid { cents: 950 };
    ///     let expected = Expected::At(receipt.stream_position);
    ///     runtime.append("order-7", expected, [paid]).domain("orders").await?;
    ///
    ///     // Events of two types, all or none.
    ///     let both = [
    ///         OrderEvent::Placed(OrderPlaced { order: 8 }),
    ///         OrderEvent::Paid(OrderPaid { cents: 120 }),
    ///     ];
    ///     let receipt = runtime.append("order-8", Expected::NoStream, both).await?;
    ///     assert_eq!(receipt.last.get(), 4);
    ///
    ///     let late = runtime.append("order-7", expected, [OrderPlaced { order: 7 }]).await;
    ///     assert!(late.is_err(), "the stream has come further");
    ///     Ok(())
    /// }
    /// ```
    pub fn append<E: ToEvent>(
        &self,
        stream: impl Into<String>,
        expected: Expected,
        events: impl IntoIterator<Item = E>,
    ) -> Append<'_, S> {
        Append {
            inner: &self.inner,
            stream: stream.into(),
            expected,
            events: events.into_iter().map(|event| event.to_event()).collect(),
            domain: None,
        }
    }
}

impl<S> fmt::Debug for Runtime<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.inner.slots.iter().map(|slot| &slot.name);
        f.debug_struct("Runtime").field("projectors", &names.collect::<Vec<_>>()).finish()
    }
}

/// Runs one projector. Where it runs already, that run may come as far as the goal; else this one
/// takes over when it ends.
async fn drive(
    slot: Arc<Slot>,
    source: Arc<dyn Source>,
    goal: Goal,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Halted> {
    let runner = Arc::clone(&slot.runner);
    if let Ok(mut runner) = Arc::clone(&runner).try_lock_owned() {
        return runner.run(goal, false, stop).await;
    }
    let reached = async {
        match goal {
            Goal::Forever | Goal::Asked => std::future::pending().await,
            Goal::To(position) => wait::reach(&slot, position).await,
            Goal::Head => {
                let head = source.head().await.map_err(|error| Halted {
                    projector: slot.name.clone(),
                    reason: Arc::new(HaltReason::Store(error)),
                })?;
                wait::reach(&slot, head.map_or(GlobalPosition::BEGINNING, |head| head.position))
                    .await
            }
        }
    };
    let mut runner = tokio::select! {
        reached = reached => return reached,
        _ = stop.wait_for(|stop| *stop) => return Ok(()),
        runner = runner.lock_owned() => runner,
    };
    runner.run(goal, false, stop).await
}

/// A runner's task that ended without an answer: a bug, or the end of the tokio runtime.
fn broken(error: &tokio::task::JoinError) -> Halted {
    let reason = StoreError::new(StoreErrorKind::Other, "go on after a panic in the runner")
        .with_source(chain(error));
    Halted { projector: "?".to_owned(), reason: Arc::new(HaltReason::Store(reason)) }
}
