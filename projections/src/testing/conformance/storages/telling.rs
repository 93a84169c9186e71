//! A storage that can be watched tells of every commit.

use std::{future::Future, time::Duration};

use super::{
    StorageHarness, Subject, Verdict, ensure, orders,
    subject::{checkpoint, first, over},
};
use crate::StoreError;

/// How long it may take until a commit is told of: much longer than any poll of a storage.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) async fn commits_are_told<H: StorageHarness>(subject: Subject<H>) -> Verdict {
    // One that cannot be watched is looked at now and then.
    let Some(mut changes) = subject.changes() else { return Ok(()) };
    let start = checkpoint(1, 1);
    subject.write(None, &first(orders(), start.clone())).await??;
    ensure!(
        ends(changes.changed()).await?,
        "a commit is told of that was there before anybody waited: nothing came for {PATIENCE:?}"
    );
    let mut last = start;
    for turn in 2..=5 {
        let next = checkpoint(1, turn);
        let write = over(orders(), &last, next.clone());
        let (told, written) = tokio::join!(ends(changes.changed()), subject.write(None, &write));
        written??;
        ensure!(
            told?,
            "a commit is told of to who waits: nothing came of the {turn}th for {PATIENCE:?}"
        );
        last = next;
    }
    Ok(())
}

async fn ends(told: impl Future<Output = Result<(), StoreError>>) -> Result<bool, StoreError> {
    match tokio::time::timeout(PATIENCE, told).await {
        Ok(told) => told.map(|()| true),
        Err(_) => Ok(false),
    }
}
