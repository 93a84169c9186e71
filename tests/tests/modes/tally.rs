//! One read model in process with a snapshot: fields of several types, a resource, and rows.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use projections::{
    Builder, EventSource, EventStore, ReadModel, Rows, Runtime, handlers, memory::MemoryEventStore,
    projector,
};
use projections_tests::ledger::Added;

use crate::support::append;

/// What handlers are counted with, and told to fail by: never in a snapshot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    pub(crate) count: Arc<AtomicU64>,
    /// The event that fails; 0 for none.
    pub(crate) fails_at: Arc<AtomicU64>,
}

impl Calls {
    pub(crate) fn take(&self) -> u64 {
        self.count.swap(0, SeqCst)
    }
}

#[derive(Clone, Debug, Default, PartialEq, ReadModel)]
#[read_model(table = "remainders")]
pub(crate) struct Remainder {
    #[key]
    remainder: u64,
    #[index]
    even: bool,
    count: i64,
    share: f64,
    last: Option<String>,
}

#[projector("tally", snapshot, register = false, on_failure = "halt", retry(none))]
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    #[resource]
    pub(crate) calls: Calls,
    pub(crate) seen: Vec<u64>,
    /// Keys that are no texts, and numbers that no text holds.
    by: BTreeMap<(bool, u64), f64>,
    wide: u128,
    nested: Option<(String, char)>,
}

#[handlers]
impl Tally {
    #[handles(Added)]
    fn added(&mut self, event: &Added, rows: &mut Rows<Remainder>) -> Result<(), String> {
        self.calls.count.fetch_add(1, SeqCst);
        self.seen.push(event.n);
        let (even, remainder) = (event.n.is_multiple_of(2), event.n % 7);
        *self.by.entry((even, remainder)).or_insert(0.1) /= 1.1;
        self.wide = self.wide.wrapping_mul(3).wrapping_add(u128::MAX / (u128::from(event.n) + 1));
        self.nested = Some((event.n.to_string(), 'ä'));
        if event.n % 11 == 3 {
            self.by.insert((true, 99), f64::INFINITY);
        }
        let row = rows.entry(&remainder);
        row.even = remainder.is_multiple_of(2);
        row.count += 1;
        row.share = (row.share + event.n as f64) / 3.0;
        row.last = Some(event.n.to_string());
        if event.n.is_multiple_of(50) {
            rows.remove(&5);
        }
        match self.calls.fails_at.load(SeqCst) {
            0 => Ok(()),
            n if n == event.n => Err(format!("told to fail at {n}")),
            _ => Ok(()),
        }
    }
}

/// All that a reader can see of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    position: u64,
    pub(crate) fields: String,
    rows: Vec<Remainder>,
    even: usize,
}

pub(crate) async fn seen<S: EventSource>(runtime: &Runtime<S>) -> Seen {
    let (fields, position) = runtime
        .read_at::<Tally, _>(|tally, at| {
            let Tally { calls: _, seen, by, wide, nested } = tally;
            (format!("{seen:?} {by:?} {wide} {nested:?}"), at.get())
        })
        .await
        .unwrap();
    let rows = runtime.rows::<Remainder>().unwrap();
    let all = rows.all().await.unwrap();
    let even = rows.by(Remainder::EVEN, &true).await.unwrap().len();
    Seen { position, fields, rows: all, even }
}

/// What an uninterrupted run over these events shows.
pub(crate) async fn uninterrupted(numbers: impl IntoIterator<Item = u64>) -> Seen {
    let events = MemoryEventStore::new();
    append(&events, numbers).await;
    let runtime = build(Runtime::builder(events), &Calls::default()).await;
    runtime.catch_up().await.unwrap();
    seen(&runtime).await
}

/// A process's runtime: it has nothing in memory.
pub(crate) async fn process<S: EventStore + Clone>(events: &S, calls: &Calls) -> Runtime<S> {
    build(Runtime::builder(events.clone()), calls).await
}

pub(crate) async fn build<S: EventSource>(builder: Builder<S>, calls: &Calls) -> Runtime<S> {
    let tally = Tally { calls: calls.clone(), ..Tally::default() };
    builder.without_linked().projector(tally).build().await.unwrap()
}
