//! [`Lease`]: who runs a projector, and which of this process's runs have ended.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use crate::{CheckpointKey, OwnerId};

/// Who runs a projector, as stored in its checkpoint.
///
/// Whoever else wants to run it watches the row. Each write of the owner raises `beat`; where the
/// row stands as it is for the whole lease, by the clock of whoever watches, the owner is taken for
/// dead. No wall clock has a part in it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_structs)] // a storage must keep every field
pub struct Lease {
    /// The runtime that runs it.
    pub owner: OwnerId,
    /// Names its process for people.
    pub process: String,
    /// How long the owner may be silent, in whole milliseconds.
    pub time: Duration,
    /// Raised by each write.
    pub beat: u64,
}

impl Lease {
    /// A lease that begins.
    pub(crate) fn new(owner: OwnerId, time: Duration) -> Self {
        Self { owner, process: process_name().to_owned(), time, beat: 0 }
    }
}

/// What people find this process by.
pub(crate) fn process_name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let id = std::process::id();
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        match host.trim() {
            "" => format!("process {id}"),
            host => format!("process {id} on {host}"),
        }
    })
}

/// A run of this process, until it is dropped.
#[derive(Debug)]
pub(crate) struct Run(OwnerId, CheckpointKey);

static RUNS: Mutex<BTreeSet<(OwnerId, CheckpointKey)>> = Mutex::new(BTreeSet::new());

impl Run {
    pub(crate) fn begin(owner: OwnerId, key: &CheckpointKey) -> Self {
        runs().insert((owner, key.clone()));
        Self(owner, key.clone())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        runs().remove(&(self.0, self.1.clone()));
    }
}

/// Tells whether an owner is known to run a projector no longer: it was of this process, which would
/// know. Of other processes nothing is known.
pub(crate) fn is_over(owner: OwnerId, key: &CheckpointKey) -> bool {
    owner.is_of_this_process() && !runs().contains(&(owner, key.clone()))
}

/// The runs under way, which are whole between any two statements.
fn runs() -> MutexGuard<'static, BTreeSet<(OwnerId, CheckpointKey)>> {
    RUNS.lock().unwrap_or_else(PoisonError::into_inner)
}
