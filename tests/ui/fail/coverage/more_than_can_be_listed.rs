use projections::{Domain, Event, handlers, projector};

macro_rules! domain {
    ($first:ident $(, $event:ident)*) => {
        #[derive(Event, serde::Serialize, serde::Deserialize)]
        struct $first;
        $(
            #[derive(Event, serde::Serialize, serde::Deserialize)]
            struct $event;
        )*

        #[derive(Domain)]
        #[domain("hand")]
        enum Hand {
            $first($first),
            $($event($event),)*
        }
    };
}

domain!(
    HandStarted,
    TheEventNumber01HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber02HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber03HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber04HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber05HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber06HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber07HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber08HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber09HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber10HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber11HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber12HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber13HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber14HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber15HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber16HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber17HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber18HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber19HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber20HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber21HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber22HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber23HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber24HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber25HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber26HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber27HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber28HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber29HasALongNameSoThatNotAllOfThemFit,
    TheEventNumber30HasALongNameSoThatNotAllOfThemFit,
    TheLast
);

#[projector("hand-history", exhaustive = Hand)]
struct HandHistory;

#[handlers]
impl HandHistory {
    #[handles(HandStarted, input_domain = "hand")]
    fn started(&mut self, _event: &HandStarted) {}
}

fn main() {}
