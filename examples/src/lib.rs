//! What examples share that is about no idea of theirs.

use std::error::Error;

use axum::Router;
use projections::{Runtime, sqlite::SqliteEventStore};
use tokio::{net::TcpListener, sync::watch};

/// Answers requests, and projects where a runtime is given, until SIGTERM or Ctrl-C; then lets
/// requests and batches under way come to their end.
///
/// # Errors
/// When the address cannot be listened on, or the runtime ends with an error.
pub async fn serve(
    listen: &str,
    routes: Router,
    runtime: Option<&Runtime<SqliteEventStore>>,
) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);

    let (stop, stopped) = watch::channel(false);
    let serving = axum::serve(listener, routes)
        .with_graceful_shutdown(stop_requested(stopped.clone()))
        .into_future();
    let projecting = async {
        match runtime {
            Some(runtime) => runtime.run(stop_requested(stopped)).await,
            None => Ok(()),
        }
    };
    let stopping = async {
        projections::shutdown_signal().await;
        stop.send_replace(true);
    };
    let (served, projected, ()) = tokio::join!(serving, projecting, stopping);
    served?;
    Ok(projected?)
}

async fn stop_requested(mut stopped: watch::Receiver<bool>) {
    // The sender is there until both have stopped.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
