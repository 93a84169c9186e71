//! Rule R27, line by line.

use projections::{
    AppendRequest, Event, EventStore, Expected, NewEvent, ReadModel, Rows, Runtime, handlers,
    memory::MemoryEventStore, projector, sqlite::Sqlite,
};
use serde::{Deserialize, Serialize};

use crate::{
    double::{Call, Double, DoubleTx},
    model::{Act, Op},
    programs::Program,
    projectors::{DoubleTiny, DoubleUsual, InMemory, Usual, Watch},
    run::{append, in_process, runtime, saw},
    tables::{PlayerChange, SampleChange, SampleLookup, SeatChange, SeatLookup},
};

fn hand(name: &str) -> Op {
    Op::Player(Act::Entry(name.to_owned(), vec![PlayerChange::Hand]))
}

/// Every column gets a value that is stored as another one.
fn unsettled() -> Vec<Op> {
    let changes = vec![
        SampleChange::Real((-0.0_f64).to_bits()),
        SampleChange::Short((-0.0_f32).to_bits()),
        SampleChange::Amount(-1500, 3),
        SampleChange::At(Some(-1_001)),
    ];
    let net = Act::Entry("ada".into(), vec![PlayerChange::Net(1_500)]);
    vec![Op::Sample(Act::Entry((true, 1), changes)), Op::Player(net)]
}

#[tokio::test]
async fn a_value_is_the_same_later_in_the_batch_from_the_cache_and_after_a_restart() {
    let look = vec![Op::Sample(Act::Get((true, 1))), Op::Player(Act::Get("ada".into()))];
    let program = Program::of([unsettled(), look.clone(), look.clone(), look.clone()]);
    let stored = "real: 0.0, short: 0.0, text: \"\", bytes: [], maybe: None, amount: -1.5, \
                  at: Some(1969-12-31T23:59:59.999998Z)";
    assert!(program.seen[1][0].contains(stored), "{}", program.seen[1][0]);

    let (events, folder) = (MemoryEventStore::new(), tempfile::tempdir().unwrap());
    let watch = Watch::default();
    let open = || Sqlite::open(folder.path().join("read.db")).unwrap();
    let first = runtime(&events, open(), Usual { watch: watch.clone() }, 512).await;
    append(&events, &program.steps[..2]).await;
    first.catch_up().await.unwrap();
    // A run that goes on keeps its rows.
    let running = tokio::spawn(async move { first.run(std::future::pending()).await });
    append(&events, &program.steps[2..3]).await;
    while watch.seen().len() < 3 {
        tokio::task::yield_now().await;
    }
    running.abort();
    let second = runtime(&events, open(), Usual { watch: watch.clone() }, 512).await;
    append(&events, &program.steps[3..]).await;
    second.catch_up().await.unwrap();
    saw(&watch, &program);

    let (memory, watch) = (MemoryEventStore::new(), Watch::default());
    append(&memory, &program.steps).await;
    in_process(&memory, InMemory { watch: watch.clone() }, 1).await.catch_up().await.unwrap();
    saw(&watch, &program);
}

#[tokio::test]
async fn a_row_is_loaded_once_and_written_once_a_batch() {
    let program = Program::of((0..5).map(|_| vec![hand("ada"), hand("bob")]));
    let (events, double) = (MemoryEventStore::new(), Double::default());
    append(&events, &program.steps).await;
    let projector = DoubleUsual { watch: Watch::default() };
    let runtime = runtime(&events, double.clone(), projector, 512).await;
    runtime.catch_up().await.unwrap();
    let calls = double.calls();
    let loads = calls.iter().filter(|call| matches!(call, Call::Load("players"))).count();
    let writes: Vec<_> = calls
        .iter()
        .filter_map(|call| match call {
            Call::Upsert("players", rows) => Some(rows.len()),
            _ => None,
        })
        .collect();
    assert_eq!((loads, writes), (2, vec![2]), "{calls:?}");
}

#[tokio::test]
async fn hot_rows_are_not_loaded_again_in_a_later_batch() {
    let program = Program::of((0..5).map(|_| vec![hand("ada")]));
    let (events, double) = (MemoryEventStore::new(), Double::default());
    append(&events, &program.steps).await;
    let projector = DoubleUsual { watch: Watch::default() };
    let runtime = runtime(&events, double.clone(), projector, 1).await;
    runtime.catch_up().await.unwrap();
    let loads = double.calls().into_iter().filter(|call| *call == Call::Load("players")).count();
    assert_eq!(loads, 1);
}

