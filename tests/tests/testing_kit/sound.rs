//! Projectors without bugs come to the same in every way, on every storage and in every mode.

use std::collections::BTreeMap;

use projections::{
    Envelope, Rows, handlers, projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
    testing::{MemoryStorage, MemoryTx, Spec},
};

use crate::support::{Paid, Till, payments, tills};

/// Makes a projector of declared rows, with options of its own, and specifies it.
macro_rules! rows {
    ($($test:ident: [$($options:tt)*];)*) => { $(
        #[test]
        fn $test() {
            #[projector("tills", register = false, $($options)*)]
            #[derive(Clone)]
            struct Tills;

            #[handlers]
            impl Tills {
                #[handles(Paid)]
                fn paid(&self, event: &Paid, at: &Envelope, tills: &mut Rows<Till>) {
                    tills.entry(at.stream()).pay(event.cents);
                }
            }

            payments(Spec::new(Tills)).then_rows(tills()).check();
        }
    )* };
}

rows! {
    rows_in_process: [];
    rows_on_sqlite: [storage = Sqlite];
    rows_on_a_marked_sqlite: [storage = Sqlite<u8>];
    rows_from_now: [storage = Sqlite, from = "now"];
    rows_from_now_in_process: [from = "now"];
    rows_live: [mode = "live"];
    rows_live_on_sqlite: [storage = Sqlite, mode = "live"];
    rows_inline: [storage = Sqlite, mode = "inline"];
    rows_that_halt: [storage = Sqlite, on_failure = "halt", retry(none)];
    rows_parked_by_projector: [storage = Sqlite, park_by = "projector"];
}

/// Makes a projector of fields, with options of its own, and specifies it.
macro_rules! fields {
    ($($test:ident: [$($options:tt)*];)*) => { $(
        #[test]
        fn $test() {
            #[projector("fields", register = false, $($options)*)]
            #[derive(Clone, Default)]
            struct Fields {
                tills: BTreeMap<String, Vec<i64>>,
            }

            #[handlers]
            impl Fields {
                #[handles(Paid)]
                fn paid(&mut self, event: &Paid, at: &Envelope) {
                    self.tills.entry(at.stream().to_owned()).or_default().push(event.cents);
                }
            }

            payments(Spec::new(Fields::default()))
                .then_state(|fields| {
                    assert_eq!(fields.tills["a"], [1, 2, 4, 9]);
                    assert_eq!(fields.tills["b"], [3, 7, 8]);
                    assert_eq!(fields.tills["c"], [5, 6]);
                })
                .check();
        }
    )* };
}

fields! {
    fields_in_process: [];
    fields_that_are_copied: [rollback = "clone"];
    fields_with_a_snapshot: [snapshot];
}

#[test]
fn plain_sql() {
    #[projector("sql", storage = Sqlite, register = false)]
    #[derive(Clone)]
    struct Sql;

    #[handlers]
    impl Sql {
        #[setup]
        fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
            db.execute_batch(
                "CREATE TABLE IF NOT EXISTS sums (stream TEXT PRIMARY KEY, cents INTEGER)",
            )
        }

        #[reset]
        fn clear(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
            db.execute_batch("DELETE FROM sums")
        }

        #[handles(Paid)]
        fn paid(&self, event: &Paid, at: &Envelope, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
            let sql = "INSERT INTO sums VALUES (?1, ?2)
                       ON CONFLICT DO UPDATE SET cents = cents + ?2";
            db.execute(sql, (at.stream(), event.cents)).map(drop)
        }
    }

    payments(Spec::new(Sql))
        .then(|db| {
            let mut sums = db.prepare("SELECT cents FROM sums ORDER BY stream").unwrap();
            let sums: Vec<i64> =
                sums.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
            assert_eq!(sums, [16, 18, 11]);
        })
        .check();
}

#[tokio::test]
async fn an_async_storage_from_an_async_test() {
    #[projector("memory", storage = MemoryStorage, register = false)]
    #[derive(Clone)]
    struct Memory;

    #[handlers]
    impl Memory {
        #[reset]
        fn clear(&self, db: &mut MemoryTx<'_>) {
            db.clear("sums");
        }

        #[handles(Paid)]
        async fn paid(&self, event: &Paid, at: &Envelope, db: &mut MemoryTx<'_>) {
            tokio::task::yield_now().await;
            let sum = db.get("sums", at.stream()).and_then(|sum| sum.as_i64()).unwrap_or(0);
            db.set("sums", at.stream(), sum + event.cents);
        }
    }

    payments(Spec::new(Memory))
        .then(|storage| {
            let sums: Vec<_> = storage.rows("sums").into_values().collect();
            assert_eq!(sums, [16, 18, 11]);
        })
        .check();
}

#[test]
fn no_events_at_all() {
    #[projector("nothing", storage = Sqlite, register = false)]
    #[derive(Clone)]
    struct Nothing;

    #[handlers]
    impl Nothing {
        #[handles(Paid)]
        fn paid(&self, event: &Paid, at: &Envelope, tills: &mut Rows<Till>) {
            tills.entry(at.stream()).pay(event.cents);
        }
    }

    Spec::new(Nothing).then_rows::<Till>([]).check();
}

/// Longer than the kit interrupts it event by event.
#[test]
fn many_events() {
    #[projector("many", storage = Sqlite, register = false)]
    #[derive(Clone)]
    struct Many;

    #[handlers]
    impl Many {
        #[handles(Paid)]
        fn paid(&self, event: &Paid, at: &Envelope, tills: &mut Rows<Till>) {
            tills.entry(at.stream()).pay(event.cents);
        }
    }

    let mut spec = Spec::new(Many);
    for n in 1..=200 {
        spec = spec.given(["a", "b", "c"][n % 3], [Paid { cents: n.cast_signed() as i64 }]);
    }
    let of = |rest| (1..=200).filter(|n| n % 3 == rest).collect::<Vec<i64>>();
    spec.then_rows([Till::of("a", &of(0)), Till::of("b", &of(1)), Till::of("c", &of(2))]).check();
}
