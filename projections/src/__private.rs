//! What generated code may name. Not part of the public interface: it changes without notice.
//!
//! A mistake of the user is reported by exactly one assertion of `checks` or `faults`, at a
//! token that the user wrote. The generated `match` never reports anything: `dispatch` gives each
//! of its steps a fallback, which is chosen only where an assertion has failed already.

mod checks;
pub(crate) mod coverage;
mod dispatch;
mod faults;
mod fields;
mod inert;
mod keys;
mod message;
mod row_tables;
mod templates;
mod upcasts;

pub use crate::snapshot::{
    Restorer, Saver, SnapshotCode, SnapshotError, projector_must_be_clone,
    snapshot_field_must_be_deserialize, snapshot_field_must_be_serialize,
};
pub use std::vec::Vec;

pub use inventory;

pub use crate::{
    __assertions as assertions, __handle as handle, __handlers as handlers, __hook as hook,
    __implementation as implementation, __routes as routes, __tables as tables, __types as types,
};

pub use self::{
    checks::{
        Answer, EventArgument, FallbackArgument, HandlerError, HandlerReturn, HandlerValue,
        JudgeOfNothing, JudgedAs, ParkKey, ParkKeyArgument, SharedParameter,
        check_fallback_argument, check_park_key, check_projector, check_return,
        handler_future_must_be_send, park_key,
    },
    coverage::{no_coverage_fault, no_ignores_fault},
    dispatch::{
        Appended, Argument, DeclareFallback, DecoderFallback, Encode, EncodeFallback, Judged,
        JudgedBy, JudgedFallback, Outcome, OutcomeFallback, RawDecoder, RawDecoderFallback,
        ResultFallback, SharedFallback, Unit, ViewFallback, refused, step,
    },
    faults::{
        EventFacts, EventLookup, EventLookupFallback, Facts, Lookup, LookupFallback,
        UNKNOWN_DOMAIN, domain_name, event_facts, no_async_fault, no_domain_fault,
        no_fallback_fault, no_mut_self_fault, no_name_fault, no_park_by_fault, no_park_key_fault,
        no_rebuild_fault, no_retry_fault, no_route_fault, no_shared_fault, no_value_fault,
        no_variant_fault, no_view_fault,
    },
    fields::{
        BlankRow, Field, FieldFallback, JsonField, JsonValue, KeyField, KeyFieldFallback, KeyPart,
        KeyType, UnknownKey, check_column, check_json, is_key,
    },
    inert::Inert,
    keys::{NameKeysFallback, RowName, no_keys_fault, no_place_of_keys_fault},
    row_tables::{RowPair, RowPairFallback, RowTable, RowTableFallback, no_table_fault},
    upcasts::{
        Convert, ConvertFallback, JsonCodec, MadeFrom, Rewritten, RewrittenAs, Upcaster,
        UpcasterError, VersionFacts, Way, check_json_codec, decode_current, no_older_fault,
        no_version_fault, run_functions, upcaster, version_facts, way,
    },
};
/// What `#[projector]` brings into its module, so that an `impl` block without `#[handlers]` is told
/// what it lacks, where the compiler would say that there is no such attribute. By a glob, which
/// every name of the user's shadows.
#[cfg(feature = "macros")]
pub mod markers {
    pub use projections_macros::handles;
}

use crate::{Fingerprint, HandleError, Handlers, MissingResource, Resources};
pub use crate::{
    engine::{
        Activated, Activation, Applied, Aside, Batch, BoxFuture, Engine, Execution, Identity,
        Interrupt, Make, Progress, RowUse, SnapshotPlace, SnapshotUse, Start, StartError,
    },
    letters::LetterBox,
    projector::{Construct, HookCall, KeySource, SessionOf},
    registry::{Linked, StorageKind},
    rows::DeclaredTable,
    runtime::storages::Storages,
};

/// Clones the resource of a `#[resource]` field.
///
/// # Errors
/// Names the type, where the builder was not given one.
pub fn resource<T: Clone + Send + Sync + 'static>(
    resources: &Resources,
) -> Result<T, MissingResource> {
    resources.get()
}

/// What a generated `match` answers to a number that it does not know.
pub fn no_route(route: u32) -> Result<(), HandleError> {
    Err(HandleError::no_route(route))
}

/// What a table of routes branches on.
pub const ALWAYS: bool = true;

/// Makes the fingerprint of a projector, whose routes generated code need not name then.
#[must_use]
pub const fn fingerprint<P: Handlers>(others: &[u64]) -> Fingerprint {
    Fingerprint::of(P::ROUTES, others)
}
