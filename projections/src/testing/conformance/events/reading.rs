//! Pages of the whole log, its head, and the event that must still be there (R2).

use std::sync::Arc;

use super::{
    Broken, EventStore, Filter, GlobalPosition, ReadRequest, Verdict, append, ensure, placed,
    placed_each, read_all, read_in_pages,
};
use crate::{EventId, NewEvent, ReadError, Scanned};

pub(super) async fn pages_skip_and_repeat_nothing<S: EventStore>(store: Arc<S>) -> Verdict {
    let mut sent = Vec::new();
    for number in 0..12 {
        let events = placed_each(0..number % 4 + 1);
        sent.extend(events.iter().map(|event| event.id));
        let stream = ["order-1", "order-2", "order-3"][number % 3]; // one of three
        append(&*store, stream, events).await?;
    }
    for max_events in [1, 2, 7, sent.len(), 1_000] {
        let events = read_in_pages(&*store, &Filter::all(), max_events).await?;
        let delivered: Vec<EventId> = events.iter().map(|event| event.id()).collect();
        ensure!(
            delivered == sent,
            "pages deliver every event once, in the order of the appends: with pages of \
             {max_events}, {} of {} events came, or in another order",
            delivered.len(),
            sent.len()
        );
        ensure!(
            events.is_sorted_by(|one, next| one.position() < next.position()),
            "positions grow from event to event, over pages of {max_events}"
        );
    }
    Ok(())
}

pub(super) async fn pages_keep_their_limits<S: EventStore>(store: Arc<S>) -> Verdict {
    let event = |_| NewEvent::raw("OrderPlaced", vec![b'x'; 1_000]).in_domain("orders");
    append(&*store, "order-1", (0..10).map(event).collect()).await?;
    let all = Filter::all();
    // How many events and bytes at most, and how many events may come then.
    for (max_events, max_bytes, fewest, most) in [
        (4, 1 << 20, 1, 4),
        (1, 1 << 20, 1, 1),
        (100, 1, 1, 1),
        (100, 2_500, 1, 3),
        (100, 1 << 20, 1, 10),
    ] {
        let request = ReadRequest::new(GlobalPosition::BEGINNING, &all);
        let page = store.read(request.at_most(max_events, max_bytes)).await?;
        ensure!(
            (fewest..=most).contains(&page.len()),
            "a page keeps its limits: {max_events} events and {max_bytes} bytes at most, of events \
             of 1,000 bytes, are {fewest} to {most} events, not {}",
            page.len()
        );
    }
    Ok(())
}

pub(super) async fn the_end_of_the_log_is_no_page<S: EventStore>(store: Arc<S>) -> Verdict {
    let all = Filter::all();
    let empty = store.read(ReadRequest::new(GlobalPosition::BEGINNING, &all)).await?;
    ensure!(
        empty.is_empty() && empty.scanned().is_none(),
        "a page of an empty log has no events and no scanned position"
    );
    let last = append(&*store, "order-1", placed_each(0..3)).await?.last;
    for after in [last, last.next(), GlobalPosition::new(last.get() + 1_000)] {
        for filter in [Filter::all(), Filter::none().domain("billing")] {
            let page = store.read(ReadRequest::new(after, &filter)).await?;
            ensure!(
                page.is_empty() && page.scanned().is_none(),
                "a page after the last event ({last}) has no events and no scanned position; read \
                 after {after}, it has {} and {:?}",
                page.len(),
                page.scanned()
            );
        }
    }
    Ok(())
}

pub(super) async fn the_head_is_the_last_event<S: EventStore>(store: Arc<S>) -> Verdict {
    ensure!(store.head().await?.is_none(), "an empty log has no head");
    for number in 1..4 {
        let event = placed(number);
        let id = event.id;
        let receipt = append(&*store, "order-1", vec![placed(0), event]).await?;
        let (head, last) = (store.head().await?, Scanned { position: receipt.last, id });
        ensure!(head == Some(last), "the head is the last event: {last:?}, not {head:?}");
    }
    Ok(())
}

pub(super) async fn an_event_that_is_gone_is_diverged<S: EventStore>(store: Arc<S>) -> Verdict {
    append(&*store, "order-1", placed_each(0..4)).await?;
    let places: Vec<Scanned> = read_all(&*store)
        .await?
        .iter()
        .map(|event| Scanned { position: event.position(), id: event.id() })
        .collect();
    let (Some(first), Some(last)) = (places.first(), places.last()) else {
        return Err(Broken("the events of an append can be read once it has returned".into()));
    };
    let all = Filter::all();
    for seen in &places {
        verify(&*store, &all, seen.position, *seen, true).await?;
    }
    let gone = [
        Scanned { position: last.position, id: first.id },
        Scanned { position: first.position, id: EventId::random() },
        Scanned { position: last.position.next(), id: EventId::random() },
        Scanned { position: last.position.next(), id: last.id },
    ];
    // Where nothing follows, or nothing matches, the check is all that the read does.
    for filter in [Filter::all(), Filter::none().domain("billing"), Filter::none()] {
        for seen in gone {
            verify(&*store, &filter, seen.position, seen, false).await?;
            verify(&*store, &filter, GlobalPosition::BEGINNING, seen, false).await?;
        }
    }
    Ok(())
}

async fn verify<S: EventStore>(
    store: &S,
    filter: &Filter,
    after: GlobalPosition,
    seen: Scanned,
    is_there: bool,
) -> Verdict {
    let outcome = store.read(ReadRequest::new(after, filter).verifying(Some(seen))).await;
    let as_ruled = match &outcome {
        Ok(_) => is_there,
        Err(ReadError::Diverged { position, event }) => {
            !is_there && (*position, *event) == (seen.position, seen.id)
        }
        Err(_) => false,
    };
    let rule = if is_there { "a page" } else { "diverged, and names the event" };
    ensure!(as_ruled, "a read after {after} that verifies {seen:?} is {rule}; got {outcome:?}");
    Ok(())
}
