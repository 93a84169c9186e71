//! `events import`: all or nothing for broken files, once and in order for good ones.

use projections::{
    EventId, EventSource, EventStore, ImportChunk, ImportProgress, NewEvent,
    memory::MemoryEventStore,
};

use crate::support::{Folder, gzip, line, line_with, lines, stored, succeeds};

async fn imports(events: &MemoryEventStore, path: &str) -> bool {
    succeeds(events, &["events", "import", path]).await
}

/// Imports a file that must be refused, and sees that it left nothing.
async fn refused(content: impl AsRef<[u8]>) {
    let events = MemoryEventStore::new();
    let folder = Folder::new();
    assert!(!imports(&events, &folder.file("bad.ndjson", content)).await);
    assert!(stored(&events).await.is_empty());
}

#[tokio::test]
async fn a_good_file_is_stored_as_it_is() {
    let events = MemoryEventStore::new();
    let folder = Folder::new();
    let path = folder.file("good.ndjson", lines(25_000));
    assert!(imports(&events, &path).await);
    let all = stored(&events).await;
    assert_eq!(all.len(), 25_000);
    assert_eq!(all[8].stream, "s-1");
    assert_eq!(all[8].kind, "numbers/Counted");
    assert_eq!(all[8].time, "2019-07-01T00:00:00.7Z");
    // Byte for byte: the space after the colon is still there.
    assert!(all.iter().enumerate().all(|(n, event)| event.data == format!("{{\"n\": {n}}}")));
    assert!(events.unfinished_imports().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_broken_line_anywhere_stores_nothing() {
    let good = lines(25_000);
    refused(format!("{good}{{\"stream\":\n")).await;
    refused(format!("{{}}\n{good}")).await;
    refused(format!("{}\n{}", line(1), line(2))).await;
    refused(line(1).replace("2019", "last year")).await;
    refused(line(1).replace("}\n", ",\"extra\":1}\n")).await;
    refused(line(1).replace("numbers", &"x".repeat(513))).await;
    refused(line(1).replace("\"type\":\"Counted\",", "")).await;
}

#[tokio::test]
async fn a_line_too_long_or_too_deep_stores_nothing() {
    let long = format!("\"{}\"", "x".repeat(1 << 20));
    refused(format!("{}{}", line(1), line_with(2, &long))).await;
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    refused(format!("{}{}", line(1), line_with(2, &deep))).await;
}

#[tokio::test]
async fn a_damaged_compressed_file_stores_nothing() {
    let good = gzip(lines(1_000).as_bytes());
    refused(&good[..good.len() / 2]).await;
    refused([&good[..], b"rubbish"].concat()).await;
    // 4 GiB of one line in 4 MiB.
    refused(gzip(&[b'x'; 1 << 20]).repeat(4_096)).await;
}

#[tokio::test]
async fn two_equal_lines_are_two_events() {
    let events = MemoryEventStore::new();
    let folder = Folder::new();
    assert!(imports(&events, &folder.file("two.ndjson", line(1).repeat(2))).await);
    let all = stored(&events).await;
    assert_eq!(all.len(), 2);
    assert_ne!(all[0].id, all[1].id);
}

#[tokio::test]
async fn a_repeat_stores_nothing_and_a_grown_file_its_new_lines() {
    let events = MemoryEventStore::new();
    let folder = Folder::new();
    let path = folder.file("f.ndjson", lines(12_345));
    assert!(imports(&events, &path).await);
    let first = stored(&events).await;
    assert!(imports(&events, &path).await);
    assert_eq!(stored(&events).await, first);

    // Compressed, it is the same file; and so it is with other line ends.
    let zipped = folder.file("f.ndjson.gz", gzip(lines(12_345).as_bytes()));
    assert!(imports(&events, &zipped).await);
    let other_ends = folder.file("crlf.ndjson", lines(12_345).replace('\n', "\r\n"));
    assert!(imports(&events, &other_ends).await);
    assert_eq!(stored(&events).await, first);

    let grown = folder.file("f.ndjson.gz", gzip(lines(12_355).as_bytes()));
    assert!(imports(&events, &grown).await);
    let all = stored(&events).await;
    assert_eq!(all.len(), 12_355);
    assert_eq!(all[..12_345], first);
    assert_eq!(all[12_354].data, "{\"n\": 12354}");
}

#[tokio::test]
async fn an_import_that_stopped_is_completed_by_the_same_command() {
    let folder = Folder::new();
    let path = folder.file("f.ndjson", lines(1_000));
    let whole = MemoryEventStore::new();
    assert!(imports(&whole, &path).await);
    let all = stored(&whole).await;

    // What a kill after the first 400 lines leaves.
    let events = MemoryEventStore::new();
    let prefix = all[..400].iter().map(|event| {
        let new = NewEvent::json("Counted", event.data.clone()).in_domain("numbers");
        (event.stream.clone(), new.with_id(event.id).at(event.time.parse().unwrap()))
    });
    let progress =
        ImportProgress { import: all[0].id, file: path.clone(), lines: 400, total: 1_000 };
    events.import(ImportChunk::new(prefix.collect(), progress)).await.unwrap();
    assert_eq!(events.unfinished_imports().await.unwrap()[0].lines, 400);

    assert!(imports(&events, &path).await);
    assert_eq!(stored(&events).await, all);
    assert!(events.unfinished_imports().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_given_id_and_metadata_are_kept() {
    let events = MemoryEventStore::new();
    let folder = Folder::new();
    let id = EventId::from_u128(42);
    let more = format!(
        ",\"id\":\"{id}\",\"recorded_at\":\"2020-01-01T00:00:00Z\",\"metadata\":{{\"user\": 7}}}}\n"
    );
    assert!(imports(&events, &folder.file("f", line(1).replace("}\n", &more))).await);
    let all = stored(&events).await;
    assert_eq!(all[0].id, id);
    assert_eq!(all[0].metadata.as_deref(), Some("{\"user\": 7}"));
}

#[tokio::test]
async fn empty_is_fine_and_missing_is_not() {
    let events = MemoryEventStore::new();
    let folder = Folder::new();
    assert!(imports(&events, &folder.file("empty", "")).await);
    assert!(imports(&events, &folder.file("blank", "\n\n")).await);
    assert!(imports(&events, &folder.file("empty.gz", gzip(b""))).await);
    assert!(!imports(&events, &folder.path("missing")).await);
    assert!(!imports(&events, &folder.path("")).await);
    assert!(imports(&events, &folder.file("ends-blank", format!("{}\n\n", line(1)))).await);
    assert_eq!(stored(&events).await.len(), 1);
}
