//! [`Figures`] without the feature `metrics`: nothing is counted.

use std::time::Duration;

use super::status::{ProjectorStatus, State};
use crate::{
    GlobalPosition,
    engine::{Progress, Stage},
};

pub(super) struct Figures;

impl Figures {
    pub(super) fn of(_: &str) -> Self {
        Self
    }

    pub(super) fn committed(&self, _: GlobalPosition, _: GlobalPosition, _: usize, _: &Progress) {}

    pub(super) fn took(&self, _: Stage, _: Duration) {}

    pub(super) fn retried(&self, _: Cause) {}

    pub(super) fn status(&self, _: &ProjectorStatus, _: bool) {}

    pub(super) fn unknown(&self, _: Option<State>) {}
}

/// Why something is tried once more.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cause {
    Event,
    Storage,
}
