//! The library's own tables and functions, and which version of them a schema holds.

use tokio_postgres::{Client, types::Type};

use super::{append, error::store_error, options::AppendOrder, register};
use crate::{StoreError, StoreErrorKind, StoreId};

/// The version of the event store's tables and functions that this library knows.
const VERSION: u32 = 1;
/// `pg_current_xact_id` is as old as this.
const OLDEST_SERVER: i32 = 130_000;

const CREATE: &str = "
CREATE TABLE {schema}.projections_meta (
    key   text NOT NULL PRIMARY KEY,
    value text NOT NULL
);
-- Without a cache: the next value is a lower bound of all that anybody may still draw.
CREATE SEQUENCE {schema}.projections_positions AS bigint CACHE 1;
CREATE TABLE {schema}.events (
    position        bigint NOT NULL PRIMARY KEY DEFAULT nextval({positions}),
    id              uuid NOT NULL CONSTRAINT events_id_key UNIQUE,
    stream          text COLLATE \"C\" NOT NULL,
    stream_position bigint NOT NULL,
    domain          text COLLATE \"C\" NOT NULL,
    type            text COLLATE \"C\" NOT NULL,
    version         bigint NOT NULL DEFAULT 1, -- of the event's shape
    time            timestamptz NOT NULL,      -- by the producer's clock
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    payload         bytea NOT NULL,
    metadata        text,                      -- a JSON object
    CONSTRAINT events_stream_key UNIQUE (stream, stream_position),
    CHECK (position > 0),
    CHECK (stream_position > 0)
);
ALTER SEQUENCE {schema}.projections_positions OWNED BY {schema}.events.position;
CREATE TABLE {schema}.projections_imports (
    import uuid NOT NULL PRIMARY KEY, -- the id of its first event
    file   text NOT NULL,
    lines  bigint NOT NULL,
    total  bigint NOT NULL
);";

/// A schema's name, as statements write it.
#[derive(Clone, Debug)]
pub(super) struct Schema {
    quoted: String,
    /// The table of events, as an expression.
    table: String,
    /// The sequence of positions, as an expression.
    positions: String,
    name: String,
}

impl Schema {
    pub(super) fn new(name: &str) -> Result<Self, StoreError> {
        // A dollar could end the quotes around the text of a function.
        if name.is_empty() || name.len() > 63 || name.contains(['\0', '$']) {
            let doing = format!(
                "use schema `{}`: a schema's name has 1 to 63 bytes, without `$` and NUL",
                name.escape_debug()
            );
            return Err(StoreError::new(StoreErrorKind::NotOpened, doing));
        }
        let quoted = format!("\"{}\"", name.replace('"', "\"\""));
        let literal = quoted.replace('\'', "''");
        Ok(Self {
            table: format!("'{literal}.events'::regclass"),
            positions: format!("'{literal}.projections_positions'::regclass"),
            name: name.to_owned(),
            quoted,
        })
    }

    /// Writes the schema into a statement.
    pub(super) fn fill(&self, sql: &str) -> String {
        sql.replace("{schema}", &self.quoted)
            .replace("{table}", &self.table)
            .replace("{positions}", &self.positions)
    }
}

/// Finds the event store in a schema, or creates it, and returns its identity.
pub(super) async fn open(
    client: &Client,
    label: &str,
    schema: &Schema,
    order: Option<AppendOrder>,
) -> Result<StoreId, StoreError> {
    check_server(client, label).await?;
    let id = match find(client, label, schema).await? {
        Some(found) => {
            check_trigger(client, label, schema).await?;
            if let Some(order) = order.filter(|order| order.name() != found.append_order) {
                set_append_order(client, label, schema, order).await?;
            }
            found.id
        }
        None => create(client, label, schema, order.unwrap_or(AppendOrder::Registered)).await?,
    };
    Ok(id)
}

async fn check_server(client: &Client, label: &str) -> Result<(), StoreError> {
    let sql = "SELECT current_setting('server_version_num')::int, \
               current_setting('server_encoding'), pg_is_in_recovery()";
    let look = async {
        let row = client.query_typed_one(sql, &[]).await?;
        Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
    };
    let (version, encoding, is_standby): (i32, String, bool) =
        look.await.map_err(|error| store_error("open", label, error))?;
    let fault = if version < OLDEST_SERVER {
        format!("the server is PostgreSQL {}; 13 or newer is needed", version / 10_000)
    } else if encoding != "UTF8" {
        format!("its database has the encoding {encoding}; create one with UTF8")
    } else if is_standby {
        "the server is a standby, which does not show its appends in flight; connect to the primary"
            .to_owned()
    } else {
        return Ok(());
    };
    Err(StoreError::new(StoreErrorKind::NotOpened, format!("open {label}: {fault}")))
}

struct Found {
    id: StoreId,
    append_order: String,
}

