//! Whoever was told "applied" reads it: random appends and waits of several writers, here and in
//! another process, while whoever projects is stopped and killed in between.
//!
//! `PROJECTIONS_WAITS` says how many appends each writer makes, `PROJECTIONS_SEED` repeats a run.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
};

use projections::{
    EventSource, Runtime, Token,
    sqlite::{Sqlite, SqliteEventStore, rusqlite},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::sync::{oneshot, watch};

use crate::support::{LONG, Run, append, soon, sync};

const FOLDER: &str = "PROJECTIONS_WAITS_FOLDER";
const WRITERS: u64 = 4;

async fn build(folder: &Path) -> Runtime<SqliteEventStore> {
    let runtime = Runtime::builder(SqliteEventStore::open(folder.join("events.db")).unwrap())
        .lease(std::time::Duration::from_millis(200))
        .storage(Sqlite::open(folder.join("read.db")).unwrap())
        .only(["ledger-sqlite"]);
    runtime.build().await.unwrap()
}

/// How many of these positions the read model shows, and how many it must.
fn shown(folder: &Path, token: &Token) -> (i64, i64) {
    let read = rusqlite::Connection::open(folder.join("read.db")).unwrap();
    read.busy_timeout(LONG).unwrap();
    let (first, last) = (token.first().get().cast_signed(), token.last().get().cast_signed());
    let sql = "SELECT count(*) FROM ledger WHERE position BETWEEN ?1 AND ?2";
    let rows = read.query_row(sql, [first, last], |row| row.get(0)).unwrap();
    (rows, last - first + 1)
}

fn assert_shown(folder: &Path, token: &Token, seed: u64) {
    let (rows, due) = shown(folder, token);
    assert_eq!(rows, due, "seed {seed}: told that {token} is applied");
}

/// Another process that waits, and reads what it was told of.
struct Waiter {
    child: Child,
    input: Mutex<ChildStdin>,
    answers: Arc<Mutex<HashMap<String, oneshot::Sender<String>>>>,
}

impl Waiter {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "random::waits", "--ignored", "--nocapture"]);
        command.env(FOLDER, folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let input = Mutex::new(child.stdin.take().unwrap());
        let output = BufReader::new(child.stdout.take().unwrap());
        let answers = Arc::<Mutex<HashMap<String, oneshot::Sender<String>>>>::default();
        let asked = Arc::clone(&answers);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Some((token, answer)) = line.split_once(' ')
                    && let Some(asker) = asked.lock().unwrap().remove(token)
                {
                    // Who asked may have failed.
                    let _ = asker.send(answer.to_owned());
                }
            }
        });
        Self { child, input, answers }
    }

    /// What the other process says of a token: `shown`, or what is wrong.
    async fn ask(&self, token: &str) -> String {
        let (answer, answered) = oneshot::channel();
        self.answers.lock().unwrap().insert(token.to_owned(), answer);
        writeln!(self.input.lock().unwrap(), "{token}").unwrap();
        soon(answered).await.expect("the other process has died")
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "the part of the other process in the tests of this program"]
fn waits() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    println!();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let runtime = build(&folder).await;
        let (lines, mut tokens) = tokio::sync::mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in std::io::stdin().lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    break;
                }
            }
        });
        while let Some(text) = tokens.recv().await {
            let (runtime, folder) = (runtime.clone(), folder.clone());
            tokio::spawn(async move {
                let answer = match text.parse::<Token>() {
                    Err(error) => error.to_string(),
                    Ok(token) => match runtime.wait_for("ledger-sqlite", &token, LONG).await {
                        Err(error) => error.to_string(),
                        Ok(()) => match shown(&folder, &token) {
                            (rows, due) if rows == due => "shown".to_owned(),
                            (rows, due) => format!("shows {rows} of {due}"),
                        },
                    },
                };
                println!("{text} {answer}");
            });
        }
    });
}

