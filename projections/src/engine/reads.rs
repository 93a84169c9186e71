//! [`InProcessReads`]: the rows of projectors in process, for readers.

use std::sync::Arc;

use tokio::{sync::RwLock, time::Instant};

use super::{BoxFuture, State};
use crate::{
    GlobalPosition, Projector,
    read::{QueryError, RowReads, Selected, Selection, TableCheck},
    rows::{Prepared, RowsError},
    runtime::warn_if_slow,
};

/// The state of one projector, whose rows are read under its lock: whole batches only.
pub(super) struct InProcessReads<P> {
    pub(super) name: String,
    pub(super) state: Arc<RwLock<State<P>>>,
}

impl<P: Projector + Send + Sync + 'static> InProcessReads<P> {
    async fn look<R>(&self, look: impl FnOnce(&State<P>) -> R) -> R {
        let state = self.state.read().await;
        let began = Instant::now();
        let result = look(&state);
        drop(state);
        warn_if_slow(&self.name, began.elapsed());
        result
    }
}

impl<P: Projector + Send + Sync + 'static> RowReads for InProcessReads<P> {
    fn select(
        &self,
        selection: Selection,
        mut selected: Selected,
    ) -> BoxFuture<'_, Result<GlobalPosition, QueryError>> {
        Box::pin(self.look(move |state| {
            state.session.rows.select(&selection, &mut *selected);
            Ok(state.position)
        }))
    }

    fn count(&self, selection: Selection) -> BoxFuture<'_, Result<u64, QueryError>> {
        Box::pin(self.look(move |state| Ok(state.session.rows.count_selected(&selection))))
    }

    /// Tables in memory are made by the program that reads them, and nobody else can reach them.
    fn check(&self, _check: TableCheck) -> BoxFuture<'_, Result<Prepared, RowsError>> {
        Box::pin(std::future::ready(Ok(Prepared::Kept)))
    }
}
