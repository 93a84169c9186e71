//! A correct projector, broken in one place at a time: each mistake is named at its place.
//!
//! What `../../mutants` holds compiles. Of each token of its structs, enums and `impl` blocks there
//! are mutants: without it, with another of its kind, with it twice, and so for arguments and
//! attributes; of method bodies there is a sample. Each is compiled, and its errors are judged by
//! their places and their number, not by their words. `reviewed` lists what may compile all the
//! same, and which errors are known to be poor. All errors are in
//! `target/tmp/mutations/report.txt`, to be read like prose.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod compile;
mod mutate;
mod reviewed;
mod verdict;

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use self::{
    compile::{Diagnostic, Libraries},
    mutate::Mutant,
    reviewed::{LEGAL, POOR},
};

const FILES: [&str; 2] = ["in_process", "sqlite"];

#[test]
fn each_mistake_is_named_at_its_place() {
    let libraries = Libraries::find();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutations");
    let mutants: Vec<_> = FILES
        .iter()
        .flat_map(|file| {
            let source = source(file);
            let errors = libraries.errors(&source, &worker_folder(&folder, 0));
            assert!(errors.is_empty(), "{file} is not correct: {errors:#?}");
            mutate::mutants(file, &source)
        })
        .collect();
    let errors = compile_all(&libraries, &mutants, &folder);
    let report = Report::new(&mutants, &errors);
    fs::write(folder.join("report.txt"), &report.all).unwrap();
    assert!(report.faults.is_empty(), "{}", report.faults);
    report.assert_that_lists_are_short(&mutants);
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
fn compile_all(
    libraries: &Libraries,
    mutants: &[Mutant],
    folder: &Path,
) -> Vec<Vec<Diagnostic>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let work = |worker| {
        let folder = worker_folder(folder, worker);
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(mutant) = mutants.get(number) else { break };
            let errors = libraries.errors(&mutant.text, &folder);
            done.lock().unwrap().push((number, errors));
        }
    };
    thread::scope(|scope| {
        let workers = thread::available_parallelism().map_or(1, usize::from);
        (0..workers).for_each(|worker| drop(scope.spawn({ let work = &work; move || work(worker) })));
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
    /// What no list knows.
    faults: String,
    /// Which lines of the lists were of use.
    legal: Vec<usize>,
    poor: Vec<usize>,
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
        let known;
        let judgement = if errors.is_empty() {
            known = LEGAL.iter().position(|legal| (legal.covers)(mutant));
            self.legal.extend(known);
            known.map_or("COMPILES", |at| LEGAL[at].reason).to_owned()
        } else {
            let faults = verdict::poor(mutant, errors);
            if faults.is_empty() {
                known = Some(0);
                "fine".to_owned()
            } else {
                known = POOR.iter().position(|poor| (poor.covers)(mutant));
                self.poor.extend(known);
                let known = known.map_or("POOR", |at| POOR[at].reason);
                format!("{known}: {}", faults.join(", "))
            }
        };
        let text = describe(mutant, errors, &judgement);
        if known.is_none() {
            self.faults.push_str(&text);
        }
        self.all.push_str(&text);
    }

    /// A line of a list that covers nothing hides what comes later.
    fn assert_that_lists_are_short(&self, mutants: &[Mutant]) {
        let _ = mutants;
        for (number, legal) in LEGAL.iter().enumerate() {
            assert!(self.legal.contains(&number), "nothing compiles because {}", legal.reason);
        }
        for (number, poor) in POOR.iter().enumerate() {
            assert!(self.poor.contains(&number), "no longer poor, take it off: {}", poor.reason);
        }
    }
}

fn describe(mutant: &Mutant, errors: &[Diagnostic], judgement: &str) -> String {
    let Mutant { file, item, kind, before, after, line, compilers, .. } = mutant;
    let mut text = String::new();
    let reader = if *compilers { " (read by the compiler)" } else { "" };
    writeln!(text, "=== {file}, {}: {kind:?}{reader}; {judgement}", item.name).unwrap();
    writeln!(text, "--- {before:?} is {after:?}, {} errors\n    {line}", errors.len()).unwrap();
    for error in errors {
        text.push_str(&error.rendered);
    }
    text
}
