//! What a reader finds, and in which order.

use std::ops::Bound;

use projections::read::QueryError;
use rust_decimal::Decimal;

use crate::board::{Board, Change, Place, Player, Seat, SeatGone, names, player};

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(crate) async fn a_table_that_nobody_has_kept_yet_is_empty(place: Place) {
    let board = Board::new(place).await;
    let players = board.players();
    assert_eq!(players.get("ada").await.unwrap(), None);
    assert_eq!(players.all().await.unwrap(), []);
    assert_eq!(players.by(Player::TEAM, &None).await.unwrap(), []);
    assert_eq!(players.count().await.unwrap(), 0);
    assert_eq!(players.pages(10).next().await.unwrap(), None);
    assert_eq!(players.position().await.unwrap().get(), 0);

    board.apply([Change::Player(player("ada"))]).await;
    assert_eq!(players.get("ada").await.unwrap(), Some(player("ada")), "by the same reader");
}

pub(crate) async fn a_row_is_found_by_its_key(place: Place) {
    let ada = Player {
        name: "ada".into(),
        team: Some("red".into()),
        wins: -3,
        net: decimal("12.50"),
        best: None,
        luck: 0.25,
        rank: Some(1),
        seen: "2026-01-31T12:00:00.000001Z".parse().unwrap(),
        guest: true,
        badges: vec!["shark".into()],
    };
    let board = Board::with(place, &[ada.clone(), player("bob")]).await;
    let players = board.players();
    let found = players.get("ada").await.unwrap().unwrap();
    assert_eq!(found, ada);
    assert_eq!(found.net.to_string(), "12.5", "the stored form");
    assert_eq!(players.get("ad").await.unwrap(), None);
    assert_eq!(players.get("Ada").await.unwrap(), None);
    board.apply([Change::PlayerLeft("ada".into())]).await;
    assert_eq!(players.get("ada").await.unwrap(), None);
    assert_eq!(players.count().await.unwrap(), 1);
}

fn seat(room: &str, stake: &str, number: i64, player: &str) -> Seat {
    let player = (!player.is_empty()).then(|| player.to_owned());
    Seat { room: room.into(), stake: decimal(stake), number, player }
}

async fn seated(place: Place) -> Board {
    let board = Board::new(place).await;
    let seats = [
        seat("north", "10.25", 1, "ada"),
        seat("north", "9", 2, "bob"),
        seat("east", "1234", 1, ""),
        seat("north", "9", 1, "ada"),
        seat("east", "-38633.5", 7, "ada"),
    ];
    board.apply(seats.into_iter().map(Change::Seat)).await;
    board
}

fn places(seats: &[Seat]) -> Vec<String> {
    seats.iter().map(|seat| format!("{} {} {}", seat.room, seat.stake, seat.number)).collect()
}

pub(crate) async fn a_row_is_found_by_a_key_of_several_columns(place: Place) {
    let board = seated(place).await;
    let seats = board.seats();
    let found = seats.get(&("north".to_owned(), decimal("9.00"), 2)).await.unwrap();
    assert_eq!(found, Some(seat("north", "9", 2, "bob")));
    assert_eq!(seats.get(&("north".to_owned(), decimal("9.1"), 2)).await.unwrap(), None);
}

pub(crate) async fn rows_are_found_by_an_indexed_column_in_key_order(place: Place) {
    let board = seated(place).await;
    let adas = board.seats().by(Seat::PLAYER, &Some("ada".into())).await.unwrap();
    assert_eq!(places(&adas), ["east -38633.5 7", "north 9 1", "north 10.25 1"]);
    let empty = board.seats().by(Seat::PLAYER, &None);
    assert_eq!(empty.count().await.unwrap(), 1);
    // The index follows what is changed after it was used first.
    let gone = SeatGone { room: "north".into(), stake: decimal("9"), number: 1 };
    board.apply([Change::SeatGone(gone)]).await;
    board.apply([Change::Seat(seat("east", "1234", 1, "ada"))]).await;
    let adas = board.seats().by(Seat::PLAYER, &Some("ada".into())).await.unwrap();
    assert_eq!(places(&adas), ["east -38633.5 7", "east 1234 1", "north 10.25 1"]);
    let both = board.seats().by(Seat::PLAYER, &Some("ada".into())).by(Seat::ROOM, &"east".into());
    assert_eq!(both.count().await.unwrap(), 2);
}

