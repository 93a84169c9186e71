//! A read model that shows order, loss and repetition stream by stream, and a plan of what fails.

use std::{
    collections::BTreeMap,
    error::Error,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use projections::{
    AppendRequest, BoxError, Event, EventStore, Expected, NewEvent, Permanent, Receipt,
    testing::{MemoryStorage, MemoryTx},
};
use tokio::time::Instant;

/// A page was written.
#[derive(Clone, Debug, Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "books")]
pub(crate) struct Written {
    pub(crate) n: u64,
}

/// What handlers do about an event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// Fails as often.
    Times(u64),
    /// Fails whenever it is tried.
    Always,
    /// Fails whenever it is tried, and says that trying is of no use.
    Permanent,
    /// Fails whenever it is tried, because of something that has more to say than can be kept.
    AtLength,
    /// Panics whenever it is tried.
    Panic,
}

/// What fails, and what was called when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    faults: BTreeMap<u64, Fault>,
    calls: Vec<(u64, Option<Instant>)>,
}

impl Plan {
    pub(crate) fn failing(faults: impl IntoIterator<Item = (u64, Fault)>) -> Self {
        let plan = Self::default();
        plan.0.lock().unwrap().faults = faults.into_iter().collect();
        plan
    }

    pub(crate) fn add(&self, n: u64, fault: Fault) {
        self.0.lock().unwrap().faults.insert(n, fault);
    }

    /// The bug is repaired.
    pub(crate) fn repair(&self) {
        self.0.lock().unwrap().faults.clear();
    }

    pub(crate) fn repair_of(&self, n: u64) {
        self.0.lock().unwrap().faults.remove(&n);
    }

    /// How often the handler was called for a number.
    pub(crate) fn calls_of(&self, n: u64) -> usize {
        self.0.lock().unwrap().calls.iter().filter(|(called, _)| *called == n).count()
    }

    /// The waits between the calls for a number, in paused time.
    pub(crate) fn waits_of(&self, n: u64) -> Vec<Duration> {
        let state = self.0.lock().unwrap();
        let times = state.calls.iter().filter(|(called, _)| *called == n);
        let times: Vec<_> = times.filter_map(|(_, at)| *at).collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// What a handler calls when it has done its work.
    pub(crate) fn run(&self, n: u64) -> Result<(), BoxError> {
        let fault = {
            let mut state = self.0.lock().unwrap();
            // A blocking handler runs on a thread without a clock of tokio's.
            let now = tokio::runtime::Handle::try_current().ok().map(|_| Instant::now());
            state.calls.push((n, now));
            match state.faults.get_mut(&n) {
                None => return Ok(()),
                Some(Fault::Times(0)) => return Ok(()),
                Some(Fault::Times(left)) => {
                    *left -= 1;
                    Fault::Always
                }
                Some(fault) => *fault,
            }
        };
        match fault {
            Fault::Panic => panic!("{n} is unlucky"),
            Fault::AtLength => Err(Torn(Reason).into()),
            Fault::Permanent => Err(Permanent::new(format!("{n} is unlucky")).into()),
            _ => Err(format!("{n} is unlucky").into()),
        }
    }
}

/// An error with a text that ends at once for who takes it for one of C, and with a source.
#[derive(Debug)]
struct Torn(Reason);

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the page\0 is torn")
    }
}

impl Error for Torn {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[derive(Debug)]
struct Reason;

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it was {}old", "véry ".repeat(2_000))
    }
}

impl Error for Reason {}

/// Makes a projector that adds each number to the list of its stream, with policies of its own.
macro_rules! books {
    ($type:ident, $name:literal $(, $($options:tt)*)?) => {
        #[projections::projector($name, storage = projections::testing::MemoryStorage, register = false $(, $($options)*)?)]
        #[derive(Clone, Default)]
        pub(crate) struct $type {
            pub(crate) plan: $crate::books::Plan,
        }

        #[projections::handlers]
        impl $type {
            #[reset]
            fn clear(&self, db: &mut projections::testing::MemoryTx<'_>) {
                db.clear($crate::books::TABLE);
            }

            #[handles($crate::books::Written)]
            fn written(
                &self,
                event: &$crate::books::Written,
                at: &projections::Envelope,
                db: &mut projections::testing::MemoryTx<'_>,
            ) -> Result<(), projections::BoxError> {
                $crate::books::write(db, at.stream(), event.n);
                self.plan.run(event.n)
            }
        }
    };
}
pub(crate) use books;

pub(crate) const TABLE: &str = "books";

pub(crate) fn write(db: &mut MemoryTx<'_>, stream: &str, n: u64) {
    let list = db.get(TABLE, stream).unwrap_or_else(|| serde_json::json!([]));
    let mut list: Vec<u64> = serde_json::from_value(list).unwrap();
    list.push(n);
    db.set(TABLE, stream, list);
}

/// The numbers of each stream, in the order in which they were applied.
pub(crate) fn read(storage: &MemoryStorage) -> BTreeMap<String, Vec<u64>> {
    let rows = storage.rows(TABLE).into_iter();
    rows.map(|(stream, list)| (stream, serde_json::from_value(list).unwrap())).collect()
}

pub(crate) fn shelves<const N: usize>(of: [(&str, &[u64]); N]) -> BTreeMap<String, Vec<u64>> {
    of.into_iter().map(|(stream, list)| (stream.to_owned(), list.to_vec())).collect()
}

/// Appends one event.
pub(crate) async fn append<S: EventStore>(events: &S, stream: &str, n: u64) -> Receipt {
    let event = NewEvent::of(&Written { n }).unwrap();
    events.append(AppendRequest::new(stream, Expected::Any, vec![event])).await.unwrap()
}

/// Appends numbers to streams in turn: position n holds number n.
pub(crate) async fn append_in_turn<S: EventStore>(events: &S, streams: &[&str], numbers: u64) {
    for n in 1..=numbers {
        let stream = streams[usize::try_from(n - 1).unwrap() % streams.len()];
        append(events, stream, n).await;
    }
}
