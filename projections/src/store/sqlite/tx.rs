//! [`SqliteTx`]: what a handler writes its read model through.

use std::ops::Deref;

use rusqlite::{Connection, ErrorCode, OptionalExtension, Params, Row};

use super::{error::is_outage, storage::SqliteSession};

/// The runner's transaction, as a handler of a projector on [`Sqlite`](super::Sqlite) sees it.
///
/// What is written through it is committed together with the checkpoint, or not at all. It cannot
/// commit, roll back or begin a transaction, set a savepoint, attach a file, change a setting, or
/// write to the library's own tables or those of rows: SQLite refuses such statements with "not
/// authorized".
/// Statements are prepared once for each text and kept, so values belong into parameters.
///
/// ```
/// use projections::sqlite::{SqliteTx, rusqlite};
///
/// fn rename(db: &mut SqliteTx<'_>, player: &str, name: &str) -> rusqlite::Result<()> {
///     if db.exists("SELECT 1 FROM players WHERE name = ?1", [name])? {
///         return Ok(());
///     }
///     db.execute("UPDATE players SET name = ?2 WHERE id = ?1", (player, name))?;
///     Ok(())
/// }
/// # let _ = rename;
/// ```
///
/// An SQL error that a handler swallows undoes its own statement only; the rest of the handler's
/// work stays. One that undoes the transaction (`INSERT OR ROLLBACK`) fails the event even if it
/// is swallowed.
///
/// Where a projector has rows as well, they are written before its handler gets this, so that its
/// queries see them. What the same handler changes in its rows is written after it.
#[derive(Debug)]
pub struct SqliteTx<'a> {
    session: &'a SqliteSession,
}

impl<'a> SqliteTx<'a> {
    #[inline]
    pub(super) fn new(session: &'a SqliteSession) -> Self {
        session.flush_rows();
        Self { session }
    }

    /// Runs one statement; returns how many rows it changed.
    ///
    /// # Errors
    /// Fails when the statement cannot be prepared, or fails.
    pub fn execute(&mut self, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
        self.run(|connection| connection.prepare_cached(sql)?.execute(params))
    }

    /// Runs several statements that take no parameters and return no rows, for `#[setup]` and
    /// `#[reset]`.
    ///
    /// # Errors
    /// Fails with the first statement that fails.
    pub fn execute_batch(&mut self, sql: &str) -> rusqlite::Result<()> {
        self.run(|connection| connection.execute_batch(sql))
    }

    /// Returns the first row of a query.
    ///
    /// # Errors
    /// [`rusqlite::Error::QueryReturnedNoRows`] when there is none.
    pub fn query_row<T>(
        &mut self,
        sql: &str,
        params: impl Params,
        look: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.run(|connection| connection.prepare_cached(sql)?.query_row(params, look))
    }

    /// Returns the first row of a query, `None` when there is none.
    ///
    /// # Errors
    /// Fails when the query, or `look`, fails.
    pub fn query_optional<T>(
        &mut self,
        sql: &str,
        params: impl Params,
        look: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Option<T>> {
        self.query_row(sql, params, look).optional()
    }

    /// Returns every row of a query.
    ///
    /// # Errors
    /// Fails when the query, or `look`, fails.
    pub fn query<T>(
        &mut self,
        sql: &str,
        params: impl Params,
        look: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        self.run(|connection| connection.prepare_cached(sql)?.query_map(params, look)?.collect())
    }

    /// Tells whether a query returns a row.
    ///
    /// # Errors
    /// Fails when the query fails.
    pub fn exists(&mut self, sql: &str, params: impl Params) -> rusqlite::Result<bool> {
        self.run(|connection| connection.prepare_cached(sql)?.exists(params))
    }

    /// Returns the rowid of the last row that was inserted.
    #[must_use]
    pub fn last_insert_rowid(&self) -> i64 {
        self.session.connection().last_insert_rowid()
    }

    /// Returns the connection itself, for what this type has no method for.
    ///
    /// Its type is that of [`rusqlite`], which this crate re-exports, and changes with it. What
    /// is refused through this type is refused through the connection, too; but an outage that
    /// only the connection saw counts as the event's failure, if the handler returns it.
    #[must_use]
    pub fn raw(&self) -> impl Deref<Target = Connection> {
        self.session.connection()
    }

    /// Runs a statement, and remembers where the storage failed: that is no fault of the event.
    #[inline]
    fn run<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        work(&self.session.connection()).map_err(|error| self.note(error))
    }

    #[cold]
    fn note(&self, error: rusqlite::Error) -> rusqlite::Error {
        if let rusqlite::Error::SqliteFailure(cause, message) = &error
            && is_outage(&error)
        {
            self.session.remember(rusqlite::Error::SqliteFailure(*cause, message.clone()));
        }
        explain(error, || self.session.take_denied())
    }
}

/// Says why a statement was not authorized.
pub(super) fn explain(
    error: rusqlite::Error,
    denied: impl FnOnce() -> Option<String>,
) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqliteFailure(cause, _)
            if cause.code == ErrorCode::AuthorizationForStatementDenied =>
        {
            let why = denied().unwrap_or_else(|| USUALLY_DENIED.to_owned());
            rusqlite::Error::SqliteFailure(cause, Some(format!("not authorized: {why}")))
        }
        other => other,
    }
}

const USUALLY_DENIED: &str = "a handler may not begin or end a transaction, set a savepoint, \
    attach a file, change a setting, or write to the library's tables";