pub(crate) async fn rows_are_found_by_a_part_of_their_key(place: Place) {
    let board = seated(place).await;
    let seats = board.seats();
    let north = seats.by(Seat::ROOM, &"north".to_owned()).await.unwrap();
    assert_eq!(places(&north), ["north 9 1", "north 9 2", "north 10.25 1"]);
    let last = seats.by(Seat::ROOM, &"north".to_owned()).descending().limit(2).await.unwrap();
    assert_eq!(places(&last), ["north 10.25 1", "north 9 2"]);
}

pub(crate) async fn decimals_sort_by_value(place: Place) {
    let nets = [("a", "1234"), ("b", "9"), ("c", "-38633.5"), ("d", "10.25"), ("e", "9.0")];
    let players = nets.map(|(name, net)| Player { net: decimal(net), ..player(name) });
    let board = Board::with(place, &players).await;
    let players = board.players();
    let sorted = players.all().order_by(Player::NET).await.unwrap();
    assert_eq!(names(&sorted), ["c", "b", "e", "d", "a"]);
    let sorted = players.all().order_by(Player::NET).descending().await.unwrap();
    assert_eq!(names(&sorted), ["a", "d", "b", "e", "c"]);
    let range = decimal("9.00")..decimal("1234");
    let some = players.all().range(Player::NET, range).order_by(Player::NET).await.unwrap();
    assert_eq!(names(&some), ["b", "e", "d"]);
    let after = players.all().order_by(Player::NET).after(&sorted[2]).await.unwrap();
    assert_eq!(names(&after), ["e", "d", "a"]);
}

pub(crate) async fn keys_that_are_decimals_sort_by_value(place: Place) {
    let board = seated(place).await;
    let seats = board.seats();
    let expected = ["east -38633.5 7", "east 1234 1", "north 9 1", "north 9 2", "north 10.25 1"];
    assert_eq!(places(&seats.all().await.unwrap()), expected);
    let mut pages = seats.pages(2);
    let mut all = Vec::new();
    while let Some(page) = pages.next().await.unwrap() {
        all.extend(places(&page));
    }
    assert_eq!(all, expected);
}

pub(crate) async fn reals_and_texts_sort_as_they_should(place: Place) {
    let luck = [("a", 0.0), ("b", f64::MIN), ("c", -1.5), ("d", 1e300), ("é", 1e-9)];
    let mut players = luck.map(|(name, luck)| Player { luck, ..player(name) }).to_vec();
    players.extend([player("Z"), player(""), player("aa")]);
    players[7].luck = f64::MAX;
    let board = Board::with(place, &players).await;
    let players = board.players();
    let sorted = players.all().order_by(Player::LUCK).await.unwrap();
    assert_eq!(names(&sorted), ["b", "c", "", "Z", "a", "é", "d", "aa"]);
    let sorted = players.all().await.unwrap();
    assert_eq!(names(&sorted), ["", "Z", "a", "aa", "b", "c", "d", "é"]);
    let some = players.all().range(Player::LUCK, -1.5..=0.0).descending().await.unwrap();
    assert_eq!(names(&some), ["c", "a", "Z", ""]);
}

pub(crate) async fn rows_with_equal_values_come_in_key_order_either_way(place: Place) {
    let wins = [("d", 1), ("a", 2), ("c", 1), ("b", 2)];
    let players = wins.map(|(name, wins)| Player { wins, ..player(name) });
    let board = Board::with(place, &players).await;
    let players = board.players();
    let sorted = players.all().order_by(Player::WINS).await.unwrap();
    assert_eq!(names(&sorted), ["c", "d", "a", "b"]);
    let sorted = players.all().order_by(Player::WINS).descending().await.unwrap();
    assert_eq!(names(&sorted), ["a", "b", "c", "d"]);
    let rest = players.all().descending().order_by(Player::WINS).after(&sorted[0]).await.unwrap();
    assert_eq!(names(&rest), ["b", "c", "d"]);
    let sorted = players.all().descending().await.unwrap();
    assert_eq!(names(&sorted), ["d", "c", "b", "a"]);
}

