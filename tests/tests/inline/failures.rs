//! A handler that fails, in every way: then nothing is stored.

use projections::{
    AppendError, BoxError, HandleError, handlers, projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
};
use projections_tests::{
    inline::{InlineDigits, InlineLedger, PANICS, REFUSED},
    ledger::Added,
};

use crate::support::{Place, append};

/// What is in the file: events, rows of the ledger, rows of the digits, and the checkpoints.
fn content(place: &Place) -> (i64, i64, String, i64) {
    let digits =
        "SELECT coalesce(group_concat(digit || ':' || times || ':' || last), '') FROM digits";
    (
        place.one("SELECT count(*) FROM events"),
        place.one("SELECT count(*) FROM ledger"),
        place.one(digits),
        place.one("SELECT sum(position * 1000 + scanned) FROM projections_checkpoints"),
    )
}

#[tokio::test]
async fn an_error_and_a_panic_fail_the_append() {
    let place = Place::new();
    let builder = place.builder().projector(InlineLedger).projector(InlineDigits);
    let runtime = builder.build().await.unwrap();
    runtime.catch_up().await.unwrap();
    let events = place.events();
    append(&events, [1, 2, 13]).await.unwrap();
    let before = content(&place);
    assert_eq!(before, (3, 3, "1:1:1,2:1:2,3:1:13".to_owned(), 6006));

    for (bad, why) in [(REFUSED, "refuses 1000000"), (PANICS, "panics at 2000000")] {
        let error = append(&events, [4, bad, 5]).await.unwrap_err();
        let AppendError::Projector { source, .. } = &error else { panic!("{error}") };
        assert!(format!("{source:?}").contains(why), "{source:?}");
        assert!(error.to_string().contains("nothing was stored"), "{error}");
        assert_eq!(content(&place), before, "{why}");
    }
    append(&events, [6]).await.unwrap();
    place.ledger();
}

/// Writes the same row for every event, inline.
#[projector("once", storage = Sqlite, mode = "inline", register = false)]
#[derive(Clone)]
struct Once;

#[handlers]
impl Once {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("CREATE TABLE IF NOT EXISTS once (half INTEGER PRIMARY KEY)")
    }

    #[handles(Added)]
    fn added(&self, event: &Added, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute("INSERT INTO once VALUES (?1)", [event.n.cast_signed() / 2]).map(drop)
    }
}

#[tokio::test]
async fn where_one_of_two_projectors_fails_neither_has_anything() {
    let place = Place::new();
    let builder = place.builder().projector(InlineLedger).projector(Once);
    let runtime = builder.build().await.unwrap();
    runtime.catch_up().await.unwrap();
    let events = place.events();
    append(&events, [0, 2]).await.unwrap();
    // `ledger` comes before `once`: it has written when the other fails.
    let error = append(&events, [4, 5]).await.unwrap_err();
    let AppendError::Projector { projector, source, .. } = &error else { panic!("{error}") };
    assert_eq!(&**projector, "once");
    assert!(matches!(source, HandleError::Failed { method: "added", .. }), "{source}");
    assert_eq!(place.one::<i64>("SELECT count(*) FROM once"), 2);
    assert_eq!(place.ledger().rows.len(), 2);
    append(&events, [6]).await.unwrap();
    assert_eq!(place.ledger().rows.len(), 3);
}

/// Tries to leave the append's transaction, and swallows what it is told.
#[projector("leaver", storage = Sqlite, mode = "inline", register = false)]
#[derive(Clone)]
struct Leaver;

#[handlers]
impl Leaver {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("CREATE TABLE IF NOT EXISTS leaver (n INTEGER PRIMARY KEY)")
    }

    #[handles(Added)]
    fn added(&self, event: &Added, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        let way = match event.n {
            1 => "COMMIT",
            2 => "ROLLBACK",
            3 => "INSERT OR ROLLBACK INTO leaver VALUES (7)",
            4 => "DELETE FROM events",
            5 => "DELETE FROM projections_inline",
            _ => "INSERT OR IGNORE INTO leaver VALUES (7)",
        };
        let outcome = db.execute(way, []);
        if event.n == 4 || event.n == 5 {
            outcome?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_handler_cannot_leave_the_appends_transaction_or_touch_the_log() {
    let place = Place::new();
    let runtime = place.builder().projector(Leaver).build().await.unwrap();
    runtime.catch_up().await.unwrap();
    let events = place.events();
    append(&events, [0]).await.unwrap();
    for way in 1..=5 {
        let error = append(&events, [0, way]).await.unwrap_err();
        assert!(matches!(error, AppendError::Projector { .. }), "{way}: {error}");
        assert_eq!(place.one::<i64>("SELECT count(*) FROM events"), 1, "{way}");
    }
    append(&events, [0]).await.unwrap();
}

/// Two digits with one number: a unique index of the rows refuses the second.
#[projector("pairs", storage = Sqlite, mode = "inline", register = false)]
#[derive(Clone)]
struct Pairs;

#[derive(Debug, Default, projections::ReadModel)]
#[read_model(table = "pairs")]
struct Pair {
    #[key]
    number: u64,
    half: u64,
}

#[handlers]
impl Pairs {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("CREATE UNIQUE INDEX IF NOT EXISTS pairs_half ON pairs (half)")
    }

    #[handles(Added)]
    fn added(&self, event: &Added, pairs: &mut projections::Rows<Pair>) {
        pairs.entry(&event.n).half = event.n / 2;
    }
}

#[tokio::test]
async fn rows_that_a_table_refuses_name_their_own_event() {
    let place = Place::new();
    let runtime = place.builder().projector(Pairs).build().await.unwrap();
    runtime.catch_up().await.unwrap();
    let events = place.events();
    append(&events, [0, 2]).await.unwrap();
    let numbers = crate::support::added([4, 3, 6]);
    let guilty = numbers[1].id;
    let request = projections::AppendRequest::new("a", projections::Expected::Any, numbers);
    let error = projections::EventStore::append(&events, request).await.unwrap_err();
    let AppendError::Projector { event, .. } = &error else { panic!("{error}") };
    assert_eq!(*event, guilty, "found by writing each event's rows by themselves");
    assert_eq!(place.one::<i64>("SELECT count(*) FROM events"), 2);
    assert_eq!(place.one::<i64>("SELECT count(*) FROM pairs"), 2);
    append(&events, [4, 6]).await.unwrap();
    assert_eq!(place.one::<i64>("SELECT sum(half) FROM pairs"), 6);
}
