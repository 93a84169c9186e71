//! Rows and tables belong to the transaction.

use super::{
    Drive, Subject, Verdict, ensure,
    subject::text,
    writing::{PLAYERS, player},
};
use crate::rows::RowStorage;

pub(super) async fn committed_rows_are_there<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let ada = player("ada", Some(1), "5");
    subject.holding(&PLAYERS, std::slice::from_ref(&ada)).await?.commit().await?;
    for _ in 0..2 {
        let next = subject.with(&PLAYERS).await?;
        let found = next.row(&PLAYERS, &[text("ada")]).await?;
        ensure!(
            found.as_ref() == Some(&ada),
            "committed rows are there for the next transaction: {found:?} was found"
        );
        next.commit().await?;
    }
    Ok(())
}

pub(super) async fn rows_that_are_rolled_back_are_not<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let (ada, bob) = (player("ada", Some(1), "5"), player("bob", Some(2), "-5"));
    subject.holding(&PLAYERS, &[ada.clone(), bob.clone()]).await?.commit().await?;
    let keys = [vec![text("ada")], vec![text("bob")], vec![text("eve")]];
    for by_drop in [false, true] {
        let transaction = subject.begin().await?;
        let upserts = [player("ada", Some(3), "7"), player("eve", Some(4), "0")];
        transaction.written(&PLAYERS, &keys[1..2], &upserts).await?;
        if by_drop {
            drop(transaction);
        } else {
            transaction.roll_back().await?;
        }
        let next = subject.begin().await?;
        let found = next.load(&PLAYERS, &keys).await?;
        ensure!(
            found == [ada.clone(), bob.clone()],
            "a transaction that is rolled back, or dropped, leaves the rows as they were: {found:?}"
        );
        next.roll_back().await?;
    }
    Ok(())
}

pub(super) async fn tables_that_are_rolled_back_are_not<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    subject.with(&PLAYERS).await?.roll_back().await?;
    // Nothing is left of it, not even whose it was.
    let transaction = subject.begin().await?;
    let prepared = transaction.prepare(&PLAYERS, "somebody else").await;
    ensure!(
        prepared.is_ok(),
        "a table whose creation is rolled back is nobody's; it was refused to the next: {prepared:?}"
    );
    transaction.upsert(&PLAYERS, &[player("ada", Some(1), "5")]).await?;
    transaction.commit().await?;

    let transaction = subject.begin().await?;
    transaction.drop_table(&PLAYERS).await?;
    transaction.roll_back().await?;
    let next = subject.begin().await?;
    let found = next.row(&PLAYERS, &[text("ada")]).await?;
    ensure!(found.is_some(), "a table whose drop is rolled back has its rows");
    next.roll_back().await
}
