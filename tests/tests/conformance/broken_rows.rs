//! Tables of rows that break one rule each, and the checks that catch them.

use std::{sync::Arc, sync::atomic::AtomicU32, sync::atomic::Ordering::Relaxed};

use projections::{
    Blocking, BlockingStorage, Checkpoint, CheckpointKey, CheckpointWrite, CommitError, Letter,
    LetterQuery, ParkedKey, Parking, Previous, Storage, StoreError, StoreErrorKind,
    rows::{
        ColumnError, Found, OwnedValue, Prepared, Put, RowAccess, RowSets, RowStorage, RowValues,
        RowWrites, RowsError, Table, Value, Values,
    },
    sqlite::{Sqlite, SqliteSession},
    testing::conformance,
};
use tempfile::TempDir;

use crate::assert_caught;

/// How the tables are broken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    CommitsRollbacks,
    DropsNothing,
    FindsNoNulls,
    FindsTheFirstOnly,
    FoldsCase,
    ForgetsMicroseconds,
    ForgetsOwners,
    IgnoresDeletes,
    InsertsOnly,
    InventsRows,
    MixesTables,
    NeedsWhatItDeletes,
    PreparesAnew,
    PreparesAnything,
    RefusesAsAnOutage,
    RoundsReals,
    SaysNothing,
    UpsertsFirst,
    WritesAFewRows,
}

use Fault::*;

const CAUGHT_BY: &[(Fault, &[&str])] = &[
    (
        CommitsRollbacks,
        &["rows_that_are_rolled_back_are_not", "tables_that_are_rolled_back_are_not"],
    ),
    (
        DropsNothing,
        &[
            "a_dropped_table_is_empty",
            "a_dropped_table_may_change",
            "a_dropped_table_may_change_hands",
            "another_kind_is_told",
            "another_key_is_told",
        ],
    ),
    (FindsNoNulls, &["rows_are_found_by_null", "rows_are_found_by_several_columns"]),
    (
        FindsTheFirstOnly,
        &[
            "rows_are_found_by_a_column",
            "rows_are_found_by_null",
            "found_rows_are_in_the_order_of_their_keys",
            "a_column_with_a_default_is_added",
        ],
    ),
    (FoldsCase, &["every_kind_of_key_is_found", "keys_are_compared_exactly"]),
    (
        ForgetsMicroseconds,
        &[
            "every_kind_comes_back",
            "limits_come_back",
            "nulls_come_back",
            "large_values_come_back",
            "every_kind_of_key_is_found",
            "found_rows_are_in_the_order_of_their_keys",
            "a_column_with_a_default_is_added",
        ],
    ),
    (ForgetsOwners, &["a_table_has_one_projector", "a_dropped_table_may_change_hands"]),
    (
        IgnoresDeletes,
        &[
            "every_kind_of_key_is_found",
            "keys_of_several_columns_are_compared_in_each",
            "many_rows_are_written_at_once",
            "writes_may_be_repeated",
            "rows_may_swap_unique_values",
        ],
    ),
    (
        InsertsOnly,
        &[
            "an_upsert_replaces_every_column",
            "a_column_with_a_default_is_added",
            "a_nullable_column_is_added",
        ],
    ),
    (
        InventsRows,
        &[
            "every_kind_of_key_is_found",
            "a_missing_row_is_not_found",
            "many_rows_are_written_at_once",
            "writes_may_be_repeated",
            "rows_that_are_rolled_back_are_not",
            "a_dropped_table_is_empty",
        ],
    ),
    (MixesTables, &["tables_do_not_mix"]),
    (NeedsWhatItDeletes, &["writes_may_be_repeated", "missing_rows_may_be_deleted"]),
    (
        PreparesAnew,
        &[
            "committed_rows_are_there",
            "a_table_may_be_prepared_again",
            "a_dropped_table_may_change",
            "a_table_has_one_projector",
            "a_dropped_table_may_change_hands",
            "a_column_with_a_default_is_added",
            "a_nullable_column_is_added",
            "an_index_is_added",
            "the_order_of_columns_does_not_matter",
            "a_column_without_a_default_is_not_added",
            "a_column_that_is_not_declared_is_told",
            "another_kind_is_told",
            "another_meaning_of_null_is_told",
            "another_key_is_told",
            "another_uniqueness_is_told",
            "an_index_that_is_not_declared_is_told",
            "every_difference_is_told",
            "a_difference_changes_nothing",
        ],
    ),
    (
        PreparesAnything,
        &[
            "a_dropped_table_may_change",
            "a_table_has_one_projector",
            "a_dropped_table_may_change_hands",
            "a_column_without_a_default_is_not_added",
            "a_column_that_is_not_declared_is_told",
            "another_kind_is_told",
            "another_meaning_of_null_is_told",
            "another_key_is_told",
            "another_uniqueness_is_told",
            "an_index_that_is_not_declared_is_told",
            "every_difference_is_told",
            "a_difference_changes_nothing",
        ],
    ),
    (RefusesAsAnOutage, &["a_unique_value_that_is_taken_is_refused"]),
    (
        RoundsReals,
        &[
            "every_kind_comes_back",
            "limits_come_back",
            "nulls_come_back",
            "large_values_come_back",
            "a_column_with_a_default_is_added",
        ],
    ),
    (
        SaysNothing,
        &[
            "a_table_has_one_projector",
            "a_dropped_table_may_change_hands",
            "a_column_without_a_default_is_not_added",
            "a_column_that_is_not_declared_is_told",
            "another_kind_is_told",
            "another_meaning_of_null_is_told",
            "another_key_is_told",
            "another_uniqueness_is_told",
            "an_index_that_is_not_declared_is_told",
            "every_difference_is_told",
        ],
    ),
    (UpsertsFirst, &["deletes_go_first", "rows_may_swap_unique_values"]),
    (WritesAFewRows, &["many_rows_are_written_at_once"]),
];

