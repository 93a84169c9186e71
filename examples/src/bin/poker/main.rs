//! A poker room: hands go in as events, and a leaderboard, a hand history, a search for players
//! and the state of the tables come out.
//!
//! Called with nothing, it deals hands, projects them and shows what came out. Called with
//! `--data DIR` and a command, it works on the events of that folder, such as real hands that
//! `events import` stored there.
//!
//! Where to begin reading: [`events`] says what happens; [`table_state`], [`hand_history`],
//! [`leaderboard`] and [`player_search`] are the projectors; [`room`] wires them up.

mod dealer;
mod events;
mod hand_history;
mod leaderboard;
mod money;
mod player_search;
mod query;
mod report;
mod room;
mod screen;
mod show;
#[cfg(test)]
mod specs;
mod story;
mod table_state;

use std::{error::Error, path::PathBuf, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand, error::ErrorKind};
use projections::cli;

use crate::{query::Query, room::Room, show::Show};

/// What can go wrong on the way, for people to read.
type BoxError = Box<dyn Error + Send + Sync>;

/// Poker hands as events, and what can be read off them.
///
/// Without a command it deals hands, projects them, and shows the leaderboard, the biggest pots,
/// one hand street by street, and how far every projector is.
#[derive(Debug, Parser)]
#[command(name = "poker", version)]
struct Arguments {
    /// Where events and read models are kept; else in a new temporary folder, which stays.
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,

    #[command(flatten)]
    show: Show,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ask what is there, without projecting anything.
    Query(Query),
    #[command(flatten)]
    Projections(cli::Command),
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into()),
        )
        .init();
    match carry_out(Arguments::parse()).await {
        Ok(code) => code,
        Err(error) => {
            screen::complain(&*error);
            ExitCode::FAILURE
        }
    }
}

async fn carry_out(arguments: Arguments) -> Result<ExitCode, BoxError> {
    let Arguments { data, show, command } = arguments;
    if command.is_some() && show.asks_for_hands() {
        refuse("only `poker` without a command takes --seed and --hands");
    }
    match (command, data) {
        (Some(Command::Query(_)), None) => {
            refuse("a query needs --data DIR: the folder whose events it asks about")
        }
        (Some(Command::Query(query)), Some(data)) => query.answer(&Room::existing(data)?).await,
        (Some(Command::Projections(command)), data) => {
            let room = Room::open(data)?;
            Ok(cli::execute(command, || room.builder()).await)
        }
        (None, data) => show.run(&Room::open(data)?).await,
    }
}

/// Ends the process where arguments do not fit together in a way that clap cannot tell by itself.
fn refuse(reason: &str) -> ! {
    Arguments::command().error(ErrorKind::ArgumentConflict, reason).exit()
}
