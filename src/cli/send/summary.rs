//! What became of the elements that were sent, counted and in words.

use super::batch::Batch;
use super::delivery::Answer;
use std::time::Duration;

/// Rejected elements that are named; the others are counted.
const NAMED_MAX: u64 = 20;

/// What became of the elements of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Summary {
    /// Elements that were sent.
    pub(super) sent: u64,
    /// Newly stored.
    pub(super) accepted: u64,
    /// Already there: the same event again, or a request that was answered before.
    pub(super) duplicates: u64,
    /// Not stored.
    pub(super) rejected: u64,
}

impl Summary {
    /// Counts an answer; gives the lines that tell the rejected elements, with their lines in `file`.
    pub(super) fn count(&mut self, file: &str, batch: &Batch, answer: &Answer) -> Vec<String> {
        self.sent += batch.elements.len() as u64;
        if answer.replayed {
            self.duplicates += answer.accepted + answer.duplicate;
        } else {
            self.accepted += answer.accepted;
            self.duplicates += answer.duplicate;
        }
        let mut told = Vec::new();
        for (index, error) in answer.errors.iter().enumerate() {
            let line = error
                .line
                .checked_sub(1)
                .and_then(|index| batch.elements.get(index))
                .map(|element| element.0);
            let field = error.field.as_ref().map_or(String::new(), |field| format!("{}: ", printable(field)));
            if self.rejected + (index as u64) < NAMED_MAX {
                told.push(place(file, line, &format!("{field}{}", printable(&error.message))));
            }
        }
        self.rejected += answer.rejected;
        told
    }

    /// Counts one element that was not stored; gives the line that tells it.
    pub(super) fn reject(&mut self, file: &str, line: usize, why: &str) -> Option<String> {
        self.rejected += 1;
        (self.rejected <= NAMED_MAX).then(|| place(file, Some(line), why))
    }

    /// The last line for people.
    pub(super) fn in_words(&self, took: Duration) -> String {
        let unnamed = self.rejected.saturating_sub(NAMED_MAX);
        let more = if unnamed > 0 { format!(" ({unnamed} of them not named above)") } else { String::new() };
        format!(
            "{} sent: {} accepted, {} already there, {} rejected{more}; {:.1} s, {} events/s",
            self.sent,
            self.accepted,
            self.duplicates,
            self.rejected,
            took.as_secs_f64(),
            self.rate(took)
        )
    }

    /// The same for programs.
    pub(super) fn as_json(&self, took: Duration) -> serde_json::Value {
        serde_json::json!({
            "sent": self.sent,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "rejected": self.rejected,
            "seconds": took.as_secs_f64(),
            "eventsPerSecond": self.rate(took),
        })
    }

    /// Events per second, rounded.
    pub(super) fn rate(&self, took: Duration) -> u64 {
        (self.sent as f64 / took.as_secs_f64().max(0.001)).round() as u64
    }
}

/// `events.ndjson:12: status: is required`.
fn place(file: &str, line: Option<usize>, what: &str) -> String {
    line.map_or_else(|| format!("{file}: {what}"), |line| format!("{file}:{line}: {what}"))
}

/// A text from elsewhere without what would steer a terminal.
pub(in crate::cli) fn printable(text: &str) -> String {
    let is_plain = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if is_plain(c) { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::delivery::Rejection;
    use super::*;

    fn batch(lines: &[usize]) -> Batch {
        let elements = lines.iter().map(|line| (*line, 0, b"{}".to_vec())).collect();
        Batch { elements, unsendable: Vec::new() }
    }

    #[test]
    fn a_rejected_element_is_told_with_its_line_in_the_file() {
        let error =
            Rejection { line: 2, field: Some("status".into()), message: "is \u{1b}[2Jrequired".into() };
        let answer = Answer { accepted: 1, rejected: 1, errors: vec![error], ..Answer::default() };
        let mut summary = Summary::default();
        let told = summary.count("a.ndjson", &batch(&[40, 42]), &answer);
        assert_eq!(told, ["a.ndjson:42: status: is \u{fffd}[2Jrequired"]);
        assert_eq!(summary, Summary { sent: 2, accepted: 1, duplicates: 0, rejected: 1 });
    }

    #[test]
    fn an_answer_that_was_given_before_counts_as_already_there() {
        let answer = Answer { accepted: 2, duplicate: 1, replayed: true, ..Answer::default() };
        let mut summary = Summary::default();
        summary.count("a", &batch(&[1, 2, 3]), &answer);
        assert_eq!((summary.accepted, summary.duplicates), (0, 3));
    }

    #[test]
    fn the_first_twenty_rejections_are_named_and_the_others_counted() {
        let errors = (1..=15).map(|line| Rejection { line, ..Rejection::default() }).collect();
        let answer = Answer { rejected: 15, errors, ..Answer::default() };
        let lines: Vec<usize> = (1..=15).collect();
        let mut summary = Summary::default();
        assert_eq!(summary.count("a", &batch(&lines), &answer).len(), 15);
        assert_eq!(summary.count("a", &batch(&lines), &answer).len(), 5);
        assert_eq!(summary.reject("a", 31, "is too long"), None);
        assert!(
            summary.in_words(Duration::from_secs(1)).contains("31 rejected (11 of them not named above)")
        );
    }
}
