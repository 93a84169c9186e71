//! One append, and the projectors in it.

use projections::{AppendError, State};
use projections_tests::inline::REFUSED;

use crate::support::{Place, append, state};

#[tokio::test]
async fn an_append_runs_the_handlers_in_its_transaction() {
    let place = Place::new();
    let events = place.events();
    append(&events, 0..5).await.unwrap();
    let runtime = place.active().await;
    assert_eq!(place.ledger().rows.len(), 5, "what was stored before is caught up");
    append(&events, 5..8).await.unwrap();
    assert_eq!(place.ledger().rows.len(), 8, "with the append, without a run");
    assert_eq!(state(&runtime).await, (State::CaughtUp, 8, 0));
}

#[tokio::test]
async fn a_handler_that_fails_fails_the_append_and_neither_is_stored() {
    let place = Place::new();
    let runtime = place.active().await;
    let events = place.events();
    append(&events, 0..2).await.unwrap();
    let error = append(&events, [2, REFUSED, 3]).await.unwrap_err();
    let AppendError::Projector { projector, name, stream, .. } = &error else { panic!("{error}") };
    assert_eq!((&**projector, &**name, &**stream), ("ledger", "Added", "a"));
    assert_eq!(place.ledger().rows.len(), 2);
    append(&events, 4..6).await.unwrap();
    assert_eq!(place.ledger().rows, [(1, 0), (2, 1), (3, 4), (4, 5)]);
    assert_eq!(state(&runtime).await, (State::CaughtUp, 4, 0));
}
