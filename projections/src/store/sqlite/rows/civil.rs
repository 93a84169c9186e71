//! Days and times of day as texts that people can read, and that sort as the days and times do.

use jiff::{
    SignedDuration,
    civil::{Date, date},
};

use crate::rows::ColumnError;

const EPOCH: Date = date(1970, 1, 1);
const SECONDS_OF_DAY: i64 = 24 * 60 * 60;
const MICROSECONDS: i64 = 1_000_000;

/// A day or a time of day as a text.
pub(super) struct CivilText {
    bytes: [u8; 15],
    length: usize,
}

impl CivilText {
    /// A day, `2026-01-31`. One before the year 0 is `-9999-12-31`: the year and 10,000, so that
    /// these sort by day, too, and before all others.
    pub(super) fn of_day(days: i32) -> Result<Self, ColumnError> {
        let since = SignedDuration::from_secs(i64::from(days) * SECONDS_OF_DAY);
        let Ok(day) = EPOCH.checked_add(since) else {
            return Err(ColumnError::new(format!("day {days} since 1970 is out of all calendars")));
        };
        let mut text = Self { bytes: [0; _], length: 0 };
        let year = i64::from(day.year());
        if year < 0 {
            text.push(b'-');
        }
        text.push_number(year.rem_euclid(10_000), 4);
        text.push(b'-');
        text.push_number(day.month().into(), 2);
        text.push(b'-');
        text.push_number(day.day().into(), 2);
        Ok(text)
    }

    /// A time of day, `13:59:59.000001`, always with all digits.
    pub(super) fn of_time(microseconds: i64) -> Result<Self, ColumnError> {
        if !(0..SECONDS_OF_DAY * MICROSECONDS).contains(&microseconds) {
            let why = format!("{microseconds} microseconds after midnight is no time of day");
            return Err(ColumnError::new(why));
        }
        let seconds = microseconds / MICROSECONDS;
        let mut text = Self { bytes: [0; _], length: 0 };
        text.push_number(seconds / 3600, 2);
        text.push(b':');
        text.push_number(seconds / 60 % 60, 2);
        text.push(b':');
        text.push_number(seconds % 60, 2);
        text.push(b'.');
        text.push_number(microseconds % MICROSECONDS, 6);
        Ok(text)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length] // as many as were pushed
    }

    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte; // the longest of both has 15
        self.length += 1;
    }

    fn push_number(&mut self, number: i64, digits: u32) {
        for place in (0..digits).rev() {
            self.push(b'0' + (number / 10_i64.pow(place) % 10) as u8); // one digit
        }
    }
}

/// Returns the days since 1970, where the text is a day as [`CivilText::of_day`] writes it.
pub(super) fn read_day(text: &[u8]) -> Option<i32> {
    let (before, text) = match text {
        [b'-', rest @ ..] => (10_000, rest),
        _ => (0, text),
    };
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = text else { return None };
    let year = number(&[*y0, *y1, *y2, *y3])? - before;
    let (month, day) = (number(&[*m0, *m1])?, number(&[*d0, *d1])?);
    let day =
        Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    i32::try_from(day.ok()?.duration_since(EPOCH).as_secs() / SECONDS_OF_DAY).ok()
}

/// Returns the microseconds since midnight, where the text is a time as [`CivilText::of_time`]
/// writes it.
pub(super) fn read_time(text: &[u8]) -> Option<i64> {
    let [h0, h1, b':', m0, m1, b':', s0, s1, b'.', beyond @ ..] = text else { return None };
    let (hour, minute) = (number(&[*h0, *h1])?, number(&[*m0, *m1])?);
    let (second, beyond) = (number(&[*s0, *s1])?, number(<&[u8; 6]>::try_from(beyond).ok()?)?);
    let is_time = hour < 24 && minute < 60 && second < 60;
    is_time.then_some(((hour * 60 + minute) * 60 + second) * MICROSECONDS + beyond)
}

fn number(digits: &[u8]) -> Option<i64> {
    let is_number = digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| digits.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    /// The first day that a column holds, and the last one.
    const DAYS: std::ops::RangeInclusive<i32> = -2_440_588..=2_932_896;

    fn day(days: i32) -> String {
        String::from_utf8(CivilText::of_day(days).unwrap().as_bytes().to_vec()).unwrap()
    }

    fn time(microseconds: i64) -> String {
        let text = CivilText::of_time(microseconds).unwrap();
        String::from_utf8(text.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn days_and_times_are_readable() {
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(20_484), "2026-01-31");
        assert_eq!(day(-719_528), "0000-01-01");
        assert_eq!(day(-719_529), "-9999-12-31");
        assert_eq!(day(*DAYS.start()), "-5287-11-24");
        assert_eq!(day(*DAYS.end()), "9999-12-31");
        assert_eq!(time(0), "00:00:00.000000");
        assert_eq!(time(50_399_000_001), "13:59:59.000001");
        assert_eq!(time(86_399_999_999), "23:59:59.999999");
    }

    proptest! {
        #[test]
        fn days_come_back_and_sort(a in DAYS, b in DAYS, near in 0..800) {
            for b in [b, a.saturating_add(near).min(*DAYS.end())] {
                prop_assert_eq!(read_day(day(a).as_bytes()), Some(a));
                prop_assert_eq!(day(a).cmp(&day(b)), a.cmp(&b), "{} and {}", day(a), day(b));
            }
        }

        #[test]
        fn times_come_back_and_sort(a in 0..86_400_000_000_i64, b in 0..86_400_000_000_i64) {
            prop_assert_eq!(read_time(time(a).as_bytes()), Some(a));
            prop_assert_eq!(time(a).cmp(&time(b)), a.cmp(&b));
        }
    }

    #[test]
    fn what_is_no_day_or_time_is_not_read() {
        for text in ["", "2026-1-31", "2026-02-30", "2026-01-31 ", "20260131", "--001-01-01", "x"] {
            assert_eq!(read_day(text.as_bytes()), None, "{text}");
        }
        for text in ["", "24:00:00.000000", "13:60:00.000000", "13:59:59", "13:59:59.0000001"] {
            assert_eq!(read_time(text.as_bytes()), None, "{text}");
        }
        assert!(CivilText::of_day(i32::MAX).is_err());
        assert!(CivilText::of_time(86_400_000_000).is_err());
        assert!(CivilText::of_time(-1).is_err());
    }
}
