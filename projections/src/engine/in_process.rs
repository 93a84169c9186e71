//! The engine of projectors without storage: their fields are the read model.
//!
//! Fields have no transaction. After a failed handler the state is thrown away, and with it the
//! position: the runner then replays up to the failing event.

use std::{any::Any, sync::Arc};

use tokio::sync::{RwLock, RwLockWriteGuard};

use super::{
    Applied, Batch, BoxFuture, Engine, Execution, Make, Start, StartError, apply,
    reads::InProcessReads, rows::RowUse,
};
use crate::{
    Checkpoint, CheckpointKey, CheckpointWrite, CommitError, GlobalPosition, Handlers, InProcess,
    InProcessSession, Projector, StoreError, read::RowReads, registry::StorageKind, rows::RowSets,
};

impl Execution<InProcess> for InProcess {
    const KIND: StorageKind = StorageKind::InProcess;

    fn engine<P>(_storage: InProcess, name: &str, make: Make<P>) -> Box<dyn Engine>
    where
        P: Projector<Storage = InProcess> + Handlers + Send + Sync + 'static,
    {
        let rows = RowSets::in_memory(&P::tables());
        let state = State {
            projector: make(),
            session: InProcessSession { rows },
            position: GlobalPosition::BEGINNING,
        };
        Box::new(InProcessEngine {
            name: name.to_owned(),
            state: Arc::new(RwLock::new(state)),
            make,
            origin: None,
            checkpoint: None,
            used: Arc::default(),
        })
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
    /// The rows of its tables.
    pub(crate) session: InProcessSession,
    pub(crate) position: GlobalPosition,
}

struct InProcessEngine<P> {
    name: String,
    state: Arc<RwLock<State<P>>>,
    make: Make<P>,
    /// The checkpoint of the first start, which holds the places of what begins `from = "now"`.
    origin: Option<Checkpoint>,
    checkpoint: Option<Checkpoint>,
    used: Arc<RowUse>,
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
        let (make, origin) = (&self.make, &self.origin);
        let checkpoint = &mut self.checkpoint;
        let mut attempt = Attempt { state, make, origin, checkpoint, whole: false };
        let State { projector, session, .. } = &mut *attempt.state;
        // A loop without awaits is compiled better, so it runs wherever no handler needs one.
        let applied = match apply::is_async::<P>() {
            true => apply::apply_async(projector, batch, session).await,
            false => apply::apply(projector, batch, session),
        };
        match applied {
            Ok(()) => {
                session.rows.committed(usize::MAX);
                if !session.rows.is_empty() {
                    self.used.show(&mut session.rows);
                }
                attempt.state.position = batch.write.next.position;
                attempt.whole = true;
                Applied::Committed
            }
            Err(failure) => failure.into_applied(batch),
        }
    }
}

/// A batch on its way. Unless it came to its end, the state is thrown away, and the position is
/// that of the first start: also when the future is dropped between two events.
struct Attempt<'a, P: Projector> {
    state: RwLockWriteGuard<'a, State<P>>,
    make: &'a Make<P>,
    origin: &'a Option<Checkpoint>,
    checkpoint: &'a mut Option<Checkpoint>,
    whole: bool,
}

impl<P: Projector> Drop for Attempt<'_, P> {
    fn drop(&mut self) {
        if self.whole {
            return;
        }
        if P::IS_STATELESS {
            // All that it has changed are rows, and they know what they were.
            self.state.session.rows.roll_back();
        } else {
            self.state.projector = (self.make)();
            self.state.session.rows.clear();
            self.state.position = GlobalPosition::BEGINNING;
            let done = self.checkpoint.take();
            let effects_mark = done.map(|done| done.effects_mark).unwrap_or_default();
            *self.checkpoint =
                self.origin.clone().map(|origin| Checkpoint { effects_mark, ..origin });
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
                state.session.rows.clear();
                state.position = GlobalPosition::BEGINNING;
            }
            let State { projector, session, .. } = &mut *state;
            for (call, kind) in apply::hooks::<P>(false) {
                apply::hook_async(projector, call, kind, session).await?;
            }
            session.rows.committed(usize::MAX);
            drop(state);
            self.origin.get_or_insert_with(|| start.write.next.clone());
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

    fn kept(&self) -> Option<&Checkpoint> {
        self.checkpoint.as_ref()
    }

    fn state(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        Some(Arc::clone(&self.state) as _)
    }

    fn row_use(&self) -> Option<Arc<RowUse>> {
        Some(Arc::clone(&self.used))
    }

    fn row_reads(&self) -> Option<Arc<dyn RowReads>> {
        let (name, state) = (self.name.clone(), Arc::clone(&self.state));
        Some(Arc::new(InProcessReads { name, state }))
    }
}
