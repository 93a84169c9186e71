//! The application against the library's traits: what the macros write, as a person would. A
//! mistake in a table or a `match` is found when it runs, if at all.

use crate::{
    application::{EVENT_FIELDS, Event, Handler, Projector},
    macros::{ENVELOPE, RUN},
};

const HELPERS: &str = r"
use projections::{
    BoxError, Envelope, Event, HandleError, ParameterMut, Storage, sqlite::SqliteTx,
};

fn decode<E: Event>(envelope: &Envelope) -> Result<E::Decoded<'_>, HandleError> {
    <E::Codec as projections::Codec>::decode(envelope.payload())
        .map_err(|source| HandleError::Decode { event: E::NAME, source })
}

fn failed<E: Into<BoxError>>(method: &'static str) -> impl Fn(E) -> HandleError {
    move |error| HandleError::Failed { method, source: error.into() }
}

fn transaction(session: &mut <Sqlite as Storage>::Session) -> SqliteTx<'_> {
    <SqliteTx<'_> as ParameterMut<Sqlite>>::view(session)
}
";

pub(crate) fn main_file() -> String {
    format!("{HELPERS}{RUN}")
}

pub(crate) fn event(event: &Event) -> String {
    let Event { domain, name } = event;
    format!(
        "#[derive(Deserialize)]
pub struct {name} {EVENT_FIELDS}

impl projections::Event for {name} {{
    const NAME: &'static str = \"{name}\";
    const DOMAIN: Option<&'static str> = Some(\"{domain}\");
    type Decoded<'a> = Self;
    type Codec = projections::Json;
}}
"
    )
}

pub(crate) fn projector(projector: &Projector) -> String {
    let (name, ty, fields) = (projector.name(), projector.ty(), projector.fields());
    let (imports, options, storage, derive, value) = if projector.in_sqlite {
        let imports = "use projections::{BoxError, __private::HookCall};
use projections::sqlite::{Sqlite, SqliteTx, rusqlite};
use crate::{failed, transaction};
";
        (imports, "Options::DEFAULT", "Sqlite", "", "Self")
    } else {
        let imports = "use projections::InProcess;\n";
        let options = "Options::DEFAULT.version(2)";
        (imports, options, "InProcess", "#[derive(Default)]\n", "Self::default()")
    };
    let mut methods = if projector.in_sqlite { projector.setup() } else { String::new() };
    let (mut routes, mut arms) = (String::new(), String::new());
    for (id, handler) in projector.handlers.iter().enumerate() {
        methods += &projector.method(handler, ENVELOPE);
        routes += &route(id, handler);
        arms += &arm(id, projector, handler);
    }
    let setup = if projector.in_sqlite { "Blocking" } else { "None" };
    let session = if projector.in_sqlite { "session" } else { "_" };
    let hook = if projector.in_sqlite { HOOK } else { "" };
    format!(
        "use projections::{{
    Envelope, Fallback, Fingerprint, HandleError, Handlers, Hook, MissingResource, Options, Projector,
    Resources, Route,
}};
use projections::__private::{{Construct, Linked, SessionOf, inventory, no_route}};
{imports}use crate::{{decode, events::*}};

/// Sums the amounts of some events.
{derive}pub struct {ty}{fields}

impl {ty} {{
{methods}}}

impl Projector for {ty} {{
    const NAME: &'static str = \"{name}\";
    const OPTIONS: Options = {options};
    type Storage = {storage};
}}

impl Construct for {ty} {{
    fn construct(_: &Resources) -> Result<Self, MissingResource> {{
        Ok({value})
    }}
}}

inventory::submit!(Linked::of::<{ty}>());

impl Handlers for {ty} {{
    const ROUTES: &'static [Route] = &[
{routes}    ];
    const FALLBACK: Option<Fallback> = None;
    const SETUP: Hook = Hook::{setup};
    const RESET: Hook = Hook::None;
    const FINGERPRINT: Fingerprint = Fingerprint::of(Self::ROUTES, &[]);
{hook}
    fn handle(
        &mut self,
        route: u32,
        envelope: &Envelope,
        {session}: &mut SessionOf<Self>,
    ) -> Result<(), HandleError> {{
        match route {{
{arms}            _ => no_route(route),
        }}
    }}
}}
"
    )
}

const HOOK: &str = "
    fn hook(&mut self, hook: HookCall, session: &mut SessionOf<Self>) -> Result<(), BoxError> {
        match hook {
            HookCall::Setup => Ok(self.create(&mut transaction(session))?),
            HookCall::Reset => Ok(()),
        }
    }
";

fn route(id: usize, handler: &Handler) -> String {
    let (event, method) = (handler.event.path(), handler.method());
    let domain = match handler.names_domain {
        true => format!("Some(\"{}\")", handler.event.domain),
        false => "None".to_owned(),
    };
    format!("        Route::of::<{event}>({id}, \"{method}\", 0, {domain}, &Self::OPTIONS),\n")
}

fn arm(id: usize, projector: &Projector, handler: &Handler) -> String {
    let (event, method) = (handler.event.path(), handler.method());
    let envelope = if handler.takes_envelope { ", envelope" } else { "" };
    let call = match projector.in_sqlite {
        true => format!(
            "self.{method}(&event{envelope}, &mut transaction(session)).map_err(failed(\"{method}\"))"
        ),
        false => format!("Ok(self.{method}(&event{envelope}))"),
    };
    format!(
        "            {id} => {{
                let event = decode::<{event}>(envelope)?;
                {call}
            }}
"
    )
}
