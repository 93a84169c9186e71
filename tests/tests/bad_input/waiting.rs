//! Waits for what will not come.

use std::time::Duration;

use projections::{
    EventSource, Runtime, StoreId, Token, WaitError,
    sqlite::{Sqlite, SqliteEventStore, rusqlite::Connection},
};

use crate::support::{App, Running, lines};

#[test]
fn garbage_is_no_token() {
    let store = "00000000000000000000000000000007";
    for garbage in [
        String::new(),
        "gibberish".to_owned(),
        "....".to_owned(),
        "☃.1.2.s".to_owned(),
        format!("{store}.2.1.s"),
        format!("{store}.-1.1.s"),
        format!("{store}.1.99999999999999999999999.s"),
        format!("{store}.1.2"),
        format!("{store}0.1.2.s"),
        format!("{store}.1.2.s\0").replace("1.2", "1,2"),
        format!("{store}.1.2.s\0"),
        format!("{store}.1.2.a b"),
        format!("{store}.1.2.~"),
        format!("{store}.1.2.~2"),
        format!("{store}.1.2.~zz"),
        format!("{store}.1.2.a%20b"),
        format!("{store}.1.2.~FF"),
        format!("{store}.1.2.~+1"),
        format!("{store}.1.2.~41"),
        format!("{store}.1.2.~e2~98~83"),
        format!("{store}.+1.2.s"),
        format!("{store}.01.2.s"),
        format!("{store}.1.2.☃"),
        "00000000-0000-0000-0000-000000000007.1.2.s".to_owned(),
        "x".repeat(1 << 20),
    ] {
        let error = garbage.parse::<Token>().unwrap_err();
        assert!(error.to_string().contains("expected the text of `receipt.token()`"), "{error}");
    }
}

async fn runtime(app: &App) -> Runtime<SqliteEventStore> {
    let events = SqliteEventStore::open(app.path("events.db")).unwrap();
    Runtime::builder(events)
        .storage(Sqlite::open(app.path("read.db")).unwrap())
        .only(["ledger-sqlite"])
        .build()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_token_of_nowhere_is_an_error_and_no_endless_wait() {
    let app = App::new();
    let runtime = runtime(&app).await;
    let own = runtime.events().store_id();
    let far = Duration::from_secs(600);
    let soon = Duration::from_millis(50);
    let token = |store, last: u64| Token::new(store, 1.into(), last.into(), "s".into());

    let foreign = runtime.wait_for("ledger-sqlite", &token(StoreId::from_u128(7), 1), far).await;
    assert!(matches!(foreign, Err(WaitError::ForeignToken { .. })), "{foreign:?}");
    let unknown = runtime.wait_for("ledgre", &token(own, 1), far).await.unwrap_err().to_string();
    assert!(unknown.contains("no projector `ledgre`; there are `ledger-sqlite`"), "{unknown}");
    for last in [1, i64::MAX as u64, u64::MAX] {
        let late = runtime.wait_for("ledger-sqlite", &token(own, last), soon).await.unwrap_err();
        assert!(late.to_string().contains("`ledger-sqlite`"), "{late}");
    }
}

#[tokio::test]
async fn a_runtime_of_nobody_is_refused() {
    let app = App::new();
    let events = SqliteEventStore::open(app.path("events.db")).unwrap();
    let nobody = Runtime::builder(events).only(Vec::<String>::new()).build().await.unwrap_err();
    assert!(nobody.to_string().contains("there is no projector to run"), "{nobody}");
}

#[test]
fn a_read_model_that_somebody_locks_is_waited_for_and_said_so() {
    let app = App::projected(100);
    app.import(&lines(101..=200));
    let other = Connection::open(app.path("read.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let running = Running::start(app.through("env", &[], &["projection", "run"]));
    let waits = running.hear("projector `ledger` waits and retries: ");
    assert!(waits.contains("read.db: another process held its write lock"), "{waits}");
    assert_eq!(app.status("ledger")["behind"], 100);
    other.execute_batch("ROLLBACK").unwrap();
    running.hear("projector `ledger` goes on");
    running.signal("-TERM");
    running.hear("stopping; another Ctrl-C stops at once");
    assert_eq!(running.end(), (Some(0), "stopped".to_owned()));
    app.catch_up(200);
}

#[test]
fn a_run_that_cannot_see_its_projectors_says_why() {
    let app = App::projected(100);
    app.sql("read.db", "UPDATE projections_checkpoints SET state = 'dancing'");
    let running = Running::start(app.through("env", &[], &["projection", "run"]));
    // The projector in process goes on; the other one has halted.
    running.hear("cannot read the checkpoints from SQLite ");
    running.signal("-TERM");
    let (code, said) = running.end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the checkpoint of projector `ledger` is damaged in `state`"), "{said}");
}
