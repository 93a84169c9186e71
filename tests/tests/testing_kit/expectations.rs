//! What a specification says of a read model, of letters and of an end.

use jiff::Timestamp;
use projections::{
    BoxError, Envelope, NewEvent, ReadModel, Rows, handlers, projector,
    sqlite::Sqlite,
    testing::{Spec, Way},
};

use crate::support::{Paid, Till, failing, paid};

/// Takes no payment below zero.
#[projector("strict", storage = Sqlite, register = false, unregistered = "error")]
#[derive(Clone)]
struct Strict;

#[handlers]
impl Strict {
    #[handles(Paid)]
    fn paid(&self, event: &Paid, at: &Envelope, tills: &mut Rows<Till>) -> Result<(), BoxError> {
        match event.cents {
            0.. => tills.entry(at.stream()).pay(event.cents),
            below => return Err(format!("{below} is below zero").into()),
        }
        Ok(())
    }
}

#[test]
fn a_difference_says_what_is_missing_what_is_too_much_and_which_field_differs() {
    let spec = Spec::new(Strict).given("a", paid(&[1])).given("b", paid(&[2]));
    let expected = [Till { payments: 2, ..Till::of("a", &[1]) }, Till::of("c", &[3])];
    let (_, text) = failing(spec.then_rows(expected));
    let expected = "\
projector `strict` is not as specified

in one batch: table `tills` is not as expected:
  stream = \"a\": payments is 1, expected 2
  stream = \"b\" is too much: payments = 1, cents = 2, order = 2
  stream = \"c\" is missing: payments = 1, cents = 3, order = 3";
    assert_eq!(text, expected);
}

#[test]
fn a_long_difference_is_cut() {
    let rows = (0..20).map(|n| Till::of(&format!("{n:02}"), &[1]));
    let (_, text) = failing(Spec::new(Strict).then_rows(rows));
    assert!(text.ends_with("\n  and 8 more rows"), "{text}");
}

/// Every kind of column is shown as its user writes it.
#[derive(Debug, Default, ReadModel)]
#[read_model(table = "kinds")]
struct Kinds {
    #[key]
    day: jiff::civil::Date,
    #[key]
    number: i64,
    instant: Timestamp,
    time: jiff::civil::Time,
    price: rust_decimal::Decimal,
    bytes: Vec<u8>,
    note: Option<String>,
    flag: bool,
    real: f64,
}

#[projector("kinds", register = false)]
#[derive(Clone)]
struct OfKinds;

#[handlers]
impl OfKinds {
    #[handles(Paid)]
    fn paid(&self, _: &Paid, at: &Envelope, kinds: &mut Rows<Kinds>) {
        let row = kinds.entry(&(jiff::civil::date(2026, 2, 28), 7));
        (row.instant, row.bytes) = (at.time(), vec![1, 254]);
        (row.price, row.real) = ("12.50".parse().unwrap(), 0.5);
        row.time = jiff::civil::time(12, 30, 0, 0);
    }
}

#[test]
fn rows_are_shown_as_their_user_writes_them() {
    let time: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let (_, text) =
        failing(Spec::new(OfKinds).at(time).given("a", paid(&[1])).then_rows::<Kinds>([]));
    let row = "day = 2026-02-28, number = 7 is too much: instant = 2026-03-01T12:00:00Z, \
               time = 12:30:00Z, price = 12.5, bytes = [01, fe], note = nothing, flag = false, \
               real = 0.5";
    assert!(text.contains(row), "{text}");
}

/// Rows are compared as they are stored: zeros at the end of a decimal are no difference.
#[test]
fn rows_are_compared_in_their_stored_form() {
    let time: Timestamp = "2026-03-01T12:00:00.000000789Z".parse().unwrap();
    let expected = Kinds {
        day: jiff::civil::date(2026, 2, 28),
        number: 7,
        instant: time,
        time: jiff::civil::time(12, 30, 0, 999),
        price: "12.500".parse().unwrap(),
        bytes: vec![1, 254],
        real: 0.5,
        ..Kinds::default()
    };
    Spec::new(OfKinds).at(time).given("a", paid(&[1])).then_rows([expected]).check();
}

#[test]
fn an_event_that_is_to_be_parked_is_so_in_every_way() {
    Spec::new(Strict)
        .given("a", paid(&[1, -5, 3]))
        .given("b", paid(&[4]))
        .then_parked("a", "-5 is below zero")
        .then_rows([Till::of("a", &[1]), Till::of("b", &[4])])
        .check();
}

/// Four streams that fail in a row are an outage to a running application, which would wait.
#[test]
fn many_streams_may_be_parked() {
    let streams = ["a", "b", "c", "d"];
    let spec = streams.into_iter().fold(Spec::new(Strict), |spec, stream| {
        spec.given(stream, paid(&[-1])).then_parked(stream, "below zero")
    });
    spec.then_rows::<Till>([]).check();
}

#[test]
fn what_is_parked_and_was_not_expected_fails_the_specification() {
    let (ways, text) = failing(Spec::new(Strict).given("a", paid(&[1, -5])));
    assert_eq!(ways, [Way::OneBatch]);
    let why = "`Paid` of stream `a`, event 2, is parked: handler `paid` failed: -5 is below zero";
    assert!(text.ends_with(why), "{text}");

    let spec = Spec::new(Strict).given("a", paid(&[-5])).then_parked("a", "no such card");
    let (_, text) = failing(spec);
    assert!(text.contains("is parked: handler `paid` failed: -5 is below zero"), "{text}");

    let spec = Spec::new(Strict).given("a", paid(&[5])).then_parked("a", "below zero");
    let (_, text) = failing(spec);
    assert!(text.ends_with("no event of stream `a` is parked with \"below zero\""), "{text}");
}

