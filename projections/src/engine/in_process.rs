//! The engine of projectors without storage: their fields are the read model.
//!
//! Fields have no transaction. After a failed handler the state is thrown away, and with it the
//! position: the runner then replays up to the failing event.

use std::{any::Any, sync::Arc};

use tokio::sync::{RwLock, RwLockWriteGuard};

use super::{Applied, Batch, BoxFuture, Engine, Execution, Make, Start, StartError, apply};
use crate::{
    Checkpoint, CheckpointKey, CheckpointWrite, CommitError, GlobalPosition, Handlers, InProcess,
    Projector, StoreError, registry::StorageKind,
};

impl Execution<InProcess> for InProcess {
    const KIND: StorageKind = StorageKind::InProcess;

    fn engine<P>(_storage: InProcess, _name: &str, make: Make<P>) -> Box<dyn Engine>
    where
        P: Projector<Storage = InProcess> + Handlers + Send + Sync + 'static,
    {
        let state = State { projector: make(), position: GlobalPosition::BEGINNING };
        Box::new(InProcessEngine { state: Arc::new(RwLock::new(state)), make, checkpoint: None })
    }

    fn checkpoints<'a>(
        _storage: &'a InProcess,
        _namespace: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(CheckpointKey, Checkpoint)>, StoreError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

/// A read model in process, and the last event in it.
pub(crate) struct State<P> {
    pub(crate) projector: P,
    pub(crate) position: GlobalPosition,
}

struct InProcessEngine<P> {
    state: Arc<RwLock<State<P>>>,
    make: Make<P>,
    checkpoint: Option<Checkpoint>,
}

impl<P> InProcessEngine<P>
where
    P: Projector<Storage = InProcess> + Handlers + Send + Sync + 'static,
{
    fn keep(&mut self, write: CheckpointWrite) {
        self.checkpoint = Some(write.next);
    }

    /// Applies under the write lock, so that a reader sees whole batches only.
    async fn run(&mut self, batch: &Batch) -> Applied {
        let state = self.state.write().await;
        let mut attempt =
            Attempt { state, make: &self.make, checkpoint: &mut self.checkpoint, whole: false };
        let projector = &mut attempt.state.projector;
        // A loop without awaits is compiled better, so it runs wherever no handler needs one.
        let applied = match apply::is_async::<P>() {
            true => apply::apply_async(projector, batch, &mut ()).await,
            false => apply::apply(projector, batch, &mut ()),
        };
        match applied {
            Ok(()) => {
                attempt.state.position = batch.write.next.position;
                attempt.whole = true;
                Applied::Committed
            }
            Err(failure) => failure.into(),
        }
    }
}

/// A batch on its way. Unless it came to its end, state and position are thrown away: also when
/// the future is dropped between two events.
struct Attempt<'a, P> {
    state: RwLockWriteGuard<'a, State<P>>,
    make: &'a Make<P>,
    checkpoint: &'a mut Option<Checkpoint>,
    whole: bool,
}

impl<P> Drop for Attempt<'_, P> {
    fn drop(&mut self) {
        if !self.whole {
            self.state.projector = (self.make)();
            self.state.position = GlobalPosition::BEGINNING;
            *self.checkpoint = None;
        }
    }
}

impl<P> Engine for InProcessEngine<P>
where
    P: Projector<Storage = InProcess> + Handlers + Send + Sync + 'static,
{
    fn load<'a>(
        &'a mut self,
        _key: &'a CheckpointKey,
    ) -> BoxFuture<'a, Result<Option<Checkpoint>, StoreError>> {
        Box::pin(std::future::ready(Ok(self.checkpoint.clone())))
    }

    fn start(&mut self, start: Start) -> BoxFuture<'_, Result<(), StartError>> {
        Box::pin(async move {
            let mut state = self.state.write().await;
            if start.reset {
                state.projector = (self.make)();
                state.position = GlobalPosition::BEGINNING;
            }
            for (call, kind) in apply::hooks::<P>(false) {
                apply::hook_async(&mut state.projector, call, kind, &mut ()).await?;
            }
            drop(state);
            self.keep(start.write);
            Ok(())
        })
    }

    fn apply(&mut self, batch: Batch) -> BoxFuture<'_, Applied> {
        Box::pin(async move {
            let applied = self.run(&batch).await;
            if matches!(applied, Applied::Committed) {
                self.keep(batch.write);
            }
            applied
        })
    }

    fn save(&mut self, write: CheckpointWrite) -> BoxFuture<'_, Result<(), CommitError>> {
        self.keep(write);
        Box::pin(std::future::ready(Ok(())))
    }

    fn state(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        Some(Arc::clone(&self.state) as _)
    }
}
