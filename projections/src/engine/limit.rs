//! How long one attempt of one event may take: [`Progress`] and who watches it.
//!
//! The loop over a batch leaves a number where it is, which it does anyway to know who panicked.
//! Whoever watches looks at it eight times a limit, so that no event costs a timer.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    time::{Duration, Instant},
};

use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::Notify,
};

use super::stages::{Times, Work};

/// No handler is at work.
const IDLE: u64 = u64::MAX;
/// How often it is looked in the time that an event has: it may have an eighth more.
const LOOKS: u32 = 8;
/// A handler that is at work for so long may hang.
const HANGS: Duration = Duration::from_secs(2);

/// Stops a statement of a database that runs on another thread.
pub type Interrupt = Box<dyn Fn() + Send + Sync>;

/// Which event of which batch is at work.
pub struct Progress {
    at: AtomicU64,
    batches: AtomicU64,
    interrupt: Mutex<Option<Interrupt>>,
    /// A handler of this transaction took too long.
    interrupted: AtomicBool,
    /// The event that the watchdog has found overdue last.
    late: AtomicU64,
    /// Woken by the watchdog.
    overdue: Notify,
    /// The batch under way, for others to look at.
    pub(super) work: Mutex<Option<Work>>,
    pub(super) times: Times,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            at: AtomicU64::new(IDLE),
            batches: AtomicU64::default(),
            interrupt: Mutex::default(),
            interrupted: AtomicBool::new(false),
            late: AtomicU64::new(IDLE),
            overdue: Notify::new(),
            work: Mutex::default(),
            times: Times::default(),
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").field("index", &self.index()).finish_non_exhaustive()
    }
}

/// An event that has been at work for too long: no other one has its number, in this batch or those
/// before and after it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Late(u64);

impl Late {
    /// Its index in the page.
    pub(super) fn index(self) -> usize {
        (self.0 & u64::from(u32::MAX)) as usize
    }
}

/// A batch under way, until it is dropped.
pub(super) struct Marks<'a> {
    progress: &'a Progress,
    batch: u64,
}

impl Marks<'_> {
    /// The handler of the event with this index in the page is called.
    #[inline]
    pub(super) fn at(&self, index: usize) {
        // A page has fewer events than there are numbers of 32 bits.
        self.progress.at.store(self.batch | index as u64, Relaxed);
    }

    /// No handler is at work for now.
    pub(super) fn idle(&self) {
        self.progress.at.store(IDLE, Relaxed);
    }
}

impl Drop for Marks<'_> {
    fn drop(&mut self) {
        self.idle();
    }
}

impl Progress {
    /// A batch begins.
    pub(super) fn begin(&self) -> Marks<'_> {
        // Two batches in a row differ, which is all that is asked of the number.
        let batch = (self.batches.fetch_add(1, Relaxed) & 0x7fff_ffff) << 32;
        Marks { progress: self, batch }
    }

    /// The index of the event that is at work.
    pub(crate) fn index(&self) -> Option<usize> {
        self.now().map(|at| Late(at).index())
    }

    /// A number that no other event has, in this batch or those before and after it.
    pub(crate) fn now(&self) -> Option<u64> {
        let at = self.at.load(Relaxed);
        (at != IDLE).then_some(at)
    }

    /// Says how to stop a statement of the transaction that handlers have now.
    pub(super) fn interruptible(&self, interrupt: Option<Interrupt>) {
        self.interrupted.store(false, Relaxed);
        *self.interrupt.lock().unwrap_or_else(PoisonError::into_inner) = interrupt;
    }

    /// Whether a handler of the transaction took too long, and whoever watches waits for its end.
    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Relaxed)
    }

    /// Tells whether an event that was overdue is still at work.
    pub(super) fn is_at(&self, late: Late) -> bool {
        self.now() == Some(late.0)
    }

    /// Stops the statement of an overdue event. Where that one is not at work any more nothing is
    /// stopped, which the answer says: the statement would be a neighbour's.
    pub(super) fn interrupt(&self, late: Late) -> bool {
        let interrupt = self.interrupt.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_at(late) {
            return false;
        }
        self.interrupted.store(true, Relaxed);
        if let Some(stop) = &*interrupt {
            stop();
        }
        true
    }

    /// Wakes whoever waits for the answer. Where nobody waits just now, the next one is woken, whom it
    /// does not concern.
    fn tell(&self, late: Late) {
        self.late.store(late.0, Relaxed);
        self.overdue.notify_one();
    }

    /// The event that was found overdue, unless it has come back since.
    fn late(&self) -> Option<Late> {
        Some(Late(self.late.load(Relaxed))).filter(|late| self.is_at(*late))
    }
}

