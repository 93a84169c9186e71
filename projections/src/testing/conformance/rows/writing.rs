//! Rows are written as absolute values, deletes first (R27).

use super::{
    Drive, Subject, Verdict,
    access::Row,
    ensure,
    subject::{column, integer, nullable, text},
};
use crate::rows::{IndexDef, Kind, OwnedValue, RowStorage, RowsError, Table};

pub(super) const PLAYERS: Table = Table {
    name: "players",
    columns: &[
        column("player", Kind::Text),
        nullable("seat", Kind::Integer),
        nullable("net", Kind::Decimal),
    ],
    key: &[0],
    indexes: &[IndexDef { columns: &[1], unique: true }],
};

pub(super) fn player(name: &str, seat: Option<i64>, net: &str) -> Row {
    let seat = seat.map_or(OwnedValue::Null, integer);
    vec![text(name), seat, OwnedValue::Decimal(net.to_owned())]
}

pub(super) async fn a_missing_row_is_not_found<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let transaction = subject.holding(&PLAYERS, &[player("ada", Some(1), "5")]).await?;
    let found = transaction.load(&PLAYERS, &[vec![text("bob")], vec![text("")]]).await?;
    ensure!(found.is_empty(), "a key without a row finds none; {found:?} were found");
    transaction.roll_back().await
}

pub(super) async fn an_upsert_replaces_every_column<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let transaction = subject.holding(&PLAYERS, &[player("ada", Some(1), "5")]).await?;
    let empty = vec![text("ada"), OwnedValue::Null, OwnedValue::Null];
    for row in [player("ada", Some(2), "-7.25"), empty, player("ada", Some(3), "0")] {
        transaction.upsert(&PLAYERS, std::slice::from_ref(&row)).await?;
        let found = transaction.row(&PLAYERS, &row[..1]).await?;
        ensure!(
            found.as_ref() == Some(&row),
            "an upsert replaces every column: {row:?} was written, and {found:?} is there"
        );
    }
    transaction.roll_back().await
}

pub(super) async fn many_rows_are_written_at_once<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let transaction = subject.with(&PLAYERS).await?;
    for count in [1, 31, 32, 33, 1_000] {
        let name = |number| format!("{count}-{number:04}");
        let row = |number: i64| player(&name(number), Some(count * 10_000 + number), "1.5");
        let rows: Vec<Row> = (0..count).map(row).collect();
        transaction.upsert(&PLAYERS, &rows).await?;
        let keys: Vec<Row> = rows.iter().map(|row| row[..1].to_vec()).collect();
        let found = transaction.load(&PLAYERS, &keys).await?;
        ensure!(
            found == rows,
            "all rows of a write are written: {count} were, and {} are there as they were",
            found.iter().filter(|row| rows.contains(row)).count()
        );
        transaction.written(&PLAYERS, &keys[1..], &[]).await?;
        let left = transaction.load(&PLAYERS, &keys).await?;
        ensure!(
            left == rows[..1],
            "all rows that are to go do: of {count} {} did not",
            left.len() - 1
        );
    }
    transaction.roll_back().await
}

pub(super) async fn writes_may_be_repeated<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let (ada, bob) = (player("ada", Some(1), "5"), player("bob", Some(2), "-5"));
    let transaction = subject.holding(&PLAYERS, std::slice::from_ref(&bob)).await?;
    for _ in 0..3 {
        transaction.written(&PLAYERS, &[vec![text("bob")]], std::slice::from_ref(&ada)).await?;
    }
    let found = transaction.load(&PLAYERS, &[vec![text("ada")], vec![text("bob")]]).await?;
    ensure!(found == [ada], "a write that is repeated changes nothing; {found:?} are there");
    transaction.roll_back().await
}

pub(super) async fn deletes_go_first<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let transaction = subject.holding(&PLAYERS, &[player("ada", Some(1), "5")]).await?;
    let ada = player("ada", Some(2), "7");
    transaction.written(&PLAYERS, &[vec![text("ada")]], std::slice::from_ref(&ada)).await?;
    let found = transaction.row(&PLAYERS, &[text("ada")]).await?;
    ensure!(
        found.as_ref() == Some(&ada),
        "a row that is deleted and written is there: {found:?} was found"
    );
    transaction.roll_back().await
}

