//! Lawful changes: a projector becomes inline, is rebuilt, gets other code, and is made async again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use projections::{
    AppendError, BoxError, HaltReason, Runtime, State, handlers, projector,
    sqlite::{Sqlite, SqliteEventStore, SqliteTx, rusqlite},
};
use projections_tests::{
    inline::{AsyncLedger, InlineDigits, InlineLedger, NextInlineLedger, REFUSED, Removed},
    ledger::{Added, TABLES, apply_sqlite},
};
use tokio::sync::oneshot;

use crate::support::{Place, append, log, state};

#[tokio::test]
async fn async_to_inline_and_back_counts_nothing_twice() {
    let place = Place::new();
    let events = place.events();
    append(&events, 0..10).await.unwrap();
    let behind = place.builder().projector(AsyncLedger).build().await.unwrap();
    behind.catch_up().await.unwrap();
    append(&events, 10..20).await.unwrap();
    assert_eq!(state(&behind).await, (State::Stopped, 10, 10));

    let inline = place.active().await;
    append(&events, 20..30).await.unwrap();
    assert_eq!(place.ledger().rows.len(), 30);
    assert_eq!(state(&inline).await, (State::CaughtUp, 30, 0));
    drop(inline);

    // Nobody who appends knows it as inline from here on: it goes on from its checkpoint.
    behind.catch_up().await.unwrap();
    append(&events, 30..40).await.unwrap();
    assert_eq!(state(&behind).await, (State::Stopped, 30, 10));
    behind.catch_up().await.unwrap();
    assert_eq!(place.ledger().rows.len(), 40);
    assert_eq!(place.one::<i64>("SELECT count(*) FROM projections_inline"), 0);

    let inline = place.active().await;
    append(&events, 40..42).await.unwrap();
    assert_eq!(place.ledger().rows.len(), 42);
    drop(inline);
}

#[tokio::test]
async fn every_batch_size_and_mode_makes_the_same_read_models() {
    let digits = "SELECT group_concat(digit || ':' || times || ':' || last) FROM digits";
    let mut made = Vec::new();
    for (batch, first) in [(1_000, 0), (7, 0), (1, 0), (1_000, 57), (7, 23), (1, 88)] {
        let place = Place::new();
        let events = place.events();
        // What is stored before is caught up, the rest is inline, in appends of many sizes.
        for n in 0..first {
            append(&events, [n]).await.unwrap();
        }
        let builder = place.builder().batch_events(batch);
        let builder = builder.projector(InlineLedger).projector(InlineDigits);
        let runtime = builder.build().await.unwrap();
        runtime.catch_up().await.unwrap();
        let (mut next, mut size) = (first, 1);
        while next < 100 {
            append(&events, next..100.min(next + size)).await.unwrap();
            (next, size) = (next + size, size % 9 + 1);
        }
        made.push((place.ledger(), place.one::<String>(digits)));
        drop(runtime);
    }
    made.dedup();
    assert_eq!(made.len(), 1, "{made:?}");
}

#[tokio::test]
async fn a_rebuild_is_asynchronous_and_then_inline_again() {
    let place = Place::new();
    let runtime = place.active().await;
    let events = place.events();
    append(&events, 0..30).await.unwrap();
    // Something else has spoilt the read model.
    place.look().execute("UPDATE ledger_fold SET value = 1", []).unwrap();
    runtime.rebuild("ledger").await.unwrap();
    assert_eq!(place.ledger().rows.len(), 30);
    append(&events, 30..33).await.unwrap();
    assert_eq!(place.ledger().rows.len(), 33);

    // The same while its runner looks after it.
    let (stop, stopped) = oneshot::channel::<()>();
    let running = {
        let runtime = runtime.clone();
        tokio::spawn(async move { runtime.run(async { _ = stopped.await }).await })
    };
    place.look().execute("UPDATE ledger_fold SET value = 1", []).unwrap();
    runtime.rebuild("ledger").await.unwrap();
    append(&events, 33..35).await.unwrap();
    runtime.catch_up().await.unwrap();
    assert_eq!(place.ledger().rows.len(), 35);
    assert_eq!(state(&runtime).await, (State::CaughtUp, 35, 0));
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    // A clean stop takes nothing away from the appends.
    append(&events, [35]).await.unwrap();
    assert_eq!(place.ledger().rows.len(), 36);
    assert_eq!(state(&runtime).await, (State::CaughtUp, 36, 0));
}

