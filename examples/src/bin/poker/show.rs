//! `poker` alone: deal, project, show.

use std::{process::ExitCode, time::Duration};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use projections::{
    EventSource, EventStore, ImportChunk, ImportProgress, Runtime, sqlite::SqliteEventStore,
};

use crate::{
    BoxError,
    dealer::{Dealer, Dealt},
    hand_history::HandHistoryStore,
    leaderboard, report,
    room::Room,
    screen,
    story::Story,
    table_state::TableState,
};

/// Hands to deal where nobody says how many, and how many go into one transaction.
const HANDS: u32 = 3_000;
const HANDS_AT_ONCE: u32 = 250;

/// What to deal.
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// What the cards are shuffled with; else a new seed, which is printed.
    #[arg(long)]
    seed: Option<u32>,

    /// How many hands to deal [default: 3000].
    #[arg(long, value_name = "N")]
    hands: Option<u32>,
}

impl Show {
    /// Tells whether the command line says what to deal.
    pub(crate) fn asks_for_hands(&self) -> bool {
        self.seed.is_some() || self.hands.is_some()
    }

    pub(crate) async fn run(&self, room: &Room) -> Result<ExitCode, BoxError> {
        let runtime = room.builder()?.build().await?;
        screen::print(&self.deal(&runtime).await?)?;
        project(&runtime).await?;
        let tables = runtime.read::<TableState, _>(report::tables).await?;
        let status = runtime.status().await?;
        screen::print(&format!(
            "\n{}\nTables\n{tables}\nProjectors\n{}\nAll of it is in {}; \
             ask for more with `poker --data {} query`.\n",
            read_models(room).await?,
            report::status(&status),
            room.folder().display(),
            room.folder().display(),
        ))?;
        Ok(ExitCode::SUCCESS)
    }

    /// Deals into an empty log, or where a seed or a number of hands is asked for, and says what
    /// was dealt. The same seed deals the same hands under the same ids, so what is there already
    /// is not stored again.
    async fn deal(&self, runtime: &Runtime<SqliteEventStore>) -> Result<String, BoxError> {
        let there = runtime.events().head().await?.map_or(0, |head| head.position.get());
        if there > 0 && !self.asks_for_hands() {
            return Ok(format!(
                "{there} events are there already, so no hands were dealt; \
                 --seed or --hands adds more.\n"
            ));
        }
        let seed = self.seed.unwrap_or_else(rand::random);
        let hands = self.hands.unwrap_or(HANDS);
        let (stored, known) = store_hands(runtime.events(), seed, hands).await?;
        Ok(format!(
            "Dealt {hands} hands with --seed {seed}: {stored} events stored, \
             {known} were there already.\n"
        ))
    }
}

/// Stores hundreds of hands at once: one transaction for each would wait for the disk thousands of
/// times. An application that takes hands one by one calls `runtime.append`.
async fn store_hands(
    events: &SqliteEventStore,
    seed: u32,
    hands: u32,
) -> Result<(u64, u64), BoxError> {
    let mut dealer = Dealer::new(seed);
    let progress = ImportProgress {
        import: dealer.first_id(),
        file: format!("dealer, seed {seed}"),
        lines: 0,
        total: 0,
    };
    let mut chunk: Vec<Dealt> = Dealer::registrations()?;
    let (mut stored, mut known) = (0, 0);
    for hand in 1..=hands {
        chunk.extend(dealer.next_hand()?);
        if hand % HANDS_AT_ONCE == 0 || hand == hands {
            let receipt = events
                .import(ImportChunk::new(std::mem::take(&mut chunk), progress.clone()))
                .await?;
            stored += receipt.stored;
            known += receipt.known;
        }
    }
    Ok((stored, known))
}

/// Brings every projector to the end of the log, and shows how far they are meanwhile.
async fn project(runtime: &Runtime<SqliteEventStore>) -> Result<(), BoxError> {
    let style =
        ProgressStyle::with_template("projecting [{bar:40}] {human_pos}/{human_len}  {eta} left")?;
    let bar = ProgressBar::new(0).with_style(style);
    let look = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(100));
        loop {
            ticks.tick().await;
            // What cannot be read is told by the work itself.
            let Ok(status) = runtime.status().await else { continue };
            bar.set_length(status.projectors.iter().map(|one| one.head.get()).sum());
            let done =
                status.projectors.iter().map(|one| one.head.get().saturating_sub(one.behind));
            bar.set_position(done.sum());
        }
    };
    let caught_up = tokio::select! {
        caught_up = runtime.catch_up() => caught_up,
        () = look => Ok(()),
    };
    bar.finish_and_clear();
    Ok(caught_up?)
}

/// The leaderboard, the biggest pots, and the story of the biggest.
async fn read_models(room: &Room) -> Result<String, BoxError> {
    let models = room.read_models()?;
    let hands = HandHistoryStore::new(&models);
    let standings = leaderboard::standings(&models.rows.rows(), 12).await?;
    let pots = hands.biggest_pots(5).await?;
    let mut text = format!(
        "Leaderboard\n{}\nBiggest pots\n{}",
        report::leaderboard(&standings),
        report::biggest_pots(&pots)
    );
    if let Some(biggest) = pots.first()
        && let Some(story) = Story::of(&biggest.hand_id, &hands).await?
    {
        text.push_str(&format!("\n{story}"));
    }
    Ok(text)
}
