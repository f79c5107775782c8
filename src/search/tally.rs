//! Counting the columns of one segment over what was found in it.

use super::facets::Histogram;
use super::hits::Hits;
use super::schema::{ACTION, AT, STATUS, micros_and_rest};
use crate::model::Status;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::ops::Range;
use tantivy::columnar::StrColumn;
use tantivy::{DocId, SegmentReader};

/// Values of one column that a segment hands on by name: the most frequent ones. Where it has more different ones,
/// those that come first in all are chosen from these, and then counted once more.
const NAMED_MAX: usize = 1_000;
/// Stretches of one histogram.
const BUCKETS_MAX: usize = 1_000;
/// Hours of a week.
pub(super) const WEEK_HOURS: usize = 168;
/// The hour of the week, from Monday on, in which 1970 began: it was a Thursday.
const EPOCH_HOUR: i64 = 72;

/// How often each value of a column occurs in one segment.
#[derive(Default)]
pub(super) struct Values {
    /// The most frequent ones by name, and how often.
    pub(super) named: Vec<(String, u64)>,
    /// How many different ones there are.
    pub(super) distinct: u64,
    /// All of them by their numbers, where there are more than the named.
    all: Option<(StrColumn, Vec<u32>)>,
}

impl Values {
    /// Whether there are more than the named.
    pub(super) fn has_more(&self) -> bool {
        self.all.is_some()
    }

    /// Numbers that are kept for it.
    pub(super) fn kept(&self) -> usize {
        self.named.len() + self.all.as_ref().map_or(0, |(_, counts)| counts.len())
    }

    /// How often those occur that begin with `from` or lie between it and `to`; of a segment that has more than the
    /// named.
    pub(super) fn between(&self, from: &[u8], to: &[u8]) -> tantivy::Result<u64> {
        let Some((column, counts)) = &self.all else { return Ok(0) };
        let mut stream = column.dictionary().range().ge(from).lt(to).into_stream()?;
        let mut sum = 0;
        while stream.advance() {
            sum += u64::from(counts[stream.term_ord() as usize]);
        }
        Ok(sum)
    }
}

/// How often each value of a column occurs among the hits.
pub(super) fn values(segment: &SegmentReader, column: &str, hits: &Hits) -> tantivy::Result<Values> {
    let Some(column) = segment.fast_fields().str(column)? else { return Ok(Values::default()) };
    let mut counts = vec![0_u32; column.num_terms()];
    let (ords, mut buffer) = (column.ords(), Vec::new());
    hits.each_block(|documents| {
        buffer.clear();
        buffer.resize(documents.len(), None);
        ords.first_vals(documents, &mut buffer);
        for ord in buffer.iter().flatten() {
            counts[*ord as usize] += 1;
        }
    });
    let mut found: Vec<(u64, u32)> =
        (0..).zip(counts.iter().copied()).filter(|(_, count)| *count > 0).collect();
    let distinct = found.len() as u64;
    let has_more = found.len() > NAMED_MAX;
    if has_more {
        found.select_nth_unstable_by_key(NAMED_MAX, |(ord, count)| (std::cmp::Reverse(*count), *ord));
        found.truncate(NAMED_MAX);
        found.sort_unstable();
    }
    let names = names(&column, found.iter().map(|(ord, _)| *ord))?;
    let named = names.into_iter().zip(found.into_iter().map(|(_, count)| u64::from(count))).collect();
    Ok(Values { named, distinct, all: has_more.then_some((column, counts)) })
}

/// The values behind ascending numbers.
fn names(column: &StrColumn, ords: impl Iterator<Item = u64>) -> tantivy::Result<Vec<String>> {
    let ords: Vec<u64> = ords.collect();
    let mut names = Vec::with_capacity(ords.len());
    column.dictionary().sorted_ords_to_term_cb(&ords, |value| {
        names.push(String::from_utf8_lossy(value).into_owned());
    })?;
    Ok(names)
}