#[test]
fn every_broken_table_is_caught_by_its_check() {
    // Side by side: they wait for the disk most of the time.
    std::thread::scope(|scope| {
        for (fault, expected) in CAUGHT_BY {
            scope.spawn(|| is_caught(*fault, expected));
        }
    });
}

fn is_caught(fault: Fault, expected: &[&str]) {
    let directory = TempDir::new().unwrap();
    let files = AtomicU32::new(0);
    let make = || async {
        let path = directory.path().join(format!("{}.db", files.fetch_add(1, Relaxed)));
        Broken { inner: Sqlite::open(path).unwrap(), fault }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    assert_caught(&fault, &runtime.block_on(conformance::row_failures(make)), expected);
}

#[derive(Clone)]
struct Broken {
    inner: Sqlite,
    fault: Fault,
}

struct Session {
    // Before the session that it belongs to.
    rows: RowSets,
    inner: SqliteSession,
}

impl Storage for Broken {
    type Session = Session;
    type Execution = Blocking;
    const LABEL: &'static str = "Broken";

    fn label(&self) -> String {
        format!("{:?}", self.fault)
    }
}

impl RowStorage for Broken {
    fn row_sets(session: &Session) -> &RowSets {
        &session.rows
    }
}

impl BlockingStorage for Broken {
    fn begin(&self) -> Result<Session, StoreError> {
        let inner = self.inner.begin()?;
        let access = <Sqlite as RowStorage>::row_sets(&inner).blocking_access().unwrap();
        let broken = BrokenRows { inner: access, fault: self.fault };
        Ok(Session { rows: RowSets::blocking(Arc::new(broken)), inner })
    }

    fn setup(&self, session: &mut Session) -> Result<(), StoreError> {
        self.inner.setup(&mut session.inner)
    }

    fn load(
        &self,
        session: &mut Session,
        key: &CheckpointKey,
    ) -> Result<Option<Checkpoint>, StoreError> {
        self.inner.load(&mut session.inner, key)
    }

    fn reset(&self, session: &mut Session, key: &CheckpointKey) -> Result<(), StoreError> {
        self.inner.reset(&mut session.inner, key)
    }

    fn parked(
        &self,
        session: &mut Session,
        key: &CheckpointKey,
    ) -> Result<Vec<ParkedKey>, StoreError> {
        self.inner.parked(&mut session.inner, key)
    }

    fn commit(&self, session: Session, write: &CheckpointWrite) -> Result<(), CommitError> {
        let Session { rows, inner } = session;
        drop(rows);
        self.inner.commit(inner, write)
    }

    fn commit_alone(&self, session: Session) -> Result<(), StoreError> {
        let Session { rows, inner } = session;
        drop(rows);
        self.inner.commit_alone(inner)
    }

    fn rollback(&self, session: Session) -> Result<(), StoreError> {
        let Session { rows, mut inner } = session;
        drop(rows);
        if self.fault != CommitsRollbacks {
            return self.inner.rollback(inner);
        }
        let key = CheckpointKey::new("", "commit-0");
        if let Some(stored) = self.inner.load(&mut inner, &key)? {
            let write = CheckpointWrite::new(key, Some(Previous::from(&stored)), stored);
            self.inner.commit(inner, &write).unwrap();
        }
        Ok(())
    }

    fn checkpoints(&self, namespace: &str) -> Result<Vec<(CheckpointKey, Checkpoint)>, StoreError> {
        self.inner.checkpoints(namespace)
    }

    fn letters(&self, key: &CheckpointKey, query: &LetterQuery) -> Result<Vec<Letter>, StoreError> {
        self.inner.letters(key, query)
    }

    fn parking(&self, key: &CheckpointKey) -> Result<Parking, StoreError> {
        self.inner.parking(key)
    }
}

/// The access that is broken.
struct BrokenRows {
    inner: Arc<dyn RowAccess>,
    fault: Fault,
}

impl BrokenRows {
    fn table(&self, table: &Table) -> Table {
        match self.fault {
            MixesTables if table.name.starts_with("players") => Table { name: "players", ..*table },
            _ => *table,
        }
    }

    fn insert_missing(&self, table: &Table, rows: &[&dyn Values]) -> Result<(), RowsError> {
        for row in rows {
            let values = taken(*row);
            let key = Given(table.key.iter().map(|column| values[*column].clone()).collect());
            let mut is_there = false;
            self.inner.load(table, &key, &mut |_| is_there = true)?;
            if !is_there {
                self.inner.write(table, RowWrites { deletes: &[], upserts: &[*row] })?;
            }
        }
        Ok(())
    }
}

impl RowAccess for BrokenRows {
    fn prepare(&self, table: &Table, projector: &str) -> Result<Prepared, RowsError> {
        if self.fault == PreparesAnew {
            self.inner.drop_table(table)?;
        }
        let projector = if self.fault == ForgetsOwners { "anybody" } else { projector };
        match self.inner.prepare(&self.table(table), projector) {
            Err(RowsError::Differs(_)) if self.fault == PreparesAnything => Ok(Prepared::Kept),
            Err(RowsError::Differs(_)) if self.fault == SaysNothing => {
                Err(RowsError::Differs(format!("table `{}` differs; rebuild", table.name)))
            }
            prepared => prepared,
        }
    }

    fn drop_table(&self, table: &Table) -> Result<(), RowsError> {
        if self.fault == DropsNothing { Ok(()) } else { self.inner.drop_table(&self.table(table)) }
    }

    fn load(&self, table: &Table, key: &dyn Values, found: Found<'_>) -> Result<(), StoreError> {
        let mut key = Given(taken(key));
        if let (FoldsCase, [OwnedValue::Text(text)]) = (self.fault, &mut *key.0) {
            *text = text.to_lowercase();
        }
        let mut is_there = false;
        let table = self.table(table);
        self.inner.load(&table, &key, &mut |row| {
            is_there = true;
            found(&Bent { row, fault: self.fault });
        })?;
        if let (InventsRows, false, [OwnedValue::Text(_)]) = (self.fault, is_there, &*key.0) {
            let mut row = vec![OwnedValue::Null; table.columns.len()];
            row[table.key[0]] = key.0[0].clone();
            found(&Given(row));
        }
        Ok(())
    }

    fn find(
        &self,
        table: &Table,
        columns: &[usize],
        values: &[OwnedValue],
        found: Found<'_>,
    ) -> Result<(), StoreError> {
        if self.fault == FindsNoNulls && values.contains(&OwnedValue::Null) {
            return Ok(());
        }
        let mut count = 0;
        self.inner.find(&self.table(table), columns, values, &mut |row| {
            count += 1;
            if self.fault != FindsTheFirstOnly || count == 1 {
                found(&Bent { row, fault: self.fault });
            }
        })
    }

    fn write(&self, table: &Table, writes: RowWrites<'_>) -> Result<(), RowsError> {
        let (table, RowWrites { deletes, upserts }) = (&self.table(table), writes);
        let write = |deletes, upserts| self.inner.write(table, RowWrites { deletes, upserts });
        match self.fault {
            IgnoresDeletes => write(&[], upserts),
            InsertsOnly => {
                write(deletes, &[])?;
                self.insert_missing(table, upserts)
            }
            NeedsWhatItDeletes => {
                for key in deletes {
                    let mut is_there = false;
                    self.inner.load(table, *key, &mut |_| is_there = true)?;
                    if !is_there {
                        return Err(RowsError::Refused("there is no such row".into()));
                    }
                }
                write(deletes, upserts)
            }
            RefusesAsAnOutage => write(deletes, upserts).map_err(|error| match error {
                RowsError::Refused(error) => {
                    StoreError::new(StoreErrorKind::Other, "write").with_source(error).into()
                }
                other => other,
            }),
            UpsertsFirst => {
                write(&[], upserts)?;
                write(deletes, &[])
            }
            WritesAFewRows => write(deletes, &upserts[..upserts.len().min(32)]),
            _ => write(deletes, upserts),
        }
    }
}

/// A row whose values are not quite what is stored.
struct Bent<'a> {
    row: &'a dyn RowValues,
    fault: Fault,
}

impl RowValues for Bent<'_> {
    fn value(&self, column: usize) -> Result<Value<'_>, ColumnError> {
        Ok(match (self.fault, self.row.value(column)?) {
            (ForgetsMicroseconds, Value::Timestamp(at)) => Value::Timestamp(at / 1000 * 1000),
            (RoundsReals, Value::Real(value)) => Value::Real(f64::from(value as f32)),
            (_, value) => value,
        })
    }
}

struct Given(Vec<OwnedValue>);

impl Values for Given {
    fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
        self.0.as_slice().put(put)
    }
}

impl RowValues for Given {
    fn value(&self, column: usize) -> Result<Value<'_>, ColumnError> {
        self.0.as_slice().value(column)
    }
}

fn taken(values: &dyn Values) -> Vec<OwnedValue> {
    let mut taken = Vec::new();
    values.put(&mut |value| taken.push(value.into())).unwrap();
    taken
}
