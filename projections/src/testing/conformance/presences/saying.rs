//! What was said is there until it is said otherwise, or taken back.

use std::time::Duration;

use super::{Subject, Verdict, ensure};
use crate::{CheckpointKey, Lease, OwnerId, Presence, State};

fn presence(projector: &str, owner: u128) -> Presence {
    Presence {
        key: CheckpointKey::new("", projector),
        lease: Lease {
            owner: OwnerId::from_u128(owner),
            process: format!("process {owner} on «höst»"),
            time: Duration::from_millis(12_345),
            beat: 0,
        },
        state: State::CatchingUp,
        position: 7.into(),
        scanned: 9.into(),
        last_error: Some("it's broken:\nsecond line".to_owned()),
    }
}

async fn said(place: &Subject, namespace: &str) -> Result<Vec<Presence>, super::super::Broken> {
    let mut said = Vec::new();
    for (presence, silence) in place.list(namespace).await? {
        ensure!(silence < Duration::from_secs(60), "what was just said is {silence:?} old");
        said.push(presence);
    }
    Ok(said)
}

pub(super) async fn nobody_has_said_anything_at_first(place: Subject) -> Verdict {
    ensure!(said(&place, "").await?.is_empty(), "a new place holds nothing");
    place.forget(OwnerId::from_u128(1)).await?;
    ensure!(said(&place, "").await?.is_empty(), "a new place holds nothing");
    Ok(())
}

pub(super) async fn what_is_said_comes_back(place: Subject) -> Verdict {
    let quiet = Presence { last_error: None, state: State::CaughtUp, ..presence("b", u128::MAX) };
    let due = vec![presence("a", 1), quiet];
    place.save(&due).await?;
    let found = said(&place, "").await?;
    ensure!(found == due, "what was said comes back, by projector: {found:?} instead of {due:?}");
    Ok(())
}

pub(super) async fn what_an_owner_says_replaces_what_it_said_before(place: Subject) -> Verdict {
    place.save(&[presence("a", 1)]).await?;
    let later = Presence { position: 8.into(), state: State::Halted, ..presence("a", 1) };
    place.save(std::slice::from_ref(&later)).await?;
    let found = said(&place, "").await?;
    ensure!(found == [later], "the last word of an owner is there alone: {found:?}");
    Ok(())
}

pub(super) async fn owners_and_namespaces_do_not_mix(place: Subject) -> Verdict {
    let elsewhere = Presence { key: CheckpointKey::new("shop", "a"), ..presence("a", 1) };
    place.save(&[presence("a", 1), elsewhere.clone()]).await?;
    place.save(&[presence("a", 2)]).await?;
    let found = said(&place, "").await?;
    let both = [presence("a", 1), presence("a", 2)];
    ensure!(found == both, "each owner has its own word: {found:?}");
    let found = said(&place, "shop").await?;
    ensure!(found == [elsewhere], "each namespace has its own: {found:?}");
    Ok(())
}

pub(super) async fn a_forgotten_owner_is_gone(place: Subject) -> Verdict {
    place.save(&[presence("a", 1), presence("b", 1)]).await?;
    place.save(&[presence("a", 2)]).await?;
    place.forget(OwnerId::from_u128(1)).await?;
    let found = said(&place, "").await?;
    ensure!(found == [presence("a", 2)], "the owner is gone, and nobody else: {found:?}");
    Ok(())
}
