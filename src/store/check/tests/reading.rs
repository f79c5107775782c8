//! Reading a log whose block index is damaged: what can be read is, and nobody stops.

use super::log::*;
use crate::model::{EventFilter, EventOrder, EventQuery, Organizations, Seq};
use crate::store::tables as t;

#[test]
fn a_damaged_row_of_the_index_hides_no_entry() {
    let store = log();
    tamper(&store, |write| {
        let mut index = write.open_table(t::BLOCK_INDEX).expect("there");
        index.insert(BLOCK, &b"rubbish"[..]).expect("memory");
        index.remove(BLOCK + EVENTS).expect("memory");
    });
    let mut next = Seq(0);
    while next < store.size() {
        for block in store.blocks_from(next, 1 << 20).expect("readable") {
            for read in block.entries_from(next) {
                assert_eq!(read.as_ref().expect("whole").entry.seq, next);
                next = next.next();
            }
        }
    }
    let query = EventQuery {
        filter: EventFilter::all(Organizations::All),
        order: EventOrder::Timestamp,
        descending: false,
        offset: 0,
        limit: 1,
        after: None,
    };
    // The row that is gone takes its block with it here; `verify` names it.
    let page = store.events_page(&query).expect("readable");
    assert_eq!(page.total, store.events() - EVENTS);
}
