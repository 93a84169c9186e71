//! Readers beside a projector that writes.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use projections::{Expected, memory::MemoryEventStore, sqlite::Sqlite};
use projections_tests::halves::{BATCH, Half, Ticked, runtime, watch};

use crate::board::Place;

const EVENTS: u64 = 10_000;
/// How often the projector waits for the reader, so that one has surely read beside the other.
const STEPS: u64 = 10;
/// Longer than any reader takes that reads at all.
const LONG: Duration = Duration::from_secs(60);

/// Appends and applies the events, step by step. `next` waits for a position that the reader says.
async fn tick(file: Option<Sqlite>, read: impl FnOnce(&Running), mut next: impl FnMut() -> u64) {
    let running = runtime(MemoryEventStore::new(), file).await;
    read(&running);
    let mut seen = vec![next()];
    assert_eq!(seen, [0]);
    for step in 1..=STEPS {
        let ticks = (0..EVENTS / STEPS).map(|number| Ticked { left: number % 2 == 0 });
        running.append("halves-1", Expected::Any, ticks).await.unwrap();
        running.catch_up().await.unwrap();
        while seen.last().is_none_or(|last| *last < step * EVENTS / STEPS) {
            seen.push(next());
        }
    }
    println!("{} states of {}", seen.len(), 1 + EVENTS / u64::from(BATCH));
    assert!(seen.len() as u64 > STEPS);
}

type Running = projections::Runtime<MemoryEventStore>;

pub(crate) async fn a_reader_sees_whole_batches(place: Place) {
    let folder = tempfile::tempdir().unwrap();
    let file = match place {
        Place::InProcess => None,
        Place::Sqlite => Some(open(folder.path())),
    };
    let (said, heard) = mpsc::channel();
    let mut watching = None;
    let read = |running: &Running| {
        let halves = running.rows::<Half>().unwrap();
        let say = move |position| said.send(position).unwrap();
        watching = Some(tokio::spawn(async move { watch(&halves, EVENTS.into(), say).await }));
    };
    tick(file, read, || tokio::task::block_in_place(|| heard.recv_timeout(LONG).unwrap()).get())
        .await;
    watching.unwrap().await.unwrap().unwrap();
}

fn open(folder: &Path) -> Sqlite {
    Sqlite::open(folder.join("read.db")).unwrap()
}

#[tokio::test]
async fn a_thread_that_opens_the_file_itself_sees_whole_batches() {
    let folder = tempfile::tempdir().unwrap();
    let file = open(folder.path());
    let (said, heard) = mpsc::channel();
    let path = folder.path().to_owned();
    let mut reader = None;
    let read = |_: &Running| {
        reader = Some(std::thread::spawn(move || {
            let executor = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let halves = open(&path).rows::<Half>();
            let say = move |position| said.send(position).unwrap();
            executor.block_on(watch(&halves, EVENTS.into(), say)).unwrap();
        }));
    };
    tick(Some(file), read, || heard.recv_timeout(LONG).unwrap().get()).await;
    reader.unwrap().join().unwrap();
}

#[tokio::test]
async fn another_process_sees_whole_batches() {
    let folder = tempfile::tempdir().unwrap();
    let file = open(folder.path());
    let mut reader = Command::new(env!("CARGO_BIN_EXE_halves"))
        .args([folder.path().join("read.db").as_os_str(), EVENTS.to_string().as_ref()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(reader.stdout.take().unwrap()).lines();
    let next = || lines.next().expect("it has not failed").unwrap().parse().unwrap();
    tick(Some(file), |_| {}, next).await;
    assert!(reader.wait().unwrap().success());
}
