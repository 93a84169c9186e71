//! [`DeadLetters`]: what is parked, and what somebody may do about it.

use std::{fmt, sync::Arc};

use super::{
    Runtime,
    redrive::{Order, Verb, before},
    requests::{Code, Command, Done, Outcome, PACE},
    runner::Goal,
    slot::Slot,
    status::{self, State},
};
use crate::{
    CommandError, Envelope, EventSource, Filter, GlobalPosition, Halted, Letter, LetterQuery,
    Parking, ReadError, ReadRequest, RebuildError, RecordedState, StoreError, StoreErrorKind,
    UnknownProjector, lease::is_over, letters::stored_key,
};

/// The dead letters of one projector: [`Runtime::dead_letters`].
///
/// An event that cannot be applied is parked, and with it its key: by default its stream. Later
/// events of the key wait behind it. Once the handlers are repaired, [`redrive`](Self::redrive)
/// applies them, late.
pub struct DeadLetters<S> {
    runtime: Runtime<S>,
    slot: Arc<Slot>,
    code: Code,
}

impl<S> fmt::Debug for DeadLetters<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetters").field("projector", &self.slot.name).finish_non_exhaustive()
    }
}

/// Which letters are meant.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Chosen {
    /// All of them.
    All,
    /// That of the event at this position.
    Event(GlobalPosition),
    /// Those of this key: by default the name of a stream.
    Key(String),
}

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("anything"),
            Self::Event(position) => write!(f, "the event at position {position}"),
            Self::Key(key) => write!(f, "`{}`", key.escape_debug()),
        }
    }
}

/// What was done about letters.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Handled {
    /// Events that are applied now. Of a read model in process they are on their way: it is
    /// replayed.
    pub applied: u64,
    /// Events that were let go of.
    pub discarded: u64,
    /// Events that failed once more: one a key, behind which its later events go on waiting.
    pub failed: Vec<Letter>,
    /// Letters that there are now.
    pub left: u64,
}

/// Letters could not be redriven or discarded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedriveError {
    /// The owner of the projector could not be asked, or has refused.
    #[error(transparent)]
    Command(CommandError),
    /// The projector halted meanwhile. What was done before is done.
    #[error(transparent)]
    Halted(#[from] Halted),
    /// The event waits behind another one.
    #[error(
        "the event at position {position} waits behind that at position {first}: redrive that one, or discard it"
    )]
    NotFirst {
        /// The event's position.
        position: GlobalPosition,
        /// That of the first event of its key.
        first: GlobalPosition,
    },
    /// What is meant is not parked.
    #[error("projector `{projector}` has not parked {what}")]
    NotParked {
        /// The projector.
        projector: String,
        /// What was meant.
        what: String,
    },
    /// The letters could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<S: EventSource> Runtime<S> {
    /// Returns the dead letters of a projector.
    ///
    /// # Errors
    /// When there is no such projector.
    pub fn dead_letters(&self, projector: &str) -> Result<DeadLetters<S>, UnknownProjector> {
        let slot = Arc::clone(self.inner.slot(projector)?);
        Ok(DeadLetters { runtime: self.clone(), slot, code: Code::Same })
    }
}

impl From<CommandError> for RedriveError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Halted(halted) => Self::Halted(halted),
            CommandError::Store(error) => Self::Store(error),
            error => Self::Command(error),
        }
    }
}

impl<S: EventSource> DeadLetters<S> {
    /// Lets this program redrive and discard where nobody runs the projector, also if it is of other
    /// code than the read model: events that are applied now are applied by this code.
    #[must_use]
    pub fn with_this_code(self) -> Self {
        Self { code: Code::This, ..self }
    }

    #[cfg(feature = "cli")]
    pub(crate) fn by(self, with_this_code: bool) -> Self {
        if with_this_code { self.with_this_code() } else { self }
    }

