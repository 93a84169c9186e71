//! Event ids: what is stored once is stored once (R4).

use std::sync::Arc;

use super::{
    AppendRequest, Broken, EventStore, Expected, NewEvent, Verdict, append, ensure, placed,
    read_all,
};
use crate::{AppendError, EventId};

pub(super) async fn events_keep_their_ids<S: EventStore>(store: Arc<S>) -> Verdict {
    let events = vec![placed(1), placed(2)];
    append(&*store, "order-1", events.clone()).await?;
    let stored: Vec<EventId> = read_all(&*store).await?.iter().map(|event| event.id()).collect();
    let sent: Vec<EventId> = events.iter().map(|event| event.id).collect();
    ensure!(stored == sent, "events keep their ids: appended {sent:?}, stored {stored:?}");
    Ok(())
}

pub(super) async fn a_repeated_append_returns_the_first_receipt<S: EventStore>(
    store: Arc<S>,
) -> Verdict {
    append(&*store, "order-2", vec![placed(0)]).await?;
    let request = AppendRequest::new("order-1", Expected::NoStream, vec![placed(1), placed(2)]);
    let first = store.append(request.clone()).await?;
    append(&*store, "order-1", vec![placed(3)]).await?;
    let again = match store.append(request).await {
        Ok(receipt) => receipt,
        Err(error) => {
            return Err(Broken(format!(
                "an append with ids that are stored already returns the first receipt, whatever \
                 it expected; it was refused: {error}"
            )));
        }
    };
    ensure!(
        again == first,
        "an append with ids that are stored already returns the first receipt: {first:?}, not {again:?}"
    );
    let stored = read_all(&*store).await?.len();
    ensure!(stored == 4, "an append that is repeated stores nothing: 4 events, not {stored}");
    Ok(())
}

pub(super) async fn a_reused_id_is_refused<S: EventStore>(store: Arc<S>) -> Verdict {
    let first = placed(1).with_metadata(r#"{"user":"a"}"#);
    append(&*store, "order-1", vec![first.clone()]).await?;
    let other = placed(2).with_id(first.id).payload;
    let changed = [
        ("payload", "order-1", vec![NewEvent { payload: other, ..first.clone() }]),
        ("name", "order-1", vec![NewEvent { name: "OrderLost".into(), ..first.clone() }]),
        ("version", "order-1", vec![first.clone().with_version(2)]),
        ("domain", "order-1", vec![first.clone().in_domain("billing")]),
        ("metadata", "order-1", vec![NewEvent { metadata: None, ..first.clone() }]),
        ("stream", "order-2", vec![first.clone()]),
        ("company: a known event before a new one", "order-1", vec![first.clone(), placed(3)]),
        ("company: a known event after a new one", "order-1", vec![placed(4), first.clone()]),
    ];
    for (what, stream, events) in changed {
        let outcome = store.append(AppendRequest::new(stream, Expected::Any, events)).await;
        ensure!(
            matches!(&outcome, Err(AppendError::IdReused { id }) if *id == first.id),
            "an id that is stored with another {what} is refused as reused; got {outcome:?}"
        );
        let stored = read_all(&*store).await?.len();
        ensure!(stored == 1, "an append that reuses an id (other {what}) stores nothing of it");
    }
    Ok(())
}

pub(super) async fn an_id_twice_in_one_append_is_refused<S: EventStore>(store: Arc<S>) -> Verdict {
    let event = placed(1);
    let twice = vec![event.clone(), placed(2).with_id(event.id)];
    let outcome = store.append(AppendRequest::new("order-1", Expected::Any, twice)).await;
    ensure!(outcome.is_err(), "an append that has one id twice is refused; got {outcome:?}");
    let stored = read_all(&*store).await?.len();
    ensure!(stored == 0, "an append that has one id twice stores nothing; it stored {stored}");
    Ok(())
}
