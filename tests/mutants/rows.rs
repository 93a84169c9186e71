//! A correct row, which is broken in one place at a time.

use projections::{ReadModel, Rows, rows::IndexedColumn};

#[derive(ReadModel, Default)]
#[read_model(table = "players", index(team, joined), unique(league, net))]
pub struct PlayerStats {
    #[key]
    pub league: u32,
    #[key]
    pub player: String,
    pub hands: i64,
    #[index]
    pub team: Option<String>,
    #[unique]
    #[column(name = "email_address")]
    pub email: String,
    pub joined: u64,
    #[column(name = "net_chips", default = 10)]
    pub net: i64,
    #[column(json)]
    pub badges: Vec<String>,
    #[column(default)]
    pub streak: f64,
}

pub const TEAM: IndexedColumn<PlayerStats, Option<String>> = PlayerStats::TEAM;

fn change(players: &mut Rows<PlayerStats>) {
    let row = players.entry(&(1, "Ada".to_owned()));
    row.hands += 1;
    row.net += 5;
    row.badges.push("shark".to_owned());
}

fn main() {
    let _ = change;
}
