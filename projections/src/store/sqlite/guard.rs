//! What keeps handlers inside the runner's transaction: an authorizer and two hooks of SQLite.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use parking_lot::Mutex;
use rusqlite::{
    Connection,
    hooks::{AuthAction, AuthContext, Authorization},
};

/// Tables and indexes of the library begin with it; handlers may read them only.
const OWN_NAMES: &str = "projections_";

/// Pragmas that only read, used inside SQLite by FTS5 and R-trees, and useful to handlers.
const HARMLESS_PRAGMAS: &[&str] =
    &["data_version", "index_info", "index_list", "page_size", "table_info", "table_xinfo"];

/// What the hooks of the writing connection know and note. All of it happens on the thread that
/// uses the connection, so the order of memory does not matter.
#[derive(Debug, Default)]
pub(super) struct Guard {
    /// Statements that are prepared now come from a handler.
    handler: AtomicBool,
    /// The commit that happens now is the library's own.
    committing: AtomicBool,
    /// The library's own commit was let through.
    committed: AtomicBool,
    /// The transaction ended, or a handler tried to end it.
    left: AtomicBool,
    /// The file holds an event store, whose tables handlers may only read.
    holds_events: AtomicBool,
    /// The tables of rows.
    tables: Mutex<RowTables>,
    /// There may be triggers on this connection that are in no schema.
    temporary_triggers: AtomicBool,
    /// Why the last statement was not authorized, where there is more to say than usual.
    denied: Mutex<Option<String>>,
}

/// The tables of rows in the file, as of some version of its schema.
#[derive(Debug, Default)]
pub(super) struct RowTables {
    /// The version that they were read at; `None` where that must happen again.
    pub(super) schema_version: Option<i64>,
    /// Their projectors, by their names in lower case.
    pub(super) projectors: HashMap<String, String>,
    /// Those that nothing but their rows depends on, with the number of their columns.
    pub(super) bare: Vec<(String, usize)>,
    /// There is no list of inline projectors, which is made together with a change of the schema.
    pub(super) no_inline: bool,
}

