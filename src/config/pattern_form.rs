//! The settings of one pattern as a form has them: texts by field, and the changes that they ask for.

use super::layers::Layers;
use super::reader::dotted;
use super::written::{Document, quoted};
use crate::detect::Settings;
use crate::model::{Overrides, Pattern, SettingChange};
use jiff::civil::Date;
use std::collections::BTreeSet;
use std::path::Path;

/// Characters of one field, which hold the holidays of a lifetime.
const TEXT_CHARS_MAX: usize = 8_000;

/// What can be set of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// Whether it is looked for.
    Enabled,
    /// How many matching events make it fire.
    Threshold,
    /// Within how long.
    Timespan,
    /// How serious its alerts are.
    Severity,
    /// How long there is no further notification.
    Cooldown,
    /// The hours in which nobody works.
    Hours,
    /// Where the clocks stand.
    TimeZone,
    /// Whether nobody works at weekends.
    Weekends,
    /// The days on which nobody works.
    Holidays,
}

impl Field {
    /// What can be set of that pattern, in the order of the form.
    pub fn of(pattern: Pattern) -> &'static [Field] {
        use Field::{Cooldown, Enabled, Holidays, Hours, Severity, Threshold, TimeZone, Timespan, Weekends};
        match pattern {
            Pattern::OffHours => {
                &[Enabled, Hours, TimeZone, Weekends, Holidays, Threshold, Timespan, Severity, Cooldown]
            }
            Pattern::IntegrityViolation | Pattern::IdConflict => &[Severity, Cooldown],
            _ => &[Enabled, Threshold, Timespan, Severity, Cooldown],
        }
    }

    /// Its name in the file and in forms.
    pub fn name(self) -> &'static str {
        match self {
            Field::Enabled => "enabled",
            Field::Threshold => "threshold",
            Field::Timespan => "timespan_secs",
            Field::Severity => "severity",
            Field::Cooldown => "cooldown_secs",
            Field::Hours => "off_hours",
            Field::TimeZone => "time_zone",
            Field::Weekends => "weekends",
            Field::Holidays => "holidays",
        }
    }

    /// Its value in these settings, as the form shows it.
    pub fn text(self, settings: &Settings, form: &PatternForm) -> String {
        let table = settings.for_organization(form.organization.as_deref());
        let (pattern, calendar) = (table.get(form.pattern), &table.off_hours);
        match self {
            Field::Enabled => pattern.enabled.to_string(),
            Field::Threshold => pattern.threshold.to_string(),
            Field::Timespan => pattern.timespan_secs.to_string(),
            Field::Severity => pattern.severity.name().to_owned(),
            Field::Cooldown => pattern.cooldown_secs.to_string(),
            Field::Hours => hours_text(&calendar.hours),
            Field::TimeZone => calendar.time_zone.iana_name().unwrap_or("UTC").to_owned(),
            Field::Weekends => calendar.weekends.to_string(),
            Field::Holidays => {
                calendar.holidays.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
            }
        }
    }

    /// The text of the form as the file would have it. What cannot be becomes a text, which the rules of the file then
    /// refuse in their own words.
    fn toml(self, text: &str) -> String {
        let text = text.trim();
        match self {
            Field::Enabled | Field::Weekends if matches!(text, "true" | "false") => text.to_owned(),
            Field::Threshold | Field::Timespan | Field::Cooldown => {
                text.parse::<i64>().map_or_else(|_| quoted(text), |number| number.to_string())
            }
            Field::Severity => quoted(&text.to_ascii_uppercase()),
            Field::Hours => hours_of(text).map_or_else(|| quoted(text), |hours| format!("{hours:?}")),
            Field::Holidays => {
                let days: Vec<&str> = text
                    .split(|c: char| c == ',' || c.is_whitespace())
                    .filter(|day| !day.is_empty())
                    .collect();
                if days.iter().any(|day| day.parse::<Date>().is_err()) {
                    return quoted(text);
                }
                let unique: BTreeSet<String> = days.into_iter().map(quoted).collect();
                format!("[{}]", unique.into_iter().collect::<Vec<_>>().join(", "))
            }
            _ => quoted(text),
        }
    }
}

