//! Readers beside a projector that writes.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use projections::{Expected, GlobalPosition, memory::MemoryEventStore, sqlite::Sqlite};
use projections_tests::halves::{BATCH, Half, Ticked, runtime, watch};

use crate::board::Place;

const EVENTS: usize = 10_000;

async fn ticking() -> (MemoryEventStore, GlobalPosition) {
    let events = MemoryEventStore::new();
    let ticks: Vec<_> = (0..EVENTS).map(|number| Ticked { left: number % 2 == 0 }).collect();
    let runtime = runtime(events.clone(), None).await;
    let receipt = runtime.append("halves-1", Expected::Any, ticks).await.unwrap();
    assert_eq!(EVENTS % BATCH as usize, 0);
    (events, receipt.last)
}

pub(crate) async fn a_reader_sees_whole_batches(place: Place) {
    let folder = tempfile::tempdir().unwrap();
    let file = match place {
        Place::InProcess => None,
        Place::Sqlite => Some(Sqlite::open(folder.path().join("read.db")).unwrap()),
    };
    let (events, last) = ticking().await;
    let runtime = runtime(events, file).await;
    let halves = runtime.rows::<Half>().unwrap();
    let watching = tokio::spawn(async move { watch(&halves, last).await });
    runtime.catch_up().await.unwrap();
    let seen = watching.await.unwrap().unwrap();
    println!("{seen} states of {}", EVENTS / BATCH as usize);
    assert!(seen > 1, "it read beside the projector, not after it");
}

#[tokio::test]
async fn a_thread_that_opens_the_file_itself_sees_whole_batches() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("read.db");
    let (events, last) = ticking().await;
    let runtime = runtime(events, Some(Sqlite::open(&path).unwrap())).await;
    let (ready, is_ready) = tokio::sync::oneshot::channel();
    let reader = std::thread::spawn(move || {
        let executor = tokio::runtime::Builder::new_current_thread().build().unwrap();
        executor.block_on(async {
            let halves = Sqlite::open(path).unwrap().rows::<Half>();
            assert_eq!(halves.count().await.unwrap(), 0);
            ready.send(()).unwrap();
            watch(&halves, last).await.unwrap()
        })
    });
    is_ready.await.unwrap();
    runtime.catch_up().await.unwrap();
    let seen = reader.join().unwrap();
    println!("{seen} states of {}", EVENTS / BATCH as usize);
    assert!(seen > 1, "it read beside the projector, not after it");
}

#[tokio::test]
async fn another_process_sees_whole_batches() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("read.db");
    let (events, last) = ticking().await;
    let mut reader = Command::new(env!("CARGO_BIN_EXE_halves"))
        .args([path.as_os_str(), last.to_string().as_ref()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(reader.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    let runtime = runtime(events, Some(Sqlite::open(&path).unwrap())).await;
    runtime.catch_up().await.unwrap();
    let seen: usize = lines.next().expect("it has not failed").unwrap().parse().unwrap();
    assert!(reader.wait().unwrap().success());
    println!("{seen} states of {}", EVENTS / BATCH as usize);
    assert!(seen > 1, "it read beside the projector, not after it");
}
