//! What SQLite's result codes mean to a caller.

use rusqlite::ErrorCode;

use crate::{StoreError, StoreErrorKind, Verdict};

/// Wraps an error of the driver. `what` completes "cannot ... <label>".
pub(super) fn store_error(what: &str, label: &str, error: rusqlite::Error) -> StoreError {
    let kind = kind(&error);
    let doing = match advice(kind, &error) {
        Some(advice) => format!("{what} {label}: {advice}"),
        None => format!("{what} {label}"),
    };
    StoreError::new(kind, doing).with_source(error)
}

/// Tells whether the storage failed, and not the statement.
pub(super) fn is_outage(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code().is_some() && kind(error) != StoreErrorKind::Other
}

/// Tells whether the statement was refused for what it writes.
pub(super) fn is_refusal(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    use ErrorCode::{ConstraintViolation, TooBig, TypeMismatch};
    matches!(code, Some(ConstraintViolation | TooBig | TypeMismatch))
}

/// What an error that a handler returned says of its event.
pub(super) fn verdict(error: &rusqlite::Error) -> Option<Verdict> {
    match is_refusal(error) {
        // The one writer would be refused again.
        true => Some(Verdict::Permanent),
        false if is_outage(error) => Some(Verdict::Outage),
        false => None,
    }
}

fn kind(error: &rusqlite::Error) -> StoreErrorKind {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::FileLockingProtocolFailed) => {
            StoreErrorKind::Busy
        }
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => StoreErrorKind::Corrupt,
        Some(ErrorCode::DiskFull) => StoreErrorKind::Full,
        Some(ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory) => StoreErrorKind::Io,
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => StoreErrorKind::NotOpened,
        Some(ErrorCode::ReadOnly) => StoreErrorKind::ReadOnly,
        Some(_) => StoreErrorKind::Other,
        None if is_damage(error) => StoreErrorKind::Corrupt,
        None => StoreErrorKind::Other,
    }
}

/// Tells whether a stored value is not what the library stores there.
fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType};
    matches!(
        error,
        FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..)
    )
}

fn advice(kind: StoreErrorKind, error: &rusqlite::Error) -> Option<&'static str> {
    Some(match kind {
        StoreErrorKind::Busy => {
            "another process held its write lock for too long; try again, or raise `busy_timeout`"
        }
        StoreErrorKind::Corrupt if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            "the file is not an SQLite database; choose another path, or restore it from a backup"
        }
        StoreErrorKind::Corrupt => "the file is damaged; restore it from a backup",
        StoreErrorKind::Io => {
            "reading or writing failed below SQLite; check the disk, the room on it, and the limit on file sizes"
        }
        StoreErrorKind::Full => "the disk or a limit on the file's size is full; make room",
        StoreErrorKind::NotOpened => {
            "the file may not be opened; check the permissions of the file and of its folder, and that the disk is not mounted read-only"
        }
        StoreErrorKind::ReadOnly => {
            "the file or its folder may only be read; allow this user to write to both"
        }
        _ => return None,
    })
}