/// Which settings a form is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternForm {
    /// Of which pattern.
    pub pattern: Pattern,
    /// Of which organisation; `None` for all that have no settings of their own.
    pub organization: Option<String>,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The field that it stands at.
    pub field: Field,
    /// What is wrong, and what is allowed.
    pub message: String,
}

impl PatternForm {
    /// The key of a field, as the file has it.
    pub fn key(&self, field: Field) -> String {
        let is_calendar = matches!(field, Field::Hours | Field::TimeZone | Field::Weekends | Field::Holidays);
        let path: Vec<&str> = match (&self.organization, is_calendar) {
            (None, true) => vec!["detection", field.name()],
            (None, false) => vec!["patterns", self.pattern.name(), field.name()],
            (Some(name), true) => vec!["organizations", name, field.name()],
            (Some(name), false) => vec!["organizations", name, "patterns", self.pattern.name(), field.name()],
        };
        dotted(&path.into_iter().map(str::to_owned).collect::<Vec<_>>())
    }

    /// The changes that make the settings say what the form says; a field that says what holds already changes
    /// nothing. Held against the rules of the file.
    ///
    /// # Errors
    /// Every mistake there is, each at its field.
    pub fn changes(
        &self,
        layers: &Layers,
        overrides: &Overrides,
        texts: &[(Field, String)],
    ) -> Result<Vec<SettingChange>, Vec<Wrong>> {
        let (present, _) = layers.detection(overrides);
        let mut wrong = Vec::new();
        let mut changes = Vec::new();
        for (field, text) in texts {
            let from = field.toml(&field.text(&present, self));
            let to = field.toml(text);
            if text.chars().count() > TEXT_CHARS_MAX {
                let message = format!("may have {TEXT_CHARS_MAX} characters");
                wrong.push(Wrong { field: *field, message });
            } else if from != to {
                changes.push(SettingChange { key: self.key(*field), from: Some(from), to: Some(to) });
            }
        }
        wrong.extend(self.mistakes(layers, overrides, &changes));
        if wrong.is_empty() { Ok(changes) } else { Err(wrong) }
    }

    /// The changes that give fields back to the file; none for a field whose value is the file's.
    ///
    /// # Errors
    /// What would be wrong then: another field may have been changed to fit these.
    pub fn resets(
        &self,
        layers: &Layers,
        overrides: &Overrides,
        fields: &[Field],
    ) -> Result<Vec<SettingChange>, Vec<Wrong>> {
        let change = |field: &Field| {
            let key = self.key(*field);
            Some(SettingChange { from: Some(overrides.get(&key)?.to_owned()), to: None, key })
        };
        let changes: Vec<SettingChange> = fields.iter().filter_map(change).collect();
        let wrong = self.mistakes(layers, overrides, &changes);
        if wrong.is_empty() { Ok(changes) } else { Err(wrong) }
    }

