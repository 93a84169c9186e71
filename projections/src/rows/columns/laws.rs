//! What every column must keep, as functions for the tests of each.
#![allow(clippy::unwrap_used)]

use std::fmt::Debug;

use proptest::{prelude::TestCaseError, prop_assert_eq};

use crate::rows::{Column, OwnedValue, Value};

pub(super) type Case = Result<(), TestCaseError>;

/// Settles a value and checks that a second time changes nothing, and that it comes back from
/// storage as it is, with what it would be stored as again.
pub(super) fn holds<C: Column + Debug + PartialEq>(value: C) -> Case {
    let mut settled = value.duplicate();
    prop_assert_eq!(&settled, &value, "a duplicate is another value");
    settled.settle().map_err(TestCaseError::fail_by)?;
    let stored = stored(&settled)?;
    prop_assert_eq!(&self::stored(&value)?, &stored, "put stores what settle does not keep");

    let mut again = settled.duplicate();
    again.settle().map_err(TestCaseError::fail_by)?;
    prop_assert_eq!(&again, &settled, "settle is not idempotent");

    let read = C::read(stored.as_value()).map_err(TestCaseError::fail_by)?;
    prop_assert_eq!(&read, &settled, "it was read as another value");
    prop_assert_eq!(&self::stored(&read)?, &stored, "it is stored differently after it was read");
    Ok(())
}

/// Returns what a value is stored as, and checks that it is one value of the stated kind.
pub(super) fn stored<C: Column>(value: &C) -> Result<OwnedValue, TestCaseError> {
    let mut values = Vec::<OwnedValue>::new();
    value.put(&mut |value| values.push(value.into())).map_err(TestCaseError::fail_by)?;
    let [stored] = &*values else {
        return Err(TestCaseError::fail(format!("not one value was put: {values:?}")));
    };
    let kind = format!("{:?}", C::KIND);
    let found = format!("{stored:?}");
    let found = found.split('(').next().unwrap_or_default();
    if !(C::NULLABLE && found == "Null") {
        prop_assert_eq!(found, kind, "another kind was put");
    }
    Ok(stored.clone())
}

/// Checks that neither `settle` nor `put` takes a value, and that both say this.
#[track_caller]
pub(super) fn refuses_to_store<C: Column>(value: C, why: &str) {
    let put = value.put(&mut |value| panic!("{value:?} was put")).unwrap_err();
    assert_eq!(put.to_string(), why);
    let mut settled = value.duplicate();
    assert_eq!(settled.settle().unwrap_err().to_string(), why);
}

/// Checks that a stored value is no value of the type, and that the error says this.
#[track_caller]
pub(super) fn refuses_to_read<C: Column + Debug>(stored: Value<'_>, why: &str) {
    assert_eq!(C::read(stored).unwrap_err().to_string(), why);
}

/// So that `map_err` needs no closure.
trait FailBy {
    fn fail_by(error: crate::rows::ColumnError) -> Self;
}

impl FailBy for TestCaseError {
    fn fail_by(error: crate::rows::ColumnError) -> Self {
        Self::fail(error.to_string())
    }
}