#[tokio::test]
async fn a_batch_that_outgrows_the_bound_is_written_early_in_its_transaction() {
    let program = Program::of((0..5).map(|_| vec![hand("ada")]));
    let (events, double) = (MemoryEventStore::new(), Double::default());
    append(&events, &program.steps).await;
    let projector = DoubleTiny { watch: Watch::default() };
    let runtime = runtime(&events, double.clone(), projector, 512).await;
    runtime.catch_up().await.unwrap();
    let calls = double.calls();
    let count = |one: fn(&Call) -> bool| calls.iter().filter(|call| one(call)).count();
    assert_eq!(count(|call| matches!(call, Call::Upsert(..))), 5, "{calls:?}");
    assert_eq!(count(|call| matches!(call, Call::Load(_))), 5);
    // The start, the batch, and that the run has stopped.
    assert_eq!(count(|call| *call == Call::Commit), 3);
}

#[tokio::test]
async fn an_index_query_sees_what_the_batch_and_the_handler_have_changed() {
    let key = |number| ("a".to_owned(), number);
    let take = |number, by: Option<&str>| {
        Op::Seat(Act::Entry(key(number), vec![SeatChange::Taken(by.map(str::to_owned))]))
    };
    let by = |by: Option<&str>| Op::Seat(Act::By(SeatLookup::Taken(by.map(str::to_owned))));
    let program = Program::of([
        vec![take(1, Some("ada")), take(2, None)],
        // In the same handler: moved, new, removed.
        vec![by(Some("ada")), take(1, Some("bob")), by(Some("ada")), by(Some("bob")), by(None)],
        vec![take(3, Some("ada")), by(Some("ada")), Op::Seat(Act::Remove(key(3))), by(Some("ada"))],
        // Later in the batch.
        vec![by(Some("bob")), by(None), by(Some("ada"))],
    ]);
    for batch in [1, 2, 512] {
        let (events, double, watch) =
            (MemoryEventStore::new(), Double::default(), Watch::default());
        append(&events, &program.steps).await;
        let projector = DoubleUsual { watch: watch.clone() };
        runtime(&events, double, projector, batch).await.catch_up().await.unwrap();
        saw(&watch, &program);
    }
}

#[tokio::test]
async fn an_index_is_queried_by_the_stored_form() {
    let put =
        Act::Entry((true, 1), vec![SampleChange::At(Some(1_999)), SampleChange::Amount(150, 2)]);
    let by = |lookup| Op::Sample(Act::By(lookup));
    let look = vec![by(SampleLookup::At(Some(1_001))), by(SampleLookup::Amount(15, 1))];
    let program = Program::of([vec![Op::Sample(put)], look]);
    assert!(program.seen[1].iter().all(|seen| seen.contains("Sample")), "{:?}", program.seen);
    for batch in [1, 512] {
        let (events, double, watch) =
            (MemoryEventStore::new(), Double::default(), Watch::default());
        append(&events, &program.steps).await;
        let projector = DoubleTiny { watch: watch.clone() };
        runtime(&events, double, projector, batch).await.catch_up().await.unwrap();
        saw(&watch, &program);
    }
}

/// What both projectors below write.
#[derive(ReadModel, Clone, Debug, Default, PartialEq)]
#[read_model(table = "parents")]
struct Parent {
    #[key]
    id: i64,
    #[unique]
    name: Option<String>,
}

#[derive(ReadModel, Clone, Debug, Default, PartialEq)]
#[read_model(table = "children")]
struct Child {
    #[key]
    id: i64,
    parent: i64,
}

/// A child is born, with its parent, or both are gone.
#[derive(Clone, Debug, Event, Serialize, Deserialize)]
#[event(domain = "family")]
struct Family {
    id: i64,
    parent: i64,
    born: bool,
}

impl Family {
    fn tell(&self, parents: &mut Rows<Parent>, children: &mut Rows<Child>) {
        if self.born {
            children.entry(&self.id).parent = self.parent;
            parents.entry(&self.parent);
        } else {
            parents.remove(&self.parent);
            children.remove(&self.id);
        }
    }
}

#[projector("on-double", storage = Double, register = false, on_failure = "halt", retry(none))]
#[derive(Clone)]
struct OnDouble;

#[handlers]
impl OnDouble {
    #[handles(Family)]
    fn told(&self, event: &Family, parents: &mut Rows<Parent>, children: &mut Rows<Child>) {
        event.tell(parents, children);
    }

    #[handles(Counted)]
    fn counted(&self, _event: &Counted, db: &mut DoubleTx<'_>) {
        assert_eq!(db.count("parents"), db.count("children"));
    }
}

async fn tell(events: &MemoryEventStore, family: impl IntoIterator<Item = Family>) {
    let new = family.into_iter().map(|event| NewEvent::of(&event).unwrap()).collect();
    events.append(AppendRequest::new("family", Expected::Any, new)).await.unwrap();
}

