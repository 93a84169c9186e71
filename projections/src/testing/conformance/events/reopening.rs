//! A store that was closed and opened again is the same.

use std::future::Future;

use super::{
    AppendRequest, Envelope, EventStore, Expected, Verdict, append, ensure, importing::chunk,
    placed, placed_each, read_all,
};
use crate::StreamPosition;

pub(super) async fn a_reopened_store_is_the_same<S: EventStore, R: Future<Output = S>>(
    store: S,
    reopen: impl Fn(S) -> R,
) -> Verdict {
    let request = AppendRequest::new("order-1", Expected::NoStream, placed_each(0..3));
    let receipt = store.append(request.clone()).await?;
    store.import(chunk(&[("order-2", placed(4))], 1, 2)).await?;
    let (identity, head) = (store.store_id(), store.head().await?);
    let (events, imports) = (read_all(&store).await?, store.unfinished_imports().await?);

    let store = reopen(store).await;
    let now = (store.store_id(), store.head().await?);
    ensure!(
        now == (identity, head),
        "identity and head outlive the store's handle: {:?}, not {now:?}",
        (identity, head)
    );
    let kept = read_all(&store).await?;
    ensure!(
        kept.iter().map(contents).eq(events.iter().map(contents)),
        "an append that has returned outlives the store's handle: {} events were stored, {} are, \
         or they were changed",
        events.len(),
        kept.len()
    );
    let listed = store.unfinished_imports().await?;
    ensure!(listed == imports, "an unfinished import is still listed: {imports:?}, not {listed:?}");
    let again = store.append(request).await?;
    ensure!(
        again == receipt,
        "an append from before is known by its ids: {receipt:?}, not {again:?}"
    );
    let at = AppendRequest::new("order-1", Expected::At(StreamPosition::new(3)), vec![placed(5)]);
    store.append(at).await?;
    let last = append(&store, "order-2", vec![placed(6)]).await?;
    ensure!(
        head.is_some_and(|head| last.first > head.position) && last.stream_position.get() == 2,
        "positions grow on from where they were; got {last:?}"
    );
    Ok(())
}

fn contents(event: &Envelope) -> impl PartialEq + use<> {
    (
        (event.position(), event.id(), event.stream().to_owned(), event.stream_position()),
        (event.domain().to_owned(), event.name().to_owned(), event.time(), event.recorded_at()),
        (event.payload().to_vec(), event.metadata().map(str::to_owned)),
    )
}
