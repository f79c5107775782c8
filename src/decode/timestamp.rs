//! `timestamp`: an RFC 3339 date-time with its zone.

use jiff::Timestamp;

/// The instant that an RFC 3339 date-time names, or `None` if it is not one. Years 0000 to 9999; what lies
/// beyond the 30th of December 9999, 22:00 UTC, is that instant. Where the RFC leaves a choice: `t`, `z` and
/// a space between date and time are read; digits of the fraction after the ninth are dropped (the text is
/// kept as sent); a leap second is read in the last minute of a day in UTC only, and is the second before it.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let date = bytes.get(..10)?;
    let time = bytes.get(11..19)?;
    let is_punctuated = date[4] == b'-' && date[7] == b'-' && time[2] == b':' && time[5] == b':';
    if !is_punctuated || !matches!(bytes[10], b'T' | b't' | b' ') {
        return None;
    }
    let (year, month, day) = (number(&date[..4])?, number(&date[5..7])?, number(&date[8..])?);
    let (hour, minute, second) = (number(&time[..2])?, number(&time[3..5])?, number(&time[6..])?);
    let is_real = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour <= 23
        && minute <= 59
        && second <= 60;
    if !is_real {
        return None;
    }
    let (nanosecond, zone) = fraction(&bytes[19..])?;
    let minutes = days_since_1970(year, month, day) * 1440 + hour * 60 + minute - offset_minutes(zone)?;
    if second == 60 && minutes.rem_euclid(1440) != 1439 {
        return None;
    }
    // The last day of the year 9999 is beyond what the time library holds: "for ever" is its last instant.
    Some(Timestamp::new(minutes * 60 + second.min(59), nanosecond).unwrap_or(Timestamp::MAX))
}

/// The value of decimal digits.
fn number(digits: &[u8]) -> Option<i64> {
    digits
        .iter()
        .try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0')))
}

/// The nanoseconds of `.123`, if it stands there, and what follows.
fn fraction(bytes: &[u8]) -> Option<(i32, &[u8])> {
    let Some(rest) = bytes.strip_prefix(b".") else { return Some((0, bytes)) };
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = rest.iter().take(length).chain(std::iter::repeat(&b'0')).take(9);
    let nanosecond = digits.fold(0, |value, digit| value * 10 + i32::from(digit - b'0'));
    (length > 0).then(|| (nanosecond, &rest[length..]))
}

/// Minutes east of UTC for `Z` or `+hh:mm`.
fn offset_minutes(zone: &[u8]) -> Option<i64> {
    let (sign, offset) = match zone {
        b"Z" | b"z" => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let [h1, h2, b':', m1, m2] = *offset else { return None };
    let (hours, minutes) = (number(&[h1, h2])?, number(&[m1, m2])?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar. Counts years from March on, so that the leap day
/// is the last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let years = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    years * 365 + years.div_euclid(4) - years.div_euclid(100) + years.div_euclid(400) + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rfc_3339_allows_is_the_instant_that_the_time_library_reads() {
        for text in [
            "1970-01-01T00:00:00Z",
            "1969-12-31T23:59:59.999999999Z",
            "2023-10-26T10:30:00.000Z",
            "2023-10-26T12:30:00+02:00",
            "2023-10-26t12:30:00.5z",
            "2023-10-26 12:30:00-00:00",
            "2024-02-29T23:59:59.999-12:34",
            "2000-02-29T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "0000-03-01T00:00:00+23:59",
            "9999-12-30T21:59:59Z",
            "2016-12-31T23:59:60Z",
            "1900-03-01T00:00:00Z",
        ] {
            assert_eq!(instant(text), text.parse().ok(), "{text}");
            assert!(instant(text).is_some(), "{text}");
        }
        let second = |text| instant(text).map(|time: Timestamp| (time.as_second(), time.subsec_nanosecond()));
        assert_eq!(second("2017-01-01T00:59:60+01:00"), Some((1_483_228_799, 0)));
        assert_eq!(second("1970-01-01T00:00:01.12345678999999Z"), Some((1, 123_456_789)));
    }

    #[test]
    fn the_end_of_the_year_9999_is_the_last_instant_that_can_be_kept() {
        let last = jiff::Timestamp::MAX.as_second();
        let second = |text| instant(text).map(|time| time.as_second());
        assert_eq!(second("9999-12-30T21:59:59Z"), Some(last - 1));
        assert_eq!(second("9999-12-31T23:59:59Z"), Some(last));
    }

    #[test]
    fn every_day_of_the_calendar_is_counted_as_the_time_library_counts_it() {
        let mut date = jiff::civil::date(0, 1, 1);
        while date.year() < 9999 {
            let days = days_since_1970(date.year().into(), date.month().into(), date.day().into());
            assert_eq!(
                Timestamp::from_second(days * 86_400).expect("in range").to_string(),
                format!("{date}T00:00:00Z")
            );
            date = date.checked_add(jiff::Span::new().days(97)).expect("before the year 9999");
        }
    }

    #[test]
    fn what_rfc_3339_does_not_allow_is_refused() {
        for text in [
            "",
            "2023",
            "2023-10-26",
            "2023-10-26T10:30:00",
            "2023-10-26T10:30Z",
            "2023-10-26T10:30:00.Z",
            "2023-10-26T10:30:00,5Z",
            "2023-10-26T10:30:00Z ",
            " 2023-10-26T10:30:00Z",
            "2023-10-26T10:30:00Z[UTC]",
            "2023-10-26T10:30:00+02:00[Europe/Berlin]",
            "2023-10-26T10:30:00+0200",
            "2023-10-26T10:30:00+02",
            "2023-10-26T10:30:00+99:99",
            "2023-10-26T10:30:00+24:00",
            "2023-10-26T10:30:00+23:60",
            "2023-02-29T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2023-04-31T00:00:00Z",
            "2023-00-01T00:00:00Z",
            "2023-13-01T00:00:00Z",
            "2023-01-00T00:00:00Z",
            "2023-01-01T24:00:00Z",
            "2023-01-01T24:61:00Z",
            "2023-01-01T23:60:00Z",
            "2023-01-01T10:30:60Z",
            "2016-12-31T23:59:61Z",
            "10000-01-01T00:00:00Z",
            "+002023-01-01T00:00:00Z",
            "-2023-01-01T00:00:00Z",
            "20231026T103000Z",
            "2023/10/26T10:30:00Z",
            "1698316200",
            "2023-1a-01T00:00:00Z",
            "２０２３-10-26T10:30:00Z",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
    }
}
