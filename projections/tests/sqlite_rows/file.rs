//! A file with tables of rows, what is written to it, and what another program sees.

use std::sync::Arc;

use projections::{
    BlockingStorage, Checkpoint, CheckpointKey, CheckpointWrite, GlobalPosition, ParameterMut,
    RecordedState, StoreId, Subscriptions,
    rows::{
        ColumnDef, ColumnError, IndexDef, Kind, OwnedValue, Put, RowAccess, RowStorage, RowValues,
        RowWrites, RowsError, Table, Values,
    },
    sqlite::{
        Sqlite, SqliteSession, SqliteTx,
        rusqlite::{Connection, types::Value as SqlValue},
    },
};
use tempfile::TempDir;

pub(crate) const fn column(name: &'static str, kind: Kind) -> ColumnDef {
    ColumnDef { name, kind, nullable: false, default: None }
}

pub(crate) const PLAYERS: Table = Table {
    name: "players",
    columns: &[
        column("player", Kind::Text),
        column("net", Kind::Decimal),
        ColumnDef { name: "born", kind: Kind::Date, nullable: true, default: None },
        column("seat", Kind::Integer),
        column("awake", Kind::Bool),
        column("lunch", Kind::Time),
        column("id", Kind::Uuid),
    ],
    key: &[0],
    indexes: &[
        IndexDef { columns: &[3], unique: true },
        IndexDef { columns: &[1, 2], unique: false },
    ],
};

/// A table whose key is SQLite's own row number.
pub(crate) const EVENTS_OF: Table = Table {
    name: "numbered",
    columns: &[column("number", Kind::Integer), column("amount", Kind::Real)],
    key: &[0],
    indexes: &[],
};

pub(crate) struct Row(pub(crate) Vec<OwnedValue>);

impl Values for Row {
    fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
        self.0.as_slice().put(put)
    }
}

pub(crate) fn text(text: &str) -> OwnedValue {
    OwnedValue::Text(text.to_owned())
}

pub(crate) fn player(name: &str, net: &str, seat: i64) -> Row {
    Row(vec![
        text(name),
        OwnedValue::Decimal(net.to_owned()),
        OwnedValue::Date(20_484),
        OwnedValue::Integer(seat),
        OwnedValue::Bool(true),
        OwnedValue::Time(50_399_000_001),
        OwnedValue::Uuid([1; 16]),
    ])
}

/// A file, and an open transaction on it.
pub(crate) struct Open {
    pub(crate) access: Arc<dyn RowAccess>,
    pub(crate) session: SqliteSession,
    pub(crate) file: File,
}

#[derive(Clone)]
pub(crate) struct File {
    pub(crate) folder: Arc<TempDir>,
    pub(crate) storage: Sqlite,
}

impl File {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = Sqlite::open(folder.path().join("read.db")).unwrap();
        Self { folder: Arc::new(folder), storage }
    }

    /// With the table of players, in which Ada is.
    pub(crate) fn with_players() -> Self {
        let open = Self::new().begin();
        open.prepare(&PLAYERS).unwrap();
        open.write(&PLAYERS, &[player("ada", "1.5", 1)]).unwrap();
        open.commit()
    }

    pub(crate) fn begin(&self) -> Open {
        let mut session = self.storage.begin().unwrap();
        self.storage.setup(&mut session).unwrap();
        let access = <Sqlite as RowStorage>::row_sets(&session).blocking_access().unwrap();
        Open { access, session, file: self.clone() }
    }

    /// Another program's connection.
    pub(crate) fn by_hand(&self) -> Connection {
        Connection::open(self.folder.path().join("read.db")).unwrap()
    }

    pub(crate) fn values(&self, sql: &str) -> Vec<SqlValue> {
        let connection = self.by_hand();
        let mut statement = connection.prepare(sql).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        let mut values = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            values.extend((0..columns).map(|column| row.get::<_, SqlValue>(column).unwrap()));
        }
        values
    }

    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        let shown = self.values(sql).into_iter().map(|value| match value {
            SqlValue::Text(text) => text,
            other => format!("{other:?}"),
        });
        shown.collect()
    }
}

