//! What was saved is there, whole, under its own key.

use super::{Broken, Subject, Verdict, ensure, orders};
use crate::CheckpointKey;

async fn expect(
    place: &Subject,
    key: &CheckpointKey,
    due: Option<&[u8]>,
    rule: &str,
) -> Result<(), Broken> {
    let found = place.load(key).await?;
    ensure!(
        found.as_deref() == due,
        "{rule}: {:?} bytes are there, not {:?}, or others",
        found.map(|found| found.len()),
        due.map(<[u8]>::len)
    );
    Ok(())
}

pub(super) async fn a_place_that_was_never_written_to_is_empty(place: Subject) -> Verdict {
    expect(&place, &orders(), None, "nothing is under a key that was never saved to").await?;
    place.remove(&orders()).await?;
    expect(&place, &orders(), None, "nothing is under a key that was never saved to").await
}

pub(super) async fn snapshots_come_back_byte_for_byte(place: Subject) -> Verdict {
    let long = (0_u32..3 << 20).map(|n| n.wrapping_mul(0x9e37_79b9).to_be_bytes()[0]).collect();
    for bytes in [(0..=255).collect(), Vec::new(), long] {
        place.save(&orders(), bytes.clone()).await?;
        expect(&place, &orders(), Some(&bytes), "a snapshot comes back as it was").await?;
    }
    Ok(())
}

pub(super) async fn a_later_snapshot_replaces_the_one_before(place: Subject) -> Verdict {
    for bytes in [&b"the first"[..], b"the second, which is longer", b"third"] {
        place.save(&orders(), bytes.to_vec()).await?;
        expect(&place, &orders(), Some(bytes), "a later snapshot is there alone").await?;
    }
    Ok(())
}

/// Keys that differ in one part each.
fn keys() -> Vec<CheckpointKey> {
    let first = orders();
    vec![
        CheckpointKey { namespace: "shop".to_owned(), ..first.clone() },
        CheckpointKey { namespace: "SHOP".to_owned(), ..first.clone() },
        CheckpointKey { projector: "customers".to_owned(), ..first.clone() },
        CheckpointKey { generation: 2, ..first.clone() },
        CheckpointKey { lane: 1, ..first.clone() },
        CheckpointKey { partition: 1, ..first.clone() },
        first,
    ]
}

pub(super) async fn snapshot_keys_do_not_mix(place: Subject) -> Verdict {
    for (number, key) in (0_u8..).zip(keys()) {
        place.save(&key, vec![number; 9]).await?;
    }
    for (number, key) in (0_u8..).zip(keys()) {
        expect(&place, &key, Some(&[number; 9]), "each key has a snapshot of its own").await?;
    }
    Ok(())
}

pub(super) async fn a_removed_snapshot_is_gone(place: Subject) -> Verdict {
    for key in keys() {
        place.save(&key, b"snapshot".to_vec()).await?;
    }
    place.remove(&orders()).await?;
    for key in keys() {
        let due = (key != orders()).then_some(&b"snapshot"[..]);
        expect(&place, &key, due, "the snapshot that is removed is gone, and no other").await?;
    }
    place.save(&orders(), b"another".to_vec()).await?;
    expect(&place, &orders(), Some(b"another"), "one can be saved again").await
}
