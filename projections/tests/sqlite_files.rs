//! SQLite files: several handles, paths and processes on one, and files that are none.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use projections::{
    AppendRequest, BlockingStorage, EventSource, EventStore, Expected, Filter, NewEvent,
    StoreError, StoreErrorKind,
    sqlite::{Sqlite, SqliteEventStore, SqliteOptions, rusqlite},
};

fn request(stream: &str) -> AppendRequest {
    let event = NewEvent::json("Happened", r#"{"so":"much"}"#).in_domain("tests");
    AppendRequest::new(stream, Expected::Any, vec![event])
}

/// A handle that does not wait for its turn.
fn hasty(path: &Path) -> Sqlite {
    SqliteOptions::new().queue_timeout(Duration::ZERO).open(path).unwrap()
}

#[test]
fn every_path_to_a_file_leads_to_one_writing_connection() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let events = SqliteEventStore::open(&path).unwrap();
    let mut paths = vec![path.clone(), folder.path().join(".").join("app.db")];
    #[cfg(unix)]
    {
        let (symlink, hard) = (folder.path().join("symlink.db"), folder.path().join("hard.db"));
        std::os::unix::fs::symlink(&path, &symlink).unwrap();
        std::fs::hard_link(&path, &hard).unwrap();
        paths.extend([symlink, hard]);
    }
    for path in &paths {
        let session = events.read_models().begin().unwrap();
        // With a connection of its own it would wait for SQLite's lock, 5 seconds long.
        let error = hasty(path).begin().unwrap_err();
        assert!(error.to_string().contains("queue_timeout"), "{path:?}: {error}");
        drop(session);
        hasty(path).begin().unwrap();
        let again = SqliteEventStore::open(path).unwrap();
        assert_eq!(again.store_id(), events.store_id());
    }
    let own = |name: &std::ffi::OsStr| name.to_string_lossy().contains("-wal");
    let files = std::fs::read_dir(folder.path()).unwrap();
    let wals = files.filter(|file| own(&file.as_ref().unwrap().file_name())).count();
    assert_eq!(wals, 1, "a second log beside a second name would lose commits");
}

#[tokio::test]
async fn a_read_model_in_the_event_stores_file_shares_it() {
    let folder = tempfile::tempdir().unwrap();
    let events = SqliteEventStore::open(folder.path().join("app.db")).unwrap();
    events.append(request("s")).await.unwrap();
    let storage = events.read_models();
    assert!(storage.checkpoints("").unwrap().is_empty());
    let connection = storage.connect().unwrap();
    let count = "SELECT count(*) FROM events WHERE payload ->> 'so' = 'much'";
    let count: i64 = connection.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1);
    assert!(connection.execute("DELETE FROM events", []).is_err(), "it only reads");
}

#[test]
fn what_is_no_database_is_refused_with_its_name_and_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("text.db"), "once upon a time there was a file of some length").unwrap();
    std::fs::create_dir(at("folder.db")).unwrap();
    let foreign = rusqlite::Connection::open(at("foreign.db")).unwrap();
    foreign.execute_batch("CREATE TABLE Events (x)").unwrap();
    let newer = SqliteEventStore::open(at("newer.db")).unwrap();
    drop(newer);
    let other = rusqlite::Connection::open(at("newer.db")).unwrap();
    let raise = "UPDATE projections_meta SET value = '9' WHERE key = 'events_schema'";
    other.execute(raise, []).unwrap();

    let cases: [(PathBuf, StoreErrorKind, &str); 6] = [
        (at("text.db"), StoreErrorKind::Corrupt, "not an SQLite database"),
        (at("folder.db"), StoreErrorKind::NotOpened, "it is a folder"),
        (at("missing/events.db"), StoreErrorKind::NotOpened, "its folder does not exist"),
        (at("foreign.db"), StoreErrorKind::NotOpened, "choose another file"),
        (at("newer.db"), StoreErrorKind::Newer, "upgrade the program"),
        (":memory:".into(), StoreErrorKind::NotOpened, "needs a file"),
    ];
    for (path, kind, text) in cases {
        let error = SqliteEventStore::open(&path).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(error.to_string().contains(text) && error.to_string().contains(name), "{error}");
    }
    assert!(Sqlite::open(at("text.db")).is_err());
    assert_eq!(Sqlite::open(at("newer.db")).unwrap_err().kind(), StoreErrorKind::Newer);
    assert!(!at("missing").exists());
    let text = std::fs::read_to_string(at("text.db")).unwrap();
    assert!(text.starts_with("once upon"), "a refused file is left as it was");
}

