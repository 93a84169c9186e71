//! Unique keys on their way from row to row, on a storage that checks them statement by statement.

use projections::memory::MemoryEventStore;

use crate::{
    double::Double,
    model::{Act, Op},
    programs::Program,
    projectors::{DoubleUsual, Watch},
    run::{append, runtime, saw},
    tables::{AccountChange, AccountLookup},
};

type OnAccount = Act<i32, AccountChange, AccountLookup>;

fn with_code(id: i32, code: u64) -> OnAccount {
    Act::Entry(id, vec![AccountChange::Code(Some(code))])
}

/// Applies the first events in a batch of their own, so that their rows are stored, and the others
/// in one batch; no handler is called twice.
async fn applies(stored: &[&[OnAccount]], batch: &[&[OnAccount]]) {
    let ops = |acts: &&[OnAccount]| acts.iter().cloned().map(Op::Account).collect::<Vec<_>>();
    let program = Program::of(stored.iter().chain(batch).map(ops));
    let (events, double, watch) = (MemoryEventStore::new(), Double::default(), Watch::default());
    let projector = DoubleUsual { watch: watch.clone() };
    let runtime = runtime(&events, double.clone(), projector, 512).await;
    for steps in [&program.steps[..stored.len()], &program.steps[stored.len()..]] {
        append(&events, steps).await;
        runtime.catch_up().await.unwrap();
    }
    saw(&watch, &program);
    assert_eq!(watch.calls(), program.steps.len() as u64, "a handler was called twice");
    assert_eq!(double.count("accounts"), program.world().accounts.0.len());
}

#[tokio::test]
async fn two_rows_swap_theirs_in_one_event() {
    applies(&[&[with_code(1, 1), with_code(2, 2)]], &[&[with_code(1, 2), with_code(2, 1)]]).await;
}

#[tokio::test]
async fn one_is_handed_over_from_a_later_row_to_an_earlier() {
    applies(&[&[with_code(2, 1)]], &[&[with_code(2, 5)], &[with_code(1, 1)]]).await;
}

#[tokio::test]
async fn one_is_handed_over_after_an_index_was_queried_in_the_same_handler() {
    let query = Act::By(AccountLookup::Team(None));
    applies(&[&[with_code(2, 1)]], &[&[with_code(2, 5), query, with_code(1, 1)]]).await;
}

#[tokio::test]
async fn one_is_free_once_its_row_was_removed_and_inserted_with_another() {
    applies(&[&[with_code(2, 1)]], &[&[Act::Remove(2)], &[with_code(2, 5)], &[with_code(1, 1)]])
        .await;
}

#[tokio::test]
async fn a_value_that_cannot_be_stored_is_in_no_row() {
    let query = |code| Act::By(AccountLookup::Code(code));
    let without = Act::Entry(3, vec![]);
    applies(&[&[without]], &[&[query(Some(u64::MAX)), query(None)]]).await;
}
