use projections::projector;

const NAME: &str = "audit";

#[projector(NAME, version = 2)]
struct Audit;

fn main() {}
