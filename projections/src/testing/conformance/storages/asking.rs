//! Requests to owners are answered once, in the transaction of the checkpoint. A storage without
//! them passes.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    StorageHarness, Subject, Verdict, ensure, orders,
    subject::{checkpoint, first, over},
};
use crate::{
    Answer, CheckpointKey, CheckpointWrite, CommitError, Request, RequestId, RequestStore,
};

fn request(id: u128, key: CheckpointKey) -> Request {
    Request {
        id: RequestId::from_u128(id),
        key,
        command: "pause".to_owned(),
        arguments: r#"{"what":"«it's»\n"}"#.to_owned(),
        asked_at: Timestamp::UNIX_EPOCH,
    }
}

fn answering(write: CheckpointWrite, id: u128) -> CheckpointWrite {
    let outcome = r#"{"done":"«it's»"}"#.to_owned();
    CheckpointWrite { answer: Some(Answer { id: RequestId::from_u128(id), outcome }), ..write }
}

/// A checkpoint, and a request for it.
async fn asked<H: StorageHarness>(
    subject: &Subject<H>,
) -> Result<Option<Arc<dyn RequestStore>>, super::Broken> {
    let Some(requests) = subject.requests() else { return Ok(None) };
    subject.write(None, &first(orders(), checkpoint(1, 10))).await??;
    requests.ask(&request(1, orders())).await?;
    Ok(Some(requests))
}

pub(super) async fn requests_come_back_until_they_are_answered<H: StorageHarness>(
    subject: Subject<H>,
) -> Verdict {
    let Some(requests) = subject.requests() else { return Ok(()) };
    ensure!(requests.pending("").await?.is_empty(), "a new storage has no requests");
    let foreign = request(3, CheckpointKey::new("shop", "orders"));
    let due = [request(2, orders()), request(1, orders())];
    for request in [&due[0], &foreign, &due[1], &due[0]] {
        requests.ask(request).await?;
    }
    let found = requests.pending("").await?;
    ensure!(found == due, "requests come back once, in their order, by namespace: {found:?}");
    requests.withdraw(due[0].id).await?;
    let found = requests.pending("").await?;
    ensure!(found == due[1..], "one that is withdrawn is gone: {found:?}");
    ensure!(requests.outcome(due[1].id).await?.is_none(), "it has no answer yet");
    Ok(())
}

pub(super) async fn an_answer_commits_with_its_checkpoint<H: StorageHarness>(
    subject: Subject<H>,
) -> Verdict {
    let Some(requests) = asked(&subject).await? else { return Ok(()) };
    let late = answering(over(orders(), &checkpoint(2, 10), checkpoint(2, 20)), 1);
    let outcome = subject.write(None, &late).await?;
    ensure!(matches!(outcome, Err(CommitError::Conflict)), "another epoch answers nothing");
    let id = RequestId::from_u128(1);
    ensure!(requests.outcome(id).await?.is_none(), "a conflict answers nothing");
    let write = answering(over(orders(), &checkpoint(1, 10), checkpoint(1, 20)), 1);
    subject.write(None, &write).await??;
    let found = requests.outcome(id).await?;
    ensure!(found.as_deref() == Some(r#"{"done":"«it's»"}"#), "the answer is there: {found:?}");
    ensure!(requests.pending("").await?.is_empty(), "what has its answer waits no longer");
    requests.withdraw(id).await?;
    ensure!(requests.outcome(id).await?.is_some(), "what has its answer is not withdrawn");
    Ok(())
}

pub(super) async fn a_request_is_answered_once<H: StorageHarness>(subject: Subject<H>) -> Verdict {
    let Some(_) = asked(&subject).await? else { return Ok(()) };
    let write = answering(over(orders(), &checkpoint(1, 10), checkpoint(1, 20)), 1);
    subject.write(None, &write).await??;
    for id in [1, 9] {
        let again = answering(over(orders(), &checkpoint(1, 20), checkpoint(1, 30)), id);
        let outcome = subject.write(Some(("alice", "1")), &again).await?;
        let rule = "a request that was answered, or is not there, is a conflict";
        ensure!(matches!(outcome, Err(CommitError::Conflict)), "{rule}: {outcome:?}");
        let (row, stored) = subject.look("alice", &orders()).await?;
        let is_unchanged = row.is_none() && stored.as_ref() == Some(&checkpoint(1, 20));
        ensure!(is_unchanged, "{rule} that changes nothing: {row:?}, {stored:?}");
    }
    Ok(())
}
