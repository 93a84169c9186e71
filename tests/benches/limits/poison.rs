//! One event in a hundred fails for good, in 20,000 streams: the same projector with and without.
//! Here the "hand-written" side is the library, too, where nothing fails.

use std::{cell::LazyCell, path::Path, rc::Rc, sync::Arc, time::Duration};

use projections::{
    BoxError, Envelope, Permanent, handlers, projector,
    sqlite::{Sqlite, SqliteTx, rusqlite::Connection},
};

use super::{
    Comparison,
    events::{Log, PlayerActed},
    sqlite::{ADD, TABLE, catch_up, fresh, store},
};

#[projector(
    "poisoned",
    storage = Sqlite,
    register = false,
    park(per_key = 1_000, keys = 100_000, total = 10_000_000)
)]
#[derive(Clone)]
struct Poisoned {
    fails: bool,
}

#[handlers]
impl Poisoned {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        Ok(db.execute_batch(TABLE)?)
    }

    #[handles(PlayerActed)]
    fn acted(
        &self,
        event: &PlayerActed,
        at: &Envelope,
        db: &mut SqliteTx<'_>,
    ) -> Result<(), BoxError> {
        db.execute(ADD, (&event.player, 1, event.amount.cast_signed()))?;
        if self.fails && is_poison(at.position().get()) {
            return Err(Permanent::new("it fails whenever it is tried").into());
        }
        Ok(())
    }
}

/// One position in a hundred, without a pattern.
fn is_poison(position: u64) -> bool {
    position.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 < (u64::from(u32::MAX) / 100)
}

pub(crate) fn comparison(log: &Arc<Log>, folder: &Path) -> Comparison {
    let (events, log, folder) = (log.events.len() as u64, Arc::clone(log), folder.to_owned());
    let sides = Rc::new(LazyCell::new(move || {
        let events = folder.join("poison-events.db");
        store(&log, &events);
        (events, folder)
    }));
    let poisoned = Rc::clone(&sides);
    Comparison {
        what: "SQLite, 1 % poison to none",
        events,
        bound: 2.0,
        hand_written: Box::new(move || measure(&sides.0, &sides.1, false)),
        library: Box::new(move || measure(&poisoned.0, &poisoned.1, true)),
    }
}

fn measure(events: &Path, folder: &Path, fails: bool) -> Duration {
    let read = fresh(folder, "poison.db");
    let took = catch_up(events, &read, Poisoned { fails }, None);
    let db = Connection::open(&read).unwrap();
    let count = |sql: &str| db.query_row(sql, (), |row| row.get::<_, u64>(0)).unwrap();
    let applied = count("SELECT sum(actions) FROM players");
    // The table is made with the first letter.
    let parked = if fails { count("SELECT count(*) FROM projections_letters") } else { 0 };
    let events = Connection::open(events).unwrap();
    let all = "SELECT count(*) FROM events WHERE type = 'PlayerActed'";
    let all: u64 = events.query_row(all, (), |row| row.get(0)).unwrap();
    assert_eq!((applied + parked, parked > 0), (all, fails));
    took
}
