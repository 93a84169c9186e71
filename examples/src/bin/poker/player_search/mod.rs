//! Find a player by the beginning of a name, or of a word in it, typing errors included.
//!
//! SQLite's full-text index knows whole words and their beginnings, not typing errors. So a
//! second table holds every pair of neighbouring letters of each name: whoever shares enough pairs
//! with what was typed is a candidate, and the edit distance, in Rust, says who is closest.

mod closeness;

use std::collections::BTreeSet;

use projections::{
    handlers, projector,
    sqlite::{
        Sqlite, SqliteTx,
        rusqlite::{self, Connection},
    },
};
use serde::Serialize;

use self::closeness::{Closeness, fold};
use crate::events::PlayerRegistered;

/// The read model.
pub(crate) const SCHEMA: &str = "
    CREATE VIRTUAL TABLE IF NOT EXISTS player_words
        USING fts5 (player, tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3');
    CREATE TABLE IF NOT EXISTS player_pairs (
        pair TEXT NOT NULL, player TEXT NOT NULL, PRIMARY KEY (pair, player)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS player_pairs_by_player ON player_pairs (player);
";

/// At most so many names that share pairs with what was typed are compared letter by letter.
const CANDIDATES: u32 = 1_000;

/// The names of all players, searchable.
#[projector("player-search", storage = Sqlite)]
#[derive(Debug, Default)]
pub(crate) struct PlayerSearch;

#[handlers]
impl PlayerSearch {
    #[setup]
    fn create_tables(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch(SCHEMA)
    }

    #[reset]
    fn empty_tables(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        db.execute_batch("DELETE FROM player_words; DELETE FROM player_pairs;")
    }

    #[handles(PlayerRegistered)]
    fn player_registered(
        &self,
        event: &PlayerRegistered,
        db: &mut SqliteTx<'_>,
    ) -> rusqlite::Result<()> {
        let mut new = false;
        for pair in pairs(&event.player) {
            new |= db.execute(
                "INSERT INTO player_pairs (pair, player) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                (pair, &event.player),
            )? > 0;
        }
        if new {
            db.execute("INSERT INTO player_words (player) VALUES (?1)", [&event.player])?;
        }
        Ok(())
    }
}

/// Letters beside each other, the ends included, so that every name has a pair.
fn pairs(name: &str) -> BTreeSet<String> {
    let letters: Vec<char> =
        std::iter::once('\u{2}').chain(fold(name)).chain(std::iter::once('\u{3}')).collect();
    letters.windows(2).map(|pair| pair.iter().collect()).collect()
}

/// A player who was found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Found {
    pub(crate) player: String,
}

/// The players whose names come closest to what was typed, best first.
pub(crate) fn search(db: &Connection, typed: &str, limit: u32) -> rusqlite::Result<Vec<Found>> {
    let by_word = starting_with(db, typed)?;
    let by_pairs = sharing_pairs(db, typed)?;
    let mut found: Vec<_> = by_word
        .iter()
        .chain(&by_pairs)
        .filter_map(|name| Some((Closeness::of(typed, name, by_word.contains(name))?, name)))
        .collect();
    found.sort();
    found.dedup();
    let players = found.into_iter().map(|(_, name)| Found { player: name.clone() });
    Ok(players.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
}

/// Names in which the typed words stand beside each other, the last of them perhaps unfinished.
fn starting_with(db: &Connection, typed: &str) -> rusqlite::Result<BTreeSet<String>> {
    // Between quotes nothing is an operator of the full-text query language.
    let phrase = format!("\"{}\"*", typed.replace('"', "\"\""));
    db.prepare_cached("SELECT player FROM player_words WHERE player_words MATCH ?1")?
        .query_map([phrase], |row| row.get(0))?
        .collect()
}

fn sharing_pairs(db: &Connection, typed: &str) -> rusqlite::Result<Vec<String>> {
    let pairs: Vec<_> = pairs(typed).into_iter().collect();
    let pairs = serde_json::Value::from(pairs).to_string();
    db.prepare_cached(
        "SELECT player FROM player_pairs WHERE pair IN (SELECT value FROM json_each(?1))
         GROUP BY player ORDER BY count(*) DESC, length(player), player LIMIT ?2",
    )?
    .query_map((pairs, CANDIDATES), |row| row.get(0))?
    .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn index(names: &[&str]) -> Connection {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(SCHEMA).unwrap();
        for name in names {
            db.execute("INSERT INTO player_words (player) VALUES (?1)", [name]).unwrap();
            for pair in pairs(name) {
                db.execute("INSERT INTO player_pairs VALUES (?1, ?2)", (pair, name)).unwrap();
            }
        }
        db
    }

    fn names(db: &Connection, typed: &str) -> Vec<String> {
        search(db, typed, 25).unwrap().into_iter().map(|found| found.player).collect()
    }

    const NAMES: [&str; 12] = [
        "MrBlonde",
        "MrBlue",
        "MrBrown",
        "Eddie",
        "Bill",
        "Pluribus",
        "Zoë Łuk",
        "Smith Jones",
        "Anna+Bo",
        "9/2",
        "\"quoted\" AND NOT",
        "Йордан",
    ];

    #[test]
    fn a_name_is_found_by_its_beginning_and_by_its_words() {
        let db = index(&NAMES);
        assert_eq!(names(&db, "mrbl")[..2], ["MrBlue", "MrBlonde"]);
        assert_eq!(names(&db, "jon"), ["Smith Jones"]);
        assert_eq!(names(&db, "zoe l"), ["Zoë Łuk"]);
        assert_eq!(names(&db, "bo")[0], "Anna+Bo");
        assert_eq!(names(&db, "9/")[0], "9/2");
        assert_eq!(names(&db, "\"quo")[0], "\"quoted\" AND NOT");
        assert_eq!(names(&db, "йор"), ["Йордан"]);
        assert_eq!(names(&db, "\" OR *"), [""; 0]);
        assert_eq!(names(&db, ""), [""; 0]);
        assert_eq!(names(&db, "+/"), [""; 0]);
    }

    #[test]
    fn a_name_in_full_comes_before_what_it_is_the_beginning_of() {
        let db = index(&["Bill", "bill", "Billy", "Bill Gray", "Smith Jones", "Smyth"]);
        assert_eq!(names(&db, "bill"), ["bill", "Bill", "Bill Gray", "Billy"]);
        assert_eq!(names(&db, "smith"), ["Smith Jones", "Smyth"]);
    }

    #[test]
    fn one_edit_still_finds_every_name_first() {
        let db = index(&NAMES);
        for name in NAMES.into_iter().filter(|name| name.chars().count() >= 5) {
            for edited in one_edit_from(name) {
                assert_eq!(
                    names(&db, &edited).first().map(String::as_str),
                    Some(name),
                    "{edited:?}"
                );
            }
        }
    }

    /// Each letter left out, doubled, replaced, and swapped with its neighbour.
    fn one_edit_from(name: &str) -> Vec<String> {
        let letters: Vec<char> = name.chars().collect();
        let mut edited = Vec::new();
        for at in 0..letters.len() {
            let (before, after) = letters.split_at(at);
            let (letter, rest) = after.split_first().unwrap();
            let join = |middle: &[char], rest: &[char]| [before, middle, rest].concat();
            edited.push(join(&[], rest));
            edited.push(join(&[*letter, 'q'], rest));
            edited.push(join(&['q'], rest));
            if let Some((next, rest)) = rest.split_first() {
                edited.push(join(&[*next, *letter], rest));
            }
        }
        edited.into_iter().map(String::from_iter).collect()
    }

    #[test]
    fn a_typing_error_in_an_unfinished_name_is_forgiven() {
        let db = index(&NAMES);
        assert_eq!(names(&db, "plurbi")[0], "Pluribus");
        assert_eq!(names(&db, "smtih")[0], "Smith Jones");
    }
}
