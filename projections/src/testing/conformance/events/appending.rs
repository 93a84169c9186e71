//! Appends: positions, expectations and refusals (R5).

use std::sync::Arc;

use super::{
    AppendRequest, EventStore, Expected, NewEvent, Verdict, append, ensure, placed, placed_each,
    read_all,
};
use crate::{AppendError, GlobalPosition, StreamPosition};

pub(super) async fn positions_grow_from_one<S: EventStore>(store: Arc<S>) -> Verdict {
    let mut last = GlobalPosition::BEGINNING;
    for number in 0..6 {
        let stream = ["order-1", "order-2"][number % 2]; // one of two
        let receipt = append(&*store, stream, placed_each(0..number + 1)).await?;
        ensure!(
            number > 0 || receipt.first == GlobalPosition::new(1),
            "the first event of a store is at position 1, not at {}",
            receipt.first
        );
        ensure!(
            receipt.first > last && receipt.last >= receipt.first,
            "positions grow: after {last} came {} to {}",
            receipt.first,
            receipt.last
        );
        last = receipt.last;
    }
    Ok(())
}

pub(super) async fn events_of_an_append_stand_together<S: EventStore>(store: Arc<S>) -> Verdict {
    append(&*store, "order-1", placed_each(0..3)).await?;
    let middle = append(&*store, "order-2", placed_each(0..4)).await?;
    let end = append(&*store, "order-1", placed_each(3..5)).await?;
    let places: Vec<(String, u64)> = read_all(&*store)
        .await?
        .iter()
        .map(|event| (event.stream().to_owned(), event.stream_position().get()))
        .collect();
    let expected: Vec<(String, u64)> = [("order-1", 1..4), ("order-2", 1..5), ("order-1", 4..6)]
        .into_iter()
        .flat_map(|(stream, places)| places.map(|place| (stream.to_owned(), place)))
        .collect();
    ensure!(
        places == expected,
        "the events of an append stand together, each after the last of its stream: expected {expected:?}, got {places:?}"
    );
    let ends = (middle.stream_position.get(), end.stream_position.get());
    ensure!(ends == (4, 5), "a receipt says where its stream ends: expected (4, 5), got {ends:?}");
    Ok(())
}

pub(super) async fn the_expected_position_is_checked<S: EventStore>(store: Arc<S>) -> Verdict {
    let at = |position| Expected::At(StreamPosition::new(position));
    // How the stream ends before each append, what is expected, and whether that is so.
    let appends = [
        (0, at(1), false),
        (0, Expected::NoStream, true),
        (1, Expected::NoStream, false),
        (1, at(2), false),
        (1, at(1), true),
        (2, at(1), false),
        (2, Expected::Any, true),
        (3, at(3), true),
    ];
    append(&*store, "another", placed_each(0..7)).await?;
    for (end, expected, is_so) in appends {
        let request = AppendRequest::new("order-1", expected, vec![placed(1)]);
        let outcome = store.append(request).await;
        let as_ruled = match &outcome {
            Ok(receipt) => is_so && receipt.stream_position.get() == end + 1,
            Err(AppendError::Conflict { stream, expected: wanted, actual }) => {
                !is_so && stream == "order-1" && *wanted == expected && actual.get() == end
            }
            Err(_) => false,
        };
        let rule = if is_so { "succeeds" } else { "is a conflict that says where the stream ends" };
        ensure!(
            as_ruled,
            "an append that expects {expected} on a stream that ends at {end} {rule}; got {outcome:?}"
        );
    }
    Ok(())
}

pub(super) async fn a_refused_append_leaves_no_trace<S: EventStore>(store: Arc<S>) -> Verdict {
    let before = append(&*store, "order-1", placed_each(0..2)).await?;
    let head = store.head().await?;
    let refused = placed_each(2..5);
    let request = AppendRequest::new("order-1", Expected::NoStream, refused.clone());
    let outcome = store.append(request).await;
    ensure!(outcome.is_err(), "an append that expects no stream where there is one is refused");
    ensure!(store.head().await? == head, "a refused append leaves the head where it was");
    let after = append(&*store, "order-1", refused).await?;
    let (first, end) = (after.first, after.stream_position.get());
    ensure!(first > before.last, "a position is given once: {} again after a refusal", first);
    ensure!(end == 5, "a refused append takes no stream position: expected 5, got {end}");
    let stored = read_all(&*store).await?;
    ensure!(stored.len() == 5, "a refused append stores nothing: 5 events, not {}", stored.len());
    let third = stored.get(2).map(|event| event.position());
    ensure!(third == Some(first), "a receipt says where the events are: {first}, not {third:?}");
    Ok(())
}

pub(super) async fn invalid_requests_are_refused<S: EventStore>(store: Arc<S>) -> Verdict {
    let long = "x".repeat(AppendRequest::MAX_NAME_BYTES + 1);
    let named = |name: &str| NewEvent { name: name.to_owned().into(), ..placed(1) };
    let requests = [
        ("an empty stream", "", vec![placed(1)]),
        ("a stream of 513 bytes", &*long, vec![placed(1)]),
        ("a stream with a NUL", "order\0one", vec![placed(1)]),
        ("no event", "order-1", vec![]),
        ("an empty event name", "order-1", vec![named("")]),
        ("an event name of 513 bytes", "order-1", vec![named(&long)]),
        ("an event name with a NUL", "order-1", vec![named("Order\0Placed")]),
        ("version 0", "order-1", vec![placed(1).with_version(0)]),
        ("an empty domain", "order-1", vec![placed(1).in_domain("")]),
        ("a domain of 513 bytes", "order-1", vec![placed(1).in_domain(long.clone())]),
        ("a domain with a NUL", "order-1", vec![placed(1).in_domain("or\0ders")]),
        ("metadata that is no object", "order-1", vec![placed(1).with_metadata("[1]")]),
        ("metadata that is no JSON", "order-1", vec![placed(1).with_metadata("{")]),
        ("a fault in its last event", "order-1", vec![placed(1), placed(2), named("")]),
    ];
    for (what, stream, events) in requests {
        let outcome = store.append(AppendRequest::new(stream, Expected::Any, events)).await;
        ensure!(
            matches!(outcome, Err(AppendError::Invalid { .. })),
            "a request with {what} is refused as invalid; got {outcome:?}"
        );
    }
    let homeless = vec![placed(1), NewEvent { domain: None, ..placed(2) }];
    let outcome = store.append(AppendRequest::new("order-1", Expected::Any, homeless)).await;
    ensure!(
        matches!(&outcome, Err(AppendError::NoDomain { event }) if event == "OrderPlaced"),
        "an event without a domain is refused by its name; got {outcome:?}"
    );
    let stored = read_all(&*store).await?.len();
    ensure!(stored == 0, "a refused request stores nothing; {stored} events are stored");
    Ok(())
}

pub(super) async fn receipts_name_the_store<S: EventStore>(store: Arc<S>) -> Verdict {
    let identity = store.store_id();
    let receipt = append(&*store, "order-1", vec![placed(1)]).await?;
    ensure!(store.store_id() == identity, "a store's identity never changes");
    ensure!(
        receipt.store == identity,
        "a receipt names its store: {identity}, not {}",
        receipt.store
    );
    ensure!(receipt.stream == "order-1", "a receipt names its stream, not `{}`", receipt.stream);
    ensure!(!store.label().is_empty(), "a store has a label for people");
    Ok(())
}