impl Guard {
    /// Installs the hooks on a connection.
    pub(super) fn install(connection: &mut Connection) -> rusqlite::Result<Arc<Self>> {
        let guard = Arc::new(Self::default());
        let authorizer = Arc::clone(&guard);
        connection.authorizer(Some(move |context: AuthContext<'_>| authorizer.judge(&context)))?;
        let commit = Arc::clone(&guard);
        connection.commit_hook(Some(move || commit.refuses_commit()))?;
        let rollback = Arc::clone(&guard);
        connection.rollback_hook(Some(move || rollback.left.store(true, Relaxed)))?;
        Ok(guard)
    }

    /// A transaction begins.
    pub(super) fn reset(&self, holds_events: bool) {
        self.handler.store(false, Relaxed);
        self.committing.store(false, Relaxed);
        self.committed.store(false, Relaxed);
        self.left.store(false, Relaxed);
        self.holds_events.store(holds_events, Relaxed);
    }

    /// Says whose statements come next; returns whose came before.
    pub(super) fn admit_handlers(&self, handlers: bool) -> bool {
        self.handler.swap(handlers, Relaxed)
    }

    /// Whether the tables of rows were read at this version of the schema.
    pub(super) fn knows_tables(&self, schema_version: i64) -> bool {
        self.tables.lock().schema_version == Some(schema_version)
    }

    /// Says which tables of rows there are.
    pub(super) fn set_tables(&self, tables: RowTables) {
        *self.tables.lock() = tables;
    }

    /// Whether a table of rows has these columns and neither indexes beside its key nor triggers, and
    /// no foreign key refers to it: then a row that takes the place of another one is just that.
    pub(super) fn is_bare(&self, table: &str, columns: usize) -> bool {
        let is_it =
            |bare: &(String, usize)| bare.1 == columns && bare.0.eq_ignore_ascii_case(table);
        !self.temporary_triggers.load(Relaxed) && self.tables.lock().bare.iter().any(is_it)
    }

    /// A handler changes the schema: of no table it is known any more what depends on it.
    fn changes_schema(&self) {
        let mut tables = self.tables.lock();
        tables.schema_version = None;
        tables.bare.clear();
    }

    /// Whether it is known that the file has no list of inline projectors.
    pub(super) fn has_no_inline(&self) -> bool {
        self.tables.lock().no_inline
    }

    /// The file has no list of inline projectors, for as long as its schema is what it is.
    pub(super) fn set_no_inline(&self) {
        let mut tables = self.tables.lock();
        tables.no_inline = tables.schema_version.is_some();
    }

    /// Returns why the last statement was not authorized, where there is more to say than usual.
    pub(super) fn take_denied(&self) -> Option<String> {
        self.denied.lock().take()
    }

    /// Lets the next commit through, or ends that; tells whether one was let through.
    pub(super) fn admit_commit(&self, commit: bool) -> bool {
        self.committing.store(commit, Relaxed);
        self.committed.load(Relaxed)
    }

    /// Tells whether the transaction ended since [`reset`](Self::reset), or a handler tried to
    /// end it.
    #[inline]
    pub(super) fn left(&self) -> bool {
        self.left.load(Relaxed)
    }

    /// After a swallowed `INSERT OR ROLLBACK` the handler's next statement commits by itself,
    /// before anyone can look: only this hook sees it.
    fn refuses_commit(&self) -> bool {
        if self.committing.load(Relaxed) {
            self.committed.store(true, Relaxed);
            return false;
        }
        self.left.store(true, Relaxed);
        true
    }

    fn judge(&self, context: &AuthContext<'_>) -> Authorization {
        if self.handler.load(Relaxed) {
            *self.denied.lock() = None;
            return self.judge_handler(context);
        }
        match (context.action, context.accessor) {
            // The library's own statement on one table fires a trigger that writes to another.
            (
                AuthAction::Delete { table_name }
                | AuthAction::Insert { table_name }
                | AuthAction::Update { table_name, .. },
                Some(_),
            ) => allow_if(!self.holds_rows(table_name)),
            _ => Authorization::Allow,
        }
    }

    fn judge_handler(&self, context: &AuthContext<'_>) -> Authorization {
        match context.action {
            AuthAction::Transaction { .. } => {
                self.left.store(true, Relaxed);
                Authorization::Deny
            }
            // A savepoint that stays open would let the next handler take back this one's work.
            AuthAction::Savepoint { .. }
            | AuthAction::Attach { .. }
            | AuthAction::Detach { .. } => Authorization::Deny,
            AuthAction::Pragma { pragma_name, pragma_value } => {
                allow_if(is_harmless(pragma_name, pragma_value))
            }
            AuthAction::CreateTrigger { table_name, .. } => {
                self.changes_schema();
                allow_if(!self.is_own(table_name))
            }
            AuthAction::CreateTempTrigger { table_name, .. } => {
                self.temporary_triggers.store(true, Relaxed);
                allow_if(!self.is_own(table_name))
            }
            AuthAction::CreateTable { .. } => {
                self.changes_schema(); // it may have a foreign key
                Authorization::Allow
            }
            AuthAction::CreateIndex { index_name, .. } => {
                self.changes_schema();
                allow_if(!has_own_name(index_name))
            }
            AuthAction::DropIndex { index_name, .. } => allow_if(!has_own_name(index_name)),
            AuthAction::AlterTable { table_name, .. } => {
                self.changes_schema();
                self.may_change(table_name)
            }
            AuthAction::Delete { table_name }
            | AuthAction::DropTable { table_name }
            | AuthAction::Insert { table_name }
            | AuthAction::Update { table_name, .. } => self.may_change(table_name),
            _ => Authorization::Allow,
        }
    }

    fn may_change(&self, table: &str) -> Authorization {
        allow_if(!self.is_own(table) && !self.holds_rows(table))
    }

    /// Tells whether a table holds rows, and then notes why it may not be written.
    fn holds_rows(&self, table: &str) -> bool {
        let tables = self.tables.lock();
        let Some(projector) = tables.projectors.get(&table.to_ascii_lowercase()) else {
            return false;
        };
        *self.denied.lock() = Some(format!(
            "table `{table}` holds rows of projector `{projector}`: change it through `Rows<..>`"
        ));
        true
    }

    fn is_own(&self, table: &str) -> bool {
        has_own_name(table)
            || (table.eq_ignore_ascii_case("events") && self.holds_events.load(Relaxed))
    }
}

pub(super) fn has_own_name(name: &str) -> bool {
    let prefix = name.get(..OWN_NAMES.len());
    prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(OWN_NAMES))
}

fn is_harmless(pragma: &str, value: Option<&str>) -> bool {
    let sets = value.is_some() && pragma.eq_ignore_ascii_case("page_size");
    !sets && HARMLESS_PRAGMAS.iter().any(|harmless| pragma.eq_ignore_ascii_case(harmless))
}

fn allow_if(allowed: bool) -> Authorization {
    if allowed { Authorization::Allow } else { Authorization::Deny }
}