fn ranked() -> [Player; 4] {
    [("a", Some(2)), ("b", None), ("c", Some(-5)), ("d", None)]
        .map(|(name, rank)| Player { rank, ..player(name) })
}

pub(crate) async fn no_value_is_before_all_others(place: Place) {
    let board = Board::with(place, &ranked()).await;
    let players = board.players();
    for (descending, expected) in [(false, ["b", "d", "c", "a"]), (true, ["a", "c", "b", "d"])] {
        let all = || match descending {
            true => players.all().order_by(Player::RANK).descending(),
            false => players.all().order_by(Player::RANK),
        };
        let sorted = all().await.unwrap();
        assert_eq!(names(&sorted), expected);
        for (place, row) in sorted.iter().enumerate() {
            let rest = all().after(row).await.unwrap();
            assert_eq!(names(&rest), expected[place + 1..], "after {}", row.name);
        }
    }
}

pub(crate) async fn ranges_are_those_of_rust(place: Place) {
    let board = Board::with(place, &ranked()).await;
    let players = board.players();
    type Range = (Bound<Option<i64>>, Bound<Option<i64>>);
    let ranges: [(Range, &[&str]); 8] = [
        ((Bound::Unbounded, Bound::Unbounded), &["a", "b", "c", "d"]),
        ((Bound::Included(Some(-5)), Bound::Unbounded), &["a", "c"]),
        ((Bound::Excluded(Some(-5)), Bound::Unbounded), &["a"]),
        ((Bound::Unbounded, Bound::Included(Some(-5))), &["b", "c", "d"]),
        ((Bound::Unbounded, Bound::Excluded(Some(-5))), &["b", "d"]),
        ((Bound::Included(None), Bound::Included(None)), &["b", "d"]),
        ((Bound::Excluded(None), Bound::Excluded(Some(2))), &["c"]),
        ((Bound::Unbounded, Bound::Excluded(None)), &[]),
    ];
    for (range, expected) in ranges {
        let found = players.all().range(Player::RANK, range).await.unwrap();
        assert_eq!(names(&found), expected, "{range:?}");
        let count = players.all().range(Player::RANK, range).count().await.unwrap();
        assert_eq!(count, expected.len() as u64, "{range:?}");
    }
    let found = players.all().range(Player::NAME, "b".to_owned().."d".to_owned()).await.unwrap();
    assert_eq!(names(&found), ["b", "c"]);
}

pub(crate) async fn a_limit_leaves_the_first_rows(place: Place) {
    let board = Board::with(place, &["c", "a", "b"].map(player)).await;
    let players = board.players();
    for (limit, expected) in [(0, &[][..]), (1, &["a"]), (3, &["a", "b", "c"])] {
        let found = players.all().limit(limit).await.unwrap();
        assert_eq!(names(&found), expected);
        assert_eq!(players.all().limit(limit).count().await.unwrap(), 3);
    }
    let all = players.all().limit(u64::MAX).await.unwrap();
    assert_eq!(names(&all), ["a", "b", "c"]);
}

pub(crate) async fn a_page_begins_after_a_row_even_if_that_is_gone(place: Place) {
    let wins = [("a", 3), ("b", 1), ("c", 2), ("d", 2)];
    let players = wins.map(|(name, wins)| Player { wins, ..player(name) });
    let board = Board::with(place, &players).await;
    let players = board.players();
    let first = players.all().order_by(Player::WINS).limit(2).await.unwrap();
    assert_eq!(names(&first), ["b", "c"]);
    board.apply([Change::PlayerLeft("c".into())]).await;
    let next = players.all().order_by(Player::WINS).after(&first[1]).limit(2).await.unwrap();
    assert_eq!(names(&next), ["d", "a"]);
}

