//! [`Runtime::forget`]: what the library itself keeps of a stream whose events are erased.

use super::{Runtime, dead_letters::Chosen, slot::Slot};
use crate::{EventSource, LetterQuery, RedriveError, StoreError, UnknownProjector, error::chain};

/// Letters are read in chunks of so many.
const CHUNK: usize = 500;

/// What [`Runtime::forget`] has removed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Forgotten {
    /// Dead letters of the stream's events, which are discarded.
    pub letters: u64,
    /// Projectors whose snapshot is removed: they are replayed at their next start.
    pub snapshots: Vec<String>,
    /// Projectors whose snapshot stays, because it holds where they began: rebuild them.
    pub kept: Vec<String>,
}

/// A stream was not forgotten everywhere. What was removed is removed; ask again for the rest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForgetError {
    /// The dead letters of a projector could not be discarded.
    #[error(
        "the dead letters of projector `{projector}` could not be discarded: {}",
        chain(source)
    )]
    Letters {
        /// The projector.
        projector: String,
        /// Why.
        source: RedriveError,
    },
    /// The snapshot of a projector could not be removed.
    #[error("the snapshot of projector `{projector}` could not be removed")]
    Snapshot {
        /// The projector.
        projector: String,
        /// Why.
        #[source]
        source: StoreError,
    },
}

impl<S: EventSource> Runtime<S> {
    /// Removes what the library itself keeps of a stream, for when its events are erased: the dead
    /// letters of its events, of every projector, and the snapshots of projectors, which may hold
    /// anything. A stream that nothing is kept of is no error.
    ///
    /// Erase the events first, so that their codec answers [`Erased`](crate::Erased). What handlers
    /// have made of them before, in tables and in the fields of running projectors, is theirs: a
    /// [rebuild](Self::rebuild) leaves it out.
    ///
    /// # Errors
    /// When letters cannot be discarded, or a snapshot cannot be removed.
    ///
    /// # Cancel safety
    /// A call that is dropped may have removed a part; repeating it is safe.
    pub async fn forget(&self, stream: &str) -> Result<Forgotten, ForgetError> {
        let mut forgotten = Forgotten::default();
        for slot in &self.inner.slots {
            let letters = self.forget_letters(slot, stream).await;
            forgotten.letters += letters.map_err(|source| {
                let projector = slot.name.clone();
                ForgetError::Letters { projector, source }
            })?;
            forget_snapshot(slot, &mut forgotten).await.map_err(|source| {
                let projector = slot.name.clone();
                ForgetError::Snapshot { projector, source }
            })?;
        }
        Ok(forgotten)
    }

    /// Discards the last letter first, so that none is applied because the one before it is gone.
    async fn forget_letters(&self, slot: &Slot, stream: &str) -> Result<u64, RedriveError> {
        let letters = self.dead_letters(&slot.name).map_err(unlisted)?.with_this_code();
        let (mut positions, mut query) = (Vec::new(), LetterQuery::first(CHUNK));
        loop {
            let chunk = letters.list(&query).await?;
            let Some(last) = chunk.last() else { break };
            query = query.after(last.position);
            let own = chunk.iter().filter(|letter| letter.stream == stream);
            positions.extend(own.map(|letter| letter.position));
        }
        let mut discarded = 0;
        for position in positions.into_iter().rev() {
            match letters.discard(Chosen::Event(position)).await {
                Ok(handled) => discarded += handled.discarded,
                // Somebody else was faster.
                Err(RedriveError::NotParked { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(discarded)
    }
}

/// A projector of the runtime's own is known to it.
fn unlisted(error: UnknownProjector) -> RedriveError {
    RedriveError::Command(error.into())
}

async fn forget_snapshot(slot: &Slot, forgotten: &mut Forgotten) -> Result<(), StoreError> {
    let Some(place) = &slot.snapshot_place else { return Ok(()) };
    if place.store.load(&place.key).await?.is_none() {
        return Ok(());
    }
    if slot.registration.begins_now() {
        forgotten.kept.push(slot.name.clone());
        return Ok(());
    }
    place.store.remove(&place.key).await?;
    forgotten.snapshots.push(slot.name.clone());
    Ok(())
}