/// Notices when an event stays at work.
struct Look {
    limit: Duration,
    seen: Option<u64>,
    since: Instant,
}

impl Look {
    fn new(limit: Duration) -> Self {
        Self { limit, seen: None, since: Instant::now() }
    }

    fn tick(&self) -> Duration {
        (self.limit / LOOKS).max(Duration::from_millis(1))
    }

    /// Looks; the event that is at work, where it has been for the limit. `now` is on the clock by
    /// which it is looked.
    fn overdue(&mut self, progress: &Progress, now: Instant) -> Option<Late> {
        let at = progress.now();
        if at != self.seen {
            (self.seen, self.since) = (at, now);
            return None;
        }
        let is_overdue = now.saturating_duration_since(self.since) >= self.limit;
        at.filter(|_| is_overdue).map(Late)
    }
}

/// Runs handlers on the task of the caller until they are done, or until one takes longer than the
/// limit: the index of its event.
pub(super) async fn within<T>(
    progress: &Progress,
    limit: Duration,
    handlers: impl Future<Output = T>,
) -> Result<T, usize> {
    let overdue = async {
        let mut look = Look::new(limit);
        loop {
            tokio::time::sleep(look.tick()).await;
            // The clock of tokio, which a test may have stopped.
            if let Some(late) = look.overdue(progress, tokio::time::Instant::now().into_std()) {
                return late.index();
            }
        }
    };
    tokio::select! {
        biased;
        done = handlers => Ok(done),
        index = overdue => Err(index),
    }
}

/// Waits for handlers on another thread until they are done, or until one takes longer than the
/// limit: that event. The progress must be [watched](watch).
pub(super) async fn answered<T>(
    progress: &Progress,
    answer: impl Future<Output = T>,
) -> Result<T, Late> {
    let overdue = async {
        loop {
            progress.overdue.notified().await;
            if let Some(late) = progress.late() {
                return late;
            }
        }
    };
    tokio::select! {
        biased;
        done = answer => Ok(done),
        late = overdue => Err(late),
    }
}

/// Has a thread look at handlers that block another one, by the clock of the machine: a clock that a
/// test has stopped runs on while a thread works.
pub(super) fn watch(progress: &Arc<Progress>, limit: Duration) {
    look_at(Watched {
        progress: Arc::downgrade(progress),
        look: Look::new(limit),
        overdue: Overdue::Tell,
    });
}

/// For as long as the answer is kept: where a handler hangs on a thread of tokio, the other tasks go
/// on. `None` where there is no other thread.
///
/// The thread that hangs may be the one that woke up for timers and sockets, while all others sleep
/// and would do so for ever. A task from outside wakes one of them, which looks after these then.
pub(crate) fn keep_others_awake(progress: &Arc<Progress>) -> Option<Arc<Handle>> {
    let handle = Handle::try_current().ok()?;
    if handle.runtime_flavor() != RuntimeFlavor::MultiThread {
        return None;
    }
    let handle = Arc::new(handle);
    look_at(Watched {
        progress: Arc::downgrade(progress),
        look: Look::new(HANGS),
        overdue: Overdue::Wake(Arc::downgrade(&handle)),
    });
    Some(handle)
}

