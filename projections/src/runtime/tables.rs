//! Whether the tables of rows are such that their projectors can start.

use super::{Inner, Runtime, slot::Slot, start::Candidate, status};
use crate::{
    EventSource, StoreError,
    engine::owner,
    read::{RowReads, TableCheck},
    rows::{Beginning, RowsError},
};

/// What was found of the tables of a runtime's projectors.
#[derive(Debug, Default)]
pub(crate) struct FoundTables {
    /// What is wrong, one text a table.
    pub(crate) faults: Vec<String>,
    /// The projectors whose storage cannot be looked into.
    pub(crate) unseen: Vec<String>,
}

impl<S: EventSource> Runtime<S> {
    /// Looks at every table of rows as the next start of its projector would, and changes nothing.
    pub(crate) async fn check_tables(&self) -> Result<FoundTables, StoreError> {
        let mut found = FoundTables::default();
        for slot in &self.inner.slots {
            if (slot.registration.tables)().is_empty() {
                continue;
            }
            match &slot.reads {
                Some(reads) => self.inner.check_tables(slot, &**reads, &mut found.faults).await?,
                None => found.unseen.push(slot.name.clone()),
            }
        }
        Ok(found)
    }
}

impl<S: EventSource> Inner<S> {
    async fn check_tables(
        &self,
        slot: &Slot,
        reads: &dyn RowReads,
        faults: &mut Vec<String>,
    ) -> Result<(), StoreError> {
        let stored = status::stored(slot, &self.storages).await?;
        let (registration, key) = (&slot.registration, &slot.key);
        let candidate = Candidate { source: &self.erased, registration, key, lease: None };
        let rebuild = stored.as_ref().is_some_and(|stored| candidate.rebuilds(stored).is_some());
        let beginning = match rebuild {
            true => Beginning::Rebuild,
            false => Beginning::at(stored.map(|stored| stored.position)),
        };
        let projector = owner(key);
        for table in (registration.tables)() {
            let table = table.table;
            let checkpoint = key.clone();
            let check = TableCheck { table, projector: projector.clone(), checkpoint, rebuild };
            let found = reads.check(check).await;
            match found.and_then(|prepared| beginning.allows(prepared, table, &projector)) {
                Ok(()) => {}
                Err(RowsError::Store(error)) => return Err(error),
                Err(RowsError::Differs(what)) => faults.push(what),
                Err(RowsError::Refused(source)) => faults.push(source.to_string()),
            }
        }
        Ok(())
    }
}