    /// What would be wrong with the changes that is not wrong without them.
    fn mistakes(&self, layers: &Layers, overrides: &Overrides, changes: &[SettingChange]) -> Vec<Wrong> {
        let fields = Field::of(self.pattern);
        let field_of = |key: &str| fields.iter().copied().find(|field| self.key(*field) == key);
        let first = changes.first().and_then(|change| field_of(&change.key)).unwrap_or(fields[0]);
        let mut after = overrides.clone();
        after.apply(changes);
        if after.len() > Overrides::MAX {
            let message = format!(
                "no more than {} values can be changed here; write some into the file",
                Overrides::MAX
            );
            return vec![Wrong { field: first, message }];
        }
        let unreadable = changes.iter().filter(|change| {
            let text = format!("{} = {}", change.key, change.to.as_deref().unwrap_or("0"));
            !Document::parse(&text, Path::new("")).mistakes.is_empty()
        });
        let unreadable = unreadable.map(|change| Wrong {
            field: field_of(&change.key).unwrap_or(first),
            message: "cannot be written into a file of settings".to_owned(),
        });
        let before = layers.detection(overrides).1;
        let new = layers.detection(&after).1.into_iter().filter(|mistake| !before.contains(mistake));
        let new = new.map(|mistake| match field_of(&mistake.key) {
            Some(field) => Wrong { field, message: mistake.message },
            // The change for all reaches into the settings of an organisation.
            None => Wrong { field: first, message: format!("{}: {}", mistake.key, mistake.message) },
        });
        unreadable.chain(new).collect()
    }
}

/// `22–6`: stretches of hours, each from its first to the one with which work begins again.
fn hours_text(hours: &BTreeSet<i8>) -> String {
    if hours.len() == 24 {
        return "0–24".to_owned();
    }
    let begins = hours.iter().copied().filter(|hour| !hours.contains(&((hour + 23) % 24)));
    let stretch = |first: i8| {
        let length = (0..24).take_while(|step| hours.contains(&((first + step) % 24))).count() as i8;
        let end = first + length;
        format!("{first}–{}", if end > 24 { end - 24 } else { end })
    };
    begins.map(stretch).collect::<Vec<_>>().join(", ")
}

