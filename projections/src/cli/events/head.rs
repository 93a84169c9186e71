//! `events head`.

use serde::Serialize;

use crate::{
    EventSource,
    cli::{command::Head, escape, failure::Failure, output},
};

/// What `events head --json` prints.
#[derive(Debug, Serialize)]
struct Document {
    position: u64,
    store: String,
}

/// Prints the last position, 0 for an empty log, and the store's identity.
pub(in crate::cli) async fn head<S: EventSource>(
    events: &S,
    options: &Head,
) -> Result<(), Failure> {
    let head = events.head().await.map_err(|error| Failure::error(&error))?;
    let position = head.map_or(0, |head| head.position.get());
    let store = events.store_id().to_string();
    if options.json {
        return output::print_json(&Document { position, store });
    }
    let label = events.label();
    output::print(&format!("position {position} of store {store}, {}\n", escape::terminal(&label)))
}
