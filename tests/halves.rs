//! A read model whose two rows say the same after each batch, and not within it.

use projections::{
    Event, EventStore, GlobalPosition, ReadModel, Rows, Runtime, handlers, projector,
    read::{QueryError, Reader},
    sqlite::Sqlite,
};

/// How many events a batch has: an even number.
pub const BATCH: u32 = 100;

/// An event of one half; they take turns.
#[derive(Clone, Debug, Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "halves")]
pub struct Ticked {
    /// Whose it is: the left one's, or the right one's.
    pub left: bool,
}

/// One of two rows.
#[derive(Debug, Default, PartialEq, ReadModel)]
#[read_model(table = "halves")]
pub struct Half {
    #[key]
    /// Which.
    pub name: String,
    /// How many events it has had.
    pub ticks: i64,
}

fn tick(event: &Ticked, halves: &mut Rows<Half>) {
    halves.entry(if event.left { "left" } else { "right" }).ticks += 1;
}

/// The halves in process.
#[projector("halves", register = false)]
#[derive(Clone, Debug)]
pub struct InProcess;

#[handlers]
impl InProcess {
    #[handles(Ticked)]
    fn ticked(&self, event: &Ticked, halves: &mut Rows<Half>) {
        tick(event, halves);
    }
}

/// The halves in a file.
#[projector("halves", storage = Sqlite, register = false)]
#[derive(Clone, Debug)]
pub struct OnSqlite;

#[handlers]
impl OnSqlite {
    #[handles(Ticked)]
    fn ticked(&self, event: &Ticked, halves: &mut Rows<Half>) {
        tick(event, halves);
    }
}

/// A runtime over events, with the halves in a file or in process.
pub async fn runtime<E: EventStore>(events: E, file: Option<Sqlite>) -> Runtime<E> {
    let builder = Runtime::builder(events).without_linked().batch_events(BATCH);
    let builder = match file {
        Some(sqlite) => builder.projector(OnSqlite).storage(sqlite),
        None => builder.projector(InProcess),
    };
    builder.build().await.unwrap()
}

/// Reads until the halves show an event, and says each other position that they show.
///
/// # Errors
/// When they cannot be read.
///
/// # Panics
/// When what it reads is not the state after a whole batch.
pub async fn watch(
    halves: &Reader<Half>,
    last: GlobalPosition,
    mut say: impl FnMut(GlobalPosition),
) -> Result<(), QueryError> {
    let mut before = None;
    loop {
        let (rows, position) = halves.all().fetch_with_position().await?;
        let ticks: Vec<i64> = rows.iter().map(|half| half.ticks).collect();
        let half = i64::try_from(position.get() / 2).unwrap();
        match position.get() {
            0 => assert!(ticks.is_empty(), "{ticks:?} before the first event"),
            _ => assert_eq!(ticks, [half, half], "at {position}"),
        }
        assert_eq!(position.get() % u64::from(BATCH), 0, "in the middle of a batch");
        assert!(Some(position) >= before, "{position} after {before:?}");
        if before != Some(position) {
            say(position);
        }
        before = Some(position);
        if position >= last {
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
}