#[cfg(unix)]
#[test]
fn a_file_that_may_only_be_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    drop(SqliteEventStore::open(&path).unwrap());
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o444)).unwrap();
    let outcome = SqliteEventStore::open(&path);
    // Permissions do not bind the administrator.
    let probe = folder.path().join("probe");
    std::fs::write(&probe, "").unwrap();
    std::fs::set_permissions(&probe, PermissionsExt::from_mode(0o444)).unwrap();
    if std::fs::OpenOptions::new().append(true).open(&probe).is_ok() {
        println!("skipped: this user may write to read-only files");
        return;
    }
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::ReadOnly, "{error}");
    assert!(error.to_string().contains("events.db"), "{error}");
}

#[tokio::test]
async fn a_file_that_was_replaced_while_it_was_open_is_not_used_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let store = SqliteEventStore::open(&path).unwrap();
    store.append(request("s")).await.unwrap();
    std::fs::rename(&path, folder.path().join("moved.db")).unwrap();
    std::fs::write(&path, "").unwrap();
    let check = |error: StoreError| {
        assert_eq!(error.kind(), StoreErrorKind::NotOpened);
        assert!(error.to_string().contains("removed or replaced"), "{error}");
    };
    check(store.head().await.unwrap_err());
    check(store.connect().unwrap_err());
    check(store.read_models().begin().unwrap_err());
    assert!(store.append(request("s")).await.is_err());
    // The new file is another one.
    let new = SqliteEventStore::open(&path).unwrap();
    assert_ne!(new.store_id(), store.store_id());
    assert_eq!(new.head().await.unwrap(), None);
}

#[tokio::test]
async fn a_write_ahead_log_shows_its_size_and_goes_with_the_last_handle() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let store = SqliteEventStore::open(&path).unwrap();
    store.append(request("s")).await.unwrap();
    assert!(store.wal_bytes() > 0);
    assert_eq!(store.read_models().wal_bytes(), store.wal_bytes());
    let waited = tokio::time::timeout(Duration::from_millis(5), store.wait(1.into())).await;
    assert!(waited.is_err());
    drop(store);
    assert!(!folder.path().join("events.db-wal").exists(), "no connection was left behind");
}

#[tokio::test]
async fn a_log_of_a_long_reader_grows_and_shrinks_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("read.db");
    let storage = Sqlite::open(&path).unwrap();
    let write = || {
        let other = rusqlite::Connection::open(&path).unwrap();
        other.pragma_update(None, "synchronous", "off").unwrap();
        other.execute_batch("CREATE TABLE IF NOT EXISTS t (x)").unwrap();
        for _ in 0..40 {
            other.execute("INSERT INTO t VALUES (randomblob(200000))", []).unwrap();
        }
    };
    write();
    let reader = storage.connect().unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM t").unwrap();
    write();
    write();
    let pinned = storage.wal_bytes();
    assert!(pinned > 15_000_000, "{pinned}");
    reader.execute_batch("COMMIT").unwrap();
    drop(reader);
    write();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    assert_eq!(storage.wal_bytes(), 0);
}

// Other processes: this test program again, in a role.

const FILE: &str = "PROJECTIONS_TEST_SQLITE_FILE";

