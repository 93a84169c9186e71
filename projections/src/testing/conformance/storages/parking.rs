//! Letters are kept whole, and come and go with the checkpoint.

use jiff::Timestamp;

use super::{
    Broken, StorageHarness, Subject, Verdict, ensure, orders,
    subject::{checkpoint, first, over},
};
use crate::{
    Checkpoint, CheckpointKey, CheckpointWrite, CommitError, EventId, Letter, LetterChanges,
    LetterFailure, LetterQuery, ParkedKey, Parking, Passed,
};

/// A letter in which each field differs from those of other positions.
fn letter(position: u64, park_key: &str, fails: bool) -> Letter {
    let at = |more: i64| {
        let microseconds = 1_700_000_000_123_456 + position.cast_signed() * 1_000 + more;
        Timestamp::from_microsecond(microseconds).unwrap_or_default()
    };
    Letter {
        position: position.into(),
        event: EventId::from_u128(u128::from(position) << 64 | 5),
        name: format!("Placed«{position}»"),
        domain: format!("it's a \"domain\" {position}"),
        stream: format!("order\n{position}"),
        stream_position: (position * 3).into(),
        park_key: park_key.to_owned(),
        replay: position.is_multiple_of(2),
        failure: fails.then(|| LetterFailure {
            attempts: 4_000_000_000,
            error: format!("no {position}\0: because\n'it' is «{position}»"),
            first_at: at(1),
            last_at: at(2),
        }),
    }
}

fn put(letters: &[Letter]) -> LetterChanges {
    LetterChanges { put: letters.to_vec(), ..LetterChanges::default() }
}

fn with(write: CheckpointWrite, letters: LetterChanges) -> CheckpointWrite {
    CheckpointWrite { letters, ..write }
}

/// The letters of three keys, two of which wait.
fn some() -> Vec<Letter> {
    [(3, "b", true), (5, "a", true), (6, "b", false), (9, "", true), (12, "b", false)]
        .map(|(position, key, fails)| letter(position, key, fails))
        .to_vec()
}

/// A read model with these letters.
async fn parked<H: StorageHarness>(
    subject: &Subject<H>,
    letters: &[Letter],
) -> Result<Checkpoint, Broken> {
    let next = checkpoint(1, 20);
    subject.write(None, &with(first(orders(), next.clone()), put(letters))).await??;
    Ok(next)
}

/// All letters of a read model.
async fn all<H: StorageHarness>(
    subject: &Subject<H>,
    key: &CheckpointKey,
) -> Result<Vec<Letter>, Broken> {
    Ok(subject.letters(key, &LetterQuery::first(1_000)).await?)
}

async fn expect<H: StorageHarness>(
    subject: &Subject<H>,
    rule: &str,
    expected: &[Letter],
) -> Verdict {
    let found = all(subject, &orders()).await?;
    ensure!(found == expected, "{rule}: there should be {expected:?}; there are {found:?}");
    Ok(())
}

pub(super) async fn every_field_of_a_letter_comes_back<H: StorageHarness>(
    subject: Subject<H>,
) -> Verdict {
    expect(&subject, "a storage that was never set up has no letters", &[]).await?;
    parked(&subject, &some()).await?;
    expect(&subject, "a letter comes back with every field", &some()).await
}

pub(super) async fn letters_are_read_in_order_and_by_key<H: StorageHarness>(
    subject: Subject<H>,
) -> Verdict {
    let mut reversed = some();
    reversed.reverse();
    parked(&subject, &reversed).await?;
    let all = LetterQuery::first(1_000);
    let of_key = LetterQuery { park_key: Some("b".to_owned()), ..all.clone() };
    let after =
        |after: u64, query: &LetterQuery| LetterQuery { after: after.into(), ..query.clone() };
    let queries = [
        (all.clone(), vec![3, 5, 6, 9, 12]),
        (LetterQuery::first(2), vec![3, 5]),
        (after(5, &all), vec![6, 9, 12]),
        (after(5, &LetterQuery::first(1)), vec![6]),
        (of_key.clone(), vec![3, 6, 12]),
        (after(3, &of_key), vec![6, 12]),
        (LetterQuery { park_key: Some(String::new()), ..all.clone() }, vec![9]),
        (LetterQuery { park_key: Some("c".to_owned()), ..all }, vec![]),
    ];
    for (query, expected) in queries {
        let found = subject.letters(&orders(), &query).await?;
        let found: Vec<u64> = found.iter().map(|letter| letter.position.get()).collect();
        ensure!(
            found == expected,
            "letters are read in the order of their positions, after one, of one key, and no more than asked for: {query:?} should find {expected:?}; it finds {found:?}"
        );
    }
    Ok(())
}

pub(super) async fn letters_commit_with_the_checkpoint_or_not_at_all<H: StorageHarness>(
    subject: Subject<H>,
) -> Verdict {
    let stored = parked(&subject, &some()).await?;
    let (other, next) = (checkpoint(7, 20), checkpoint(1, 30));
    let changes = LetterChanges {
        put: vec![letter(25, "b", false)],
        remove: vec![3.into()],
        passed: Passed { skipped: 1, discarded: 1, erased: 1 },
    };
    let conflict = with(over(orders(), &other, next.clone()), changes.clone());
    let outcome = subject.write(None, &conflict).await?;
    ensure!(
        matches!(outcome, Err(CommitError::Conflict)),
        "another epoch is a conflict; it is {outcome:?}"
    );
    expect(&subject, "a conflict changes no letter", &some()).await?;
    let counted = subject.parking(&orders()).await?.passed;
    ensure!(counted == Passed::default(), "a conflict counts nothing: {counted:?}");
    subject.write(None, &with(over(orders(), &stored, next), changes)).await??;
    let mut expected = some();
    expected.remove(0);
    expected.push(letter(25, "b", false));
    expect(&subject, "a commit removes letters and adds others", &expected).await
}