#[tokio::test]
async fn an_event_that_fails_before_it_is_active_leaves_it_asynchronous_and_halted() {
    let place = Place::new();
    let events = place.events();
    append(&events, [0, 1, REFUSED, 2]).await.unwrap();
    let runtime = place.builder().projector(InlineLedger).build().await.unwrap();
    let error = runtime.catch_up().await.unwrap_err();
    assert!(matches!(&*error.halted()[0].reason, HaltReason::Event { .. }), "{error}");
    let (state, position, behind) = state(&runtime).await;
    assert_eq!((state, position, behind), (State::Halted, 2, 2));
    // Nobody is held up by it.
    append(&events, [3]).await.unwrap();
    assert_eq!(place.one::<i64>("SELECT count(*) FROM events"), 5);
    assert_eq!(place.one::<i64>("SELECT count(*) FROM ledger"), 2);
}

#[tokio::test]
async fn a_wait_is_answered_at_once() {
    let place = Place::new();
    let runtime = place.active().await;
    let events = place.events();
    let receipt = append(&events, 0..3).await.unwrap();
    runtime.wait_for("ledger", &receipt.token(), Duration::from_secs(60)).await.unwrap();
    runtime.catch_up().await.unwrap();
}

/// The ledger with a handler more.
macro_rules! longer {
    ($longer:ident $($more:tt)*) => {
        #[projector("ledger", storage = Sqlite, mode = "inline", register = false)]
        #[derive(Clone)]
        struct $longer;

        #[handlers]
        impl $longer {
            #[setup]
            fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
                db.execute_batch(TABLES)
            }

            #[reset]
            fn clear(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
                db.execute_batch("DELETE FROM ledger; DELETE FROM ledger_fold;")
            }

            #[handles(Added)]
            fn added(
                &self,
                event: &Added,
                at: &projections::Envelope,
                db: &mut SqliteTx<'_>,
            ) -> Result<(), BoxError> {
                Ok(apply_sqlite(event, at, db)?)
            }

            #[handles(Removed $($more)*)]
            fn removed(&self, event: &Removed, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
                db.execute("DELETE FROM ledger WHERE n = ?1", [event.n.cast_signed()]).map(drop)
            }
        }
    };
}

longer!(Longer);
longer!(LongerFromNow, from = "now");

async fn remove(events: &SqliteEventStore, n: u64) -> Result<projections::Receipt, AppendError> {
    use projections::{AppendRequest, EventStore, Expected, NewEvent};
    let removed = NewEvent::of(&Removed { n }).unwrap();
    events.append(AppendRequest::new("a", Expected::Any, vec![removed])).await
}

async fn built(place: &Place, from_now: bool) -> Runtime<SqliteEventStore> {
    let builder = place.builder();
    let builder =
        if from_now { builder.projector(LongerFromNow) } else { builder.projector(Longer) };
    builder.build().await.unwrap()
}

#[tokio::test]
async fn a_new_handler_takes_over_without_a_gap() {
    let place = Place::new();
    let old = place.active().await;
    let events = place.events();
    append(&events, 0..5).await.unwrap();
    // No such event was passed: the new code takes the projector over, and it stays inline.
    let new = built(&place, false).await;
    new.catch_up().await.unwrap();
    remove(&events, 3).await.unwrap();
    append(&events, [5]).await.unwrap();
    let left = "SELECT group_concat(n) FROM ledger";
    assert_eq!(place.one::<String>(left), "0,1,2,4,5");
    drop(new);
    // The old code is here, and is not the one that is recorded any longer.
    let error = append(&events, [6]).await.unwrap_err();
    assert!(error.to_string().contains("other code"), "{error}");
    drop(old);
}

#[tokio::test]
async fn a_new_handler_for_events_that_were_passed_does_not_start_silently() {
    let place = Place::new();
    let old = place.active().await;
    let events = place.events();
    append(&events, 0..5).await.unwrap();
    remove(&events, 3).await.unwrap();
    let new = built(&place, false).await;
    let error = new.catch_up().await.unwrap_err();
    assert!(error.to_string().contains("Removed was added, 1 of them were passed"), "{error}");
    // The old code goes on meanwhile: it is still the one that is recorded.
    append(&events, [5]).await.unwrap();
    assert_eq!(place.one::<i64>("SELECT count(*) FROM ledger"), 6);
    new.rebuild("ledger").await.unwrap();
    drop(old);
    append(&events, [6]).await.unwrap();
    assert_eq!(place.one::<String>("SELECT group_concat(n) FROM ledger"), "0,1,2,4,5,6");
    drop(new);

    let place = Place::new();
    let old = place.active().await;
    let events = place.events();
    append(&events, 0..5).await.unwrap();
    remove(&events, 3).await.unwrap();
    let new = built(&place, true).await;
    new.catch_up().await.unwrap();
    drop(old);
    remove(&events, 4).await.unwrap();
    let left = "SELECT group_concat(n) FROM ledger";
    assert_eq!(place.one::<String>(left), "0,1,2,3", "from now on, inside the appends, too");
}

