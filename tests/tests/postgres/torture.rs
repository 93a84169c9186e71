//! Eight writers of every kind, and readers that follow: acceptance line 19, and the proof of the
//! register. `PROJECTIONS_SEED` repeats a run.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use projections::{
    AppendRequest, EventSource, EventStore, Expected, Filter, GlobalPosition, ReadRequest,
    postgres::PostgresEventStore,
};
use projections_tests::postgres::Place;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::task::JoinSet;
use tokio_postgres::Client;

use crate::support::{LONG, event, run};

const WRITERS: u64 = 8;
const TURNS: usize = 60;
const SEEDS: u64 = 3;

/// What a reader was given: position, stream, place in the stream.
type Delivered = Vec<(i64, String, i64)>;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_delivered_is_what_is_stored_whoever_writes() {
    let seeds = match std::env::var("PROJECTIONS_SEED") {
        Ok(seed) => vec![seed.parse().expect("PROJECTIONS_SEED is a number")],
        Err(_) => (0..SEEDS).map(|_| rand::random()).collect::<Vec<u64>>(),
    };
    let mut lost_by_the_naive = 0;
    for seed in seeds {
        println!("PROJECTIONS_SEED={seed}");
        lost_by_the_naive += torture(seed).await;
    }
    assert!(
        lost_by_the_naive > 0,
        "the test proves nothing: a reader without the register lost nothing"
    );
}

/// Runs the writers; returns how many events the naive reader has lost.
async fn torture(seed: u64) -> usize {
    let place = Place::new();
    let store = place.open().await;
    let stranger = place.session().await;
    // A transaction that writes elsewhere, and stays as long as all this takes.
    run(&stranger, "CREATE TABLE others (x int); BEGIN; INSERT INTO others VALUES (1)").await;

    let running = Arc::new(AtomicUsize::new(WRITERS as usize));
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let writer = Writer {
            store: store.clone(),
            session: place.session().await,
            random: StdRng::seed_from_u64(seed ^ number),
            number,
        };
        let running = Arc::clone(&running);
        writers.spawn(async move {
            writer.write().await;
            running.fetch_sub(1, SeqCst);
        });
    }
    let naive = tokio::spawn(follow_naively(place.session().await, Arc::clone(&running)));
    // Another process is another handle, with connections of its own.
    let (near, far) = (store.clone(), place.open().await);
    let near = tokio::spawn(follow(near, Arc::clone(&running)));
    let far = tokio::spawn(follow(far, Arc::clone(&running)));
    writers.join_all().await;

    let session = place.session().await;
    let rows = "SELECT position, stream, stream_position FROM events ORDER BY position";
    let rows = session.query(rows, &[]).await.unwrap();
    let stored: Delivered = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    for (name, reader) in [("near", near), ("far", far)] {
        let (delivered, silence) = reader.await.unwrap();
        let events = delivered.len();
        println!("{name}: {events} events, of {}; longest silence {silence:?}", stored.len());
        assert_eq!(missing(&stored, &delivered), 0, "the {name} reader has lost events");
        assert_eq!(delivered, stored, "the {name} reader got each event once, in order");
        check_streams(&delivered);
    }
    let naive = naive.await.unwrap();
    let lost = missing(&stored, &naive);
    println!("naive: lost {lost}");
    lost
}

fn missing(stored: &Delivered, delivered: &Delivered) -> usize {
    let delivered: HashSet<i64> = delivered.iter().map(|(position, ..)| *position).collect();
    stored.iter().filter(|(position, ..)| !delivered.contains(position)).count()
}

fn check_streams(delivered: &Delivered) {
    let mut ends: HashMap<&str, i64> = HashMap::new();
    for (position, stream, place) in delivered {
        let end = ends.entry(stream).or_default();
        assert_eq!(*place, *end + 1, "the events of `{stream}` come in order, at {position}");
        *end = *place;
    }
}

struct Writer {
    store: PostgresEventStore,
    session: Client,
    random: StdRng,
    number: u64,
}

impl Writer {
    async fn write(mut self) {
        for turn in 0..TURNS {
            let stream = match self.random.random_bool(0.5) {
                true => format!("shared-{}", self.random.random_range(0..3)),
                false => format!("own-{}", self.number),
            };
            let events = self.random.random_range(1..=20);
            match self.random.random_range(0..100) {
                0..50 => self.append(&stream, events).await,
                50..90 => self.by_hand(&stream, events).await,
                _ => self.by_insert(turn).await,
            }
        }
    }

