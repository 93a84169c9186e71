//! What generated code may name. Not part of the public interface: it changes without notice.

pub use inventory;

use crate::{BoxError, Codec, Envelope, Event, HandleError};
pub use crate::{
    engine::{Applied, Batch, BoxFuture, Engine, Execution, Make, Start, StartError},
    projector::{Construct, HookCall, SessionOf},
    registry::{Linked, StorageKind},
    runtime::storages::Storages,
};

/// Decodes an event for its handler.
#[inline]
pub fn decode<E: Event>(envelope: &Envelope) -> Result<E::Decoded<'_>, HandleError> {
    E::Codec::decode(envelope.payload())
        .map_err(|source| HandleError::Decode { event: E::NAME, source })
}

/// What a handler may return: `()` or a `Result`.
#[diagnostic::on_unimplemented(message = "a handler returns `()` or `Result<T, E>`, not `{Self}`")]
pub trait HandlerReturn {
    /// Turns it into what the runner reads.
    fn into_outcome(self, method: &'static str) -> Result<(), HandleError>;
}

impl HandlerReturn for () {
    #[inline]
    fn into_outcome(self, _method: &'static str) -> Result<(), HandleError> {
        Ok(())
    }
}

impl<T: serde::Serialize, E: Into<BoxError>> HandlerReturn for Result<T, E> {
    #[inline]
    fn into_outcome(self, method: &'static str) -> Result<(), HandleError> {
        match self {
            Ok(_) => Ok(()),
            Err(error) => Err(HandleError::Failed { method, source: error.into() }),
        }
    }
}
