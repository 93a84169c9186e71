//! Each state of promise 9, produced on purpose, as `status`, `health` and the metrics show it.

use std::time::Duration;

use metrics_util::debugging::DebuggingRecorder;
use projections::{
    AsyncStorage, Checkpoint, CheckpointWrite, LetterQuery, Runtime, State,
    memory::MemoryEventStore, testing::MemoryStorage,
};
use tokio::time::sleep;

use crate::support::{
    Conduct, Figures, Halting, NAME, Newer, Reins, Scene, Watched, append, append_to, is_shown,
    record, run,
};

#[tokio::test(start_paused = true)]
async fn stopped_is_who_has_never_run_and_who_stopped_cleanly() {
    record!(figures);
    let scene = Scene::new(Conduct::Good).await;
    append(&scene.events, [1]).await;
    // Nobody runs it, so nobody looks but who asks.
    let status = scene.runtime.status().await.unwrap();
    assert_eq!(status.projectors[0].behind, 1);
    is_shown(&scene.runtime, &figures, State::Stopped, false).await;
    scene.runtime.catch_up().await.unwrap();
    is_shown(&scene.runtime, &figures, State::Stopped, false).await;
    assert_eq!(figures.get("projections.lease.held"), 0.0);
}

#[tokio::test(start_paused = true)]
async fn catching_up_and_caught_up_are_well() {
    record!(figures);
    let scene = Scene::new(Conduct::Waits).await;
    append(&scene.events, 1..=3).await;
    let running = scene.run();
    is_shown(&scene.runtime, &figures, State::CatchingUp, true).await;
    assert_eq!(figures.get("projections.behind"), 3.0);
    assert_eq!(figures.get("projections.lease.held"), 1.0);
    scene.reins.say(Conduct::Good);
    is_shown(&scene.runtime, &figures, State::CaughtUp, true).await;
    assert_eq!(figures.get("projections.behind"), 0.0);
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn retrying_is_not_well_and_counts_its_attempts() {
    record!(figures);
    let scene = Scene::new(Conduct::Fails).await;
    append(&scene.events, [1]).await;
    let running = scene.run();
    is_shown(&scene.runtime, &figures, State::Retrying, false).await;
    // The first attempt is none after one that failed.
    assert_eq!(figures.get("projections.retries{cause=event}"), 0.0);
    sleep(Duration::from_secs(60)).await;
    is_shown(&scene.runtime, &figures, State::Retrying, false).await;
    assert_eq!(figures.get("projections.retries{cause=event}"), 1.0);
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn parked_is_not_well_wherever_the_projector_is() {
    record!(figures);
    let scene = Scene::new(Conduct::FailsForGood).await;
    append(&scene.events, 1..=3).await;
    let running = scene.run();
    is_shown(&scene.runtime, &figures, State::Parked, false).await;
    let health = scene.runtime.health().await.unwrap();
    assert_eq!(health.projectors[0].reasons, ["it lacks 3 events of 1 parked keys"]);
    // Moving, and still not well.
    let letters = scene.runtime.dead_letters(NAME).unwrap();
    scene.reins.say(Conduct::Good);
    assert_eq!(letters.list(&LetterQuery::first(9)).await.unwrap().len(), 3);
    letters.redrive(projections::Chosen::All).await.unwrap();
    is_shown(&scene.runtime, &figures, State::CaughtUp, true).await;
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn paused_is_not_well_until_it_is_resumed() {
    record!(figures);
    let scene = Scene::new(Conduct::Good).await;
    append(&scene.events, [1]).await;
    let running = scene.run();
    is_shown(&scene.runtime, &figures, State::CaughtUp, true).await;
    scene.runtime.pause(NAME).await.unwrap();
    append(&scene.events, [2]).await;
    is_shown(&scene.runtime, &figures, State::Paused, false).await;
    scene.runtime.resume(NAME).await.unwrap();
    is_shown(&scene.runtime, &figures, State::CaughtUp, true).await;
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn halted_is_not_well_and_says_why() {
    record!(figures);
    let (events, storage) = (MemoryEventStore::new(), MemoryStorage::new());
    append(&events, [1]).await;
    let builder = Runtime::builder(events).without_linked().storage(storage);
    let halting = Halting { reins: Reins::new(Conduct::Fails) };
    let runtime = builder.projector(halting).build().await.unwrap();
    runtime.run(std::future::pending()).await.unwrap_err();
    is_shown(&runtime, &figures, State::Halted, false).await;
    let reasons = &runtime.health().await.unwrap().projectors[0].reasons;
    assert!(reasons[0].contains("it does not work"), "{reasons:?}");
}

#[tokio::test(start_paused = true)]
async fn detached_is_whose_run_was_dropped_and_whose_owner_is_silent() {
    record!(figures);
    let scene = Scene::new(Conduct::Good).await;
    append(&scene.events, [1]).await;
    let running = scene.run();
    is_shown(&scene.runtime, &figures, State::CaughtUp, true).await;
    running.abort();
    // Another runtime, which knows its checkpoint only: nobody has written it for two leases.
    let recorder = DebuggingRecorder::new();
    let others = Figures::of(recorder.snapshotter());
    let _recording = metrics::set_default_local_recorder(&recorder);
    let builder = Runtime::builder(scene.events.clone()).without_linked();
    let watched = Watched { reins: Reins::default() };
    let builder = builder.storage(scene.storage.clone()).projector(watched);
    let other = builder.build().await.unwrap();
    assert_eq!(other.status().await.unwrap().projectors[0].state, State::CaughtUp);
    let (key, row) = scene.storage.checkpoints("").await.unwrap().remove(0);
    let silent = row.heartbeat_at - Duration::from_secs(21);
    let next = Checkpoint { heartbeat_at: silent, ..row.clone() };
    let session = scene.storage.begin().await.unwrap();
    let write = CheckpointWrite::new(key, Some((&row).into()), next);
    scene.storage.commit(session, &write).await.unwrap();
    other.status().await.unwrap();
    is_shown(&other, &others, State::Detached, false).await;
    // Whose run it was knows it at once.
    let health = scene.runtime.health().await.unwrap();
    assert_eq!((health.healthy, health.projectors[0].state), (false, State::Detached));
}

#[tokio::test(start_paused = true)]
async fn rebuilding_is_well_unless_something_is_parked() {
    record!(figures);
    let scene = Scene::new(Conduct::Good).await;
    append(&scene.events, 1..=3).await;
    let running = scene.run();
    is_shown(&scene.runtime, &figures, State::CaughtUp, true).await;
    scene.reins.say(Conduct::Waits);
    let rebuild = || {
        let runtime = scene.runtime.clone();
        tokio::spawn(async move { runtime.rebuild(NAME).await })
    };
    let rebuilding = rebuild();
    is_shown(&scene.runtime, &figures, State::Rebuilding, true).await;
    assert_eq!(figures.get("projections.behind"), 3.0);
    scene.reins.say(Conduct::Good);
    rebuilding.await.unwrap().unwrap();
    is_shown(&scene.runtime, &figures, State::CaughtUp, true).await;

    // The first event is parked, and then it waits at the next one.
    append_to(&scene.events, "b", [4]).await;
    is_shown(&scene.runtime, &figures, State::CaughtUp, true).await;
    scene.reins.say(Conduct::FailsThenWaits);
    let rebuilding = rebuild();
    is_shown(&scene.runtime, &figures, State::Rebuilding, false).await;
    assert_eq!(figures.get("projections.parked"), 1.0);
    rebuilding.abort();
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn diverged_is_who_has_read_another_log() {
    record!(figures);
    let scene = Scene::new(Conduct::Good).await;
    append(&scene.events, [1]).await;
    scene.runtime.catch_up().await.unwrap();
    let another = MemoryEventStore::new();
    append(&another, [1]).await;
    let builder = Runtime::builder(another).without_linked().storage(scene.storage.clone());
    let watched = Watched { reins: Reins::default() };
    let runtime = builder.projector(watched).build().await.unwrap();
    runtime.run(std::future::pending()).await.unwrap_err();
    is_shown(&runtime, &figures, State::Diverged, false).await;
}

#[tokio::test(start_paused = true)]
async fn stale_code_is_older_than_the_read_model() {
    record!(figures);
    let scene = Scene::new(Conduct::Good).await;
    append(&scene.events, [1]).await;
    let builder = Runtime::builder(scene.events.clone()).without_linked();
    let newer = builder.storage(scene.storage.clone()).projector(Newer).build().await.unwrap();
    newer.catch_up().await.unwrap();
    let running = run(&scene.runtime);
    is_shown(&scene.runtime, &figures, State::StaleCode, false).await;
    running.abort();
}
