//! Every public error: one type for each thing that a caller does.

mod build;
mod handle;
mod run;
mod store;
mod wait;

use std::{error::Error as StdError, fmt};

use crate::read::QueryError;

pub use self::{
    build::{BuildError, BuildFault},
    handle::HandleError,
    run::{HaltReason, Halted, RebuildError, RunError},
    store::{AppendError, CommitError, ReadError, StoreError, StoreErrorKind},
    wait::{SyncError, WaitError},
};

/// Any error that a handler or a codec may return.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// Any error of this crate, for a `main` that uses `?`.
///
/// `Debug` writes the message and its causes, because that is what a `main` prints that returns it.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An append was refused or failed.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The runtime could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A read model could not be read through this runtime.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Rows could not be read.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A rebuild was refused or failed.
    #[error(transparent)]
    Rebuild(#[from] RebuildError),
    /// Projectors halted.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A store could not be opened or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An append was not stored, or was and is not applied by all who were waited for.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// A wait failed.
    #[error(transparent)]
    Wait(#[from] WaitError),
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&chain(self))
    }
}

/// A name that is no projector's.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no projector `{}`; there are {known}", name.escape_debug())]
pub struct UnknownProjector {
    pub(crate) name: String,
    pub(crate) known: String,
}

/// A read model cannot be read through this runtime.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The storage of the projector that keeps the rows has no readers.
    #[error("storage `{storage}` of projector `{projector}` has no readers of rows: ask it itself")]
    NoReaders {
        /// The projector.
        projector: String,
        /// The storage's type, without its path.
        storage: String,
    },
    /// No projector of this runtime takes the rows, or not by this name.
    #[error(
        "no projector of this runtime keeps rows of `{row}`, or not by this name: a handler keeps them that takes `&mut Rows<..>` of them"
    )]
    NoTable {
        /// The type of the rows.
        row: &'static str,
    },
    /// The type is not a projector of this runtime that keeps its read model in process.
    #[error("`{type_name}` is not an in-process projector of this runtime, or not by this name")]
    NotHere {
        /// The type.
        type_name: &'static str,
    },
    /// Several projectors of this runtime are of the type.
    #[error("several projectors are `{type_name}`: say which with `read_named`")]
    Several {
        /// The type.
        type_name: &'static str,
    },
    /// Several projectors of this runtime keep rows of the type.
    #[error("several projectors of this runtime keep rows of `{row}`: say which with `rows_of`")]
    SeveralTables {
        /// The type of the rows.
        row: &'static str,
    },
}

/// Writes an error and its causes on one line.
#[must_use]
pub(crate) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // Some drivers repeat their cause in their own text.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}
