//! Many writers, and a reader that follows them.

use std::{collections::HashMap, sync::Arc};

use tokio::task::JoinSet;

use super::{
    AppendRequest, Broken, EventStore, Expected, Filter, GlobalPosition, ReadRequest, Verdict,
    append, ensure, placed, placed_each,
};
use crate::{AppendError, Envelope, Receipt, StreamPosition};

const WRITERS: usize = 4;
const APPENDS: usize = 25;

pub(super) async fn what_is_delivered_is_what_is_stored<S: EventStore>(store: Arc<S>) -> Verdict {
    let mut writers = JoinSet::new();
    let mut sent = 0;
    for writer in 0..WRITERS {
        sent += (0..APPENDS).map(|append| append % 3 + 1).sum::<usize>();
        let store = Arc::clone(&store);
        writers.spawn(async move { write(&*store, writer).await });
    }
    let reader = Arc::clone(&store);
    let follower = tokio::spawn(async move { follow(&*reader, sent).await });
    let mut receipts = Vec::new();
    while let Some(written) = writers.join_next().await {
        receipts.extend(written??);
    }
    let delivered = follower.await??;
    check_order(&delivered)?;
    check_receipts(&delivered, &receipts)
}

/// Appends to a stream of the writer's own and to one that all share, in turn.
async fn write<S: EventStore>(store: &S, writer: usize) -> Result<Vec<Receipt>, Broken> {
    let mut receipts = Vec::new();
    for number in 0..APPENDS {
        let own = format!("order-{writer}");
        let stream = if number % 2 == 0 { "shared" } else { &own };
        receipts.push(append(store, stream, placed_each(0..number % 3 + 1)).await?);
        tokio::task::yield_now().await;
    }
    Ok(receipts)
}

/// Reads as a runner does: a page, or a wait at the end, until so many events have come.
async fn follow<S: EventStore>(store: &S, events: usize) -> Result<Vec<Envelope>, Broken> {
    let all = Filter::all();
    let mut after = GlobalPosition::BEGINNING;
    let mut delivered = Vec::new();
    while delivered.len() < events {
        let page = store.read(ReadRequest::new(after, &all).at_most(7, 4 << 20)).await?;
        delivered.extend(page.events());
        match page.scanned() {
            Some(scanned) => after = scanned.position,
            None => {
                // Silence this long means that an event was passed, never to come again.
                let waited = tokio::time::timeout(super::super::PATIENCE / 4, store.wait(after));
                match waited.await {
                    Ok(outcome) => outcome?,
                    Err(_) => {
                        return Err(Broken(format!(
                            "what is delivered is what is stored: a reader that followed the \
                             writers to position {after} got {} of {events} events, and passed \
                             the others",
                            delivered.len()
                        )));
                    }
                }
            }
        }
    }
    Ok(delivered)
}

fn check_order(delivered: &[Envelope]) -> Verdict {
    ensure!(
        delivered.is_sorted_by(|one, next| one.position() < next.position()),
        "a reader that follows the writers gets every event once, in one total order"
    );
    let mut ends: HashMap<&str, StreamPosition> = HashMap::new();
    for event in delivered {
        let end = ends.entry(event.stream()).or_default();
        let (came, due) = (event.stream_position(), end.next());
        ensure!(
            came == due,
            "each stream comes in its order: {came} of `{}` came where {due} was due",
            event.stream()
        );
        *end = due;
    }
    Ok(())
}

fn check_receipts(delivered: &[Envelope], receipts: &[Receipt]) -> Verdict {
    for receipt in receipts {
        let inside = delivered
            .iter()
            .filter(|event| event.position() >= receipt.first && event.position() <= receipt.last);
        let ends = inside.clone().next_back().map(Envelope::stream_position);
        ensure!(
            inside.clone().all(|event| event.stream() == receipt.stream)
                && ends == Some(receipt.stream_position),
            "the events of an append stand together where its receipt says: {receipt:?}"
        );
    }
    Ok(())
}

pub(super) async fn writers_of_one_stream_exclude_each_other<S: EventStore>(
    store: Arc<S>,
) -> Verdict {
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            let request = AppendRequest::new("order-1", Expected::NoStream, vec![placed(number)]);
            store.append(request).await
        });
    }
    let (mut stored, mut conflicts) = (0, 0);
    while let Some(outcome) = writers.join_next().await {
        match outcome? {
            Ok(_) => stored += 1,
            Err(AppendError::Conflict { .. }) => conflicts += 1,
            Err(error) => return Err(error.into()),
        }
    }
    ensure!(
        (stored, conflicts) == (1, WRITERS - 1),
        "of {WRITERS} writers that expect no stream at the same time one succeeds and the others \
         conflict; {stored} succeeded, {conflicts} conflicted"
    );
    Ok(())
}
