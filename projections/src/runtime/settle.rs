//! What is done about an event that failed: wait for the next attempt, or give it up.

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    batch::{Reading, Settled, full},
    end::End,
    failing::Next,
    owned::Owned,
    parking::letter,
    runner::{Goal, Runner, Stop},
    status::State,
};
use crate::{
    CheckpointWrite, Envelope, GlobalPosition, Letter, LetterChanges, LetterFailure, LetterQuery,
    OnFailure, Passed, RecordedState, letters::stored_key,
};

/// A run with an end does not wait for longer than so many attempts for what seems to be down.
const ATTEMPTS: u32 = 10;

impl Runner {
    /// Waits until a failing event is to be tried again, or gives it up.
    pub(super) async fn settle(
        &mut self,
        reading: &Reading<'_>,
        index: usize,
        stop: &mut Stop,
    ) -> Result<Settled, End> {
        let Some(failing) = &self.failing else { return Ok(Settled::Again) };
        match self.next_of(failing) {
            Next::Outage if self.goal != Goal::Forever && failing.attempts >= ATTEMPTS => {
                self.halt_at_failing().await?;
                Ok(Settled::Again)
            }
            next @ (Next::Again | Next::Outage) => {
                self.wait_for_retry(matches!(next, Next::Outage), stop).await
            }
            Next::Settle(OnFailure::Park) => self.park(reading, index).await,
            Next::Settle(OnFailure::Skip) => self.skip(reading, index).await,
            Next::Settle(OnFailure::Halt) => {
                self.halt_at_failing().await?;
                Ok(Settled::Again)
            }
        }
    }

    /// Waits for the next attempt, saying so. The stop ends it, and so does whoever asks for
    /// something.
    async fn wait_for_retry(&mut self, outage: bool, stop: &mut Stop) -> Result<Settled, End> {
        let Some(failing) = &self.failing else { return Ok(Settled::Again) };
        let (due, text) = (failing.due, self.retry_text(outage));
        if due <= Instant::now() {
            return Ok(Settled::Again);
        }
        let own = self.owned_mut()?;
        own.next.state = RecordedState::Retrying;
        own.next.last_error = Some(text.clone());
        let requests = self.requests_arrive();
        tokio::pin!(requests);
        loop {
            // It shows others that the owner is alive.
            self.save().await?;
            self.shared.live.send_modify(|live| {
                live.state = Some(State::Retrying);
                live.last_error = Some(text.clone());
            });
            let save_at = self.due(self.owned()?);
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return Ok(Settled::Interrupted),
                // What is asked for is in lists, which are looked at before the next page.
                () = self.shared.asked.notified() => return Ok(Settled::Interrupted),
                () = tokio::time::sleep_until(due) => return Ok(Settled::Again),
                () = tokio::time::sleep_until(save_at) => {}
                () = &mut requests => return Ok(Settled::Interrupted),
            }
        }
    }

    fn retry_text(&self, outage: bool) -> String {
        let Some(failing) = &self.failing else { return String::new() };
        let wait = failing.due.saturating_duration_since(Instant::now());
        let at = Timestamp::now().saturating_add(wait).unwrap_or(Timestamp::MAX);
        let why = if outage {
            "; what the handlers need seems to be down, so nothing is given up"
        } else {
            ""
        };
        format!(
            "attempt {} failed{why}, the next one is at {at:.0}: {}",
            failing.attempts,
            failing.text()
        )
    }

    /// Parks a failing event and with it its key, in one transaction with the checkpoint.
    async fn park(&mut self, reading: &Reading<'_>, index: usize) -> Result<Settled, End> {
        let options = self.registration.options;
        if let Some(cap) = self.parked.full(options.park) {
            self.failing = None;
            return Err(full(reading.page, index, cap).into());
        }
        let mut event = Envelope::new(reading.page.clone(), index);
        event.move_to(index, self.mark_at(event.position())?);
        let key = stored_key(self.registration.park_by().key(&event)).into_owned();
        let letter = letter(&event, key, self.letter_failure());
        let changes = LetterChanges {
            put: vec![letter.clone()],
            remove: self.met_again_behind(&letter).await?,
            ..LetterChanges::default()
        };
        self.give_up(reading, index, changes).await?;
        self.tell_parked(&letter);
        self.expect_failures();
        Ok(Settled::GivenUp)
    }

    /// The letters of a key that are after a new one: only a replay comes to an event before them.
    /// It goes on to their events, which then wait behind this one, and to those between that had been
    /// applied.
    async fn met_again_behind(&mut self, letter: &Letter) -> Result<Vec<GlobalPosition>, End> {
        if !self.parked.is_after(letter) {
            return Ok(Vec::new());
        }
        let query = LetterQuery::first(usize::MAX).of_key(&*letter.park_key);
        let letters = self.engine.letters(&self.key, query.after(letter.position)).await?;
        Ok(letters.iter().map(|letter| letter.position).collect())
    }

    /// Leaves a failing event out, counted.
    async fn skip(&mut self, reading: &Reading<'_>, index: usize) -> Result<Settled, End> {
        let failure = self.letter_failure();
        let passed = Passed { skipped: 1, ..Passed::default() };
        self.give_up(reading, index, LetterChanges { passed, ..LetterChanges::default() }).await?;
        let position = reading.page.record(index).position;
        if self.registration.is_in_process() {
            self.dropped.insert(position); // a replay leaves it out, too
        }
        tracing::error!(
            projector = &*self.name,
            position = position.get(),
            error = failure.as_ref().map(|failure| &*failure.error),
            "an event is skipped, as `on_failure = \"skip\"` says"
        );
        Ok(Settled::GivenUp)
    }

    /// Moves past a failing event.
    async fn give_up(
        &mut self,
        reading: &Reading<'_>,
        index: usize,
        letters: LetterChanges,
    ) -> Result<(), End> {
        let next = self.after(reading, index)?;
        let stored = self.owned()?.stored;
        let mut write = CheckpointWrite::new(self.key.clone(), Some(stored), next.clone());
        write.letters = letters.clone();
        let began = Instant::now();
        self.engine.save(write).await?;
        // What is certain says nothing of what its handler needs.
        if let Some(failing) = self.failing.take().filter(|failing| !failing.is_certain) {
            self.streak.add(&failing.stream);
        }
        // Before those are woken who wait for the event: it is not applied.
        self.parked.change(&letters);
        self.show_parked();
        self.own = Some(Owned::new(next, began));
        self.recovered();
        Ok(())
    }

    fn letter_failure(&self) -> Option<LetterFailure> {
        let failing = self.failing.as_ref()?;
        Some(LetterFailure {
            attempts: failing.attempts,
            error: LetterFailure::cut(failing.error()),
            first_at: failing.first_at,
            last_at: failing.last_at,
        })
    }

    /// Shows how much is parked.
    pub(super) fn show_parked(&self) {
        let (_, letters) = self.parked.counts();
        self.shared.live.send_modify(|live| live.letters = letters);
    }
}