fn look_at(watched: Watched) {
    static WATCHDOG: OnceLock<Option<mpsc::Sender<Watched>>> = OnceLock::new();
    let watchdog = WATCHDOG.get_or_init(|| {
        let (sender, newcomers) = mpsc::channel();
        let thread = std::thread::Builder::new().name("projections watchdog".to_owned());
        // Without it no handler is cut off, which is better than to run none.
        thread.spawn(move || watchdog(&newcomers)).ok().map(|_| sender)
    });
    if let Some(watchdog) = watchdog {
        // Its thread lives as long as the process.
        let _ = watchdog.send(watched);
    }
}

struct Watched {
    progress: Weak<Progress>,
    look: Look,
    overdue: Overdue,
}

/// What is done about a handler that takes long.
enum Overdue {
    /// Whoever waits for it is told.
    Tell,
    /// The other threads of its tokio runtime are woken.
    Wake(Weak<Handle>),
}

fn watchdog(newcomers: &mpsc::Receiver<Watched>) {
    let mut all: Vec<Watched> = Vec::new();
    loop {
        let newcomer = match all.iter().map(|watched| watched.look.tick()).min() {
            None => newcomers.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
            Some(tick) => newcomers.recv_timeout(tick),
        };
        match newcomer {
            Ok(watched) => all.push(watched),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        all.retain_mut(|Watched { progress, look, overdue }| {
            let Some(progress) = progress.upgrade() else { return false };
            let late = look.overdue(&progress, now);
            match overdue {
                Overdue::Tell => {
                    if let Some(late) = late {
                        progress.tell(late);
                    }
                }
                Overdue::Wake(handle) => {
                    let Some(handle) = handle.upgrade() else { return false };
                    if late.is_some() {
                        handle.spawn(std::future::ready(()));
                    }
                }
            }
            true
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // test code

    use std::{pin::pin, task::Poll};

    use super::*;

    fn at_work(progress: &Progress) -> Late {
        Late(progress.now().unwrap())
    }

    /// The statement that is stopped would be a neighbour's.
    #[test]
    fn nothing_is_stopped_once_the_overdue_event_has_come_back() {
        let (progress, stops) = (Progress::default(), Arc::new(AtomicU64::new(0)));
        let stop = Arc::clone(&stops);
        progress.interruptible(Some(Box::new(move || {
            stop.fetch_add(1, Relaxed);
        })));
        let marks = progress.begin();
        marks.at(0);
        let late = at_work(&progress);
        marks.at(1);
        assert!(!progress.interrupt(late) && !progress.is_interrupted());
        marks.idle();
        assert!(!progress.interrupt(late) && !progress.is_interrupted());
        // The event at the same index of the next batch is another one, too.
        let marks = progress.begin();
        marks.at(0);
        assert!(!progress.interrupt(late) && !progress.is_interrupted());
        assert_eq!(stops.load(Relaxed), 0);
        assert!(progress.interrupt(at_work(&progress)) && progress.is_interrupted());
        assert_eq!(stops.load(Relaxed), 1);
    }

    /// The watchdog speaks of the event that it has looked at, and nobody may have listened.
    #[tokio::test]
    async fn what_was_said_of_one_event_is_not_said_of_the_next() {
        let progress = Progress::default();
        let marks = progress.begin();
        marks.at(0);
        progress.tell(at_work(&progress));
        marks.at(1);
        let mut answer = pin!(answered(&progress, std::future::pending::<()>()));
        let polled = std::future::poll_fn(|context| Poll::Ready(answer.as_mut().poll(context)));
        assert!(polled.await.is_pending());
        progress.tell(at_work(&progress));
        assert_eq!(answer.await, Err(at_work(&progress)));
        assert_eq!(at_work(&progress).index(), 1);
    }
}