/// The hours of such a text; a single hour stands for itself.
fn hours_of(text: &str) -> Option<Vec<i8>> {
    let mut hours = BTreeSet::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (first, end) = part.split_once(['-', '–']).unwrap_or((part, ""));
        let hour = |text: &str, most: i8| text.trim().parse().ok().filter(|hour| (0..=most).contains(hour));
        let first: i8 = hour(first, 23)?;
        let end = if end.is_empty() { first + 1 } else { hour(end, 24)? };
        if first == end {
            return None;
        }
        let last = if end > first { end } else { end + 24 };
        hours.extend((first..last).map(|hour| hour % 24));
    }
    Some(hours.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(pattern: Pattern, organization: Option<&str>) -> PatternForm {
        PatternForm { pattern, organization: organization.map(str::to_owned) }
    }

    /// What the texts change, as lines of the file.
    fn check(form: &PatternForm, texts: &[(Field, &str)], expected: Result<&[&str], &[(Field, &str)]>) {
        let texts: Vec<(Field, String)> =
            texts.iter().map(|(field, text)| (*field, (*text).to_owned())).collect();
        let found = form.changes(&Layers::default(), &Overrides::default(), &texts);
        let lines = |changes: Vec<SettingChange>| -> Vec<String> {
            changes
                .into_iter()
                .map(|change| format!("{} = {}", change.key, change.to.unwrap_or_default()))
                .collect()
        };
        let wrong = |wrong: Vec<Wrong>| -> Vec<(Field, String)> {
            wrong.into_iter().map(|wrong| (wrong.field, wrong.message)).collect()
        };
        let expected = match expected {
            Ok(lines) => Ok(lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()),
            Err(wrong) => {
                Err(wrong.iter().map(|(field, text)| (*field, (*text).to_owned())).collect::<Vec<_>>())
            }
        };
        assert_eq!(found.map(lines).map_err(wrong), expected);
    }

    #[test]
    fn only_what_differs_from_what_holds_is_a_change() {
        let failed = form(Pattern::FailedAuth, None);
        let texts = [(Field::Threshold, "5"), (Field::Timespan, " 600 "), (Field::Severity, "high")];
        check(&failed, &texts, Ok(&["patterns.FAILED_AUTH.timespan_secs = 600"]));
        let hostile = form(Pattern::FailedAuth, Some("a.\"b\"\u{7f}\u{1b}\n"));
        let key = r#"organizations."a.\"b\"\u007F\u001b\n".patterns.FAILED_AUTH.threshold = 2"#;
        check(&hostile, &[(Field::Threshold, "2")], Ok(&[key]));
    }

    #[test]
    fn every_mistake_stands_at_its_field_in_the_words_of_the_file() {
        let failed = form(Pattern::FailedAuth, None);
        let texts = [(Field::Threshold, "0"), (Field::Timespan, "soon"), (Field::Severity, "URGENT")];
        let severities = "\"URGENT\" is not one of \"CRITICAL\", \"HIGH\", \"MEDIUM\", \"LOW\", \"INFO\"";
        let wrong = [
            (Field::Threshold, "0 is not a whole number from 1 to 100000"),
            (Field::Timespan, "\"soon\" is not a whole number from 0 to 604800"),
            (Field::Severity, severities),
        ];
        check(&failed, &texts, Err(&wrong));
        let together = "must be 1 where timespan_secs is 0, or the pattern would hardly ever fire";
        check(&failed, &[(Field::Timespan, "0")], Err(&[(Field::Threshold, together)]));
    }

    #[test]
    fn hours_are_read_and_written_as_stretches() {
        let round = |text: &str| hours_of(text).map(|hours| hours_text(&hours.into_iter().collect()));
        for text in ["22–6", "0–6, 22–23", "0–24", "", "12–13", "20–24", "23–1"] {
            assert_eq!(round(text).as_deref(), Some(text));
        }
        assert_eq!(round("22-24, 0 - 6").as_deref(), Some("22–6"));
        assert_eq!(round("13").as_deref(), Some("13–14"));
        for text in ["25", "22–22", "a", "1–2–3", "-1", "24–3"] {
            assert_eq!(round(text), None, "{text}");
        }
    }

    #[test]
    fn an_override_wins_over_file_and_environment_until_it_goes() {
        let text = "[patterns.FAILED_AUTH]\nthreshold = 7\n[organizations.clinic]\nweekends = true";
        let variables = [("SEALWATCH_PATTERNS__DATA_VELOCITY__THRESHOLD".to_owned(), "60".to_owned())];
        let (document, variables) =
            super::super::reader::Reader::new(Path::new("f"), text, variables.into_iter().collect())
                .written();
        let layers = Layers { document, variables, ..Layers::default() };
        let mut overrides = Overrides::default();
        for (pattern, before, after) in [(Pattern::FailedAuth, 7, 2), (Pattern::DataVelocity, 60, 70)] {
            let form = form(pattern, None);
            // An organisation with a table of its own takes what it does not name from that of all.
            let threshold = |overrides: &Overrides, name| {
                layers.detection(overrides).0.for_organization(name).get(pattern).threshold
            };
            assert_eq!(
                [threshold(&overrides, None), threshold(&overrides, Some("clinic"))],
                [before, before]
            );
            let changes = form.changes(&layers, &overrides, &[(Field::Threshold, after.to_string())]);
            overrides.apply(&changes.expect("it may be so"));
            assert_eq!([threshold(&overrides, None), threshold(&overrides, Some("clinic"))], [after, after]);
            let reset = form.resets(&layers, &overrides, &[Field::Threshold]).expect("it may be so");
            let mut without = overrides.clone();
            without.apply(&reset);
            assert_eq!(threshold(&without, None), before);
        }
        assert_eq!(overrides.len(), 2);
    }

    #[test]
    fn there_are_so_many_overrides_and_no_more() {
        let many = (0..Overrides::MAX).map(|n| (format!("organizations.o{n}.weekends"), "true".to_owned()));
        let overrides: Overrides = many.collect();
        let texts = [(Field::Threshold, "2".to_owned())];
        let found = form(Pattern::FailedAuth, None).changes(&Layers::default(), &overrides, &texts);
        assert_eq!(found.map_err(|wrong| wrong.len()), Err(1));
    }
}
