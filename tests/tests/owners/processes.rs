//! Real processes: killed, frozen and thawed. Acceptance lines 15, 49 and 50.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use projections::{
    ProjectorStatus, Runtime, State,
    sqlite::{Sqlite, SqliteEventStore, rusqlite::Connection},
};
use projections_tests::ledger::{expected, read_sqlite};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use crate::support::append;

/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longer than a process waits for a processor, or for the disk: nobody loses it who has not been
/// killed or frozen.
const LEASE: Duration = Duration::from_secs(2);
/// For those who may lose it at any time.
const SHORT_LEASE: Duration = Duration::from_millis(500);

/// A folder with events, and what the processes make of them.
struct Place {
    folder: tempfile::TempDir,
    events: SqliteEventStore,
    appended: u64,
    lease: Duration,
}

/// What the processes have stored of where they are.
#[derive(Debug)]
struct Stored {
    position: u64,
    epoch: u64,
    /// Which process owns the projector.
    owner: Option<String>,
}

/// A process that runs the ledger, with what it prints.
struct Projecting {
    child: Child,
    lines: Receiver<String>,
}

impl Place {
    async fn new() -> Self {
        Self::with_lease(LEASE).await
    }

    async fn with_lease(lease: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let events = SqliteEventStore::open(folder.path().join("events.db")).unwrap();
        let mut place = Self { folder, events, appended: 0, lease };
        place.append(20).await;
        place
    }

    async fn append(&mut self, more: u64) {
        append(&self.events, self.appended..self.appended + more).await;
        self.appended += more;
    }

    fn read(&self) -> PathBuf {
        self.folder.path().join("read.db")
    }

