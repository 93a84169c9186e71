use projections::projector;

#[projector("totals")]
struct Totals<T> {
    sum: T,
}

#[projector("names", register = false)]
struct Names<'a> {
    all: Vec<&'a str>,
}

fn main() {}
