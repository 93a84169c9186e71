use projections::projector;

struct HandHistory;

#[projector("hand-history")]
impl HandHistory {
    fn hands(&self) {}
}

#[projector("tables")]
fn tables() {}

fn main() {}