    async fn append(&self, stream: &str, events: usize) {
        let events = (0..events).map(event).collect();
        let request = AppendRequest::new(stream, Expected::Any, events);
        self.store.append(request).await.unwrap();
    }

    /// One or two appends in a transaction that is slow, and may be rolled back, to a savepoint or as a
    /// whole. Its identifier is taken early, by an unrelated write.
    async fn by_hand(&mut self, stream: &str, events: usize) {
        run(&self.session, "BEGIN; CREATE TEMP TABLE early (x int) ON COMMIT DROP").await;
        self.call(stream, events).await;
        if self.random.random_bool(0.3) {
            run(&self.session, "SAVEPOINT again").await;
            self.call(stream, 2).await;
            let end =
                ["RELEASE again", "ROLLBACK TO again"][usize::from(self.random.random_bool(0.5))];
            run(&self.session, end).await;
        }
        if self.random.random_bool(0.5) {
            let slow = self.random.random_range(0.0..0.02);
            run(&self.session, &format!("SELECT pg_sleep({slow})")).await;
        }
        let end = if self.random.random_bool(0.25) { "ROLLBACK" } else { "COMMIT" };
        run(&self.session, end).await;
    }

    async fn call(&self, stream: &str, events: usize) {
        let call = "SELECT projections_append($1, -1, array_agg(gen_random_uuid()), \
                    array_agg('notes'::text), array_agg('Noted'::text), array_agg(1::bigint), array_agg(now()), \
                    array_agg('{}'::bytea), array_agg(NULL::text)) FROM generate_series(1, $2)";
        self.session.execute(call, &[&stream, &i32::try_from(events).unwrap()]).await.unwrap();
    }

    /// A program that knows nothing of this library.
    async fn by_insert(&mut self, turn: usize) {
        let insert = "INSERT INTO events (id, stream, stream_position, domain, type, time, payload) \
                      SELECT gen_random_uuid(), $1, number, 'notes', 'Noted', now(), '{}' \
                      FROM generate_series(1, 5) number";
        let stream = format!("inserted-{}-{turn}", self.number);
        run(&self.session, "BEGIN").await;
        self.session.execute(insert, &[&stream]).await.unwrap();
        run(&self.session, "SELECT pg_sleep(0.003); COMMIT").await;
    }
}

/// Follows the writers by the library's means; returns how long nothing came at most.
async fn follow(store: PostgresEventStore, running: Arc<AtomicUsize>) -> (Delivered, Duration) {
    let all = Filter::all();
    let (mut after, mut delivered) = (GlobalPosition::BEGINNING, Delivered::new());
    let (mut last, mut silence) = (Instant::now(), Duration::ZERO);
    loop {
        // Asked before it is read: what is committed then is read.
        let is_over = running.load(SeqCst) == 0;
        let page = store.read(ReadRequest::new(after, &all).at_most(100, 4 << 20)).await.unwrap();
        if let Some(scanned) = page.scanned() {
            assert!(scanned.position > after, "the mark never falls");
            after = scanned.position;
            silence = silence.max(last.elapsed());
            last = Instant::now();
            delivered.extend(page.events().map(|event| {
                let (position, place) = (event.position().get(), event.stream_position().get());
                (position.cast_signed(), event.stream().to_owned(), place.cast_signed())
            }));
        } else if is_over {
            return (delivered, silence);
        } else {
            // The last writers may roll back what was waited for.
            let waited = tokio::time::timeout(Duration::from_millis(500), store.wait(after)).await;
            if let Ok(outcome) = waited {
                outcome.unwrap();
            }
            assert!(last.elapsed() < LONG, "the reader stands still after {after}");
        }
    }
}

/// Follows the writers without the register.
async fn follow_naively(session: Client, running: Arc<AtomicUsize>) -> Delivered {
    let sql = "SELECT position, stream, stream_position FROM events WHERE position > $1 ORDER BY position";
    let (mut after, mut delivered) = (0_i64, Delivered::new());
    loop {
        let is_over = running.load(SeqCst) == 0;
        let rows = session.query(sql, &[&after]).await.unwrap();
        if rows.is_empty() && is_over {
            return delivered;
        }
        for row in rows {
            after = row.get(0);
            delivered.push((after, row.get(1), row.get(2)));
        }
    }
}