pub(super) async fn missing_rows_may_be_deleted<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let ada = player("ada", Some(1), "5");
    let transaction = subject.holding(&PLAYERS, std::slice::from_ref(&ada)).await?;
    transaction.written(&PLAYERS, &[vec![text("bob")], vec![text("eve")]], &[]).await?;
    let found = transaction.row(&PLAYERS, &[text("ada")]).await?;
    ensure!(found == Some(ada), "a delete of rows that are missing changes nothing: {found:?}");
    transaction.roll_back().await
}

pub(super) async fn rows_may_swap_unique_values<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let before = [player("ada", Some(1), "5"), player("bob", Some(2), "-5")];
    let after = [player("ada", Some(2), "5"), player("bob", Some(1), "-5")];
    let keys = [vec![text("ada")], vec![text("bob")]];
    let transaction = subject.holding(&PLAYERS, &before).await?;
    transaction.written(&PLAYERS, &keys, &after).await?;
    let found = transaction.load(&PLAYERS, &keys).await?;
    ensure!(found == after, "rows that are deleted and written may swap unique values: {found:?}");
    transaction.roll_back().await
}

pub(super) async fn a_unique_value_that_is_taken_is_refused<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let transaction = subject.holding(&PLAYERS, &[player("ada", Some(1), "5")]).await?;
    let refused = transaction.write(&PLAYERS, &[], &[player("bob", Some(1), "7")]).await;
    let told = match &refused {
        Err(RowsError::Refused(error)) => crate::error::chain(&**error),
        _ => String::new(),
    };
    ensure!(
        told.contains("players"),
        "rows that break a unique key are refused, and the table named: {refused:?}"
    );
    transaction.roll_back().await
}

pub(super) async fn unique_columns_may_be_null_in_many_rows<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let rows = [player("ada", None, "1"), player("bob", None, "2"), player("eve", None, "3")];
    let transaction = subject.holding(&PLAYERS, &rows).await?;
    let keys: Vec<Row> = rows.iter().map(|row| row[..1].to_vec()).collect();
    let found = transaction.load(&PLAYERS, &keys).await?;
    ensure!(found == rows, "rows without a unique value do not clash: {found:?} are there");
    transaction.roll_back().await
}

pub(super) async fn a_table_may_have_nothing_but_a_key<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    const TABLE: Table = Table {
        name: "members",
        columns: &[column("club", Kind::Integer), column("player", Kind::Text)],
        key: &[0, 1],
        indexes: &[],
    };
    let rows = [vec![integer(1), text("ada")], vec![integer(1), text("bob")]];
    let transaction = subject.holding(&TABLE, &rows).await?;
    transaction.upsert(&TABLE, &rows).await?;
    let found = transaction.load(&TABLE, &rows).await?;
    ensure!(found == rows, "a table may have nothing but a key: {found:?} are there");
    transaction.roll_back().await
}

pub(super) async fn tables_do_not_mix<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let other = Table { name: "players_of_clubs", ..PLAYERS };
    let (ada, bob) = (player("ada", Some(1), "5"), player("ada", Some(1), "-5"));
    let transaction = subject.holding(&PLAYERS, std::slice::from_ref(&ada)).await?;
    transaction.prepared(&other).await?;
    transaction.upsert(&other, std::slice::from_ref(&bob)).await?;
    let both = (
        transaction.row(&PLAYERS, &[text("ada")]).await?,
        transaction.row(&other, &[text("ada")]).await?,
    );
    ensure!(both == (Some(ada), Some(bob)), "tables of one form do not mix: {both:?}");
    transaction.drop_table(&other).await?;
    let left = transaction.row(&PLAYERS, &[text("ada")]).await?;
    ensure!(left.is_some(), "dropping a table leaves the others");
    transaction.roll_back().await
}
