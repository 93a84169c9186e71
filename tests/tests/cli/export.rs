//! `events export`: what it writes, `events import` takes.

use projections::{AppendRequest, EventStore, Expected, NewEvent, memory::MemoryEventStore};

use crate::support::{Folder, lines, stored, succeeds};

async fn appended(payload: Vec<u8>) -> MemoryEventStore {
    let events = MemoryEventStore::new();
    let event = NewEvent::raw("Odd", payload)
        .in_domain("odd")
        .with_metadata("{\n\"user\": \"x\"}")
        .at("2020-01-02T03:04:05.000006Z".parse().unwrap());
    events.append(AppendRequest::new("odd \u{1b}]0;x", Expected::Any, vec![event])).await.unwrap();
    events
}

#[tokio::test]
async fn a_round_trip_keeps_everything() {
    let folder = Folder::new();
    let events = appended(b"{\r\n\t\"a\": 1.10}".to_vec()).await;
    let source = folder.file("in.ndjson", lines(2_500));
    assert!(succeeds(&events, &["events", "import", &source]).await);
    let all = stored(&events).await;

    for name in ["out.ndjson", "out.ndjson.gz"] {
        let file = folder.path(name);
        assert!(succeeds(&events, &["events", "export", &file]).await);
        let copy = MemoryEventStore::new();
        assert!(succeeds(&copy, &["events", "import", &file]).await);
        let copied = stored(&copy).await;
        // On one line, a line end between tokens is a blank.
        assert_eq!(copied[0].data, "{  \t\"a\": 1.10}");
        assert_eq!(copied[0].metadata.as_deref(), Some("{ \"user\": \"x\"}"));
        assert_eq!((copied[0].id, &copied[0].stream), (all[0].id, &all[0].stream));
        assert_eq!(copied[0].time, "2020-01-02T03:04:05.000006Z");
        assert_eq!(copied[1..], all[1..]);
    }
    let zipped = std::fs::read(folder.path("out.ndjson.gz")).unwrap();
    assert_eq!(zipped[..2], [0x1f, 0x8b]);
}

#[tokio::test]
async fn a_line_has_the_promised_keys() {
    let folder = Folder::new();
    let events = appended(b"[1, 2]".to_vec()).await;
    let file = folder.path("out");
    assert!(succeeds(&events, &["events", "export", &file]).await);
    let text = std::fs::read_to_string(file).unwrap();
    let start = "{\"stream\":\"odd \\u001b]0;x\",\"domain\":\"odd\",\"type\":\"Odd\",\
                 \"time\":\"2020-01-02T03:04:05.000006Z\",\"data\":[1, 2],\"id\":\"";
    assert!(text.starts_with(start), "{text}");
    assert!(text.contains("\"recorded_at\":\"2"), "{text}");
    assert!(text.ends_with(",\"metadata\":{ \"user\": \"x\"}}\n"), "{text}");
}

#[tokio::test]
async fn a_version_is_kept_and_the_first_is_not_written() {
    let folder = Folder::new();
    let events = MemoryEventStore::new();
    let of = |version| NewEvent::json("Odd", "{}").in_domain("odd").with_version(version);
    let all = vec![of(1), of(2), of(1), of(u32::MAX)];
    events.append(AppendRequest::new("odd", Expected::Any, all)).await.unwrap();
    let file = folder.path("out");
    assert!(succeeds(&events, &["events", "export", &file]).await);
    let text = std::fs::read_to_string(&file).unwrap();
    let has_version = |line: &str| line.contains("\"type\":\"Odd\",\"version\":");
    assert_eq!(text.lines().map(has_version).collect::<Vec<_>>(), [false, true, false, true]);
    let copy = MemoryEventStore::new();
    assert!(succeeds(&copy, &["events", "import", &file]).await);
    let copied = stored(&copy).await;
    let versions: Vec<_> = copied.iter().map(|event| event.version).collect();
    assert_eq!(versions, [1, 2, 1, u32::MAX]);
    assert_eq!(copied, stored(&events).await);
    // They are the same events, so nothing is stored twice.
    assert!(succeeds(&events, &["events", "import", &file]).await);
    assert_eq!(stored(&events).await, copied);
}

#[tokio::test]
async fn a_payload_that_is_not_json_is_an_error_and_leaves_no_file() {
    let folder = Folder::new();
    for payload in [b"\x00\xff".to_vec(), b"not json".to_vec()] {
        let events = appended(payload).await;
        let file = folder.path("out");
        assert!(!succeeds(&events, &["events", "export", &file]).await);
        assert!(!std::fs::exists(file).unwrap());
    }
}

#[tokio::test]
async fn no_file_is_replaced() {
    let folder = Folder::new();
    let events = appended(b"1".to_vec()).await;
    let file = folder.file("precious", "gold");
    assert!(!succeeds(&events, &["events", "export", &file]).await);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "gold");
}
