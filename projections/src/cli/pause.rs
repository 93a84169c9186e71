//! `projection pause` and `projection resume`.

use super::{command, escape, failure::Failure, output};
use crate::{
    CommandError, EventSource, Runtime,
    runtime::{Code, Command},
};

/// Pauses a projector.
pub(super) async fn pause<S: EventSource>(
    runtime: &Runtime<S>,
    options: &command::Pause,
) -> Result<(), Failure> {
    order(runtime, options, Command::Pause).await?;
    output::tell(format_args!("paused projector `{}`", escape::terminal(&options.projector)));
    Ok(())
}

/// Lets a paused projector go on.
pub(super) async fn resume<S: EventSource>(
    runtime: &Runtime<S>,
    options: &command::Pause,
) -> Result<(), Failure> {
    order(runtime, options, Command::Resume).await?;
    output::tell(format_args!("resumed projector `{}`", escape::terminal(&options.projector)));
    Ok(())
}

async fn order<S: EventSource>(
    runtime: &Runtime<S>,
    options: &command::Pause,
    command: Command,
) -> Result<(), Failure> {
    let ordered = runtime.command(&options.projector, command, code(options.with_this_code));
    ordered.await.map_err(|error| match error {
        CommandError::Unknown(error) => Failure::usage(error.to_string()),
        error => Failure::error(&error),
    })
}

/// Whose code may do it where nobody runs the projector.
pub(super) fn code(with_this_code: bool) -> Code {
    if with_this_code { Code::This } else { Code::Same }
}
