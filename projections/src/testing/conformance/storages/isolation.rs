//! Checkpoints do not mix, and setting up changes none.

use super::{
    StorageHarness, Subject, Verdict, ensure, orders,
    subject::{checkpoint, first, over},
};
use crate::{CheckpointKey, GlobalPosition};

/// Writes a checkpoint under each key, moves each on, and looks whether each is its own.
async fn keep_apart<H: StorageHarness>(
    subject: &Subject<H>,
    rule: &str,
    keys: &[CheckpointKey],
) -> Verdict {
    for (number, key) in (1..).zip(keys) {
        let start = checkpoint(1, number);
        let outcome = subject.write(None, &first(key.clone(), start.clone())).await?;
        ensure!(outcome.is_ok(), "{rule}: the first checkpoint of {key:?} got {outcome:?}");
        let next = checkpoint(1, number + 100);
        let outcome = subject.write(None, &over(key.clone(), &start, next)).await?;
        ensure!(outcome.is_ok(), "{rule}: the second checkpoint of {key:?} got {outcome:?}");
    }
    for (number, key) in (1..).zip(keys) {
        let (_, got) = subject.look("alice", key).await?;
        let (got, due) = (got.map(|got| got.position), GlobalPosition::new(number + 100));
        ensure!(got == Some(due), "{rule}: {key:?} should be at {due}; it is at {got:?}");
        let mut own: Vec<CheckpointKey> =
            keys.iter().filter(|other| other.namespace == key.namespace).cloned().collect();
        own.sort();
        let listed = subject.checkpoints(&key.namespace).await?;
        let listed: Vec<CheckpointKey> = listed.into_iter().map(|(key, _)| key).collect();
        ensure!(
            listed == own,
            "{rule}: namespace `{}` should list {own:?}; it lists {listed:?}",
            key.namespace
        );
    }
    Ok(())
}

pub(super) async fn namespaces_do_not_mix<H: StorageHarness>(subject: Subject<H>) -> Verdict {
    let keys = ["", "shop", "Shop", "shop ", "sh%p", "läden"];
    let keys = keys.map(|namespace| CheckpointKey::new(namespace, "orders"));
    keep_apart(&subject, "namespaces do not mix", &keys).await
}

pub(super) async fn projectors_do_not_mix<H: StorageHarness>(subject: Subject<H>) -> Verdict {
    let keys = ["orders", "orders-2", "Orders", "o%", "it's"];
    let keys = keys.map(|projector| CheckpointKey::new("shop", projector));
    keep_apart(&subject, "projectors do not mix", &keys).await
}

pub(super) async fn generations_lanes_and_partitions_do_not_mix<H: StorageHarness>(
    subject: Subject<H>,
) -> Verdict {
    let keys = [
        orders(),
        CheckpointKey { generation: 2, ..orders() },
        CheckpointKey { lane: 1, ..orders() },
        CheckpointKey { partition: 1, ..orders() },
    ];
    keep_apart(&subject, "generations, lanes and partitions do not mix", &keys).await
}

pub(super) async fn a_reset_leaves_the_others<H: StorageHarness>(subject: Subject<H>) -> Verdict {
    let (other, last) = (CheckpointKey::new("", "payments"), checkpoint(1, 10));
    subject.write(None, &first(orders(), last.clone())).await??;
    subject.write(None, &first(other.clone(), last.clone())).await??;
    let (mut session, start) = (subject.begin().await?, checkpoint(2, 0));
    subject.reset(&mut session, &orders()).await?;
    subject.commit(session, &over(orders(), &last, start.clone())).await?;
    let (_, own) = subject.look("alice", &orders()).await?;
    ensure!(own.as_ref() == Some(&start), "a reset ends with the checkpoint of its commit");
    let (_, got) = subject.look("alice", &other).await?;
    ensure!(got == Some(last), "a reset changes nothing of another projector; it is now {got:?}");
    Ok(())
}

pub(super) async fn a_storage_without_setup_has_no_checkpoints<H: StorageHarness>(
    subject: Subject<H>,
) -> Verdict {
    let listed = subject.checkpoints("").await;
    ensure!(
        matches!(&listed, Ok(none) if none.is_empty()),
        "a storage that was never set up has no checkpoints, which is no error; got {listed:?}"
    );
    Ok(())
}

pub(super) async fn setup_may_be_repeated<H: StorageHarness>(subject: Subject<H>) -> Verdict {
    let next = checkpoint(1, 10);
    let mut session = subject.begin().await?;
    let again = subject.setup(&mut session).await;
    ensure!(again.is_ok(), "a transaction may set up twice; got {again:?}");
    subject.commit(session, &first(orders(), next.clone())).await?;
    for _ in 0..2 {
        let mut session = subject.begin().await?;
        let loaded = subject.load(&mut session, &orders()).await?;
        ensure!(
            loaded.as_ref() == Some(&next),
            "setting up again changes no checkpoint; it is now {loaded:?}"
        );
        subject.rollback(session).await?;
    }
    Ok(())
}

pub(super) async fn setup_may_be_rolled_back<H: StorageHarness>(subject: Subject<H>) -> Verdict {
    let mut session = subject.begin().await?;
    let none = subject.load(&mut session, &orders()).await?;
    ensure!(none.is_none(), "a storage that was just set up has no checkpoint; got {none:?}");
    subject.rollback(session).await?;
    let listed = subject.checkpoints("").await?;
    ensure!(listed.is_empty(), "a setup that was rolled back leaves no checkpoint");
    let outcome = subject.write(Some(("alice", "1")), &first(orders(), checkpoint(1, 1))).await?;
    ensure!(outcome.is_ok(), "a storage can be set up after a rollback; got {outcome:?}");
    Ok(())
}
