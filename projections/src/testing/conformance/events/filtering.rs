//! Filters: what is wanted comes, and the rest moves the scanned position.

use std::{collections::HashMap, sync::Arc};

use super::{
    Broken, EventStore, Filter, GlobalPosition, ReadRequest, Verdict, append, ensure, event,
    read_all, read_in_pages,
};
use crate::{Envelope, EventId};

/// Appends events of three domains, two of which share a name.
async fn fill<S: EventStore>(store: &S) -> Verdict {
    for number in 0..10 {
        let events = vec![
            event("orders", "OrderPlaced", number),
            event("orders", "OrderPaid", number),
            event("billing", "OrderPaid", number),
            event("billing", "Refunded", number),
            event("shipping", "Sent", number),
        ];
        append(store, "order-1", events).await?;
    }
    Ok(())
}

fn filters() -> [Filter; 11] {
    [
        Filter::all(),
        Filter::none(),
        Filter::none().domain("orders"),
        Filter::none().domain("unknown"),
        Filter::none().event("billing", "OrderPaid"),
        Filter::none().event("billing", "OrderPlaced"),
        Filter::none().event("orders", "OrderPaid").event("shipping", "Sent"),
        Filter::none().domain("billing").event("orders", "OrderPlaced"),
        Filter::none().domain("orders").domain("billing").except("orders", "OrderPaid"),
        Filter::all().except("orders", "OrderPlaced").except("shipping", "Sent"),
        Filter::none().event("orders", "OrderPaid").except("orders", "OrderPaid"),
    ]
}

fn ids(events: &[Envelope]) -> Vec<EventId> {
    events.iter().map(Envelope::id).collect()
}

fn wanted(all: &[Envelope], filter: &Filter) -> Vec<EventId> {
    let wanted = all.iter().filter(|event| filter.matches(event.domain(), event.name()));
    wanted.map(Envelope::id).collect()
}

pub(super) async fn filters_are_applied<S: EventStore>(store: Arc<S>) -> Verdict {
    fill(&*store).await?;
    let all = read_all(&*store).await?;
    for filter in filters() {
        let (wanted, got) = (wanted(&all, &filter), read_in_pages(&*store, &filter, 1_000).await?);
        ensure!(
            ids(&got) == wanted,
            "a page holds the events that the filter matches, and no others: {} match, {} came, \
             for {filter:?}",
            wanted.len(),
            got.len()
        );
    }
    Ok(())
}

pub(super) async fn filtered_pages_skip_and_repeat_nothing<S: EventStore>(
    store: Arc<S>,
) -> Verdict {
    fill(&*store).await?;
    let all = read_all(&*store).await?;
    for filter in filters() {
        for max_events in [1, 3] {
            let got = read_in_pages(&*store, &filter, max_events).await?;
            ensure!(
                ids(&got) == wanted(&all, &filter),
                "filtered pages deliver every matching event once, in order: it was not so in \
                 pages of {max_events}, for {filter:?}"
            );
        }
    }
    Ok(())
}

pub(super) async fn scanned_moves_where_nothing_matches<S: EventStore>(store: Arc<S>) -> Verdict {
    fill(&*store).await?;
    let all = read_all(&*store).await?;
    let at: HashMap<_, _> = all.iter().map(|event| (event.position(), event.id())).collect();
    for filter in filters() {
        for max_events in [2, 1_000] {
            let end = scan(&*store, &filter, max_events, &at).await?;
            let head = all.last().map(Envelope::position);
            ensure!(
                Some(end) == head,
                "the scanned position reaches the head, {head:?}, whether anything matches or not; \
                 it stood still at {end} for {filter:?}"
            );
        }
    }
    Ok(())
}

/// Follows the scanned positions to where they end.
async fn scan<S: EventStore>(
    store: &S,
    filter: &Filter,
    max_events: usize,
    at: &HashMap<GlobalPosition, EventId>,
) -> Result<GlobalPosition, Broken> {
    let mut after = GlobalPosition::BEGINNING;
    loop {
        let request = ReadRequest::new(after, filter).at_most(max_events, 4 << 20);
        let page = store.read(request).await?;
        let Some(scanned) = page.scanned() else { return Ok(after) };
        ensure!(
            scanned.position > after,
            "the scanned position moves on: read after {after}, it is {}",
            scanned.position
        );
        ensure!(
            at.get(&scanned.position) == Some(&scanned.id),
            "the scanned position is that of an event, with its id: {scanned:?} is not in the log"
        );
        let last = page.events().last().map(|event| event.position());
        ensure!(
            last.is_none_or(|last| last <= scanned.position),
            "no event of a page is after its scanned position"
        );
        after = scanned.position;
    }
}

pub(super) async fn counts_keep_their_bounds<S: EventStore>(store: Arc<S>) -> Verdict {
    fill(&*store).await?;
    let all = read_all(&*store).await?;
    let place = |index: usize| {
        let event = all.get(index).map(Envelope::position);
        event.ok_or_else(|| Broken(format!("50 events are stored; event {index} cannot be read")))
    };
    let (start, end) = (GlobalPosition::BEGINNING, place(49)?);
    let beyond = GlobalPosition::new(end.get() + 1_000);
    let ranges = [
        (start, end),
        (start, beyond),
        (start, start),
        (start, place(0)?),
        (place(0)?, place(1)?),
        (place(10)?, place(30)?),
        (place(30)?, place(10)?),
        (place(48)?, end),
        (end, end),
        (end, beyond),
    ];
    for (after, up_to) in ranges {
        for filter in filters() {
            let inside = |event: &&Envelope| {
                event.position() > after
                    && event.position() <= up_to
                    && filter.matches(event.domain(), event.name())
            };
            let expected = all.iter().filter(inside).count() as u64;
            let count = store.count(&filter, after, up_to).await?;
            ensure!(
                count == expected,
                "a count is of the matching events after {after}, up to and including {up_to}: \
                 {expected}, not {count}, for {filter:?}"
            );
        }
    }
    Ok(())
}
