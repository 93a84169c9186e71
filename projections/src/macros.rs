//! The macros, with their documentation.

mod derives;
mod handlers;
mod methods;
mod projector;

#[doc(hidden)]
pub use self::methods::flush;
pub use self::{
    derives::{Domain, Event, ReadModel},
    handlers::{handlers, handles},
    methods::{fallback, keys, park_key, reset, setup},
    projector::projector,
};
