//! The command line that every application gets: `projection ...` and `events ...`.
//!
//! [`Command`] is a clap subcommand. An application flattens it into its own and hands it to
//! [`execute`], with a closure that says how its runtime is built:
//!
//! ```no_run
//! # // no_run: it would parse the arguments of the test program
//! use std::process::ExitCode;
//!
//! use clap::Parser;
//! use projections::{Runtime, cli, memory::MemoryEventStore};
//!
//! #[derive(Parser)]
//! struct App {
//!     #[command(subcommand)]
//!     command: Command,
//! }
//!
//! #[derive(clap::Subcommand)]
//! enum Command {
//!     /// Sells something.
//!     Sell { product: String },
//!     #[command(flatten)]
//!     Projections(cli::Command),
//! }
//!
//! #[tokio::main]
//! async fn main() -> ExitCode {
//!     let builder = || Runtime::builder(MemoryEventStore::new());
//!     match App::parse().command {
//!         Command::Sell { product } => todo(product),
//!         Command::Projections(command) => cli::execute(command, builder).await,
//!     }
//! }
//! # fn todo(_: String) -> ExitCode { ExitCode::SUCCESS }
//! ```
//!
//! A program that has no commands of its own calls [`run`].
//!
//! | Exit code | Meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | the thing asked for is not so: unhealthy, a fault found, a projector halted, a file missing |
//! | 2 | wrong usage: an unknown option, command or projector |
//!
//! With `--json` a command prints one document on standard output and nothing else; messages for
//! people go to standard error. Names, payloads and errors are escaped before a terminal, DOT or
//! Mermaid sees them.

mod check;
mod command;
mod dead_letters;
mod escape;
mod events;
mod execute;
mod failure;
mod graph;
mod output;
mod pause;
mod progress;
mod rebuild;
mod run;
mod status;
mod table;

pub use self::{
    command::{
        Choice, Command, DeadLetters, Discard, Events, Export, GraphFormat, Head, Import,
        ListLetters, Pause, Projection, Rebuild, Redrive, Run, ShowLetter, Status,
    },
    execute::{IntoBuilder, execute, run},
};
