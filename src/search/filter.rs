//! From the filter of an address to a query of the index. Names count as they are written, unlike in the
//! search text.

use super::compile::{Clause, Compiler, any, every, term};
use super::schema::{SEPARATOR, address_term, name_term};
use super::terms::{Terms, Test};
use crate::model::{EventFilter, Organizations};
use crate::search_text::{Name, Query, folded, value_kept};
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

impl Compiler<'_> {
    /// What the text finds among what the filter lets through, the caller's scope first of all.
    pub(super) fn filtered(&self, text: &Query, filter: &EventFilter) -> Clause {
        let mut clauses = Vec::new();
        if !text.is_everything() {
            clauses.push(self.query(text));
        }
        if let Organizations::Only(names) = &filter.scope {
            clauses.push(self.one_of(Name::Organization, names));
        }
        let sets = [
            (Name::Principal, &filter.principals),
            (Name::Organization, &filter.organizations),
            (Name::Type, &filter.resource_types),
            (Name::Resource, &filter.resource_ids),
        ];
        let sets = sets.into_iter().filter(|(_, names)| !names.is_empty());
        clauses.extend(sets.map(|(name, names)| self.one_of(name, names)));
        let closed = [
            (Name::Status, filter.statuses.iter().map(|status| status.name()).collect()),
            (Name::Classification, filter.classifications.iter().map(|class| class.name()).collect()),
            (Name::Verdict, filter.verdicts.iter().map(|verdict| verdict.name()).collect()),
        ];
        let closed: [(Name, Vec<&str>); 3] = closed;
        let closed = closed.into_iter().filter(|(_, names)| !names.is_empty());
        clauses.extend(
            closed.map(|(name, names)| any(names.iter().map(|text| self.exactly(name, text)).collect())),
        );
        if !filter.actions.is_empty() {
            clauses.push(any(filter.actions.iter().map(|wanted| self.action(wanted)).collect()));
        }
        if !filter.addresses.is_empty() {
            clauses.push(any(filter.addresses.iter().filter_map(|text| self.address(text)).collect()));
        }
        clauses.extend(filter.correlation.iter().map(|id| self.exactly(Name::Correlation, id)));
        clauses.extend(self.times(filter));
        every(clauses)
    }

    fn times(&self, filter: &EventFilter) -> Option<Clause> {
        let included = |time: Option<_>| time.map_or(Bound::Unbounded, Bound::Included);
        let before = filter.received_before.map_or(Bound::Unbounded, Bound::Excluded);
        let mut clauses = Vec::new();
        if filter.received_from.is_some() || filter.received_before.is_some() {
            let from = filter.received_from.map_or(Bound::Unbounded, Bound::Included);
            clauses.push(self.received_between(from, before));
        }
        if filter.from.is_some() || filter.to.is_some() {
            clauses.push(self.at(&(included(filter.from), included(filter.to))));
        }
        (!clauses.is_empty()).then(|| every(clauses))
    }

    fn one_of(&self, name: Name, names: &BTreeSet<String>) -> Clause {
        any(names.iter().map(|text| self.exactly(name, text)).collect())
    }

    fn exactly(&self, name: Name, written: &str) -> Clause {
        term(self.fields.name(name), &name_term(&value_kept(written)))
    }

    /// An action, or with a star at the end its beginning.
    fn action(&self, wanted: &str) -> Clause {
        let Some(beginning) = wanted.strip_suffix('*') else { return self.exactly(Name::Action, wanted) };
        let kept = value_kept(beginning).into_owned();
        let first = folded(&kept);
        let test: Test = Arc::new(move |term| {
            let (folded, written) = term.split_once(SEPARATOR).unwrap_or((term, ""));
            let written = if written.is_empty() { folded } else { written };
            written.starts_with(&kept)
        });
        Box::new(Terms::beginning(self.fields.name(Name::Action), first, Some(test)))
    }

    fn address(&self, written: &str) -> Option<Clause> {
        let address = written.parse().ok()?;
        Some(term(self.fields.address, &address_term(address, written)))
    }
}
