//! What an event holds comes back as it was.

use std::sync::Arc;

use jiff::{Timestamp, Unit};

use super::{
    AppendRequest, Envelope, EventStore, Expected, NewEvent, Verdict, append, ensure, placed,
    read_all,
};
use crate::StoreErrorKind;

pub(super) async fn payloads_come_back_byte_for_byte<S: EventStore>(store: Arc<S>) -> Verdict {
    let payloads = [Vec::new(), (0..=255).collect(), vec![0; 3], vec![0xC3; 100_000]];
    let events = payloads
        .iter()
        .map(|payload| NewEvent::raw("OrderPlaced", payload.clone()).in_domain("orders"));
    append(&*store, "order-1", events.collect()).await?;
    let stored = read_all(&*store).await?;
    ensure!(stored.len() == payloads.len(), "an event is stored whatever its payload is");
    for (payload, event) in payloads.iter().zip(&stored) {
        ensure!(
            payload == event.payload(),
            "a payload comes back byte for byte: {} bytes were changed",
            payload.len()
        );
    }
    Ok(())
}

pub(super) async fn texts_come_back_as_they_were<S: EventStore>(store: Arc<S>) -> Verdict {
    let longest = "ü".repeat(AppendRequest::MAX_NAME_BYTES / 2);
    let texts = [
        "order-1",
        "Bestellung-ß",
        "注文-七",
        "🧾",
        "e\u{301}",
        "é",
        "it's \"quoted\"; --",
        "%_\\",
        " spaces ",
        "line\nbreak",
        "Order-1",
        &longest,
    ];
    for text in texts {
        let metadata = format!("{{\"z\": 1.50,  \"a\":{}}}", serde_json::Value::from(text));
        let event = placed(1).in_domain(text.to_owned()).with_metadata(metadata.clone());
        let event = NewEvent { name: text.to_owned().into(), ..event };
        let request = AppendRequest::new(text, Expected::NoStream, vec![event]);
        if let Err(error) = store.append(request).await {
            ensure!(
                false,
                "`{}` is a stream, domain and name of its own: {error}",
                text.escape_debug()
            );
        }
        let stored = last(&*store).await?;
        let back = [stored.stream(), stored.domain(), stored.name()];
        ensure!(back == [text; 3], "stream, domain and name come back: {text:?}, not {back:?}");
        ensure!(
            stored.metadata() == Some(&*metadata),
            "metadata comes back as the text that it was: {metadata}, not {:?}",
            stored.metadata()
        );
    }
    append(&*store, "order-1", vec![placed(1)]).await?;
    let none = last(&*store).await?;
    ensure!(none.metadata().is_none(), "an event without metadata comes back without");
    Ok(())
}

pub(super) async fn versions_come_back_as_they_were<S: EventStore>(store: Arc<S>) -> Verdict {
    // Side by side and mixed, in one stream and under one name.
    let versions = [1, 2, 1, 3, u32::MAX, 1];
    let events = versions.map(|version| placed(1).with_version(version));
    append(&*store, "order-1", events.to_vec()).await?;
    let stored: Vec<u32> = read_all(&*store).await?.iter().map(Envelope::version).collect();
    ensure!(
        stored == versions,
        "the version of an event's shape comes back: {versions:?}, not {stored:?}"
    );
    Ok(())
}

pub(super) async fn times_keep_microseconds<S: EventStore>(store: Arc<S>) -> Verdict {
    let microseconds = [0, 1, 1_700_000_000_123_456, -1, -62_000_000_000_000_001];
    for microsecond in microseconds {
        let time = Timestamp::from_microsecond(microsecond)?;
        append(&*store, "order-1", vec![placed(1).at(time)]).await?;
        let stored = last(&*store).await?.time();
        ensure!(stored == time, "times keep their microseconds: {time}, not {stored}");
    }
    let finer = Timestamp::from_nanosecond(1_700_000_000_123_456_789)?;
    append(&*store, "order-1", vec![placed(1).at(finer)]).await?;
    let stored = last(&*store).await?.time();
    let (cut, rounded) = (1_700_000_000_123_456, 1_700_000_000_123_457);
    ensure!(
        [cut, rounded].contains(&stored.as_microsecond())
            && stored.round(Unit::Microsecond)? == stored,
        "times are stored in microseconds: {finer} came back as {stored}"
    );
    Ok(())
}

pub(super) async fn the_time_of_recording_is_the_stores<S: EventStore>(store: Arc<S>) -> Verdict {
    let before = store.now().await?.as_microsecond();
    append(&*store, "order-1", vec![placed(1).at(Timestamp::UNIX_EPOCH)]).await?;
    let after = store.now().await?.as_microsecond();
    let recorded = last(&*store).await?.recorded_at().as_microsecond();
    ensure!(
        (before..=after).contains(&recorded),
        "`recorded_at` is when the event was stored, by the clock that `now` shows: {recorded} is \
         not between {before} and {after} (microseconds)"
    );
    Ok(())
}

async fn last<S: EventStore>(store: &S) -> Result<Envelope, super::Broken> {
    let missing = || crate::StoreError::new(StoreErrorKind::Other, "find the event just appended");
    Ok(read_all(store).await?.pop().ok_or_else(missing)?)
}
