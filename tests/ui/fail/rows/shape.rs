//! A row is a struct with named fields, of one type.
use projections::{ReadModel, Rows};

#[derive(ReadModel)]
enum OnEnum {
    A,
}

#[derive(ReadModel)]
union OnUnion {
    a: u8,
}

#[derive(Default, ReadModel)]
struct Tuple(#[key] String);

#[derive(Default, ReadModel)]
struct Unit;

#[derive(Default, ReadModel)]
struct Empty {}

#[derive(Default, ReadModel)]
struct Generic<T, const N: usize> {
    #[key]
    player: String,
    value: T,
}

#[derive(Default, ReadModel)]
struct Borrowed<'a> {
    #[key]
    player: &'a str,
    hands: i64,
}

fn uses(
    enums: &mut Rows<OnEnum>,
    tuples: &mut Rows<Tuple>,
    generics: &mut Rows<Generic<i64, 3>>,
    borrowed: &mut Rows<Borrowed<'static>>,
) {
    enums.entry("Ada");
    tuples.entry("Ada").0.clear();
    generics.entry("Ada").value += 1;
    borrowed.entry("Ada").hands += 1;
}

fn main() {}
