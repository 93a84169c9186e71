//! `projection run`.

use std::time::Instant;

use super::{command, escape, failure::Failure, output, progress::Watch};
use crate::{EventSource, RunError, Runtime, shutdown_signal};

/// Runs the projectors until a signal, or until all have caught up.
pub(super) async fn run<S: EventSource>(
    runtime: &Runtime<S>,
    options: &command::Run,
) -> Result<(), Failure> {
    if options.until_caught_up { catch_up(runtime).await } else { serve(runtime).await }
}

async fn serve<S: EventSource>(runtime: &Runtime<S>) -> Result<(), Failure> {
    output::tell(format_args!(
        "running {} on {}; Ctrl-C stops",
        projectors(runtime),
        escape::terminal(&runtime.events().label())
    ));
    let shutdown = async {
        shutdown_signal().await;
        output::tell("stopping; another Ctrl-C stops at once");
    };
    ended(Watch::new(runtime, None).telling_halts().during(runtime.run(shutdown)).await)?;
    output::tell("stopped");
    // A clean stop of the others must not hide those that had halted before.
    let halted = runtime.halted();
    if halted.is_empty() {
        return Ok(());
    }
    let halted = halted.iter().map(|halted| escape::terminal(&halted.to_string()).into_owned());
    Err(Failure::Failed(halted.collect()))
}

async fn catch_up<S: EventSource>(runtime: &Runtime<S>) -> Result<(), Failure> {
    let started = Instant::now();
    let work = async {
        tokio::select! {
            done = runtime.catch_up() => Some(done),
            () = shutdown_signal() => None,
        }
    };
    match Watch::new(runtime, None).during(work).await {
        Some(done) => ended(done)?,
        None => {
            return Err(Failure::failed(
                "interrupted; what is applied stays, and the same command continues there",
            ));
        }
    }
    let head = runtime.events().head().await.map_err(|error| Failure::error(&error))?;
    output::tell(format_args!(
        "caught up: {} at position {} after {:.1} s",
        projectors(runtime),
        head.map_or(0, |head| head.position.get()),
        started.elapsed().as_secs_f64()
    ));
    Ok(())
}

fn ended(done: Result<(), RunError>) -> Result<(), Failure> {
    done.map_err(|error| Failure::from(&error))
}

fn projectors<S: EventSource>(runtime: &Runtime<S>) -> String {
    match runtime.projectors().len() {
        1 => "1 projector".to_owned(),
        count => format!("{count} projectors"),
    }
}
