//! [`shutdown_signal`]: the stop that a process manager or a person asks for.

/// Waits for SIGTERM or SIGINT (elsewhere Ctrl-C). After the first signal has been seen, a second
/// one ends the process at once, with exit code 130.
///
/// # Panics
/// When called outside a tokio runtime with signals enabled.
///
/// # Cancel safety
/// Cancel safe: nothing is installed before it is polled.
pub async fn shutdown_signal() {
    // One listener for both, so that a second signal that comes at once is not missed.
    let mut signals = Signals::new();
    signals.next().await;
    tracing::info!("stopping; a second signal stops at once");
    tokio::spawn(async move {
        signals.next().await;
        std::process::exit(130);
    });
}

#[cfg(unix)]
struct Signals(Option<[tokio::signal::unix::Signal; 2]>);

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};

        let terminate = signal(SignalKind::terminate());
        Self(terminate.and_then(|first| Ok([first, signal(SignalKind::interrupt())?])).ok())
    }

    async fn next(&mut self) {
        let Some([terminate, interrupt]) = &mut self.0 else {
            tracing::error!("signals cannot be received; the process can only be killed");
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Self {
        Self
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            tracing::error!("Ctrl-C cannot be received; the process can only be killed");
            std::future::pending::<()>().await;
        }
    }
}
