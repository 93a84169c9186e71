//! Every event of every domain, also of those that nobody has thought of yet.
//!
//! Plain SQL, because a log is written once and never changed, and is asked by `GROUP BY`.

use projections::{
    BoxError, RawEvent, handlers, projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
};
use rusqlite::Connection;

/// Who would ask later what happened, and when, finds it here.
#[projector("audit-log", storage = Sqlite)]
pub(crate) struct AuditLog;

#[handlers]
impl AuditLog {
    #[setup]
    fn create_tables(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch(
            "CREATE TABLE IF NOT EXISTS audit_log (
                 position INTEGER PRIMARY KEY, event_id TEXT NOT NULL UNIQUE, time TEXT NOT NULL,
                 domain TEXT NOT NULL, stream TEXT NOT NULL, event TEXT NOT NULL, data TEXT NOT NULL
             ) STRICT",
        )
    }

    #[reset]
    fn empty_tables(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("DELETE FROM audit_log")
    }

    #[fallback(all)]
    fn anything(&self, event: &RawEvent<'_>, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        let at = event.envelope();
        db.execute(
            "INSERT INTO audit_log VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            (
                at.position().get(),
                at.id().to_string(),
                at.time().to_string(),
                event.domain(),
                at.stream(),
                event.name(),
                std::str::from_utf8(event.payload())?,
            ),
        )?;
        Ok(())
    }
}

/// Counts the entries of each event type, by domain and type.
pub(crate) fn counts(db: &Connection) -> rusqlite::Result<Vec<(String, String, u32)>> {
    db.prepare(
        "SELECT domain, event, count(*) FROM audit_log GROUP BY domain, event ORDER BY 1, 2",
    )?
    .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
    .collect()
}

/// Lists the events of a stream, oldest first.
pub(crate) fn history(db: &Connection, stream: &str) -> rusqlite::Result<Vec<String>> {
    db.prepare("SELECT event FROM audit_log WHERE stream = ?1 ORDER BY position")?
        .query_map([stream], |row| row.get(0))?
        .collect()
}
