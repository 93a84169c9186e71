//! Appends whose answer is lost, between the server and here (R4).

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use projections::{AppendError, AppendRequest, EventStore, Expected, postgres::PostgresEventStore};
use projections_tests::postgres::{self, Place};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::{Reader, event};

/// Stands between a store and the server. Told to, it loses the answer to the next COMMIT, and with it
/// the connection.
struct Proxy {
    port: u16,
    loses: Arc<AtomicBool>,
}

impl Proxy {
    async fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let loses = Arc::new(AtomicBool::new(false));
        let orders = Arc::clone(&loses);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(pass_on(client, server, Arc::clone(&orders)));
            }
        });
        Self { port, loses }
    }
}

async fn pass_on(client: TcpStream, server: TcpStream, loses: Arc<AtomicBool>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
    };
    let down = async {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
            let bytes = &buffer[..length];
            // The tag of a commit that has happened.
            let is_committed = bytes.windows(7).any(|window| window == b"COMMIT\0");
            if is_committed && loses.swap(false, SeqCst) {
                return;
            }
            if to_client.write_all(bytes).await.is_err() {
                return;
            }
        }
    };
    // Whichever ends first ends the other: both sockets are closed.
    tokio::select! { () = up => {}, () = down => {} }
}

#[tokio::test]
async fn an_append_whose_answer_was_lost_is_unknown_and_may_be_repeated() {
    let config: tokio_postgres::Config = postgres::url().parse().unwrap();
    let Some(tokio_postgres::config::Host::Tcp(host)) = config.get_hosts().first() else {
        println!("skipped: the server is not reached by TCP");
        return;
    };
    let server = format!("{host}:{}", config.get_ports().first().copied().unwrap_or(5432));
    let proxy = Proxy::start(server).await;
    let place = Place::new();
    let user = config.get_user().unwrap_or("postgres");
    let password = config.get_password().map(String::from_utf8_lossy).unwrap_or_default();
    let database = config.get_dbname().unwrap_or(user);
    let url = format!("postgres://{user}:{password}@127.0.0.1:{}/{database}", proxy.port);
    let store: PostgresEventStore = place.options().open_events(&url).await.unwrap();

    let request = AppendRequest::new("order-1", Expected::NoStream, vec![event(1), event(2)]);
    proxy.loses.store(true, SeqCst);
    let ids: Vec<_> = request.events.iter().map(|event| event.id).collect();
    match store.append(request.clone()).await {
        Err(AppendError::Unknown { ids: told, .. }) => assert_eq!(told, ids),
        other => panic!("the outcome is unknown: {other:?}"),
    }
    assert!(!proxy.loses.load(SeqCst), "an answer was lost");
    let first = Reader::new(&store).positions().await;
    assert_eq!(first, [1, 2], "it is stored");
    // The connection may be known to be gone only now.
    let receipt = store.append(request).await.unwrap();
    assert_eq!((receipt.first.get(), receipt.last.get()), (1, 2));
    assert_eq!(Reader::new(&store).positions().await, [1, 2], "once");
}
