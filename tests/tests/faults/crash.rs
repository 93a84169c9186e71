//! A child process dies at each named point, and the next one goes on.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, ExitStatus, Stdio},
};

use rand::Rng as _;

use crate::{
    points::{Fault, Point, Points, chosen, random},
    shop::{Place, Work},
};

/// Names the folder of a process of this test, its work, and where it dies.
const CHILD: &str = "PROJECTIONS_FAULTS_CHILD";
const BATCH: u32 = 7;

#[tokio::test]
#[ignore = "the part of other processes in the tests of this program"]
async fn child() {
    let said = std::env::var(CHILD).unwrap();
    let said: Vec<_> = said.split('|').collect();
    let [folder, work, point, nth] = said[..] else { panic!("what is said: {said:?}") };
    let points = Points::with(Point::named(point), nth.parse().unwrap(), Fault::Die);
    let place = Place { folder: folder.into() };
    place.work(Work::named(work), BATCH, &points).await.unwrap();
}

/// Runs a process that dies at a pass of a point; it lives where it does not come so far.
fn run_child(folder: &Path, work: Work, (point, nth): (Point, u64)) -> ExitStatus {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "crash::child", "--ignored"]);
    command.env(CHILD, format!("{}|{work:?}|{point}|{nth}", folder.display()));
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap()
}

/// How often the points are passed by an uninterrupted run, which must come out right itself.
async fn passes(before: &Place, work: Work) -> BTreeMap<Point, u64> {
    let folder = tempfile::tempdir().unwrap();
    let (place, points) = (before.copy(folder.path()), Points::default());
    place.work(work, BATCH, &points).await.unwrap();
    assert_eq!(place.read().await, work.expected(), "{work:?}, uninterrupted");
    points.passes()
}

async fn dies_everywhere(work: Work, must_pass: &[Point]) {
    let (seed, mut random) = random();
    let folder = tempfile::tempdir().unwrap();
    let before = Place::with_events(folder.path()).await;
    if work != Work::CatchUp {
        before.work(Work::CatchUp, BATCH, &Points::default()).await.unwrap();
    }
    let passes = passes(&before, work).await;
    for point in must_pass {
        assert!(passes.contains_key(point), "{work:?} never passes {point}");
    }
    let mut crashes = 0;
    for (&point, &count) in &passes {
        for nth in chosen(count, &mut random) {
            let folder = tempfile::tempdir().unwrap();
            let place = before.copy(folder.path());
            let case = format!("seed {seed}: {work:?}, {point}, pass {nth}");
            let ended = run_child(folder.path(), work, (point, nth));
            // A slow run saves its checkpoint more often, and a fast one less.
            assert!(!ended.success() || nth > 1, "{case}: it was to die");
            crashes += u32::from(!ended.success());
            // The next one may die, too, a little later.
            if random.random_bool(0.3) {
                let next = Point::ALL[random.random_range(0..Point::ALL.len())];
                run_child(folder.path(), work, (next, random.random_range(1..4)));
            }
            let outcome = place.work(work, BATCH, &Points::default()).await;
            // A repair that was done before its process died has nothing left to do.
            if let Err(error) = outcome {
                panic!("{case}: {error}");
            }
            assert_eq!(place.read().await, work.expected(), "{case}");
        }
    }
    println!("{work:?}: died {crashes} times at {} points", passes.len());
}

const OF_EVERY_BATCH: [Point; 11] = [
    Point::BeforeRead,
    Point::AfterRead,
    Point::BeforeBegin,
    Point::AfterBegin,
    Point::Setup,
    Point::BeforeLoad,
    Point::AfterLoad,
    Point::BeforeHandler,
    Point::AfterHandler,
    Point::BeforeCommit,
    Point::AfterCommit,
];

#[tokio::test]
async fn a_process_that_catches_up_may_die_at_any_point() {
    let more = [
        Point::ReadHead,
        Point::BeforeRollback,
        Point::AfterRollback,
        Point::Parked,
        Point::Savepoint,
        Point::BeforeBackToSavepoint,
        Point::AfterBackToSavepoint,
    ];
    dies_everywhere(Work::CatchUp, &[&OF_EVERY_BATCH[..], &more].concat()).await;
}

#[tokio::test]
async fn a_process_that_redrives_may_die_at_any_point() {
    dies_everywhere(Work::Redrive, &[&OF_EVERY_BATCH[..], &[Point::Letters]].concat()).await;
}

#[tokio::test]
async fn a_process_that_rebuilds_may_die_at_any_point() {
    let more = [Point::BeforeReset, Point::AfterReset];
    dies_everywhere(Work::Rebuild, &[&OF_EVERY_BATCH[..], &more].concat()).await;
}
