//! The engine of async storages: batches run on the runner's own task.

use std::{any::Any, sync::Arc};

use jiff::Timestamp;

use super::{
    Applied, Batch, BoxFuture, Engine, Execution, Make, Start, StartError,
    apply::{self, Failure},
    handling, is_live,
    limit::within,
    network::{self, Misses},
    rows::{KeptRows, RowUse},
    stages::Stage,
};
use crate::{
    Async, AsyncStorage, Checkpoint, CheckpointKey, CheckpointWrite, CommitError, Handlers, Letter,
    LetterQuery, ParkedKey, Parking, Projector, StoreError, Verdict, read::RowReads,
    registry::StorageKind,
};

impl<S: AsyncStorage> Execution<S> for Async {
    const KIND: StorageKind = StorageKind::Async;

    fn engine<P>(storage: S, _name: &str, make: Make<P>) -> Box<dyn Engine>
    where
        P: Projector<Storage = S> + Handlers + Send + Sync + 'static,
    {
        let used = Arc::<RowUse>::default();
        let rows = KeptRows::of::<P>(Arc::clone(&used));
        Box::new(AsyncEngine {
            storage,
            projector: make(),
            rows,
            used,
            parked: Vec::new(),
            place: None,
        })
    }

    fn checkpoints<'a>(
        storage: &'a S,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(CheckpointKey, Checkpoint)>, StoreError>> {
        Box::pin(storage.checkpoints(namespace))
    }

    fn now(storage: &S) -> BoxFuture<'_, Result<Timestamp, StoreError>> {
        Box::pin(storage.now())
    }

    fn letters<'a>(
        storage: &'a S,
        key: &'a CheckpointKey,
        query: &'a LetterQuery,
    ) -> BoxFuture<'a, Result<Vec<Letter>, StoreError>> {
        Box::pin(storage.letters(key, query))
    }

    fn parking<'a>(
        storage: &'a S,
        key: &'a CheckpointKey,
    ) -> BoxFuture<'a, Result<Parking, StoreError>> {
        Box::pin(storage.parking(key))
    }
}

struct AsyncEngine<S, P> {
    storage: S,
    projector: P,
    rows: KeptRows,
    used: Arc<RowUse>,
    parked: Vec<ParkedKey>,
    /// Where a live projector is.
    place: Option<Checkpoint>,
}

impl<S, P> AsyncEngine<S, P>
where
    S: AsyncStorage,
    P: Projector<Storage = S> + Handlers + Send + Sync + 'static,
{
    async fn look(
        &self,
        session: &mut S::Session,
        key: &CheckpointKey,
    ) -> Result<(Option<Checkpoint>, Vec<ParkedKey>), StoreError> {
        self.storage.setup(session).await?;
        Ok((self.storage.load(session, key).await?, self.storage.parked(session, key).await?))
    }

    async fn attempt_start(&mut self, start: &mut Start) -> Result<(), StartError> {
        let mut session = self.storage.begin().await?;
        self.storage.setup(&mut session).await?;
        self.rows.prepare_async::<S>(&mut session, start).await?;
        self.rows.lend::<S>(&mut session, false);
        network::load_for_hooks::<P>(&mut session).await?;
        for (call, kind) in apply::hooks::<P>(start.reset) {
            let outcome = apply::hook_async(&mut self.projector, call, kind, &mut session).await;
            if let (Err(StartError::Missing(_)), Some(rows)) = (&outcome, S::rows(&mut session)) {
                rows.remember(0);
                self.rows.restart::<S>(&mut session);
                self.storage.rollback(session).await?;
                return outcome;
            }
            outcome?;
        }
        if let Some(rows) = S::rows(&mut session) {
            rows.flush_async().await?;
        }
        if start.reset {
            self.storage.reset(&mut session, &start.write.key).await?;
        }
        self.rows.write_start::<S>(&mut session, &mut start.write);
        self.commit(session, &start.write).await.map_err(StartError::Commit)?;
        self.rows.started();
        Ok(())
    }

    /// Commits with the checkpoint. That of a live projector is in memory.
    async fn commit(
        &mut self,
        session: S::Session,
        write: &CheckpointWrite,
    ) -> Result<(), CommitError> {
        if !is_live::<P>() {
            return self.storage.commit(session, write).await;
        }
        self.storage.commit_alone(session).await?;
        self.place = Some(write.next.clone());
        Ok(())
    }

    /// Applies a batch; nothing of it is kept where that fails.
    async fn attempt(&mut self, batch: &mut Batch, by_event: bool) -> Result<Applied, Failure> {
        let mut session = self.storage.begin().await.map_err(Failure::Store)?;
        self.rows.lend::<S>(&mut session, by_event);
        if let Err(failure) = self.handle(batch, &mut session).await {
            match failure {
                Failure::Missing(_) => self.rows.restart::<S>(&mut session),
                _ => self.rows.forget(),
            }
            // A failed roll-back leaves nothing behind either: the session is gone with it.
            let _ = self.storage.rollback(session).await;
            return Err(failure);
        }
        self.rows.take_back::<S>(&mut session, &mut batch.write);
        batch.count_erased();
        let committed = batch.timed_async(Stage::Commit, self.commit(session, &batch.write)).await;
        match &committed {
            // Another process that runs a live projector writes its tables, too.
            Ok(()) if !is_live::<P>() => self.rows.committed(),
            _ => self.rows.forget(),
        }
        Ok(committed.into())
    }

    async fn handle(&mut self, batch: &Batch, session: &mut S::Session) -> Result<(), Failure> {
        if !self.rows.tables().is_empty() {
            let handlers = network::apply(&mut self.projector, batch, session);
            let limit = P::OPTIONS.timeout;
            let marked = handling::mark(P::NAME, handlers);
            return within(&batch.progress, limit, marked).await.unwrap_or_else(|index| {
                Err(Failure::Event(index, apply::timed_out(batch, index, limit)))
            });
        }
        match apply::is_async::<P>() {
            true => {
                let handlers = apply::apply_async(&mut self.projector, batch, session);
                batch.timed_async(Stage::Handle, handlers).await
            }
            false => {
                batch.timed(Stage::Handle, || apply::apply(&mut self.projector, batch, session))
            }
        }
    }
}

