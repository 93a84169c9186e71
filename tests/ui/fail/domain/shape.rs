use projections::Domain;

#[derive(Domain)]
struct HandEvent;

#[derive(Domain)]
#[domain("Hand Events")]
enum HandEvents {
    Started,
    Ended { at: u64 },
}

#[derive(Domain)]
#[domain]
enum TableEvents {}

fn main() {}
