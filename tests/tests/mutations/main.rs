//! A correct projector, broken in one place at a time: each mistake is named at its place.
//!
//! What `../../mutants` holds compiles. Of each token of its structs, enums and `impl` blocks there
//! are mutants: without it, with another of its kind, with it twice, and so for arguments and
//! attributes; of method bodies there is a sample. Brackets go in pairs: one alone is refused before
//! any macro is asked. Each mutant is compiled, and its errors are judged by their places and their
//! number, not by their words. `PROJECTIONS_MUTANTS=all` compiles all those that are not even Rust's
//! grammar, not a part. `reviewed` lists what is right all the same, and what is known to be poor.
//! `target/tmp/mutations/report.txt` has every mutant with its errors, to be read like prose.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod compile;
mod mutate;
mod reviewed;
mod verdict;

use std::{
    collections::BTreeSet,
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use projections_tests::compile::Libraries;

use self::{
    compile::Diagnostic,
    mutate::Mutant,
    reviewed::{FINE, POOR, Reviewed},
    verdict::Fault,
};

const FILES: [&str; 3] = ["in_process", "rows", "sqlite"];

#[test]
fn each_mistake_is_named_at_its_place() {
    let libraries = Libraries::find();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutations");
    let mutants: Vec<_> = FILES
        .iter()
        .flat_map(|file| {
            let source = source(file);
            let errors = compile::errors(&libraries, &source, &worker_folder(&folder, 0));
            assert!(errors.is_empty(), "{file} is not correct: {errors:#?}");
            sample(mutate::mutants(file, &source))
        })
        .collect();
    let errors = compile_all(&libraries, &mutants, &folder);
    let report = Report::new(&mutants, &errors);
    fs::write(folder.join("report.txt"), &report.all).unwrap();
    assert!(report.unknown.is_empty(), "{}", report.unknown);
    report.assert_that_every_line_is_of_use();
}

/// What is not Rust's grammar is refused by the compiler, which places the first error, so that a
/// part of it is enough.
fn sample(mut mutants: Vec<Mutant>) -> Vec<Mutant> {
    const SAMPLE: usize = 4;
    let mut unparsed = 0;
    if env::var_os("PROJECTIONS_MUTANTS").is_none_or(|which| which != "all") {
        mutants.retain(|mutant| {
            unparsed += usize::from(!mutant.parses);
            mutant.parses || unparsed.is_multiple_of(SAMPLE)
        });
    }
    mutants
}

fn source(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("mutants");
    fs::read_to_string(folder.join(file).with_extension("rs")).unwrap()
}

fn worker_folder(folder: &Path, worker: usize) -> PathBuf {
    let folder = folder.join(worker.to_string());
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The errors of each mutant.
fn compile_all(libraries: &Libraries, mutants: &[Mutant], folder: &Path) -> Vec<Vec<Diagnostic>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let work = &|worker| {
        let folder = worker_folder(folder, worker);
        while let number = next.fetch_add(1, Ordering::Relaxed)
            && let Some(mutant) = mutants.get(number)
        {
            let errors = compile::errors(libraries, &mutant.text, &folder);
            done.lock().unwrap().push((number, errors));
        }
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for worker in 0..workers {
            scope.spawn(move || work(worker));
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, errors)| errors).collect()
}

/// What was found.
#[derive(Default)]
struct Report {
    /// Every mutant with its errors.
    all: String,
    /// Those that nobody let through.
    unknown: String,
    /// The reasons that were of use.
    used: BTreeSet<&'static str>,
}

impl Report {
    fn new(mutants: &[Mutant], errors: &[Vec<Diagnostic>]) -> Self {
        let mut report = Self::default();
        for (mutant, errors) in mutants.iter().zip(errors) {
            report.mutant(mutant, errors);
        }
        report
    }

    fn mutant(&mut self, mutant: &Mutant, errors: &[Diagnostic]) {
        let mut judgement = Vec::new();
        let mut is_known = true;
        for fault in verdict::faults(mutant, errors) {
            let reason = review(mutant, fault);
            self.used.extend(reason);
            is_known &= reason.is_some();
            judgement.push(format!("{fault:?}: {}", reason.unwrap_or("NOBODY LET THIS THROUGH")));
        }
        let text = describe(mutant, errors, &judgement.join("; "));
        if !is_known {
            self.unknown.push_str(&text);
        }
        self.all.push_str(&text);
    }

    /// A line of a list that covers nothing would hide what comes later.
    fn assert_that_every_line_is_of_use(&self) {
        let reasons = FINE.iter().chain(POOR).map(|Reviewed { reason, .. }| *reason);
        let unused: Vec<_> = reasons.filter(|reason| !self.used.contains(reason)).collect();
        assert!(unused.is_empty(), "no mutant needs these lines any more: {unused:#?}");
    }
}

/// Why a mutant may have this fault.
fn review(mutant: &Mutant, fault: Fault) -> Option<&'static str> {
    let covers = |line: &&Reviewed| line.fault == fault && (line.covers)(mutant);
    FINE.iter().chain(POOR).find(covers).map(|line| line.reason)
}

fn describe(mutant: &Mutant, errors: &[Diagnostic], judgement: &str) -> String {
    let Mutant { file, item, kind, before, after, line, .. } = mutant;
    let mut text = format!("=== {file}, {}: {kind:?} {before:?}", item.name);
    if !after.is_empty() {
        write!(text, " to {after:?}").unwrap();
    }
    writeln!(text, "\n    {line}\n{} errors. {judgement}", errors.len()).unwrap();
    errors.iter().for_each(|error| text.push_str(&error.rendered));
    text
}
