//! What a test asked to go wrong, and when.

use std::{collections::BTreeMap, fmt};

use crate::StoreErrorKind;

/// A call of a storage, as [`MemoryStorage`](super::MemoryStorage) counts and fails it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Call {
    /// A transaction is begun.
    Begin,
    /// The checkpoints of a namespace are read.
    Checkpoints,
    /// A transaction is committed.
    Commit,
    /// A table of rows is dropped.
    DropTable,
    /// Rows are looked for by the values of an index.
    FindRows,
    /// Letters are read or counted outside a transaction.
    Letters,
    /// A checkpoint is read inside a transaction.
    Load,
    /// Rows are looked for by their keys.
    LoadRows,
    /// A table of rows is created, or compared with its declaration.
    PrepareTable,
    /// The storage's own part of a rebuild.
    Reset,
    /// A transaction is rolled back; not where it is dropped.
    Rollback,
    /// The storage's own tables are created.
    Setup,
    /// Rows are deleted, or written.
    WriteRows,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Begin => "begin a transaction",
            Self::Checkpoints => "read the checkpoints",
            Self::Commit => "commit",
            Self::DropTable => "drop a table",
            Self::FindRows => "find rows",
            Self::Letters => "read the dead letters",
            Self::Load => "load a checkpoint",
            Self::LoadRows => "load rows",
            Self::PrepareTable => "prepare a table",
            Self::Reset => "reset a read model",
            Self::Rollback => "roll back",
            Self::Setup => "set up",
            Self::WriteRows => "write rows",
        })
    }
}

/// How a call ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    CommitAndFail,
    Fail(StoreErrorKind),
    Pretend,
    Succeed,
}

/// Calls so far, and the outcomes that are due.
#[derive(Default)]
pub(super) struct Script {
    counts: BTreeMap<Call, u64>,
    /// Of the calls for rows, by table.
    tables: BTreeMap<(Call, String), u64>,
    due: BTreeMap<(Call, u64), Outcome>,
}

impl Script {
    /// Sets the outcome of the `nth` call from now on.
    pub(super) fn add(&mut self, call: Call, nth: u64, outcome: Outcome) {
        self.due.insert((call, self.count(call) + nth.max(1)), outcome);
    }

    /// Counts a call and returns how it is to end.
    pub(super) fn next(&mut self, call: Call) -> Outcome {
        let count = self.counts.entry(call).or_default();
        *count += 1;
        self.due.remove(&(call, *count)).unwrap_or(Outcome::Succeed)
    }

    /// Counts a call for the rows of a table, and returns how it is to end.
    pub(super) fn next_of(&mut self, call: Call, table: &str) -> Outcome {
        *self.tables.entry((call, table.to_owned())).or_default() += 1;
        self.next(call)
    }

    pub(super) fn count_of(&self, call: Call, table: &str) -> u64 {
        self.tables.get(&(call, table.to_owned())).copied().unwrap_or_default()
    }

    pub(super) fn count(&self, call: Call) -> u64 {
        self.counts.get(&call).copied().unwrap_or_default()
    }
}
