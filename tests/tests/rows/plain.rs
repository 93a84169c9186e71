//! The same programs by hand: plain SQL, one statement an operation, one event a transaction, with
//! nothing of rows.

use projections::{
    BoxError, handlers, projector,
    sqlite::{
        Sqlite, SqliteTx,
        rusqlite::{self, Row, params_from_iter, types::Value},
    },
};
use rust_decimal::Decimal;

use crate::{
    model::{Act, ActOn, Op, built},
    programs::Step,
    tables::{Account, Player, Sample, Seat, Subject},
};

/// A table as somebody would write it who knows nothing of declared rows.
trait Plain: Subject {
    const SQL_NAME: &'static str;
    /// Those of the key first.
    const COLUMNS: &'static [&'static str];
    const KEY: usize;
    const CREATE: &'static str;

    fn values(&self) -> Vec<Value>;
    fn of(row: &Row<'_>) -> rusqlite::Result<Self>;
    fn key_values(key: &Self::Key) -> Vec<Value>;
}

#[projector("plain", storage = Sqlite, register = false, on_failure = "halt", retry(none))]
#[derive(Clone)]
pub(crate) struct PlainSql;

#[handlers]
impl PlainSql {
    #[setup]
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        for create in [Player::CREATE, Seat::CREATE, Account::CREATE, Sample::CREATE] {
            db.execute_batch(create)?;
        }
        Ok(())
    }

    #[handles(Step)]
    fn step(&self, step: &Step, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        for op in &step.ops {
            match op {
                Op::Player(act) => run::<Player>(db, act)?,
                Op::Seat(act) => run::<Seat>(db, act)?,
                Op::Account(act) => run::<Account>(db, act)?,
                Op::Sample(act) => run::<Sample>(db, act)?,
            }
        }
        Ok(())
    }
}

fn run<T: Plain>(db: &mut SqliteTx<'_>, act: &ActOn<T>) -> Result<(), BoxError> {
    match act {
        Act::Entry(key, changes) => {
            let row = find::<T>(db, key)?.unwrap_or_else(|| T::blank(key));
            write(db, changed(row, changes))
        }
        Act::GetMut(key, changes) => match find::<T>(db, key)? {
            Some(row) => write(db, changed(row, changes)),
            None => Ok(()),
        },
        Act::Insert(key, changes) => write(db, built::<T>(key, changes)),
        Act::Remove(key) => {
            let sql = format!("DELETE FROM {} WHERE {}", T::SQL_NAME, of_key::<T>());
            db.execute(&sql, params_from_iter(T::key_values(key)))?;
            Ok(())
        }
        Act::Get(_) | Act::Contains(_) | Act::By(_) => Ok(()),
    }
}

fn changed<T: Plain>(mut row: T, changes: &[T::Change]) -> T {
    changes.iter().for_each(|change| row.change(change));
    row
}

fn find<T: Plain>(db: &mut SqliteTx<'_>, key: &T::Key) -> rusqlite::Result<Option<T>> {
    let columns = T::COLUMNS.join(", ");
    let sql = format!("SELECT {columns} FROM {} WHERE {}", T::SQL_NAME, of_key::<T>());
    db.query_optional(&sql, params_from_iter(T::key_values(key)), T::of)
}

fn write<T: Plain>(db: &mut SqliteTx<'_>, mut row: T) -> Result<(), BoxError> {
    row.store()?;
    let places = vec!["?"; T::COLUMNS.len()].join(", ");
    let sql = format!(
        "INSERT OR REPLACE INTO {} ({}) VALUES ({places})",
        T::SQL_NAME,
        T::COLUMNS.join(", ")
    );
    db.execute(&sql, params_from_iter(row.values()))?;
    Ok(())
}

fn of_key<T: Plain>() -> String {
    let tests: Vec<_> = T::COLUMNS[..T::KEY].iter().map(|column| format!("{column} = ?")).collect();
    tests.join(" AND ")
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn maybe<T>(value: Option<T>, make: impl Fn(T) -> Value) -> Value {
    value.map_or(Value::Null, make)
}

fn decimal(row: &Row<'_>, column: usize) -> rusqlite::Result<Decimal> {
    Ok(row.get::<_, String>(column)?.parse().unwrap())
}

impl Plain for Player {
    const SQL_NAME: &'static str = "players";
    const COLUMNS: &'static [&'static str] = &["name", "hands", "net"];
    const KEY: usize = 1;
    const CREATE: &'static str =
        "CREATE TABLE IF NOT EXISTS players (name TEXT PRIMARY KEY, hands INTEGER, net TEXT)";

    fn values(&self) -> Vec<Value> {
        vec![text(&self.name), self.hands.into(), text(&self.net.to_string())]
    }

    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { name: row.get(0)?, hands: row.get(1)?, net: decimal(row, 2)? })
    }

    fn key_values(key: &String) -> Vec<Value> {
        vec![text(key)]
    }
}

