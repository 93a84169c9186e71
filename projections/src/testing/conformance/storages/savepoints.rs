//! A transaction goes back to its last savepoint. A storage without savepoints passes.

use super::{
    StorageHarness, Subject, Verdict, ensure, orders,
    subject::{checkpoint, first},
};

pub(super) async fn what_follows_a_savepoint_can_be_undone<H: StorageHarness>(
    subject: Subject<H>,
) -> Verdict {
    let mut session = subject.begin().await?;
    subject.put(&mut session, "alice", "before").await?;
    if !subject.savepoint(&mut session).await? {
        return Ok(());
    }
    for attempt in ["first", "second"] {
        subject.put(&mut session, "alice", attempt).await?;
        subject.put(&mut session, "bob", attempt).await?;
        subject.back_to_savepoint(&mut session).await?;
        let alice = subject.get(&mut session, "alice").await?;
        let bob = subject.get(&mut session, "bob").await?;
        ensure!(
            (alice.as_deref(), &bob) == (Some("before"), &None),
            "what was written since the savepoint is undone, as often as is asked, and nothing else: after the {attempt} time there are {alice:?} and {bob:?}"
        );
    }
    subject.put(&mut session, "carol", "after").await?;
    let next = checkpoint(1, 10);
    subject.commit(session, &first(orders(), next.clone())).await?;
    for (key, expected) in [("alice", Some("before")), ("bob", None), ("carol", Some("after"))] {
        let (row, stored) = subject.look(key, &orders()).await?;
        ensure!(
            row.as_deref() == expected && stored.as_ref() == Some(&next),
            "a transaction that went back commits as any other: of {key} there should be {expected:?}; there is {row:?}, with {stored:?}"
        );
    }
    Ok(())
}

pub(super) async fn a_later_savepoint_takes_the_place_of_the_one_before<H: StorageHarness>(
    subject: Subject<H>,
) -> Verdict {
    let mut session = subject.begin().await?;
    if !subject.savepoint(&mut session).await? {
        return Ok(());
    }
    subject.put(&mut session, "alice", "kept").await?;
    subject.savepoint(&mut session).await?;
    subject.put(&mut session, "alice", "undone").await?;
    subject.back_to_savepoint(&mut session).await?;
    let row = subject.get(&mut session, "alice").await?;
    ensure!(
        row.as_deref() == Some("kept"),
        "what was written before the last savepoint stays: it is {row:?}"
    );
    subject.rollback(session).await?;
    let (row, _) = subject.look("alice", &orders()).await?;
    ensure!(row.is_none(), "a savepoint commits nothing: after a rollback there is {row:?}");
    // The next transaction has savepoints of its own.
    let mut session = subject.begin().await?;
    subject.put(&mut session, "alice", "1").await?;
    subject.savepoint(&mut session).await?;
    subject.put(&mut session, "alice", "2").await?;
    subject.back_to_savepoint(&mut session).await?;
    let row = subject.get(&mut session, "alice").await?;
    ensure!(
        row.as_deref() == Some("1"),
        "a transaction goes back to its own savepoint, not to one of an earlier one: it is {row:?}"
    );
    Ok(())
}
