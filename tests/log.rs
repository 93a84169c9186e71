//! What is logged on the thread of a test.

use std::{
    io::Write,
    sync::{Arc, LazyLock, Mutex},
};

use tracing::{
    Dispatch, Level, Subscriber,
    subscriber::{DefaultGuard, NoSubscriber},
};

/// Collects what is logged on this thread, up to a level, while the guard lives.
#[must_use]
pub fn capture_log(level: Level) -> (Log, DefaultGuard) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(level)
        .with_writer(move || writer.clone())
        .finish();
    (log, listen(subscriber))
}

/// Has a subscriber listen on this thread while the guard lives.
///
/// As long as one subscriber lives in a process, tracing asks that of the current thread alone whether
/// anybody wants a message, and remembers the answer. A parallel test that nobody listens to, which
/// meets a message first, would so make it silent for all. There are two from here on, and then all are
/// asked.
#[must_use]
pub fn listen(subscriber: impl Subscriber + Send + Sync + 'static) -> DefaultGuard {
    static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::default()));
    LazyLock::force(&SECOND);
    tracing::subscriber::set_default(subscriber)
}

/// What was logged so far. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// As one text.
    ///
    /// # Panics
    /// When it is no text, or a thread has panicked while it wrote.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
