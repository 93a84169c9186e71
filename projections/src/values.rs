//! What handlers return, on its way to a caller who waits for it.
//!
//! A caller claims the values of its events by their ids before it appends them, because their
//! projector may be faster than the append's answer. Where nobody has a claim, nothing is kept and
//! nothing is serialized: a batch then costs one look at an empty table more.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;

use crate::{EventId, Page};

/// What a handler returned, or why that cannot be handed over.
pub(crate) type Returned = Result<Value, String>;

/// The events of one projector whose values somebody waits for.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    events: Mutex<HashMap<EventId, Awaited>>,
}

#[derive(Debug, Default)]
struct Awaited {
    /// An append may be repeated while it is waited for.
    claims: usize,
    returned: Option<Returned>,
}

impl Wanted {
    /// Claims the values of events that are about to be appended.
    pub(crate) fn claim(self: &Arc<Self>, events: Vec<EventId>) -> Claim {
        let mut awaited = lock(&self.events);
        for event in &events {
            awaited.entry(*event).or_default().claims += 1;
        }
        drop(awaited);
        Claim { wanted: Arc::clone(self), events }
    }

    /// The claimed ones among the events of a page, if there are any.
    pub(crate) fn among(&self, page: &Page, events: &Range<usize>) -> Option<Arc<Values>> {
        let awaited = lock(&self.events);
        if awaited.is_empty() {
            return None;
        }
        let is_awaited = |index: &usize| awaited.contains_key(&page.details(*index).id);
        let indexes: Vec<_> = events.clone().filter(is_awaited).collect();
        (!indexes.is_empty()).then(|| Arc::new(Values { indexes, returned: Mutex::default() }))
    }

    /// Hands over what the handlers of a page have returned, once it is committed.
    pub(crate) fn deliver(&self, page: &Page, values: &Values) {
        let mut awaited = lock(&self.events);
        for (index, returned) in std::mem::take(&mut *lock(&values.returned)) {
            // Whoever wanted it may have gone.
            if let Some(awaited) = awaited.get_mut(&page.details(index).id) {
                awaited.returned = Some(returned);
            }
        }
    }
}

/// A claim on the values of some events, until it is dropped.
pub(crate) struct Claim {
    wanted: Arc<Wanted>,
    events: Vec<EventId>,
}

impl Claim {
    /// The values that have come so far, in the order of the events.
    pub(crate) fn values(&self) -> Result<Vec<Value>, String> {
        let awaited = lock(&self.wanted.events);
        let of = |event: &EventId| awaited.get(event)?.returned.clone();
        self.events.iter().filter_map(of).collect()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut awaited = lock(&self.wanted.events);
        for event in &self.events {
            if let Some(entry) = awaited.get_mut(event) {
                entry.claims -= 1;
                if entry.claims == 0 {
                    awaited.remove(event);
                }
            }
        }
    }
}

/// What the handlers of a batch return for the claimed ones among its events.
#[derive(Debug)]
pub(crate) struct Values {
    /// The claimed events of the page, ascending.
    indexes: Vec<usize>,
    returned: Mutex<BTreeMap<usize, Returned>>,
}

impl Values {
    /// Forgets what was returned: the batch is handled anew.
    pub(crate) fn clear(&self) {
        lock(&self.returned).clear();
    }

    pub(crate) fn is_wanted(&self, index: usize) -> bool {
        self.indexes.binary_search(&index).is_ok()
    }

    /// Keeps what the handler of an event has returned, in place of what it has before.
    pub(crate) fn keep(&self, index: usize, returned: Returned) {
        lock(&self.returned).insert(index, returned);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind these locks is whole between any two statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
