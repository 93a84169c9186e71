//! What makes a table another one than the declared: it is told, and nothing is changed.

use super::{
    Drive, Subject, Verdict, ensure,
    subject::{PROJECTOR, column, decimal, integer, nullable, text},
};
use crate::rows::{ColumnDef, IndexDef, Kind, RowStorage, Table};

const BEFORE: Table = Table {
    name: "standings",
    columns: &[
        column("id", Kind::Integer),
        column("player", Kind::Text),
        nullable("net", Kind::Decimal),
        column("place", Kind::Integer),
    ],
    key: &[0],
    indexes: &[IndexDef { columns: &[1], unique: true }, IndexDef { columns: &[2], unique: false }],
};

const fn with_columns(columns: &'static [ColumnDef]) -> Table {
    Table { columns, ..BEFORE }
}

/// Prepares another form of the table, which must be refused with these names.
async fn differs<S: RowStorage<Execution: Drive<S>>>(
    subject: &Subject<S>,
    before: &Table,
    after: &Table,
    named: &[&str],
) -> Verdict {
    subject.with(before).await?.commit().await?;
    let transaction = subject.begin().await?;
    let told = transaction.refused(after, PROJECTOR).await?;
    for name in named.iter().chain(&["standings", "rebuild"]) {
        ensure!(told.contains(name), "a difference is told with `{name}`: {told}");
    }
    transaction.roll_back().await?;
    subject.with(before).await?.roll_back().await
}

pub(super) async fn a_column_without_a_default_is_not_added<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    const AFTER: Table = with_columns(&[
        column("id", Kind::Integer),
        column("player", Kind::Text),
        nullable("net", Kind::Decimal),
        column("place", Kind::Integer),
        column("country", Kind::Text),
    ]);
    differs(&subject, &BEFORE, &AFTER, &["country"]).await
}

pub(super) async fn a_column_that_is_not_declared_is_told<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    const AFTER: Table = with_columns(&[
        column("id", Kind::Integer),
        column("player", Kind::Text),
        nullable("net", Kind::Decimal),
    ]);
    differs(&subject, &BEFORE, &AFTER, &["place"]).await
}

pub(super) async fn another_kind_is_told<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    const KINDS: [Kind; 11] = [
        Kind::Bool,
        Kind::Integer,
        Kind::Real,
        Kind::Text,
        Kind::Bytes,
        Kind::Decimal,
        Kind::Timestamp,
        Kind::Date,
        Kind::Time,
        Kind::Uuid,
        Kind::Json,
    ];
    macro_rules! of_kind {
        ($($kind:ident),+) => {
            [$(Table {
                indexes: &[],
                ..with_columns(&[column("id", Kind::Integer), column("value", Kind::$kind)])
            }),+]
        };
    }
    const TABLES: [Table; 11] =
        of_kind!(Bool, Integer, Real, Text, Bytes, Decimal, Timestamp, Date, Time, Uuid, Json);
    let transaction = subject.begin().await?;
    for (before, kind) in TABLES.iter().zip(KINDS) {
        transaction.prepared(before).await?;
        for (after, other) in TABLES.iter().zip(KINDS) {
            if kind != other {
                let told = transaction.refused(after, PROJECTOR).await?;
                ensure!(
                    told.contains("value"),
                    "a column that is {kind:?} there and {other:?} in the program is told: {told}"
                );
            }
        }
        transaction.drop_table(before).await?;
    }
    transaction.roll_back().await
}

pub(super) async fn another_meaning_of_null_is_told<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    const AFTER: Table = with_columns(&[
        column("id", Kind::Integer),
        nullable("player", Kind::Text),
        column("net", Kind::Decimal),
        column("place", Kind::Integer),
    ]);
    differs(&subject, &BEFORE, &AFTER, &["player", "net"]).await
}

pub(super) async fn another_key_is_told<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let mut keys: Vec<Table> = Vec::new();
    for key in [&[1][..], &[0, 1], &[1, 0], &[0, 3], &[3]] {
        keys.push(Table { key, ..BEFORE });
    }
    for (before, after) in [
        (BEFORE, keys[0]),
        (BEFORE, keys[1]),
        (keys[1], keys[2]),
        (keys[3], BEFORE),
        (BEFORE, keys[4]),
    ] {
        differs(&subject, &before, &after, &["key"]).await?;
        let transaction = subject.begin().await?;
        transaction.drop_table(&before).await?;
        transaction.commit().await?;
    }
    Ok(())
}

pub(super) async fn another_uniqueness_is_told<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let after = Table {
        indexes: &[
            IndexDef { columns: &[1], unique: false },
            IndexDef { columns: &[2], unique: true },
        ],
        ..BEFORE
    };
    differs(&subject, &BEFORE, &after, &["player", "net", "unique"]).await?;
    let after = Table {
        indexes: &[
            IndexDef { columns: &[1], unique: true },
            IndexDef { columns: &[2], unique: false },
            IndexDef { columns: &[3], unique: true },
        ],
        ..BEFORE
    };
    differs(&subject, &BEFORE, &after, &["place", "unique"]).await
}

pub(super) async fn an_index_that_is_not_declared_is_told<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    let after = Table { indexes: &[IndexDef { columns: &[1], unique: true }], ..BEFORE };
    differs(&subject, &BEFORE, &after, &["index", "net"]).await?;
    let after = Table { indexes: &[IndexDef { columns: &[2], unique: false }], ..BEFORE };
    differs(&subject, &BEFORE, &after, &["index", "player"]).await
}

pub(super) async fn every_difference_is_told<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    const AFTER: Table = with_columns(&[
        column("player", Kind::Text),
        column("net", Kind::Decimal),
        column("place", Kind::Real),
        column("country", Kind::Text),
    ]);
    let named = ["id", "net", "place", "country", "key", "index"];
    differs(&subject, &BEFORE, &AFTER, &named).await
}

pub(super) async fn a_difference_changes_nothing<S: RowStorage<Execution: Drive<S>>>(
    subject: Subject<S>,
) -> Verdict {
    // With a column and an index that could be added.
    const AFTER: Table = Table {
        indexes: &[IndexDef { columns: &[3], unique: false }],
        ..with_columns(&[
            column("id", Kind::Integer),
            column("player", Kind::Text),
            nullable("country", Kind::Text),
            column("place", Kind::Integer),
        ])
    };
    let row = vec![integer(1), text("ada"), decimal("1.5"), integer(3)];
    subject.holding(&BEFORE, std::slice::from_ref(&row)).await?.commit().await?;
    let transaction = subject.begin().await?;
    transaction.refused(&AFTER, PROJECTOR).await?;
    transaction.prepared(&BEFORE).await?;
    let found = transaction.row(&BEFORE, &row[..1]).await?;
    ensure!(found == Some(row), "a table that is refused is left as it was: {found:?}");
    transaction.commit().await
}