    /// Reads letters, in the order of their positions.
    ///
    /// # Errors
    /// When the storage cannot be read.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    pub async fn list(&self, query: &LetterQuery) -> Result<Vec<Letter>, StoreError> {
        self.runtime.inner.letters(&self.slot, query).await
    }

    /// Counts what is parked, and what was passed on somebody's word.
    ///
    /// # Errors
    /// When the storage cannot be read.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    pub async fn counts(&self) -> Result<Parking, StoreError> {
        status::parking(&self.slot, &self.runtime.inner.storages).await
    }

    /// Reads the event of a letter from the log, with its payload; `None` where the log no longer
    /// holds it.
    ///
    /// # Errors
    /// When the log cannot be read.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    pub async fn event(&self, letter: &Letter) -> Result<Option<Envelope>, StoreError> {
        let everything = Filter::all();
        let after = letter.position.get().saturating_sub(1).into();
        let request = ReadRequest::new(after, &everything).at_most(1, usize::MAX);
        let page = self.runtime.inner.erased.read(request).await.map_err(|error| match error {
            ReadError::Store(error) => error,
            diverged => StoreError::new(StoreErrorKind::Other, "read the event of a dead letter")
                .with_source(diverged),
        })?;
        Ok(page.events().next().filter(|event| event.id() == letter.event))
    }

    /// Applies parked events and those that wait behind them, in order within each key, until one
    /// fails again. Each is applied in one transaction with the removal of its letter, late:
    /// [`Envelope::is_redriven`] tells. Where handlers of different keys depend on each other's
    /// order, [`redrive_by_rebuild`](Self::redrive_by_rebuild) is the exact repair.
    ///
    /// Whichever process runs the projector does it, with that one's code, between two batches; this
    /// one, where none does. A paused projector stays paused.
    ///
    /// # Errors
    /// When there is no such letter, when the projector halts, or when nobody runs it and this program
    /// is of other code than its read model. What was applied before stays so.
    ///
    /// # Cancel safety
    /// A call that is dropped may be carried out all the same, each letter once.
    pub async fn redrive(&self, chosen: Chosen) -> Result<Handled, RedriveError> {
        self.order(Verb::Redrive, &chosen).await
    }

    /// Lets go of parked events for good, counted and logged. After that of one event those that
    /// waited behind it are applied.
    ///
    /// # Errors
    /// As [`redrive`](Self::redrive).
    ///
    /// # Cancel safety
    /// As [`redrive`](Self::redrive).
    pub async fn discard(&self, chosen: Chosen) -> Result<Handled, RedriveError> {
        self.order(Verb::Discard, &chosen).await
    }

    /// Rebuilds the read model with the repaired handlers: all events in their order, as if none
    /// had ever failed.
    ///
    /// # Errors
    /// As [`Runtime::rebuild`].
    ///
    /// # Cancel safety
    /// As [`Runtime::rebuild`].
    pub async fn redrive_by_rebuild(&self) -> Result<(), RebuildError> {
        self.rebuild_by(Code::This).await
    }

    pub(crate) async fn rebuild_by(&self, code: Code) -> Result<(), RebuildError> {
        self.runtime.rebuild_by(&self.slot.name, code).await
    }

    async fn order(&self, verb: Verb, chosen: &Chosen) -> Result<Handled, RedriveError> {
        let order = self.meant(verb, chosen).await?;
        let inner = &self.runtime.inner;
        // What this process alone has, and where no other process can be asked.
        if self.slot.registration.is_per_process()
            || inner.storages.requests(self.slot.storage()).is_none()
        {
            return self.by_this_process(&order).await;
        }
        let command = match verb {
            Verb::Redrive => Command::Redrive,
            Verb::Discard => Command::Discard,
        };
        let outcome = inner.command(&self.slot, command, &order, self.code).await?;
        self.handled(outcome).await
    }

    /// Finds out which key is meant, and that it is parked.
    async fn meant(&self, verb: Verb, chosen: &Chosen) -> Result<Order, RedriveError> {
        let (key, event) = match chosen {
            Chosen::All => return Ok(Order { verb, key: None, event: None }),
            Chosen::Key(key) => (Some(stored_key(key).into_owned()), None),
            Chosen::Event(position) => {
                (self.at(*position).await?.map(|it| it.park_key), Some(*position))
            }
        };
        let first = match &key {
            Some(key) => self.list(&LetterQuery::first(1).of_key(key)).await?.pop(),
            None => None,
        };
        match (first.map(|first| first.position), event) {
            (None, _) => Err(RedriveError::NotParked {
                projector: self.slot.name.clone(),
                what: chosen.to_string(),
            }),
            (Some(first), Some(position)) if verb == Verb::Redrive && first < position => {
                Err(RedriveError::NotFirst { position, first })
            }
            _ => Ok(Order { verb, key, event }),
        }
    }

    /// Reads the letter of the event at a position.
    async fn at(&self, position: GlobalPosition) -> Result<Option<Letter>, StoreError> {
        let found = self.list(&LetterQuery::first(1).after(before(position))).await?.pop();
        Ok(found.filter(|letter| letter.position == position))
    }

    /// Has the runner of this process do it, or starts it for nothing else.
    async fn by_this_process(&self, order: &Order) -> Result<Handled, RedriveError> {
        loop {
            self.may_be_done_here().await?;
            let mut answer = self.slot.shared.order(order.clone());
            loop {
                tokio::select! {
                    biased;
                    answer = &mut answer => match answer {
                        Ok(handled) => return Ok(handled),
                        Err(_) => break,
                    },
                    mut runner = Arc::clone(&self.slot.runner).lock_owned() => {
                        // Between the check and the lock somebody else may have taken it.
                        self.may_be_done_here().await?;
                        let (_stop, stopped) = tokio::sync::watch::channel(false);
                        let seen = self.slot.shared.live.borrow().scanned;
                        runner.run(Goal::Asked, false, stopped.clone()).await?;
                        // State in process is replayed for it, up to where it was.
                        if self.slot.registration.is_in_process() {
                            runner.run(Goal::To(seen), false, stopped).await?;
                        }
                    }
                    // The runner of this process may stand by for somebody who has started since.
                    () = tokio::time::sleep(PACE) => self.may_be_done_here().await?,
                }
            }
        }
    }

    /// Makes sure that no other process has the projector, where none can be asked, and that this code
    /// may do it, where this process does not run it either.
    async fn may_be_done_here(&self) -> Result<(), RedriveError> {
        let (slot, inner) = (&self.slot, &self.runtime.inner);
        if slot.registration.is_per_process() {
            return Ok(());
        }
        let projector = || slot.name.clone();
        let stored = inner.storages.checkpoint(slot.storage(), &slot.key).await?;
        let Some(stored) = stored else {
            return Err(CommandError::NeverRan { projector: projector() }.into());
        };
        if stored.state == RecordedState::Inline {
            return Err(CommandError::Inline { projector: projector() }.into());
        }
        match stored.lease.as_ref().map(|lease| lease.owner) {
            Some(owner) if owner == inner.ownership.owner => Ok(()),
            Some(owner) if !is_over(owner, &slot.key) => {
                let storage = inner.storages.label(slot.storage()).to_owned();
                Err(CommandError::Unsupported { projector: projector(), storage }.into())
            }
            // A runner that stands aside as stale code does nothing, whoever says that it may.
            _ if self.code == Code::Same
                || slot.shared.live.borrow().state == Some(State::StaleCode) =>
            {
                Ok(inner.candidate(slot).is_of_this_code(&stored)?)
            }
            _ => Ok(()),
        }
    }

    /// What an owner has done, with the letters of what failed again.
    async fn handled(&self, outcome: Outcome) -> Result<Handled, RedriveError> {
        let Done { applied, discarded, left, failed: positions } =
            outcome.letters.unwrap_or_default();
        let mut failed = Vec::new();
        for position in positions {
            // Somebody else may have redriven it since.
            failed.extend(self.at(position).await?);
        }
        Ok(Handled { applied, discarded, failed, left })
    }
}

impl<S> super::Inner<S> {
    /// Reads letters of a projector, wherever they are.
    pub(super) async fn letters(
        &self,
        slot: &Slot,
        query: &LetterQuery,
    ) -> Result<Vec<Letter>, StoreError> {
        match &slot.letters {
            Some(letters) => Ok(letters.open().read(query)),
            None if slot.registration.is_live() => Ok(Vec::new()),
            None => self.storages.letters(slot.storage(), &slot.key, query).await,
        }
    }
}
