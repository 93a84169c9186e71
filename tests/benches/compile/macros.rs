//! The application with the library's macros.

use crate::application::{EVENT_FIELDS, Event, Projector};

pub(crate) const ENVELOPE: (&str, &str) = ("&Envelope", "at.position().get()");

/// Stores an event of each type, runs all projectors, and says how far they came.
pub(crate) const RUN: &str = r##"
use projections::{Expected, NewEvent, Runtime, memory::MemoryEventStore, sqlite::Sqlite};

fn main() {
    let tokio = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    tokio.block_on(async {
        let read = std::env::args().nth(1).unwrap();
        let builder = Runtime::builder(MemoryEventStore::new()).storage(Sqlite::open(read).unwrap());
        let runtime = builder.build().await.unwrap();
        let payload = r#"{"id":1,"customer":"Ada","amount":7,"note":null}"#;
        for (_, projector) in runtime.projectors() {
            for route in projector.routes {
                let event = NewEvent::json(route.event, payload).in_domain(route.domain);
                runtime.append("all", Expected::Any, [event]).await.unwrap();
            }
        }
        runtime.catch_up().await.unwrap();
        for status in runtime.status().await.unwrap().projectors {
            println!("{} {:?}", status.projector, status.position);
        }
    });
}

mod events;
"##;

pub(crate) fn main_file() -> String {
    RUN.to_owned()
}

pub(crate) fn event(event: &Event) -> String {
    let Event { domain, name } = event;
    format!(
        "#[derive(projections::Event, Deserialize)]
#[event(domain = \"{domain}\")]
pub struct {name} {EVENT_FIELDS}
"
    )
}

pub(crate) fn projector(projector: &Projector) -> String {
    let (name, ty, fields) = (projector.name(), projector.ty(), projector.fields());
    let (imports, storage, derive) = if projector.in_sqlite {
        ("use projections::sqlite::{Sqlite, SqliteTx, rusqlite};\n", ", storage = Sqlite", "")
    } else {
        ("", ", version = 2", "#[derive(Default)]\n")
    };
    let mut methods = String::new();
    if projector.in_sqlite {
        methods += &format!("    #[setup]\n{}", projector.setup());
    }
    for handler in &projector.handlers {
        let domain = match handler.names_domain {
            true => format!(", input_domain = \"{}\"", handler.event.domain),
            false => String::new(),
        };
        methods += &format!(
            "    #[handles({}{domain})]\n{}",
            handler.event.path(),
            projector.method(handler, ENVELOPE)
        );
    }
    format!(
        "use projections::{{Envelope, handlers, projector}};
{imports}use crate::events::*;

/// Sums the amounts of some events.
#[projector(\"{name}\"{storage})]
{derive}pub struct {ty}{fields}

#[handlers]
impl {ty} {{
{methods}}}
"
    )
}
