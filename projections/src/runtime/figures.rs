//! [`Figures`]: what a projector does, in figures, for whatever recorder is installed.

use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};

use super::status::{ProjectorStatus, State};
use crate::{
    GlobalPosition,
    engine::{Progress, Stage},
};

/// The handles of one projector's figures, which are asked for once.
pub(super) struct Figures {
    position: Gauge,
    scanned: Gauge,
    head: Gauge,
    behind: Gauge,
    age: Gauge,
    parked: Gauge,
    parked_keys: Gauge,
    healthy: Gauge,
    holds: Gauge,
    states: [(State, Gauge); State::ALL.len()],
    events: Counter,
    batch: Histogram,
    stages: [Histogram; Stage::ALL.len()],
    retried_events: Counter,
    retried_storage: Counter,
}

impl Figures {
    pub(super) fn of(projector: &str) -> Self {
        describe();
        let name = || projector.to_owned();
        Self {
            position: gauge!("projections.position", "projector" => name()),
            scanned: gauge!("projections.scanned", "projector" => name()),
            head: gauge!("projections.head", "projector" => name()),
            behind: gauge!("projections.behind", "projector" => name()),
            age: gauge!("projections.age", "projector" => name()),
            parked: gauge!("projections.parked", "projector" => name()),
            parked_keys: gauge!("projections.parked.keys", "projector" => name()),
            healthy: gauge!("projections.healthy", "projector" => name()),
            holds: gauge!("projections.lease.held", "projector" => name()),
            states: State::ALL.map(|state| {
                let label = state.to_string();
                (state, gauge!("projections.state", "projector" => name(), "state" => label))
            }),
            events: counter!("projections.events", "projector" => name()),
            batch: histogram!("projections.batch.size", "projector" => name()),
            stages: Stage::ALL.map(|stage| {
                histogram!("projections.stage.duration", "projector" => name(), "stage" => stage.name())
            }),
            retried_events: counter!("projections.retries", "projector" => name(), "cause" => "event"),
            retried_storage: counter!("projections.retries", "projector" => name(), "cause" => "storage"),
        }
    }

    /// A batch is committed.
    pub(super) fn committed(
        &self,
        position: GlobalPosition,
        scanned: GlobalPosition,
        events: usize,
        progress: &Progress,
    ) {
        self.position.set(figure(position.get()));
        self.scanned.set(figure(scanned.get()));
        self.events.increment(events as u64);
        self.batch.record(events as f64);
        for stage in Stage::ALL {
            if let Some(took) = progress.took(stage) {
                self.took(stage, took);
            }
        }
    }

    /// A stage is done.
    pub(super) fn took(&self, stage: Stage, took: Duration) {
        if let Some(histogram) = self.stages.get(stage as usize) {
            histogram.record(took);
        }
    }

    /// Something is tried once more.
    pub(super) fn retried(&self, cause: Cause) {
        match cause {
            Cause::Event => self.retried_events.increment(1),
            Cause::Storage => self.retried_storage.increment(1),
        }
    }

    /// What the status says, and whether this process owns the projector.
    pub(super) fn status(&self, status: &ProjectorStatus, holds: bool) {
        self.position.set(figure(status.position.get()));
        self.scanned.set(figure(status.scanned.get()));
        self.head.set(figure(status.head.get()));
        self.behind.set(figure(status.behind));
        self.age.set(status.age.unwrap_or_default().as_secs_f64());
        self.parked.set(figure(status.parking.letters));
        self.parked_keys.set(figure(status.parking.keys));
        self.healthy.set(f64::from(u8::from(status.is_healthy())));
        self.holds.set(f64::from(u8::from(holds)));
        self.state(Some(status.state));
    }

    /// What the projector does, where nothing else of it can be known.
    pub(super) fn unknown(&self, state: Option<State>) {
        self.healthy.set(0.0);
        self.state(state);
    }

    fn state(&self, is: Option<State>) {
        for (state, gauge) in &self.states {
            gauge.set(f64::from(u8::from(Some(*state) == is)));
        }
    }
}

/// Why something is tried once more.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cause {
    Event,
    Storage,
}

/// Positions and counts, as recorders take them: exact up to 2^53.
fn figure(number: u64) -> f64 {
    number as f64
}

fn describe() {
    describe_gauge!("projections.position", Unit::Count, "The last event that was applied.");
    describe_gauge!("projections.scanned", Unit::Count, "The last event that was looked at.");
    describe_gauge!("projections.head", Unit::Count, "The last event of the log.");
    describe_gauge!(
        "projections.behind",
        Unit::Count,
        "Positions from the scanned one to the head."
    );
    describe_gauge!(
        "projections.age",
        Unit::Seconds,
        "How long ago the oldest event that is missing was stored."
    );
    describe_gauge!(
        "projections.parked",
        Unit::Count,
        "Events that are parked, or wait behind such."
    );
    describe_gauge!("projections.parked.keys", Unit::Count, "Keys that are parked.");
    describe_gauge!("projections.healthy", "1 while the projector is well, else 0.");
    describe_gauge!("projections.lease.held", "1 while this process owns the projector, else 0.");
    describe_gauge!(
        "projections.state",
        "1 for the state that the projector is in, 0 for the others."
    );
    describe_counter!("projections.events", Unit::Count, "Events that were handled and committed.");
    describe_histogram!("projections.batch.size", Unit::Count, "Events of a committed batch.");
    describe_histogram!(
        "projections.stage.duration",
        Unit::Seconds,
        "What a stage of a committed batch took."
    );
    describe_counter!("projections.retries", Unit::Count, "Attempts after one that failed.");
}
