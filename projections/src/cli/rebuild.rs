//! `projection rebuild`.

use std::time::Instant;

use super::{command, escape, failure::Failure, output, pause::code, progress::Watch};
use crate::{EventSource, RebuildError, Runtime, shutdown_signal};

/// Empties a read model and builds it again.
pub(super) async fn rebuild<S: EventSource>(
    runtime: &Runtime<S>,
    options: &command::Rebuild,
) -> Result<(), Failure> {
    let started = Instant::now();
    let name = escape::terminal(&options.projector);
    let work = async {
        tokio::select! {
            done = runtime.rebuild_by(&options.projector, code(options.with_this_code)) => Some(done),
            () = shutdown_signal() => None,
        }
    };
    match Watch::new(runtime, Some(&options.projector)).during(work).await {
        Some(Ok(())) => {
            let seconds = started.elapsed().as_secs_f64();
            output::tell(format_args!("rebuilt projector `{name}` in {seconds:.1} s"));
            Ok(())
        }
        // What was asked for is so already: its read model is as new as the process.
        Some(Err(error @ RebuildError::InProcess { .. })) => {
            output::tell(escape::terminal(&error.to_string()));
            Ok(())
        }
        Some(Err(RebuildError::Unknown(error))) => Err(Failure::usage(error.to_string())),
        Some(Err(error)) => Err(Failure::error(&error)),
        None => Err(Failure::failed(format!(
            "interrupted; the read model of `{name}` is complete up to its position, and \
             `projection run` continues there"
        ))),
    }
}
