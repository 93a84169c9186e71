//! Positions, and waiting for them.

use std::time::Duration;

use projections::{AccessError, Expected, StoreId, Token, WaitError, read::QueryError};

use crate::board::{Board, Change, Place, Player, player};

const LONG: Duration = Duration::from_secs(60);

pub(crate) async fn a_reader_waits_for_its_own_append(place: Place) {
    let board = Board::with(place, &["a"].map(player)).await;
    let players = board.players();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let runtime = board.runtime.clone();
    let running = tokio::spawn(async move { runtime.run(async { _ = stopped.await }).await });
    for number in 0..20 {
        let name = format!("p{number}");
        let change = Change::Player(player(&name));
        let receipt = board.runtime.append("board-1", Expected::Any, [change]).await.unwrap();
        let current = match number % 3 {
            0 => players.at(&receipt),
            1 => players.at(receipt.token()),
            _ => players.at(receipt.last),
        };
        let current = current.within(LONG);
        assert_eq!(current.get(&*name).await.unwrap(), Some(player(&name)));
        assert_eq!(current.count().await.unwrap(), number + 2);
        assert!(current.position().await.unwrap() >= receipt.last);
    }
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
}

pub(crate) async fn a_wait_whose_time_is_up_names_who_is_behind(place: Place) {
    let board = Board::with(place, &["a"].map(player)).await;
    let change = Change::Player(player("b"));
    let receipt = board.runtime.append("board-1", Expected::Any, [change]).await.unwrap();
    let current = board.players().at(receipt).within(Duration::from_millis(1));
    let error = current.all().await.unwrap_err();
    let QueryError::Wait(WaitError::TimedOut { projector, behind, here, .. }) = &error else {
        panic!("{error:?}")
    };
    assert_eq!((&**projector, *behind, *here), ("board", 1, false));
    assert!(current.count().await.is_err() && current.get("a").await.is_err());
    assert!(current.pages(1).next().await.is_err());
}

pub(crate) async fn a_wait_for_another_store_is_an_error(place: Place) {
    let board = Board::with(place, &["a"].map(player)).await;
    let token = Token::new(StoreId::from_u128(1), 1.into(), 1.into(), "board-1".into());
    let error = board.players().at(token).within(LONG).count().await.unwrap_err();
    assert!(matches!(error, QueryError::Wait(WaitError::ForeignToken { .. })), "{error:?}");
}

pub(crate) async fn rows_come_with_their_position(place: Place) {
    let board = Board::new(place).await;
    let players = board.players();
    let (rows, position) = players.all().fetch_with_position().await.unwrap();
    assert_eq!((rows.len(), position.get()), (0, 0));
    board.apply(["a", "b", "c"].map(player).map(Change::Player)).await;
    let (rows, position) = players.all().limit(2).fetch_with_position().await.unwrap();
    assert_eq!((rows.len(), position.get()), (2, 3));
    assert_eq!(players.position().await.unwrap().get(), 3);
    if let Some(sqlite) = &board.sqlite {
        let of_file = sqlite.rows::<Player>();
        assert_eq!(of_file.position().await.unwrap().get(), 3, "the file says whose they are");
    }
    let named = board.runtime.rows_of::<Player>("another").unwrap_err();
    assert!(matches!(named, AccessError::NoTable { .. }), "{named:?}");
}

pub(crate) async fn an_application_in_a_namespace_has_its_own_position(place: Place) {
    let board = Board::in_namespace(place, "casino").await;
    board.apply(["a", "b"].map(player).map(Change::Player)).await;
    assert_eq!(board.players().position().await.unwrap().get(), 2);
}
