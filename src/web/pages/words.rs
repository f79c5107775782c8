//! Numbers as people read them.

/// `12,345`: digits in groups of three.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 event`, `12,345 events`: the number with its noun, whose plural ends in an s.
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// `1 try`, `5 tries`.
pub fn tries(number: u32) -> String {
    if number == 1 { "1 try".to_owned() } else { format!("{number} tries") }
}

/// A length of time in its two largest units: `45 seconds`, `10 minutes`, `1 hour 30 minutes`.
pub fn span(secs: u64) -> String {
    let units = [
        ("day", secs / 86_400),
        ("hour", secs / 3_600 % 24),
        ("minute", secs / 60 % 60),
        ("second", secs % 60),
    ];
    let said: Vec<String> = units
        .into_iter()
        .skip_while(|(_, number)| *number == 0)
        .take(2)
        .filter(|(_, number)| *number > 0)
        .map(|(unit, number)| counted(number, unit))
        .collect();
    if said.is_empty() { "0 seconds".to_owned() } else { said.join(" ") }
}

/// `0.4 ms`, `12 ms`, `1.5 s`: a time in milliseconds, to two digits or so.
pub fn millis(millis: f64) -> String {
    match millis {
        ..10.0 => format!("{millis:.1} ms"),
        10.0..1_000.0 => format!("{millis:.0} ms"),
        _ => format!("{:.1} s", millis / 1_000.0),
    }
}

/// `99.8 %`; never rounded up to 100 nor down to 0 where it is not. A dash where there is no whole.
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let tenths = u128::from(part) * 1_000 / u128::from(whole);
    match tenths {
        0 if part > 0 => "< 0.1 %".to_owned(),
        1_000 => "100 %".to_owned(),
        _ => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_in_threes() {
        let said: Vec<String> = [0, 999, 1_000, 12_345, 1_234_567].map(count).into();
        assert_eq!(said, ["0", "999", "1,000", "12,345", "1,234,567"]);
        assert_eq!(counted(1, "event"), "1 event");
        assert_eq!(counted(0, "event"), "0 events");
    }

    #[test]
    fn spans_name_their_two_largest_units() {
        let said: Vec<String> = [0, 1, 60, 61, 600, 5_400, 86_400, 90_061].map(span).into();
        let expected = [
            "0 seconds",
            "1 second",
            "1 minute",
            "1 minute 1 second",
            "10 minutes",
            "1 hour 30 minutes",
            "1 day",
            "1 day 1 hour",
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn a_share_is_only_called_whole_when_it_is() {
        assert_eq!(percent(9_999, 10_000), "99.9 %");
        assert_eq!(percent(10_000, 10_000), "100 %");
        assert_eq!(percent(1, 10_000), "< 0.1 %");
        assert_eq!(percent(0, 10_000), "0.0 %");
        assert_eq!(percent(0, 0), "–");
    }
}
