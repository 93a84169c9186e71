//! Other processes: this test program again, in a role.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use projections::{
    AppendRequest, BlockingStorage, EventId, EventStore, Expected, NewEvent, Runtime, handlers,
    projector,
    sqlite::{Sqlite, SqliteEventStore, SqliteTx, rusqlite},
};
use projections_tests::ledger::Added;

use crate::{
    memory::{Blobs, peak},
    poison,
};

const ROLE: &str = "PROJECTIONS_SCALE_ROLE";
const FOLDER: &str = "PROJECTIONS_SCALE_FOLDER";

/// Another process, with what it prints.
pub(crate) struct Other {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Other {
    /// Starts this test program in a role, with a word to it.
    pub(crate) fn start(folder: &Path, role: &str, word: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child::play", "--ignored", "--nocapture"]);
        command.env(ROLE, format!("{role} {word}")).env(FOLDER, folder);
        Self::spawn(command)
    }

    /// Starts a process that runs the ledger of this folder until it is killed.
    pub(crate) fn project(folder: &Path, read: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ledger"));
        command.arg("project").arg(folder.join("events.db")).arg(folder.join(read));
        let mut started = Self::spawn(command);
        started.line("ready");
        started
    }

    fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { input: child.stdin.take(), output, child }
    }

    /// Reads up to a line that starts so, and returns the rest of it.
    pub(crate) fn line(&mut self, start: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "it ended before `{start}`");
            if let Some(rest) = line.trim().strip_prefix(start) {
                return rest.trim().to_owned();
            }
        }
    }

    /// Lets it come to its end; returns what it said since.
    pub(crate) fn end(mut self) -> String {
        drop(self.input.take());
        let mut said = String::new();
        self.output.read_to_string(&mut said).unwrap();
        assert!(self.child.wait().unwrap().success(), "{said}");
        said
    }

    /// SIGKILL.
    pub(crate) fn kill(self) {}
}

impl Drop for Other {
    /// Nothing outlives its test, also where the test fails.
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The events that a ledger holds by now; it may not have its tables yet.
pub(crate) fn projected(read: &Path) -> usize {
    let Ok(db) = rusqlite::Connection::open(read) else { return 0 };
    let count = db.query_row("SELECT count(*) FROM ledger", [], |row| row.get::<_, i64>(0));
    count.map_or(0, |count| usize::try_from(count).unwrap())
}

#[test]
#[ignore = "the part of other processes in the tests of this program"]
fn play() {
    let role = std::env::var(ROLE).unwrap();
    let (role, word) = role.split_once(' ').unwrap();
    let folder = std::env::var_os(FOLDER).unwrap();
    let folder = Path::new(&folder);
    println!();
    let events = SqliteEventStore::open(folder.join("events.db")).unwrap();
    let tokio = tokio::runtime::Runtime::new().unwrap();
    match role {
        "append" => tokio.block_on(append(&events, word)),
        "number" => tokio.block_on(number(&events, word.parse().unwrap())),
        "newcomer" => tokio.block_on(newcomer(events, folder)),
        "huge" => tokio.block_on(huge(events)),
        "poison" => tokio.block_on(poison::project(events, folder)),
        other => panic!("there is no role `{other}`"),
    }
}

/// Appends one event after the other until its input ends; says then how long each took.
async fn append(events: &SqliteEventStore, stream: &str) {
    let ended = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ended);
    std::thread::spawn(move || {
        // Whatever ends the input ends the appends.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        seen.store(true, Ordering::SeqCst);
    });
    let mut waits = Vec::new();
    while waits.is_empty() || !ended.load(Ordering::SeqCst) {
        let event = NewEvent::of(&Added { n: waits.len() as u64 }).unwrap();
        let begun = Instant::now();
        events.append(AppendRequest::new(stream, Expected::Any, vec![event])).await.unwrap();
        if waits.is_empty() {
            println!("begun");
        }
        waits.push(begun.elapsed().as_nanos());
    }
    // Told at the end: a process that waits for its reader would not be appending.
    waits.iter().for_each(|wait| println!("wait {wait}"));
}

/// The request that appends this number: two events, whose ids are the same in every process.
pub(crate) fn numbered(n: u64) -> AppendRequest {
    let id = |half: u128| EventId::from_u128(u128::from(n) * 2 + half + 1);
    let time = "2020-01-01T00:00:00Z".parse().unwrap();
    let event = |half| NewEvent::of(&Added { n }).unwrap().with_id(id(half)).at(time);
    AppendRequest::new("numbered", Expected::Any, vec![event(0), event(1)])
}

/// Appends the first so many numbers, each under its own ids; says where each is.
async fn number(events: &SqliteEventStore, count: u64) {
    for n in 0..count {
        let receipt = events.append(numbered(n)).await.unwrap();
        println!("done {n} {} {}", receipt.first, receipt.last);
    }
}

#[projector("newcomer", storage = Sqlite, from = "now", register = false)]
#[derive(Clone)]
struct Newcomer;

#[handlers]
impl Newcomer {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("CREATE TABLE IF NOT EXISTS seen (n INTEGER NOT NULL)")
    }

    #[handles(Added)]
    fn added(&self, event: &Added, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute("INSERT INTO seen VALUES (?1)", [event.n.cast_signed()]).map(drop)
    }
}

/// Runs a projector that begins now; says when it is registered.
async fn newcomer(events: SqliteEventStore, folder: &Path) {
    let storage = Sqlite::open(folder.join("read.db")).unwrap();
    let runtime = Runtime::builder(events).without_linked().storage(storage.clone());
    let runtime =
        runtime.lease(Duration::from_millis(500)).projector(Newcomer).build().await.unwrap();
    let running = tokio::spawn(async move { runtime.run(std::future::pending()).await });
    while storage.checkpoints("").unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    println!("registered");
    running.await.unwrap().unwrap();
}

/// Projects what is there, and says how much memory that took.
async fn huge(events: SqliteEventStore) {
    let runtime = Runtime::builder(events).without_linked().projector(Blobs::default());
    let runtime = runtime.build().await.unwrap();
    println!("before {}", peak().unwrap_or_default());
    runtime.catch_up().await.unwrap();
    let lengths = runtime.read::<Blobs, _>(|blobs| blobs.lengths.clone()).await.unwrap();
    println!("lengths {lengths:?}");
    println!("after {}", peak().unwrap_or_default());
}
