//! Imports: chunks of events with their place in the file.

use std::sync::Arc;

use super::{EventStore, NewEvent, Verdict, append, ensure, placed, placed_each, read_all};
use crate::{EventId, ImportChunk, ImportProgress, ImportReceipt};

/// Makes a chunk of the one import of a check, with its place in the file.
pub(super) fn chunk(events: &[(&str, NewEvent)], lines: u64, total: u64) -> ImportChunk {
    let events = events.iter().map(|(stream, event)| ((*stream).to_owned(), event.clone()));
    let progress = ImportProgress {
        import: EventId::from_u128(0x0123_4567_89ab_7000_8000_0000_0000_0001),
        file: "orders.jsonl".to_owned(),
        lines,
        total,
    };
    ImportChunk::new(events.collect(), progress)
}

fn is(receipt: ImportReceipt, stored: u64, known: u64) -> Verdict {
    let expected = ImportReceipt { stored, known };
    ensure!(
        receipt == expected,
        "an import says what it stored and what was known: {expected:?}, not {receipt:?}"
    );
    Ok(())
}

pub(super) async fn an_import_keeps_its_order<S: EventStore>(store: Arc<S>) -> Verdict {
    append(&*store, "order-2", placed_each(0..2)).await?;
    let streams = ["order-1", "order-2", "order-1", "order-3", "order-2", "order-2"];
    let events: Vec<(&str, NewEvent)> =
        streams.iter().enumerate().map(|(number, stream)| (*stream, placed(number))).collect();
    let (start, rest) = events.split_at(4);
    is(store.import(chunk(start, 4, 6)).await?, 4, 0)?;
    is(store.import(chunk(rest, 6, 6)).await?, 2, 0)?;
    let stored = read_all(&*store).await?;
    let got: Vec<(&str, u64, EventId)> = stored
        .iter()
        .skip(2)
        .map(|event| (event.stream(), event.stream_position().get(), event.id()))
        .collect();
    let places = [1, 3, 2, 1, 4, 5];
    let expected: Vec<(&str, u64, EventId)> =
        events.iter().zip(places).map(|((stream, event), at)| (*stream, at, event.id)).collect();
    ensure!(
        got == expected,
        "an import keeps the order of its file, each event after the last of its stream: expected \
         {expected:?}, got {got:?}"
    );
    Ok(())
}

pub(super) async fn known_events_are_passed_over<S: EventStore>(store: Arc<S>) -> Verdict {
    let appended = placed(0);
    append(&*store, "order-1", vec![appended.clone()]).await?;
    let mut events = vec![("order-1", appended), ("order-1", placed(1)), ("order-2", placed(2))];
    is(store.import(chunk(&events, 3, 3)).await?, 2, 1)?;
    is(store.import(chunk(&events, 3, 3)).await?, 0, 3)?;
    events.insert(1, ("order-2", placed(3)));
    is(store.import(chunk(&events, 4, 4)).await?, 1, 3)?;
    let stored = read_all(&*store).await?;
    let places: Vec<(&str, u64)> =
        stored.iter().map(|event| (event.stream(), event.stream_position().get())).collect();
    let expected = [("order-1", 1), ("order-1", 2), ("order-2", 1), ("order-2", 2)];
    ensure!(
        places == expected,
        "an import passes over events that are stored, and takes no place for them: expected \
         {expected:?}, got {places:?}"
    );
    Ok(())
}

pub(super) async fn a_refused_chunk_stores_nothing<S: EventStore>(store: Arc<S>) -> Verdict {
    let homeless = NewEvent { domain: None, ..placed(2) };
    let faults = [("order-1", homeless), ("", placed(2)), ("order\0one", placed(2))];
    for (stream, faulty) in faults {
        let events = [("order-1", placed(1)), (stream, faulty), ("order-1", placed(3))];
        let outcome = store.import(chunk(&events, 3, 9)).await;
        ensure!(outcome.is_err(), "a chunk is held to the rules of appends; got {outcome:?}");
        let stored = read_all(&*store).await?.len();
        ensure!(stored == 0, "a chunk that is refused stores nothing; it stored {stored}");
        let listed = store.unfinished_imports().await?;
        ensure!(listed.is_empty(), "a chunk that is refused is no progress; listed is {listed:?}");
    }
    Ok(())
}

pub(super) async fn an_unfinished_import_is_listed<S: EventStore>(store: Arc<S>) -> Verdict {
    for (lines, is_listed) in [(1, true), (2, true), (3, false)] {
        let chunk = chunk(&[("order-1", placed(1))], lines, 3);
        let progress = chunk.progress.clone();
        store.import(chunk).await?;
        let (listed, due) =
            (store.unfinished_imports().await?, Vec::from_iter(is_listed.then_some(progress)));
        ensure!(
            listed == due,
            "an import is listed with its place in the file until it is complete: {due:?}, not \
             {listed:?}"
        );
    }
    Ok(())
}
