//! The suite for places where processes say what they run.

use std::{future::Future, sync::Arc};

use super::{Failure, Verdict, conclude, ensure, run, run_all};
use crate::PresenceStore;

mod saying;

type Subject = Arc<dyn PresenceStore>;

/// Checks a place for presences against every rule of [`PresenceStore`]. `make` makes an empty one.
///
/// ```
/// use projections::{EventSource, memory::MemoryEventStore, testing::conformance};
///
/// # #[tokio::main]
/// # async fn main() {
/// conformance::presence_store(|| async { MemoryEventStore::new().presences().unwrap() }).await;
/// # }
/// ```
///
/// # Panics
/// Panics with the checks that failed, each with the rule that is broken.
///
/// # Cancel safety
/// Cancel safe: it leaves nothing but the places that `make` made.
pub async fn presence_store<F>(make: impl Fn() -> F)
where
    F: Future<Output = Arc<dyn PresenceStore>>,
{
    conclude("presence store", &presence_store_failures(make).await);
}

/// Runs the checks of [`presence_store`] and returns those that failed.
///
/// # Cancel safety
/// Cancel safe: it leaves nothing but the places that `make` made.
pub async fn presence_store_failures<F>(make: impl Fn() -> F) -> Vec<Failure>
where
    F: Future<Output = Arc<dyn PresenceStore>>,
{
    run_all!(make() =>
        saying: [
            nobody_has_said_anything_at_first,
            what_is_said_comes_back,
            what_an_owner_says_replaces_what_it_said_before,
            owners_and_namespaces_do_not_mix,
            a_forgotten_owner_is_gone,
        ],
    )
}
