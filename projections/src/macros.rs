//! The macros, with their documentation.

/// Derives [`Domain`](trait@crate::Domain).
#[doc(inline)]
pub use projections_macros::Domain;
/// Derives [`Event`](trait@crate::Event).
#[doc(inline)]
pub use projections_macros::Event;
#[doc(inline)]
pub use projections_macros::{fallback, flush, handlers, handles, projector, reset, setup};
