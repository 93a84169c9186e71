//! Waiting for a projector to come as far as a position.
//!
//! Waits are driven by commits. What a projector of this process has done is told by its runner;
//! what another process has done is looked up in its storage after each commit there, once for all
//! who wait.

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    Inner, Runtime,
    slot::{Live, Slot},
    status::State,
    watcher::Look,
};
use crate::{
    Checkpoint, EventSource, GlobalPosition, Halted, Letter, LetterQuery, RecordedState,
    StoreError, StoreErrorKind, StoreId, Token, WaitError, engine::handling_projector,
};

/// A storage may take so long to say what is parked, even where a wait has no time left.
const ONCE: Duration = Duration::from_secs(1);

impl<S: EventSource> Runtime<S> {
    /// Waits until a projector has applied the events of a token, in this process or another.
    ///
    /// The wait is woken by the projector's commits: by its runner, where it runs in this process,
    /// else by the storage ([`Storage::changes`](crate::Storage::changes)), which is looked at once
    /// for all who wait, and once a second for safety. A scanned position that no event matched is
    /// seen within a second.
    ///
    /// # Errors
    /// When the token is of another store, there is no such projector, it has halted before the
    /// events, the caller is one of its handlers, or the time is up: the events are stored all the
    /// same.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    pub async fn wait_for(
        &self,
        projector: &str,
        token: &Token,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        self.inner.check_token(token)?;
        let slot = self.inner.slot(projector)?;
        self.inner.wait_within(slot, token.first()..=token.last(), timeout).await
    }
}

impl<S: EventSource> Inner<S> {
    /// Makes sure that a token is of the events that the runtime reads.
    pub(super) fn check_token(&self, token: &Token) -> Result<(), WaitError> {
        let store = self.source.store_id();
        match token.store() == store {
            true => Ok(()),
            false => Err(WaitError::ForeignToken { token: token.store(), store }),
        }
    }
}

/// Makes sure that nobody waits inside a handler: it would hold up whom it waits for.
pub(super) fn check_place() -> Result<(), WaitError> {
    match handling_projector() {
        Some(projector) => Err(WaitError::InHandler { projector }),
        None => Ok(()),
    }
}

impl<S> Inner<S> {
    /// Waits until a projector has applied the events of a range, in this process or another.
    pub(super) async fn wait_within(
        &self,
        slot: &Arc<Slot>,
        events: RangeInclusive<GlobalPosition>,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        let began = Instant::now();
        self.wait_until(slot, *events.end(), timeout).await?;
        // What is left of the time, and enough to ask once.
        let left = timeout.saturating_sub(began.elapsed()).max(ONCE);
        tokio::time::timeout(left, self.check_letters(slot, events)).await.unwrap_or_else(|_| {
            let doing = "see within the time of the wait whether the events are parked";
            Err(StoreError::new(StoreErrorKind::Unavailable, doing).into())
        })
    }

    /// Makes sure that none of the events is parked.
    async fn check_letters(
        &self,
        slot: &Slot,
        events: RangeInclusive<GlobalPosition>,
    ) -> Result<(), WaitError> {
        if slot.shared.live.borrow().letters == 0 && is_here(slot, &slot.shared.live.borrow()) {
            return Ok(());
        }
        let before = events.start().get().saturating_sub(1);
        let query = LetterQuery::first(1).after(before.into());
        let letter = self.letters(slot, &query).await?.pop();
        let Some(letter) = letter.filter(|letter| letter.position <= *events.end()) else {
            return Ok(());
        };
        let first = match letter.failure {
            Some(_) => None,
            None => {
                let query = LetterQuery::first(1).of_key(letter.park_key.clone());
                self.letters(slot, &query).await?.pop()
            }
        };
        let reason = match (&letter.failure, &first) {
            (Some(failure), _) => format!("it is parked: {}", failure.error),
            (None, Some(Letter { position, failure: Some(failure), .. })) => {
                format!(
                    "it waits behind that at position {position}, which is parked: {}",
                    failure.error
                )
            }
            (None, _) => "it waits behind one that is parked".to_owned(),
        };
        let (projector, position) = (slot.name.clone(), letter.position);
        Err(WaitError::Parked { projector, position, reason })
    }

    /// Waits until a projector has come as far as a position.
    async fn wait_until(
        &self,
        slot: &Arc<Slot>,
        position: GlobalPosition,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        check_place()?;
        let began = Instant::now();
        let mut place = None;
        let waiting = self.wait(slot, position, &mut place);
        if let Ok(outcome) = tokio::time::timeout(timeout, waiting).await {
            return outcome;
        }
        // Also a wait without any time asks once.
        let place = match place {
            Some(place) => place,
            None => self.look(slot).await?,
        };
        if let Some(outcome) = place.verdict(slot, position) {
            return outcome;
        }
        let at = place.scanned();
        let (state, last_error) = place.doing();
        Err(WaitError::TimedOut {
            projector: slot.name.clone(),
            at,
            wanted: position,
            behind: position.get().saturating_sub(at.get()),
            waited: began.elapsed(),
            here: {
                let live = slot.shared.live.borrow();
                live.running && !live.stands_by
            },
            state,
            last_error,
        })
    }

