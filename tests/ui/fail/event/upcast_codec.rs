use projections::{BoxError, Codec, Event, json::Value};

enum Text {}

impl Codec for Text {
    fn decode<'a, T: serde::Deserialize<'a>>(_: &'a [u8]) -> Result<T, BoxError> {
        Err("not today".into())
    }

    fn encode<T: serde::Serialize + ?Sized>(_: &T) -> Result<Vec<u8>, BoxError> {
        Err("not today".into())
    }
}

fn rewrite(event: Value) -> Value {
    event
}

#[derive(Event, serde::Deserialize)]
#[event(version = 2, codec = self::Text, upcast(from = 1, with = rewrite))]
struct Moved;

fn main() {}
