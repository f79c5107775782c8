//! Parameters in the address: known names only, each checked, lists as repeated names or with commas.

use crate::web::error::Problem;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use std::collections::BTreeSet;

/// The parameters of one request. Each is taken out by the handler that knows it; what is left over is a
/// mistake.
pub(super) struct Parameters(Vec<(String, String)>);

/// Parameters that one address may have, and characters of one value.
const PARAMETERS_MAX: usize = 200;
const VALUE_CHARS_MAX: usize = 10_000;

impl Parameters {
    /// Takes the query of an address apart.
    pub(super) fn parse(query: Option<&str>) -> Result<Parameters, Problem> {
        let pairs: Result<Vec<(String, String)>, _> = axum::extract::Query::try_from_uri(
            &format!("/?{}", query.unwrap_or_default()).parse().map_err(|_| malformed())?,
        )
        .map(|axum::extract::Query(pairs)| pairs);
        let pairs = pairs.map_err(|_| malformed())?;
        let long = pairs.iter().find(|(_, value)| value.chars().count() > VALUE_CHARS_MAX);
        if let Some((name, _)) = long {
            return Err(Problem::parameter(
                name,
                format!("{} may have {VALUE_CHARS_MAX} characters", shortened(name)),
            ));
        }
        if pairs.len() > PARAMETERS_MAX {
            return Err(Problem::parameter("", format!("an address may have {PARAMETERS_MAX} parameters")));
        }
        Ok(Parameters(pairs))
    }

    /// All values of a name, empty ones left out.
    pub(super) fn list(&mut self, name: &str) -> Vec<String> {
        let taken = self.0.extract_if(.., |(known, _)| known == name);
        let taken: Vec<String> = taken.map(|(_, value)| value).collect();
        let values = taken.iter().flat_map(|value| value.split(',')).map(str::trim);
        values.filter(|value| !value.is_empty()).map(str::to_owned).collect()
    }

    /// All values of a name whose values are free text: repeated, or with commas. A text with a comma in it
    /// is meant whole or as a list; nobody can tell, so both are looked for.
    pub(super) fn names(&mut self, name: &str) -> BTreeSet<String> {
        let whole = self.texts(name);
        let parts =
            whole.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::to_owned).chain(whole.iter().cloned()).collect()
    }

    fn texts(&mut self, name: &str) -> BTreeSet<String> {
        let taken = self.0.extract_if(.., |(known, _)| known == name);
        taken.map(|(_, value)| value).filter(|value| !value.is_empty()).collect()
    }

    /// The one value of a name.
    pub(super) fn one(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let mut values = self.texts(name);
        match (values.pop_first(), values.is_empty()) {
            (value, true) => Ok(value),
            _ => Err(Problem::parameter(name, format!("{name} may stand once"))),
        }
    }

    /// Values out of a closed set.
    pub(super) fn set<T: Ord>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
        allowed: &str,
    ) -> Result<BTreeSet<T>, Problem> {
        let values = self.list(name);
        let parsed = values.iter().map(|value| {
            parse(value).ok_or_else(|| Problem::parameter(name, format!("{name} must be one of {allowed}")))
        });
        parsed.collect()
    }

    /// When a range begins: RFC 3339, or a date, which is its first moment in UTC.
    pub(super) fn start(&mut self, name: &str) -> Result<Option<Timestamp>, Problem> {
        self.time(name, |date| date.to_datetime(Time::midnight()))
    }

    /// When a range ends: RFC 3339, or a date, which is its last moment in UTC.
    pub(super) fn end(&mut self, name: &str) -> Result<Option<Timestamp>, Problem> {
        self.time(name, |date| date.to_datetime(Time::MAX))
    }

    fn time(&mut self, name: &str, moment: impl Fn(Date) -> DateTime) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        // A date with a time but no zone also parses as a date; its length tells the two apart.
        let date = || text.parse().ok().filter(|_| text.len() == "2026-01-31".len());
        let of_date = |date| TimeZone::UTC.to_timestamp(moment(date)).ok();
        let time = text.parse().ok().or_else(|| date().and_then(of_date));
        time.map(Some).ok_or_else(|| {
            let message = format!("{name} must be a time with its zone as 2026-01-31T12:00:00Z, or a date");
            Problem::parameter(name, message)
        })
    }

    /// A number within bounds.
    pub(super) fn number(
        &mut self,
        name: &str,
        range: std::ops::RangeInclusive<usize>,
        default: usize,
    ) -> Result<usize, Problem> {
        let Some(text) = self.one(name)? else { return Ok(default) };
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            let message = format!("{name} must be a number from {} to {}", range.start(), range.end());
            Problem::parameter(name, message)
        })
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool, Problem> {
        match self.one(name)?.as_deref() {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(_) => Err(Problem::parameter(name, format!("{name} must be true or false"))),
        }
    }

    /// Refuses what nobody took out.
    pub(super) fn finish(self) -> Result<(), Problem> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => {
                Err(Problem::parameter(&name, format!("there is no parameter {:?} here", shortened(&name))))
            }
        }
    }
}

fn shortened(name: &str) -> String {
    name.chars().take(60).collect()
}

fn malformed() -> Problem {
    Problem::parameter("", "the parameters of the address cannot be read")
}
