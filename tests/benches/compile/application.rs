//! The measured application: 32 events of four domains, and projectors of ten handlers each. Every
//! second one writes to SQLite; the others keep their read model in their fields.

use crate::{by_hand, macros, without_library};

/// How an application is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// Against the library's traits: what the macros spare a user.
    ByHand,
    /// With the attributes and derives.
    Macros,
    /// With serde and rusqlite alone: no checkpoints, no batches, nothing checked while compiling.
    WithoutLibrary,
}

/// Writes the source of one thing.
type Write<T> = fn(&T) -> String;

impl Way {
    /// The name of its crate.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ByHand => "by_hand",
            Self::Macros => "macros",
            Self::WithoutLibrary => "without_library",
        }
    }

    /// The files of the application: names in `src`, and texts.
    pub(crate) fn files(self, projectors: usize) -> Vec<(String, String)> {
        let projectors: Vec<_> = (0..projectors).map(Projector::of).collect();
        let (mut main, event, projector): (_, Write<Event>, Write<Projector>) = match self {
            Self::ByHand => (by_hand::main_file(), by_hand::event, by_hand::projector),
            Self::Macros => (macros::main_file(), macros::event, macros::projector),
            Self::WithoutLibrary => (
                without_library::main_file(&projectors),
                without_library::event,
                without_library::projector,
            ),
        };
        let mut files = vec![("events.rs".to_owned(), events_file(event))];
        for each in &projectors {
            main += &format!("mod {};\n", each.module());
            files.push((format!("{}.rs", each.module()), projector(each)));
        }
        files.push(("main.rs".to_owned(), main));
        files
    }
}

const HANDLERS: usize = 10;
const DOMAINS: [(&str, &str); 4] = [
    ("customers", "Customer"),
    ("orders", "Order"),
    ("payments", "Payment"),
    ("shipments", "Shipment"),
];
const VERBS: [&str; 8] =
    ["Opened", "Changed", "Approved", "Rejected", "Moved", "Noted", "Closed", "Reopened"];
pub(crate) const EVENT_FIELDS: &str =
    "{ pub id: i64, pub customer: String, pub amount: i64, pub note: Option<String> }";

/// An event's type.
pub(crate) struct Event {
    pub(crate) domain: &'static str,
    pub(crate) name: String,
}

impl Event {
    fn all() -> impl Iterator<Item = Self> + Clone {
        DOMAINS.into_iter().flat_map(|(domain, prefix)| {
            VERBS.into_iter().map(move |verb| Self { domain, name: format!("{prefix}{verb}") })
        })
    }

    pub(crate) fn path(&self) -> String {
        format!("{}::{}", self.domain, self.name)
    }
}

fn events_file(event: fn(&Event) -> String) -> String {
    let modules = DOMAINS.map(|(domain, _)| {
        let events = Event::all().filter(|event| event.domain == domain);
        let events: String = events.map(|each| event(&each)).collect();
        format!("pub mod {domain} {{\nuse serde::Deserialize;\n{events}}}\n")
    });
    modules.concat()
}

/// One handler of one projector.
pub(crate) struct Handler {
    pub(crate) event: Event,
    /// Whether it names its event's domain once more.
    pub(crate) names_domain: bool,
    pub(crate) takes_envelope: bool,
}

impl Handler {
    pub(crate) fn method(&self) -> String {
        format!("on_{}", self.event.name.to_lowercase())
    }
}

pub(crate) struct Projector {
    number: usize,
    pub(crate) in_sqlite: bool,
    pub(crate) handlers: Vec<Handler>,
}

impl Projector {
    fn of(number: usize) -> Self {
        // Seven and three share no factor with the number of events, so no event comes twice.
        let events = Event::all().cycle().skip(number * 7).step_by(3).take(HANDLERS);
        let handlers = events.enumerate().map(|(index, event)| Handler {
            event,
            names_domain: index.is_multiple_of(3),
            takes_envelope: index.is_multiple_of(4),
        });
        Self { number, in_sqlite: number.is_multiple_of(2), handlers: handlers.collect() }
    }

    pub(crate) fn module(&self) -> String {
        format!("summary_{}", self.number)
    }

    pub(crate) fn ty(&self) -> String {
        format!("Summary{}", self.number)
    }

    /// The name under which it is registered.
    pub(crate) fn name(&self) -> String {
        format!("summary-{}", self.number)
    }

    /// The struct's body.
    pub(crate) fn fields(&self) -> &'static str {
        if self.in_sqlite { ";" } else { " { amount: i64, notes: usize, last: u64 }" }
    }

    /// The method that creates the read model, in SQLite.
    pub(crate) fn setup(&self) -> String {
        format!(
            "    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {{
        db.execute_batch(\"CREATE TABLE IF NOT EXISTS {} (id INTEGER PRIMARY KEY, amount INTEGER)\")
    }}
",
            self.module()
        )
    }

    /// A handler's method, which is the same in all ways but for where the event's position is.
    pub(crate) fn method(&self, handler: &Handler, (envelope, position): (&str, &str)) -> String {
        let (method, event, table) = (handler.method(), handler.event.path(), self.module());
        let envelope =
            if handler.takes_envelope { format!(", at: {envelope}") } else { String::new() };
        let position = if handler.takes_envelope { position } else { "0" };
        if self.in_sqlite {
            return format!(
                "    fn {method}(&self, event: &{event}{envelope}, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {{
        db.execute(
            \"INSERT INTO {table} VALUES (?1, ?2) ON CONFLICT DO UPDATE SET amount = amount + ?2\",
            (event.id, event.amount + {position} as i64),
        )?;
        Ok(())
    }}
"
            );
        }
        format!(
            "    fn {method}(&mut self, event: &{event}{envelope}) {{
        self.amount += event.amount;
        self.notes += event.note.as_ref().map_or(0, String::len) + event.customer.len();
        self.last = self.last.max({position});
    }}
"
        )
    }
}
