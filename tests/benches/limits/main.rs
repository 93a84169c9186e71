//! The library against the hand-written limit, in one run on one machine.
//!
//! `cargo bench -p projections-tests` measures with criterion, then prints a table of ratios
//! (`-- --table`: the table alone; `--only WORDS`: some rows; `--rounds N`: more than 9). The two
//! sides of a ratio are measured in turns, so that a machine that slows down slows both; the
//! ratio is the median of the rounds. Above the bound the command fails.
//!
//! What is unfair: the SQLite catch-up of the library reads the next page while a batch is
//! written, on a thread of its own, and the hand-written loop has one thread.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)] // a benchmark

mod dispatch;
mod events;
mod inline;
mod poison;
mod rows;
mod sqlite;
mod sync;

use std::{process::ExitCode, sync::Arc, time::Duration};

use criterion::Criterion;

/// One comparison: what it is, the bound of its ratio, and its two sides. What they read is made
/// when one of them first runs.
struct Comparison {
    what: &'static str,
    events: u64,
    bound: f64,
    hand_written: Box<dyn FnMut() -> Duration>,
    library: Box<dyn FnMut() -> Duration>,
}

fn main() -> ExitCode {
    // `cargo test --benches` runs this with `--test`: small, to see that it works.
    let said = |flag: &str| std::env::args().skip_while(|argument| argument != flag).nth(1);
    let only = said("--only");
    let rounds = said("--rounds").map_or(9, |number| number.parse().unwrap());
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    let small = asked("--test");
    let (events, hands) = if small { (20_000, 400) } else { (1_000_000, 20_000) };
    let log = Arc::new(events::Log::deal(events, hands));
    let folder = tempfile::tempdir().unwrap();
    let mut comparisons = dispatch::comparisons(&log);
    comparisons.push(sqlite::comparison(&log, folder.path()));
    comparisons.extend(rows::comparisons(&log, folder.path()));
    comparisons.push(poison::comparison(&log, folder.path()));
    comparisons.push(inline::comparison(if small { 20 } else { 500 }, folder.path()));
    comparisons.extend(sync::comparisons(folder.path(), small));
    comparisons.retain(|c| only.as_ref().is_none_or(|only| c.what.contains(&**only)));

    if !small && !asked("--table") {
        let mut criterion = Criterion::default().sample_size(10).configure_from_args();
        for comparison in &mut comparisons {
            let mut group = criterion.benchmark_group(comparison.what);
            group.bench_function("hand-written", |b| {
                b.iter_custom(|n| total(n, &mut comparison.hand_written))
            });
            group.bench_function("projections", |b| {
                b.iter_custom(|n| total(n, &mut comparison.library))
            });
            group.finish();
        }
        criterion.final_summary();
    }
    table(&mut comparisons, if small { 1 } else { rounds }, small)
}

fn total(times: u64, side: &mut dyn FnMut() -> Duration) -> Duration {
    (0..times).map(|_| side()).sum()
}

/// Measures in turns and prints the ratios.
fn table(comparisons: &mut [Comparison], rounds: usize, small: bool) -> ExitCode {
    println!(
        "\n{:<28} {:>14} {:>14} {:>8} {:>8}",
        "ns an event", "hand-written", "projections", "ratio", "bound"
    );
    let mut within = true;
    for comparison in comparisons {
        let (mut hand, mut library, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=rounds {
            let pair = [(comparison.hand_written)(), (comparison.library)()];
            if round == 0 && !small {
                continue; // warms up
            }
            let [by_hand, by_library] = pair.map(|time| time.as_secs_f64());
            hand.push(by_hand);
            library.push(by_library);
            ratios.push(by_library / by_hand);
        }
        let an_event = |seconds: f64| seconds * 1e9 / comparison.events as f64;
        let ratio = median(&mut ratios);
        within &= ratio <= comparison.bound;
        println!(
            "{:<28} {:>14.0} {:>14.0} {:>8.3} {:>8.2}",
            comparison.what,
            an_event(median(&mut hand)),
            an_event(median(&mut library)),
            ratio,
            comparison.bound
        );
    }
    if within || small { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
