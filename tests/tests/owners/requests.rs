//! Rule R8: commands from outside, each once, by the owner.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use projections::{
    Answer, AsyncStorage, CheckpointKey, CheckpointWrite, CommandError, HaltReason, Request,
    RequestId, RequestStore, Runtime, State, Storage, StoreErrorKind, handlers,
    memory::MemoryEventStore,
    projector,
    testing::{Call, MemoryStorage, MemoryTx},
};
use projections_tests::ledger::Added;
use tokio::time::{sleep, timeout};

use crate::support::{Elsewhere, LEASE, append, ledger, run, stored};

const NAME: &str = "ledger-memory";

struct Place {
    events: MemoryEventStore,
    storage: MemoryStorage,
}

impl Place {
    /// Ten events, and a ledger of them that was stopped.
    async fn new() -> Self {
        let place = Self { events: MemoryEventStore::new(), storage: MemoryStorage::new() };
        append(&place.events, 0..10).await;
        place.runtime().await.catch_up().await.unwrap();
        place
    }

    async fn runtime(&self) -> Runtime<MemoryEventStore> {
        ledger(&self.events, &self.storage).await
    }

    fn requests(&self) -> Arc<dyn RequestStore> {
        self.storage.requests().unwrap()
    }

    /// What somebody leaves who is killed then.
    async fn leave(&self, command: &str) -> RequestId {
        let id = RequestId::random();
        let request = Request {
            id,
            key: CheckpointKey::new("", NAME),
            command: command.to_owned(),
            arguments: "{}".to_owned(),
            asked_at: Timestamp::now(),
        };
        self.requests().ask(&request).await.unwrap();
        id
    }

