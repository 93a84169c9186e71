//! [`execute`] and [`run`]: from a command to an exit code.

use std::{process::ExitCode, sync::Arc};

use clap::Parser;

use super::{
    check,
    command::{Command, Events, Projection},
    dead_letters, events,
    failure::Failure,
    graph, pause, rebuild, status,
};
use crate::{BoxError, Builder, EventStore, Runtime};

/// What says how an application's runtime is built: a [`Builder`], or a `Result` with one, as a
/// function that opens stores returns it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a builder of a runtime",
    label = "expected a `Builder<S>`, or a `Result` with one, where `S` is an `EventStore`"
)]
pub trait IntoBuilder {
    /// The event store.
    type Events: EventStore;

    /// Returns the builder.
    ///
    /// # Errors
    /// Returns why there is none, such as an event store that cannot be opened.
    fn into_builder(self) -> Result<Builder<Self::Events>, BoxError>;
}

impl<S: EventStore> IntoBuilder for Builder<S> {
    type Events = S;

    fn into_builder(self) -> Result<Builder<S>, BoxError> {
        Ok(self)
    }
}

impl<S: EventStore, E: Into<BoxError>> IntoBuilder for Result<Builder<S>, E> {
    type Events = S;

    fn into_builder(self) -> Result<Builder<S>, BoxError> {
        self.map_err(Into::into)
    }
}

/// Carries a command out, and returns the exit code for `main`.
///
/// The closure is called at most once, and only where the command needs the event store: open the
/// stores inside it, so that a file that cannot be imported leaves no empty store behind.
///
/// # Cancel safety
/// A dropped command may be half done; each command can be repeated.
pub async fn execute<B: IntoBuilder>(command: Command, builder: impl FnOnce() -> B) -> ExitCode {
    let done = match command {
        Command::Events(command) => on_events(command, builder).await,
        Command::Projection(command) => on_projectors(command, builder).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Carries out the command that the process was called with, for a program without commands of
/// its own. Wrong usage ends the process with exit code 2.
///
/// # Cancel safety
/// As [`execute`].
pub async fn run(builder: impl IntoBuilder) -> ExitCode {
    /// Runs projections and looks after them.
    #[derive(Parser)]
    struct Arguments {
        #[command(subcommand)]
        command: Command,
    }
    execute(Arguments::parse().command, || builder).await
}

async fn on_events<B: IntoBuilder>(
    command: Events,
    builder: impl FnOnce() -> B,
) -> Result<(), Failure> {
    match command {
        Events::Export(options) => events::export(&*source(builder)?, &options).await,
        Events::Head(options) => events::head(&*source(builder)?, &options).await,
        Events::Import(options) => {
            let prepared = events::prepare(&options).await?;
            if prepared.is_empty() {
                return Ok(());
            }
            // An import is an append: inline projectors take part in it.
            let builder = builder().into_builder().map_err(|error| Failure::error(&*error))?;
            let (events, _joined) = builder.into_store();
            events::import(&*events, prepared).await
        }
    }
}

async fn on_projectors<B: IntoBuilder>(
    command: Projection,
    builder: impl FnOnce() -> B,
) -> Result<(), Failure> {
    let runtime = build(builder).await?;
    match command {
        Projection::Check => check::check(&runtime).await,
        Projection::DeadLetters(command) => dead_letters::dead_letters(&runtime, &command).await,
        Projection::Graph { format } => graph::graph(&runtime, format),
        Projection::Health => check::health(&runtime).await,
        Projection::Pause(options) => pause::pause(&runtime, &options).await,
        Projection::Resume(options) => pause::resume(&runtime, &options).await,
        Projection::Rebuild(options) => rebuild::rebuild(&runtime, &options).await,
        Projection::Run(options) => super::run::run(&runtime, &options).await,
        Projection::Status(options) => status::status(&runtime, &options).await,
    }
}

/// The event store alone: moving events must not depend on how projectors are wired.
fn source<B: IntoBuilder>(builder: impl FnOnce() -> B) -> Result<Arc<B::Events>, Failure> {
    let builder = builder().into_builder().map_err(|error| Failure::error(&*error))?;
    Ok(builder.into_source())
}

async fn build<B: IntoBuilder>(builder: impl FnOnce() -> B) -> Result<Runtime<B::Events>, Failure> {
    let builder = builder().into_builder().map_err(|error| Failure::error(&*error))?;
    builder.build().await.map_err(|error| Failure::error(&error))
}