#[tokio::test]
async fn a_higher_version_is_a_rebuild() {
    let place = Place::new();
    drop(place.active().await);
    let old = place.builder().projector(InlineLedger).build().await.unwrap();
    let events = place.events();
    append(&events, 0..5).await.unwrap();
    drop(old);
    place.look().execute("UPDATE ledger_fold SET value = 1", []).unwrap();
    let next = place.builder().projector(NextInlineLedger).build().await.unwrap();
    next.catch_up().await.unwrap();
    append(&events, 5..7).await.unwrap();
    assert_eq!(place.ledger().rows.len(), 7);
    assert_eq!(log(&place.path).len(), 7);
}

macro_rules! gates {
    ($type:ident $(, $($options:tt)*)?) => {
        /// Whom the gates let in; a thirteenth is turned away until the lock is repaired.
        #[projector("gates", storage = Sqlite, register = false, retry(none) $(, $($options)*)?)]
        #[derive(Clone)]
        struct $type {
            is_repaired: Arc<AtomicBool>,
        }

        #[handlers]
        impl $type {
            #[setup]
            fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
                db.execute_batch("CREATE TABLE IF NOT EXISTS let_in (place INTEGER PRIMARY KEY, n INTEGER)")
            }

            #[handles(Added)]
            fn added(&self, event: &Added, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
                if event.n == 13 && !self.is_repaired.load(SeqCst) {
                    return Err("thirteen is turned away".into());
                }
                db.execute("INSERT INTO let_in (n) VALUES (?1)", [event.n.cast_signed()])?;
                Ok(())
            }
        }
    };
}

gates!(Gates);
gates!(InlineGates, mode = "inline");

/// Later events of a stream would else pass those that wait, and no redrive could be asked for.
#[tokio::test]
async fn it_stays_asynchronous_while_something_is_parked() {
    for by in ["redrive", "discard"] {
        let place = Place::new();
        let events = place.events();
        append(&events, [1, 13, 2]).await.unwrap();
        let is_repaired = Arc::new(AtomicBool::new(false));
        let gates = Gates { is_repaired: Arc::clone(&is_repaired) };
        let runtime = place.builder().projector(gates).build().await.unwrap();
        runtime.catch_up().await.unwrap();
        drop(runtime);
        let let_in = || {
            let sql = "SELECT coalesce(group_concat(n, ' '), '') FROM (SELECT n FROM let_in ORDER BY place)";
            place.one::<String>(sql)
        };
        assert_eq!(let_in(), "1");

        let gates = InlineGates { is_repaired: Arc::clone(&is_repaired) };
        let runtime = place.builder().projector(gates).build().await.unwrap();
        runtime.catch_up().await.unwrap();
        let status = runtime.status().await.unwrap().projectors.remove(0);
        let told = status.last_error.unwrap_or_default();
        assert!(told.contains("1 keys are parked") && told.contains("redrive"), "{by}: {told}");
        append(&events, [3]).await.unwrap();
        runtime.catch_up().await.unwrap();
        assert_eq!(let_in(), "1", "{by}: the third waits as the second does");

        // Whoever runs it hands it over as soon as nothing is parked.
        let (stop, stopped) = oneshot::channel::<()>();
        let running = {
            let runtime = runtime.clone();
            tokio::spawn(async move { runtime.run(async { _ = stopped.await }).await })
        };
        while state(&runtime).await.0 != State::Parked {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        is_repaired.store(true, SeqCst);
        let letters = runtime.dead_letters("gates").unwrap();
        let all = projections::Chosen::All;
        let handled = match by {
            "redrive" => letters.redrive(all).await,
            _ => letters.discard(all).await,
        };
        assert_eq!(handled.unwrap().left, 0);
        while state(&runtime).await.0 != State::CaughtUp {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stop.send(()).unwrap();
        running.await.unwrap().unwrap();
        append(&events, [4]).await.unwrap();
        let expected = if by == "redrive" { "1 13 2 3 4" } else { "1 4" };
        assert_eq!(let_in(), expected, "{by}");
        assert_eq!(place.one::<i64>("SELECT count(*) FROM projections_inline"), 1);
    }
}
