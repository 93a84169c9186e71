//! Prints a fingerprint whose tokens compilers and macros treat in special ways.

use std::collections::BTreeMap;

use projections::{BoxError, Envelope, Event, Handlers, RawEvent, handlers, projector};

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "hand")]
pub struct PotAwarded {
    pub winner: String,
    pub parts: ((u64, f64), Vec<Vec<u8>>),
}

#[derive(Event, serde::Serialize, serde::Deserialize)]
pub struct PlayerRegistered(String);

macro_rules! written {
    ($name:ident, $event:ty, $bonus:expr, $more:expr, { $($methods:tt)* }) => {
        #[projector("totals", domain = "player", register = false)]
        #[derive(Default)]
        pub struct $name {
            pub r#type: BTreeMap<String, f64>,
        }

        #[handlers]
        impl $name {
            pub const LIMIT: u64 = 1_000 - $more;

            /// Docs.
            #[handles($event)]
            fn awarded(&mut self, event: &$event, at: &Envelope) -> Result<(), BoxError> {
                let ((pot, rake), seats) = &event.parts; // a comment
                let is_big = *pot > Self::LIMIT && !seats.is_empty() || rake < &-0.5e-3;
                let add = |value: f64| match (is_big, at.position().get() >> 1) {
                    (true, 0..=9) => value + $bonus,
                    (true, _) => { value * 2.0 }
                    (false, x) if x & 1 == 0 => {
                        let doubled: Vec<Vec<u8>> = seats.clone();
                        value - doubled.len() as f64
                    }
                    (false, _) => event.parts.0.1,
                };
                let total = add(*pot as f64);
                *self.r#type.entry(event.winner.clone()).or_insert_with(|| 0.0) += total;
                Ok(())
            }

            $($methods)*

            #[cfg(any())]
            fn never(&self) -> Missing {}

            #[fallback(domain = ["b", "a"])]
            fn other(&mut self, event: &RawEvent<'_>) {
                assert!(matches!(event.name().as_bytes(), [b'a'..=b'z', ..] | b"\x00\"" | br#"""#));
            }
        }
    };
}

written!(Totals, PotAwarded, 0x1F as f64, 1 + 2, {
    #[handles(PlayerRegistered, from = "now")]
    fn registered(&mut self, PlayerRegistered(name): &PlayerRegistered) {
        let text = "over two
            lines, \u{e9} \
            and \"more\"";
        'outer: for (index, part) in text.split(|c: char| c == '\'' || c == ',').enumerate() {
            if index >= 2 {
                break 'outer;
            }
            self.r#type.insert(format!("{name}{part}"), <f64 as From<u8>>::from(1));
        }
    }
});

fn main() {
    println!("{}", Totals::FINGERPRINT);
}
