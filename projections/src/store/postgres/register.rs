//! The register of appends that are in flight, which lets a reader know how far the log is settled.
//!
//! Positions come from a sequence, and transactions commit in any order: a reader that took all rows
//! it sees for all rows there are would pass those that commit later at a lower position. So each
//! transaction that appends takes, before it draws its first position, a shared advisory lock whose
//! key is a lower bound of every position that it may still draw: the sequence's next value.
//!
//! A reader asks three things in this order, never in one snapshot: the last position that was drawn,
//! H; the least bound among the locks that are held, L; the rows up to the mark, which is H where no
//! lock is held, else the lesser of H and L - 1. An event at or below the mark was drawn before H was
//! read, so its lock was taken before. When L is read the lock is either held, and then the mark is
//! below the event, or it was released. PostgreSQL makes a commit visible before it releases locks, so
//! the third statement sees the event, or its transaction was rolled back.
//!
//! A statement trigger takes the lock, so that no other program that inserts can forget it. It waits
//! for nothing, and a transaction that appends nothing never holds a reader back.

use std::{fmt, time::Duration};

use tokio_postgres::{Client, Row};

use super::{error::store_error, options::AppendOrder, schema::Schema};
use crate::{GlobalPosition, StoreError};

/// Takes the lock, once in a transaction: a transaction of many statements would else fill the
/// server's table of locks. The setting that says so is undone with the savepoint that undoes the lock.
///
/// The lock has two keys of 32 bits: the table's oid, and the lower half of the bound. A reader knows
/// the upper half, because no append is in flight while two thousand million others are made.
const REGISTER: &str = "
CREATE OR REPLACE FUNCTION {schema}.projections_register() RETURNS void LANGUAGE plpgsql AS $projections$
DECLARE
    _setting text := 'projections.registered_' || {table}::oid;
    _transaction text := pg_current_xact_id()::text;
    _bound bigint;
BEGIN
    IF current_setting(_setting, true) = _transaction THEN
        RETURN;
    END IF;
    {serialise}
    SELECT last_value + is_called::int INTO _bound FROM {schema}.projections_positions;
    PERFORM pg_advisory_xact_lock_shared(
        {schema}.projections_half({table}::oid::bigint), {schema}.projections_half(_bound));
    PERFORM set_config(_setting, _transaction, true);
END $projections$;";

/// Waits until the append before has ended, and makes the next one wait.
const SERIALISE: &str = "PERFORM pg_advisory_xact_lock(({table}::oid::bigint << 32) + 3);";

/// Everything else of the register. `projections_half` keeps the lower 32 bits of a number.
const CREATE: &str = "
CREATE FUNCTION {schema}.projections_half(_number bigint) RETURNS int IMMUTABLE STRICT PARALLEL SAFE
LANGUAGE sql AS $projections$
    SELECT (((_number & 4294967295) # 2147483648) - 2147483648)::int
$projections$;

CREATE FUNCTION {schema}.projections_before_append() RETURNS trigger LANGUAGE plpgsql AS $projections$
BEGIN
    PERFORM {schema}.projections_register();
    RETURN NULL;
END $projections$;

CREATE TRIGGER projections_register BEFORE INSERT ON {schema}.events
FOR EACH STATEMENT EXECUTE FUNCTION {schema}.projections_before_append();
ALTER TABLE {schema}.events ENABLE ALWAYS TRIGGER projections_register;

CREATE FUNCTION {schema}.projections_in_flight(_drawn bigint)
RETURNS TABLE (bound bigint, pid int, virtualtransaction text) LANGUAGE sql AS $projections$
    SELECT _drawn + {schema}.projections_half(objid::bigint - _drawn), pid, virtualtransaction
    FROM pg_locks
    WHERE locktype = 'advisory' AND classid = {table}::oid AND objsubid = 2
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
$projections$;

CREATE FUNCTION {schema}.projections_settled(OUT settled bigint, OUT drawn bigint)
LANGUAGE plpgsql AS $projections$
BEGIN
    -- In this order: an append that begins in between has a lock whose bound is above what was drawn.
    SELECT last_value - 1 + is_called::int INTO drawn FROM {schema}.projections_positions;
    SELECT least(drawn, min(bound) - 1) INTO settled FROM {schema}.projections_in_flight(drawn);
END $projections$;";

/// The statements that create the register.
pub(super) fn create(schema: &Schema, order: AppendOrder) -> String {
    format!("{}\n{}", schema.fill(CREATE), replace(schema, order))
}

/// The statement that sets how appends are ordered.
pub(super) fn replace(schema: &Schema, order: AppendOrder) -> String {
    let serialise = match order {
        AppendOrder::Registered => "",
        AppendOrder::Serialised => SERIALISE,
    };
    schema.fill(&REGISTER.replace("{serialise}", serialise))
}

/// How far the log is settled, and how far positions were drawn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Settled {
    /// Nothing can appear at or below this position any more.
    pub(super) mark: i64,
    /// The last position that was drawn.
    pub(super) drawn: i64,
}

/// Asks how far the log is settled. What is read up to there is read by a later statement.
pub(super) async fn settled(
    client: &Client,
    schema: &Schema,
) -> Result<Settled, tokio_postgres::Error> {
    let sql = schema.fill("SELECT settled, drawn FROM {schema}.projections_settled()");
    let row = client.query_typed_one(&sql, &[]).await?;
    Ok(Settled { mark: row.try_get(0)?, drawn: row.try_get(1)? })
}

/// A transaction that has appended and not ended: readers wait for it.
///
/// `Display` names it for people: `PostgreSQL process 4711 (user shop, "nightly import"), idle in
/// transaction, for 12 s: it may still commit events from position 1042 on`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct AppendInFlight {
    /// It may still commit events at this position and above; readers go on below.
    pub from: GlobalPosition,
    /// The server's process, which `pg_terminate_backend` takes; `None` for a prepared transaction.
    pub process: Option<u32>,
    /// The name of a prepared transaction, which `COMMIT PREPARED` and `ROLLBACK PREPARED` take.
    pub prepared: Option<String>,
    /// Who is connected.
    pub user: String,
    /// What the program calls itself.
    pub application: String,
    /// What the session does: `active`, `idle in transaction`.
    pub state: String,
    /// How long ago the transaction began.
    pub age: Duration,
}