async fn find(client: &Client, label: &str, schema: &Schema) -> Result<Option<Found>, StoreError> {
    let failed = |error| store_error("open", label, error);
    if !has_table(client, schema, "projections_meta").await.map_err(failed)? {
        return match has_table(client, schema, "events").await.map_err(failed)? {
            false => Ok(None),
            true => Err(StoreError::new(
                StoreErrorKind::NotOpened,
                format!(
                    "make {label} an event store: it has a table `events` that this library did not make; choose another schema"
                ),
            )),
        };
    }
    let meta = async |key: &'static str| -> Result<Option<String>, StoreError> {
        let sql = schema.fill("SELECT value FROM {schema}.projections_meta WHERE key = $1");
        let row = client.query_typed_opt(&sql, &[(&key, Type::TEXT)]).await.map_err(failed)?;
        row.map(|row| row.try_get(0)).transpose().map_err(failed)
    };
    let damaged = |key: &str| {
        let doing = format!(
            "open {label}: `{key}` in `projections_meta` is missing or damaged; restore the database from a backup"
        );
        StoreError::new(StoreErrorKind::Corrupt, doing)
    };
    let version = meta("events_schema").await?.and_then(|text| text.parse::<u32>().ok());
    match version {
        Some(VERSION) => {}
        Some(newer) if newer > VERSION => {
            let doing = format!(
                "open {label}: a newer version of this library made it (version {newer} of its tables, this one knows {VERSION}); update the program"
            );
            return Err(StoreError::new(StoreErrorKind::Newer, doing));
        }
        _ => return Err(damaged("events_schema")),
    }
    let id = meta("store_id").await?.and_then(|text| text.parse().ok());
    let append_order = meta("append_order").await?;
    Ok(Some(Found {
        id: id.ok_or_else(|| damaged("store_id"))?,
        append_order: append_order.ok_or_else(|| damaged("append_order"))?,
    }))
}

async fn has_table(
    client: &Client,
    schema: &Schema,
    table: &str,
) -> Result<bool, tokio_postgres::Error> {
    let sql = "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = \
               c.relnamespace WHERE n.nspname = $1 AND c.relname = $2)";
    let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
        [(&schema.name, Type::TEXT), (&table, Type::TEXT)];
    client.query_typed_one(sql, &parameters).await?.try_get(0)
}

/// Without the trigger, what another program inserts could be passed by readers.
async fn check_trigger(client: &Client, label: &str, schema: &Schema) -> Result<(), StoreError> {
    let sql = schema.fill(
        "SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = {table} AND tgenabled = 'A' \
         AND tgname = 'projections_register')",
    );
    let look = async { client.query_typed_one(&sql, &[]).await?.try_get(0) };
    match look.await.map_err(|error| store_error("open", label, error))? {
        true => Ok(()),
        false => {
            let doing = schema.fill(&format!("open {label}: its trigger `projections_register` is missing or disabled, and readers would pass events without it; enable it: ALTER TABLE {{schema}}.events ENABLE ALWAYS TRIGGER projections_register"));
            Err(StoreError::new(StoreErrorKind::Corrupt, doing))
        }
    }
}

/// Creates the tables, unless another one does so at the same time.
async fn create(
    client: &Client,
    label: &str,
    schema: &Schema,
    order: AppendOrder,
) -> Result<StoreId, StoreError> {
    let failed = |error| store_error("create an event store in", label, error);
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended('projections: ' || $1, 0))";
    client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED").await.map_err(failed)?;
    let work = async {
        client.query_typed(lock, &[(&schema.name, Type::TEXT)]).await.map_err(failed)?;
        if let Some(found) = find(client, label, schema).await? {
            return Ok(found.id);
        }
        let id = StoreId::random();
        client.batch_execute(&create_all(schema, order, id)).await.map_err(failed)?;
        Ok(id)
    };
    end(client, work.await).await?.map_err(failed)
}

/// Everything but the schema itself, which needs another right: it is not asked for where it is there.
fn create_all(schema: &Schema, order: AppendOrder, id: StoreId) -> String {
    let meta = format!(
        "INSERT INTO {{schema}}.projections_meta (key, value) VALUES ('events_schema', '{VERSION}'), \
         ('store_id', '{id}'), ('append_order', '{}');",
        order.name()
    );
    let create_schema = format!(
        "DO $do$ BEGIN IF to_regnamespace('{}') IS NULL THEN CREATE SCHEMA {{schema}}; END IF; END $do$;",
        schema.quoted.replace('\'', "''")
    );
    let parts = [&*create_schema, CREATE, &meta].map(|part| schema.fill(part));
    parts.join("\n") + &register::create(schema, order) + &schema.fill(append::CREATE)
}

/// Sets how appends are ordered, while none is in flight.
async fn set_append_order(
    client: &Client,
    label: &str,
    schema: &Schema,
    order: AppendOrder,
) -> Result<(), StoreError> {
    let failed = |error| store_error("set the order of appends of", label, error);
    let statements = [
        // The library's own appends, and those of others.
        append::LOCK_OUT_APPENDS,
        "LOCK TABLE {schema}.events IN SHARE ROW EXCLUSIVE MODE",
        &register::replace(schema, order),
        &format!(
            "UPDATE {{schema}}.projections_meta SET value = '{}' WHERE key = 'append_order'",
            order.name()
        ),
    ]
    .map(|statement| schema.fill(statement))
    .join(";\n");
    client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED").await.map_err(failed)?;
    let work = async { client.batch_execute(&statements).await.map_err(failed) };
    end(client, work.await).await?.map_err(failed)
}

/// Commits what succeeded and rolls back what failed.
async fn end<T>(
    client: &Client,
    outcome: Result<T, StoreError>,
) -> Result<Result<T, tokio_postgres::Error>, StoreError> {
    match outcome {
        Ok(value) => Ok(client.batch_execute("COMMIT").await.map(|()| value)),
        Err(error) => {
            // The connection is closed after this one, which rolls back, too.
            let _ = client.batch_execute("ROLLBACK").await;
            Err(error)
        }
    }
}
