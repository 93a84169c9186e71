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
    signal().await;
    tracing::info!("stopping; a second signal stops at once");
    tokio::spawn(async {
        signal().await;
        std::process::exit(130);
    });
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};

    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be received; the process can only be killed");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        tracing::error!("Ctrl-C cannot be received; the process can only be killed");
        std::future::pending::<()>().await;
    }
}
