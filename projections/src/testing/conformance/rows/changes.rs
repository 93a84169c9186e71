//! What a table is brought up to date with, without a rebuild.

use super::{
    Drive, Subject, Verdict,
    access::Row,
    ensure,
    subject::{column, decimal, defaulting, integer, nullable, text},
};
use crate::rows::{IndexDef, Kind, OwnedValue, RowStorage, Table};

const BEFORE: Table = Table {
    name: "growing",
    columns: &[column("id", Kind::Integer), column("player", Kind::Text)],
    key: &[0],
    indexes: &[],
};

fn older() -> Vec<Row> {
    vec![vec![integer(1), text("ada")], vec![integer(2), text("bob")]]
}

/// Looks at the rows that are older than the new columns.
async fn grown<S: RowStorage<Execution: Drive<S>>>(
    subject: &Subject<S>,
    table: &Table,
    expected: &[OwnedValue],
) -> Verdict {
    subject.holding(&BEFORE, &older()).await?.commit().await?;
    subject.with(table).await?.commit().await?;
    let transaction = subject.with(table).await?;
    for row in older() {
        let grown: Row = row.iter().chain(expected).cloned().collect();
        let found = transaction.row(table, &row[..1]).await?;
        ensure!(
            found.as_ref() == Some(&grown),
            "rows that are older than a column have its default: {grown:?}, not {found:?}"
        );
        let mut changed = grown;
        changed[1] = text("eve");
        transaction.upsert(table, std::slice::from_ref(&changed)).await?;
        let found = transaction.row(table, &row[..1]).await?;
        ensure!(found.as_ref() == Some(&changed), "rows with a new column are written: {found:?}");
    }
    transaction.commit().await
}

pub(super) async fn a_column_with_a_default_is_added<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    const AFTER: Table = Table {
        name: BEFORE.name,
        columns: &[
            column("id", Kind::Integer),
            column("player", Kind::Text),
            defaulting("a_bool", Kind::Bool, || OwnedValue::Bool(true)),
            defaulting("an_integer", Kind::Integer, || integer(i64::MIN)),
            defaulting("a_real", Kind::Real, || OwnedValue::Real(-0.1)),
            defaulting("a_whole_real", Kind::Real, || OwnedValue::Real(1e15)),
            defaulting("no_end", Kind::Real, || OwnedValue::Real(f64::NEG_INFINITY)),
            defaulting("a_text", Kind::Text, || text("it's «ü» \"x\"\n")),
            defaulting("some_bytes", Kind::Bytes, || OwnedValue::Bytes(vec![0, 255])),
            defaulting("a_decimal", Kind::Decimal, || decimal("-12.5")),
            defaulting("a_timestamp", Kind::Timestamp, || OwnedValue::Timestamp(-1)),
            defaulting("a_date", Kind::Date, || OwnedValue::Date(20_484)),
            defaulting("a_time", Kind::Time, || OwnedValue::Time(1)),
            defaulting("a_uuid", Kind::Uuid, || OwnedValue::Uuid([9; 16])),
            defaulting("a_json", Kind::Json, || OwnedValue::Json("{\"a\":'".to_owned())),
        ],
        key: &[0],
        indexes: &[IndexDef { columns: &[9], unique: false }],
    };
    let defaults: Vec<OwnedValue> =
        AFTER.columns.iter().filter_map(|column| column.default).map(|default| default()).collect();
    grown(&subject, &AFTER, &defaults).await?;
    let transaction = subject.begin().await?;
    let found = transaction.find(&AFTER, &[9], &[decimal("-12.5")]).await?;
    ensure!(found.len() == 2, "older rows are found by a default, too: {found:?} were");
    transaction.roll_back().await
}

pub(super) async fn a_nullable_column_is_added<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    const AFTER: Table = Table {
        name: BEFORE.name,
        columns: &[
            column("id", Kind::Integer),
            column("player", Kind::Text),
            nullable("seat", Kind::Integer),
            nullable("net", Kind::Decimal),
            nullable("day", Kind::Date),
        ],
        key: &[0],
        indexes: &[],
    };
    grown(&subject, &AFTER, &[OwnedValue::Null, OwnedValue::Null, OwnedValue::Null]).await
}

pub(super) async fn an_index_is_added<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let after = Table { indexes: &[IndexDef { columns: &[1], unique: false }], ..BEFORE };
    subject.holding(&BEFORE, &older()).await?.commit().await?;
    for _ in 0..2 {
        let transaction = subject.with(&after).await?;
        let found = transaction.find(&after, &[1], &[text("bob")]).await?;
        ensure!(found == older()[1..], "rows are found by an index that was added: {found:?}");
        transaction.commit().await?;
    }
    Ok(())
}

pub(super) async fn the_order_of_columns_does_not_matter<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    const AFTER: Table = Table {
        name: BEFORE.name,
        columns: &[column("player", Kind::Text), column("id", Kind::Integer)],
        key: &[1],
        indexes: &[],
    };
    subject.holding(&BEFORE, &older()).await?.commit().await?;
    let transaction = subject.with(&AFTER).await?;
    let found = transaction.row(&AFTER, &[integer(2)]).await?;
    ensure!(
        found == Some(vec![text("bob"), integer(2)]),
        "columns are told by their names, in whatever order they are declared: {found:?}"
    );
    transaction.upsert(&AFTER, &[vec![text("eve"), integer(3)]]).await?;
    let found = transaction.row(&AFTER, &[integer(3)]).await?;
    ensure!(found == Some(vec![text("eve"), integer(3)]), "and written by them: {found:?}");
    transaction.commit().await
}
