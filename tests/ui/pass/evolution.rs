//! Every way in which an event may have changed.
#![deny(warnings, clippy::pedantic)]

use std::{borrow::Cow, convert::Infallible};

use projections::{BoxError, Event, Stored, json::{Value, json}};

/// The names of a person were one text.
#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(name = "Registered", domain = "people", aliases("SignedUp"))]
struct RegisteredV1<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

/// Then they were two.
#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(name = "Registered", version = 2, upcast(from = RegisteredV1<'_>))]
struct RegisteredV2<'a> {
    #[serde(borrow)]
    first: Cow<'a, str>,
    #[serde(borrow)]
    last: Cow<'a, str>,
}

impl<'a> TryFrom<RegisteredV1<'a>> for RegisteredV2<'a> {
    type Error = String;

    fn try_from(older: RegisteredV1<'a>) -> Result<Self, String> {
        match older.name.split_once(' ') {
            Some((first, last)) => {
                Ok(Self { first: first.to_owned().into(), last: last.to_owned().into() })
            }
            None => Err(format!("`{}` is one name", older.name)),
        }
    }
}

/// And now it is called otherwise, and owns its texts.
#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(domain = "people", upcast(from = self::RegisteredV2<'_>))]
struct PersonRegistered {
    names: Vec<String>,
}

impl From<RegisteredV2<'_>> for PersonRegistered {
    fn from(older: RegisteredV2<'_>) -> Self {
        Self { names: vec![older.first.into_owned(), older.last.into_owned()] }
    }
}

mod steps {
    use super::{Infallible, Value, json};

    pub fn add_currency(mut event: Value) -> Value {
        event["currency"] = json!("EUR");
        event
    }

    pub fn count_cents(mut event: Value) -> Result<Value, Infallible> {
        event["cents"] = (event["euros"].as_u64().unwrap_or_default() * 100).into();
        Ok(event)
    }
}

/// Functions over the JSON, of an event that borrows.
#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(
    upcast(from = 2, with = Self::refuse_nothing),
    upcast(from = 1, with = steps::add_currency),
    upcast(from = 3, with = crate::steps::count_cents),
    version = 4,
    codec = projections::Json
)]
struct Paid<'a> {
    cents: u64,
    #[serde(borrow)]
    currency: Cow<'a, str>,
}

impl Paid<'_> {
    fn refuse_nothing(event: Value) -> Result<Value, BoxError> {
        Ok(event)
    }
}

/// Functions from the version on that the older type has.
#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(version = 3, upcast(from = 2, with = steps::add_currency), upcast(from = CreditedV1))]
struct Credited {
    currency: String,
}

#[derive(Event, serde::Serialize, serde::Deserialize)]
#[event(name = "Credited")]
struct CreditedV1;

impl From<CreditedV1> for Credited {
    fn from(CreditedV1: CreditedV1) -> Self {
        Self { currency: "DEM".into() }
    }
}

fn decode<'a, E: Event>(
    name: &'a str,
    version: u32,
    payload: &'a str,
) -> Result<E::Decoded<'a>, BoxError> {
    E::decode(Stored::new(name, version, payload.as_bytes()))
}

fn main() -> Result<(), BoxError> {
    let ada = r#"{"name":"Ada Lovelace"}"#;
    for name in ["Registered", "SignedUp"] {
        let person = decode::<PersonRegistered>(name, 1, ada)?;
        assert_eq!(person.names, ["Ada", "Lovelace"]);
    }
    let person = decode::<PersonRegistered>("Registered", 2, r#"{"first":"A","last":"B"}"#)?;
    assert_eq!(person.names, ["A", "B"]);
    let person = decode::<PersonRegistered>("PersonRegistered", 1, r#"{"names":[]}"#)?;
    assert!(person.names.is_empty());
    assert_eq!(PersonRegistered::UPCASTS[0].upcasts[0].aliases, ["SignedUp"]);

    let paid = decode::<Paid>("Paid", 1, r#"{"euros":7}"#)?;
    assert_eq!((paid.cents, &*paid.currency), (700, "EUR"));
    let paid = decode::<Paid>("Paid", 4, r#"{"cents":7,"currency":"USD"}"#)?;
    assert_eq!((paid.cents, &*paid.currency), (7, "USD"));
    assert!(matches!(paid.currency, Cow::Borrowed(_)));

    assert_eq!(decode::<Credited>("Credited", 1, "null")?.currency, "DEM");
    assert_eq!(decode::<Credited>("Credited", 2, "{}")?.currency, "EUR");
    Ok(())
}
