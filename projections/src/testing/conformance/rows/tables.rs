//! Tables are created, dropped, and owned.

use super::{
    Drive, Subject, Verdict, ensure,
    subject::{PROJECTOR, column, text},
    writing::{PLAYERS, player},
};
use crate::rows::{Kind, RowStorage, Table};

pub(super) async fn a_table_may_be_prepared_again<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let ada = player("ada", Some(1), "5");
    let transaction = subject.holding(&PLAYERS, std::slice::from_ref(&ada)).await?;
    transaction.prepared(&PLAYERS).await?;
    transaction.commit().await?;
    let next = subject.with(&PLAYERS).await?;
    let found = next.row(&PLAYERS, &[text("ada")]).await?;
    ensure!(found == Some(ada), "a table that is prepared again keeps its rows: {found:?}");
    next.roll_back().await
}

pub(super) async fn a_missing_table_may_be_dropped<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let transaction = subject.begin().await?;
    transaction.drop_table(&PLAYERS).await?;
    transaction.prepared(&PLAYERS).await?;
    transaction.drop_table(&PLAYERS).await?;
    transaction.drop_table(&PLAYERS).await?;
    transaction.commit().await
}

pub(super) async fn a_dropped_table_is_empty<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let ada = player("ada", Some(1), "5");
    subject.holding(&PLAYERS, std::slice::from_ref(&ada)).await?.commit().await?;
    let transaction = subject.begin().await?;
    transaction.drop_table(&PLAYERS).await?;
    transaction.prepared(&PLAYERS).await?;
    let found = transaction.row(&PLAYERS, &[text("ada")]).await?;
    ensure!(found.is_none(), "a table that is dropped and prepared is empty: {found:?}");
    transaction.upsert(&PLAYERS, &[ada]).await?;
    transaction.commit().await
}

pub(super) async fn a_dropped_table_may_change<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    const OTHER: Table = Table {
        name: PLAYERS.name,
        columns: &[column("net", Kind::Decimal), column("place", Kind::Integer)],
        key: &[1],
        indexes: &[],
    };
    subject.holding(&PLAYERS, &[player("ada", Some(1), "5")]).await?.commit().await?;
    let transaction = subject.begin().await?;
    transaction.drop_table(&PLAYERS).await?;
    transaction.commit().await?;
    let row = vec![super::subject::decimal("5"), super::subject::integer(1)];
    let transaction = subject.holding(&OTHER, std::slice::from_ref(&row)).await?;
    let found = transaction.row(&OTHER, &row[1..]).await?;
    ensure!(found == Some(row), "a table that was dropped may be of another form: {found:?}");
    transaction.commit().await?;
    // A program of the old form does not take it for its own.
    let transaction = subject.begin().await?;
    transaction.refused(&PLAYERS, PROJECTOR).await?;
    transaction.roll_back().await
}

pub(super) async fn a_table_has_one_projector<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    subject.with(&PLAYERS).await?.commit().await?;
    let transaction = subject.begin().await?;
    let told = transaction.refused(&PLAYERS, "impostor").await?;
    ensure!(
        ["players", PROJECTOR, "impostor"].iter().all(|name| told.contains(name)),
        "a table of another projector is refused, and the table and both are named: {told}"
    );
    transaction.roll_back().await?;
    subject.with(&PLAYERS).await?.roll_back().await
}

pub(super) async fn a_dropped_table_may_change_hands<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    subject.with(&PLAYERS).await?.commit().await?;
    let transaction = subject.begin().await?;
    transaction.drop_table(&PLAYERS).await?;
    let prepared = transaction.prepare(&PLAYERS, "successor").await;
    ensure!(prepared.is_ok(), "a table that was dropped is nobody's: {prepared:?}");
    transaction.commit().await?;
    let transaction = subject.begin().await?;
    let told = transaction.refused(&PLAYERS, PROJECTOR).await?;
    ensure!(told.contains("successor"), "a table belongs to who has prepared it: {told}");
    transaction.roll_back().await
}
