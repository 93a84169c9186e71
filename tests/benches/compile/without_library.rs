//! The application with serde and rusqlite alone: a `match` on the event's name.

use crate::application::{EVENT_FIELDS, Event, Projector};

const RUN: &str = r##"
use rusqlite::{Connection, Transaction};

type SqliteTx<'a> = Transaction<'a>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

struct Recorded { domain: &'static str, name: &'static str, position: u64, payload: Vec<u8> }

trait Projection {
    fn name(&self) -> &'static str;
    fn create(&self, _: &mut SqliteTx<'_>) -> rusqlite::Result<()> { Ok(()) }
    fn apply(&mut self, event: &Recorded, db: &mut SqliteTx<'_>) -> Result<(), BoxError>;
}

fn main() {
    let mut db = Connection::open(std::env::args().nth(1).unwrap()).unwrap();
    let payload = r#"{"id":1,"customer":"Ada","amount":7,"note":null}"#.as_bytes().to_vec();
    let event = Recorded { domain: "orders", name: "OrderOpened", position: 1, payload };
    for mut projection in projections() {
        let mut tx = db.transaction().unwrap();
        projection.create(&mut tx).unwrap();
        projection.apply(&event, &mut tx).unwrap();
        tx.commit().unwrap();
        println!("{}", projection.name());
    }
}

mod events;
"##;

pub(crate) fn main_file(projectors: &[Projector]) -> String {
    let all: String = projectors
        .iter()
        .map(|each| format!("        Box::new({}::{}::default()),\n", each.module(), each.ty()))
        .collect();
    format!(
        "{RUN}
fn projections() -> Vec<Box<dyn Projection>> {{
    vec![
{all}    ]
}}
"
    )
}

pub(crate) fn event(event: &Event) -> String {
    format!("#[derive(Deserialize)]\npub struct {} {EVENT_FIELDS}\n", event.name)
}

pub(crate) fn projector(projector: &Projector) -> String {
    let (name, ty, fields) = (projector.name(), projector.ty(), projector.fields());
    let (imports, create) = if projector.in_sqlite {
        let call = "
    fn create(&self, db: &mut SqliteTx<'_>) -> rusqlite::Result<()> {
        self.create(db)
    }
";
        ("", call)
    } else {
        ("", "")
    };
    let mut methods = if projector.in_sqlite { projector.setup() } else { String::new() };
    let mut arms = String::new();
    for handler in &projector.handlers {
        methods += &projector.method(handler, ("u64", "at"));
        let at = if handler.takes_envelope { ", event.position" } else { "" };
        let (method, path) = (handler.method(), handler.event.path());
        let decoded = format!("&serde_json::from_slice::<{path}>(&event.payload)?");
        let call = match projector.in_sqlite {
            true => format!("self.{method}({decoded}{at}, db)?"),
            false => format!("self.{method}({decoded}{at})"),
        };
        let (domain, event) = (handler.event.domain, &handler.event.name);
        arms += &format!("            (\"{domain}\", \"{event}\") => {call},\n");
    }
    format!(
        "use crate::{{BoxError, Projection, Recorded, SqliteTx, events::*}};
{imports}
/// Sums the amounts of some events.
#[derive(Default)]
pub struct {ty}{fields}

impl {ty} {{
{methods}}}

impl Projection for {ty} {{
    fn name(&self) -> &'static str {{
        \"{name}\"
    }}
{create}
    #[allow(unused_variables)]
    fn apply(&mut self, event: &Recorded, db: &mut SqliteTx<'_>) -> Result<(), BoxError> {{
        match (event.domain, event.name) {{
{arms}            _ => {{}}
        }}
        Ok(())
    }}
}}
"
    )
}