/// The child: appends one event for each line that it reads, and answers when it has.
#[test]
#[ignore = "the part of another process in the tests below"]
fn child_appends() {
    let path = std::env::var_os(FILE).unwrap();
    let store = SqliteEventStore::open(path).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    println!("\nready");
    for line in std::io::stdin().lines() {
        let begun = Instant::now();
        runtime.block_on(store.append(request(&line.unwrap()))).unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        println!("done {} {}", now.as_nanos(), begun.elapsed().as_nanos());
    }
}

struct Appender {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Appender {
    fn start(path: &Path, mut command: Command) -> Self {
        command.args(["--exact", "child_appends", "--ignored", "--nocapture"]);
        command.env(FILE, path).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut appender = Self { input: child.stdin.take(), output, child };
        appender.line("ready");
        appender
    }

    fn of(path: &Path) -> Self {
        Self::start(path, Command::new(std::env::current_exe().unwrap()))
    }

    fn line(&mut self, start: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the child ended");
            if let Some(rest) = line.trim().strip_prefix(start) {
                return rest.trim().to_owned();
            }
        }
    }

    fn order(&mut self, stream: &str) {
        writeln!(self.input.as_mut().unwrap(), "{stream}").unwrap();
    }

    /// Returns when an append was done, and how long it took.
    fn done(&mut self) -> (SystemTime, Duration) {
        let line = self.line("done");
        let (at, took) = line.split_once(' ').unwrap();
        let nanos = |text: &str| Duration::from_nanos(text.parse().unwrap());
        (SystemTime::UNIX_EPOCH + nanos(at), nanos(took))
    }

    fn end(mut self) {
        drop(self.input.take());
        assert!(self.child.wait().unwrap().success());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiter_is_woken_by_an_append_of_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let store = SqliteEventStore::open(&path).unwrap();
    let mut other = Appender::of(&path);
    let mut latencies = Vec::new();
    for after in 0..20 {
        let waiting = store.clone();
        let waiter = tokio::spawn(async move {
            waiting.wait(after.into()).await.unwrap();
            SystemTime::now()
        });
        other.order("s");
        let woken = tokio::time::timeout(Duration::from_secs(10), waiter).await.unwrap().unwrap();
        let (done, _) = other.done();
        latencies.push(woken.duration_since(done).unwrap_or_default());
        assert_eq!(store.head().await.unwrap().unwrap().position.get(), after + 1);
    }
    other.end();
    latencies.sort();
    println!("wake-up across processes: median {:?}, worst {:?}", latencies[10], latencies[19]);
    assert!(latencies[10] < Duration::from_secs(1));
}

#[tokio::test]
async fn four_processes_append_to_one_file_and_none_is_locked_out() {
    const EACH: u64 = 30;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let store = SqliteEventStore::open(&path).unwrap();
    let mut others: Vec<_> = (0..3).map(|_| Appender::of(&path)).collect();
    for (number, other) in others.iter_mut().enumerate() {
        (0..EACH).for_each(|_| other.order(&format!("s-{number}")));
    }
    let mut waits = Vec::new();
    for _ in 0..EACH {
        let begun = Instant::now();
        store.append(request("s-3")).await.unwrap();
        waits.push(begun.elapsed());
    }
    for mut other in others {
        waits.extend((0..EACH).map(|_| other.done().1));
        other.end();
    }
    waits.sort();
    println!("four appending processes: p99 {:?}", waits[waits.len() * 99 / 100]);
    let page = store.read(projections::ReadRequest::new(0.into(), &Filter::all())).await.unwrap();
    let positions: Vec<_> = page.events().map(|event| event.position().get()).collect();
    assert_eq!(positions, (1..=4 * EACH).collect::<Vec<_>>());
}

#[tokio::test]
async fn strays_in_this_process_lose_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let store = SqliteEventStore::open(&path).unwrap();
    for round in 1..=5 {
        store.append(request("here")).await.unwrap();
        // Opened and closed here and there, read, watched and refused.
        drop(SqliteEventStore::open(&path).unwrap());
        drop(store.connect().unwrap());
        drop(store.read_models().begin().unwrap());
        assert!(store.read_models().checkpoints("").unwrap().is_empty());
        assert!(store.wal_bytes() > 0);
        assert!(Sqlite::open(folder.path()).is_err());
        let mut other = Appender::of(&path);
        other.order("there");
        other.done();
        other.end();
        let head = store.head().await.unwrap().unwrap().position.get();
        assert_eq!(head, 2 * round);
    }
    let other = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_counts", "--ignored", "--nocapture"])
        .env(FILE, &path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&other.stdout).into_owned();
    assert!(said.contains("events: 10; integrity: ok"), "{said}");
}