pub(crate) async fn pages_meet_every_row_that_stays_once(place: Place) {
    let all: Vec<Player> = (0..25).map(|number| player(&format!("{number:02}"))).collect();
    let board = Board::with(place, &all).await;
    let mut pages = board.players().pages(10);
    let mut seen = Vec::new();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await.unwrap() {
        sizes.push(page.len());
        seen.extend(page.into_iter().map(|player| player.name));
        // One behind the page, one before it, and one that is not there yet.
        let (gone, new) = (format!("{:02}", seen.len() + 1), format!("{:02}a", seen.len()));
        board.apply([Change::PlayerLeft(gone.into()), Change::Player(player(&new))]).await;
        board.apply([Change::PlayerLeft("00".into())]).await;
    }
    assert_eq!(sizes, [10, 10, 5]);
    let expected: Vec<String> = (0..25).map(|number| format!("{number:02}")).collect();
    let stayed = |name: &&String| !["11", "21"].contains(&&***name);
    assert_eq!(
        seen.iter().filter(|name| name.len() == 2).collect::<Vec<_>>(),
        expected.iter().filter(stayed).collect::<Vec<_>>()
    );
    assert_eq!(pages.next().await.unwrap(), None, "and stays at the end");
}

pub(crate) async fn a_limit_holds_for_all_pages(place: Place) {
    let all: Vec<Player> = (0..9).map(|number| player(&number.to_string())).collect();
    let board = Board::with(place, &all).await;
    let players = board.players();
    let mut pages = players.all().order_by(Player::WINS).limit(7).pages(3);
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await.unwrap() {
        sizes.push(page.len());
    }
    assert_eq!(sizes, [3, 3, 1]);
    let mut none = players.all().limit(0).pages(3);
    assert_eq!(none.next().await.unwrap(), None);
}

pub(crate) async fn an_emptied_table_is_empty_and_grows_again(place: Place) {
    let board = Board::with(place, &["a", "b"].map(player)).await;
    let players = board.players();
    assert_eq!(players.count().await.unwrap(), 2);
    if board.runtime.rebuild("board").await.is_ok() {
        assert_eq!(names(&players.all().await.unwrap()), ["a", "b"]);
    }
    board.apply([Change::PlayerLeft("a".into()), Change::PlayerLeft("b".into())]).await;
    assert_eq!(players.count().await.unwrap(), 0);
    assert_eq!(players.get("a").await.unwrap(), None);
    board.apply([Change::Player(player("a"))]).await;
    assert_eq!(names(&players.all().await.unwrap()), ["a"]);
}

pub(crate) async fn a_rolled_back_batch_is_never_seen(place: Place) {
    let board = Board::with(place, &["a"].map(player)).await;
    let bad = player("b\0");
    let changes = [Change::PlayerLeft("a".into()), Change::Player(bad)];
    board.runtime.append("board-1", projections::Expected::Any, changes).await.unwrap();
    let halted = board.runtime.catch_up().await;
    assert!(halted.is_err(), "U+0000 cannot be stored");
    assert_eq!(board.players().all().await.unwrap(), [], "the event before it was applied");
    assert_eq!(board.players().position().await.unwrap().get(), 2);
}

pub(crate) async fn what_cannot_be_stored_is_an_error(place: Place) {
    let board = Board::with(place, &["a"].map(player)).await;
    let players = board.players();
    let error = players.get("a\0").await.unwrap_err();
    assert!(matches!(error, QueryError::Value { table: "players", .. }), "{error:?}");
    let error = players.all().range(Player::LUCK, f64::NAN..).await.unwrap_err();
    assert!(matches!(error, QueryError::Value { .. }), "{error:?}");
    let error = players.all().range(Player::LUCK, ..f64::NAN).count().await.unwrap_err();
    assert!(matches!(error, QueryError::Value { .. }), "{error:?}");
    let mut pages = players.by(Player::TEAM, &Some("\0".into())).pages(3);
    let error = pages.next().await.unwrap_err();
    assert!(matches!(error, QueryError::Value { .. }), "{error:?}");
    assert_eq!(pages.next().await.unwrap(), None);
}
