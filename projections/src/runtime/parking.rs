//! [`Parked`]: which keys are parked, and what that means for the events of a page.

use std::{
    collections::{BTreeSet, HashMap},
    ops::Range,
};

use super::{
    end::End,
    runner::{Goal, Runner},
};
use crate::{
    Envelope, Filter, GlobalPosition, HaltReason, Letter, LetterChanges, LetterFailure, Page,
    ParkBy, ParkCaps, ParkedKey, ReadRequest, letters::stored_key,
};

/// Of so many parked keys it is seen at a start whether this code gives them, too: as many as there
/// may be unless the cap is raised.
const COMPARED: usize = 1_000;

/// The keys that are parked, as committed. Their letters are in the storage.
#[derive(Debug, Default)]
pub(super) struct Parked {
    keys: HashMap<String, Queue>,
    letters: u64,
}

/// The letters of a key, in numbers.
#[derive(Clone, Copy, Debug)]
struct Queue {
    first: GlobalPosition,
    last: GlobalPosition,
    letters: u64,
}

/// What of some events is not for the handlers, because it waits.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Their indexes in the page.
    pub(super) indexes: Vec<usize>,
    /// Those that have no letter yet.
    pub(super) letters: Vec<Letter>,
    /// The first event that may not wait, because as many do as may, and which cap that is.
    pub(super) full: Option<(usize, String)>,
}

impl Parked {
    pub(super) fn of(keys: Vec<ParkedKey>) -> Self {
        let letters = keys.iter().map(|key| key.letters).sum();
        let queue = |key: ParkedKey| {
            let ParkedKey { park_key, first, last, letters } = key;
            (park_key, Queue { first, last, letters })
        };
        Self { keys: keys.into_iter().map(queue).collect(), letters }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many keys are parked, and how many letters there are.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.keys.len() as u64, self.letters)
    }

    /// The keys that are parked.
    pub(super) fn keys(&self) -> Vec<String> {
        let mut keys: Vec<_> = self.keys.iter().collect();
        keys.sort_by_key(|(_, queue)| queue.first);
        keys.into_iter().map(|(key, _)| key.clone()).collect()
    }

    /// The first position that is parked.
    pub(super) fn first(&self) -> Option<GlobalPosition> {
        self.keys.values().map(|queue| queue.first).min()
    }

    /// Finds the events that wait. State in process is replayed: what is before the first letter of
    /// its key is applied, what has a letter gets no second one, and what was dropped is left out and
    /// gets none.
    pub(super) fn waiting(
        &self,
        page: &Page,
        events: Range<usize>,
        park_by: ParkBy,
        caps: ParkCaps,
        effects_mark: GlobalPosition,
        dropped: &BTreeSet<GlobalPosition>,
    ) -> Waiting {
        let mut waiting = Waiting::default();
        if self.is_empty() && dropped.is_empty() {
            return waiting;
        }
        let mut envelope = Envelope::new(page.clone(), events.start);
        let mut added = HashMap::<&str, u64>::new();
        for index in events {
            envelope.move_to(index, effects_mark);
            if dropped.contains(&envelope.position()) {
                waiting.indexes.push(index);
                continue;
            }
            let key = stored_key(park_by.key(&envelope));
            let Some((key, queue)) = self.keys.get_key_value(&*key) else { continue };
            if envelope.position() < queue.first {
                continue;
            }
            if envelope.position() > queue.last {
                let more = added.entry(key).or_default();
                let full = caps
                    .full_of(queue.letters + *more, self.letters + waiting.letters.len() as u64);
                if let Some(cap) = full {
                    waiting.full = Some((index, cap));
                    return waiting;
                }
                *more += 1;
                waiting.letters.push(letter(&envelope, key.clone(), None));
            }
            waiting.indexes.push(index);
        }
        waiting
    }

    /// Which cap forbids to park one more key, if one does.
    pub(super) fn full(&self, caps: ParkCaps) -> Option<String> {
        if self.keys.len() as u64 >= caps.keys {
            return Some(format!("{} keys are parked already, which is the cap `keys`", caps.keys));
        }
        caps.full_in_all(self.letters)
    }

    /// Takes in letters that are committed.
    pub(super) fn add(&mut self, letters: &[Letter]) {
        for letter in letters {
            let position = letter.position;
            let queue = self.keys.entry(letter.park_key.clone()).or_insert(Queue {
                first: position,
                last: position,
                letters: 0,
            });
            queue.last = position;
            queue.letters += 1;
            self.letters += 1;
        }
    }

    /// Whether a letter of its key is parked that comes after one that is to be.
    pub(super) fn is_after(&self, letter: &Letter) -> bool {
        self.keys.get(&letter.park_key).is_some_and(|queue| queue.last > letter.position)
    }

    /// Takes in what is committed of an event that failed: where letters are removed, it parks their
    /// key anew, which begins with it.
    pub(super) fn change(&mut self, changes: &LetterChanges) {
        if !changes.remove.is_empty() {
            for letter in &changes.put {
                let queue = self.keys.remove(&letter.park_key);
                self.letters -= queue.map_or(0, |queue| queue.letters);
            }
        }
        self.add(&changes.put);
    }

    /// Takes a letter out that is there no longer.
    pub(super) fn remove(&mut self, letter: &Letter) {
        let Some(queue) = self.keys.get_mut(&letter.park_key) else { return };
        self.letters -= 1;
        queue.letters -= 1;
        if queue.first == letter.position {
            queue.first = letter.position.next();
        }
        if queue.letters == 0 {
            self.keys.remove(&letter.park_key);
        }
    }
}

