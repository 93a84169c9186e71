//! [`Health`]: whether the projectors are well, judged in one place for programs and for people.

use serde::{Serialize, Serializer};

use super::{
    Runtime,
    status::{ProjectorStatus, State, Status},
};
use crate::{EventSource, Parking, StoreError};

/// Whether the projectors are well, and which are not, and why.
///
/// A projector is well while it is caught up or moves, and nothing of it is parked. It serializes as
/// what a `/health` endpoint answers:
///
/// ```
/// # use projections::{Event, Runtime, handlers, memory::MemoryEventStore, projector};
/// # #[derive(Event, serde::Serialize, serde::Deserialize)]
/// # #[event(domain = "orders")]
/// # struct OrderPlaced;
/// # #[projector("order-count", storage = projections::testing::MemoryStorage, register = false)]
/// # #[derive(Clone, Default)]
/// # struct OrderCount;
/// # #[handlers]
/// # impl OrderCount {
/// #     #[handles(OrderPlaced)]
/// #     fn placed(&self, _: &OrderPlaced) {}
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let runtime = Runtime::builder(MemoryEventStore::new())
///     .storage(projections::testing::MemoryStorage::new())
///     .without_linked()
///     .projector(OrderCount)
///     .build()
///     .await?;
/// let health = runtime.health().await?;
/// assert!(!health.healthy, "nobody runs it yet");
/// assert_eq!(
///     serde_json::to_string(&health)?,
///     r#"{"healthy":false,"projectors":[{"projector":"order-count","healthy":false,"state":"stopped","behind":0,"age_seconds":null,"reasons":["it is stopped"]}]}"#
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// Whether every projector that could be judged is well.
    pub healthy: bool,
    /// The projectors that were judged, by name. What every process runs by itself is listed once for
    /// each process that does.
    pub projectors: Vec<ProjectorHealth>,
    /// The projectors that every process runs by itself, and that none is known to run. In the
    /// process that is to run them it means that it has not begun.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<String>,
}

/// Whether one projector is well.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ProjectorHealth {
    /// Its name.
    pub projector: String,
    /// The process that runs it, where every process does by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// Whether it is well.
    pub healthy: bool,
    /// What it does.
    #[serde(serialize_with = "as_text")]
    pub state: State,
    /// Positions that it is behind.
    pub behind: u64,
    /// How long ago the oldest event that is missing was stored, in seconds; `None` when none is.
    pub age_seconds: Option<f64>,
    /// Why it is not well; empty where it is.
    pub reasons: Vec<String>,
}

fn as_text<S: Serializer>(state: &State, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(state)
}

impl<S: EventSource> Runtime<S> {
    /// Judges whether every projector is well, in this process or another, as `projection health`
    /// does.
    ///
    /// # Errors
    /// When the source or a storage cannot be read, which is not well either.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    pub async fn health(&self) -> Result<Health, StoreError> {
        Ok(self.status().await?.health())
    }
}

impl Status {
    /// Judges whether every projector is well.
    #[must_use]
    pub fn health(&self) -> Health {
        let (unseen, judged): (Vec<_>, Vec<_>) =
            self.projectors.iter().partition(|one| one.elsewhere);
        Health {
            healthy: judged.iter().all(|one| one.is_healthy()),
            projectors: judged.into_iter().map(judge).collect(),
            unseen: unseen.into_iter().map(|one| one.projector.clone()).collect(),
        }
    }
}

impl ProjectorStatus {
    /// Tells whether it is well: caught up or moving, and nothing is parked.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.state.is_healthy() && self.parking.letters == 0
    }
}

fn judge(status: &ProjectorStatus) -> ProjectorHealth {
    let process = status.owner.as_ref().filter(|_| status.per_process);
    ProjectorHealth {
        projector: status.projector.clone(),
        process: process.map(|owner| owner.process.clone()),
        healthy: status.is_healthy(),
        state: status.state,
        behind: status.behind,
        age_seconds: status.age.map(|age| age.as_millis() as f64 / 1_000.0),
        reasons: reasons(status),
    }
}

fn reasons(status: &ProjectorStatus) -> Vec<String> {
    let mut reasons = Vec::new();
    let Parking { keys, letters, .. } = status.parking;
    let is_told = status.state == State::Parked && letters > 0;
    if !status.state.is_healthy() && !is_told {
        let state = status.state;
        reasons.push(match &status.last_error {
            Some(error) => format!("it is {state}: {error}"),
            None => format!("it is {state}"),
        });
    }
    if letters > 0 {
        reasons.push(format!("it lacks {letters} events of {keys} parked keys"));
    }
    reasons
}