    fn start(&self, more: &[&str]) -> Projecting {
        let file = |path: &Path| path.display().to_string();
        let events = file(&self.folder.path().join("events.db"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_ledger"));
        let lease = format!("--lease={}", self.lease.as_millis());
        command.args(["project", &events, &file(&self.read()), &lease]).args(more);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let started = Projecting::listen(child);
        started.expect("ready");
        started
    }

    fn stored(&self) -> Option<Stored> {
        stored(&Connection::open(self.read()).unwrap())
    }

    fn until(&self, what: &str, mut so: impl FnMut(&Stored) -> bool) {
        let (began, db) = (Instant::now(), Connection::open(self.read()).unwrap());
        loop {
            let stored = stored(&db);
            if stored.as_ref().is_some_and(&mut so) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "waited too long until {what}: {stored:?}");
            // Nothing tells of commits of other processes; they need the processor.
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Freezes a process that has no transaction open, which would keep the other one from the file.
    fn freeze(&self, process: &Projecting) {
        let (began, db) = (Instant::now(), Connection::open(self.read()).unwrap());
        db.busy_timeout(Duration::from_secs(1)).unwrap();
        loop {
            process.signal("-STOP");
            match db.execute_batch("BEGIN IMMEDIATE; ROLLBACK") {
                Ok(()) => return,
                Err(error) => assert!(began.elapsed() < PATIENCE, "{error}"),
            }
            process.signal("-CONT");
        }
    }

    fn until_all_is_projected(&self) {
        self.until("all is projected", |stored| stored.position == self.appended);
    }

    fn until_owned_by(&self, process: &Projecting) {
        self.until("it is the owner", |stored| process.is_owner(stored));
    }

    async fn status(&self) -> ProjectorStatus {
        let runtime = Runtime::builder(self.events.clone())
            .storage(Sqlite::open(self.read()).unwrap())
            .only(["ledger-sqlite"]);
        runtime.build().await.unwrap().status().await.unwrap().projectors.remove(0)
    }

    /// Each event has taken effect once, in order.
    fn is_exact(&self) {
        let all: Vec<_> = (1..).zip(0..self.appended).collect();
        assert_eq!(read_sqlite(&self.read()), expected(&all));
    }
}

/// The one checkpoint of a file, where there is one yet.
fn stored(db: &Connection) -> Option<Stored> {
    let sql =
        "SELECT position, epoch, iif(owner IS NULL, NULL, process) FROM projections_checkpoints";
    let stored = db.query_row(sql, [], |row| {
        Ok(Stored { position: row.get(0)?, epoch: row.get(1)?, owner: row.get(2)? })
    });
    stored.ok()
}

impl Projecting {
    fn listen(mut child: Child) -> Self {
        let said = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in said.lines().map_while(Result::ok) {
                let _ = sender.send(line); // the test may have ended
            }
        });
        Self { child, lines }
    }

    #[track_caller]
    fn expect(&self, line: &str) {
        assert_eq!(self.lines.recv_timeout(PATIENCE).as_deref(), Ok(line));
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    fn is_owner(&self, stored: &Stored) -> bool {
        let name = format!("process {}", self.child.id());
        let rest = stored.owner.as_ref().and_then(|owner| owner.strip_prefix(&name));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    }
}

impl Drop for Projecting {
    /// SIGKILL, also of a process that is stopped, and where the test fails.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn one_of_two_runs_it_and_the_other_takes_over_when_that_one_is_killed() {
    let mut place = Place::new().await;
    let mut owner = place.start(&[]);
    place.until_owned_by(&owner);
    for _ in 0..4 {
        let other = place.start(&[]);
        place.append(50).await;
        place.until_all_is_projected();
        let epoch = place.stored().unwrap().epoch;
        assert!(owner.is_owner(&place.stored().unwrap()), "the other one has taken it");
        // In the middle of work.
        place.append(200).await;
        drop(owner);
        place.until_all_is_projected();
        assert!(other.is_owner(&place.stored().unwrap()));
        assert_eq!(place.stored().unwrap().epoch, epoch + 1);
        place.is_exact();
        owner = other;
    }
}

#[tokio::test]
async fn a_clean_stop_hands_over() {
    let mut place = Place::new().await;
    let mut owner = place.start(&[]);
    place.until_owned_by(&owner);
    let other = place.start(&[]);
    owner.signal("-TERM");
    assert!(owner.child.wait().unwrap().success());
    place.until_owned_by(&other);
    place.append(20).await;
    place.until_all_is_projected();
    place.is_exact();
}

/// Frozen between two batches, each in turn, and thawed once the other has taken over.
#[tokio::test]
async fn a_frozen_owner_is_replaced_and_commits_nothing_when_it_is_thawed() {
    let mut place = Place::new().await;
    let (mut owner, mut other) = (place.start(&[]), place.start(&[]));
    place.until_all_is_projected();
    if other.is_owner(&place.stored().unwrap()) {
        std::mem::swap(&mut owner, &mut other);
    }
    for _ in 0..3 {
        place.freeze(&owner);
        place.append(30).await;
        place.until_owned_by(&other);
        owner.signal("-CONT");
        place.append(30).await;
        place.until_all_is_projected();
        // What it knew is of no use to it: it stands by.
        place.append(30).await;
        place.until_all_is_projected();
        assert!(other.is_owner(&place.stored().unwrap()));
        assert!(owner.child.try_wait().unwrap().is_none());
        place.is_exact();
        std::mem::swap(&mut owner, &mut other);
    }
}

/// Two processes that want one projector, killed, frozen and thawed at random while events come.
/// `PROJECTIONS_FIGHT` is how often it changes hands, and `PROJECTIONS_SEED` repeats the blows.
#[tokio::test]
async fn processes_that_fight_leave_an_exact_read_model() {
    let setting = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let seed = setting("PROJECTIONS_SEED").unwrap_or_else(|| rand::rng().random());
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut place = Place::with_lease(SHORT_LEASE).await;
    let mut fighters = [place.start(&[]), place.start(&[])];
    let (began, mut owners, mut last) = (Instant::now(), 0, 0);
    let enough = setting("PROJECTIONS_FIGHT").unwrap_or(5);
    while owners < enough {
        assert!(
            began.elapsed() < PATIENCE * (1 + u32::try_from(enough / 5).unwrap()),
            "nobody loses it"
        );
        // A random moment of what they do, not a wait for anything.
        std::thread::sleep(Duration::from_millis(random.random_range(0..200)));
        let one = random.random_range(0..2);
        match random.random_range(0..5) {
            0 => fighters[one].signal("-STOP"),
            1 => fighters[one].signal("-CONT"),
            2 => {
                // A frozen one may have the file, and then nobody else could begin.
                fighters.iter().for_each(|fighter| fighter.signal("-CONT"));
                fighters[one] = place.start(&[]);
            }
            _ => place.append(random.random_range(1..60)).await,
        }
        if let Some(stored) = place.stored() {
            owners += u64::from(stored.epoch > last);
            last = stored.epoch;
        }
    }
    fighters.iter().for_each(|fighter| fighter.signal("-CONT"));
    place.append(1).await;
    place.until_all_is_projected();
    place.is_exact();
}

/// Frozen in the middle of a batch it has the file, and nobody else can write. Status says so.
#[tokio::test]
async fn a_process_that_is_frozen_inside_a_transaction_is_named() {
    let mut place = Place::new().await;
    let owner = place.start(&["25", "hang"]);
    place.until_all_is_projected();
    let other = place.start(&[]);
    place.append(20).await;
    owner.expect("at 25");
    owner.signal("-STOP");
    let began = Instant::now();
    let shown = loop {
        let shown = place.status().await;
        if shown.state == State::Detached {
            break shown;
        }
        assert!(began.elapsed() < PATIENCE, "{shown:?}");
    };
    let name = format!("process {}", owner.child.id());
    assert!(shown.owner.unwrap().process.starts_with(&name));
    assert!(shown.last_error.unwrap().starts_with(&format!("its owner, {name}")));
    assert!(owner.is_owner(&place.stored().unwrap()));
    drop(owner);
    place.until_all_is_projected();
    assert!(other.is_owner(&place.stored().unwrap()));
    place.is_exact();
}