impl Runner {
    /// Refuses to go on where this code gives parked events other keys than they were parked by: later
    /// events of their streams would pass those that wait. Whoever was asked to redrive or discard
    /// them applies nothing else.
    pub(super) async fn parks_as_before(&mut self, parked: &[ParkedKey]) -> Result<(), End> {
        if self.goal == Goal::Asked || self.registration.is_in_process() {
            return Ok(());
        }
        let park_by = self.registration.park_by();
        for ParkedKey { park_key, first, .. } in parked.iter().take(COMPARED) {
            let (everything, after) = (Filter::all(), first.get().saturating_sub(1).into());
            let request = ReadRequest::new(after, &everything).at_most(1, usize::MAX);
            let page = self.source.read(request).await?;
            // One that the log no longer holds says nothing of its key.
            let event = page.events().next().filter(|event| event.position() == *first);
            if event.is_some_and(|event| *stored_key(park_by.key(&event)) != **park_key) {
                let keys = parked.len();
                let reason = format!(
                    "`park_by` or `#[park_key]` changed while {keys} keys are parked, and later events would pass those that wait; redrive or discard what is parked, or rebuild the projector"
                );
                return Err(HaltReason::StaleCode { reason }.into());
            }
        }
        Ok(())
    }
}

impl ParkCaps {
    /// Which cap forbids one more letter of a key that has so many, if one does. The first of them
    /// does not wait: it is what the others wait for.
    pub(super) fn full_of(self, letters_of_key: u64, letters: u64) -> Option<String> {
        if letters_of_key > self.per_key {
            let most = self.per_key;
            return Some(format!(
                "{most} events of its key wait already, which is the cap `per_key`"
            ));
        }
        self.full_in_all(letters)
    }

    pub(super) fn full_in_all(self, letters: u64) -> Option<String> {
        let most = self.total;
        (letters >= most)
            .then(|| format!("{most} events are parked or wait already, which is the cap `total`"))
    }
}

/// The letter of an event.
pub(super) fn letter(event: &Envelope, park_key: String, failure: Option<LetterFailure>) -> Letter {
    Letter {
        position: event.position(),
        event: event.id(),
        name: event.name().to_owned(),
        domain: event.domain().to_owned(),
        stream: event.stream().to_owned(),
        stream_position: event.stream_position(),
        park_key,
        replay: event.is_replay(),
        failure,
    }
}
