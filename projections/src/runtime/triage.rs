//! Parking inside a batch: events that fail for good while others of the batch do not.
//!
//! An event parks by itself first, as [`settle`](super::settle) says. Where that has just happened
//! more are expected to fail, and the next batches are handled so that they can go on without them.

use std::{error::Error as StdError, fmt, sync::Arc};

use jiff::Timestamp;

use super::{failing::verdict, parking::letter, runner::Runner};
use crate::{
    Envelope, GlobalPosition, HandleError, Letter, LetterFailure, ParkBy, ParkCaps, Verdict,
    engine::{Aside, Failed, Triage},
    error::chain,
    failure::Classify,
    letters::stored_key,
};

/// So many batches without a failure, and no more are expected.
const CALM: u32 = 64;

/// Parks what is certain to fail whenever it is tried, and nothing else.
struct ParkAtOnce {
    park_by: ParkBy,
    caps: ParkCaps,
    /// How much is parked when the batch is committed, without what fails in it.
    keys: u64,
    letters: u64,
    effects_mark: GlobalPosition,
    classify: Option<Arc<Classify>>,
}

impl fmt::Debug for ParkAtOnce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParkAtOnce").field("caps", &self.caps).finish_non_exhaustive()
    }
}

impl Triage for ParkAtOnce {
    fn put_aside(&self, failed: Failed<'_>, aside: &mut Aside) -> bool {
        if !is_certain(self.classify.as_deref(), &failed) {
            return false;
        }
        let before = (aside.letters.len(), aside.indexes.len());
        let is_aside = self.park(failed, aside);
        if !is_aside {
            aside.letters.truncate(before.0);
            aside.indexes.truncate(before.1);
        }
        is_aside
    }
}

impl ParkAtOnce {
    /// Writes the letters of an event and of those that wait behind it; false where more would be
    /// parked than may be.
    fn park(&self, failed: Failed<'_>, aside: &mut Aside) -> bool {
        let Failed { page, index, rest, error, .. } = failed;
        let parked = aside.letters.iter().filter(|letter| letter.failure.is_some()).count() as u64;
        let letters = self.letters + aside.letters.len() as u64;
        if self.keys + parked >= self.caps.keys || self.caps.full_in_all(letters).is_some() {
            return false;
        }
        let mut event = Envelope::new(page.clone(), index);
        event.move_to(index, self.effects_mark);
        let key = stored_key(self.park_by.key(&event)).into_owned();
        aside.letters.push(letter(&event, key.clone(), Some(failure(error))));
        aside.indexes.push(index);
        let mut waiting = 1;
        for index in rest {
            event.move_to(index, self.effects_mark);
            if *stored_key(self.park_by.key(&event)) != *key {
                continue;
            }
            let letters = self.letters + aside.letters.len() as u64;
            if self.caps.full_of(waiting, letters).is_some() {
                return false;
            }
            waiting += 1;
            aside.letters.push(letter(&event, key.clone(), None));
            aside.indexes.push(index);
        }
        true
    }
}

/// Whether the event itself is at fault: it is then tried no second time, and nothing that its
/// handler needs can be down.
fn is_certain(classify: Option<&Classify>, failed: &Failed<'_>) -> bool {
    let said = |error: &(dyn StdError + 'static)| (failed.said)(error);
    !matches!(failed.error, HandleError::Unregistered { .. })
        && verdict(failed.error, classify, &said) == (Verdict::Permanent, true)
}

fn failure(error: &HandleError) -> LetterFailure {
    let now = Timestamp::now();
    let error = LetterFailure::cut(chain(error));
    LetterFailure { attempts: 1, error, first_at: now, last_at: now }
}

impl Runner {
    /// An event was parked: more may fail soon.
    pub(super) fn expect_failures(&mut self) {
        self.rough = CALM;
    }

    /// What decides about events that fail in a batch, where such are expected. So many letters are
    /// committed with it in any case.
    pub(super) fn triage(&self, waiting: usize) -> Option<Arc<dyn Triage>> {
        if self.rough == 0 || self.failing.is_some() || self.singly.is_some() {
            return None;
        }
        let (keys, letters) = self.parked.counts();
        Some(Arc::new(ParkAtOnce {
            park_by: self.registration.park_by(),
            caps: self.registration.options.park,
            keys,
            letters: letters + waiting as u64,
            effects_mark: self.own.as_ref()?.next.effects_mark,
            classify: self.classify.clone(),
        }))
    }

    /// A batch is committed: takes in what was parked on the way.
    pub(super) fn settle_aside(&mut self, aside: &Aside) {
        if aside.letters.is_empty() {
            self.rough = self.rough.saturating_sub(1);
            return;
        }
        self.expect_failures();
        self.parked.add(&aside.letters);
        for letter in aside.letters.iter().filter(|letter| letter.failure.is_some()) {
            self.tell_parked(letter);
        }
        self.show_parked();
    }

    /// Says that an event is parked; of those that wait nothing is said.
    pub(super) fn tell_parked(&self, letter: &Letter) {
        let Letter { stream, position, failure: Some(failure), .. } = letter else { return };
        tracing::error!(
            projector = &*self.name,
            position = position.get(),
            stream,
            error = &*failure.error,
            "an event is parked, and the later ones of its key wait"
        );
    }
}
