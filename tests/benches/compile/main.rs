//! What the macros cost while compiling: an application of 200 projectors with 10 handlers each,
//! against the same written by hand against the library's traits, and, for context, without the
//! library.
//!
//! `cargo bench -p projections-tests --bench compile` prints a table and fails above the bound
//! (`-- --check`: without code generation; `-- --test`: three projectors, to see that it works).
//! The dependencies are compiled once and are in no figure. The ways are compiled in turns, and each
//! figure is the median of the rounds, in processor time where the system tells it, because that
//! does not grow when others use the machine. Incremental compilation is off.
//!
//! A `cargo check` of the 200 projectors costs 1.45 times as much processor time with the macros as by
//! hand: the medians of two measurements on a quiet machine. On busy ones they lay between 1.44 and 1.48,
//! and the ratio of the smallest values between 1.47 and 1.50. A debug build costs 1.01 times as much, and
//! a release build 1.24 times (measured once); the programs are 1.00 and 1.07 times as large.
//!
//! Where the time goes: nearly half of what the macros add is the expansion, which is the compiler's
//! handling of tokens as much as the macros' own code, although they are compiled without optimisation
//! unless the user's manifest asks for it with `[profile.dev.build-override] opt-level`. The rest is the
//! type check of the generated `match`, and what each of the constants costs that assert something. A
//! bound on the implementation of `Handlers` that names the projector would cost another fifth of the
//! whole check by hand: what the compiler proves under such a bound it proves for one projector only.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)] // a benchmark

mod application;
mod by_hand;
mod compiler;
mod macros;
mod without_library;

use std::process::ExitCode;

use application::Way;
use compiler::{Cost, Stage, Workshop};

const BOUND: f64 = 1.5;
/// In the order of the columns.
const WAYS: [Way; 3] = [Way::ByHand, Way::Macros, Way::WithoutLibrary];

fn main() -> ExitCode {
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    let small = asked("--test");
    let projectors = if small { 3 } else { 200 };
    let workshop = Workshop::set_up(&WAYS, projectors);
    let mut table = Table::new();
    for stage in [Stage::Expand, Stage::Check, Stage::Debug, Stage::Release] {
        let generates = matches!(stage, Stage::Debug | Stage::Release);
        if generates && (small || asked("--check")) {
            continue;
        }
        let rounds = if small { 1 } else { 5 };
        let seconds = measure(&workshop, stage, rounds);
        // Nothing is expanded by hand, so expansion is judged as a part of the check.
        table.row(&format!("{stage:?}, seconds"), seconds, stage != Stage::Expand);
        if generates {
            let sizes = WAYS.map(|way| workshop.sizes(way).map(|size| size as f64 / 1e6));
            table.row(&format!("{stage:?}, MB"), sizes.map(|[whole, _]| whole), true);
            table.row("  without symbols, MB", sizes.map(|[_, stripped]| stripped), true);
            compare(&workshop, projectors);
        }
    }
    if table.within || small { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Compiles the ways in turns.
fn measure(workshop: &Workshop, stage: Stage, rounds: usize) -> [f64; 3] {
    let dependencies = workshop.dependencies(stage);
    let mut costs = WAYS.map(|_| Vec::new());
    for _ in 0..rounds {
        for (way, costs) in WAYS.into_iter().zip(&mut costs) {
            costs.push(seconds(workshop.compile(way, stage, &dependencies)));
        }
    }
    costs.map(median)
}

fn seconds(cost: Cost) -> f64 {
    cost.processor.unwrap_or(cost.wall).as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2] // there is at least one round
}

/// Sees that the same was compiled: the same projectors came to the same positions.
fn compare(workshop: &Workshop, projectors: usize) {
    let [by_hand, macros, _] = WAYS.map(|way| workshop.run(way));
    assert_eq!(by_hand, macros);
    assert_eq!(macros.lines().count(), projectors);
}

/// Prints rows, and remembers whether all were within the bound.
struct Table {
    within: bool,
}

impl Table {
    fn new() -> Self {
        println!(
            "{:<24} {:>10} {:>10} {:>16} {:>8} {:>8}",
            "", "by hand", "macros", "without library", "ratio", "bound"
        );
        Self { within: true }
    }

    fn row(&mut self, what: &str, [by_hand, macros, without]: [f64; 3], judged: bool) {
        let ratio = macros / by_hand;
        let bound = if judged { format!("{BOUND:.2}") } else { "-".to_owned() };
        self.within &= !judged || ratio <= BOUND;
        println!(
            "{what:<24} {by_hand:>10.2} {macros:>10.2} {without:>16.2} {ratio:>8.2} {bound:>8}"
        );
    }
}