/// Whoever projects, one after the other, until all is written.
async fn project(
    folder: PathBuf,
    runtime: Runtime<SqliteEventStore>,
    mut random: StdRng,
    mut done: watch::Receiver<bool>,
) -> [u32; 4] {
    let mut turns = [0; 4];
    while !*done.borrow() {
        let head = runtime.events().head().await.unwrap().map_or(0, |head| head.position.get());
        let to = head + random.random_range(1..=8);
        let token = Token::new(runtime.events().store_id(), to.into(), to.into(), "a".into());
        // How far it comes before its end: it can be killed at any moment of what it does then.
        let far = async {
            tokio::select! {
                reached = runtime.wait_for("ledger-sqlite", &token, LONG) => reached.unwrap(),
                _ = done.wait_for(|done| *done) => {}
            }
        };
        let turn = random.random_range(0..4);
        turns[turn] += 1;
        match turn {
            0 => {
                let run = Run::of(&runtime);
                far.await;
                run.stop().await;
            }
            1 => {
                let runtime = runtime.clone();
                tokio::select! {
                    ended = runtime.run(std::future::pending()) => ended.unwrap(),
                    () = far => {} // and the run is dropped
                }
            }
            _ => {
                let mut child = Command::new(env!("CARGO_BIN_EXE_ledger"));
                child.arg("project").arg(folder.join("events.db")).arg(folder.join("read.db"));
                let mut child = child.stdout(Stdio::null()).spawn().unwrap();
                far.await;
                if turn == 2 {
                    child.kill().unwrap(); // SIGKILL
                } else {
                    let pid = child.id().to_string();
                    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
                }
                tokio::task::spawn_blocking(move || child.wait()).await.unwrap().unwrap();
            }
        }
    }
    turns
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_told_applied_reads_it() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let seed = number("PROJECTIONS_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let appends = number("PROJECTIONS_WAITS").unwrap_or(15);
    println!("PROJECTIONS_SEED={seed} PROJECTIONS_WAITS={appends}");
    let folder = tempfile::tempdir().unwrap();
    let runtime = build(folder.path()).await;
    let waiter = Arc::new(Waiter::start(folder.path()));
    let (done, is_done) = watch::channel(false);
    let random = |part: u64| StdRng::seed_from_u64(seed.wrapping_mul(31).wrapping_add(part));
    let projecting =
        tokio::spawn(project(folder.path().to_owned(), runtime.clone(), random(0), is_done));
    let writers: Vec<_> = (1..=WRITERS)
        .map(|writer| {
            let (runtime, waiter) = (runtime.clone(), Arc::clone(&waiter));
            let (folder, mut random) = (folder.path().to_owned(), random(writer));
            tokio::spawn(async move {
                let mut waits = [0; 3];
                for nth in 0..appends {
                    let first = writer * 1_000_000 + nth * 10;
                    let numbers = first..first + random.random_range(1..=3);
                    let way = random.random_range(0..3);
                    waits[way] += 1;
                    if way == 0 {
                        let receipt = sync(&runtime, numbers, LONG).await.unwrap();
                        assert_shown(&folder, &receipt.token(), seed);
                        continue;
                    }
                    let token = append(&runtime, numbers).await.token();
                    if way == 1 {
                        runtime.wait_for("ledger-sqlite", &token, LONG).await.unwrap();
                        assert_shown(&folder, &token, seed);
                    } else {
                        let answer = waiter.ask(&token.to_string()).await;
                        assert_eq!(answer, "shown", "seed {seed}, {token}");
                    }
                }
                waits
            })
        })
        .collect();
    let mut waits = [0; 3];
    for writer in writers {
        let own = writer.await.unwrap();
        waits.iter_mut().zip(own).for_each(|(all, own)| *all += own);
    }
    done.send_replace(true);
    let turns = projecting.await.unwrap();
    println!(
        "waits {waits:?}: sync, here, there; ends of runs {turns:?}: stopped, dropped, killed, SIGTERM"
    );
    // Another process refuses what is no token, and what is another store's.
    let foreign = Token::new(projections::StoreId::from_u128(7), 1.into(), 1.into(), "a".into());
    let answer = waiter.ask(&foreign.to_string()).await;
    assert!(answer.starts_with("the token is of store "), "{answer}");
    let answer = waiter.ask("gibberish").await;
    assert!(answer.starts_with("not a position token"), "{answer}");
}
