//! What was stored is what comes back (R27).

use super::{
    Drive, Subject, Verdict,
    access::Row,
    ensure,
    subject::{column, decimal, integer, nullable, text},
};
use crate::rows::{Kind, OwnedValue, RowStorage, Table};

const EVERY_KIND: Table = Table {
    name: "every_kind",
    columns: &[
        column("id", Kind::Integer),
        column("a_bool", Kind::Bool),
        column("an_integer", Kind::Integer),
        column("a_real", Kind::Real),
        column("a_text", Kind::Text),
        column("some_bytes", Kind::Bytes),
        column("a_decimal", Kind::Decimal),
        column("a_timestamp", Kind::Timestamp),
        column("a_date", Kind::Date),
        column("a_time", Kind::Time),
        column("a_uuid", Kind::Uuid),
        column("a_json", Kind::Json),
    ],
    key: &[0],
    indexes: &[],
};

const NULLABLE: Table = Table {
    name: "every_kind_or_none",
    columns: &[
        column("id", Kind::Integer),
        nullable("a_bool", Kind::Bool),
        nullable("an_integer", Kind::Integer),
        nullable("a_real", Kind::Real),
        nullable("a_text", Kind::Text),
        nullable("some_bytes", Kind::Bytes),
        nullable("a_decimal", Kind::Decimal),
        nullable("a_timestamp", Kind::Timestamp),
        nullable("a_date", Kind::Date),
        nullable("a_time", Kind::Time),
        nullable("a_uuid", Kind::Uuid),
        nullable("a_json", Kind::Json),
    ],
    key: &[0],
    indexes: &[],
};

/// The first day that a column holds, and the last one.
const DAYS: (i32, i32) = (-2_440_588, 2_932_896);
const MICROSECONDS_OF_DAY: i64 = 86_400_000_000;

fn ordinary(id: i64) -> Row {
    vec![
        integer(id),
        OwnedValue::Bool(true),
        integer(42),
        OwnedValue::Real(0.1),
        text("it's «ü» 🧾\nand \"more\""),
        OwnedValue::Bytes(vec![0, 1, 255, b'\'']),
        decimal("-38633.5"),
        OwnedValue::Timestamp(1_700_000_000_123_456),
        OwnedValue::Date(20_484),
        OwnedValue::Time(50_399_000_001),
        OwnedValue::Uuid([7; 16]),
        OwnedValue::Json(r#"{"a":[1,null,"ü"]}"#.to_owned()),
    ]
}

/// The least of each kind, the greatest, and what is easily taken for something else.
fn limits() -> Vec<Row> {
    let largest = "79228162514264337593543950335";
    let least = vec![
        integer(i64::MIN),
        OwnedValue::Bool(false),
        integer(i64::MIN),
        OwnedValue::Real(f64::NEG_INFINITY),
        text(""),
        OwnedValue::Bytes(Vec::new()),
        decimal(&format!("-{largest}")),
        OwnedValue::Timestamp(i64::from(DAYS.0) * MICROSECONDS_OF_DAY),
        OwnedValue::Date(DAYS.0),
        OwnedValue::Time(0),
        OwnedValue::Uuid([0; 16]),
        OwnedValue::Json("null".to_owned()),
    ];
    let greatest = vec![
        integer(i64::MAX),
        OwnedValue::Bool(true),
        integer(i64::MAX),
        OwnedValue::Real(f64::INFINITY),
        text("\u{10ffff}\u{1}\u{fffd}"),
        OwnedValue::Bytes((0..=255).collect()),
        decimal(largest),
        OwnedValue::Timestamp(i64::from(DAYS.1) * MICROSECONDS_OF_DAY + MICROSECONDS_OF_DAY - 1),
        OwnedValue::Date(DAYS.1),
        OwnedValue::Time(MICROSECONDS_OF_DAY - 1),
        OwnedValue::Uuid([255; 16]),
        OwnedValue::Json("\"\\u0000\"".to_owned()),
    ];
    let mut rows = vec![least, greatest];
    let reals = [0.0, 5.0, -1e300, f64::MAX, f64::MIN_POSITIVE, 5e-324, 9_007_199_254_740_993.0];
    let texts = ["007", "1e5", " x ", "NULL", "x'00'", "2026-01-31", "e\u{301}"];
    let decimals = ["0", "1000", "0.0000000000000000000000000001", "-0.5", "9", "10.25", "1234"];
    for (id, ((real, own_text), number)) in (0..).zip(reals.into_iter().zip(texts).zip(decimals)) {
        let mut row = ordinary(id);
        row[3] = OwnedValue::Real(real);
        row[4] = text(own_text);
        row[6] = decimal(number);
        row[7] = OwnedValue::Timestamp(id - 3);
        row[8] = OwnedValue::Date(i32::try_from(id).unwrap_or(0) - 719_531); // around the year 0
        rows.push(row);
    }
    rows
}

async fn come_back<S: RowStorage<Execution: Drive<S>>>(
    subject: &Subject<S>,
    table: &Table,
    rows: &[Row],
) -> Verdict {
    let transaction = subject.holding(table, rows).await?;
    for row in rows {
        let found = transaction.row(table, &row[..1]).await?;
        ensure!(
            found.as_ref() == Some(row),
            "what was stored is what comes back: {row:?} was stored, and {found:?} came back"
        );
    }
    transaction.roll_back().await
}

pub(super) async fn every_kind_comes_back<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    come_back(&subject, &EVERY_KIND, &[ordinary(1)]).await
}

