//! Projectors in a library, as a user writes them. A binary that never names this crate is linked
//! without them, so it says `use linked as _;`.
#![deny(warnings, missing_docs, clippy::pedantic, unsafe_code, rustdoc::all)]

pub mod events;
pub mod odd;
mod parcels;
mod sales;

pub use self::{parcels::Parcels, sales::Sales};
