use projections::{Event, handlers, projector};

#[derive(Event, serde::Deserialize)]
struct Placed;

trait Copying {}

#[projector("order-summary")]
struct OrderSummary;

#[handlers]
impl OrderSummary {
    #[handles(Placed, input_domain = "a")]
    const fn constant(&self, _event: &Placed) {}

    #[handles(Placed, input_domain = "b")]
    unsafe extern "C" fn foreign(&self, _event: &Placed) {}

    #[handles(Placed, input_domain = "c")]
    fn generic<T: Copy>(&self, _event: &Placed) {}

    #[handles(Placed, input_domain = "d")]
    fn lifetime<'a>(&'a self, _event: &'a Placed) {}

    #[handles(Placed, input_domain = "e")]
    fn argument(&self, _event: &Placed, _more: impl Copy) {}

    #[handles(Placed, input_domain = "f")]
    fn object(&self, _event: &Placed, _more: &mut dyn Copying) {}

    #[handles(Placed, input_domain = "g")]
    fn bounded(&self, _event: &Placed)
    where
        Self: Sized,
    {
    }

    #[handles(Placed, input_domain = "h")]
    unsafe extern "C" fn variadic(&self, _event: &Placed, _: ...) {}
}

fn main() {}
