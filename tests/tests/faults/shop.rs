//! A read model that shows order, loss and repetition, and the work that is done on it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use projections::{
    AppendRequest, BoxError, Chosen, Envelope, Event, EventStore, Expected, LetterQuery, NewEvent,
    Permanent, ReadModel, Rows, Runtime, handlers, projector,
    sqlite::{Sqlite, SqliteEventStore, SqliteTx},
};

use crate::{
    points::{Point, Points},
    source::Source,
    storage::Faulty,
};

const STREAMS: [&str; 4] = ["a", "b", "c", "d"];
pub(crate) const EVENTS: u64 = 40;
/// Of `b`, `c` and, once more, of `b`.
const POISON: [u64; 3] = [10, 23, 26];
/// The longest that any work may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Short, so that the next process does not wait long for one that is dead.
const LEASE: Duration = Duration::from_millis(100);

#[derive(Clone, Debug, Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "shop")]
pub(crate) struct Sold {
    n: u64,
}

/// How much each stream has, and in which order, kept as a row; a statement keeps the same.
#[derive(ReadModel, Clone, Debug, Default, Eq, PartialEq)]
#[read_model(table = "sales")]
struct Sales {
    #[key]
    stream: String,
    numbers: String,
}

#[projector("shop", storage = Faulty, register = false, retry(none))]
#[derive(Clone)]
pub(crate) struct Shop {
    is_repaired: bool,
    points: Points,
}

#[handlers]
impl Shop {
    #[setup]
    fn tables(&self, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        db.execute_batch("CREATE TABLE IF NOT EXISTS sold (stream TEXT, n INTEGER)")?;
        Ok(())
    }

    #[reset]
    fn clear(&self, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {
        db.execute("DELETE FROM sold", ())?;
        Ok(())
    }

    #[handles(Sold)]
    fn sold(
        &self,
        event: &Sold,
        at: &Envelope,
        sales: &mut Rows<Sales>,
        db: &mut SqliteTx<'_>,
    ) -> Result<(), BoxError> {
        self.points.pass(Point::BeforeHandler)?;
        db.execute("INSERT INTO sold VALUES (?1, ?2)", (at.stream(), event.n))?;
        let row = sales.entry(at.stream());
        row.numbers.push_str(&format!("{} ", event.n));
        if !self.is_repaired && POISON.contains(&event.n) {
            return Err(Permanent::new(format!("{} is unlucky", event.n)).into());
        }
        self.points.pass(Point::AfterHandler)?;
        Ok(())
    }
}

/// What a process does, from wherever the one before it has come to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Work {
    /// Catches up; what fails is parked.
    CatchUp,
    /// The handlers are repaired: applies what is parked.
    Redrive,
    /// The handlers are repaired: builds the read model anew.
    Rebuild,
}

impl Work {
    pub(crate) const ALL: [Self; 3] = [Self::CatchUp, Self::Redrive, Self::Rebuild];

    pub(crate) fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|work| format!("{work:?}") == name).unwrap()
    }

    fn is_repaired(self) -> bool {
        self != Self::CatchUp
    }

    /// What must be in the read model when it is done.
    pub(crate) fn expected(self) -> ReadModelOf {
        let mut expected = ReadModelOf::default();
        for n in 1..=EVENTS {
            let stream = stream(n);
            let is_parked = expected.parked.iter().any(|&first| self::stream(first) == stream);
            if !self.is_repaired() && (is_parked || POISON.contains(&n)) {
                expected.parked.push(n);
            } else {
                expected.streams.entry(stream.to_owned()).or_default().push(n);
            }
        }
        expected
    }
}

fn stream(n: u64) -> &'static str {
    STREAMS[usize::try_from(n).unwrap() % STREAMS.len()]
}

/// What is applied, stream by stream, and what is parked.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct ReadModelOf {
    streams: BTreeMap<String, Vec<u64>>,
    parked: Vec<u64>,
}

/// A folder with events and a read model of them.
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
}

impl Place {
    pub(crate) async fn with_events(folder: &Path) -> Self {
        let events = SqliteEventStore::open(folder.join("events.db")).unwrap();
        for n in 1..=EVENTS {
            let new = vec![NewEvent::of(&Sold { n }).unwrap()];
            events.append(AppendRequest::new(stream(n), Expected::Any, new)).await.unwrap();
        }
        Self { folder: folder.to_owned() }
    }

    /// The same place once more, in another folder. SQLite copies it: connections to it may still
    /// be closing in other threads, and take their files beside the database away.
    pub(crate) fn copy(&self, folder: &Path) -> Self {
        for name in ["events.db", "read.db"] {
            let file = self.folder.join(name);
            if file.exists() {
                let copy = folder.join(name);
                let db = rusqlite::Connection::open(file).unwrap();
                db.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
            }
        }
        Self { folder: folder.to_owned() }
    }

    async fn runtime(&self, work: Work, batch: u32, points: &Points) -> Runtime<Source> {
        let events = SqliteEventStore::open(self.folder.join("events.db")).unwrap();
        let sqlite = Sqlite::open(self.folder.join("read.db")).unwrap();
        Runtime::builder(Source { inner: events, hooks: points.clone() })
            .without_linked()
            .lease(LEASE)
            .batch_events(batch)
            .storage(Faulty { sqlite, points: points.clone() })
            .projector(Shop { is_repaired: work.is_repaired(), points: points.clone() })
            .build()
            .await
            .unwrap()
    }

    /// Does work to its end, or until something happens at a point.
    pub(crate) async fn work(&self, work: Work, batch: u32, points: &Points) -> Result<(), String> {
        let runtime = self.runtime(work, batch, points).await;
        let working = async {
            match work {
                Work::CatchUp => runtime.catch_up().await.map_err(|error| error.to_string()),
                Work::Rebuild => runtime.rebuild("shop").await.map_err(|error| error.to_string()),
                Work::Redrive => {
                    let letters = runtime.dead_letters("shop").unwrap();
                    let redriven = letters.redrive(Chosen::All).await;
                    redriven.map(drop).map_err(|error| error.to_string())
                }
            }
        };
        match tokio::time::timeout(PATIENCE, working).await {
            Ok(outcome) => outcome,
            Err(_) => panic!("{work:?} does not come to its end"),
        }
    }

    /// Reads what has come out; what rows and statements kept must be the same.
    pub(crate) async fn read(&self) -> ReadModelOf {
        let runtime = self.runtime(Work::CatchUp, 1, &Points::default()).await;
        let letters = runtime.dead_letters("shop").unwrap();
        let parked = letters.list(&LetterQuery::first(usize::MAX)).await.unwrap();
        let parked = parked.iter().map(|letter| letter.position.get()).collect();
        let db = rusqlite::Connection::open(self.folder.join("read.db")).unwrap();
        let mut sold = BTreeMap::<String, Vec<u64>>::new();
        let mut query = db.prepare("SELECT stream, n FROM sold ORDER BY rowid").unwrap();
        let rows = query.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        for row in rows {
            let (stream, n): (String, u64) = row.unwrap();
            sold.entry(stream).or_default().push(n);
        }
        let mut query = db.prepare("SELECT stream, numbers FROM sales").unwrap();
        let rows = query.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let numbers = |text: String| text.split_whitespace().map(|n| n.parse().unwrap()).collect();
        let streams = rows.map(|row| row.map(|(stream, text)| (stream, numbers(text))).unwrap());
        let streams: BTreeMap<String, Vec<u64>> = streams.collect();
        assert_eq!(streams, sold, "rows and statements keep the same");
        ReadModelOf { streams, parked }
    }
}
