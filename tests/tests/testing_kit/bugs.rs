//! Projectors with a bug each that shows when events come in one way, and not when they come in one
//! batch: each is caught, and the way is named.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use projections::{
    Envelope, EventId, GlobalPosition, Rows, handlers, projector,
    sqlite::{
        Sqlite, SqliteTx,
        rusqlite::{self, Connection},
    },
    testing::{MemoryStorage, MemoryTx, Spec, Way},
};

use crate::support::{Paid, Till, failing, paid, payments, tills};

/// Looks whether a stream is known by a connection of its own, which does not see what the batch
/// has written.
#[projector("small-batches", storage = Sqlite, register = false)]
#[derive(Clone)]
struct SeesWholeBatchesOnly;

#[handlers]
impl SeesWholeBatchesOnly {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("CREATE TABLE IF NOT EXISTS firsts (stream TEXT)")
    }

    #[handles(Paid)]
    fn paid(&self, _: &Paid, at: &Envelope, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        let file = db.raw().path().map(str::to_owned).unwrap();
        let known: u32 = Connection::open(file)?.query_row(
            "SELECT count(*) FROM firsts WHERE stream = ?1",
            [at.stream()],
            |row| row.get(0),
        )?;
        if known == 0 {
            db.execute("INSERT INTO firsts VALUES (?1)", [at.stream()])?;
        }
        Ok(())
    }
}

#[test]
fn what_depends_on_the_size_of_batches_is_caught() {
    let (ways, text) = failing(
        payments(Spec::new(SeesWholeBatchesOnly))
            .then(|db| {
                let rows = db.query_row("SELECT count(*) FROM firsts", [], |row| row.get(0));
                assert_eq!(rows, Ok(9), "rows of one batch");
            })
            // They have batches of other sizes, too.
            .without(Way::Restarts)
            .without(Way::Twice)
            .without(Way::Crashes)
            .without(Way::Redrive),
    );
    assert_eq!(ways, [Way::SmallBatches]);
    assert!(text.contains("in small batches: in batches of 1 event: "), "{text}");
    assert!(text.contains("rows of one batch"), "{text}");
}

/// Keeps in a field what it reads again later.
#[projector("restarts", storage = Sqlite, register = false)]
#[derive(Clone, Default)]
struct RemembersInAField {
    payments: Arc<()>,
    sums: Sums,
}

/// Not shared by the clones of the runtime: each process has its own.
#[derive(Default)]
struct Sums(Mutex<BTreeMap<GlobalPosition, (String, i64)>>);

impl Clone for Sums {
    fn clone(&self) -> Self {
        Self::default()
    }
}

#[handlers]
impl RemembersInAField {
    #[handles(Paid)]
    fn paid(&self, event: &Paid, at: &Envelope, tills: &mut Rows<Till>) {
        let _ = &self.payments;
        let mut sums = self.sums.0.lock().unwrap();
        // By position, so that repetition is no matter.
        sums.insert(at.position(), (at.stream().to_owned(), event.cents));
        let own = sums.values().filter(|(stream, _)| stream == at.stream());
        let own: Vec<i64> = own.map(|(_, cents)| *cents).collect();
        tills.insert(Till::of(at.stream(), &own));
    }
}

#[test]
fn what_is_lost_at_a_restart_is_caught() {
    let (ways, text) =
        failing(payments(Spec::new(RemembersInAField::default())).then_rows(tills()));
    assert_eq!(ways, [Way::Restarts, Way::Crashes]);
    assert!(text.contains("with restarts: a process for each event: table `tills`"), "{text}");
    assert!(text.contains("stream = \"b\": payments is 1, expected 3"), "{text}");
}

/// Passes over what it has seen before, by a memory that no rollback reaches.
#[projector("twice", storage = Sqlite, register = false, on_failure = "halt")]
#[derive(Clone, Default)]
struct RemembersPositions {
    seen: Positions,
}

#[derive(Default)]
struct Positions(Mutex<BTreeSet<GlobalPosition>>);

impl Clone for Positions {
    fn clone(&self) -> Self {
        Self::default()
    }
}

#[handlers]
impl RemembersPositions {
    #[handles(Paid)]
    fn paid(&self, event: &Paid, at: &Envelope, tills: &mut Rows<Till>) {
        if self.seen.0.lock().unwrap().insert(at.position()) {
            tills.entry(at.stream()).pay(event.cents);
        }
    }
}