pub(super) async fn limits_come_back<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    come_back(&subject, &EVERY_KIND, &limits()).await
}

pub(super) async fn nulls_come_back<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let mut empty = vec![OwnedValue::Null; NULLABLE.columns.len()];
    empty[0] = integer(1);
    let mut half = ordinary(2);
    half.iter_mut().skip(1).step_by(2).for_each(|value| *value = OwnedValue::Null);
    come_back(&subject, &NULLABLE, &[empty, half, ordinary(3)]).await
}

pub(super) async fn large_values_come_back<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let mut row = ordinary(1);
    row[4] = text(&"ü".repeat(1_000_000));
    row[5] = OwnedValue::Bytes((0..2_000_000_u32).map(|n| (n % 251) as u8).collect());
    come_back(&subject, &EVERY_KIND, &[row]).await
}

macro_rules! keyed_by {
    ($($kind:ident),+) => {
        [$(Table {
            name: concat!("by_", stringify!($kind)),
            columns: &[column("id", Kind::$kind), column("place", Kind::Integer)],
            key: &[0],
            indexes: &[],
        }),+]
    };
}

/// A table for each kind that a key can have, in the order of `EVERY_KIND`.
const KEYED: [Table; 9] =
    keyed_by!(Bool, Integer, Text, Bytes, Decimal, Timestamp, Date, Time, Uuid);

pub(super) async fn every_kind_of_key_is_found<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let transaction = subject.begin().await?;
    for table in &KEYED {
        let kind = table.columns[0].kind;
        let place = EVERY_KIND.columns.iter().skip(1).position(|column| column.kind == kind);
        let mut keys: Vec<OwnedValue> = Vec::new();
        for row in limits() {
            let key = row[place.unwrap_or(0) + 1].clone(); // every kind is there
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let rows: Vec<Row> =
            keys.into_iter().zip(0..).map(|(key, place)| vec![key, integer(place)]).collect();
        transaction.prepared(table).await?;
        transaction.upsert(table, &rows).await?;
        transaction.upsert(table, &rows).await?;
        let keys: Vec<Row> = rows.iter().map(|row| row[..1].to_vec()).collect();
        let found = transaction.load(table, &keys).await?;
        ensure!(
            found == rows,
            "rows are found by keys of every kind: of {rows:?} {found:?} were found"
        );
        transaction.written(table, &keys, &[]).await?;
        let found = transaction.load(table, &keys).await?;
        ensure!(found.is_empty(), "rows are deleted by keys of every kind; {found:?} were not");
    }
    transaction.roll_back().await
}

pub(super) async fn keys_are_compared_exactly<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let table = &KEYED[2]; // by text
    let keys =
        ["ada", "Ada", "ADA", "ada ", " ada", "a\u{301}", "\u{e1}", "a", "", "1", "01", "1.0"];
    let rows: Vec<Row> =
        keys.iter().zip(0..).map(|(key, place)| vec![text(key), integer(place)]).collect();
    let transaction = subject.holding(table, &rows).await?;
    for row in &rows {
        let found = transaction.row(table, &row[..1]).await?;
        ensure!(
            found.as_ref() == Some(row),
            "keys are compared byte for byte: {row:?} was stored, and {found:?} was found"
        );
    }
    transaction.roll_back().await
}

pub(super) async fn keys_of_several_columns_are_compared_in_each<
    S: RowStorage<Execution: Drive<S>>,
>(
    subject: Subject<S>,
) -> Verdict {
    // The columns of the key are not the first ones, and not in their order.
    const TABLE: Table = Table {
        name: "composite",
        columns: &[
            column("place", Kind::Integer),
            column("day", Kind::Date),
            column("net", Kind::Decimal),
            column("player", Kind::Text),
        ],
        key: &[3, 1, 2],
        indexes: &[],
    };
    let mut rows = Vec::new();
    for (place, (player, day, net)) in (0..).zip([
        ("a", 1, "1.5"),
        ("a", 1, "15"),
        ("a", 2, "1.5"),
        ("a1", 1, "1.5"),
        ("b", 2, "-1.5"),
    ]) {
        rows.push(vec![integer(place), OwnedValue::Date(day), decimal(net), text(player)]);
    }
    let transaction = subject.holding(&TABLE, &rows).await?;
    let key = |row: &Row| vec![row[3].clone(), row[1].clone(), row[2].clone()];
    let keys: Vec<Row> = rows.iter().map(key).collect();
    let found = transaction.load(&TABLE, &keys).await?;
    ensure!(found == rows, "each column of a key counts: of {rows:?} {found:?} were found");
    transaction.written(&TABLE, &keys[1..2], &[]).await?;
    let found = transaction.load(&TABLE, &keys).await?;
    ensure!(
        found.len() == 4 && !found.contains(&rows[1]),
        "a delete takes the row with all columns of the key: {found:?} were left"
    );
    transaction.roll_back().await
}
