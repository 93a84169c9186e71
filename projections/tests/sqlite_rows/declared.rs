//! What tables and cells are made of.

use projections::rows::{IndexDef, Kind, OwnedValue, RowValues, Table};

use crate::file::*;

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
