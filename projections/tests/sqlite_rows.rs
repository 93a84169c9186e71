//! Tables of rows in SQLite: what they are made of, and what happens to those that are not as
//! declared.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;

use projections::{
    BlockingStorage, Checkpoint, CheckpointKey, CheckpointWrite, GlobalPosition, ParameterMut,
    RecordedState, StoreErrorKind, StoreId, Subscriptions,
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

const fn column(name: &'static str, kind: Kind) -> ColumnDef {
    ColumnDef { name, kind, nullable: false, default: None }
}

const PLAYERS: Table = Table {
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
const EVENTS_OF: Table = Table {
    name: "numbered",
    columns: &[column("number", Kind::Integer), column("amount", Kind::Real)],
    key: &[0],
    indexes: &[],
};

struct Row(Vec<OwnedValue>);

impl Values for Row {
    fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
        self.0.as_slice().put(put)
    }
}

fn text(text: &str) -> OwnedValue {
    OwnedValue::Text(text.to_owned())
}

fn player(name: &str, net: &str, seat: i64) -> Row {
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
struct Open {
    access: Arc<dyn RowAccess>,
    session: SqliteSession,
    file: File,
}

#[derive(Clone)]
struct File {
    folder: Arc<TempDir>,
    storage: Sqlite,
}

impl File {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = Sqlite::open(folder.path().join("read.db")).unwrap();
        Self { folder: Arc::new(folder), storage }
    }

    /// With the table of players, in which Ada is.
    fn with_players() -> Self {
        let open = Self::new().begin();
        open.prepare(&PLAYERS).unwrap();
        open.write(&PLAYERS, &[player("ada", "1.5", 1)]).unwrap();
        open.commit()
    }

    fn begin(&self) -> Open {
        let mut session = self.storage.begin().unwrap();
        self.storage.setup(&mut session).unwrap();
        let access = <Sqlite as RowStorage>::row_sets(&session).blocking_access().unwrap();
        Open { access, session, file: self.clone() }
    }

    /// Another program's connection.
    fn by_hand(&self) -> Connection {
        Connection::open(self.folder.path().join("read.db")).unwrap()
    }

    fn values(&self, sql: &str) -> Vec<SqlValue> {
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

    fn texts(&self, sql: &str) -> Vec<String> {
        let shown = self.values(sql).into_iter().map(|value| match value {
            SqlValue::Text(text) => text,
            other => format!("{other:?}"),
        });
        shown.collect()
    }
}

impl Open {
    fn prepare(&self, table: &Table) -> Result<(), String> {
        self.prepare_for(table, "players")
    }

    fn prepare_for(&self, table: &Table, projector: &str) -> Result<(), String> {
        self.access.prepare(table, projector).map(drop).map_err(|error| match error {
            RowsError::Differs(what) => what,
            other => panic!("{other:?}"),
        })
    }

    fn write(&self, table: &Table, rows: &[Row]) -> Result<(), RowsError> {
        let upserts: Vec<&dyn Values> = rows.iter().map(|row| row as &dyn Values).collect();
        self.access.write(table, RowWrites { deletes: &[], upserts: &upserts })
    }

    /// Loads a row, or says why it cannot be read.
    fn load(&self, table: &Table, key: OwnedValue) -> Option<Result<Vec<OwnedValue>, String>> {
        let mut found = None;
        let mut take = |row: &dyn RowValues| found = Some(owned(table, row));
        self.access.load(table, &Row(vec![key]), &mut take).unwrap();
        found
    }

    fn tx(&mut self) -> SqliteTx<'_> {
        <SqliteTx<'_> as ParameterMut<Sqlite>>::view(&self.session)
    }

    fn commit(self) -> File {
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

fn owned(table: &Table, row: &dyn RowValues) -> Result<Vec<OwnedValue>, String> {
    let columns = 0..table.columns.len();
    let values = columns.map(|column| row.value(column).map(OwnedValue::from));
    values.collect::<Result<_, _>>().map_err(|error| error.to_string())
}

#[test]
fn a_table_is_what_a_person_would_make() {
    let open = File::with_players().begin();
    open.prepare(&EVENTS_OF).unwrap();
    let file = open.commit();
    let made = file.texts(
        "SELECT sql FROM sqlite_schema WHERE tbl_name IN ('players', 'numbered') AND sql NOT NULL",
    );
    let players = "CREATE TABLE \"players\" (\"player\" TEXT NOT NULL, \"net\" TEXT NOT NULL, \
                   \"net__order\" BLOB NOT NULL, \"born\" TEXT, \"seat\" INTEGER NOT NULL, \
                   \"awake\" INTEGER NOT NULL, \"lunch\" TEXT NOT NULL, \"id\" BLOB NOT NULL, \
                   PRIMARY KEY (\"player\")) STRICT, WITHOUT ROWID";
    assert_eq!(
        made,
        [
            players,
            "CREATE UNIQUE INDEX \"projections_players(seat)\" ON \"players\" (\"seat\")",
            "CREATE INDEX \"projections_players(net,born)\" ON \"players\" (\"net__order\", \"born\")",
            "CREATE TABLE \"numbered\" (\"number\" INTEGER NOT NULL, \"amount\" REAL NOT NULL, \
             PRIMARY KEY (\"number\")) STRICT",
        ]
    );
    assert_eq!(
        file.texts("SELECT name, projector, kinds FROM projections_tables WHERE name = 'numbered'"),
        ["numbered", "players", r#"{"amount":"Real","number":"Integer"}"#]
    );
    assert_eq!(
        file.texts(
            "SELECT player, net, hex(net__order), born, seat, awake, lunch, hex(id) FROM players"
        ),
        [
            "ada",
            "1.5",
            "C11034",
            "2026-01-31",
            "Integer(1)",
            "Integer(1)",
            "13:59:59.000001",
            "01010101010101010101010101010101"
        ]
        .map(str::to_owned)
        .map(|expected| match &*expected {
            // As the sort key of this number is.
            "C11034" => file.texts("SELECT hex(net__order) FROM players")[0].clone(),
            _ => expected,
        })
    );
}

#[test]
fn decimals_sort_and_are_found_by_value() {
    const BY_NET: Table = Table {
        name: "by_net",
        columns: &[column("net", Kind::Decimal), column("group", Kind::Decimal)],
        key: &[0],
        indexes: &[IndexDef { columns: &[1], unique: false }],
    };
    let decimal = |text: &str| OwnedValue::Decimal(text.to_owned());
    let open = File::new().begin();
    open.prepare(&BY_NET).unwrap();
    let rows: Vec<Row> = ["9", "10.25", "1234", "-38633.5"]
        .map(|net| Row(vec![decimal(net), decimal("1.5")]))
        .into();
    open.write(&BY_NET, &rows).unwrap();
    let mut found = Vec::new();
    let mut take = |row: &dyn RowValues| found.push(owned(&BY_NET, row).unwrap()[0].clone());
    open.access.find(&BY_NET, &[1], &[decimal("1.50")], &mut take).unwrap();
    assert_eq!(found, ["-38633.5", "9", "10.25", "1234"].map(decimal));
    assert!(open.load(&BY_NET, decimal("9.00")).is_some());
    let file = open.commit();
    assert_eq!(
        file.texts("SELECT net FROM by_net ORDER BY net__order DESC"),
        ["1234", "10.25", "9", "-38633.5"]
    );
}

#[test]
fn rows_are_found_through_their_index() {
    let file = File::with_players();
    for (sql, index) in [
        ("SELECT * FROM players WHERE seat IS ? ORDER BY player", "projections_players(seat)"),
        (
            "SELECT * FROM players WHERE net__order IS ? AND born IS ? ORDER BY player",
            "projections_players(net,born)",
        ),
    ] {
        let connection = file.by_hand();
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut rows = statement.raw_query();
        let mut plan = String::new();
        while let Some(row) = rows.next().unwrap() {
            plan += &row.get::<_, String>(3).unwrap();
        }
        assert!(plan.contains(index) && plan.contains("SEARCH"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}

#[test]
fn a_table_that_was_altered_by_hand_is_told() {
    for (by_hand, told) in [
        ("ALTER TABLE players ADD COLUMN x ANY", "a column `x` that the program does not declare"),
        ("ALTER TABLE players ADD COLUMN x TEXT", "a column `x` that the program does not declare"),
        ("ALTER TABLE players DROP COLUMN awake", "a column `awake` that the table does not have"),
        (
            "ALTER TABLE players RENAME COLUMN awake TO asleep",
            "a column `awake` that the table does not have, without a default for the rows that \
             are there; the table has a column `asleep`",
        ),
        ("DROP INDEX \"projections_players(seat)\"", "the unique index on (`seat`) is missing"),
        (
            "DROP INDEX \"projections_players(seat)\";
             CREATE INDEX \"projections_players(seat)\" ON players (seat)",
            "the index on (`seat`) is not unique there, and is in the program",
        ),
        (
            "DROP INDEX \"projections_players(net,born)\";
             CREATE INDEX \"projections_players(net,born)\" ON players (net__order, born DESC)",
            "the index `projections_players(net,born)` is not the plain one on (`net__order`, `born`)",
        ),
        (
            "CREATE INDEX \"projections_players(id)\" ON players (id)",
            "the table has an index on (`id`) that the program does not declare",
        ),
        ("DROP TABLE players", "is missing: something else has dropped it"),
        (
            "DROP TABLE players; CREATE VIEW players AS SELECT 1",
            "there is a view of that name that this library did not make",
        ),
        (
            "DROP TABLE players; CREATE TABLE players (player PRIMARY KEY, net BLOB)",
            "column `player` is of any type there, and TEXT in the program; column `player` may be \
             NULL there, and not in the program; column `net` is BLOB there, and TEXT in the program",
        ),
        (
            "DROP TABLE players; CREATE TABLE players (player TEXT NOT NULL PRIMARY KEY)",
            "the table is not STRICT; the table is not WITHOUT ROWID",
        ),
        (
            "DROP TABLE players; CREATE TABLE players
             (player TEXT NOT NULL COLLATE NOCASE PRIMARY KEY) STRICT, WITHOUT ROWID",
            "the primary key is not in the order of bytes",
        ),
        (
            "DROP TABLE players; CREATE TABLE players (player TEXT NOT NULL PRIMARY KEY,
             seat INTEGER NOT NULL GENERATED ALWAYS AS (7)) STRICT, WITHOUT ROWID",
            "column `seat` is computed there",
        ),
        (
            "UPDATE projections_tables SET kinds = json_set(kinds, '$.born', 'Json')",
            "column `born` holds Json there, and Date in the program",
        ),
        (
            "UPDATE projections_tables SET kinds = '{'",
            "its entry in `projections_tables` is damaged",
        ),
    ] {
        let file = File::with_players();
        file.by_hand().execute_batch(by_hand).unwrap();
        let dump = "SELECT sql FROM sqlite_schema ORDER BY name";
        let before = file.texts(dump);
        let what = file.begin().prepare(&PLAYERS).unwrap_err();
        assert!(what.contains(told), "after {by_hand}: {what}");
        assert!(
            what.starts_with("table `players` of SQLite ") && what.contains("read.db"),
            "{what}"
        );
        assert_eq!(file.texts(dump), before, "{by_hand}");
        if by_hand.contains("VIEW") {
            continue; // nobody takes that away
        }
        // The way out.
        assert!(
            what.ends_with("; rebuild projector `players`, which makes the table anew"),
            "{what}"
        );
        let open = file.begin();
        open.access.drop_table(&PLAYERS).unwrap();
        open.prepare(&PLAYERS).unwrap();
        open.write(&PLAYERS, &[player("bob", "0", 2)]).unwrap();
        open.commit().begin().prepare(&PLAYERS).unwrap();
    }
}

#[test]
fn what_is_added_by_hand_beside_a_table_is_nobodys_business() {
    let file = File::with_players();
    file.by_hand()
        .execute_batch(
            "CREATE INDEX mine ON players (id);
             CREATE TABLE log (player);
             CREATE TRIGGER tell AFTER INSERT ON players BEGIN INSERT INTO log VALUES (new.player); END;
             ALTER TABLE players RENAME COLUMN born TO Born;
             DROP INDEX \"projections_players(net,born)\"",
        )
        .unwrap();
    let open = file.begin();
    open.prepare(&PLAYERS).unwrap();
    open.write(&PLAYERS, &[player("bob", "0", 2)]).unwrap();
    let file = open.commit();
    assert_eq!(file.texts("SELECT player FROM log"), ["bob"]);
    let indexes = "SELECT name FROM pragma_index_list('players') WHERE origin = 'c' ORDER BY 1";
    assert_eq!(
        file.texts(indexes),
        ["mine", "projections_players(net,born)", "projections_players(seat)"]
    );
}

#[test]
fn a_table_of_another_program_is_left_alone() {
    for (by_hand, kind) in [
        ("CREATE TABLE players (x); INSERT INTO players VALUES (7)", "table"),
        ("CREATE TABLE Players (player TEXT PRIMARY KEY); INSERT INTO players VALUES (7)", "table"),
        ("CREATE VIEW players AS SELECT 7", "view"),
    ] {
        let file = File::new();
        file.by_hand().execute_batch(by_hand).unwrap();
        let open = file.begin();
        for _ in 0..2 {
            let what = open.prepare(&PLAYERS).unwrap_err();
            let told = format!("cannot be made: there is a {kind} of that name that this library");
            assert!(what.contains(&told), "{what}");
            assert!(
                what.contains("read.db") && what.contains("#[read_model(table = ..)]"),
                "{what}"
            );
            // Not even a rebuild takes it away.
            open.access.drop_table(&PLAYERS).unwrap();
        }
        let file = open.commit();
        assert_eq!(file.values("SELECT * FROM players").len(), 1);
    }
}

#[test]
fn names_that_sqlite_cannot_have_are_told() {
    const TWICE: Table = Table {
        name: "twice",
        columns: &[column("net", Kind::Decimal), column("Net__Order", Kind::Bytes)],
        key: &[0],
        indexes: &[],
    };
    let own = Table { name: "Projections_mine", ..PLAYERS };
    let open = File::new().begin();
    let what = open.prepare(&TWICE).unwrap_err();
    assert!(what.contains("it has two columns `Net__Order`"), "{what}");
    let what = open.prepare(&own).unwrap_err();
    assert!(what.contains("names that begin with `projections_` are the library's"), "{what}");
    let quoted = Table { name: "it's \"quoted\"", ..PLAYERS };
    open.prepare(&quoted).unwrap();
    open.write(&quoted, &[player("ada", "1", 1)]).unwrap();
    assert!(open.load(&quoted, text("ada")).is_some());
    open.access.drop_table(&quoted).unwrap();
}

#[test]
fn cells_that_hold_something_else_are_told() {
    for (by_hand, told) in [
        (
            "born = '31.1.2026'",
            "column `born`: a day such as `2026-01-31` was expected, and the text \"31.1.2026\" is there",
        ),
        ("born = '2026-02-30'", "and the text \"2026-02-30\" is there"),
        ("lunch = '24:00:00.000000'", "column `lunch`: a time such as"),
        ("awake = 7", "column `awake`: 0 or 1 was expected, and the integer 7 is there"),
        (
            "id = x'0102'",
            "column `id`: a blob of 16 bytes was expected, and a blob of 2 bytes is there",
        ),
        ("net = cast(x'ff' AS TEXT)", "column `net`: the text there is not UTF-8"),
        ("born = printf('%.1000c', 'x')", "x\" and so on is there"),
    ] {
        let file = File::with_players();
        file.by_hand().execute_batch(&format!("UPDATE players SET {by_hand}")).unwrap();
        let why = file.begin().load(&PLAYERS, text("ada")).unwrap().unwrap_err();
        assert!(why.contains(told) && why.len() < 200, "{by_hand}: {why}");
    }
}

#[test]
fn a_real_that_is_an_integer_is_read_as_a_real() {
    let open = File::new().begin();
    open.prepare(&EVENTS_OF).unwrap();
    let file = open.commit();
    file.by_hand().execute_batch("INSERT INTO numbered VALUES (1, 5)").unwrap();
    let found = file.begin().load(&EVENTS_OF, OwnedValue::Integer(1)).unwrap().unwrap();
    assert_eq!(found[1], OwnedValue::Real(5.0));
}

#[test]
fn a_handler_may_read_rows_and_not_write_them() {
    let file = File::with_players();
    let mut open = file.begin();
    let mut db = open.tx();
    for sql in [
        "INSERT INTO players (player) VALUES ('bob')",
        "INSERT OR REPLACE INTO main.PLAYERS (player) VALUES ('bob')",
        "UPDATE \"Players\" SET net = '7'",
        "DELETE FROM players",
        "DROP TABLE players",
        "ALTER TABLE players ADD COLUMN x TEXT",
        "ALTER TABLE players RENAME TO others",
    ] {
        for _ in 0..2 {
            let error = db.execute(sql, []).unwrap_err().to_string();
            let why = "holds rows of projector `players`: change it through `Rows<..>`";
            assert!(error.contains(why) && error.starts_with("not authorized: table `"), "{error}");
        }
        let error = db.execute("PRAGMA synchronous = OFF", []).unwrap_err().to_string();
        assert!(error.contains("a handler may not begin"), "{error}");
    }
    for sql in [
        "UPDATE projections_tables SET projector = 'me'",
        "CREATE INDEX \"projections_players(id)\" ON players (id)",
        "DROP INDEX \"projections_players(seat)\"",
    ] {
        let error = db.execute(sql, []).unwrap_err().to_string();
        assert!(error.starts_with("not authorized: a handler may not"), "{error}");
    }
    let seats = db.query_row("SELECT seat FROM players", [], |row| row.get(0));
    assert_eq!(seats, Ok(1));
    db.execute_batch(
        "CREATE INDEX mine ON players (id);
         CREATE TABLE log (player TEXT);
         CREATE TRIGGER tell AFTER INSERT ON players BEGIN INSERT INTO log VALUES (new.player); END;
         CREATE TRIGGER meddle AFTER INSERT ON log BEGIN UPDATE players SET net = '0'; END",
    )
    .unwrap();
    let error = db.execute("INSERT INTO log VALUES ('eve')", []).unwrap_err().to_string();
    assert!(error.contains("table `players` holds rows"), "{error}");
    db.execute_batch("DROP TRIGGER meddle").unwrap();
    open.write(&PLAYERS, &[player("bob", "0", 2)]).unwrap();
    open.access.drop_table(&PLAYERS).unwrap();
    // What is dropped is nobody's any more.
    open.tx().execute_batch("CREATE TABLE players (x); INSERT INTO players VALUES (1)").unwrap();
}

#[test]
fn a_trigger_may_not_change_rows_behind_the_library() {
    let mut open = File::with_players().begin();
    let meddle =
        "CREATE TRIGGER meddle AFTER INSERT ON players BEGIN UPDATE players SET net = '0'; END";
    open.tx().execute_batch(meddle).unwrap();
    let refused = open.write(&PLAYERS, &[player("bob", "0", 2)]);
    assert!(told(refused).contains("table `players` holds rows of projector `players`"));
}

#[test]
fn the_guard_follows_what_is_rolled_back_and_what_others_make() {
    let file = File::new();
    let open = file.begin();
    open.prepare(&PLAYERS).unwrap();
    drop(open);
    let mut open = file.begin();
    open.tx().execute_batch("CREATE TABLE players (x); INSERT INTO players VALUES (1)").unwrap();
    drop(open);
    // Another process makes it.
    let other = File::with_players();
    let schema = other.texts("SELECT sql FROM sqlite_schema WHERE name LIKE 'p%' AND sql NOT NULL");
    let by_hand = file.by_hand();
    for sql in schema {
        by_hand.execute_batch(&sql).unwrap();
    }
    by_hand
        .execute_batch(
            "INSERT INTO projections_tables VALUES ('Players', 'theirs', '{}');
             INSERT INTO projections_meta VALUES ('tables_schema', '1'), ('checkpoints_schema', '3')",
        )
        .unwrap();
    let mut open = file.begin();
    let error = open.tx().execute("DELETE FROM players", []).unwrap_err().to_string();
    assert!(error.contains("table `players` holds rows of projector `theirs`"), "{error}");
}

fn told(refused: Result<(), RowsError>) -> String {
    match refused {
        Err(RowsError::Refused(error)) => {
            format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn rules_that_an_application_adds_refuse_rows_and_name_the_table() {
    for (by_hand, why) in [
        ("CREATE UNIQUE INDEX mine ON players (net)", "UNIQUE constraint failed: players.net"),
        (
            "CREATE TRIGGER no_bobs BEFORE INSERT ON players WHEN new.player = 'bob'
             BEGIN SELECT raise(ABORT, 'no bobs here'); END",
            "no bobs here",
        ),
        (
            "CREATE TABLE bans (player PRIMARY KEY REFERENCES players (player) ON DELETE RESTRICT);
             CREATE TRIGGER broken AFTER INSERT ON players BEGIN INSERT INTO nowhere VALUES (1); END",
            "no such table: main.nowhere",
        ),
    ] {
        let file = File::with_players();
        file.by_hand().execute_batch(by_hand).unwrap();
        let why_not = told(file.begin().write(&PLAYERS, &[player("bob", "1.5", 2)]));
        assert!(why_not.starts_with("table `players` of SQLite ") && why_not.contains(why), "{why_not}");
    }
    let file = File::with_players();
    file.by_hand()
        .execute_batch(
            "CREATE TABLE bans (player REFERENCES players (player)); INSERT INTO bans VALUES ('ada')",
        )
        .unwrap();
    let open = file.begin();
    let ada = Row(vec![text("ada")]);
    let refused = open.access.write(&PLAYERS, RowWrites { deletes: &[&ada], upserts: &[] });
    assert!(told(refused).contains("FOREIGN KEY constraint failed"));
}

/// What is beside a table whose rows are written anew, and how that shows afterwards.
const DEPENDENTS: &[(&str, &str)] = &[
    (
        "CREATE TABLE bets (number REFERENCES numbered (number) ON DELETE CASCADE);
         INSERT INTO bets VALUES (1)",
        "SELECT count(*) FROM bets",
    ),
    (
        "CREATE TABLE log (x);
         CREATE TRIGGER tell AFTER UPDATE ON numbered BEGIN INSERT INTO log VALUES (1); END",
        "SELECT count(*) FROM log",
    ),
    (
        "CREATE UNIQUE INDEX mine ON numbered (amount)",
        "SELECT count(*) FROM numbered WHERE number = 2",
    ),
];

fn number(number: i64, amount: f64) -> Row {
    Row(vec![OwnedValue::Integer(number), OwnedValue::Real(amount)])
}

impl File {
    /// With two numbers, in a table that nothing depends on.
    fn with_numbers() -> Self {
        let open = Self::new().begin();
        open.prepare(&EVENTS_OF).unwrap();
        open.write(&EVENTS_OF, &[number(1, 1.0), number(2, 2.0)]).unwrap();
        open.commit()
    }
}

/// Writes a number anew; a unique index may refuse it.
fn write_anew(open: Open) -> File {
    let file = open.file.clone();
    match open.write(&EVENTS_OF, &[number(1, 2.0)]) {
        Ok(()) => open.commit(),
        Err(RowsError::Refused(_)) => file,
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn what_depends_on_a_row_outlives_that_it_is_written_anew() {
    for (make, count) in DEPENDENTS {
        let by_another_program = File::with_numbers();
        by_another_program.by_hand().execute_batch(make).unwrap();
        let file = write_anew(by_another_program.begin());
        assert_eq!(file.values(count), [SqlValue::Integer(1)], "{make}");

        let mut open = File::with_numbers().begin();
        open.tx().execute_batch(make).unwrap();
        let file = open.commit();
        let file = write_anew(file.begin());
        assert_eq!(file.values(count), [SqlValue::Integer(1)], "{make}, by a handler before");
    }
}

#[test]
fn what_a_handler_makes_outlives_that_rows_are_written_in_its_transaction() {
    for (make, count) in DEPENDENTS {
        let mut open = File::with_numbers().begin();
        open.tx().execute_batch(make).unwrap();
        let is_refused = open.write(&EVENTS_OF, &[number(1, 2.0)]).is_err();
        assert_eq!(is_refused, make.contains("UNIQUE"), "{make}");
        if !is_refused {
            assert_eq!(open.commit().values(count), [SqlValue::Integer(1)], "{make}");
        }
    }
    let mut open = File::with_numbers().begin();
    let temporary = "CREATE TEMP TRIGGER tell AFTER UPDATE ON main.numbered
                     BEGIN SELECT raise(ABORT, 'updated'); END";
    open.tx().execute_batch(temporary).unwrap();
    let file = open.commit();
    let refused = file.begin().write(&EVENTS_OF, &[number(1, 2.0)]);
    assert!(told(refused).contains("updated"), "temporary triggers are in no schema");
}

#[test]
fn a_column_that_another_program_adds_is_kept() {
    let file = File::with_numbers();
    file.by_hand()
        .execute_batch(
            "ALTER TABLE numbered ADD COLUMN note TEXT; UPDATE numbered SET note = 'mine'",
        )
        .unwrap();
    let file = write_anew(file.begin());
    assert_eq!(file.texts("SELECT note FROM numbered WHERE amount = 2.0"), ["mine", "mine"]);
}

#[test]
fn a_table_that_is_changed_under_a_running_projector_is_no_fault_of_an_event() {
    for (by_hand, told) in [
        ("DROP TABLE players", "something else has changed it: the table is missing; rebuild"),
        ("ALTER TABLE players DROP COLUMN awake", "a column `awake` that the table does not have"),
    ] {
        let file = File::with_players();
        let open = file.begin();
        open.write(&PLAYERS, &[player("bob", "1.5", 2)]).unwrap();
        let file = open.commit();
        file.by_hand().execute_batch(by_hand).unwrap();
        let open = file.begin();
        let error = match open.write(&PLAYERS, &[player("eve", "1.5", 3)]) {
            Err(RowsError::Store(error)) => error,
            other => panic!("{other:?}"),
        };
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error:?}");
        assert!(error.to_string().contains(told), "{error}");
        let missing = Row(vec![text("ada")]);
        let error = open.access.load(&PLAYERS, &missing, &mut |_| {}).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error:?}");
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[test]
fn the_record_of_a_newer_version_is_refused_and_one_that_is_gone_is_told() {
    let file = File::with_players();
    file.by_hand().execute_batch("DROP TABLE projections_tables").unwrap();
    let error = file.storage.begin().unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    assert!(error.to_string().contains("its table `projections_tables` is missing"), "{error}");
    let newer = "UPDATE projections_meta SET value = '2' WHERE key = 'tables_schema'";
    file.by_hand().execute_batch(newer).unwrap();
    let path = file.folder.path().join("read.db");
    let error = Sqlite::open(path).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Newer);
    assert!(error.to_string().contains("tables_schema is 2"), "{error}");
}
