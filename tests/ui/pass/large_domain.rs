//! A projector that decides about a hundred events, whose names begin alike: the compiler must not
//! lose its patience with the checks.

use projections::{Domain, Event, handlers, projector};

macro_rules! statements {
    ($handled:ident, $($ignored:ident,)*) => {
        events!($handled $($ignored)*);

        #[projector("statements", exhaustive = Statements, ignores($($ignored),*))]
        struct StatementList;

        #[handlers]
        impl StatementList {
            #[handles($handled)]
            fn corrected(&self, _event: &$handled) {}
        }
    };
}

macro_rules! events {
    ($($event:ident)*) => {
        $(
            #[derive(Event, serde::Serialize, serde::Deserialize)]
            #[event(domain = "statements")]
            struct $event;
        )*

        #[derive(Domain)]
        #[domain("statements")]
        #[allow(dead_code)]
        enum Statements {
            $($event($event),)*
        }
    };
}

statements! {
    StatementOfACustomersAccountWasCorrected00, StatementOfACustomersAccountWasCorrected01,
    StatementOfACustomersAccountWasCorrected02, StatementOfACustomersAccountWasCorrected03,
    StatementOfACustomersAccountWasCorrected04, StatementOfACustomersAccountWasCorrected05,
    StatementOfACustomersAccountWasCorrected06, StatementOfACustomersAccountWasCorrected07,
    StatementOfACustomersAccountWasCorrected08, StatementOfACustomersAccountWasCorrected09,
    StatementOfACustomersAccountWasCorrected10, StatementOfACustomersAccountWasCorrected11,
    StatementOfACustomersAccountWasCorrected12, StatementOfACustomersAccountWasCorrected13,
    StatementOfACustomersAccountWasCorrected14, StatementOfACustomersAccountWasCorrected15,
    StatementOfACustomersAccountWasCorrected16, StatementOfACustomersAccountWasCorrected17,
    StatementOfACustomersAccountWasCorrected18, StatementOfACustomersAccountWasCorrected19,
    StatementOfACustomersAccountWasCorrected20, StatementOfACustomersAccountWasCorrected21,
    StatementOfACustomersAccountWasCorrected22, StatementOfACustomersAccountWasCorrected23,
    StatementOfACustomersAccountWasCorrected24, StatementOfACustomersAccountWasCorrected25,
    StatementOfACustomersAccountWasCorrected26, StatementOfACustomersAccountWasCorrected27,
    StatementOfACustomersAccountWasCorrected28, StatementOfACustomersAccountWasCorrected29,
    StatementOfACustomersAccountWasCorrected30, StatementOfACustomersAccountWasCorrected31,
    StatementOfACustomersAccountWasCorrected32, StatementOfACustomersAccountWasCorrected33,
    StatementOfACustomersAccountWasCorrected34, StatementOfACustomersAccountWasCorrected35,
    StatementOfACustomersAccountWasCorrected36, StatementOfACustomersAccountWasCorrected37,
    StatementOfACustomersAccountWasCorrected38, StatementOfACustomersAccountWasCorrected39,
    StatementOfACustomersAccountWasCorrected40, StatementOfACustomersAccountWasCorrected41,
    StatementOfACustomersAccountWasCorrected42, StatementOfACustomersAccountWasCorrected43,
    StatementOfACustomersAccountWasCorrected44, StatementOfACustomersAccountWasCorrected45,
    StatementOfACustomersAccountWasCorrected46, StatementOfACustomersAccountWasCorrected47,
    StatementOfACustomersAccountWasCorrected48, StatementOfACustomersAccountWasCorrected49,
    StatementOfACustomersAccountWasCorrected50, StatementOfACustomersAccountWasCorrected51,
    StatementOfACustomersAccountWasCorrected52, StatementOfACustomersAccountWasCorrected53,
    StatementOfACustomersAccountWasCorrected54, StatementOfACustomersAccountWasCorrected55,
    StatementOfACustomersAccountWasCorrected56, StatementOfACustomersAccountWasCorrected57,
    StatementOfACustomersAccountWasCorrected58, StatementOfACustomersAccountWasCorrected59,
    StatementOfACustomersAccountWasCorrected60, StatementOfACustomersAccountWasCorrected61,
    StatementOfACustomersAccountWasCorrected62, StatementOfACustomersAccountWasCorrected63,
    StatementOfACustomersAccountWasCorrected64, StatementOfACustomersAccountWasCorrected65,
    StatementOfACustomersAccountWasCorrected66, StatementOfACustomersAccountWasCorrected67,
    StatementOfACustomersAccountWasCorrected68, StatementOfACustomersAccountWasCorrected69,
    StatementOfACustomersAccountWasCorrected70, StatementOfACustomersAccountWasCorrected71,
    StatementOfACustomersAccountWasCorrected72, StatementOfACustomersAccountWasCorrected73,
    StatementOfACustomersAccountWasCorrected74, StatementOfACustomersAccountWasCorrected75,
    StatementOfACustomersAccountWasCorrected76, StatementOfACustomersAccountWasCorrected77,
    StatementOfACustomersAccountWasCorrected78, StatementOfACustomersAccountWasCorrected79,
    StatementOfACustomersAccountWasCorrected80, StatementOfACustomersAccountWasCorrected81,
    StatementOfACustomersAccountWasCorrected82, StatementOfACustomersAccountWasCorrected83,
    StatementOfACustomersAccountWasCorrected84, StatementOfACustomersAccountWasCorrected85,
    StatementOfACustomersAccountWasCorrected86, StatementOfACustomersAccountWasCorrected87,
    StatementOfACustomersAccountWasCorrected88, StatementOfACustomersAccountWasCorrected89,
    StatementOfACustomersAccountWasCorrected90, StatementOfACustomersAccountWasCorrected91,
    StatementOfACustomersAccountWasCorrected92, StatementOfACustomersAccountWasCorrected93,
    StatementOfACustomersAccountWasCorrected94, StatementOfACustomersAccountWasCorrected95,
    StatementOfACustomersAccountWasCorrected96, StatementOfACustomersAccountWasCorrected97,
    StatementOfACustomersAccountWasCorrected98, StatementOfACustomersAccountWasCorrected99,
}

fn main() {}
