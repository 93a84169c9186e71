//! What can be typed: [`Command`], as clap sees it.
//!
//! clap makes help texts of the comments here, for the people who use an application; what its
//! developer needs to know stands in the documentation of [`cli`](super).

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Looks after projectors and events.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// Look at projectors, run and rebuild them.
    #[command(subcommand)]
    Projection(Projection),
    /// Move events in and out of the event store.
    #[command(subcommand)]
    Events(Events),
}

/// `projection ...`
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum Projection {
    /// Check the wiring and list every fault.
    Check,
    /// Look after events that could not be applied.
    #[command(subcommand)]
    DeadLetters(DeadLetters),
    /// Draw domains, events, projectors and storages.
    Graph {
        /// The language of the picture.
        #[arg(long, value_enum, default_value_t)]
        format: GraphFormat,
    },
    /// Tell whether every projector is well; exit with 1 if one is not.
    ///
    /// Projectors that keep their read model in process live in the process that runs them, and
    /// are not judged from here.
    Health,
    /// Empty a projector's read model and build it again from the first event.
    Rebuild(Rebuild),
    /// Pause a projector, also while another process runs it; it stays paused through restarts.
    Pause(Pause),
    /// Let a paused projector go on.
    Resume(Pause),
    /// Run the projectors until SIGTERM or Ctrl-C.
    Run(Run),
    /// Show how far each projector is.
    Status(Status),
}

/// `projection dead-letters ...`
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum DeadLetters {
    /// Let go of parked events for good.
    ///
    /// After one event is discarded, those that waited behind it are applied.
    Discard(Discard),
    /// List parked events and those that wait behind them.
    List(ListLetters),
    /// Apply parked events, once the handlers are repaired.
    ///
    /// Events of one key are applied in order, until one fails again; exit with 1 if one does.
    Redrive(Redrive),
    /// Show one event with its error and its payload.
    Show(ShowLetter),
}

/// Which dead letters are meant.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
#[non_exhaustive]
pub struct Choice {
    /// All of the projector's.
    #[arg(long)]
    pub all: bool,
    /// That of the event at this position.
    #[arg(long, value_name = "POSITION")]
    pub event: Option<u64>,
    /// Those of this key: the name of a stream, unless the projector parks by something else.
    #[arg(long, alias = "stream", value_name = "KEY")]
    pub key: Option<String>,
}

/// `projection dead-letters discard ...`
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct Discard {
    /// The projector's name.
    #[arg(long, value_name = "NAME")]
    pub projector: String,
    #[command(flatten)]
    #[allow(missing_docs)] // its fields are documented
    pub choice: Choice,
    /// Do it with this program, where nobody runs the projector and other code built its read model.
    #[arg(long)]
    pub with_this_code: bool,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `projection dead-letters list ...`
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct ListLetters {
    /// Of this projector alone.
    #[arg(long, value_name = "NAME")]
    pub projector: Option<String>,
    /// Of this key alone: the name of a stream, unless the projector parks by something else.
    #[arg(long, alias = "stream", value_name = "KEY")]
    pub key: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    pub limit: usize,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `projection dead-letters redrive ...`
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct Redrive {
    /// The projector's name.
    #[arg(long, value_name = "NAME")]
    pub projector: String,
    #[command(flatten)]
    #[allow(missing_docs)] // its fields are documented
    pub choice: Choice,
    /// Rebuild the read model instead: the exact repair where streams depend on each other.
    #[arg(long)]
    pub rebuild: bool,
    /// Do it with this program, where nobody runs the projector and other code built its read model.
    #[arg(long)]
    pub with_this_code: bool,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `projection dead-letters show ...`
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct ShowLetter {
    /// The projector's name.
    #[arg(long, value_name = "NAME")]
    pub projector: String,
    /// The event's position in the log.
    pub position: u64,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `events ...`
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum Events {
    /// Write the stored events, one JSON object a line.
    Export(Export),
    /// Show the last position and the identity of the event store.
    Head(Head),
    /// Store events from a file of one JSON object a line.
    ///
    /// A line has the keys stream, domain, type, time and data, and may have id, recorded_at and
    /// metadata. The whole file is checked before the first event is stored. Repeating the
    /// command, with the same file or with one that has grown, continues where it stopped.
    Import(Import),
}

/// `projection rebuild ...`
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct Rebuild {
    /// The projector's name.
    #[arg(long, value_name = "NAME")]
    pub projector: String,
    /// Do it with this program, where nobody runs the projector and other code built its read model.
    #[arg(long)]
    pub with_this_code: bool,
}

/// `projection pause ...` and `projection resume ...`
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct Pause {
    /// The projector's name.
    #[arg(long, value_name = "NAME")]
    pub projector: String,
    /// Do it with this program, where nobody runs the projector and other code built its read model.
    #[arg(long)]
    pub with_this_code: bool,
}

/// `projection run ...`
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct Run {
    /// Stop once every projector has reached the head as it is now.
    #[arg(long)]
    pub until_caught_up: bool,
}

/// `projection status ...`
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// Repeat every second, until Ctrl-C; with --json, one document a line.
    #[arg(long)]
    pub watch: bool,
    /// Count the matching events that are behind, not the positions.
    #[arg(long)]
    pub exact: bool,
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `events export ...`
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct Export {
    /// A new file, compressed if its name ends in .gz; - is standard output.
    #[arg(default_value = "-")]
    pub file: PathBuf,
}

/// `events head ...`
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct Head {
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// `events import ...`
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct Import {
    /// The file, plain or gzip; - is standard input.
    pub file: PathBuf,
}

/// The language of `projection graph`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
#[non_exhaustive]
pub enum GraphFormat {
    /// Graphviz.
    Dot,
    /// Mermaid, as Markdown pages show it.
    #[default]
    Mermaid,
}