impl<S, P> Engine for AsyncEngine<S, P>
where
    S: AsyncStorage,
    P: Projector<Storage = S> + Handlers + Send + Sync + 'static,
{
    fn load<'a>(
        &'a mut self,
        key: &'a CheckpointKey,
    ) -> BoxFuture<'a, Result<Option<Checkpoint>, StoreError>> {
        Box::pin(async move {
            if is_live::<P>() {
                self.rows.loaded(self.place.as_ref());
                return Ok(self.place.clone());
            }
            // Until it is read.
            self.rows.loaded(None);
            let mut session = self.storage.begin().await?;
            let loaded = self.look(&mut session, key).await;
            // Nothing was meant to be kept: a start creates the tables with the first checkpoint.
            self.storage.rollback(session).await?;
            let (checkpoint, parked) = loaded?;
            self.parked = parked;
            self.rows.loaded(checkpoint.as_ref());
            Ok(checkpoint)
        })
    }

    fn start(&mut self, mut start: Start) -> BoxFuture<'_, Result<(), StartError>> {
        Box::pin(async move {
            // What follows is of another epoch.
            self.rows.forget();
            let mut misses = Misses::default();
            let outcome = loop {
                match self.attempt_start(&mut start).await {
                    Err(StartError::Missing(_)) if misses.allow(0) => {}
                    outcome => break outcome,
                }
            };
            self.rows.forget();
            outcome
        })
    }

    fn apply(&mut self, mut batch: Batch) -> BoxFuture<'_, Applied> {
        Box::pin(async move {
            let (mut by_event, mut misses) = (false, Misses::default());
            loop {
                match self.attempt(&mut batch, by_event).await {
                    // Which event's row it is shows when each event's rows are written by themselves.
                    Err(Failure::Refused(..)) if !by_event && batch.events.len() > 1 => {
                        by_event = true;
                    }
                    Err(Failure::Missing(index)) if misses.allow(index) => {}
                    outcome => {
                        return outcome.unwrap_or_else(|failure| failure.into_applied(&batch));
                    }
                }
            }
        })
    }

    fn save(&mut self, mut write: CheckpointWrite) -> BoxFuture<'_, Result<(), CommitError>> {
        Box::pin(async move {
            self.rows.write_alone(&mut write);
            if is_live::<P>() {
                self.place = Some(write.next);
                return Ok(());
            }
            let session = self.storage.begin().await?;
            let saved = self.storage.commit(session, &write).await;
            if saved.is_err() {
                // Another may own the projector now.
                self.rows.forget();
            }
            saved
        })
    }

    fn parked(&mut self) -> Vec<ParkedKey> {
        std::mem::take(&mut self.parked)
    }

    fn letters<'a>(
        &'a mut self,
        key: &'a CheckpointKey,
        query: LetterQuery,
    ) -> BoxFuture<'a, Result<Vec<Letter>, StoreError>> {
        Box::pin(async move { self.storage.letters(key, &query).await })
    }

    fn verdict(&self, error: &(dyn std::error::Error + 'static)) -> Option<Verdict> {
        S::verdict(error)
    }

    fn row_reads(&self) -> Option<Arc<dyn RowReads>> {
        self.storage.row_reads()
    }

    fn state(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        None
    }

    fn row_use(&self) -> Option<Arc<RowUse>> {
        Some(Arc::clone(&self.used))
    }
}
