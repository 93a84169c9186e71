//! One page into the read model: whole, or, when an event fails, around that event.

use std::{
    ops::Range,
    sync::{Arc, atomic::AtomicU64},
};

use tokio::time::Instant;

use super::{
    end::End,
    observe::read,
    owned::Owned,
    parking::Waiting,
    runner::{Runner, Stop},
};
use crate::{
    BoxError, Checkpoint, CheckpointWrite, GlobalPosition, HaltReason, HandleError, Page, Scanned,
    engine::{Applied, Batch, Target},
    error::chain,
};

/// A page on its way into the read model.
pub(super) struct Reading<'a> {
    pub(super) page: &'a Page,
    targets: Arc<[Target]>,
    scanned: Scanned,
}

/// What became of a page.
pub(super) enum Progress {
    /// All of it is applied, parked or left out.
    Whole,
    /// It was ended by the stop or by a request: what is left of it is to be read again.
    Partly,
}

/// Why events were not applied.
enum Fault {
    /// The event with this index in the page failed.
    Event(usize, HandleError),
    /// One of them did.
    Unclear(BoxError),
}

impl Runner {
    /// Applies a page; while it is applied the next one is read, where there is likely to be one.
    pub(super) async fn apply_and_read_on(
        &mut self,
        page: &Page,
        scanned: Scanned,
        stop: &mut Stop,
    ) -> Result<Option<Page>, End> {
        if page.len() < self.batch.events as usize {
            self.apply(page, scanned, stop).await?;
            return Ok(None);
        }
        let (source, filter) = (Arc::clone(&self.source), self.filter.clone());
        let shared = Arc::clone(&self.shared);
        let next = read(&shared.observed, source, &filter, self.batch, Some(scanned));
        let (applied, next) = tokio::join!(self.apply(page, scanned, stop), next);
        match applied? {
            Progress::Whole => Ok(Some(next?)),
            Progress::Partly => Ok(None),
        }
    }

    /// Applies the events of a page. When one fails, those before it commit, and it is tried by
    /// itself until it is applied or given up.
    async fn apply(
        &mut self,
        page: &Page,
        scanned: Scanned,
        stop: &mut Stop,
    ) -> Result<Progress, End> {
        let effects_mark = self.owned()?.next.effects_mark;
        let targets = self.routing.targets(page, effects_mark);
        let reading = Reading { page, targets, scanned };
        // What a source hands out again is passed over.
        let mut from = page.first_after(self.owned()?.next.scanned);
        let first = from;
        while from < page.len() {
            // A page may hold many batches.
            if *stop.borrow() || (from > first && self.shared.is_asked()) {
                return Ok(Progress::Partly);
            }
            self.forget_vanished(page.record(from).position);
            if self.is_failing_at(page, from) {
                match self.settle(&reading, from, stop).await? {
                    Settled::Again => {}
                    Settled::GivenUp => {
                        from += 1;
                        continue;
                    }
                    Settled::Interrupted => return Ok(Progress::Partly),
                }
            }
            let to = self.end_of_batch(&reading, from);
            let (to, waiting) = self.make_way(page, from..to)?;
            match self.apply_events(&reading, from..to, waiting).await? {
                Ok(()) => from = to,
                Err(fault) => self.take_note(page, from..to, fault)?,
            }
        }
        Ok(Progress::Whole)
    }

    /// Where the next batch of a page ends: a failing event, and one whose handler does what cannot
    /// be taken back, has a batch of its own.
    fn end_of_batch(&self, Reading { page, targets, .. }: &Reading<'_>, from: usize) -> usize {
        let is_alone = |index: usize| {
            let record = page.record(index);
            let effects = matches!(targets[record.name], Target::Route { alone: true, after, .. } if record.position > after);
            effects
                || self.singly.is_some_and(|until| record.position <= until)
                || self.live_again.contains(&record.position)
        };
        if self.is_failing_at(page, from) || is_alone(from) {
            return from + 1;
        }
        let has_alone = self.singly.is_some()
            || !self.live_again.is_empty()
            || targets.iter().any(|target| matches!(target, Target::Route { alone: true, .. }));
        let failing = self.failing.as_ref().map(|failing| failing.position);
        if failing.is_none() && !has_alone {
            return page.len();
        }
        let ends =
            |index: &usize| is_alone(*index) || failing == Some(page.record(*index).position);
        (from + 1..page.len()).find(ends).unwrap_or(page.len())
    }

    /// Finds out which events wait behind parked ones. Where no more may, it ends before.
    fn make_way(&self, page: &Page, events: Range<usize>) -> Result<(usize, Waiting), End> {
        let (caps, park_by) = (self.registration.options.park, self.registration.park_by());
        let mark = self.owned()?.next.effects_mark;
        let (parked, dropped) = (&self.parked, &self.dropped);
        let mut waiting = parked.waiting(page, events.clone(), park_by, caps, mark, dropped);
        match waiting.full.take() {
            None => Ok((events.end, waiting)),
            Some((index, cap)) if index == events.start => Err(full(page, index, cap).into()),
            Some((index, _)) => Ok((index, waiting)),
        }
    }

