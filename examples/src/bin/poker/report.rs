//! Read models as tables for people.

use projections::Status;

use crate::{
    hand_history::BiggestPot,
    leaderboard::Standing,
    screen::{Cell, Table},
    table_state::{LastAction, TableState},
};

pub(crate) fn leaderboard(standings: &[Standing]) -> String {
    let numbers = ["HANDS", "NET", "WON", "POTS WON", "SHOWDOWNS"].map(Cell::number);
    let mut table = Table::new([Cell::text("PLAYER")].into_iter().chain(numbers));
    for row in standings {
        table.row([
            Cell::text(&row.player),
            Cell::number(row.hands),
            Cell::number(row.net),
            Cell::number(row.won),
            Cell::number(row.pots_won),
            Cell::number(row.showdowns),
        ]);
    }
    table.write()
}

pub(crate) fn biggest_pots(pots: &[BiggestPot]) -> String {
    let mut table = Table::new([Cell::text("HAND"), Cell::number("POT")]);
    for pot in pots {
        table.row([Cell::text(&pot.hand_id), Cell::number(pot.pot)]);
    }
    table.write()
}

pub(crate) fn tables(state: &TableState) -> String {
    let mut table = Table::new([
        Cell::text("TABLE"),
        Cell::number("HANDS"),
        Cell::number("OPEN POT"),
        Cell::text("LAST ACTION"),
        Cell::text("SEATS"),
    ]);
    for (id, one) in state.tables() {
        let seats: Vec<_> =
            one.seats.iter().map(|(seat, player)| format!("{seat} {player}")).collect();
        table.row([
            Cell::text(id),
            Cell::number(one.hands),
            one.open_pot.map_or_else(|| Cell::number("-"), Cell::number),
            Cell::text(&one.last_action.as_ref().map(last_action).unwrap_or_default()),
            Cell::text(&seats.join(", ")),
        ]);
    }
    table.write()
}

fn last_action(last: &LastAction) -> String {
    let LastAction { player, street, action, amount } = last;
    format!("{player}: {action} {amount} ({street})")
}

pub(crate) fn status(status: &Status) -> String {
    let mut table = Table::new([
        Cell::text("PROJECTOR"),
        Cell::text("DOMAINS"),
        Cell::text("STATE"),
        Cell::number("POSITION"),
        Cell::number("HEAD"),
        Cell::number("BEHIND"),
    ]);
    for one in &status.projectors {
        table.row([
            Cell::text(&one.projector),
            Cell::text(&one.domains.join(", ")),
            Cell::text(&one.state.to_string()),
            Cell::number(one.position),
            Cell::number(one.head),
            Cell::number(one.behind),
        ]);
    }
    table.write()
}
