//! One page into the read model: whole, or, when an event fails, around that event.

use std::{ops::Range, sync::Arc};

use jiff::Timestamp;

use super::{
    end::End,
    runner::{Owned, Runner, read},
};
use crate::{
    CheckpointWrite, HaltReason, HandleError, Page, Scanned,
    engine::{Applied, Batch, Target},
    error::chain,
};

impl Runner {
    /// Applies a page; while it is applied the next one is read, where there is likely to be one.
    pub(super) async fn apply_and_read_on(
        &mut self,
        page: &Page,
        scanned: Scanned,
    ) -> Result<Option<Page>, End> {
        if page.len() < self.batch.events as usize {
            self.apply(page, scanned).await?;
            return Ok(None);
        }
        let (source, filter) = (Arc::clone(&self.source), self.filter.clone());
        let next = read(source, &filter, self.batch, Some(scanned));
        let (applied, next) = tokio::join!(self.apply(page, scanned), next);
        applied?;
        Ok(Some(next?))
    }

    /// Applies the events of a page. When one fails, those before it commit, and it is tried once
    /// more by itself before the projector halts.
    async fn apply(&mut self, page: &Page, scanned: Scanned) -> Result<(), End> {
        let targets = self.routing.targets(page);
        let end = self.end_of(page);
        let (mut from, mut suspect) = (0, None);
        while from < end {
            let to = match suspect {
                Some(suspect) if suspect > from => suspect,
                Some(suspect) if suspect == from => from + 1,
                _ => end,
            };
            let last = if to == page.len() { Seen::Page(scanned) } else { Seen::Event(to - 1) };
            match self.apply_events(page, &targets, from..to, last).await? {
                None => from = to,
                Some((index, error)) => suspect = self.judge(page, from..to, index, error)?,
            }
        }
        match self.ceiling.take() {
            Some((_, reason)) if end < page.len() => Err(reason.into()),
            ceiling => {
                self.ceiling = ceiling;
                Ok(())
            }
        }
    }

    /// Decides what follows from a failed event: the index to isolate, or the end.
    fn judge(
        &mut self,
        page: &Page,
        tried: Range<usize>,
        index: usize,
        error: HandleError,
    ) -> Result<Option<usize>, End> {
        let unregistered = matches!(error, HandleError::Unregistered { .. });
        let isolated = tried.len() == 1 || (unregistered && index == tried.start);
        if self.registration.is_in_process() {
            // The state is gone; it is replayed up to this event.
            let position = page.record(index).position;
            self.ceiling = Some((position, self.halt_at(page, index, error)));
            self.disown();
            return Err(End::Reload);
        }
        if isolated {
            return Err(self.halt_at(page, index, error).into());
        }
        let (projector, position) = (&*self.name, page.record(index).position.get());
        tracing::warn!(projector, position, error = chain(&error), "isolating a failed event");
        Ok(Some(index))
    }

    fn halt_at(&self, page: &Page, index: usize, error: HandleError) -> HaltReason {
        let (record, details) = (page.record(index), page.details(index));
        HaltReason::Event {
            event: details.id,
            name: page.name(record).name.to_string(),
            position: record.position,
            stream: page.text(&details.stream).to_owned(),
            source: self.routing.explain(error),
        }
    }

    /// Where to stop in a page: its end, or the event that in-process state is replayed up to.
    fn end_of(&self, page: &Page) -> usize {
        match &self.ceiling {
            None => page.len(),
            Some((ceiling, _)) => {
                (0..page.len()).find(|i| page.record(*i).position >= *ceiling).unwrap_or(page.len())
            }
        }
    }

    /// Applies events in one transaction with the checkpoint; returns the one that failed.
    async fn apply_events(
        &mut self,
        page: &Page,
        targets: &Arc<[Target]>,
        events: Range<usize>,
        last: Seen,
    ) -> Result<Option<(usize, HandleError)>, End> {
        let own = self.owned()?;
        let mut next = own.next.clone();
        let record = page.record(events.end - 1);
        next.position = record.position;
        (next.scanned, next.event_id) = match last {
            Seen::Page(scanned) => (scanned.position, Some(scanned.id)),
            Seen::Event(index) => (page.record(index).position, Some(page.details(index).id)),
        };
        let effects_mark = next.effects_mark;
        next.effects_mark = effects_mark.max(next.position);
        next.heartbeat_at = Timestamp::now();
        let write = CheckpointWrite::new(self.key.clone(), Some(own.stored), next.clone());
        let values = self.shared.wanted.among(page, &events);
        let batch = Batch {
            page: page.clone(),
            targets: Arc::clone(targets),
            events,
            effects_mark,
            write,
            values: values.clone(),
        };
        match self.engine.apply(batch).await {
            Applied::Committed => {
                // Before those are woken who wait for them.
                if let Some(values) = values {
                    self.shared.wanted.deliver(page, &values);
                }
                self.own = Some(Owned::new(next));
                self.recovered();
                Ok(None)
            }
            Applied::Conflict => Err(End::Reload),
            Applied::Event(index, error) => Ok(Some((index, error))),
            Applied::Store(error) => Err(End::Outage(error)),
        }
    }
}

/// The last event that a batch has seen.
#[derive(Clone, Copy)]
enum Seen {
    Event(usize),
    Page(Scanned),
}
