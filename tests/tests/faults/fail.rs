//! Each call fails, loses its answer, or hangs, at each of its passes.

use std::time::Duration;

use crate::{
    points::{Fault, Point, Points, chosen, random},
    shop::{Place, Work},
};

const BATCH: u32 = 7;
const PATIENCE: Duration = Duration::from_secs(20);

/// A place where the work is still to be done.
async fn before(folder: &tempfile::TempDir, work: Work) -> Place {
    let place = Place::with_events(folder.path()).await;
    if work != Work::CatchUp {
        place.work(Work::CatchUp, BATCH, &Points::default()).await.unwrap();
    }
    place
}

/// What the handlers do is not the storage's: their failures are the events'.
fn is_of_a_handler(point: Point) -> bool {
    matches!(point, Point::BeforeHandler | Point::AfterHandler)
}

#[tokio::test]
async fn each_call_may_fail_or_lose_its_answer() {
    let (seed, mut random) = random();
    for work in Work::ALL {
        let folder = tempfile::tempdir().unwrap();
        let before = before(&folder, work).await;
        let (mut failed, counted) = (0, Points::default());
        let uninterrupted = tempfile::tempdir().unwrap();
        before.copy(uninterrupted.path()).work(work, BATCH, &counted).await.unwrap();
        for (point, count) in counted.passes() {
            if is_of_a_handler(point) {
                continue;
            }
            for nth in chosen(count, &mut random) {
                let folder = tempfile::tempdir().unwrap();
                let place = before.copy(folder.path());
                let case = format!("seed {seed}: {work:?}, {point}, pass {nth}");
                let points = Points::with(point, nth, Fault::Fail);
                let outcome = place.work(work, BATCH, &points).await;
                // A slow run saves its checkpoint more often, and a fast one less.
                assert!(points.has_happened() || nth > 1, "{case}: it never failed");
                failed += u32::from(points.has_happened());
                // Whoever asked for something may be told of the failure, and asks again.
                if let Err(error) = outcome {
                    assert!(error.contains(&point.to_string()), "{case}: {error}");
                    place.work(work, BATCH, &Points::default()).await.unwrap();
                }
                assert_eq!(place.read().await, work.expected(), "{case}");
            }
        }
        println!("{work:?}: {failed} calls failed");
    }
}

/// Whether a call that hangs there has no transaction open, so that others can go on.
fn is_free(point: Point) -> bool {
    matches!(point, Point::BeforeRead | Point::AfterRead | Point::BeforeBegin | Point::AfterCommit)
}

/// While one owner hangs another takes over, where the database lets it; what the first one does
/// when it comes back changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_owner_that_hangs_is_replaced_and_changes_nothing_when_it_comes_back() {
    for point in Point::ALL {
        let folder = tempfile::tempdir().unwrap();
        let place = before(&folder, Work::CatchUp).await;
        let counted = Points::default();
        let uninterrupted = tempfile::tempdir().unwrap();
        place.copy(uninterrupted.path()).work(Work::CatchUp, BATCH, &counted).await.unwrap();
        let Some(&count) = counted.passes().get(&point) else { continue };
        for nth in [1, count.div_ceil(2)] {
            let case = format!("{point}, pass {nth}");
            let folder = tempfile::tempdir().unwrap();
            let place = place.copy(folder.path());
            let points = Points::with(point, nth, Fault::Hang);
            let hanging = tokio::spawn({
                let (place, points) = (Place { folder: place.folder.clone() }, points.clone());
                async move { place.work(Work::CatchUp, BATCH, &points).await }
            });
            assert!(points.hangs(PATIENCE), "{case}: it never hung");
            if is_free(point) {
                place.work(Work::CatchUp, BATCH, &Points::default()).await.unwrap();
                assert_eq!(place.read().await, Work::CatchUp.expected(), "{case}, taken over");
            }
            points.let_go();
            // It may find that another has taken its place, and then halts or stands by.
            let outcome = tokio::time::timeout(PATIENCE, hanging).await;
            outcome.expect(&case).unwrap().expect(&case);
            assert_eq!(place.read().await, Work::CatchUp.expected(), "{case}, come back");
        }
    }
}
