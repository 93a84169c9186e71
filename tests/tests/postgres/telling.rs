//! Who waits in another process is told.

use std::future::poll_fn;

use projections::{EventSource, GlobalPosition};
use projections_tests::postgres::Place;
use tokio_postgres::{AsyncMessage, NoTls};

use crate::support::{LONG, append, insert};

#[tokio::test]
async fn an_append_is_told_of_after_its_commit() {
    let place = Place::new();
    let store = place.open().await;
    let (client, mut connection) = tokio_postgres::connect(place.url(), NoTls).await.unwrap();
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notification) = message {
                let _ = told.send(notification.channel().to_owned());
            }
        }
    });
    let channel = format!("projections:{}", store.store_id());
    client.batch_execute(&format!("LISTEN \"{channel}\"")).await.unwrap();
    for _ in 0..3 {
        append(&store, "order-1", 1).await;
        let word = tokio::time::timeout(LONG, heard.recv()).await.expect("it is told").unwrap();
        assert_eq!(word, channel);
    }
    // One word tells of many.
    let mut appends = tokio::task::JoinSet::new();
    for number in 0..100 {
        let store = store.clone();
        appends.spawn(async move { append(&store, &format!("order-{number}"), 1).await });
    }
    appends.join_all().await;
    tokio::time::timeout(LONG, heard.recv()).await.expect("it is told").unwrap();
}

#[tokio::test]
async fn an_event_of_another_program_ends_a_wait_that_nobody_tells_of() {
    let place = Place::new();
    let store = place.open().await;
    let session = place.session().await;
    let waiting = tokio::time::timeout(LONG, store.wait(GlobalPosition::BEGINNING));
    let (waited, position) = tokio::join!(waiting, insert(&session, "foreign", 1));
    waited.expect("it looks by itself").unwrap();
    assert_eq!(position, 1);
}

#[tokio::test]
async fn a_wait_is_told_by_the_url_that_is_named_for_it() {
    let place = Place::new();
    // The events are there, but nobody listens here: the server refuses.
    let listen = "postgres://postgres@127.0.0.1:1/none";
    let store = place.options().listen_url(listen).open_events(place.url()).await.unwrap();
    append(&store, "order-1", 1).await;
    let error = store.wait(GlobalPosition::BEGINNING).await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("watch"), "{error}");
    let named = place.options().listen_url(place.url()).open_events(place.url()).await.unwrap();
    named.wait(GlobalPosition::BEGINNING).await.unwrap();
}
