//! Projectors that run inline, and their twins that do not: the same handlers in every mode.
//!
//! What a handler makes of an event is in the event, so that every process makes the same of it.

use projections::{
    BoxError, Envelope, Event, ReadModel, Rows, handlers, projector,
    sqlite::{Sqlite, SqliteTx, rusqlite},
};

use crate::ledger::{Added, TABLES, apply_sqlite};

/// A number from which on handlers refuse an event, after they have written.
pub const REFUSED: u64 = 1_000_000;
/// A number from which on they panic, after they have written.
pub const PANICS: u64 = 2_000_000;

/// A number was taken away; no projector of the first version knows it.
#[derive(Clone, Debug, Event, PartialEq, serde::Deserialize, serde::Serialize)]
#[event(domain = "numbers")]
pub struct Removed {
    /// The number.
    pub n: u64,
}

/// Nothing that these projectors read.
#[derive(Clone, Debug, Event, PartialEq, serde::Deserialize, serde::Serialize)]
#[event(domain = "letters")]
pub struct Written {
    /// The letter.
    pub letter: char,
}

fn apply(event: &Added, at: &Envelope, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
    apply_sqlite(event, at, db)?;
    trouble(event.n)
}

fn trouble(n: u64) -> Result<(), BoxError> {
    assert!(n < PANICS, "the ledger panics at {n}");
    if n >= REFUSED { Err(format!("the ledger refuses {n}").into()) } else { Ok(()) }
}

/// Defines a ledger, word for word the same handlers in any mode.
macro_rules! ledger {
    ($(#[$doc:meta])* $ledger:ident, $($options:tt)*) => {
        $(#[$doc])*
        #[projector("ledger", storage = Sqlite, register = false, $($options)*)]
        #[derive(Clone, Debug, Default)]
        pub struct $ledger;

        #[handlers]
        impl $ledger {
            #[setup]
            fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
                db.execute_batch(TABLES)
            }

            #[reset]
            fn clear(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
                db.execute_batch("DELETE FROM ledger; DELETE FROM ledger_fold;")
            }

            #[handles(Added)]
            fn added(&self, event: &Added, at: &Envelope, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
                apply(event, at, db)
            }
        }
    };
}

ledger!(
    /// In the transaction of the append.
    InlineLedger,
    mode = "inline"
);
ledger!(
    /// Behind the log.
    AsyncLedger,
    mode = "async"
);
ledger!(
    /// The next version, inline.
    NextInlineLedger,
    mode = "inline",
    version = 2
);

/// How often each last digit came.
#[derive(Debug, Default, Eq, PartialEq, ReadModel)]
#[read_model(table = "digits")]
pub struct Digit {
    /// The digit.
    #[key]
    pub digit: u64,
    /// How often.
    pub times: u64,
    /// The last number that had it.
    pub last: u64,
}

/// Counts digits by rows, inline.
#[projector("digits", storage = Sqlite, mode = "inline", register = false)]
#[derive(Clone, Debug, Default)]
pub struct InlineDigits;

#[handlers]
impl InlineDigits {
    #[handles(Added)]
    fn added(&self, event: &Added, digits: &mut Rows<Digit>) -> Result<(), BoxError> {
        let digit = digits.entry(&(event.n % 10));
        digit.times += 1;
        digit.last = event.n;
        trouble(event.n)
    }
}
