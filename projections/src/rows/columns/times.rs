//! Instants, days and times of day, to the microsecond.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, Time, date},
};

use crate::rows::{Column, ColumnError, Kind, Put, Value};

const EPOCH: Date = date(1970, 1, 1);
const SECONDS_OF_DAY: i64 = 24 * 60 * 60;
const MICROSECONDS: i64 = 1_000_000;

/// The first day that PostgreSQL has, day 0 of the Julian calendar: a row must be the same on every
/// storage.
const FIRST_DAY: i32 = -2_440_588;
const FIRST_MICROSECOND: i64 = FIRST_DAY as i64 * SECONDS_OF_DAY * MICROSECONDS;

impl Column for Timestamp {
    const KIND: Kind = Kind::Timestamp;

    #[inline]
    fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
        put(Value::Timestamp(stored_microseconds(*self)?));
        Ok(())
    }

    fn read(value: Value<'_>) -> Result<Self, ColumnError> {
        match value {
            Value::Timestamp(microseconds) => instant(microseconds)
                .ok_or_else(|| unreadable(microseconds, "microsecond", "timestamp")),
            other => Err(ColumnError::unexpected(Kind::Timestamp, other)),
        }
    }

    fn settle(&mut self) -> Result<(), ColumnError> {
        let microseconds = stored_microseconds(*self)?;
        if self.subsec_nanosecond() % 1000 != 0 {
            *self = Self::read(Value::Timestamp(microseconds))?;
        }
        Ok(())
    }

    #[inline]
    fn duplicate(&self) -> Self {
        *self
    }
}

impl Column for Date {
    const KIND: Kind = Kind::Date;

    fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
        put(Value::Date(stored_day(*self)?));
        Ok(())
    }

    fn read(value: Value<'_>) -> Result<Self, ColumnError> {
        match value {
            Value::Date(day) if day >= FIRST_DAY => EPOCH
                .checked_add(SignedDuration::from_secs(i64::from(day) * SECONDS_OF_DAY))
                .map_err(|_| unreadable(day.into(), "day", "date")),
            Value::Date(day) => Err(unreadable(day.into(), "day", "date")),
            other => Err(ColumnError::unexpected(Kind::Date, other)),
        }
    }

    fn settle(&mut self) -> Result<(), ColumnError> {
        stored_day(*self).map(drop)
    }

    #[inline]
    fn duplicate(&self) -> Self {
        *self
    }
}

impl Column for Time {
    const KIND: Kind = Kind::Time;

    #[inline]
    fn put(&self, put: Put<'_>) -> Result<(), ColumnError> {
        let minutes = i64::from(self.hour()) * 60 + i64::from(self.minute());
        let seconds = minutes * 60 + i64::from(self.second());
        let microseconds = i64::from(self.subsec_nanosecond() / 1000);
        put(Value::Time(seconds * MICROSECONDS + microseconds));
        Ok(())
    }

    fn read(value: Value<'_>) -> Result<Self, ColumnError> {
        match value {
            Value::Time(microseconds) => time_of_day(microseconds).ok_or_else(|| {
                ColumnError::new(format!(
                    "{microseconds} microseconds after midnight is no time of day"
                ))
            }),
            other => Err(ColumnError::unexpected(Kind::Time, other)),
        }
    }

    #[inline]
    fn settle(&mut self) -> Result<(), ColumnError> {
        let beyond = i64::from(self.subsec_nanosecond() % 1000);
        if beyond != 0 {
            *self = self.wrapping_sub(SignedDuration::from_nanos(beyond)); // and no second less
        }
        Ok(())
    }

    #[inline]
    fn duplicate(&self) -> Self {
        *self
    }
}

