//! [`Way`]: how the events of a specification reach its projector.

use std::fmt;

/// A way in which a [`Spec`](super::Spec) has its events delivered, each with a fresh read model.
/// All must give the same.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Way {
    /// All events in one batch, and nothing goes wrong.
    OneBatch,
    /// In batches of 1, 2, 3 and 7 events.
    SmallBatches,
    /// A process for each event, which stops cleanly when it has applied it.
    Restarts,
    /// Everything happens twice: each append is repeated, the source hands events out again that it
    /// had handed out, and each transaction is lost once when its handlers have run, which are then
    /// called again. In process, where there is no transaction, each event fails once when its handler
    /// has run. The transactions of a `live` projector are not lost.
    Twice,
    /// The process dies: before each commit, after each commit before it is told so, and in the
    /// middle of a batch, when a handler has done its work.
    Crashes,
    /// Each event is made to fail, before its handler is called. It is parked, and later events of
    /// its key with it; then it is repaired, and what is parked is redriven, late. The last time one
    /// event of every stream fails.
    Redrive,
    /// The read model is rebuilt, half-way and at the end.
    Rebuild,
}

impl Way {
    /// All of them, in the order in which they are walked.
    pub(super) const ALL: [Self; 7] = [
        Self::OneBatch,
        Self::SmallBatches,
        Self::Restarts,
        Self::Twice,
        Self::Crashes,
        Self::Redrive,
        Self::Rebuild,
    ];
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneBatch => "in one batch",
            Self::SmallBatches => "in small batches",
            Self::Restarts => "with restarts",
            Self::Twice => "with everything twice",
            Self::Crashes => "with crashes",
            Self::Redrive => "with a redrive",
            Self::Rebuild => "with a rebuild",
        })
    }
}