pub(super) async fn a_letter_is_replaced_and_removed<H: StorageHarness>(
    subject: Subject<H>,
) -> Verdict {
    let stored = parked(&subject, &some()).await?;
    let again = Letter { failure: letter(40, "b", true).failure, ..letter(6, "b", false) };
    let next = checkpoint(1, 30);
    let replace = with(over(orders(), &stored, next.clone()), put(std::slice::from_ref(&again)));
    subject.write(None, &replace).await??;
    let mut expected = some();
    expected[2] = again;
    expect(&subject, "a letter at the same position takes the place of the other", &expected)
        .await?;
    let remove = expected.iter().map(|letter| letter.position).collect();
    let changes = LetterChanges { remove, ..LetterChanges::default() };
    let last = checkpoint(1, 40);
    subject.write(None, &with(over(orders(), &next, last), changes)).await??;
    expect(&subject, "what is removed is gone", &[]).await?;
    let keys = subject.parked(&orders()).await?;
    ensure!(keys.is_empty(), "a key without letters is not parked: {keys:?}");
    Ok(())
}

pub(super) async fn parked_keys_and_counts_add_up<H: StorageHarness>(
    subject: Subject<H>,
) -> Verdict {
    let nothing = subject.parking(&orders()).await?;
    ensure!(nothing == Parking::default(), "a new storage has parked nothing: {nothing:?}");
    let stored = parked(&subject, &some()).await?;
    let key = |park_key: &str, first: u64, last: u64, letters| ParkedKey {
        park_key: park_key.to_owned(),
        first: first.into(),
        last: last.into(),
        letters,
    };
    let expected = [key("", 9, 9, 1), key("a", 5, 5, 1), key("b", 3, 12, 3)];
    let found = subject.parked(&orders()).await?;
    ensure!(
        found == expected,
        "each parked key has its first and last position and how many letters it has: {found:?}"
    );
    let passed = Passed { skipped: 1, discarded: 20, erased: 300 };
    let mut before = stored;
    for position in [30, 40] {
        let next = checkpoint(1, position);
        let changes = LetterChanges { passed, ..LetterChanges::default() };
        subject.write(None, &with(over(orders(), &before, next.clone()), changes)).await??;
        before = next;
    }
    let found = subject.parking(&orders()).await?;
    let passed = Passed { skipped: 2, discarded: 40, erased: 600 };
    ensure!(
        found == Parking { keys: 3, letters: 5, passed },
        "keys and letters are counted, and what is passed adds up: {found:?}"
    );
    Ok(())
}

pub(super) async fn a_reset_removes_letters_and_counts<H: StorageHarness>(
    subject: Subject<H>,
) -> Verdict {
    let stored = parked(&subject, &some()).await?;
    let mut session = subject.begin().await?;
    subject.reset(&mut session, &orders()).await?;
    subject.rollback(session).await?;
    expect(&subject, "a reset that is rolled back removes no letter", &some()).await?;
    let passed = Passed { skipped: 1, discarded: 1, erased: 1 };
    let next = checkpoint(1, 30);
    let changes = LetterChanges { passed, ..LetterChanges::default() };
    subject.write(None, &with(over(orders(), &stored, next.clone()), changes)).await??;
    let mut session = subject.begin().await?;
    subject.reset(&mut session, &orders()).await?;
    subject.commit(session, &over(orders(), &next, checkpoint(2, 0))).await?;
    expect(&subject, "a reset removes the letters", &[]).await?;
    let found = subject.parking(&orders()).await?;
    ensure!(found == Parking::default(), "a reset removes what was counted: {found:?}");
    Ok(())
}

pub(super) async fn letters_of_read_models_do_not_mix<H: StorageHarness>(
    subject: Subject<H>,
) -> Verdict {
    let mut keys = vec![
        orders(),
        CheckpointKey::new("", "Orders"),
        CheckpointKey::new("shop", "orders"),
        CheckpointKey { generation: 2, ..orders() },
        CheckpointKey { lane: 2, ..orders() },
        CheckpointKey { partition: 2, ..orders() },
    ];
    for (n, key) in (1..).zip(&keys) {
        let letters = [letter(7, &format!("{n}"), true)];
        let passed = Passed { skipped: n, ..Passed::default() };
        let changes = LetterChanges { passed, ..put(&letters) };
        subject.write(None, &with(first(key.clone(), checkpoint(1, 20)), changes)).await??;
    }
    let mut session = subject.begin().await?;
    let last = keys.pop().unwrap_or_else(orders);
    subject.reset(&mut session, &last).await?;
    let write = over(last.clone(), &checkpoint(1, 20), checkpoint(2, 0));
    subject.commit(session, &write).await?;
    ensure!(all(&subject, &last).await?.is_empty(), "a reset removes the letters of {last:?}");
    for (n, key) in (1..).zip(&keys) {
        let found = all(&subject, key).await?;
        ensure!(
            found == [letter(7, &format!("{n}"), true)],
            "each read model has its own letters, also at one position: {key:?} has {found:?}"
        );
        let counted = subject.parking(key).await?;
        let passed = Passed { skipped: n, ..Passed::default() };
        ensure!(
            counted == Parking { keys: 1, letters: 1, passed },
            "each read model has its own counts: {key:?} has {counted:?}"
        );
        let parked = subject.parked(key).await?;
        ensure!(
            parked.len() == 1 && parked[0].park_key == format!("{n}"),
            "each read model has its own keys: {key:?} has {parked:?}"
        );
    }
    Ok(())
}
