//! Rows are found by values, in the order of their keys (R27).

use super::{
    Drive, Subject, Verdict,
    access::Row,
    ensure,
    subject::{column, decimal, integer, nullable, text},
};
use crate::rows::{IndexDef, Kind, OwnedValue, RowStorage, Table};

const SEATS: Table = Table {
    name: "seats",
    columns: &[
        column("seat", Kind::Integer),
        nullable("player", Kind::Text),
        nullable("net", Kind::Decimal),
    ],
    key: &[0],
    indexes: &[
        IndexDef { columns: &[1], unique: false },
        IndexDef { columns: &[2], unique: false },
    ],
};

fn seat(number: i64, player: Option<&str>, net: Option<&str>) -> Row {
    let or_null = |value: Option<OwnedValue>| value.unwrap_or(OwnedValue::Null);
    vec![integer(number), or_null(player.map(text)), or_null(net.map(decimal))]
}

fn seats() -> Vec<Row> {
    vec![
        seat(10, Some("ada"), Some("1.5")),
        seat(9, Some("ada"), Some("15")),
        seat(-1, Some("ada"), None),
        seat(2, Some("Ada"), Some("1.5")),
        seat(100, None, Some("1.5")),
        seat(-20, None, None),
        seat(3, Some(""), Some("-1.5")),
    ]
}

fn numbers(rows: &[Row]) -> Vec<i64> {
    let number = |row: &Row| match row[0] {
        OwnedValue::Integer(number) => Some(number),
        _ => None,
    };
    rows.iter().filter_map(number).collect()
}

pub(super) async fn rows_are_found_by_a_column<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let transaction = subject.holding(&SEATS, &seats()).await?;
    for (column, value, expected) in [
        (1, text("ada"), &[-1, 9, 10][..]),
        (1, text("Ada"), &[2]),
        (1, text(""), &[3]),
        (1, text("bob"), &[]),
        (2, decimal("1.5"), &[2, 10, 100]),
        (2, decimal("-1.5"), &[3]),
        (2, decimal("1"), &[]),
        (0, integer(9), &[9]),
    ] {
        let found = transaction.find(&SEATS, &[column], std::slice::from_ref(&value)).await?;
        ensure!(
            numbers(&found) == expected && found.iter().all(|row| seats().contains(row)),
            "the rows with a value in a column are found: of {value:?} {found:?}"
        );
    }
    transaction.roll_back().await
}

pub(super) async fn rows_are_found_by_null<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let transaction = subject.holding(&SEATS, &seats()).await?;
    for (column, expected) in [(1, [-20, 100]), (2, [-20, -1])] {
        let found = transaction.find(&SEATS, &[column], &[OwnedValue::Null]).await?;
        ensure!(
            numbers(&found) == expected,
            "the rows without a value in a column are found, too: {found:?}"
        );
    }
    transaction.roll_back().await
}

pub(super) async fn rows_are_found_by_several_columns<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let transaction = subject.holding(&SEATS, &seats()).await?;
    for (values, expected) in [
        ([decimal("1.5"), text("ada")], &[10][..]),
        ([OwnedValue::Null, text("ada")], &[-1]),
        ([OwnedValue::Null, OwnedValue::Null], &[-20]),
        ([decimal("15"), text("Ada")], &[]),
    ] {
        let found = transaction.find(&SEATS, &[2, 1], &values).await?;
        ensure!(
            numbers(&found) == expected,
            "rows are found that have all of the values, in the order of the columns asked for: of {values:?} {found:?}"
        );
    }
    transaction.roll_back().await
}

macro_rules! grouped_by {
    ($($kind:ident),+) => {
        [$(Table {
            name: concat!("grouped_by_", stringify!($kind)),
            columns: &[column("id", Kind::$kind), column("group", Kind::Integer)],
            key: &[0],
            indexes: &[IndexDef { columns: &[1], unique: false }],
        }),+]
    };
}

pub(super) async fn found_rows_are_in_the_order_of_their_keys<
    S: RowStorage<Execution: Drive<S>>,
>(
    subject: Subject<S>,
) -> Verdict {
    const TABLES: [Table; 9] =
        grouped_by!(Bool, Integer, Text, Bytes, Decimal, Timestamp, Date, Time, Uuid);
    let uuid = |first| OwnedValue::Uuid([first; 16]);
    let in_order: [Vec<OwnedValue>; 9] = [
        vec![OwnedValue::Bool(false), OwnedValue::Bool(true)],
        [i64::MIN, -10, -9, 0, 9, 10, i64::MAX].map(integer).into(),
        ["", "A", "B", "a", "aa", "b", "é", "\u{fffd}", "🧾"].map(text).into(),
        [&[][..], &[0], &[0, 0], &[1], &[255]].map(|bytes| OwnedValue::Bytes(bytes.into())).into(),
        ["-38633.5", "-9", "-0.5", "0", "0.05", "9", "10.25", "1234"].map(decimal).into(),
        [i64::MIN / 100, -1, 0, 1].map(OwnedValue::Timestamp).into(),
        [-2_440_588, -719_900, -719_529, -719_528, -1, 0, 2_932_896].map(OwnedValue::Date).into(),
        [0, 1, 59_999_999, 60_000_000, 86_399_999_999].map(OwnedValue::Time).into(),
        vec![uuid(0), uuid(1), uuid(127), uuid(128), uuid(255)],
    ];
    let transaction = subject.begin().await?;
    for (table, keys) in TABLES.iter().zip(in_order) {
        let rows: Vec<Row> = keys.iter().map(|key| vec![key.clone(), integer(7)]).collect();
        transaction.prepared(table).await?;
        let backwards: Vec<Row> = rows.iter().rev().cloned().collect();
        transaction.upsert(table, &backwards).await?;
        let found = transaction.find(table, &[1], &[integer(7)]).await?;
        ensure!(
            found == rows,
            "rows are found in the order of their keys: {:?} came as {found:?}",
            table.columns[0].kind
        );
    }
    transaction.roll_back().await
}
