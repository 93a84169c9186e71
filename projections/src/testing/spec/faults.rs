//! [`Faults`]: what goes wrong in one process of a specification, and where.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use crate::{Envelope, GlobalPosition};

/// What goes wrong while a [`Spec`](super::Spec) runs: handed by it to [`Faulty`](super::Faulty).
///
/// Clones share everything: all that is of one process of a run.
#[derive(Clone)]
pub struct Faults {
    shared: Arc<Shared>,
}

struct Shared {
    plan: Plan,
    state: Mutex<State>,
    /// Whether the process is dead.
    crashed: watch::Sender<bool>,
}

/// What is to go wrong.
#[derive(Clone, Debug, Default)]
pub(super) enum Plan {
    /// Nothing.
    #[default]
    Nothing,
    /// The process dies when its nth commit has happened, before it is told so.
    CrashAfterCommit(u64),
    /// The process dies before its nth commit.
    CrashBeforeCommit(u64),
    /// The process dies when the handler of this event has done its work.
    CrashInHandler(GlobalPosition),
    /// These events fail, before their handlers are called, until they are healed.
    Fail(BTreeSet<GlobalPosition>),
    /// The first attempt at each of these events fails, after its handler has done its work.
    FailOnce(BTreeSet<GlobalPosition>),
    /// Of each place in the log the first commit is lost.
    LoseCommits,
}

#[derive(Debug, Default)]
struct State {
    commits: u64,
    healed: bool,
    /// Where something was lost once.
    lost: BTreeSet<GlobalPosition>,
    /// The events that handlers were called for.
    handled: BTreeSet<GlobalPosition>,
}

/// How a commit ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Commit {
    /// It happens.
    Happens,
    /// It happens, and the process dies.
    HappensUnseen,
    /// It does not happen, and the process goes on.
    IsLost,
    /// It does not happen, and the process dies.
    Never,
}

impl Faults {
    pub(super) fn new(plan: Plan) -> Self {
        let (state, crashed) = (Mutex::default(), watch::Sender::new(false));
        Self { shared: Arc::new(Shared { plan, state, crashed }) }
    }

    /// The bug is repaired.
    pub(super) fn heal(&self) {
        self.state().healed = true;
    }

    /// The events that handlers were called for.
    pub(super) fn handled(&self) -> BTreeSet<GlobalPosition> {
        self.state().handled.clone()
    }

    /// Whether the process is dead: nothing of it reaches a storage any longer.
    pub(super) fn is_dead(&self) -> bool {
        *self.shared.crashed.borrow()
    }

    /// Waits until the process dies.
    pub(super) async fn crashed(&self) {
        let mut crashed = self.shared.crashed.subscribe();
        // The sender lives as long as this.
        let _ = crashed.wait_for(|crashed| *crashed).await;
    }

    pub(super) fn crash(&self) {
        self.shared.crashed.send_replace(true);
    }

    /// Called before a handler: tells whether the event fails.
    pub(super) fn fails(&self, event: &Envelope) -> bool {
        let mut state = self.state();
        state.handled.insert(event.position());
        match &self.shared.plan {
            Plan::Fail(events) => !state.healed && events.contains(&event.position()),
            _ => self.is_dead(),
        }
    }

    /// Called when a handler has done its work: tells whether that comes to nothing. An event that is
    /// not tried again at once does not fail for once.
    pub(super) fn fails_late(&self, event: &Envelope, is_tried_again: bool) -> bool {
        let position = event.position();
        match &self.shared.plan {
            Plan::CrashInHandler(at) if *at == position => {
                self.crash();
                true
            }
            Plan::FailOnce(events) => {
                is_tried_again && events.contains(&position) && self.state().lost.insert(position)
            }
            _ => false,
        }
    }

    /// Called before a commit that brings the checkpoint to a position: tells how it ends.
    pub(super) fn commit(&self, to: GlobalPosition) -> Commit {
        if self.is_dead() {
            return Commit::Never;
        }
        let mut state = self.state();
        state.commits += 1;
        match self.shared.plan {
            Plan::CrashBeforeCommit(nth) if state.commits == nth => Commit::Never,
            Plan::CrashAfterCommit(nth) if state.commits == nth => Commit::HappensUnseen,
            Plan::LoseCommits if state.lost.insert(to) => Commit::IsLost,
            _ => Commit::Happens,
        }
    }

    // A poisoned lock is taken all the same: the state is whole between any two statements.
    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("plan", &self.shared.plan).finish_non_exhaustive()
    }
}