#[test]
#[ignore = "the part of another process in the test above"]
fn child_counts() {
    let connection = rusqlite::Connection::open(std::env::var_os(FILE).unwrap()).unwrap();
    let ask = |sql: &str| -> rusqlite::types::Value {
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let rusqlite::types::Value::Integer(count) = ask("SELECT count(*) FROM events") else {
        panic!("a count is a number")
    };
    let rusqlite::types::Value::Text(integrity) = ask("PRAGMA integrity_check") else {
        panic!("an integrity check is a text")
    };
    println!("\nevents: {count}; integrity: {integrity}");
}

/// The child: appends large events until one fails, and says how that was put.
#[test]
#[ignore = "the part of another process in the test below"]
fn child_fills() {
    let store = SqliteEventStore::open(std::env::var_os(FILE).unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let event = || NewEvent::raw("Large", vec![b'x'; 50_000]).in_domain("tests");
    for stored in 0..1_000 {
        let request = AppendRequest::new("s", Expected::Any, vec![event()]);
        if let Err(error) = runtime.block_on(store.append(request)) {
            println!("\nfailed after {stored} {error:?}");
            return;
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_disk_without_room_fails_an_append_clearly_and_loses_none_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    drop(SqliteEventStore::open(&path).unwrap());
    // A limit on the size of files stands for the disk: 2,000 blocks of 512 or 1,024 bytes.
    let other = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 2000; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "child_fills", "--ignored", "--nocapture"])
        .env(FILE, &path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&other.stdout).into_owned();
    let line = said.lines().find_map(|line| line.strip_prefix("failed after ")).expect(&said);
    let (stored, error) = line.split_once(' ').unwrap();
    assert!(error.contains("events.db") && error.contains("file sizes"), "{error}");
    assert!(error.starts_with("Unknown { ids: [EventId("), "a commit that failed: {error}");
    let stored: u64 = stored.parse().unwrap();
    assert!(stored > 5, "{stored}");

    let store = SqliteEventStore::open(&path).unwrap();
    let head = store.head().await.unwrap().unwrap().position.get();
    assert!(head == stored || head == stored + 1, "{head} of {stored}");
    store.append(request("s")).await.unwrap();
}

/// Counts what a child that appends this often syncs, as the kernel sees it.
fn syncs(folder: &Path, appends: usize) -> Option<usize> {
    let trace = folder.join(format!("trace-{appends}"));
    let mut command = Command::new("strace");
    command.args(["-f", "-e", "trace=fsync,fdatasync", "-o"]).arg(&trace);
    command.arg(std::env::current_exe().unwrap());
    let path = folder.join("events.db");
    let mut child = Appender::start(&path, command);
    for _ in 0..appends {
        child.order("s");
        child.done();
    }
    child.end();
    let trace = std::fs::read_to_string(trace).ok()?;
    Some(trace.lines().filter(|line| line.contains("sync(")).count())
}

#[test]
fn an_append_that_returned_was_synced() {
    let folder = tempfile::tempdir().unwrap();
    drop(SqliteEventStore::open(folder.path().join("events.db")).unwrap());
    let probe = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        println!("skipped: strace is not installed, or may not trace");
        return;
    }
    let (idle, busy) = (syncs(folder.path(), 0).unwrap(), syncs(folder.path(), 10).unwrap());
    println!("syncs of a process that appends 0 events: {idle}; 10 events: {busy}");
    assert!(busy >= idle + 10, "{idle} {busy}");
}