fn born(id: i64) -> Family {
    Family { id, parent: id * 10, born: true }
}

fn gone(id: i64) -> Family {
    Family { id, parent: id * 10, born: false }
}

#[tokio::test]
async fn deletes_come_before_upserts_and_parents_before_children() {
    let (events, double) = (MemoryEventStore::new(), Double::default());
    let builder = Runtime::builder(events.clone()).without_linked().storage(double.clone());
    let runtime = builder.projector(OnDouble).build().await.unwrap();
    tell(&events, [born(2), born(1)]).await;
    runtime.catch_up().await.unwrap();
    double.calls();
    tell(&events, [born(4), gone(2), gone(1), born(3)]).await;
    runtime.catch_up().await.unwrap();
    let mut calls = double.calls();
    calls.retain(|call| matches!(call, Call::Delete(..) | Call::Upsert(..)));
    let (parent, child) = (
        |id| format!("[Integer({id}), Null]"),
        |id| format!("[Integer({id}), Integer({})]", id * 10),
    );
    let key = |id: i64| format!("[Integer({id})]");
    assert_eq!(
        calls,
        [
            Call::Delete("children", vec![key(1), key(2)]),
            Call::Delete("parents", vec![key(10), key(20)]),
            Call::Upsert("parents", vec![parent(30), parent(40)]),
            Call::Upsert("children", vec![child(3), child(4)]),
        ]
    );
}

#[derive(Clone, Debug, Event, Serialize, Deserialize)]
#[event(domain = "family")]
struct Counted;

/// The flush before a query keeps the order of the one at the batch's end.
#[tokio::test]
async fn a_query_in_between_does_not_break_the_order() {
    let (events, double) = (MemoryEventStore::new(), Double::default());
    let builder = Runtime::builder(events.clone()).without_linked().storage(double.clone());
    let runtime = builder.projector(OnDouble).build().await.unwrap();
    tell(&events, [born(1), born(2)]).await;
    runtime.catch_up().await.unwrap();
    double.calls();
    tell(&events, [born(3), gone(1)]).await;
    let counted = vec![NewEvent::of(&Counted).unwrap()];
    events.append(AppendRequest::new("family", Expected::Any, counted)).await.unwrap();
    tell(&events, [gone(2)]).await;
    runtime.catch_up().await.unwrap();
    let written = double.calls().into_iter().filter_map(|call| match call {
        Call::Delete(table, rows) => Some(format!("delete {} of {table}", rows.len())),
        Call::Upsert(table, rows) => Some(format!("upsert {} of {table}", rows.len())),
        _ => None,
    });
    assert_eq!(
        written.collect::<Vec<_>>(),
        [
            "delete 1 of children",
            "delete 1 of parents",
            "upsert 1 of parents",
            "upsert 1 of children",
            "delete 1 of children",
            "delete 1 of parents",
        ]
    );
}

#[projector("second-writer", storage = Double, register = false)]
#[derive(Clone)]
struct SecondWriter;

#[handlers]
impl SecondWriter {
    #[handles(Family)]
    fn told(&self, _event: &Family, children: &mut Rows<Child>) {
        children.entry(&1);
    }
}

#[tokio::test]
async fn a_table_belongs_to_one_projector() {
    let builder = Runtime::builder(MemoryEventStore::new()).without_linked();
    let builder = builder.storage(Double::default()).projector(OnDouble).projector(SecondWriter);
    let error = builder.build().await.unwrap_err().to_string();
    for part in ["`children`", "`on-double`", "`second-writer`", "Child"] {
        assert!(error.contains(part), "`{part}` is not in {error}");
    }
    let instances = Runtime::builder(MemoryEventStore::new()).without_linked();
    let instances = instances.storage(Double::default());
    let instances = instances.projector_named("a", OnDouble).projector_named("b", OnDouble);
    let error = instances.build().await.unwrap_err().to_string();
    assert!(error.contains("`parents`") && error.contains("`children`"), "{error}");
}

#[tokio::test]
async fn a_rebuild_makes_the_tables_anew() {
    let program = Program::of([vec![hand("ada")], vec![hand("bob"), hand("ada")]]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("read.db");
    let events = MemoryEventStore::new();
    append(&events, &program.steps).await;
    let projector = Usual { watch: Watch::default() };
    let runtime = runtime(&events, Sqlite::open(&path).unwrap(), projector, 512).await;
    runtime.catch_up().await.unwrap();
    let before = crate::run::dump(&path);
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute("DELETE FROM players WHERE name = 'bob'", []).unwrap();
    db.execute("UPDATE players SET hands = 77 WHERE name = 'ada'", []).unwrap();
    runtime.rebuild("usual").await.unwrap();
    assert_eq!(crate::run::dump(&path), before);
}
