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
    let Arguments { data, show, command } = Arguments::parse();
    if command.is_some() && show.asks_for_hands() {
        let reason =
            "--seed and --hands say what to deal, and only `poker` without a command deals";
        Arguments::command().error(ErrorKind::ArgumentConflict, reason).exit();
    }
    match carry_out(data, show, command).await {
        Ok(code) => code,
        Err(error) => {
            screen::complain(&*error);
            ExitCode::FAILURE
        }
    }
}

async fn carry_out(
    data: Option<PathBuf>,
    show: Show,
    command: Option<Command>,
) -> Result<ExitCode, BoxError> {
    match command {
        Some(Command::Query(query)) => query.answer(data).await,
        Some(Command::Projections(command)) => {
            let room = Room::open(data)?;
            Ok(cli::execute(command, || room.builder()).await)
        }
        None => show.run(&Room::open(data)?).await,
    }
}