impl fmt::Display for AppendInFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user.escape_debug();
        match (&self.prepared, self.process) {
            (Some(name), _) => {
                write!(f, "prepared transaction \"{}\" (user {user})", name.escape_debug())?;
            }
            (None, process) => {
                write!(f, "PostgreSQL process {} (user {user}", process.unwrap_or_default())?;
                if !self.application.is_empty() {
                    write!(f, ", \"{}\"", self.application.escape_debug())?;
                }
                write!(f, "), {}", self.state)?;
            }
        }
        let seconds = self.age.as_secs();
        write!(f, ", for {seconds} s: it may still commit events from position {} on", self.from)
    }
}

/// Lists the appends in flight, the one that readers wait for first. A prepared transaction has no
/// process; the lock on its own identifier tells which one it is.
pub(super) async fn in_flight(
    client: &Client,
    label: &str,
    schema: &Schema,
) -> Result<Vec<AppendInFlight>, StoreError> {
    let sql = schema.fill(
        "SELECT l.bound, l.pid, p.gid, coalesce(a.usename, p.owner, '')::text, \
         coalesce(a.application_name, ''), coalesce(a.state, ''), greatest(0, extract(epoch FROM \
         clock_timestamp() - coalesce(a.xact_start, p.prepared)))::float8 \
         FROM {schema}.projections_settled() s, {schema}.projections_in_flight(s.drawn) l \
         LEFT JOIN pg_stat_activity a ON a.pid = l.pid \
         LEFT JOIN pg_locks x ON l.pid IS NULL AND x.pid IS NULL AND x.locktype = 'transactionid' \
         AND x.virtualtransaction = l.virtualtransaction \
         LEFT JOIN pg_prepared_xacts p ON p.transaction = x.transactionid ORDER BY 1, 2",
    );
    let read = |row: &Row| {
        let process: Option<i32> = row.try_get(1)?;
        let age: Option<f64> = row.try_get(6)?;
        Ok(AppendInFlight {
            from: row.try_get::<_, i64>(0)?.cast_unsigned().into(),
            process: process.map(i32::cast_unsigned),
            prepared: row.try_get(2)?,
            user: row.try_get(3)?,
            application: row.try_get(4)?,
            state: row.try_get(5)?,
            age: Duration::try_from_secs_f64(age.unwrap_or_default()).unwrap_or_default(),
        })
    };
    let look = async {
        client.query_typed(&sql, &[]).await?.iter().map(read).collect::<Result<Vec<_>, _>>()
    };
    look.await.map_err(|error| store_error("look for appends in flight in", label, error))
}
