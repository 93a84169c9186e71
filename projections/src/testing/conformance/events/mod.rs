//! The suite for event stores.

use std::{future::Future, sync::Arc};

use super::{Broken, Failure, Verdict, conclude, ensure, run, run_all};
use crate::{
    AppendRequest, Envelope, EventStore, Expected, Filter, GlobalPosition, NewEvent, ReadRequest,
    Receipt,
};

mod appending;
mod contents;
mod filtering;
mod following;
mod identity;
mod importing;
mod reading;
mod reopening;
mod waiting;

/// Checks an event store against every rule of [`EventStore`] and
/// [`EventSource`](crate::EventSource). `make` makes an empty store.
///
/// ```
/// use projections::{memory::MemoryEventStore, testing::conformance};
///
/// # #[tokio::main]
/// # async fn main() {
/// conformance::event_store(|| async { MemoryEventStore::new() }).await;
/// # }
/// ```
///
/// # Panics
/// Panics with the checks that failed, each with the rule that is broken.
///
/// # Cancel safety
/// Cancel safe: it leaves nothing but the stores that `make` made.
pub async fn event_store<S, F>(make: impl Fn() -> F)
where
    S: EventStore,
    F: Future<Output = S>,
{
    conclude("event store", &event_store_failures(make).await);
}

/// Runs the checks of [`event_store`] and returns those that failed.
///
/// # Cancel safety
/// Cancel safe: it leaves nothing but the stores that `make` made.
pub async fn event_store_failures<S, F>(make: impl Fn() -> F) -> Vec<Failure>
where
    S: EventStore,
    F: Future<Output = S>,
{
    let fresh = || async { Arc::new(make().await) };
    run_all!(fresh() =>
        identity: [
            events_keep_their_ids,
            a_repeated_append_returns_the_first_receipt,
            a_reused_id_is_refused,
            an_id_twice_in_one_append_is_refused,
        ],
        appending: [
            positions_grow_from_one,
            events_of_an_append_stand_together,
            the_expected_position_is_checked,
            a_refused_append_leaves_no_trace,
            invalid_requests_are_refused,
            receipts_name_the_store,
        ],
        contents: [
            payloads_come_back_byte_for_byte,
            texts_come_back_as_they_were,
            versions_come_back_as_they_were,
            times_keep_microseconds,
            the_time_of_recording_is_the_stores,
        ],
        reading: [
            pages_skip_and_repeat_nothing,
            pages_keep_their_limits,
            the_end_of_the_log_is_no_page,
            the_head_is_the_last_event,
            an_event_that_is_gone_is_diverged,
        ],
        filtering: [
            filters_are_applied,
            filtered_pages_skip_and_repeat_nothing,
            scanned_moves_where_nothing_matches,
            counts_keep_their_bounds,
        ],
        waiting: [
            a_wait_returns_where_there_is_an_event,
            an_append_wakes_a_wait,
            an_import_wakes_a_wait,
            a_dropped_wait_forgets_nothing,
        ],
        following: [
            what_is_delivered_is_what_is_stored,
            writers_of_one_stream_exclude_each_other,
        ],
        importing: [
            an_import_keeps_its_order,
            known_events_are_passed_over,
            a_refused_chunk_stores_nothing,
            an_unfinished_import_is_listed,
        ],
    )
}

/// Checks that a store is the same after it was closed and opened again. `make` makes an empty
/// store; `reopen` closes the one that it is given and opens it again.
///
/// ```
/// use projections::{memory::MemoryEventStore, testing::conformance};
///
/// # #[tokio::main]
/// # async fn main() {
/// let close_and_open = |events: MemoryEventStore| async move { events };
/// conformance::event_store_reopened(|| async { MemoryEventStore::new() }, close_and_open).await;
/// # }
/// ```
///
/// # Panics
/// Panics with the rule that is broken.
///
/// # Cancel safety
/// Cancel safe: it leaves nothing but the store that `make` made.
pub async fn event_store_reopened<S, F, R>(make: impl Fn() -> F, reopen: impl Fn(S) -> R)
where
    S: EventStore,
    F: Future<Output = S>,
    R: Future<Output = S>,
{
    let mut failures = Vec::new();
    let work = reopening::a_reopened_store_is_the_same(make().await, reopen);
    run(&mut failures, "a_reopened_store_is_the_same", work).await;
    conclude("event store", &failures);
}

/// An event of domain `orders`.
fn placed(number: usize) -> NewEvent {
    event("orders", "OrderPlaced", number)
}

fn event(domain: &'static str, name: &'static str, number: usize) -> NewEvent {
    NewEvent::json(name, format!(r#"{{"number":{number}}}"#)).in_domain(domain)
}

fn placed_each(numbers: std::ops::Range<usize>) -> Vec<NewEvent> {
    numbers.map(placed).collect()
}

async fn append<S: EventStore>(
    store: &S,
    stream: &str,
    events: Vec<NewEvent>,
) -> Result<Receipt, Broken> {
    Ok(store.append(AppendRequest::new(stream, Expected::Any, events)).await?)
}

/// Reads the whole log in pages of at most this many events.
async fn read_in_pages<S: EventStore>(
    store: &S,
    filter: &Filter,
    max_events: usize,
) -> Result<Vec<Envelope>, Broken> {
    let mut after = GlobalPosition::BEGINNING;
    let mut events = Vec::new();
    loop {
        let request = ReadRequest::new(after, filter).at_most(max_events, 4 << 20);
        let page = store.read(request).await?;
        let Some(scanned) = page.scanned() else {
            ensure!(
                page.is_empty(),
                "a page with events says how far it looked: `scanned` is none"
            );
            return Ok(events);
        };
        ensure!(
            scanned.position > after,
            "a page with a scanned position moves on: read after {after}, scanned to {}",
            scanned.position
        );
        events.extend(page.events());
        after = scanned.position;
    }
}

/// Reads the whole log.
async fn read_all<S: EventStore>(store: &S) -> Result<Vec<Envelope>, Broken> {
    read_in_pages(store, &Filter::all(), 1_000).await
}
