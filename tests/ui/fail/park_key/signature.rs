use projections::{Envelope, RawEvent, handlers, projector};

#[projector("by-self")]
struct BySelf;

#[handlers]
impl BySelf {
    #[fallback(all)]
    fn other(&self, _event: &RawEvent<'_>) {}

    #[park_key]
    fn table(&self, at: &Envelope) -> &str {
        at.stream()
    }
}

#[projector("by-event")]
struct ByEvent;

#[handlers]
impl ByEvent {
    #[fallback(all)]
    fn other(&self, _event: &RawEvent<'_>) {}

    #[park_key]
    fn table(at: &Envelope, _event: &RawEvent<'_>) -> &str {
        at.stream()
    }
}

#[projector("by-nothing")]
struct ByNothing;

#[handlers]
impl ByNothing {
    #[fallback(all)]
    fn other(&self, _event: &RawEvent<'_>) {}

    #[park_key]
    fn table() -> &str {
        "all"
    }
}

#[projector("owned")]
struct Owned;

#[handlers]
impl Owned {
    #[fallback(all)]
    fn other(&self, _event: &RawEvent<'_>) {}

    #[park_key]
    fn table(_at: Envelope) -> &'static str {
        "all"
    }
}

#[projector("changed")]
struct Changed;

#[handlers]
impl Changed {
    #[fallback(all)]
    fn other(&self, _event: &RawEvent<'_>) {}

    #[park_key]
    fn table(at: &mut Envelope) {
        let _ = at;
    }
}

#[projector("unsized")]
struct Unsized;

#[handlers]
impl Unsized {
    #[fallback(all)]
    fn other(&self, _event: &RawEvent<'_>) {}

    #[park_key]
    fn table(at: &Envelope) -> str {
        at.stream()
    }
}

#[projector("qualified")]
struct Qualified;

#[handlers]
impl Qualified {
    #[fallback(all)]
    fn other(&self, _event: &RawEvent<'_>) {}

    #[park_key]
    async unsafe extern "C" fn table<T>(at: &Envelope) -> &str
    where
        T: Copy,
    {
        at.stream()
    }
}

fn main() {}
