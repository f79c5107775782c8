//! What is noted of the events of one request for its trace: times, and in a word what they are about. Nobody's data.

use crate::model::AuditEvent;
use std::time::{Duration, Instant};

/// What all events of a request say in one field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Said {
    /// None says anything.
    #[default]
    Nothing,
    /// Those that say something say this.
    One(String),
    /// They say different things.
    Several,
}

impl Said {
    fn note(&mut self, text: Option<&str>) {
        let Some(text) = text else { return };
        match self {
            Said::Nothing => *self = Said::One(text.to_owned()),
            Said::One(known) if known != text => *self = Said::Several,
            Said::One(_) | Said::Several => {}
        }
    }

    /// The one thing that was said.
    pub fn one(&self) -> Option<&str> {
        match self {
            Said::One(text) => Some(text),
            Said::Nothing | Said::Several => None,
        }
    }
}

/// Notes on the events of one request.
#[derive(Clone, Debug)]
pub struct Notes {
    /// How long their bytes were held against the rules.
    pub validating: Duration,
    /// How long their hashes and signatures were checked.
    pub checking: Duration,
    /// Their `action`.
    pub action: Said,
    /// The organisation that they count as.
    pub organization: Said,
    /// Their `targetResourceType`.
    pub resource_type: Said,
    /// Their `correlationId`.
    pub correlation: Said,
    last: Instant,
}

impl Default for Notes {
    fn default() -> Notes {
        Notes {
            validating: Duration::ZERO,
            checking: Duration::ZERO,
            action: Said::Nothing,
            organization: Said::Nothing,
            resource_type: Said::Nothing,
            correlation: Said::Nothing,
            last: Instant::now(),
        }
    }
}

impl Notes {
    /// The time since the last call was spent on reading.
    pub(super) fn validated(&mut self) {
        let now = Instant::now();
        self.validating += now - self.last;
        self.last = now;
    }

    /// The time since the last call was spent on hashes.
    pub(super) fn checked(&mut self) {
        let now = Instant::now();
        self.checking += now - self.last;
        self.last = now;
    }

    pub(super) fn event(&mut self, event: &AuditEvent<'_>, organization: Option<&str>) {
        self.action.note(Some(&event.action));
        self.organization.note(organization);
        self.resource_type.note(event.target_resource_type.as_deref());
        self.correlation.note(event.correlation_id.as_deref());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_for_all_or_none() {
        let said = |texts: &[Option<&str>]| {
            let mut said = Said::default();
            texts.iter().for_each(|text| said.note(*text));
            said.one().map(str::to_owned)
        };
        assert_eq!(said(&[]), None);
        assert_eq!(said(&[None, Some("a"), Some("a")]), Some("a".to_owned()));
        assert_eq!(said(&[Some("a"), Some("b"), Some("a")]), None);
    }
}