    /// Takes note of what failed. State in process is gone, and is replayed up to that event.
    fn take_note(&mut self, page: &Page, tried: Range<usize>, fault: Fault) -> Result<(), End> {
        let (index, error) = match fault {
            Fault::Event(index, error) => (index, error),
            Fault::Unclear(source) if tried.len() == 1 => {
                (tried.start, HandleError::Refused { source })
            }
            Fault::Unclear(_) => {
                self.singly = Some(page.record(tried.end - 1).position);
                return Ok(());
            }
        };
        let (projector, position) = (&*self.name, page.record(index).position.get());
        tracing::warn!(projector, position, error = chain(&error), "an event failed");
        self.note_failure(page, index, error);
        if self.registration.is_in_process() {
            self.disown();
            return Err(End::Reload);
        }
        Ok(())
    }

    /// Applies events in one transaction with the checkpoint; returns what failed.
    async fn apply_events(
        &mut self,
        reading: &Reading<'_>,
        events: Range<usize>,
        waiting: Waiting,
    ) -> Result<Result<(), Fault>, End> {
        self.hold().await?;
        let page = reading.page;
        let first = page.record(events.start).position;
        let effects_mark = self.mark_at(first)?;
        let targets = match self.live_again.contains(&first) {
            true => self.routing.targets(page, effects_mark),
            false => Arc::clone(&reading.targets),
        };
        let own = self.owned()?;
        let next = self.after(reading, events.end - 1)?;
        let mut write = CheckpointWrite::new(self.key.clone(), Some(own.stored), next.clone());
        let letters = waiting.letters;
        write.letters.put.clone_from(&letters);
        let values = self.shared.wanted.among(page, &events);
        // Values are for whoever waits, once: nothing of them is taken back.
        let triage = if values.is_none() { self.triage(letters.len()) } else { None };
        let left_out = waiting.indexes.len();
        let batch = Batch {
            page: page.clone(),
            targets,
            events: events.clone(),
            effects_mark,
            write,
            values: values.clone(),
            left_out: waiting.indexes,
            erased: AtomicU64::default(),
            redriven: false,
            progress: Arc::clone(&self.shared.progress),
            triage,
        };
        let began = Instant::now();
        match self.apply_seen(batch).await {
            Applied::Committed(aside) => {
                // Before those are woken who wait for them.
                if let Some(values) = values {
                    self.shared.wanted.deliver(page, &values);
                }
                self.parked.add(&letters);
                self.show_parked();
                if left_out + aside.indexes.len() < events.len() {
                    self.streak.end();
                }
                self.settle_aside(&aside);
                self.live_again.remove(&first);
                self.forget_vanished(next.position.next());
                self.own = Some(Owned::new(next, began));
                self.recovered();
                Ok(Ok(()))
            }
            Applied::Conflict => Err(End::Reload),
            Applied::Event(index, error) => Ok(Err(Fault::Event(index, error))),
            Applied::Refused(source) => Ok(Err(Fault::Unclear(source))),
            Applied::Stalled(index) => Err(self.stalled(page, &reading.targets, index).into()),
            Applied::Store(error) => Err(End::Outage(error)),
        }
    }

    /// The end of a run whose handler does not come back.
    pub(super) fn stalled(&self, page: &Page, targets: &[Target], index: usize) -> HaltReason {
        let (record, details) = (page.record(index), page.details(index));
        let method = match targets[record.name] {
            Target::Route { method, .. } => method,
            Target::Skip | Target::Unregistered => "",
        };
        HaltReason::Stalled {
            method,
            event: details.id,
            name: page.name(record).name.to_string(),
            position: record.position,
            stream: page.text(&details.stream).to_owned(),
            limit: self.registration.options.timeout,
        }
    }

    /// The checkpoint after an event of a page.
    pub(super) fn after(&self, reading: &Reading<'_>, last: usize) -> Result<Checkpoint, End> {
        let Reading { page, scanned, .. } = reading;
        let mut next = self.owned()?.next.clone();
        let record = page.record(last);
        next.position = record.position;
        (next.scanned, next.event_id) = if last + 1 == page.len() {
            (scanned.position, Some(scanned.id))
        } else {
            (record.position, Some(page.details(last).id))
        };
        next.effects_mark = next.effects_mark.max(next.position);
        next.renew();
        if let Some(failing) = &self.failing {
            (next.state, next.last_error) = (failing.was, None);
        }
        Ok(next)
    }

    pub(super) fn is_failing_at(&self, page: &Page, index: usize) -> bool {
        let position = page.record(index).position;
        self.failing.as_ref().is_some_and(|failing| failing.position == position)
    }

    /// A failing event before this position fails no longer: it is applied, or gone from the log.
    pub(super) fn forget_vanished(&mut self, position: GlobalPosition) {
        if self.failing.as_ref().is_some_and(|failing| failing.position < position) {
            self.failing = None;
        }
        if self.singly.is_some_and(|until| until < position) {
            self.singly = None;
        }
    }
}

/// What became of a failing event.
pub(super) enum Settled {
    /// It is to be tried again now.
    Again,
    /// It is parked, or left out.
    GivenUp,
    /// The wait for the next attempt was ended.
    Interrupted,
}

/// Nothing more may be parked.
pub(super) fn full(page: &Page, index: usize, cap: String) -> HaltReason {
    let (record, details) = (page.record(index), page.details(index));
    HaltReason::ParkedFull {
        event: details.id,
        name: page.name(record).name.to_string(),
        position: record.position,
        stream: page.text(&details.stream).to_owned(),
        cap,
    }
}
