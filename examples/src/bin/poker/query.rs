//! `poker --data DIR query ...`: reads what is there, and projects nothing.

use std::{collections::BTreeMap, process::ExitCode};

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::{
    BoxError,
    events::Action,
    hand_history::{HandHistoryStore, HandTotals, RecentHand},
    leaderboard::{self, Standing},
    money::Amount,
    player_search::{self, Found},
    report,
    room::{ReadModels, Room},
    screen::{self, Cell, Table, plain},
    story::Story,
};

/// The arguments of `query`.
#[derive(Args, Debug)]
pub(crate) struct Query {
    /// Print one JSON document.
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    question: Question,
}

#[derive(Debug, Subcommand)]
enum Question {
    /// What all hands come to.
    ///
    /// A hand counts from its first event; showdowns, split pots and chips once it is complete.
    Totals,
    /// Who has won most.
    Leaderboard(Limit),
    /// The hands with the biggest pots.
    BiggestPots(Limit),
    /// One hand, street by street.
    Hand {
        /// The hand.
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
    /// One player, with the last ten hands.
    Player {
        /// The name, exactly.
        #[arg(allow_hyphen_values = true)]
        name: String,
    },
    /// Players by name, or a part of it, typing errors included.
    Search {
        /// What to look for.
        #[arg(allow_hyphen_values = true)]
        text: String,
        #[command(flatten)]
        limit: Limit,
    },
}

#[derive(Args, Debug)]
struct Limit {
    /// At most so many rows.
    #[arg(long, default_value_t = 25, value_name = "N")]
    limit: u32,
}

#[derive(Debug, Serialize)]
struct Totals {
    hands: u64,
    players: u64,
    player_actions: u64,
    showdowns: u64,
    split_pots: u64,
    pot_sum: Amount,
    actions: Actions,
}

#[derive(Debug, Serialize)]
struct Actions {
    fold: u64,
    check: u64,
    call: u64,
    bet: u64,
    raise: u64,
}

/// A row of the leaderboard, and what the player did last.
#[derive(Debug, Serialize)]
struct Profile {
    #[serde(flatten)]
    standing: Standing,
    recent_hands: Vec<RecentHand>,
}

impl Query {
    pub(crate) async fn answer(self, room: &Room) -> Result<ExitCode, BoxError> {
        warn_if_behind(room).await;
        let answer = self.question.look_up(&room.read_models()?).await?;
        let text = if self.json { format!("{}\n", answer.json) } else { answer.text };
        screen::print(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Answers are as old as the read models; a reader must not take them for news.
async fn warn_if_behind(room: &Room) {
    let status = async { Ok::<_, BoxError>(room.builder()?.build().await?.status().await?) };
    match status.await {
        Err(error) => {
            eprintln!("warning: how old the answer is cannot be told, for the status has an error");
            screen::complain(&*error);
        }
        Ok(status) => {
            // What is kept in process is not what a query reads.
            let stored = status.projectors.iter().filter(|one| !one.elsewhere);
            for one in stored.filter(|one| one.behind > 0) {
                eprintln!(
                    "warning: {} is {} positions behind ({}): `poker --data {} projection run \
                     --until-caught-up` brings it up to date",
                    one.projector,
                    one.behind,
                    one.state,
                    room.folder().display()
                );
            }
        }
    }
}

/// The same, for programs and for people.
struct Answer {
    json: String,
    text: String,
}

impl Answer {
    fn new(document: &impl Serialize, text: String) -> Result<Self, BoxError> {
        Ok(Self { json: screen::json(document)?, text })
    }
}

impl Question {
    async fn look_up(&self, models: &ReadModels) -> Result<Answer, BoxError> {
        let hands = HandHistoryStore::new(models);
        let leaderboard = models.rows.rows::<Standing>();
        match self {
            Self::Totals => {
                let totals = totals(hands.totals().await?, leaderboard.count().await?);
                Answer::new(&totals, totals_text(&totals))
            }
            Self::Leaderboard(Limit { limit }) => {
                let rows = leaderboard::standings(&leaderboard, *limit).await?;
                Answer::new(&rows, report::leaderboard(&rows))
            }
            Self::BiggestPots(Limit { limit }) => {
                let pots = hands.biggest_pots(*limit).await?;
                Answer::new(&pots, report::biggest_pots(&pots))
            }
            Self::Hand { id } => {
                let story =
                    Story::of(id, &hands).await?.ok_or_else(|| format!("no hand {id:?}"))?;
                Answer::new(&story, story.to_string())
            }
            Self::Player { name } => {
                let standing = leaderboard
                    .get(name.as_str())
                    .await?
                    .ok_or_else(|| format!("no player {name:?}; `query search` finds names"))?;
                let recent_hands = hands.recent_hands_for(name).await?;
                let profile = Profile { standing, recent_hands };
                Answer::new(&profile, profile_text(&profile))
            }
            Self::Search { text, limit: Limit { limit } } => {
                let found = player_search::search(&models.db, text, *limit)?;
                Answer::new(&found, found_text(&found))
            }
        }
    }
}

fn totals(hands: HandTotals, players: u64) -> Totals {
    let counts: BTreeMap<Action, u64> = hands.actions.into_iter().collect();
    let count = |action| counts.get(&action).copied().unwrap_or(0);
    Totals {
        hands: hands.hands,
        players,
        player_actions: counts.values().sum(),
        showdowns: hands.showdowns,
        split_pots: hands.split_pots,
        pot_sum: hands.pot_sum,
        actions: Actions {
            fold: count(Action::Fold),
            check: count(Action::Check),
            call: count(Action::Call),
            bet: count(Action::Bet),
            raise: count(Action::Raise),
        },
    }
}

fn totals_text(totals: &Totals) -> String {
    let mut table = Table::new([Cell::text("hands"), Cell::number(totals.hands)]);
    let Actions { fold, check, call, bet, raise } = totals.actions;
    for (name, number) in [
        ("players", totals.players),
        ("player actions", totals.player_actions),
        ("  fold", fold),
        ("  check", check),
        ("  call", call),
        ("  bet", bet),
        ("  raise", raise),
        ("showdowns", totals.showdowns),
        ("split pots", totals.split_pots),
    ] {
        table.row([Cell::text(name), Cell::number(number)]);
    }
    table.row([Cell::text("chips in all pots"), Cell::number(totals.pot_sum)]);
    table.write()
}

fn profile_text(profile: &Profile) -> String {
    let mut recent =
        Table::new([Cell::text("LAST HANDS"), Cell::text("TABLE"), Cell::number("NET")]);
    for hand in &profile.recent_hands {
        recent.row([Cell::text(&hand.hand_id), Cell::text(&hand.table_id), Cell::number(hand.net)]);
    }
    let standing = report::leaderboard(std::slice::from_ref(&profile.standing));
    format!("{standing}\n{}", recent.write())
}

fn found_text(found: &[Found]) -> String {
    if found.is_empty() {
        return "nobody\n".to_owned();
    }
    found.iter().map(|found| format!("{}\n", plain(&found.player))).collect()
}
