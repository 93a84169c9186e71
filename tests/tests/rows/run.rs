//! Programs on their way through a runtime.

use std::path::Path;

use projections::{
    AppendRequest, EventStore, Expected, Handlers, NewEvent, Projector, Runtime, Storage,
    memory::MemoryEventStore,
};

use crate::{
    programs::{Program, Step},
    projectors::Watch,
    tables::{Account, Player, Sample, Seat},
};

/// What any of the projectors is.
pub(crate) trait Applies: Projector + Handlers + Clone + Send + Sync + 'static {}

impl<P: Projector + Handlers + Clone + Send + Sync + 'static> Applies for P {}

/// The seeds of the random tests: `PROJECTIONS_SEED` alone, or a range of as many as
/// `PROJECTIONS_ROWS` times what the test asks for, which begins somewhere else in each process.
pub(crate) fn seeds(count: u64) -> impl Iterator<Item = u64> {
    let variable =
        |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let (first, count) = match variable("PROJECTIONS_SEED") {
        Some(seed) => (seed, 1),
        None => {
            let first = u64::from(std::process::id()) << 20;
            (first, count * variable("PROJECTIONS_ROWS").unwrap_or(1))
        }
    };
    (first..first + count).inspect(|seed| println!("PROJECTIONS_SEED={seed}"))
}

pub(crate) async fn append(events: &MemoryEventStore, steps: &[Step]) {
    for steps in steps.chunks(16) {
        let new = steps.iter().map(|step| NewEvent::of(step).unwrap()).collect();
        events.append(AppendRequest::new("steps", Expected::Any, new)).await.unwrap();
    }
}

pub(crate) async fn runtime<P: Applies, S: Storage>(
    events: &MemoryEventStore,
    storage: S,
    projector: P,
    batch: u32,
) -> Runtime<MemoryEventStore> {
    let builder = Runtime::builder(events.clone()).without_linked().storage(storage);
    builder.batch_events(batch).projector(projector).build().await.unwrap()
}

pub(crate) async fn in_process<P: Applies>(
    events: &MemoryEventStore,
    projector: P,
    batch: u32,
) -> Runtime<MemoryEventStore> {
    let builder = Runtime::builder(events.clone()).without_linked();
    builder.batch_events(batch).projector(projector).build().await.unwrap()
}

#[track_caller]
pub(crate) fn saw(watch: &Watch, program: &Program) {
    let seen = watch.seen();
    for ((step, expected), number) in program.steps.iter().zip(&program.seen).zip(0..) {
        let Some(seen) = seen.get(&number) else { panic!("event {number} was not handled") };
        for ((op, expected), seen) in step.ops.iter().zip(expected).zip(seen) {
            assert_eq!(seen, expected, "event {number} of {}: {op:?}", program.steps.len());
        }
    }
}

pub(crate) const TABLES: [&projections::rows::Table; 4] = {
    use projections::ReadModel as _;
    [Player::TABLE, Seat::TABLE, Account::TABLE, Sample::TABLE]
};

/// All that the tables of a file hold, every value as SQLite writes it.
pub(crate) fn dump(path: &Path) -> String {
    let db = rusqlite::Connection::open(path).unwrap();
    let mut dump = String::new();
    for table in TABLES {
        let columns: Vec<_> =
            table.columns.iter().map(|column| format!("quote(\"{}\")", column.name)).collect();
        let order: Vec<_> =
            table.key.iter().map(|key| format!("\"{}\"", table.columns[*key].name)).collect();
        let (columns, order) = (columns.join(" || ' ' || "), order.join(", "));
        let sql = format!("SELECT {columns} FROM \"{}\" ORDER BY {order}", table.name);
        let mut statement = db.prepare(&sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        for row in rows {
            dump += &format!("{}: {}\n", table.name, row.unwrap());
        }
    }
    dump
}

/// Compares how many rows a file's tables have.
#[track_caller]
pub(crate) fn counted(path: &Path, program: &Program) {
    let db = rusqlite::Connection::open(path).unwrap();
    for (table, count) in program.world().counts() {
        let sql = format!("SELECT count(*) FROM {table}");
        let found: usize = db.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(found, count, "rows of {table}");
    }
}
