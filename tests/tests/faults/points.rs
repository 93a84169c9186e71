//! The named points of the batch loop, and what happens at one of them.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::Duration,
};

use projections::{StoreError, StoreErrorKind};
use rand::{Rng, SeedableRng as _, rngs::StdRng};

/// A place in the loop where something can go wrong.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Point {
    ReadHead,
    BeforeRead,
    AfterRead,
    BeforeBegin,
    AfterBegin,
    Setup,
    BeforeLoad,
    AfterLoad,
    Parked,
    BeforeReset,
    AfterReset,
    BeforeHandler,
    AfterHandler,
    BeforeCommit,
    AfterCommit,
    BeforeRollback,
    AfterRollback,
    Savepoint,
    BeforeBackToSavepoint,
    AfterBackToSavepoint,
    Letters,
}

impl Point {
    pub(crate) const ALL: [Self; 21] = [
        Self::ReadHead,
        Self::BeforeRead,
        Self::AfterRead,
        Self::BeforeBegin,
        Self::AfterBegin,
        Self::Setup,
        Self::BeforeLoad,
        Self::AfterLoad,
        Self::Parked,
        Self::BeforeReset,
        Self::AfterReset,
        Self::BeforeHandler,
        Self::AfterHandler,
        Self::BeforeCommit,
        Self::AfterCommit,
        Self::BeforeRollback,
        Self::AfterRollback,
        Self::Savepoint,
        Self::BeforeBackToSavepoint,
        Self::AfterBackToSavepoint,
        Self::Letters,
    ];

    pub(crate) fn named(name: &str) -> Self {
        let named = |point: &Self| point.to_string() == name;
        Self::ALL.into_iter().find(named).expect("a point of this name")
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// What happens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// The process ends at once, without a destructor run.
    Die,
    /// The call fails.
    Fail,
    /// The call does not return before it is let go.
    Hang,
}

/// How often each point was passed, and where what happens. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Points(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    passes: BTreeMap<Point, u64>,
    due: Option<(Point, u64, Fault)>,
    happened: bool,
    let_go: bool,
}

impl Points {
    /// Something happens at the nth pass of a point.
    pub(crate) fn with(point: Point, nth: u64, fault: Fault) -> Self {
        let points = Self::default();
        points.state().due = Some((point, nth, fault));
        points
    }

    pub(crate) fn passes(&self) -> BTreeMap<Point, u64> {
        self.state().passes.clone()
    }

    pub(crate) fn has_happened(&self) -> bool {
        self.state().happened
    }

    pub(crate) fn pass(&self, point: Point) -> Result<(), StoreError> {
        let mut state = self.state();
        let passes = state.passes.entry(point).or_default();
        *passes += 1;
        let now = (point, *passes);
        let Some((at, nth, fault)) = state.due else { return Ok(()) };
        if (at, nth) != now {
            return Ok(());
        }
        state.happened = true;
        match fault {
            Fault::Die => std::process::abort(),
            Fault::Hang => {
                self.0.1.notify_all();
                let hangs = |state: &mut State| !state.let_go;
                drop(self.0.1.wait_while(state, hangs).unwrap());
                Ok(())
            }
            Fault::Fail => Err(StoreError::new(
                StoreErrorKind::Unavailable,
                format!("pass {point}: the test asked for a failure"),
            )),
        }
    }

    /// Waits until it hangs; tells whether it does.
    pub(crate) fn hangs(&self, patience: Duration) -> bool {
        let state = self.state();
        let not_yet = |state: &mut State| !state.happened;
        let (state, _) = self.0.1.wait_timeout_while(state, patience, not_yet).unwrap();
        state.happened
    }

    /// Lets what hangs go on.
    pub(crate) fn let_go(&self) {
        self.state().let_go = true;
        self.0.1.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap()
    }
}

/// Random numbers, the same again for the same `PROJECTIONS_SEED`.
pub(crate) fn random() -> (u64, StdRng) {
    let said = std::env::var("PROJECTIONS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = said.unwrap_or_else(|| rand::rng().random());
    println!("seed {seed}");
    (seed, StdRng::seed_from_u64(seed))
}

/// Some passes of a point: the first two, the last two, and one between; or all of them.
pub(crate) fn chosen(passes: u64, random: &mut StdRng) -> Vec<u64> {
    if std::env::var("PROJECTIONS_FAULTS").is_ok_and(|what| what == "all") {
        return (1..=passes).collect();
    }
    let mut chosen = vec![1, 2, passes - 1, passes, random.random_range(1..=passes)];
    chosen.retain(|nth| (1..=passes).contains(nth));
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}
