//! The engine of async storages: batches run on the runner's own task.

use std::{any::Any, sync::Arc};

use super::{Applied, Batch, BoxFuture, Engine, Execution, Make, Start, StartError, apply};
use crate::{
    Async, AsyncStorage, Checkpoint, CheckpointKey, CheckpointWrite, CommitError, Handlers,
    Projector, StoreError, read::RowReads, registry::StorageKind,
};

impl<S: AsyncStorage> Execution<S> for Async {
    const KIND: StorageKind = StorageKind::Async;

    fn engine<P>(storage: S, _name: &str, make: Make<P>) -> Box<dyn Engine>
    where
        P: Projector<Storage = S> + Handlers + Send + Sync + 'static,
    {
        Box::new(AsyncEngine { storage, projector: make() })
    }

    fn checkpoints<'a>(
        storage: &'a S,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(CheckpointKey, Checkpoint)>, StoreError>> {
        Box::pin(storage.checkpoints(namespace))
    }
}

struct AsyncEngine<S, P> {
    storage: S,
    projector: P,
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
            let mut session = self.storage.begin().await?;
            let checkpoint = match self.storage.setup(&mut session).await {
                Ok(()) => self.storage.load(&mut session, key).await,
                Err(error) => Err(error),
            };
            // Nothing was meant to be kept: a start creates the tables with the first checkpoint.
            self.storage.rollback(session).await?;
            checkpoint
        })
    }

    fn start(&mut self, start: Start) -> BoxFuture<'_, Result<(), StartError>> {
        Box::pin(async move {
            let mut session = self.storage.begin().await?;
            self.storage.setup(&mut session).await?;
            for (call, kind) in apply::hooks::<P>(start.reset) {
                apply::hook_async(&mut self.projector, call, kind, &mut session).await?;
            }
            if start.reset {
                self.storage.reset(&mut session, &start.write.key).await?;
            }
            self.storage.commit(session, &start.write).await.map_err(StartError::Commit)
        })
    }

    fn apply(&mut self, batch: Batch) -> BoxFuture<'_, Applied> {
        Box::pin(async move {
            let mut session = match self.storage.begin().await {
                Ok(session) => session,
                Err(error) => return Applied::Store(error),
            };
            let applied = match apply::is_async::<P>() {
                true => apply::apply_async(&mut self.projector, &batch, &mut session).await,
                false => apply::apply(&mut self.projector, &batch, &mut session),
            };
            match applied {
                Ok(()) => self.storage.commit(session, &batch.write).await.into(),
                // A failed roll-back leaves nothing behind either: the session is gone with it.
                Err(failure) => {
                    let _ = self.storage.rollback(session).await;
                    failure.into_applied(&batch)
                }
            }
        })
    }

    fn save(&mut self, write: CheckpointWrite) -> BoxFuture<'_, Result<(), CommitError>> {
        Box::pin(async move {
            let session = self.storage.begin().await?;
            self.storage.commit(session, &write).await
        })
    }

    fn row_reads(&self) -> Option<Arc<dyn RowReads>> {
        self.storage.row_reads()
    }

    fn state(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        None
    }
}
