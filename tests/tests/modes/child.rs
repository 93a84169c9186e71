//! Other processes: this test program again, in a role.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::atomic::Ordering::SeqCst,
    time::Duration,
};

use projections::{GlobalPosition, Runtime, sqlite::SqliteEventStore};
use projections_tests::ledger::InProcessLedger;

use crate::{
    snapshots::Newcomer,
    support::caught_up,
    tally::{Calls, process, seen},
};

const ROLE: &str = "PROJECTIONS_MODES_ROLE";
const FOLDER: &str = "PROJECTIONS_MODES_FOLDER";

/// Another process, with what it prints.
pub(crate) struct Other {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Other {
    /// Starts this test program in a role, with a word to it.
    pub(crate) fn start(folder: &Path, role: &str, word: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child::play", "--ignored", "--nocapture"]);
        command.env(ROLE, format!("{role} {word}")).env(FOLDER, folder);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
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

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
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

#[test]
#[ignore = "the part of other processes in the tests of this program"]
fn play() {
    let role = std::env::var(ROLE).unwrap();
    let (role, word) = role.split_once(' ').unwrap();
    let folder = std::env::var_os(FOLDER).unwrap();
    println!();
    let events = SqliteEventStore::open(Path::new(&folder).join("events.db")).unwrap();
    let tokio = tokio::runtime::Runtime::new().unwrap();
    match role {
        "tally" => tokio.block_on(tally(events, word.parse().unwrap())),
        "ledger" => tokio.block_on(ledger(events, word.parse().unwrap())),
        "newcomer" => tokio.block_on(newcomer(events, word == "ends")),
        other => panic!("there is no role `{other}`"),
    }
}

/// Reads the log up to a position, and says with how many calls and to what; then it waits to be
/// killed. All the while it says where its last snapshot is, which may be saved after the end.
async fn tally(events: SqliteEventStore, until: u64) {
    let calls = Calls::default();
    let runtime = process(&events, &calls).await;
    let runner = runtime.clone();
    tokio::spawn(async move { runner.run(std::future::pending()).await });
    let (mut told, mut has_ended) = (None, false);
    loop {
        let status = runtime.status().await.unwrap().projectors.remove(0);
        // Until it has begun to run, the status is that of processes that were killed before.
        let Some(snapshot) = status.snapshot else {
            tokio::task::yield_now().await;
            continue;
        };
        let saved = snapshot.position.map(GlobalPosition::get);
        if saved != told {
            println!("snapshot {}", saved.unwrap());
            told = saved;
        }
        if !has_ended && status.position.get() >= until {
            println!("calls {}", calls.count.load(SeqCst));
            println!("state {:?}", seen(&runtime).await);
            has_ended = true;
        }
        tokio::task::yield_now().await;
    }
}

/// Runs a read model in process, and says what it shows at a position.
async fn ledger(events: SqliteEventStore, until: u64) {
    let runtime = Runtime::builder(events).only(["ledger-in-process"]);
    let runtime = runtime.lease(Duration::from_secs(1)).build().await.unwrap();
    let running = {
        let runtime = runtime.clone();
        tokio::spawn(async move { runtime.run(std::future::pending()).await })
    };
    println!("begun");
    loop {
        let look = runtime.read_at::<InProcessLedger, _>(|l, at| (at.get(), l.ledger.clone()));
        let (at, ledger) = look.await.unwrap();
        if at >= until {
            caught_up(&runtime).await;
            println!("shows {at} {ledger:?}");
            break;
        }
        tokio::task::yield_now().await;
    }
    running.await.unwrap().unwrap();
}

/// Runs a projector that begins now; says when it is at the head, and what it has seen.
async fn newcomer(events: SqliteEventStore, ends: bool) {
    let runtime = Runtime::builder(events).without_linked().projector(Newcomer::default());
    let runtime = runtime.build().await.unwrap();
    if ends {
        runtime.catch_up().await.unwrap();
        let seen = runtime.read::<Newcomer, _>(|newcomer| newcomer.seen.clone()).await.unwrap();
        println!("seen {seen:?}");
        return;
    }
    let running = {
        let runtime = runtime.clone();
        tokio::spawn(async move { runtime.run(std::future::pending()).await })
    };
    caught_up(&runtime).await;
    println!("caught up");
    running.await.unwrap().unwrap();
}
