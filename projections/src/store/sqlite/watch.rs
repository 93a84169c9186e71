//! Who waits for news of a file, and the thread that looks for news from other processes.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use rusqlite::Connection;
use tokio::sync::watch;

use super::{error::store_error, read};
use crate::{GlobalPosition, StoreError, StoreErrorKind};

/// How often the thread asks whether another process has committed.
const POLL: Duration = Duration::from_millis(2);

/// What is known of a file's commits, and the thread that keeps it known while somebody waits.
#[derive(Debug)]
pub(super) struct Watch {
    news: Arc<watch::Sender<News>>,
    demand: Arc<Demand>,
    /// Whether there is a log to look at.
    holds_events: Arc<AtomicBool>,
}

/// What waiters look at.
#[derive(Clone, Debug, Default)]
struct News {
    /// The last position that is known of.
    head: GlobalPosition,
    /// How often the thread has seen that something was committed.
    commits: u64,
    /// How often the thread could not look, and why it could not the last time.
    failures: u64,
    failure: Option<(StoreErrorKind, Arc<str>)>,
}

/// Whether anybody waits. The thread sleeps while nobody does.
#[derive(Debug, Default)]
struct Demand {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiters: usize,
    thread: Option<JoinHandle<()>>,
    closed: bool,
}

impl Watch {
    pub(super) fn new(holds_events: Arc<AtomicBool>) -> Self {
        let news = Arc::new(watch::Sender::new(News::default()));
        Self { news, demand: Arc::default(), holds_events }
    }

    /// Tells the waiters of this process about an append.
    pub(super) fn publish(&self, head: GlobalPosition) {
        publish(&self.news, head);
    }

    /// Returns the last position that was heard of.
    pub(super) fn head(&self) -> GlobalPosition {
        self.news.borrow().head
    }

    /// Forgets a position that the log no longer has, because it was set back.
    pub(super) fn correct(&self, wrong: GlobalPosition, head: GlobalPosition) {
        self.news.send_if_modified(|news| {
            if news.head == wrong {
                news.head = head;
            }
            false // nobody waits for less
        });
    }

