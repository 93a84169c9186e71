//! Suites that every event store and every storage must pass, ours and yours.
//!
//! Each check stands for one rule and starts with an empty store. A suite runs all of them and
//! panics with the names of those that failed and the rules that are broken.
//!
//! The suites run inside tokio, with its timer: under `#[tokio::test]`, for example.

use std::{error::Error as StdError, fmt, future::Future, time::Duration};

use crate::error::chain;

mod events;
mod presences;
mod rows;
mod snapshots;
mod storages;

pub use self::{
    events::{event_store, event_store_failures, event_store_reopened},
    presences::{presence_store, presence_store_failures},
    rows::{row_failures, rows},
    snapshots::{snapshot_store, snapshot_store_failures},
    storages::{Drive, StorageHarness, storage, storage_failures},
};

/// How long one check may take; it ends in milliseconds unless something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A check that failed.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Failure {
    /// The check's name.
    pub check: &'static str,
    /// The rule that is broken, and how.
    pub broken: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.check, self.broken)
    }
}

/// What a check finds: nothing wrong, or a broken rule.
type Verdict = Result<(), Broken>;

/// The text that says which rule is broken, and how.
#[derive(Debug)]
struct Broken(String);

// Not an `Error` itself, so that `?` takes every error that a store returns where it must not.
impl<E: StdError + 'static> From<E> for Broken {
    fn from(error: E) -> Self {
        Self(format!("a call failed that must succeed: {}", chain(&error)))
    }
}

/// Fails the check with a rule unless something is so.
macro_rules! ensure {
    ($is_so:expr, $($rule:tt)+) => {
        if !$is_so {
            return Err($crate::testing::conformance::Broken(format!($($rule)+)));
        }
    };
}
use ensure;

/// Runs one check and notes its failure.
async fn run(
    failures: &mut Vec<Failure>,
    check: &'static str,
    work: impl Future<Output = Verdict>,
) {
    let broken = match tokio::time::timeout(PATIENCE, work).await {
        Ok(Ok(())) => return,
        Ok(Err(Broken(rule))) => rule,
        Err(_) => format!("the check did not end within {PATIENCE:?}: a call hangs"),
    };
    failures.push(Failure { check, broken });
}

/// Runs checks by their names, each with a subject of its own.
macro_rules! run_all {
    ($make:expr => $($module:ident: [$($check:ident),+ $(,)?]),+ $(,)?) => {{
        let mut failures = Vec::new();
        $($(
            let subject = $make.await;
            run(&mut failures, stringify!($check), $module::$check(subject)).await;
        )+)+
        failures
    }};
}
use run_all;

/// Ends a suite.
#[track_caller]
fn conclude(what: &str, failures: &[Failure]) {
    if failures.is_empty() {
        return;
    }
    let lines: String = failures.iter().map(|failure| format!("\n  - {failure}")).collect();
    panic!("the {what} breaks {} of the rules:{lines}", failures.len());
}