    async fn answered(&self, id: RequestId) -> String {
        let answered = async {
            loop {
                if let Some(outcome) = self.requests().outcome(id).await.unwrap() {
                    return outcome;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(LEASE * 5, answered).await.expect("nobody answers")
    }

    async fn until(&self, rows: usize) {
        let reached = async {
            while self.storage.rows("rows").len() != rows {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(LEASE * 5, reached).await.expect("it does not come so far");
    }

    async fn state(&self) -> State {
        self.runtime().await.status().await.unwrap().projectors[0].state
    }

    fn resets(&self) -> u64 {
        self.storage.calls(Call::Reset)
    }
}

#[tokio::test(start_paused = true)]
async fn paused_from_outside_it_stops_stays_so_and_resumes() {
    let place = Place::new().await;
    let owner = place.runtime().await;
    let running = run(&owner);
    append(&place.events, 10..12).await;
    place.until(12).await;
    let epoch = stored(&place.storage).await.epoch;
    let other = place.runtime().await;
    for _twice in 0..2 {
        other.pause(NAME).await.unwrap();
    }
    append(&place.events, 12..15).await;
    sleep(LEASE * 4).await;
    assert_eq!(place.storage.rows("rows").len(), 12);
    // The owner did it, and is still the owner.
    let row = stored(&place.storage).await;
    assert_eq!((row.epoch, row.lease.unwrap().owner), (epoch, owner.owner()));
    for runtime in [&owner, &other] {
        let seen = runtime.status().await.unwrap().projectors.remove(0);
        assert_eq!((seen.state, seen.behind), (State::Paused, 3));
        assert!(!seen.state.is_healthy());
    }
    // Through a restart, of which nobody was told.
    running.abort();
    sleep(Duration::from_millis(10)).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let again = tokio::spawn({
        let runtime = place.runtime().await;
        async move { runtime.run(async { drop(stopped.await) }).await }
    });
    sleep(LEASE * 4).await;
    stop.send(()).unwrap();
    again.await.unwrap().unwrap();
    assert_eq!((place.state().await, place.storage.rows("rows").len()), (State::Paused, 12));
    // A run that is to end does not wait for somebody.
    let error = other.catch_up().await.unwrap_err();
    assert!(matches!(*error.halted()[0].reason, HaltReason::Paused), "{error}");
    assert_eq!(place.state().await, State::Paused);

    let running = run(&place.runtime().await);
    sleep(LEASE).await;
    for _twice in 0..2 {
        other.resume(NAME).await.unwrap();
    }
    place.until(15).await;
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn where_nobody_runs_it_the_command_is_carried_out_and_the_projector_released() {
    let place = Place::new().await;
    let runtime = place.runtime().await;
    runtime.pause(NAME).await.unwrap();
    assert_eq!(stored(&place.storage).await.lease, None);
    assert_eq!(place.state().await, State::Paused);
    append(&place.events, 10..12).await;
    let running = run(&place.runtime().await);
    sleep(LEASE * 3).await;
    assert_eq!(place.storage.rows("rows").len(), 10);
    running.abort();
    sleep(Duration::from_millis(10)).await;
    runtime.resume(NAME).await.unwrap();
    assert_eq!(place.state().await, State::Stopped);
    runtime.catch_up().await.unwrap();
    assert_eq!(place.storage.rows("rows").len(), 12);
    // Resumed, what was not paused stays as it is.
    runtime.resume(NAME).await.unwrap();
    assert_eq!(place.state().await, State::Stopped);
}

/// An owner that was killed is waited for, as long as whoever stands by for it.
#[tokio::test(start_paused = true)]
async fn a_command_waits_for_the_lease_of_an_owner_that_was_killed() {
    let place = Place::new().await;
    let owner = Elsewhere::take(&place.storage, LEASE).await;
    let runtime = place.runtime().await;
    let pausing = tokio::spawn(async move { runtime.pause(NAME).await });
    sleep(LEASE / 2).await;
    assert!(!pausing.is_finished() && owner.owns().await);
    timeout(LEASE * 2, pausing).await.unwrap().unwrap().unwrap();
    assert_eq!(place.state().await, State::Paused);
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_from_outside_is_the_owners_and_happens_once() {
    let place = Place::new().await;
    let owner = place.runtime().await;
    let running = run(&owner);
    append(&place.events, 10..20).await;
    place.until(20).await;
    // Twice at the same moment: one read model was to be built anew.
    let (one, two) = (place.runtime().await, place.runtime().await);
    let (first, second) = tokio::join!(one.rebuild(NAME), two.rebuild(NAME));
    first.unwrap();
    second.unwrap();
    assert_eq!(place.resets(), 1);
    assert_eq!(stored(&place.storage).await.lease.unwrap().owner, owner.owner());
    place.until(20).await;
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn what_was_left_by_somebody_who_was_killed_is_carried_out_once() {
    let place = Place::new().await;
    // Nobody runs it: the next owner does it, before its first batch.
    let id = place.leave("rebuild").await;
    append(&place.events, 10..12).await;
    let running = run(&place.runtime().await);
    assert_eq!(place.answered(id).await, "{}");
    place.until(12).await;
    assert_eq!(place.resets(), 1);
    // And now somebody does.
    let id = place.leave("rebuild").await;
    assert_eq!(place.answered(id).await, "{}");
    place.until(12).await;
    sleep(LEASE * 2).await;
    assert_eq!(place.resets(), 2);
    running.abort();
}

/// The owner fails, or is cut off, in the commit that carries the request out.
#[tokio::test(start_paused = true)]
async fn an_owner_that_fails_half_way_does_it_once() {
    for cut in [
        |storage: &MemoryStorage| storage.fail(Call::Commit, 1, StoreErrorKind::Unavailable),
        |storage: &MemoryStorage| storage.commit_and_fail(1),
    ] {
        let place = Place::new().await;
        let running = run(&place.runtime().await);
        append(&place.events, 10..12).await;
        place.until(12).await;
        let epoch = stored(&place.storage).await.epoch;
        cut(&place.storage);
        let id = place.leave("rebuild").await;
        place.answered(id).await;
        place.until(12).await;
        sleep(LEASE * 2).await;
        let rows = place.storage.rows("rows").len();
        assert_eq!((rows, place.requests().pending("").await.unwrap()), (12, vec![]));
        // One rebuild was committed; after an answer that was lost it may have started once more,
        // without one.
        assert!(stored(&place.storage).await.epoch <= epoch + 2);
        running.abort();
    }
}

/// An owner that is dropped with the request open leaves it to the next one.
#[tokio::test(start_paused = true)]
async fn an_owner_that_is_killed_half_way_leaves_it_to_the_next() {
    let place = Place::new().await;
    let owner = run(&place.runtime().await);
    sleep(Duration::from_millis(10)).await;
    let id = place.leave("pause").await;
    owner.abort();
    let next = run(&place.runtime().await);
    place.answered(id).await;
    assert_eq!(place.state().await, State::Paused);
    next.abort();
}

#[tokio::test(start_paused = true)]
async fn what_an_owner_does_not_know_is_refused_and_said() {
    let place = Place::new().await;
    let running = run(&place.runtime().await);
    let id = place.leave("levitate").await;
    let outcome = place.answered(id).await;
    assert!(outcome.contains("does not know this command"), "{outcome}");
    running.abort();
}

#[projector("ledger-memory", storage = MemoryStorage, register = false)]
#[derive(Clone)]
struct OtherCode;

#[handlers]
impl OtherCode {
    #[reset]
    fn clear(&self, db: &mut MemoryTx<'_>) {
        db.clear("rows");
    }

    #[handles(Added)]
    fn added(&self, event: &Added, db: &mut MemoryTx<'_>) {
        db.set("rows", event.n.to_string(), "other");
    }
}

#[projector("inside", register = false)]
#[derive(Clone, Default)]
struct Inside;

#[handlers]
impl Inside {
    #[handles(Added)]
    fn added(&mut self, _event: &Added) {}
}

#[tokio::test(start_paused = true)]
async fn other_code_asks_an_owner_and_does_nothing_itself() {
    let place = Place::new().await;
    let builder = Runtime::builder(place.events.clone()).without_linked();
    let other = builder.storage(place.storage.clone()).projector(OtherCode).build().await.unwrap();
    let before = stored(&place.storage).await;
    let error = other.pause(NAME).await.unwrap_err();
    assert!(matches!(error, CommandError::OtherCode { .. }), "{error}");
    assert!(error.to_string().contains("--with-this-code"), "{error}");
    assert_eq!(stored(&place.storage).await, before);
    // Nothing is left for the next owner.
    assert_eq!(place.requests().pending("").await.unwrap(), []);
    let running = run(&place.runtime().await);
    sleep(Duration::from_secs(1)).await;
    other.pause(NAME).await.unwrap();
    assert_eq!(place.state().await, State::Paused);
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_paused_says_why() {
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    let never = ledger(&events, &storage).await;
    let error = never.pause(NAME).await.unwrap_err();
    assert!(matches!(error, CommandError::NeverRan { .. }), "{error}");
    let builder = Runtime::builder(events).without_linked().projector(Inside);
    let inside = builder.build().await.unwrap();
    let error = inside.pause("inside").await.unwrap_err();
    assert!(matches!(error, CommandError::PerProcess { .. }), "{error}");
    let error = inside.pause("nobody").await.unwrap_err();
    assert!(matches!(error, CommandError::Unknown(_)), "{error}");
}

/// An answer that nobody understands is not a yes.
#[tokio::test(start_paused = true)]
async fn an_unreadable_answer_is_an_error() {
    let place = Place::new().await;
    let runtime = place.runtime().await;
    let _owner = Elsewhere::take(&place.storage, LEASE * 100).await;
    let asked = tokio::spawn(async move { runtime.pause(NAME).await });
    let id = loop {
        if let Some(request) = place.requests().pending("").await.unwrap().pop() {
            break request.id;
        }
        sleep(Duration::from_millis(10)).await;
    };
    let (key, row) = place.storage.checkpoints("").await.unwrap().remove(0);
    let mut write = CheckpointWrite::new(key, Some((&row).into()), row.clone());
    write.answer = Some(Answer { id, outcome: "do".to_owned() });
    let session = place.storage.begin().await.unwrap();
    place.storage.commit(session, &write).await.unwrap();
    let error = asked.await.unwrap().unwrap_err();
    assert!(matches!(error, CommandError::Store(_)), "{error}");
    assert!(error.to_string().contains("understand the answer"), "{error}");
}

/// Somebody who asks for a rebuild serves it himself, as the owner has died. Whatever becomes of the
/// commit that does it, it is done once, and its answer is that of a rebuild.
#[tokio::test(start_paused = true)]
async fn a_rebuild_whose_commit_fails_is_answered_once_and_done_once() {
    for lost in [true, false] {
        let place = Place::new().await;
        let runtime = place.runtime().await;
        let _dead = Elsewhere::take(&place.storage, LEASE).await;
        match lost {
            true => place.storage.commit_and_fail(1),
            false => place.storage.fail(Call::Commit, 1, StoreErrorKind::Unavailable),
        }
        timeout(LEASE * 20, runtime.rebuild(NAME)).await.expect("nobody does it").unwrap();
        // One that was rolled back has emptied nothing.
        assert_eq!(place.resets(), if lost { 1 } else { 2 }, "lost: {lost}");
        assert_eq!(place.storage.rows("rows").len(), 10, "lost: {lost}");
        assert_eq!(place.requests().pending("").await.unwrap(), [], "lost: {lost}");
    }
}
