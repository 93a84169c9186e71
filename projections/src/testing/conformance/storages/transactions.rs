//! Rows and checkpoint come and go together.

use super::{
    Broken, StorageHarness, Subject, Verdict, ensure, orders,
    subject::{checkpoint, first, over},
};
use crate::{Checkpoint, Storage};

/// What a check expects to find: a row's value, and a checkpoint.
async fn expect<H: StorageHarness>(
    subject: &Subject<H>,
    rule: &str,
    value: Option<&str>,
    checkpoint: Option<&Checkpoint>,
) -> Verdict {
    let (row, stored) = subject.look("alice", &orders()).await?;
    ensure!(row.as_deref() == value, "{rule}: the row should hold {value:?}; it holds {row:?}");
    ensure!(
        stored.as_ref() == checkpoint,
        "{rule}: the checkpoint should be {checkpoint:?}; it is {stored:?}"
    );
    let listed = subject.checkpoints("").await?;
    let expected = Vec::from_iter(checkpoint.map(|checkpoint| (orders(), checkpoint.clone())));
    ensure!(listed == expected, "{rule}: listed should be {expected:?}; listed is {listed:?}");
    Ok(())
}

pub(super) async fn a_commit_shows_rows_and_checkpoint<H: StorageHarness>(
    subject: Subject<H>,
) -> Verdict {
    let next = checkpoint(1, 10);
    subject.write(Some(("alice", "1")), &first(orders(), next.clone())).await??;
    expect(&subject, "a commit makes rows and checkpoint visible", Some("1"), Some(&next)).await
}

pub(super) async fn a_later_commit_replaces_rows_and_checkpoint<H: StorageHarness>(
    subject: Subject<H>,
) -> Verdict {
    let (one, two, three) = (checkpoint(1, 10), checkpoint(1, 20), checkpoint(2, 20));
    subject.write(Some(("alice", "1")), &first(orders(), one.clone())).await??;
    subject.write(Some(("alice", "2")), &over(orders(), &one, two.clone())).await??;
    expect(&subject, "a commit replaces what was there", Some("2"), Some(&two)).await?;
    subject.write(None, &over(orders(), &two, three.clone())).await??;
    expect(&subject, "a commit may write the checkpoint alone", Some("2"), Some(&three)).await
}

pub(super) async fn a_commit_alone_shows_rows_and_leaves_checkpoints<H: StorageHarness>(
    subject: Subject<H>,
) -> Verdict {
    let put_alone = async |value: &str| {
        let mut session = subject.begin().await?;
        subject.put(&mut session, "alice", value).await?;
        subject.commit_alone(session).await.map_err(Broken::from)
    };
    put_alone("1").await?;
    expect(&subject, "a commit without a checkpoint makes rows visible", Some("1"), None).await?;
    let next = checkpoint(1, 10);
    subject.write(Some(("alice", "2")), &first(orders(), next.clone())).await??;
    put_alone("3").await?;
    let rule = "a commit without a checkpoint leaves the one that is there";
    expect(&subject, rule, Some("3"), Some(&next)).await
}

pub(super) async fn a_rollback_leaves_nothing<H: StorageHarness>(subject: Subject<H>) -> Verdict {
    let rule = "a transaction that is rolled back leaves nothing";
    let mut session = subject.begin().await?;
    subject.put(&mut session, "alice", "1").await?;
    subject.rollback(session).await?;
    expect(&subject, rule, None, None).await?;
    let next = checkpoint(1, 10);
    subject.write(Some(("alice", "2")), &first(orders(), next.clone())).await??;
    let mut session = subject.begin().await?;
    subject.put(&mut session, "alice", "3").await?;
    subject.rollback(session).await?;
    expect(&subject, rule, Some("2"), Some(&next)).await
}

pub(super) async fn a_dropped_session_leaves_nothing<H: StorageHarness>(
    subject: Subject<H>,
) -> Verdict {
    let next = checkpoint(1, 10);
    subject.write(Some(("alice", "1")), &first(orders(), next.clone())).await??;
    let mut session = subject.begin().await?;
    subject.put(&mut session, "alice", "2").await?;
    drop(session);
    let rule = "a transaction that is dropped leaves nothing, and is over";
    expect(&subject, rule, Some("1"), Some(&next)).await
}

pub(super) async fn a_session_reads_its_own_writes<H: StorageHarness>(
    subject: Subject<H>,
) -> Verdict {
    let mut session = subject.begin().await?;
    for value in ["1", "2"] {
        subject.put(&mut session, "alice", value).await?;
        let row = subject.get(&mut session, "alice").await?;
        ensure!(
            row.as_deref() == Some(value),
            "a transaction reads what it wrote itself: {value}, not {row:?}"
        );
    }
    if let Err(fault) = H::Storage::check(&mut session) {
        return Err(Broken(format!(
            "`check` finds no fault with a transaction that only wrote and read; got {fault:?}"
        )));
    }
    subject.rollback(session).await?;
    Ok(())
}

pub(super) async fn sessions_follow_one_another<H: StorageHarness>(subject: Subject<H>) -> Verdict {
    let mut last: Option<Checkpoint> = None;
    for turn in 1..=5_u64 {
        let mut session = subject.begin().await?;
        let row = subject.get(&mut session, "alice").await?;
        let due = (turn > 1).then(|| (turn - 1).to_string());
        ensure!(
            row == due,
            "a transaction reads what was committed before it: {due:?}, not {row:?}"
        );
        let loaded = subject.load(&mut session, &orders()).await?;
        ensure!(
            loaded == last,
            "a transaction loads the checkpoint that was committed before it: {last:?}, not {loaded:?}"
        );
        subject.put(&mut session, "alice", &turn.to_string()).await?;
        let next = checkpoint(1, turn);
        let write = match &last {
            Some(last) => over(orders(), last, next.clone()),
            None => first(orders(), next.clone()),
        };
        subject.commit(session, &write).await?;
        last = Some(next);
    }
    Ok(())
}

pub(super) async fn clones_are_one_storage<H: StorageHarness>(subject: Subject<H>) -> Verdict {
    let other = subject.clone();
    let next = checkpoint(1, 10);
    subject.write(Some(("alice", "1")), &first(orders(), next.clone())).await??;
    drop(subject);
    expect(&other, "a clone is a handle of the same storage", Some("1"), Some(&next)).await
}
