//! Events, and which ways a specification failed in.

use projections::{
    Event, ReadModel,
    testing::{Spec, Subject, Way},
};

/// Money came in.
#[derive(Clone, Debug, Event, serde::Deserialize, serde::Serialize)]
#[event(domain = "till")]
pub(crate) struct Paid {
    pub(crate) cents: i64,
}

/// The sum and the number of payments of each stream, and one number that shows their order.
#[derive(Debug, Default, ReadModel)]
#[read_model(table = "tills")]
pub(crate) struct Till {
    #[key]
    pub(crate) stream: String,
    pub(crate) payments: u32,
    pub(crate) cents: i64,
    pub(crate) order: i64,
}

impl Till {
    pub(crate) fn pay(&mut self, cents: i64) {
        self.payments += 1;
        self.cents += cents;
        self.order = (self.order * 31 + cents) % 1_000_003;
    }

    pub(crate) fn of(stream: &str, payments: &[i64]) -> Self {
        let mut till = Self { stream: stream.to_owned(), ..Self::default() };
        payments.iter().for_each(|cents| till.pay(*cents));
        till
    }
}

pub(crate) fn paid(payments: &[i64]) -> Vec<Paid> {
    payments.iter().map(|cents| Paid { cents: *cents }).collect()
}

/// Nine payments in three streams that take turns.
pub(crate) fn payments<P: Subject>(spec: Spec<P>) -> Spec<P> {
    spec.given("a", paid(&[1, 2]))
        .given("b", paid(&[3]))
        .given("a", paid(&[4]))
        .given("c", paid(&[5, 6]))
        .given("b", paid(&[7, 8]))
        .given("a", paid(&[9]))
}

pub(crate) fn tills() -> [Till; 3] {
    [Till::of("a", &[1, 2, 4, 9]), Till::of("b", &[3, 7, 8]), Till::of("c", &[5, 6])]
}

/// The ways in which a specification fails.
#[track_caller]
pub(crate) fn failing<P: Subject>(spec: Spec<P>) -> (Vec<Way>, String) {
    let failure = spec.run().expect_err("the projector has a bug");
    println!("{failure}\n");
    (failure.ways.iter().map(|(way, _)| *way).collect(), failure.to_string())
}
