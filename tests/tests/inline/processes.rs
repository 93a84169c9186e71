//! Real processes: some have the projector, one has not, and some are killed. The proof of R29.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
};

use projections::State;
use projections_tests::{
    inline::{AsyncLedger, InlineLedger, REFUSED},
    ledger::fold,
};

use crate::support::{Place, append, log, state};

pub(crate) fn app(place: &Place, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_inline-app"));
    let file = place.path.to_str().unwrap();
    command.arg(arguments[0]).arg(file).args(&arguments[1..]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    command
}

/// An appending process, and what it says of each append.
struct Appending {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Appending {
    fn start(place: &Place, with: &str, stream: &str, [from, to, size]: [u64; 3]) -> Self {
        let numbers = [from, to, size].map(|n| n.to_string());
        let [from, to, size] = numbers.each_ref().map(String::as_str);
        let mut child = app(place, &["append", with, stream, from, to, size]).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "ready");
        Self { child, lines }
    }

    fn finish(mut self) -> Vec<String> {
        let lines = self.lines.by_ref().map(Result::unwrap).collect();
        assert!(self.child.wait().unwrap().success());
        lines
    }

    fn kill(mut self) {
        self.child.kill().unwrap(); // SIGKILL
        self.child.wait().unwrap();
    }
}

fn run(place: &Place, arguments: &[&str]) {
    assert!(app(place, arguments).status().unwrap().success(), "{arguments:?}");
}

/// Four appenders, one without the projector, while it is activated, rebuilt and made async again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_the_projector_each_stored_event_took_effect_once() {
    let place = Place::new();
    drop(place.events());
    // Some are there before.
    append(&place.events(), 900_000..900_050).await.unwrap();
    let appenders = [
        Appending::start(&place, "inline", "p-1", [0, 600, 1]),
        Appending::start(&place, "inline", "p-2", [1_000, 3_000, 5]),
        Appending::start(&place, "nothing", "old", [10_000, 10_900, 1]),
    ];
    // The fourth is this process.
    let events = place.events();
    let own = place.builder().projector(InlineLedger).build().await.unwrap();
    let appending = tokio::spawn(async move {
        let mut stored = 0;
        for n in 20_000..20_300 {
            stored += u64::from(append(&events, [n]).await.is_ok());
        }
        stored
    });
    for _ in 0..3 {
        run(&place, &["catch-up", "inline"]);
        own.rebuild("ledger").await.unwrap();
        run(&place, &["rebuild", "inline"]);
        let behind = place.builder().projector(AsyncLedger).build().await.unwrap();
        behind.catch_up().await.unwrap();
    }
    own.catch_up().await.unwrap();
    let said: Vec<Vec<String>> = appenders.into_iter().map(Appending::finish).collect();
    let here = appending.await.unwrap();
    assert_eq!(here, 300, "this process has the projector whenever it is active");

    // What was said to be stored is, once, and nothing else is.
    let count = |lines: &[String]| lines.iter().filter(|l| l.starts_with("stored")).count() as u64;
    assert_eq!((count(&said[0]), count(&said[1])), (600, 400));
    let stored = log(&place.path).len() as u64;
    assert_eq!(stored, 50 + 600 + 2_000 + count(&said[2]) + here);
    let refused: Vec<_> = said[2].iter().filter(|line| line.starts_with("refused")).collect();
    println!("the old program: {} stored, {} refused", count(&said[2]), refused.len());
    assert!(refused.iter().all(|line| line.contains("projector `ledger` runs in the transaction")));
    // At the latest now it is.
    let last = Appending::start(&place, "nothing", "old", [10_900, 10_901, 1]).finish();
    assert!(last[0].starts_with("refused"), "{last:?}");
    assert_eq!(place.ledger().rows.len() as u64, stored, "each took effect once, in order");
    assert_eq!(state(&own).await.0, State::CaughtUp);
}

/// While it is active no append succeeds with a failed handler, whoever appends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_append_of_any_process_succeeds_with_a_failed_handler() {
    let place = Place::new();
    let runtime = place.active().await;
    // The later half of these appends hold numbers that the handler refuses.
    let [from, to] = [REFUSED - 40, REFUSED + 40];
    let appenders: Vec<_> = ["a", "b", "c"]
        .map(|stream| Appending::start(&place, "inline", stream, [from, to, 8]))
        .into();
    for appender in appenders {
        let lines = appender.finish();
        let mut outcomes: BTreeMap<bool, Vec<String>> = BTreeMap::new();
        for line in lines {
            outcomes.entry(line.starts_with("stored")).or_default().push(line);
        }
        assert_eq!((outcomes[&true].len(), outcomes[&false].len()), (5, 5), "{outcomes:?}");
        assert!(outcomes[&false].iter().all(|l| l.contains("inline projector `ledger` cannot")));
    }
    let ledger = place.ledger();
    assert_eq!(ledger.rows.len(), 3 * 40);
    assert!(ledger.rows.iter().all(|(_, n)| *n < REFUSED));
    assert_eq!(place.one::<i64>("SELECT count(*) FROM events"), 120);
    assert_eq!(state(&runtime).await, (State::CaughtUp, 120, 0));
}

/// Killed at any moment of an append, events and read models are those of one event after the other.
#[tokio::test]
async fn killed_in_an_inline_append_at_random_moments() {
    let seed = std::env::var("PROJECTIONS_SEED").ok().and_then(|s| s.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("PROJECTIONS_SEED={seed}");
    let place = Place::new();
    drop(place.events());
    run(&place, &["catch-up", "both"]);
    let mut random = seed;
    for round in 0..8 {
        random = fold(random, 17).rotate_left(23) ^ seed;
        let from = round * 10_000;
        let size = [1, 3, 50][usize::try_from(random % 3).unwrap()];
        let mut appending = Appending::start(&place, "both", "a", [from, from + 9_000, size]);
        // It is killed while it works on the append after one of its first.
        let moment = 1 + random % 20;
        for _ in 0..moment {
            let line = appending.lines.next().unwrap().unwrap();
            assert!(line.starts_with("stored"), "{line}");
        }
        for _ in 0..random % 5_000 {
            std::hint::spin_loop();
        }
        appending.kill();
        place.ledger();
        let digits: i64 = place.one("SELECT coalesce(sum(times), 0) FROM digits");
        assert_eq!(digits as usize, log(&place.path).len(), "seed {seed}");
        let whole: i64 = place.one(
            "SELECT count(*) FROM projections_checkpoints, (SELECT max(position) AS head FROM events) \
             WHERE scanned = head AND position = head",
        );
        assert_eq!(whole, 2, "seed {seed}: a checkpoint is not at the head");
    }
}
