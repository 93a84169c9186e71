//! `events ...`: what goes in and out of the event store.

mod export;
mod given;
mod head;
mod import;
mod input;
mod line;
mod reader;
mod time;

pub(super) use self::{
    export::export,
    head::head,
    import::{import, prepare},
};
