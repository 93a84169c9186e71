//! Whether a handler runs on this thread: one that waited for a projector would wait for itself.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::pin,
};

thread_local! {
    /// The projector whose handlers run on this thread, by the name that it declares.
    static HANDLING: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// The projector whose handler runs on this thread.
pub(crate) fn handling() -> Option<&'static str> {
    HANDLING.get()
}

/// Marks this thread as one that runs handlers, until dropped.
pub(super) struct Handling {
    before: Option<&'static str>,
}

impl Handling {
    pub(super) fn of(projector: &'static str) -> Self {
        Self { before: HANDLING.replace(Some(projector)) }
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        HANDLING.set(self.before);
    }
}

/// Marks whatever thread runs a future of handlers, while it does.
pub(super) async fn mark<T>(projector: &'static str, handlers: impl Future<Output = T>) -> T {
    let mut handlers = pin!(handlers);
    poll_fn(|context| {
        let _handling = Handling::of(projector);
        handlers.as_mut().poll(context)
    })
    .await
}
