//! A storage keeps every column of a checkpoint.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    StorageHarness, Subject, Verdict, ensure, orders,
    subject::{checkpoint, first, over},
};
use crate::{
    Checkpoint, CheckpointKey, EventId, Fingerprint, GlobalPosition, Lease, OwnerId, RecordedState,
    StoreId, Subscriptions, rows::TableDigests,
};

/// Checkpoints that differ in every column, at the edges of what each may hold.
fn variants() -> Result<Vec<Checkpoint>, super::Broken> {
    let subscriptions = r#"[{"domain":"orders","event":"Ordér \"placed\"","from":7},{}]"#;
    let full = Checkpoint {
        store: StoreId::from_u128(u128::MAX - 1),
        position: GlobalPosition::new(i64::MAX as u64 - 1),
        scanned: GlobalPosition::new(i64::MAX as u64),
        event_id: Some(EventId::from_u128(u128::MAX - 2)),
        epoch: 1 << 40,
        lease: Some(Lease {
            owner: OwnerId::from_u128(u128::MAX - 3),
            process: "process 7 on «höst»".to_owned(),
            time: Duration::from_millis(12_345),
            beat: 1 << 60,
        }),
        version: u32::MAX,
        fingerprint: Some(Fingerprint { algorithm: u16::MAX, hash: u64::MAX - 3 }),
        superseded: vec![
            Fingerprint { algorithm: 0, hash: u64::MAX },
            Fingerprint { algorithm: u16::MAX, hash: 0 },
        ],
        subscriptions: Subscriptions::decode(subscriptions)?,
        effects_mark: GlobalPosition::new(1 << 50),
        state: RecordedState::Halted,
        last_error: Some("it's broken: «ü» 🧾\nsecond line".to_owned()),
        heartbeat_at: Timestamp::from_microsecond(1_700_000_000_123_456)?,
        tables: TableDigests::decode(r#"{"orders":[1,0,18446744073709551615],"Ü \"x\"":[1,7,1]}"#)?,
    };
    let empty = Checkpoint {
        position: GlobalPosition::BEGINNING,
        scanned: GlobalPosition::BEGINNING,
        event_id: None,
        epoch: 0,
        version: 0,
        ..checkpoint(0, 0)
    };
    let rest = [
        RecordedState::Inline,
        RecordedState::Paused,
        RecordedState::Rebuilding,
        RecordedState::Retrying,
        RecordedState::Running,
        RecordedState::Stopped,
    ];
    let others = (1..).zip(rest).map(|(number, state)| Checkpoint {
        store: StoreId::from_u128(u128::from(number)),
        fingerprint: Some(Fingerprint { algorithm: 1, hash: number }),
        effects_mark: GlobalPosition::new(number),
        last_error: Some(String::new()),
        state,
        ..checkpoint(number, number * 2)
    });
    Ok([full, empty].into_iter().chain(others).collect())
}

/// Names the columns in which two checkpoints differ.
fn differences(due: &Checkpoint, got: &Checkpoint) -> String {
    let columns = [
        ("store", due.store == got.store),
        ("position", due.position == got.position),
        ("scanned", due.scanned == got.scanned),
        ("event_id", due.event_id == got.event_id),
        ("epoch", due.epoch == got.epoch),
        ("lease", due.lease == got.lease),
        ("version", due.version == got.version),
        ("fingerprint", due.fingerprint == got.fingerprint),
        ("superseded", due.superseded == got.superseded),
        ("tables", due.tables == got.tables),
        ("subscriptions", due.subscriptions == got.subscriptions),
        ("effects_mark", due.effects_mark == got.effects_mark),
        ("state", due.state == got.state),
        ("last_error", due.last_error == got.last_error),
        ("heartbeat_at", due.heartbeat_at == got.heartbeat_at),
    ];
    let other = columns.iter().filter(|(_, same)| !same).map(|(column, _)| *column);
    other.collect::<Vec<_>>().join(", ")
}

fn compare(rule: &str, due: &Checkpoint, got: Option<&Checkpoint>) -> Verdict {
    let Some(got) = got else {
        return Err(super::Broken(format!("{rule}: there is no checkpoint")));
    };
    ensure!(
        due == got,
        "{rule}: not so {}; stored was {due:?}, read is {got:?}",
        differences(due, got)
    );
    Ok(())
}

pub(super) async fn every_column_comes_back<H: StorageHarness>(subject: Subject<H>) -> Verdict {
    for (number, due) in variants()?.into_iter().enumerate() {
        let key = CheckpointKey::new("", format!("projector-{number}"));
        subject.write(None, &first(key.clone(), due.clone())).await??;
        let (_, got) = subject.look("alice", &key).await?;
        compare("every column of a new checkpoint comes back", &due, got.as_ref())?;
    }
    Ok(())
}

pub(super) async fn every_column_is_replaced<H: StorageHarness>(subject: Subject<H>) -> Verdict {
    let mut last = checkpoint(9, 9);
    subject.write(None, &first(orders(), last.clone())).await??;
    for due in variants()? {
        subject.write(None, &over(orders(), &last, due.clone())).await??;
        let (_, got) = subject.look("alice", &orders()).await?;
        compare("a later commit replaces every column", &due, got.as_ref())?;
        last = due;
    }
    Ok(())
}

pub(super) async fn a_list_of_checkpoints_has_every_column<H: StorageHarness>(
    subject: Subject<H>,
) -> Verdict {
    for (number, due) in variants()?.into_iter().enumerate() {
        let key = CheckpointKey::new("shop", format!("projector-{number}"));
        subject.write(None, &first(key.clone(), due.clone())).await??;
        let listed = subject.checkpoints("shop").await?;
        let got = listed.iter().find(|(listed, _)| *listed == key).map(|(_, got)| got);
        compare("a list of checkpoints has every column", &due, got)?;
    }
    Ok(())
}