    /// Waits without an end; leaves in `place` what was seen last.
    async fn wait(
        &self,
        slot: &Arc<Slot>,
        position: GlobalPosition,
        place: &mut Option<Place>,
    ) -> Result<(), WaitError> {
        let mut changes = slot.shared.live.subscribe();
        let mut looks = None;
        loop {
            let live = changes.borrow_and_update().clone();
            if is_here(slot, &live) {
                looks = None;
                if let Some(outcome) = place.insert(Place::here(live)).verdict(slot, position) {
                    return outcome;
                }
                // The sender lives in the slot, so a change never fails.
                let _ = changes.changed().await;
                continue;
            }
            let looks = looks.get_or_insert_with(|| self.watchers.join(slot.storage()));
            tokio::select! {
                biased;
                _ = changes.changed() => {}
                look = looks.next() => match self.place(slot, &look) {
                    Ok(there) => if let Some(outcome) = place.insert(there).verdict(slot, position) {
                        return outcome;
                    },
                    // The storage may come back before the time is up.
                    Err(error) if error.is_transient() => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }

    /// Looks once where a projector is.
    async fn look(&self, slot: &Slot) -> Result<Place, StoreError> {
        let live = slot.shared.live.borrow().clone();
        match is_here(slot, &live) {
            true => Ok(Place::here(live)),
            false => self.place(slot, &self.watchers.join(slot.storage()).next().await),
        }
    }

    /// Where a projector is by what its storage says.
    fn place(&self, slot: &Slot, look: &Look) -> Result<Place, StoreError> {
        let stored = look.of(&slot.key)?.cloned();
        let live = slot.shared.live.borrow().clone();
        Ok(Place {
            live,
            there: Some(There { stored, store: self.erased.store_id(), at: look.at }),
        })
    }
}

/// Tells whether the runner of this process knows best where a projector is.
fn is_here(slot: &Slot, live: &Live) -> bool {
    live.owns || slot.registration.is_per_process()
}

/// Where a projector was when it was last looked at.
struct Place {
    live: Live,
    /// Where no runner of this process owns the checkpoint.
    there: Option<There>,
}

/// What a storage says of a projector.
struct There {
    stored: Option<Checkpoint>,
    /// The event store that positions must be of.
    store: StoreId,
    /// When it said so, by its clock.
    at: Timestamp,
}

impl Place {
    fn here(live: Live) -> Self {
        Self { live, there: None }
    }

    fn scanned(&self) -> GlobalPosition {
        match &self.there {
            None => self.live.scanned,
            Some(there) => there.own().map_or(GlobalPosition::BEGINNING, |stored| stored.scanned),
        }
    }

    /// How a wait ends; `None` while it goes on.
    fn verdict(&self, slot: &Slot, position: GlobalPosition) -> Option<Result<(), WaitError>> {
        let at = self.scanned();
        if at >= position {
            return Some(Ok(()));
        }
        let stored = self.there.as_ref().and_then(|there| there.stored.as_ref());
        if self.live.ended_badly(stored)
            && let Some(halted) = &self.live.halted
        {
            return Some(Err(halted.clone().into()));
        }
        // A runner of this process that has yet to start tries the event once more.
        let reason = self.there.as_ref().filter(|_| !self.live.running)?.halted()?;
        Some(Err(WaitError::HaltedElsewhere { projector: slot.name.clone(), at, reason }))
    }

    /// What the projector does, as far as is known, and its last error.
    fn doing(&self) -> (Option<State>, Option<String>) {
        let there = self.there.as_ref();
        let stored = there.and_then(|there| Some((there.stored.as_ref()?, there.at)));
        match stored {
            Some((stored, at)) if !self.live.running || self.live.stands_by => {
                (Some(State::recorded(stored, at)), stored.last_error.clone())
            }
            _ => (self.live.state, self.live.last_error.clone()),
        }
    }
}

impl There {
    /// The checkpoint, if it is of this event store: the positions of another one mean nothing.
    fn own(&self) -> Option<&Checkpoint> {
        self.stored.as_ref().filter(|stored| stored.store == self.store)
    }

    /// Why the projector has halted, if it has.
    fn halted(&self) -> Option<String> {
        let stored = self.stored.as_ref()?;
        if stored.store != self.store {
            let (other, own) = (stored.store, self.store);
            return Some(format!(
                "diverged: its checkpoint is of event store {other}, and this one is {own}"
            ));
        }
        let unknown = || "its checkpoint does not say why".to_owned();
        (stored.state == RecordedState::Halted)
            .then(|| stored.last_error.clone().unwrap_or_else(unknown))
    }
}

/// Waits until a projector that runs in this process has come as far, or has halted. One that ends
/// before is waited for: whoever runs it next carries it on.
pub(super) async fn reach(slot: &Slot, position: GlobalPosition) -> Result<(), Halted> {
    let mut live = slot.shared.live.subscribe();
    // The sender lives in the slot, so the wait never fails.
    let has_ended = |live: &Live| live.halted.is_some() || live.has_reached(position);
    let ended = live.wait_for(has_ended).await;
    match ended.ok().and_then(|live| live.halted.clone()) {
        Some(halted) => Err(halted),
        None => Ok(()),
    }
}
