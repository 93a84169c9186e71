//! Assertions on the tables of the rows that a projector takes.

use std::marker::PhantomData;

use super::{faults::Facts, message::Message};
use crate::{ReadModel, Rows};

/// Two parameters, of which each may be rows.
#[derive(Debug)]
pub struct RowPair<A: ?Sized, B: ?Sized>(PhantomData<fn(&A)>, PhantomData<fn(&B)>);

impl<T: ReadModel> RowPair<Rows<T>, Rows<T>> {
    /// They are rows of one type.
    pub const ARE_ONE: bool = true;
}

/// What a [`RowPair`] is else.
pub trait RowPairFallback {
    /// They are of two types, or no rows.
    const ARE_ONE: bool = false;
}

impl<A: ?Sized, B: ?Sized> RowPairFallback for RowPair<A, B> {}

/// A parameter that may be rows.
#[derive(Debug)]
pub struct RowTable<R: ?Sized>(PhantomData<fn(&R)>);

impl<T: ReadModel> RowTable<Rows<T>> {
    /// The name of the table.
    pub const NAME: &'static str = T::TABLE.name;
}

/// What a [`RowTable`] is else.
pub trait RowTableFallback {
    /// No table has it.
    const NAME: &'static str = "";
}

impl<R: ?Sized> RowTableFallback for RowTable<R> {}

/// Asserts that two types of rows do not name one table.
///
/// # Panics
/// While compiling, at the caller's place, which is the second of the types.
#[track_caller]
pub const fn no_table_fault(
    facts: &Facts,
    are_one: bool,
    (first, second): (&'static str, &'static str),
    (first_type, second_type): (&'static str, &'static str),
) {
    if are_one || facts.kind.is_none() || second.is_empty() || !first.eq_ignore_ascii_case(second) {
        return;
    }
    Message::new()
        .name(second_type)
        .push(" has the table ")
        .name(second)
        .push(", which ")
        .name(first_type)
        .push(" has in this projector, too\nnote: a table has one type of rows\nhelp: give one of the types a table of its own, by `#[read_model(table = \"...\")]`, or take the rows of both as one type")
        .report();
}
