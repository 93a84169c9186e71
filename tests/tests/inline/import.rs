//! An import is an append.

use projections::{
    AppendError, EventStore, ImportChunk, ImportProgress, ImportReceipt, NewEvent,
    sqlite::SqliteEventStore,
};
use projections_tests::inline::REFUSED;

use crate::{
    processes::app,
    support::{Place, added},
};

async fn import(
    events: &SqliteEventStore,
    numbers: Vec<NewEvent>,
) -> Result<ImportReceipt, AppendError> {
    let progress = ImportProgress {
        import: numbers[0].id,
        file: "numbers.ndjson".to_owned(),
        lines: numbers.len() as u64,
        total: 100,
    };
    let streams = (0..).map(|n| format!("s-{}", n % 3));
    events.import(ImportChunk::new(streams.zip(numbers).collect(), progress)).await
}

#[tokio::test]
async fn an_import_runs_the_projector_chunk_by_chunk() {
    let place = Place::new();
    let runtime = place.active().await;
    let events = place.events();
    let first = added(0..10);
    assert_eq!(import(&events, first.clone()).await.unwrap().stored, 10);
    assert_eq!(place.ledger().rows.len(), 10);
    // A repeat that has come further: what is known takes effect once.
    let further: Vec<_> = first.iter().cloned().chain(added(10..15)).collect();
    let receipt = import(&events, further.clone()).await.unwrap();
    assert_eq!((receipt.stored, receipt.known), (5, 10));
    assert_eq!(place.ledger().rows.len(), 15);
    assert_eq!(import(&events, further).await.unwrap().known, 15);

    let bad = added([15, REFUSED, 16]);
    let guilty = bad[1].id;
    let error = import(&events, bad).await.unwrap_err();
    assert!(matches!(error, AppendError::Projector { event, .. } if event == guilty), "{error}");
    assert_eq!(place.ledger().rows.len(), 15);
    drop(runtime);
    let error = import(&events, added([17])).await.unwrap_err();
    assert!(matches!(error, AppendError::NotRun { .. }), "{error}");
}

/// A command of the application, run to its end: its exit code, and what it said.
fn command(place: &Place, with: &str, words: &[&str]) -> (Option<i32>, String) {
    let arguments: Vec<_> = ["cli", with].iter().chain(words).copied().collect();
    let mut command = app(place, &arguments);
    let output = command.stderr(std::process::Stdio::piped()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

fn file(place: &Place, name: &str, numbers: impl IntoIterator<Item = u64>) -> String {
    let line = |n| {
        format!(
            "{{\"stream\":\"s\",\"domain\":\"numbers\",\"type\":\"Added\",\
             \"time\":\"2019-07-01T00:00:00Z\",\"data\":{{\"n\":{n}}}}}\n"
        )
    };
    let path = place.path.with_file_name(name);
    std::fs::write(&path, numbers.into_iter().map(line).collect::<String>()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_command_imports_through_the_projector_or_not_at_all() {
    let place = Place::new();
    drop(place.active().await);
    // Three chunks.
    let good = file(&place, "good.ndjson", 0..20_500);
    let (code, said) = command(&place, "nothing", &["events", "import", &good]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("projector `ledger` runs in the transaction of each append"), "{said}");
    assert_eq!(place.ledger().rows.len(), 0);
    let (code, said) = command(&place, "inline", &["events", "import", &good]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(place.ledger().rows.len(), 20_500);

    let bad = file(&place, "bad.ndjson", (30_000..41_000).chain([REFUSED]).chain(41_000..41_100));
    let (code, said) = command(&place, "inline", &["events", "import", &bad]);
    assert_eq!(code, Some(1), "{said}");
    for words in ["line 11001", "inline projector `ledger`", "10000 lines of earlier chunks"] {
        assert!(said.contains(words), "`{words}` is missing: {said}");
    }
    assert_eq!(place.ledger().rows.len(), 30_500);
}

#[tokio::test]
async fn the_commands_say_that_it_is_inline() {
    let place = Place::new();
    drop(place.active().await);
    let (code, said) = command(&place, "inline", &["projection", "check"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("ledger: Sqlite, inline, "), "{said}");
    let (_, said) = command(&place, "inline", &["projection", "graph"]);
    assert!(said.contains("inline, version 1"), "{said}");
    let (_, said) = command(&place, "inline", &["projection", "status"]);
    assert!(said.contains("caught up"), "{said}");
    let (code, said) = command(&place, "inline", &["projection", "health"]);
    assert_eq!(code, Some(0), "{said}");
}