/// How often each action was tried, done and refused among the hits, in the order of [`Status::ALL`].
pub(super) fn outcomes(
    segment: &SegmentReader,
    hits: &Hits,
) -> tantivy::Result<Vec<(String, [u64; Status::ALL.len()])>> {
    let columns = segment.fast_fields();
    let (Some(actions), Some(statuses)) = (columns.str(ACTION)?, columns.str(STATUS)?) else {
        return Ok(Vec::new());
    };
    let known = names(&statuses, 0..statuses.num_terms() as u64)?;
    let place = |name: &String| Status::ALL.iter().position(|status| status.name() == name);
    let places: Vec<usize> = known.iter().map(|name| place(name).unwrap_or_default()).collect();
    let mut counts = vec![[0_u32; Status::ALL.len()]; actions.num_terms()];
    let (mut done, mut ended) = (Vec::new(), Vec::new());
    hits.each_block(|documents| {
        for (column, buffer) in [(&actions, &mut done), (&statuses, &mut ended)] {
            buffer.clear();
            buffer.resize(documents.len(), None);
            column.ords().first_vals(documents, buffer);
        }
        for (action, status) in done.iter().zip(&ended).filter_map(|(action, status)| action.zip(*status)) {
            counts[action as usize][places[status as usize]] += 1;
        }
    });
    let found: Vec<(u64, [u32; Status::ALL.len()])> =
        (0..).zip(counts).filter(|(_, counts)| counts.iter().any(|count| *count > 0)).collect();
    let names = names(&actions, found.iter().map(|(ord, _)| *ord))?;
    Ok(names.into_iter().zip(found.into_iter().map(|(_, counts)| counts.map(u64::from))).collect())
}

/// When the hits happened.
pub(super) struct Times {
    /// The first and the last microsecond; the first is behind the last where there is none.
    pub(super) span: (i64, i64),
    /// For each stretch of the histogram; without one, nothing.
    pub(super) histogram: Vec<u64>,
    /// For each hour of the week, from Monday on; without a zone, nothing.
    pub(super) week: Vec<u64>,
}

/// Counts the hits by time.
pub(super) fn times(
    segment: &SegmentReader,
    hits: &Hits,
    histogram: Option<Histogram>,
    zone: Option<&TimeZone>,
) -> tantivy::Result<Times> {
    // Every document has a time, so its row is its number.
    let at = segment.fast_fields().i64(AT)?.values;
    let mut spread = histogram.map(Spread::of);
    let mut week = zone.map(Week::of);
    let mut span = (i64::MAX, i64::MIN);
    let is_all = matches!(hits, Hits::All(_));
    if is_all {
        span = (at.min_value(), at.max_value());
    }
    let is_outside = spread.as_ref().is_none_or(|spread| span.1 < spread.from || span.0 >= spread.to);
    if !is_all || !is_outside || week.is_some() {
        let mut micros = Vec::new();
        hits.each_block(|documents| {
            micros.resize(documents.len(), 0);
            match hits {
                Hits::All(_) => at.get_range(first_of(documents), &mut micros),
                Hits::Some { .. } => at.get_vals(documents, &mut micros),
            }
            if !is_all {
                let of_block = |span: (i64, i64), micros: &i64| (span.0.min(*micros), span.1.max(*micros));
                span = micros.iter().fold(span, of_block);
            }
            spread.iter_mut().for_each(|spread| micros.iter().for_each(|micros| spread.take(*micros)));
            week.iter_mut().for_each(|week| micros.iter().for_each(|micros| week.take(*micros)));
        });
    }
    Ok(Times {
        span,
        histogram: spread.map(|spread| spread.counts).unwrap_or_default(),
        week: week.map(|week| week.counts).unwrap_or_default(),
    })
}

fn first_of(documents: &[DocId]) -> u64 {
    documents.first().copied().map(u64::from).unwrap_or_default()
}

/// How many stretches a histogram has.
pub(super) fn buckets_of(histogram: Histogram) -> usize {
    histogram.buckets.clamp(1, BUCKETS_MAX)
}

/// The counts of a histogram.
struct Spread {
    from: i64,
    to: i64,
    /// Microseconds of one stretch, at least one.
    width: i64,
    counts: Vec<u64>,
    /// The stretch of the time before, and from when to when it goes: most times lie in the same.
    last: (usize, Range<i64>),
}

