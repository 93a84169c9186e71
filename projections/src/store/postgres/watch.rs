//! Who waits for news of a log, and the task that looks for it while somebody does.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, sync::watch, time::Instant};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls, Socket, tls::NoTlsStream};

use super::{error::store_error, read, register, schema::Schema};
use crate::{GlobalPosition, StoreError, StoreErrorKind};

/// How often the log is looked at in case that nobody told of an append: another program that inserts,
/// a pooler between here and the server, a process that died before it told.
const POLL: Duration = Duration::from_millis(250);
/// How soon the log is looked at again while an append in flight holds readers back. Its end is not told
/// where it is rolled back.
const PENDING: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(50));
/// How long a look may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the connection is kept when nobody waits any more.
const LINGER: Duration = Duration::from_secs(5);
/// After how long an append that holds readers back is told of in the log.
const PATIENT_WITH_APPENDS: Duration = Duration::from_secs(1);

/// Where the waiters of one store wait.
#[derive(Debug)]
pub(super) struct Watch {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: Config,
    label: String,
    schema: Schema,
    /// As statements write it.
    channel: String,
    news: watch::Sender<News>,
    demand: Mutex<Demand>,
    /// Wakes the task: somebody came, an append was made here, or another process told of one.
    woken: Notify,
}

/// What the last look has found.
#[derive(Clone, Debug, Default)]
struct News {
    /// How many had come when the look began.
    came: u64,
    found: Option<Result<GlobalPosition, Arc<StoreError>>>,
}

#[derive(Debug, Default)]
struct Demand {
    is_running: bool,
    is_closed: bool,
    came: u64,
}

