//! The tables under test, and what checks do with them.

use std::{
    ops::Deref,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use super::{
    Broken, Drive,
    access::{Access, Row, failed},
};
use crate::{
    CheckpointKey, Storage,
    rows::{ColumnDef, Kind, OwnedValue, RowStorage, RowsError, Table},
    testing::conformance::storages::{checkpoint, first},
};

/// The projector that owns the tables of most checks.
pub(super) const PROJECTOR: &str = "players";

/// A storage whose tables are under test.
pub(super) struct Subject<S: RowStorage> {
    storage: S,
    commits: AtomicU32,
}

/// An open transaction, in which the tables are used.
pub(super) struct Transaction<'a, S: RowStorage> {
    // Before the session that it belongs to.
    access: Access,
    session: S::Session,
    subject: &'a Subject<S>,
}

impl<S: RowStorage<Execution: Drive<S>>> Subject<S> {
    pub(super) fn new(storage: S) -> Self {
        Self { storage, commits: AtomicU32::new(0) }
    }

    pub(super) async fn begin(&self) -> Result<Transaction<'_, S>, Broken> {
        let mut session = <S as Storage>::Execution::begin(&self.storage).await?;
        <S as Storage>::Execution::setup(&self.storage, &mut session).await?;
        let access = Access::of(S::row_sets(&session))?;
        Ok(Transaction { access, session, subject: self })
    }

    /// Begins a transaction and prepares a table in it.
    pub(super) async fn with(&self, table: &Table) -> Result<Transaction<'_, S>, Broken> {
        let transaction = self.begin().await?;
        transaction.prepared(table).await?;
        Ok(transaction)
    }

    /// Begins a transaction with a table that has rows.
    pub(super) async fn holding(
        &self,
        table: &Table,
        rows: &[Row],
    ) -> Result<Transaction<'_, S>, Broken> {
        let transaction = self.with(table).await?;
        transaction.upsert(table, rows).await?;
        Ok(transaction)
    }
}

impl<S: RowStorage<Execution: Drive<S>>> Transaction<'_, S> {
    pub(super) async fn commit(self) -> Result<(), Broken> {
        let Self { access, session, subject } = self;
        drop(access);
        let number = subject.commits.fetch_add(1, Relaxed);
        let write = first(CheckpointKey::new("", format!("commit-{number}")), checkpoint(1, 1));
        Ok(<S as Storage>::Execution::commit(&subject.storage, session, &write).await?)
    }

    pub(super) async fn roll_back(self) -> Result<(), Broken> {
        let Self { access, session, subject } = self;
        drop(access);
        Ok(<S as Storage>::Execution::rollback(&subject.storage, session).await?)
    }
}

impl<S: RowStorage> Deref for Transaction<'_, S> {
    type Target = Access;

    fn deref(&self) -> &Access {
        &self.access
    }
}

impl Access {
    pub(super) async fn prepared(&self, table: &Table) -> Result<(), Broken> {
        let prepared = self.prepare(table, PROJECTOR).await;
        prepared.map(drop).map_err(|error| failed("prepare a table", &error))
    }

    pub(super) async fn upsert(&self, table: &Table, rows: &[Row]) -> Result<(), Broken> {
        self.written(table, &[], rows).await
    }

    pub(super) async fn written(
        &self,
        table: &Table,
        deletes: &[Row],
        upserts: &[Row],
    ) -> Result<(), Broken> {
        let written = self.write(table, deletes, upserts).await;
        written.map_err(|error| failed("write rows", &error))
    }

    /// Loads the row with a key.
    pub(super) async fn row(
        &self,
        table: &Table,
        key: &[OwnedValue],
    ) -> Result<Option<Row>, Broken> {
        Ok(self.load(table, &[key.to_vec()]).await?.pop())
    }

    /// Prepares a table that must be refused; returns the text.
    pub(super) async fn refused(&self, table: &Table, projector: &str) -> Result<String, Broken> {
        match self.prepare(table, projector).await {
            Err(RowsError::Differs(what)) => Ok(what),
            Err(error) => Err(failed("tell a difference", &error)),
            Ok(_) => Err(Broken(
                "a table that is not as declared, and cannot be brought up to date, is refused"
                    .to_owned(),
            )),
        }
    }
}

pub(super) const fn column(name: &'static str, kind: Kind) -> ColumnDef {
    ColumnDef { name, kind, nullable: false, default: None }
}

pub(super) const fn nullable(name: &'static str, kind: Kind) -> ColumnDef {
    ColumnDef { name, kind, nullable: true, default: None }
}

pub(super) const fn defaulting(
    name: &'static str,
    kind: Kind,
    default: fn() -> OwnedValue,
) -> ColumnDef {
    ColumnDef { name, kind, nullable: false, default: Some(default) }
}

pub(super) fn text(text: &str) -> OwnedValue {
    OwnedValue::Text(text.to_owned())
}

pub(super) fn integer(value: i64) -> OwnedValue {
    OwnedValue::Integer(value)
}

pub(super) fn decimal(text: &str) -> OwnedValue {
    OwnedValue::Decimal(text.to_owned())
}