impl Spread {
    fn of(histogram: Histogram) -> Spread {
        let buckets = buckets_of(histogram);
        let (from, to) = (micros_and_rest(histogram.from).0, micros_and_rest(histogram.to).0);
        let length = to.saturating_sub(from).max(1);
        let width = length.div_euclid(buckets as i64) + i64::from(length % buckets as i64 > 0);
        Spread { from, to, width, counts: vec![0; buckets], last: (0, 0..0) }
    }

    fn take(&mut self, micros: i64) {
        if !self.last.1.contains(&micros) {
            if micros < self.from || micros >= self.to {
                return;
            }
            let bucket = micros.saturating_sub(self.from) / self.width;
            let first = self.from + bucket * self.width;
            self.last = (bucket as usize, first..first.saturating_add(self.width).min(self.to));
        }
        if let Some(count) = self.counts.get_mut(self.last.0) {
            *count += 1;
        }
    }
}

/// The counts by hour of the local week.
struct Week<'z> {
    zone: &'z TimeZone,
    counts: Vec<u64>,
    /// Seconds that the zone is ahead of UTC, and during which seconds it is: it changes twice a year.
    offset: (i64, Range<i64>),
}

impl Week<'_> {
    fn of(zone: &TimeZone) -> Week<'_> {
        Week { zone, counts: vec![0; WEEK_HOURS], offset: (0, 0..0) }
    }

    fn take(&mut self, micros: i64) {
        let secs = micros.div_euclid(1_000_000);
        if !self.offset.1.contains(&secs) {
            self.offset = self.offset_at(secs);
        }
        let hour = (secs + self.offset.0).div_euclid(3_600) + EPOCH_HOUR;
        self.counts[hour.rem_euclid(WEEK_HOURS as i64) as usize] += 1;
    }

    fn offset_at(&self, secs: i64) -> (i64, Range<i64>) {
        let at = Timestamp::from_second(secs).unwrap_or(Timestamp::UNIX_EPOCH);
        // The change in this very second is the one that holds in it.
        let behind = at.saturating_add(SignedDuration::from_secs(1)).unwrap_or(at);
        let from =
            self.zone.preceding(behind).next().map_or(i64::MIN, |change| change.timestamp().as_second());
        let to = self.zone.following(at).next().map_or(i64::MAX, |change| change.timestamp().as_second());
        (i64::from(self.zone.to_offset(at).seconds()), from..to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::Weekday;

    /// The hour of the week by the calendar.
    fn by_calendar(time: Timestamp, zone: &TimeZone) -> usize {
        let local = zone.to_datetime(time);
        let days = local.weekday().since(Weekday::Monday);
        usize::try_from(i32::from(days) * 24 + i32::from(local.hour())).expect("both are not negative")
    }

    #[test]
    fn the_hour_of_the_week_is_that_of_the_local_clock_around_every_change() {
        for zone in ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"] {
            let zone = TimeZone::get(zone).expect("the zone database is bundled");
            for start in [
                "2026-03-07T12:00:00Z",
                "2026-03-28T12:00:00Z",
                "2026-10-24T12:00:00Z",
                "1969-12-31T00:00:00Z",
            ] {
                let start: Timestamp = start.parse().expect("a time");
                let mut week = Week::of(&zone);
                let mut expected = vec![0; WEEK_HOURS];
                // Back and forth, so that what is remembered of the zone is wrong again and again.
                for step in (0..2_000).map(|step: i64| if step % 2 == 0 { step } else { 2_000 - step }) {
                    let time = start + SignedDuration::from_secs(step * 450);
                    week.take(time.as_microsecond());
                    expected[by_calendar(time, &zone)] += 1;
                }
                assert_eq!(week.counts, expected, "{:?} {start}", zone.iana_name());
            }
        }
    }

    #[test]
    fn the_clock_that_is_put_forward_has_no_hour_in_between() {
        let zone = TimeZone::get("Europe/Berlin").expect("the zone database is bundled");
        let mut week = Week::of(&zone);
        for time in ["2026-03-29T00:59:59.999999Z", "2026-03-29T01:00:00Z"] {
            week.take(time.parse::<Timestamp>().expect("a time").as_microsecond());
        }
        let sunday = 6 * 24;
        assert_eq!((week.counts[sunday + 1], week.counts[sunday + 2], week.counts[sunday + 3]), (1, 0, 1));
    }
}