#[test]
fn an_unregistered_event_halts() {
    let stranger = NewEvent::json("Stolen", "{}");
    let spec = || {
        let spec = Spec::new(Strict).in_domain("till").given("a", paid(&[1]));
        spec.given("a", [stranger.clone()]).given("b", paid(&[2]))
    };
    spec()
        .then_halts("no handler takes `Stolen` of domain `till`")
        .then_rows([Till::of("a", &[1])])
        .check();

    let (_, text) = failing(spec());
    assert!(text.contains("projector `strict` halted: "), "{text}");
    let (_, text) = failing(spec().then_halts("lost the way"));
    assert!(text.contains("it was to halt with \"lost the way\", and has halted with: "), "{text}");
    let (_, text) = failing(Spec::new(Strict).given("a", paid(&[1])).then_halts("no handler"));
    assert!(text.ends_with("it was to halt with \"no handler\", and has not halted"), "{text}");
}

/// Panics of many streams are no outage either, and nothing is waited for.
#[test]
fn what_panics_is_parked() {
    #[projector("panics", storage = Sqlite, register = false, park(per_key = 1, keys = 1, total = 1))]
    #[derive(Clone)]
    struct Panics;

    #[handlers]
    impl Panics {
        #[handles(Paid, retry(max = 5, initial = "20s"))]
        fn paid(&self, event: &Paid, at: &Envelope, tills: &mut Rows<Till>) {
            tills.entry(at.stream()).pay(event.cents);
            assert!(event.cents > 0, "nothing was paid");
        }
    }

    let streams = ["a", "b", "c", "d"];
    let spec = streams.into_iter().fold(Spec::new(Panics), |spec, stream| {
        spec.given(stream, paid(&[0, 1])).then_parked(stream, "panicked: nothing was paid")
    });
    spec.then_rows::<Till>([]).check();
}

/// A payload that is not what its type says is parked, too.
#[test]
fn what_cannot_be_decoded_is_parked() {
    Spec::new(Strict)
        .given("a", [NewEvent::json("Paid", r#"{"euros":5}"#).in_domain("till")])
        .then_parked("a", "cannot be decoded")
        .then_rows::<Till>([])
        .check();
}

#[test]
fn time_and_metadata_reach_the_handlers() {
    #[derive(Debug, Default, ReadModel)]
    #[read_model(table = "seen")]
    struct Seen {
        #[key]
        position: u64,
        time: Timestamp,
        metadata: String,
    }

    #[projector("seen", register = false)]
    #[derive(Clone)]
    struct Sees;

    #[handlers]
    impl Sees {
        #[handles(Paid)]
        fn paid(&self, _: &Paid, at: &Envelope, seen: &mut Rows<Seen>) {
            let row = seen.entry(&at.position().get());
            (row.time, row.metadata) = (at.time(), at.metadata().unwrap_or_default().to_owned());
        }
    }

    let time = |text: &str| text.parse::<Timestamp>().unwrap();
    let (first, second) = (time("2026-03-01T12:00:00Z"), time("2026-03-02T12:00:00Z"));
    let told = NewEvent::of(&Paid { cents: 1 }).unwrap().with_metadata(r#"{"user":"ada"}"#);
    Spec::new(Sees)
        .at(first)
        .given("a", paid(&[1]))
        .at(second)
        .given("a", [told])
        .then_rows([
            Seen { position: 1, time: first, metadata: String::new() },
            Seen { position: 2, time: second, metadata: r#"{"user":"ada"}"#.to_owned() },
        ])
        .check();
}

#[test]
fn a_specification_that_is_wrong_itself_says_so() {
    let (_, text) =
        failing(Spec::new(Strict).then_rows([Till::of("a", &[1]), Till::of("a", &[2])]));
    assert!(text.contains("itself is wrong: two rows of `tills` are expected with stream = \"a\""));

    let (_, text) = failing(Spec::new(Strict).given("a", [NewEvent::json("Paid", "{}")]));
    assert!(text.contains("an event cannot be appended: "), "{text}");

    let (_, text) = failing(Spec::new(OfKinds).then_rows::<Till>([]));
    assert!(text.contains("Till"), "{text}");
}

#[test]
fn a_missing_resource_is_said() {
    #[projector("resourceful")]
    struct Resourceful {
        #[resource]
        rate: std::sync::Arc<i64>,
    }

    #[handlers]
    impl Resourceful {
        #[handles(Paid)]
        fn paid(&self, event: &Paid, at: &Envelope, tills: &mut Rows<Till>) {
            tills.entry(at.stream()).pay(event.cents * *self.rate);
        }
    }

    let spec = || Spec::<Resourceful>::of().given("a", paid(&[2]));
    let (_, text) = failing(spec());
    assert!(text.ends_with("no resource of type `alloc::sync::Arc<i64>`"), "{text}");
    spec().resource(std::sync::Arc::new(3_i64)).then_rows([Till::of("a", &[6])]).check();
}

#[test]
#[should_panic(expected = "projector `strict` is not as specified\n\nin one batch: table `tills`")]
fn check_panics_with_the_failure() {
    Spec::new(Strict).then_rows([Till::of("a", &[1])]).check();
}