impl Watch {
    pub(super) fn new(config: Config, label: String, schema: Schema, channel: &str) -> Self {
        let shared = Shared {
            config,
            label,
            schema,
            channel: channel.to_owned(),
            news: watch::Sender::default(),
            demand: Mutex::default(),
            woken: Notify::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// An append was made in this process.
    pub(super) fn wake(&self) {
        self.shared.woken.notify_one();
    }

    /// Waits until there is an event after a position, and nothing can appear below it any more.
    pub(super) async fn wait(&self, after: GlobalPosition) -> Result<(), StoreError> {
        let mut news = self.shared.news.subscribe();
        let ticket = self.shared.enter();
        loop {
            Shared::keep_running(&self.shared);
            // The sender lives as long as `self`.
            let _ = news.changed().await;
            let News { came, found } = news.borrow_and_update().clone();
            // A look that began before is of no use: the log may have been set back since.
            match found {
                _ if came < ticket => {}
                Some(Ok(head)) if head > after => return Ok(()),
                Some(Err(error)) => return Err(error.share()),
                Some(Ok(_)) | None => {}
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.demand().is_closed = true;
        self.shared.woken.notify_one();
    }
}

impl Shared {
    // What is behind the lock is whole between any two statements.
    fn demand(&self) -> MutexGuard<'_, Demand> {
        self.demand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self) -> u64 {
        let ticket = {
            let mut demand = self.demand();
            demand.came += 1;
            demand.came
        };
        self.woken.notify_one();
        ticket
    }

    /// Starts the task where there is none: nobody has waited for a while, or the tokio runtime is
    /// gone that it ran on.
    fn keep_running(this: &Arc<Self>) {
        let mut demand = this.demand();
        if !demand.is_running {
            demand.is_running = true;
            let running = Running { shared: Arc::clone(this), is_over: false };
            tokio::spawn(running.run());
        }
    }

    /// Tells whether the task may end. Whoever comes from now on starts another one.
    fn is_left(&self) -> bool {
        let mut demand = self.demand();
        let is_left = demand.is_closed || self.news.receiver_count() == 0;
        demand.is_running &= !is_left;
        is_left
    }
}

/// The task, until it ends or is dropped with its tokio runtime.
struct Running {
    shared: Arc<Shared>,
    is_over: bool,
}

impl Running {
    async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let mut listener: Option<Client> = None;
        let mut held_back = HeldBack::default();
        loop {
            if shared.news.receiver_count() == 0 {
                let called = tokio::time::timeout(LINGER, shared.woken.notified()).await;
                let is_closed = shared.demand().is_closed;
                if (called.is_err() || is_closed) && shared.is_left() {
                    break;
                }
                continue;
            }
            let came = shared.demand().came;
            let looked = tokio::time::timeout(PATIENCE, look(&shared, &mut listener)).await;
            let looked = looked.unwrap_or_else(|_| Err(too_slow(&shared.label)));
            let pause = match &looked {
                Ok((_, settled)) => held_back.pause(&shared, listener.as_ref(), *settled).await,
                Err(_) => POLL,
            };
            let found = match looked {
                Ok((head, _)) => Ok(head),
                Err(error) => {
                    listener = None;
                    Err(Arc::new(error))
                }
            };
            shared.news.send_replace(News { came, found: Some(found) });
            let _ = tokio::time::timeout(pause, shared.woken.notified()).await;
        }
        self.is_over = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Another one may run by now where this one has come to its end.
        if !self.is_over {
            self.shared.demand().is_running = false;
            // Whoever waits starts another one.
            self.shared.news.send_modify(|_| {});
        }
    }
}

/// Looks at the log on the connection that listens.
async fn look(
    shared: &Arc<Shared>,
    listener: &mut Option<Client>,
) -> Result<(GlobalPosition, register::Settled), StoreError> {
    let client = match listener.take().filter(|client| !client.is_closed()) {
        Some(client) => client,
        None => listen(shared).await?,
    };
    let looked = read::head(&client, &shared.schema).await;
    let (head, settled) = looked.map_err(|error| store_error("watch", &shared.label, error))?;
    *listener = Some(client);
    Ok((head.map(|head| head.position).unwrap_or_default(), settled))
}

/// Connects and listens. What is told before the first look is seen by it.
async fn listen(shared: &Arc<Shared>) -> Result<Client, StoreError> {
    let failed = |error| store_error("watch", &shared.label, error);
    let (client, connection) = shared.config.connect(NoTls).await.map_err(failed)?;
    tokio::spawn(pass_on(connection, Arc::clone(shared)));
    let listen = format!("LISTEN {}", shared.channel);
    client.batch_execute(&listen).await.map_err(failed)?;
    Ok(client)
}

/// Drives the connection, and wakes the task when another process tells of an append.
async fn pass_on(mut connection: Connection<Socket, NoTlsStream>, shared: Arc<Shared>) {
    loop {
        let mut message = pin!(poll_fn(|context| connection.poll_message(context)));
        match message.as_mut().await {
            Some(Ok(AsyncMessage::Notification(_))) => shared.woken.notify_one(),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => break,
        }
    }
    // The next look connects anew.
    shared.woken.notify_one();
}

fn too_slow(label: &str) -> StoreError {
    let doing =
        format!("watch {label}: it did not answer within {} s; try again", PATIENCE.as_secs());
    StoreError::new(StoreErrorKind::Unavailable, doing)
}

/// For how long appends in flight have held readers back.
#[derive(Default)]
struct HeldBack {
    since: Option<(i64, Instant)>,
    is_told: bool,
    pause: Duration,
}

impl HeldBack {
    /// Returns when to look again. Where readers wait for long, the log says for whom.
    async fn pause(
        &mut self,
        shared: &Shared,
        client: Option<&Client>,
        settled: register::Settled,
    ) -> Duration {
        if settled.mark >= settled.drawn {
            *self = Self::default();
            return POLL;
        }
        let since = match self.since {
            Some((mark, since)) if mark == settled.mark => since,
            _ => {
                let now = Instant::now();
                *self = Self { since: Some((settled.mark, now)), is_told: false, pause: PENDING.0 };
                now
            }
        };
        if since.elapsed() >= PATIENT_WITH_APPENDS && !self.is_told {
            self.is_told = true;
            if let Some(client) = client {
                tell(shared, client).await;
            }
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(PENDING.1);
        pause
    }
}

async fn tell(shared: &Shared, client: &Client) {
    if let Ok(appends) = register::in_flight(client, &shared.label, &shared.schema).await
        && let Some(append) = appends.first()
    {
        tracing::warn!(store = %shared.label, append = %append, "an append in flight holds readers back");
    }
}