/// The microseconds since 1970 that have passed in full: what is left of one is dropped, also
/// before 1970.
#[inline]
fn stored_microseconds(timestamp: Timestamp) -> Result<i64, ColumnError> {
    let microseconds = i64::from(timestamp.subsec_nanosecond().div_euclid(1000));
    let microseconds = timestamp.as_second() * MICROSECONDS + microseconds;
    if microseconds < FIRST_MICROSECOND { Err(too_early(&timestamp)) } else { Ok(microseconds) }
}

fn instant(microseconds: i64) -> Option<Timestamp> {
    if microseconds < FIRST_MICROSECOND {
        return None;
    }
    let (second, beyond) = in_seconds(microseconds);
    // `from_microsecond` refuses the last second that a timestamp has.
    Timestamp::new(second, beyond * 1000).ok()
}

fn stored_day(date: Date) -> Result<i32, ColumnError> {
    let day = date.duration_since(EPOCH).as_secs() / SECONDS_OF_DAY;
    match i32::try_from(day) {
        Ok(day) if day >= FIRST_DAY => Ok(day),
        _ => Err(too_early(&date)),
    }
}

fn time_of_day(microseconds: i64) -> Option<Time> {
    let (second, beyond) = in_seconds(microseconds);
    let hour = i8::try_from(second.div_euclid(60 * 60)).ok()?;
    let (minute, second) = ((second / 60 % 60) as i8, (second % 60) as i8); // both are below 60
    Time::new(hour, minute, second, beyond * 1000).ok()
}

/// Splits microseconds into the whole seconds and those beyond them, which are never negative.
fn in_seconds(microseconds: i64) -> (i64, i32) {
    let beyond = microseconds.rem_euclid(MICROSECONDS) as i32; // below a million
    (microseconds.div_euclid(MICROSECONDS), beyond)
}

#[cold]
fn too_early(instant: &dyn std::fmt::Display) -> ColumnError {
    ColumnError::new(format!(
        "{instant} is before -004713-11-24, the first day that a column holds"
    ))
}

