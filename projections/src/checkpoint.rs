//! [`Checkpoint`]: how far a projector has come, and what it was when it came there.

use std::{fmt, str::FromStr, sync::Arc};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Answer, EventId, Fingerprint, GlobalPosition, Lease, LetterChanges, Scanned, StoreId,
    rows::TableDigests,
};

/// What a checkpoint is stored under.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[allow(clippy::exhaustive_structs)] // the final key, from the first day
pub struct CheckpointKey {
    /// The application, where several share a database; empty by default.
    pub namespace: String,
    /// The projector's name.
    pub projector: String,
    /// The build of the read model; 1 until rebuilds in the shadow exist.
    pub generation: u32,
    /// The lane; 0 until lanes exist.
    pub lane: u32,
    /// The source's partition; 0 for a log that has just one.
    pub partition: u32,
}

impl CheckpointKey {
    /// The key of a projector's first generation, in its only lane and partition.
    #[must_use]
    pub fn new(namespace: impl Into<String>, projector: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            projector: projector.into(),
            generation: 1,
            lane: 0,
            partition: 0,
        }
    }
}

/// How far a projector has come, as stored beside its read model.
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_structs)] // a storage must keep every field
pub struct Checkpoint {
    /// The event store that the positions belong to.
    pub store: StoreId,
    /// The last event that was applied.
    pub position: GlobalPosition,
    /// The last event that was looked at, matching or not; its position is never below `position`.
    pub scanned: GlobalPosition,
    /// The id of the event at `scanned`; `None` at the beginning.
    pub event_id: Option<EventId>,
    /// Raised by each start; whoever meets a higher one is superseded.
    pub epoch: u64,
    /// Who runs the projector; `None` where it was released, or where nobody has to: the appends
    /// run it.
    pub lease: Option<Lease>,
    /// The projector's `version` when it was last started.
    pub version: u32,
    /// What code built the read model.
    pub fingerprint: Option<Fingerprint>,
    /// Code of the same version that was replaced by a rebuild: it never runs the projector again.
    pub superseded: Vec<Fingerprint>,
    /// What the projector was subscribed to when it was last started.
    pub subscriptions: Subscriptions,
    /// Side effects have run up to here.
    pub effects_mark: GlobalPosition,
    /// What its owner last said of itself.
    pub state: RecordedState,
    /// Why it halted, or what it waits for.
    pub last_error: Option<String>,
    /// When its owner last wrote this row. It is shown, and nothing is decided by it but whether
    /// `status` takes the owner for alive; a storage that has a clock of its own writes its own
    /// time here instead.
    pub heartbeat_at: Timestamp,
    /// What the rows of its tables add up to.
    pub tables: TableDigests,
}

impl Checkpoint {
    /// The event that must still be in the log where it was.
    #[must_use]
    pub fn seen(&self) -> Option<Scanned> {
        self.event_id.map(|id| Scanned { position: self.scanned, id })
    }

    /// Makes it one that its owner writes now.
    pub(crate) fn renew(&mut self) {
        self.heartbeat_at = Timestamp::now();
        if let Some(lease) = &mut self.lease {
            lease.beat += 1;
        }
    }
}

/// What the owner of a projector last recorded of itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RecordedState {
    /// It halted at an event or at its start.
    Halted,
    /// The appends of the event store run it: it is at the head, and nobody else moves it.
    Inline,
    /// It stands still at somebody's word, until it is resumed.
    Paused,
    /// It is clearing the read model and reading the log again.
    Rebuilding,
    /// An event failed, and is to be tried again.
    Retrying,
    /// It runs.
    Running,
    /// It was stopped cleanly.
    Stopped,
}

impl RecordedState {
    /// The word that is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Halted => "halted",
            Self::Inline => "inline",
            Self::Paused => "paused",
            Self::Rebuilding => "rebuilding",
            Self::Retrying => "retrying",
            Self::Running => "running",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for RecordedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RecordedState {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [
            Self::Halted,
            Self::Inline,
            Self::Paused,
            Self::Rebuilding,
            Self::Retrying,
            Self::Running,
            Self::Stopped,
        ]
        .into_iter()
        .find(|state| state.as_str() == word)
        .ok_or_else(|| format!("unknown checkpoint state `{word}`"))
    }
}

/// What a projector is subscribed to, as stored in its checkpoint.
///
/// Clones share it: it is copied and stored with each batch, and changes with a start alone.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(from = "Vec<Subscribed>", into = "Vec<Subscribed>")]
pub struct Subscriptions {
    list: Arc<[Subscribed]>,
    text: Arc<str>,
}

impl Subscriptions {
    pub(crate) fn list(&self) -> &[Subscribed] {
        &self.list
    }

    /// What [`encode`](Self::encode) returns.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The text that is stored: JSON.
    #[must_use]
    pub fn encode(&self) -> String {
        self.text().to_owned()
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// Returns why the text is not a subscription list.
    pub fn decode(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl Default for Subscriptions {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl From<Vec<Subscribed>> for Subscriptions {
    fn from(list: Vec<Subscribed>) -> Self {
        // Texts and numbers always encode.
        let text = serde_json::to_string(&list).unwrap_or_else(|_| "[]".to_owned());
        Self { list: list.into(), text: text.into() }
    }
}

impl From<Subscriptions> for Vec<Subscribed> {
    fn from(subscriptions: Subscriptions) -> Self {
        subscriptions.list.to_vec()
    }
}

/// One entry of a subscription list.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Subscribed {
    /// The domain; `None` for every domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) domain: Option<String>,
    /// The wire name; `None` for every event of the domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) event: Option<String>,
    /// Events at or before this position are not for this handler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<GlobalPosition>,
}

impl Subscribed {
    /// Tells whether both are of the same events, wherever they begin.
    pub(crate) fn names(&self, other: &Self) -> bool {
        self.domain == other.domain && self.event == other.event
    }
}

/// A compare-and-set of a checkpoint: written only where the stored one is as expected.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CheckpointWrite {
    /// Which checkpoint.
    pub key: CheckpointKey,
    /// What must be stored now; `None`: no row.
    pub previous: Option<Previous>,
    /// What is to be stored.
    pub next: Checkpoint,
    /// The code that appends must run the projector with: where `next` is
    /// [`Inline`](RecordedState::Inline), and only there.
    pub inline: Option<Fingerprint>,
    /// What changes in the letters.
    pub letters: LetterChanges,
    /// The request that this write carries out: it is not written where that has its answer. Only on
    /// a storage with [`requests`](crate::Storage::requests).
    pub answer: Option<Answer>,
}

impl CheckpointWrite {
    /// Makes a write.
    #[must_use]
    pub fn new(key: CheckpointKey, previous: Option<Previous>, next: Checkpoint) -> Self {
        Self { key, previous, next, inline: None, letters: LetterChanges::default(), answer: None }
    }
}

/// What a stored checkpoint must hold for a [`CheckpointWrite`] to happen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(clippy::exhaustive_structs)] // the compare-and-set of the design, with the generation in the key
pub struct Previous {
    /// The owner's epoch.
    pub epoch: u64,
    /// The last applied position.
    pub position: GlobalPosition,
}

impl From<&Checkpoint> for Previous {
    fn from(checkpoint: &Checkpoint) -> Self {
        Self { epoch: checkpoint.epoch, position: checkpoint.position }
    }
}
