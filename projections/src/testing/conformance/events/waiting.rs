//! Waits: they end where there is an event, and no append is missed.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use super::{EventStore, GlobalPosition, Verdict, append, ensure, importing::chunk, placed};
use crate::StoreError;

/// How long a wait may last once there is an event: much longer than any poll of a store.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) async fn a_wait_returns_where_there_is_an_event<S: EventStore>(
    store: Arc<S>,
) -> Verdict {
    let last = append(&*store, "order-1", vec![placed(1), placed(2)]).await?.last;
    let first = GlobalPosition::new(last.get() - 1);
    for after in [GlobalPosition::BEGINNING, first] {
        ensure!(
            ends(store.wait(after)).await?,
            "a wait for an event after {after} returns at once where {last} is stored"
        );
    }
    Ok(())
}

pub(super) async fn an_append_wakes_a_wait<S: EventStore>(store: Arc<S>) -> Verdict {
    for number in 1..4 {
        let head = store.head().await?.map(|head| head.position).unwrap_or_default();
        let mut wait = pin!(store.wait(head));
        let early = poll_once(wait.as_mut()).await?;
        append(&*store, "order-1", vec![placed(number)]).await?;
        ensure!(
            early || ends(wait).await?,
            "an append wakes who waits for it, however far the wait had come: a wait after {head} \
             slept on for {PATIENCE:?}"
        );
    }
    Ok(())
}

pub(super) async fn an_import_wakes_a_wait<S: EventStore>(store: Arc<S>) -> Verdict {
    let mut wait = pin!(store.wait(GlobalPosition::BEGINNING));
    let early = poll_once(wait.as_mut()).await?;
    store.import(chunk(&[("order-1", placed(1))], 1, 1)).await?;
    ensure!(
        early || ends(wait).await?,
        "an import wakes who waits for its events: a wait slept on for {PATIENCE:?}"
    );
    Ok(())
}

pub(super) async fn a_dropped_wait_forgets_nothing<S: EventStore>(store: Arc<S>) -> Verdict {
    let start = GlobalPosition::BEGINNING;
    {
        let mut dropped = pin!(store.wait(start));
        poll_once(dropped.as_mut()).await?;
    }
    append(&*store, "order-1", vec![placed(1)]).await?;
    {
        // This one is dropped when it may already know of the event.
        let mut dropped = pin!(store.wait(start));
        poll_once(dropped.as_mut()).await?;
    }
    ensure!(
        ends(store.wait(start)).await?,
        "a wait that was dropped forgets nothing: the next one slept on for {PATIENCE:?}, over an \
         event that is stored"
    );
    Ok(())
}

/// Lets a wait run until it sleeps; tells whether it has ended.
async fn poll_once<F>(mut wait: Pin<&mut F>) -> Result<bool, StoreError>
where
    F: Future<Output = Result<(), StoreError>>,
{
    match poll_fn(|context| Poll::Ready(wait.as_mut().poll(context))).await {
        Poll::Ready(outcome) => outcome.map(|()| true),
        Poll::Pending => Ok(false),
    }
}

/// Tells whether a wait ends.
async fn ends(wait: impl Future<Output = Result<(), StoreError>>) -> Result<bool, StoreError> {
    match tokio::time::timeout(PATIENCE, wait).await {
        Ok(outcome) => outcome.map(|()| true),
        Err(_) => Ok(false),
    }
}