#[test]
fn what_does_not_bear_to_be_called_again_is_caught() {
    let spec = payments(Spec::new(RemembersPositions::default())).then_rows(tills());
    let (ways, text) = failing(spec.without(Way::Rebuild));
    assert_eq!(ways, [Way::Twice]);
    assert!(text.contains("with everything twice: table `tills` is not as expected"), "{text}");
    assert!(text.contains("stream = \"a\" is missing: payments = 4, cents = 16"), "{text}");
}

/// The same in process, whose state is thrown away: it counts attempts beside it.
#[projector("twice-in-process", register = false, on_failure = "halt")]
#[derive(Clone)]
struct CountsAttempts {
    all: Arc<AtomicI64>,
    sum: i64,
}

#[handlers]
impl CountsAttempts {
    #[handles(Paid)]
    fn paid(&mut self, event: &Paid) {
        self.sum = self.all.fetch_add(event.cents, Ordering::Relaxed) + event.cents;
    }
}

#[test]
fn what_counts_attempts_beside_its_state_is_caught() {
    // One counter for each fresh read model: a resource would be that, and there is none here.
    let counter = Arc::new(AtomicI64::new(0));
    let spec = payments(Spec::new(CountsAttempts { all: Arc::clone(&counter), sum: 0 }));
    let spec = spec.without(Way::SmallBatches).without(Way::Restarts).without(Way::Crashes);
    let (ways, text) = failing(spec.then_state(|counts| assert_eq!(counts.sum % 45, 0)));
    assert_eq!(ways, [Way::Twice]);
    assert!(text.contains("with everything twice: assertion"), "{text}");
}

/// What a stand-in for a web API has been told.
#[derive(Clone, Debug, Default)]
struct Told(Arc<Mutex<BTreeSet<EventId>>>);

/// Writes only what it has told the API, which has heard of it before where the commit was lost.
#[projector("crashes", storage = Sqlite, on_failure = "halt")]
struct TellsFirst {
    #[resource]
    told: Told,
}

#[handlers]
impl TellsFirst {
    #[handles(Paid)]
    fn paid(&self, event: &Paid, at: &Envelope, tills: &mut Rows<Till>) {
        if self.told.0.lock().unwrap().insert(at.id()) {
            tills.entry(at.stream()).pay(event.cents);
        }
    }
}

#[test]
fn what_a_crash_leaves_behind_outside_of_the_transaction_is_caught() {
    let spec = payments(Spec::<TellsFirst>::of().resource_made_by(Told::default));
    let spec = spec.then_rows(tills()).without(Way::Twice).without(Way::Rebuild);
    let spec = spec.then_resource::<Told>(|told| assert_eq!(told.0.lock().unwrap().len(), 9));
    let (ways, text) = failing(spec);
    assert_eq!(ways, [Way::Crashes]);
    assert!(text.contains("with crashes: crashed before each commit: table `tills`"), "{text}");
}

/// The same on an async storage.
#[projector("async", storage = MemoryStorage, on_failure = "halt")]
struct TellsFirstAsync {
    #[resource]
    told: Told,
}

#[handlers]
impl TellsFirstAsync {
    #[handles(Paid)]
    async fn paid(&self, event: &Paid, at: &Envelope, db: &mut MemoryTx<'_>) {
        tokio::task::yield_now().await;
        if self.told.0.lock().unwrap().insert(at.id()) {
            db.set("payments", at.position().to_string(), event.cents);
        }
    }
}

#[test]
fn what_is_lost_on_an_async_storage_is_caught() {
    let spec = payments(Spec::<TellsFirstAsync>::of().resource_made_by(Told::default));
    let (ways, text) = failing(spec.then(|db| assert_eq!(db.rows("payments").len(), 9)));
    assert_eq!(ways, [Way::Twice, Way::Crashes]);
    assert!(text.contains("with crashes: crashed before each commit: assertion"), "{text}");
}

/// A part of it is not in its snapshots.
#[projector("snapshot", register = false, snapshot)]
#[derive(Clone, Default)]
struct ForgetsAtRestart {
    sums: Kept,
}

#[derive(Clone, Default, serde::Deserialize, serde::Serialize)]
struct Kept {
    cents: i64,
    #[serde(skip)]
    payments: i64,
}

#[handlers]
impl ForgetsAtRestart {
    #[handles(Paid)]
    fn paid(&mut self, event: &Paid) {
        self.sums.cents += event.cents;
        self.sums.payments += 1;
    }
}

#[test]
fn what_is_missing_in_a_snapshot_is_caught() {
    let spec = payments(Spec::new(ForgetsAtRestart::default()));
    let (ways, _) = failing(spec.then_state(|state| {
        assert_eq!((state.sums.cents, state.sums.payments), (45, 9));
    }));
    assert_eq!(ways, [Way::Restarts]);
}