impl Plain for Seat {
    const SQL_NAME: &'static str = "seats";
    const COLUMNS: &'static [&'static str] = &["room", "number", "taken_by", "stack"];
    const KEY: usize = 2;
    const CREATE: &'static str = "CREATE TABLE IF NOT EXISTS seats (room TEXT, number INTEGER,
         taken_by TEXT, stack INTEGER, PRIMARY KEY (room, number))";

    fn values(&self) -> Vec<Value> {
        let taken_by = maybe(self.taken_by.as_deref(), text);
        vec![text(&self.room), self.number.into(), taken_by, self.stack.into()]
    }

    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let (room, number) = (row.get(0)?, row.get(1)?);
        Ok(Self { room, number, taken_by: row.get(2)?, stack: row.get(3)? })
    }

    fn key_values((room, number): &(String, i64)) -> Vec<Value> {
        vec![text(room), (*number).into()]
    }
}

impl Plain for Account {
    const SQL_NAME: &'static str = "accounts";
    const COLUMNS: &'static [&'static str] = &["id", "rate", "code", "team", "place"];
    const KEY: usize = 1;
    // Unique by the end of an event, and not of a statement: the programs' swaps take several.
    const CREATE: &'static str = "CREATE TABLE IF NOT EXISTS accounts (id INTEGER PRIMARY KEY,
         rate REAL, code INTEGER, team TEXT, place INTEGER)";

    fn values(&self) -> Vec<Value> {
        vec![
            self.id.into(),
            self.rate.into(),
            maybe(self.code, |code| i64::try_from(code).unwrap().into()),
            maybe(self.team.as_deref(), text),
            maybe(self.place, |place| i64::from(place).into()),
        ]
    }

    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let code = row.get::<_, Option<i64>>(2)?.map(|code| u64::try_from(code).unwrap());
        let (id, rate) = (row.get(0)?, row.get(1)?);
        Ok(Self { id, rate, code, team: row.get(3)?, place: row.get(4)? })
    }

    fn key_values(key: &i32) -> Vec<Value> {
        vec![(*key).into()]
    }
}

impl Plain for Sample {
    const SQL_NAME: &'static str = "samples";
    const COLUMNS: &'static [&'static str] =
        &["flag", "id", "real", "short", "text", "bytes", "maybe", "amount", "at", "big", "tags"];
    const KEY: usize = 2;
    const CREATE: &'static str = "CREATE TABLE IF NOT EXISTS samples (flag INTEGER, id INTEGER,
         real REAL, short REAL, text TEXT, bytes BLOB, maybe INTEGER, amount TEXT, at INTEGER,
         big INTEGER, tags TEXT, PRIMARY KEY (flag, id))";

    fn values(&self) -> Vec<Value> {
        vec![
            i64::from(self.flag).into(),
            i64::from(self.id).into(),
            self.real.into(),
            f64::from(self.short).into(),
            text(&self.text),
            self.bytes.clone().into(),
            maybe(self.maybe, Value::from),
            text(&self.amount.to_string()),
            maybe(self.at, |at| at.as_microsecond().into()),
            i64::try_from(self.big).unwrap().into(),
            text(&serde_json::to_string(&self.tags).unwrap()),
        ]
    }

    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let at = row.get::<_, Option<i64>>(8)?;
        #[allow(clippy::cast_possible_truncation)] // it was one
        let short = row.get::<_, f64>(3)? as f32;
        Ok(Self {
            flag: row.get(0)?,
            id: row.get(1)?,
            real: row.get(2)?,
            short,
            text: row.get(4)?,
            bytes: row.get(5)?,
            maybe: row.get(6)?,
            amount: decimal(row, 7)?,
            at: at.map(|at| jiff::Timestamp::from_microsecond(at).unwrap()),
            big: u64::try_from(row.get::<_, i64>(9)?).unwrap(),
            tags: serde_json::from_str(&row.get::<_, String>(10)?).unwrap(),
        })
    }

    fn key_values((flag, id): &(bool, u16)) -> Vec<Value> {
        vec![i64::from(*flag).into(), i64::from(*id).into()]
    }
}
