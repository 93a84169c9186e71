//! Every commit compares and sets (R1).

use super::{
    Broken, StorageHarness, Subject, Verdict, ensure, orders,
    subject::{checkpoint, first, over},
};
use crate::{Checkpoint, CheckpointWrite, CommitError};

/// Commits a write that must conflict, over a stored checkpoint, or over none.
async fn conflicts<H: StorageHarness>(
    subject: &Subject<H>,
    rule: &str,
    stored: Option<&Checkpoint>,
    write: &CheckpointWrite,
) -> Verdict {
    if let Some(stored) = stored {
        subject.write(None, &first(orders(), stored.clone())).await??;
    }
    let outcome = subject.write(None, write).await?;
    ensure!(
        matches!(outcome, Err(CommitError::Conflict)),
        "{rule} is a conflict: expected was {:?}, stored is {stored:?}; got {outcome:?}",
        write.previous
    );
    let (_, after) = subject.look("alice", &orders()).await?;
    ensure!(after.as_ref() == stored, "{rule} changes no checkpoint; it is now {after:?}");
    Ok(())
}

pub(super) async fn another_epoch_is_a_conflict<H: StorageHarness>(subject: Subject<H>) -> Verdict {
    let write = over(orders(), &checkpoint(1, 10), checkpoint(1, 20));
    conflicts(&subject, "another epoch", Some(&checkpoint(2, 10)), &write).await
}

pub(super) async fn another_position_is_a_conflict<H: StorageHarness>(
    subject: Subject<H>,
) -> Verdict {
    let write = over(orders(), &checkpoint(1, 10), checkpoint(1, 20));
    conflicts(&subject, "another position", Some(&checkpoint(1, 11)), &write).await
}

pub(super) async fn a_missing_checkpoint_is_a_conflict<H: StorageHarness>(
    subject: Subject<H>,
) -> Verdict {
    let write = over(orders(), &checkpoint(1, 10), checkpoint(1, 20));
    conflicts(&subject, "a missing checkpoint", None, &write).await
}

pub(super) async fn an_existing_checkpoint_is_a_conflict<H: StorageHarness>(
    subject: Subject<H>,
) -> Verdict {
    let write = first(orders(), checkpoint(1, 20));
    conflicts(&subject, "a checkpoint where none is expected", Some(&checkpoint(1, 10)), &write)
        .await
}

pub(super) async fn a_conflict_commits_no_row<H: StorageHarness>(subject: Subject<H>) -> Verdict {
    let stored = checkpoint(3, 10);
    subject.write(Some(("alice", "1")), &first(orders(), stored.clone())).await??;
    let stale =
        [over(orders(), &checkpoint(2, 5), checkpoint(4, 20)), first(orders(), checkpoint(4, 20))];
    for write in stale {
        let outcome = subject.write(Some(("alice", "2")), &write).await?;
        ensure!(outcome.is_err(), "a commit that expects another checkpoint fails");
        let (row, _) = subject.look("alice", &orders()).await?;
        ensure!(
            row.as_deref() == Some("1"),
            "a conflict commits no row: the row should hold 1; it holds {row:?}"
        );
    }
    // The conflict has ended its transaction: the owner goes on.
    let next = over(orders(), &stored, checkpoint(3, 11));
    subject.write(Some(("alice", "3")), &next).await??;
    Ok(())
}

pub(super) async fn of_two_writers_one_wins<H: StorageHarness>(subject: Subject<H>) -> Verdict {
    let mut last = checkpoint(1, 0);
    subject.write(None, &first(orders(), last.clone())).await??;
    for round in 1..=5 {
        // Of one epoch, so that the position alone tells the loser that it has lost.
        let nexts = [checkpoint(1, round * 10), checkpoint(1, round * 10 + 1)];
        let writers = nexts.clone().map(|next| {
            let (subject, write) = (subject.clone(), over(orders(), &last, next));
            let value = write.next.position.to_string();
            // A thread of its own: where writers queue, `begin` may block.
            let runtime = tokio::runtime::Handle::current();
            tokio::task::spawn_blocking(move || {
                runtime.block_on(subject.write(Some(("alice", &value)), &write))
            })
        });
        let mut won = Vec::new();
        for (writer, next) in writers.into_iter().zip(nexts) {
            match writer.await?? {
                Ok(()) => won.push(next),
                Err(CommitError::Store(error)) if !error.is_transient() => {
                    return Err(error.into());
                }
                Err(_) => {}
            }
        }
        let [winner] = <[Checkpoint; 1]>::try_from(won).map_err(|won| {
            Broken(format!(
                "of two writers that expect the same checkpoint one wins, not {}",
                won.len()
            ))
        })?;
        let found = subject.look("alice", &orders()).await?;
        let due = (Some(winner.position.to_string()), Some(winner.clone()));
        ensure!(
            found == due,
            "of two writers the winner's rows and checkpoint are kept, and nothing of the other: \
             {due:?}, not {found:?}"
        );
        last = winner;
    }
    Ok(())
}