/// A switch outside of the transaction.
#[derive(Clone, Debug, Default)]
struct Switch(Arc<AtomicBool>);

/// Takes sides by turns. Where whole batches of two are lost, nobody notices.
#[projector("middle-of-a-batch", storage = Sqlite, on_failure = "halt")]
struct TakesTurns {
    #[resource]
    switch: Switch,
}

#[handlers]
impl TakesTurns {
    #[handles(Paid)]
    fn paid(&self, event: &Paid, tills: &mut Rows<Till>) {
        let is_right = self.switch.0.fetch_xor(true, Ordering::Relaxed);
        tills.entry(if is_right { "right" } else { "left" }).pay(event.cents);
    }
}

#[test]
fn what_a_crash_in_the_middle_of_a_batch_leaves_behind_is_caught() {
    let spec = Spec::<TakesTurns>::of().resource_made_by(Switch::default);
    let spec = spec.given("a", paid(&[1, 2, 3, 4, 5, 6, 7, 8]));
    let sides = [Till::of("left", &[1, 3, 5, 7]), Till::of("right", &[2, 4, 6, 8])];
    let (ways, text) = failing(spec.then_rows(sides));
    assert_eq!(ways, [Way::Crashes]);
    let how = "with crashes: crashed when each handler had done its work: table `tills`";
    assert!(text.contains(how), "{text}");
}

/// The last writer of one row, over all streams.
#[projector("redrive", storage = MemoryStorage, register = false)]
#[derive(Clone)]
struct LastWriter;

#[handlers]
impl LastWriter {
    #[reset]
    fn clear(&self, db: &mut MemoryTx<'_>) {
        db.clear("last");
    }

    #[handles(Paid)]
    fn paid(&self, event: &Paid, db: &mut MemoryTx<'_>) {
        db.set("last", "writer", event.cents);
    }
}

fn last_writer() -> Spec<LastWriter> {
    payments(Spec::new(LastWriter)).then(|db| assert_eq!(db.rows("last")["writer"], 9))
}

#[test]
fn keys_that_do_not_commute_are_caught_at_a_redrive() {
    let (ways, text) = failing(last_writer());
    assert_eq!(ways, [Way::Redrive]);
    let how = "with a redrive: `Paid` of stream `b`, event 3, failed at first: assertion";
    assert!(text.contains(how), "{text}");
}

/// Where the user knows it, the read model is rebuilt instead, which is exact.
#[test]
fn keys_that_are_known_not_to_commute_are_rebuilt() {
    last_writer().keys_do_not_commute().check();
}

/// Forgets one of its two tables.
#[projector("rebuild", storage = Sqlite, register = false)]
#[derive(Clone)]
struct ForgetsATable;

#[handlers]
impl ForgetsATable {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch(
            "CREATE TABLE IF NOT EXISTS payments (cents INTEGER);
             CREATE TABLE IF NOT EXISTS totals (id INTEGER PRIMARY KEY, cents INTEGER);",
        )
    }

    #[reset]
    fn clear(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("DELETE FROM payments")
    }

    #[handles(Paid)]
    fn paid(&self, event: &Paid, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute("INSERT INTO payments VALUES (?1)", [event.cents])?;
        let sql = "INSERT INTO totals VALUES (1, ?1)
                   ON CONFLICT DO UPDATE SET cents = cents + ?1";
        db.execute(sql, [event.cents]).map(drop)
    }
}

#[test]
fn a_reset_that_forgets_a_table_is_caught() {
    let (ways, text) = failing(payments(Spec::new(ForgetsATable)).then(|db| {
        let total = db.query_row("SELECT cents FROM totals", [], |row| row.get(0));
        assert_eq!(total, Ok(45), "the total");
    }));
    assert_eq!(ways, [Way::Rebuild]);
    assert!(text.contains("with a rebuild: rebuilt half-way: assertion"), "{text}");
}

/// Adds up what is wrong from the start.
#[projector("wrong", register = false)]
#[derive(Clone)]
struct Wrong;

#[handlers]
impl Wrong {
    #[handles(Paid)]
    fn paid(&self, event: &Paid, at: &Envelope, tills: &mut Rows<Till>) {
        tills.entry(at.stream()).pay(event.cents + 1);
    }
}

#[test]
fn what_is_wrong_in_every_way_is_said_once() {
    let (ways, text) = failing(payments(Spec::new(Wrong)).then_rows(tills()));
    assert_eq!(ways, [Way::OneBatch]);
    assert!(text.starts_with("projector `wrong` is not as specified\n\nin one batch: table"));
}