    /// Waits until the log is known to reach past a position. `connect` opens the connection of
    /// the thread, where there is none yet.
    pub(super) async fn wait(
        &self,
        after: GlobalPosition,
        label: &str,
        connect: impl FnOnce() -> Result<Connection, StoreError>,
    ) -> Result<(), StoreError> {
        // Subscribed before the thread is woken: it looks at the log at once, so an append that
        // came before is seen as well as one that comes after.
        let mut news = self.news.subscribe();
        let failures = news.borrow().failures;
        let _waiter = self.enter(label, connect)?;
        let arrived = |news: &News| news.head > after || news.failures > failures;
        let seen = news.wait_for(arrived).await.map(|news| news.clone());
        match seen {
            Ok(News { head, .. }) if head > after => Ok(()),
            Ok(News { failure: Some((kind, doing)), .. }) => {
                Err(StoreError::new(kind, doing.to_string()))
            }
            // The sender lives as long as `self`.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Begins to count the commits of anybody.
    pub(super) fn commits(&self) -> Commits {
        let news = self.news.subscribe();
        let seen = news.borrow().commits;
        Commits { news, seen, waiter: None }
    }

    /// Waits for a commit that was not told of yet.
    pub(super) async fn committed(
        &self,
        commits: &mut Commits,
        label: &str,
        connect: impl FnOnce() -> Result<Connection, StoreError>,
    ) -> Result<(), StoreError> {
        // Stays between two calls, so that the thread goes on counting. Where it has slept before,
        // it tells of a commit in any case.
        if commits.waiter.is_none() {
            commits.waiter = Some(self.enter(label, connect)?);
        }
        let Commits { news, seen, .. } = commits;
        let failures = news.borrow().failures;
        let arrived = |news: &News| news.commits > *seen || news.failures > failures;
        let now = news.wait_for(arrived).await.map(|news| news.clone());
        match now {
            Ok(News { commits, .. }) if commits > *seen => {
                *seen = commits;
                Ok(())
            }
            Ok(News { failure: Some((kind, doing)), .. }) => {
                Err(StoreError::new(kind, doing.to_string()))
            }
            // The sender lives as long as `self`.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Ends the thread, and with it its connection.
    pub(super) fn close(&self) {
        let thread = {
            let mut state = self.demand.lock();
            state.closed = true;
            state.thread.take()
        };
        self.demand.changed.notify_all();
        if let Some(thread) = thread {
            // A thread that panicked has ended, too.
            let _ = thread.join();
        }
    }
}

fn publish(news: &watch::Sender<News>, head: GlobalPosition) {
    news.send_if_modified(|news| {
        let is_news = head > news.head;
        if is_news {
            news.head = head;
        }
        is_news
    });
}

/// The commits that somebody has been told of.
#[derive(Debug)]
pub(super) struct Commits {
    news: watch::Receiver<News>,
    seen: u64,
    waiter: Option<Waiter>,
}

/// Somebody who waits, until dropped.
#[derive(Debug)]
struct Waiter(Arc<Demand>);

impl Watch {
    /// Wakes the thread, starting it where there is none yet.
    fn enter(
        &self,
        label: &str,
        connect: impl FnOnce() -> Result<Connection, StoreError>,
    ) -> Result<Waiter, StoreError> {
        let mut state = self.demand.lock();
        if state.thread.is_none() {
            let poller = Poller {
                connection: connect()?,
                label: label.to_owned(),
                news: Arc::clone(&self.news),
                demand: Arc::clone(&self.demand),
                holds_events: Arc::clone(&self.holds_events),
                seen: None,
            };
            let thread = std::thread::Builder::new()
                .name("watch SQLite".to_owned())
                .spawn(move || poller.run())
                .map_err(|error| {
                    let doing = format!("start the thread that watches {label}");
                    StoreError::new(StoreErrorKind::Unavailable, doing).with_source(error)
                })?;
            state.thread = Some(thread);
        }
        state.waiters += 1;
        drop(state);
        self.demand.changed.notify_all();
        Ok(Waiter(Arc::clone(&self.demand)))
    }
}

impl Demand {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.lock().waiters -= 1;
    }
}

/// The thread: it asks its connection, which never writes, whether any other one has committed.
struct Poller {
    connection: Connection,
    label: String,
    news: Arc<watch::Sender<News>>,
    demand: Arc<Demand>,
    holds_events: Arc<AtomicBool>,
    /// SQLite's count of foreign commits when the file was last looked at, and whether there was a
    /// log to look at.
    seen: Option<(i64, bool)>,
}

impl Poller {
    fn run(mut self) {
        while self.is_wanted() {
            if let Err(error) = self.look() {
                self.fail(error);
            }
            self.pause();
        }
    }

    /// Sleeps while nobody waits; tells whether the file is still open.
    fn is_wanted(&mut self) -> bool {
        let mut state = self.demand.lock();
        while state.waiters == 0 && !state.closed {
            // What happened while nobody looked is found by looking once without comparing.
            self.seen = None;
            state = self.demand.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.closed
    }

    fn pause(&self) {
        let state = self.demand.lock();
        let asleep = self.demand.changed.wait_timeout_while(state, POLL, |state| !state.closed);
        drop(asleep);
    }

    /// Looks where the log ends, where something was committed since the last look.
    fn look(&mut self) -> rusqlite::Result<()> {
        // In this order: a commit in between is looked at twice, never not at all.
        let version = self
            .connection
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get(0))?;
        let now = (version, self.holds_events.load(Ordering::Relaxed));
        if self.seen == Some(now) {
            return Ok(());
        }
        let head = match now {
            (_, true) => read::head(&self.connection)?,
            (_, false) => None,
        };
        self.seen = Some(now);
        self.news.send_modify(|news| {
            news.commits += 1;
            news.head = head.map_or(news.head, |head| news.head.max(head.position));
        });
        Ok(())
    }

    fn fail(&mut self, error: rusqlite::Error) {
        self.seen = None;
        let text = error.to_string();
        let error = store_error("watch", &self.label, error);
        let failure = (error.kind(), format!("{error}: {text}")[..].into());
        self.news.send_modify(|news| {
            news.failures += 1;
            news.failure = Some(failure);
        });
    }
}