impl Open {
    pub(crate) fn prepare(&self, table: &Table) -> Result<(), String> {
        self.prepare_for(table, "players")
    }

    pub(crate) fn prepare_for(&self, table: &Table, projector: &str) -> Result<(), String> {
        self.access.prepare(table, projector).map(drop).map_err(|error| match error {
            RowsError::Differs(what) => what,
            other => panic!("{other:?}"),
        })
    }

    pub(crate) fn write(&self, table: &Table, rows: &[Row]) -> Result<(), RowsError> {
        let upserts: Vec<&dyn Values> = rows.iter().map(|row| row as &dyn Values).collect();
        self.access.write(table, RowWrites { deletes: &[], upserts: &upserts })
    }

    /// Loads a row, or says why it cannot be read.
    pub(crate) fn load(
        &self,
        table: &Table,
        key: OwnedValue,
    ) -> Option<Result<Vec<OwnedValue>, String>> {
        let mut found = None;
        let mut take = |row: &dyn RowValues| found = Some(owned(table, row));
        self.access.load(table, &Row(vec![key]), &mut take).unwrap();
        found
    }

    pub(crate) fn tx(&mut self) -> SqliteTx<'_> {
        <SqliteTx<'_> as ParameterMut<Sqlite>>::view(&self.session)
    }

    pub(crate) fn commit(self) -> File {
        let Self { access, session, file } = self;
        drop(access);
        let checkpoint = Checkpoint {
            store: StoreId::from_u128(1),
            position: GlobalPosition::BEGINNING,
            scanned: GlobalPosition::BEGINNING,
            event_id: None,
            epoch: 1,
            lease: None,
            version: 1,
            fingerprint: None,
            superseded: Vec::new(),
            subscriptions: Subscriptions::default(),
            effects_mark: GlobalPosition::BEGINNING,
            state: RecordedState::Running,
            last_error: None,
            heartbeat_at: jiff::Timestamp::UNIX_EPOCH,
            tables: projections::rows::TableDigests::default(),
        };
        let number =
            file.values("SELECT 1 FROM sqlite_schema WHERE name = 'projections_checkpoints'");
        let taken = if number.is_empty() {
            0
        } else {
            file.values("SELECT 1 FROM projections_checkpoints").len()
        };
        let key = CheckpointKey::new("", format!("commit-{taken}"));
        file.storage.commit(session, &CheckpointWrite::new(key, None, checkpoint)).unwrap();
        file
    }
}

pub(crate) fn owned(table: &Table, row: &dyn RowValues) -> Result<Vec<OwnedValue>, String> {
    let columns = 0..table.columns.len();
    let values = columns.map(|column| row.value(column).map(OwnedValue::from));
    values.collect::<Result<_, _>>().map_err(|error| error.to_string())
}

pub(crate) fn told(refused: Result<(), RowsError>) -> String {
    match refused {
        Err(RowsError::Refused(error)) => {
            format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default())
        }
        other => panic!("{other:?}"),
    }
}

pub(crate) fn number(number: i64, amount: f64) -> Row {
    Row(vec![OwnedValue::Integer(number), OwnedValue::Real(amount)])
}

impl File {
    /// With two numbers, in a table that nothing depends on.
    pub(crate) fn with_numbers() -> Self {
        let open = Self::new().begin();
        open.prepare(&EVENTS_OF).unwrap();
        open.write(&EVENTS_OF, &[number(1, 1.0), number(2, 2.0)]).unwrap();
        open.commit()
    }
}

/// Writes a number anew; a unique index may refuse it.
pub(crate) fn write_anew(open: Open) -> File {
    let file = open.file.clone();
    match open.write(&EVENTS_OF, &[number(1, 2.0)]) {
        Ok(()) => open.commit(),
        Err(RowsError::Refused(_)) => file,
        Err(other) => panic!("{other:?}"),
    }
}
