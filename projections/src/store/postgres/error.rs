//! What PostgreSQL's error codes mean to a caller.

use std::{error::Error, fmt};

use tokio_postgres::error::{DbError, SqlState};

use crate::{StoreError, StoreErrorKind};

/// Wraps an error of the driver. `what` completes "cannot ... <label>".
pub(super) fn store_error(what: &str, label: &str, error: tokio_postgres::Error) -> StoreError {
    let kind = kind(&error);
    let doing = match advice(kind, &error) {
        Some(advice) => format!("{what} {label}: {advice}"),
        None => format!("{what} {label}"),
    };
    let wrapped = StoreError::new(kind, doing);
    match ServerError::of(&error) {
        Some(server) => wrapped.with_source(server),
        None => wrapped.with_source(error),
    }
}

/// A stored value is not what the library stores there.
pub(super) fn damaged(label: &str, what: impl fmt::Display) -> StoreError {
    let doing = format!("read {label}: {what}; restore the database from a backup");
    StoreError::new(StoreErrorKind::Corrupt, doing)
}

/// Tells whether the server has answered a COMMIT with a refusal: then nothing was stored. Where it
/// was being shut down, or the connection broke, the commit may have happened all the same.
pub(super) fn is_refused_commit(error: &tokio_postgres::Error) -> bool {
    let Some(code) = error.code() else { return false };
    let in_doubt = ["08", "57", "58", "XX"].iter().any(|class| code.code().starts_with(class));
    !in_doubt && *code != SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN
}

/// Tells whether the server has answered, whatever it said.
pub(super) fn is_answer(error: &tokio_postgres::Error) -> bool {
    error.code().is_some()
}

/// Tells whether a row was refused because another one holds its id or its place in the stream.
pub(super) fn is_unique_violation(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::UNIQUE_VIOLATION)
}

/// What the server said, without what it adds about the values at hand: events hold people's data.
#[derive(Debug)]
struct ServerError {
    code: String,
    message: String,
}

impl ServerError {
    fn of(error: &tokio_postgres::Error) -> Option<Self> {
        let said: &DbError = error.as_db_error()?;
        Some(Self { code: said.code().code().to_owned(), message: said.message().to_owned() })
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server says: {} (SQLSTATE {})", self.message, self.code)
    }
}

impl Error for ServerError {}

fn kind(error: &tokio_postgres::Error) -> StoreErrorKind {
    match error.code() {
        Some(code) => kind_of(code),
        None if is_settings(error) => StoreErrorKind::NotOpened,
        None if is_value(error) => StoreErrorKind::Corrupt,
        // The connection: refused, broken, timed out.
        None => StoreErrorKind::Unavailable,
    }
}

fn kind_of(code: &SqlState) -> StoreErrorKind {
    match code.code() {
        // Serialisation failure, deadlock, lock or statement timeout: the next attempt may succeed.
        "40001" | "40P01" | "55P03" | "57014" => StoreErrorKind::Busy,
        "25006" => StoreErrorKind::ReadOnly,
        "3D000" | "3F000" | "42501" => StoreErrorKind::NotOpened,
        // A table or function of the library is gone.
        "42P01" | "42703" | "42883" => StoreErrorKind::Corrupt,
        "53300" => StoreErrorKind::Unavailable,
        "XX001" | "XX002" => StoreErrorKind::Corrupt,
        "25P03" | "25P04" => StoreErrorKind::Unavailable,
        code => match code.get(..2) {
            Some("08" | "57") => StoreErrorKind::Unavailable,
            Some("28") => StoreErrorKind::NotOpened,
            Some("53") => StoreErrorKind::Full,
            Some("58") => StoreErrorKind::Io,
            _ => StoreErrorKind::Other,
        },
    }
}

/// Tells whether the connection string, or what it leaves out, is at fault. The driver has no kinds
/// that a caller can see, only texts.
fn is_settings(error: &tokio_postgres::Error) -> bool {
    let text = error.to_string();
    ["invalid c", "error performing TLS", "authentication error"]
        .iter()
        .any(|start| text.starts_with(start))
}

fn is_value(error: &tokio_postgres::Error) -> bool {
    let text = error.to_string();
    text.starts_with("error deserializing column") || text.starts_with("invalid column")
}

fn advice(kind: StoreErrorKind, error: &tokio_postgres::Error) -> Option<&'static str> {
    let code = error.code().map(SqlState::code);
    Some(match (kind, code) {
        (_, Some("53300")) => {
            "the server has no connection left; open fewer, or raise its `max_connections`"
        }
        (StoreErrorKind::Unavailable, Some(_)) => {
            "the server is starting, stopping, or has ended the connection; try again"
        }
        (StoreErrorKind::Unavailable, None) => {
            "the server does not answer; check that it runs, the host, the port and the network"
        }
        (StoreErrorKind::Busy, _) => "another transaction was in the way; try again",
        (StoreErrorKind::Full, _) => {
            "the server has no room left (disk, memory or locks); make room, or raise the limit that it names"
        }
        (StoreErrorKind::Io, _) => "the server could not read or write its files; check its disk",
        (StoreErrorKind::ReadOnly, _) => {
            "the server takes no writes: it is a standby, or the database is read-only; connect to the primary"
        }
        (StoreErrorKind::NotOpened, Some("3D000")) => {
            "there is no such database; create it, or name another one in the URL"
        }
        (StoreErrorKind::NotOpened, Some("3F000")) => {
            "there is no such schema; create it, or name another one"
        }
        (StoreErrorKind::NotOpened, Some("42501")) => {
            "this user may not do that; grant it, or connect as the owner of the tables"
        }
        (StoreErrorKind::NotOpened, Some(_)) => {
            "the server does not let this user in; check user, password and `pg_hba.conf`"
        }
        (StoreErrorKind::NotOpened, None) => {
            "the settings in the URL do not fit this server or this build; TLS is not supported yet, so `sslmode=require` cannot be met"
        }
        (StoreErrorKind::Corrupt, Some("42P01" | "42703" | "42883")) => {
            "a table or function of the library is missing or changed; restore the schema from a backup"
        }
        (StoreErrorKind::Corrupt, _) => {
            "what is stored is damaged; restore the database from a backup"
        }
        _ => return None,
    })
}
