//! Every shape of a signature that is legal.

use projections::{
    BoxError, Envelope, Event, Handlers, RawEvent, handlers, projector,
    sqlite::{Sqlite, SqliteTx},
};

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct Placed {
    id: u64,
}

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct Shipped<'a>(std::borrow::Cow<'a, str>);

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct Paid(u64);

#[derive(Event, serde::Deserialize)]
#[event(domain = "orders")]
struct Closed;

#[derive(serde::Serialize)]
struct Answer;

type Tx<'a> = SqliteTx<'a>;
type Meta = Envelope;
type Fallible<T> = Result<T, BoxError>;

#[projector("in-process")]
struct InProcess {
    sum: u64,
}

#[handlers]
impl InProcess {
    /// Called like a generated method.
    #[handles(Placed)]
    fn handle(&mut self, Placed { id }: &Placed) {
        self.sum += id;
    }

    #[handles(Shipped)]
    async fn hook(&self, event: Shipped<'_>, _: &Meta) -> Result<Answer, std::fmt::Error> {
        std::future::ready(event.0.len()).await;
        Ok(Answer)
    }

    #[handles(Paid)]
    fn check_types(&mut self, Paid(mut amount): Paid) -> Fallible<()> {
        amount += 1;
        self.sum += amount;
        Ok(())
    }

    #[handles(Closed)]
    fn r#match(&mut self, Closed: Closed) -> std::result::Result<Answer, &'static str> {
        Ok(Answer)
    }

    #[fallback]
    fn fallback(&self, _: &RawEvent<'_>) -> Result<(), String> {
        Ok(())
    }

    #[setup]
    fn setup(&mut self) -> Fallible<()> {
        Ok(())
    }

    #[reset]
    async fn reset(&mut self) {}
}

#[projector("on-sqlite", storage = Sqlite)]
struct OnSqlite;

#[handlers]
impl OnSqlite {
    #[setup]
    fn setup(&self, _: &mut SqliteTx<'_>) -> Fallible<()> {
        Ok(())
    }

    #[handles(Placed)]
    fn placed(&self, this: &Placed, session: &mut Tx<'_>, envelope: &Meta) {
        let _ = (this.id, session, envelope);
    }

    #[handles(Shipped)]
    fn shipped(&self, event: &Shipped<'_>, _: &Envelope, _: &mut SqliteTx<'_>) -> Fallible<Answer> {
        let _ = &event.0;
        Ok(Answer)
    }

    #[handles(Paid, from = "beginning",)]
    fn paid(&self, _: Paid) -> Result<Option<u64>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(None)
    }
}

fn main() {
    let methods: Vec<_> = InProcess::ROUTES.iter().map(|route| route.method).collect();
    assert_eq!(methods, ["handle", "hook", "check_types", "match"]);
    assert_eq!(OnSqlite::ROUTES.len(), 3);
}
