//! All windows of one pattern, bounded per source: the window longest without a match goes first.

use super::observation::Place;
use super::window::Window;
use crate::model::{Seq, SourceId};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The windows of one pattern. A window counts against the limit of one source, its owner.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Windows {
    /// Keyed by what senders choose, so it keeps the standard library's hash, which they cannot steer. Never
    /// iterated where the order could show.
    by_place: HashMap<Place, Window>,
    /// What each source owns, the longest without a match first.
    owned: BTreeMap<SourceId, BTreeSet<(Seq, Place)>>,
}

impl Windows {
    pub(super) fn len(&self) -> usize {
        self.by_place.len()
    }

    pub(super) fn get(&self, place: Place) -> Option<&Window> {
        self.by_place.get(&place)
    }

    /// The window at `place`, marked as matched by the event `seq` of `source`; a new one belongs to that
    /// source. Also how many others of the owner went to make room for it.
    ///
    /// A window that another source matches moves to that one where it owns fewer: else a flood that names
    /// the victim's principals would take their windows over and then push them out with its own.
    pub(super) fn touch(
        &mut self,
        place: Place,
        source: SourceId,
        seq: Seq,
        keys_max: usize,
    ) -> (&mut Window, u64) {
        let (owner, before) = match self.by_place.get(&place) {
            Some(window) if self.owns(source) < self.owns(window.owner) => (source, Some(window)),
            Some(window) => (window.owner, Some(window)),
            None => (source, None),
        };
        if let Some(window) = before {
            let (owner, touched) = (window.owner, window.touched);
            self.disown(owner, touched, place);
        }
        self.owned.entry(owner).or_default().insert((seq, place));
        let evicted = self.evict(owner, keys_max);
        let window = self.by_place.entry(place).or_insert_with(|| Window::new(owner, seq));
        (window.owner, window.touched) = (owner, seq);
        (window, evicted)
    }

    /// Every window, ordered by place.
    pub(super) fn sorted(&self) -> Vec<(Place, &Window)> {
        let mut all: Vec<(Place, &Window)> =
            self.by_place.iter().map(|(place, window)| (*place, window)).collect();
        all.sort_unstable_by_key(|(place, _)| *place);
        all
    }

    /// Takes back a window of a snapshot.
    pub(super) fn restore(&mut self, place: Place, window: Window) {
        self.owned.entry(window.owner).or_default().insert((window.touched, place));
        self.by_place.insert(place, window);
    }

    fn owns(&self, source: SourceId) -> usize {
        self.owned.get(&source).map_or(0, BTreeSet::len)
    }

    fn disown(&mut self, owner: SourceId, touched: Seq, place: Place) {
        if let Some(owned) = self.owned.get_mut(&owner) {
            owned.remove(&(touched, place));
            if owned.is_empty() {
                self.owned.remove(&owner);
            }
        }
    }

    /// Lets go of the owner's oldest until it owns no more than it may. The newest stays, whatever the limit.
    fn evict(&mut self, owner: SourceId, keys_max: usize) -> u64 {
        let mut evicted = 0;
        if let Some(owned) = self.owned.get_mut(&owner) {
            while owned.len() > keys_max.max(1) {
                if let Some((_, place)) = owned.pop_first() {
                    self.by_place.remove(&place);
                    evicted += 1;
                }
            }
        }
        evicted
    }
}