#[cold]
fn unreadable(stored: i64, unit: &str, what: &str) -> ColumnError {
    ColumnError::new(format!(
        "{unit} {stored} since 1970 does not fit a {what}, which lies between -004713-11-24 and the year 9999"
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use jiff::civil::time;
    use proptest::prelude::*;

    use super::super::laws::{Case, holds, refuses_to_read, refuses_to_store, stored};
    use super::*;
    use crate::rows::OwnedValue;

    const FIRST: Date = date(-4713, 11, 24);

    fn timestamps() -> impl Strategy<Value = Timestamp> {
        let first = FIRST_MICROSECOND as i128 * 1000;
        (first..=Timestamp::MAX.as_nanosecond())
            .prop_map(|nanosecond| Timestamp::from_nanosecond(nanosecond).unwrap())
    }

    fn times() -> impl Strategy<Value = Time> {
        (0_i8..24, 0_i8..60, 0_i8..60, 0..1_000_000_000)
            .prop_map(|(hour, minute, second, nanosecond)| time(hour, minute, second, nanosecond))
    }

    proptest! {
        #[test]
        fn timestamps_are_kept_to_the_microsecond(timestamp in timestamps()) {
            holds(timestamp)?;
            let mut settled = timestamp;
            settled.settle().unwrap();
            let lost = timestamp.as_nanosecond() - settled.as_nanosecond();
            prop_assert!((0..1000).contains(&lost), "{lost} ns were lost");
        }

        #[test]
        fn days_are_kept(day in FIRST_DAY..=2_932_896) {
            let day = Date::read(Value::Date(day)).unwrap();
            holds(day)?;
        }

        #[test]
        fn times_are_kept_to_the_microsecond(time in times()) {
            holds(time)?;
            let mut settled = time;
            settled.settle().unwrap();
            let lost = time.duration_since(settled).as_nanos();
            prop_assert!((0..1000).contains(&lost), "{lost} ns were lost");
        }

        #[test]
        fn what_is_no_time_is_refused_whatever_it_is(stored: i64, day: i32) {
            let time = Time::read(Value::Time(stored));
            prop_assert_eq!(time.is_ok(), (0..86_400_000_000).contains(&stored));
            let date = Date::read(Value::Date(day));
            prop_assert_eq!(date.is_ok(), (FIRST_DAY..=2_932_896).contains(&day));
            let timestamp = Timestamp::read(Value::Timestamp(stored));
            let last = Timestamp::MAX.as_microsecond();
            prop_assert_eq!(timestamp.is_ok(), (FIRST_MICROSECOND..=last).contains(&stored));
        }
    }

    #[test]
    fn what_is_less_than_a_microsecond_is_dropped_towards_the_past() -> Case {
        for (text, microseconds) in [
            ("1970-01-01T00:00:00.000001999Z", 1),
            ("1970-01-01T00:00:00Z", 0),
            ("1969-12-31T23:59:59.999999999Z", -1),
            ("1969-12-31T23:59:59.999999Z", -1),
            ("1969-12-31T23:59:58.999998001Z", -1_000_002),
        ] {
            let timestamp: Timestamp = text.parse().unwrap();
            assert_eq!(stored(&timestamp)?, OwnedValue::Timestamp(microseconds), "{text}");
            holds(timestamp)?;
        }
        Ok(())
    }

    #[test]
    fn the_limits_are_kept() -> Case {
        let first = FIRST.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
        assert_eq!(stored(&first)?, OwnedValue::Timestamp(FIRST_MICROSECOND));
        assert_eq!(stored(&FIRST)?, OwnedValue::Date(FIRST_DAY));
        assert_eq!(stored(&date(9999, 12, 31))?, OwnedValue::Date(2_932_896));
        assert_eq!(stored(&date(1969, 12, 31))?, OwnedValue::Date(-1));
        assert_eq!(stored(&Time::MAX)?, OwnedValue::Time(86_399_999_999));
        holds(first)?;
        holds(Timestamp::MAX)?;
        holds(FIRST)?;
        holds(Date::MAX)?;
        holds(Time::MIN)?;
        holds(Time::MAX)
    }

    #[test]
    fn what_is_before_the_first_day_is_refused() {
        let why = "is before -004713-11-24, the first day that a column holds";
        let first = FIRST.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
        let before = first.checked_sub(SignedDuration::from_nanos(1)).unwrap();
        refuses_to_store(before, &format!("-004713-11-23T23:59:59.999999999Z {why}"));
        refuses_to_store(Timestamp::MIN, &format!("-009999-01-02T01:59:59Z {why}"));
        refuses_to_store(date(-4713, 11, 23), &format!("-004713-11-23 {why}"));
        refuses_to_store(Date::MIN, &format!("-009999-01-01 {why}"));
    }

    #[test]
    fn what_does_not_fit_or_is_no_time_is_refused() {
        let range = "which lies between -004713-11-24 and the year 9999";
        refuses_to_read::<Timestamp>(
            Value::Timestamp(i64::MAX),
            &format!(
                "microsecond 9223372036854775807 since 1970 does not fit a timestamp, {range}"
            ),
        );
        refuses_to_read::<Date>(
            Value::Date(2_932_897),
            &format!("day 2932897 since 1970 does not fit a date, {range}"),
        );
        refuses_to_read::<Date>(
            Value::Date(FIRST_DAY - 1),
            &format!("day -2440589 since 1970 does not fit a date, {range}"),
        );
        refuses_to_read::<Time>(
            Value::Time(86_400_000_000),
            "86400000000 microseconds after midnight is no time of day",
        );
        refuses_to_read::<Timestamp>(
            Value::Date(0),
            "Timestamp was expected, and Date(0) is there",
        );
        refuses_to_read::<Date>(
            Value::Timestamp(0),
            "Date was expected, and Timestamp(0) is there",
        );
        refuses_to_read::<Time>(Value::Null, "Time was expected, and Null is there");
    }
}
