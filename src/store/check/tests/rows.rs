//! All that a file says, to tell whether two say the same.

use crate::store::Store;
use crate::store::tables as t;
use redb::{Key, ReadableDatabase, ReadableTable, TableDefinition, Value};
use std::collections::BTreeMap;

/// Rows by table.
pub(crate) type Rows = BTreeMap<&'static str, Vec<(Vec<u8>, Vec<u8>)>>;

impl Store {
    /// Every row of every table, as bytes.
    pub(crate) fn all_rows(&self) -> Rows {
        let mut rows = Rows::new();
        self.rows_of("meta", t::META, &mut rows);
        self.rows_of("blocks", t::BLOCKS, &mut rows);
        self.rows_of("block_index", t::BLOCK_INDEX, &mut rows);
        self.rows_of("tiles", t::TILES, &mut rows);
        self.rows_of("checkpoints", t::CHECKPOINTS, &mut rows);
        self.rows_of("log_keys", t::LOG_KEYS, &mut rows);
        self.rows_of("ids", t::IDS, &mut rows);
        self.rows_of("answers", t::ANSWERS, &mut rows);
        self.rows_of("answers_by_end", t::ANSWERS_BY_END, &mut rows);
        self.rows_of("alerts", t::ALERTS, &mut rows);
        self.rows_of("evidence", t::EVIDENCE, &mut rows);
        self.rows_of("current_alerts", t::CURRENT_ALERTS, &mut rows);
        self.rows_of("alerts_of_event", t::ALERTS_OF_EVENT, &mut rows);
        self.rows_of("entries_of_alert", t::ENTRIES_OF_ALERT, &mut rows);
        self.rows_of("late_events", t::LATE_EVENTS, &mut rows);
        self.rows_of("deliveries", t::DELIVERIES, &mut rows);
        self.rows_of("deliveries_of_alert", t::DELIVERIES_OF_ALERT, &mut rows);
        self.rows_of("outbox", t::OUTBOX, &mut rows);
        self.rows_of("undelivered", t::UNDELIVERED, &mut rows);
        self.rows_of("ended_deliveries", t::ENDED_DELIVERIES, &mut rows);
        self.rows_of("silences", t::SILENCES, &mut rows);
        self.rows_of("positions", t::POSITIONS, &mut rows);
        self.rows_of("snapshot", t::SNAPSHOT, &mut rows);
        self.rows_of("keys", t::KEYS, &mut rows);
        self.rows_of("users", t::USERS, &mut rows);
        self.rows_of("sessions", t::SESSIONS, &mut rows);
        self.rows_of("saved_searches", t::SAVED_SEARCHES, &mut rows);
        self.rows_of("overrides", t::OVERRIDES, &mut rows);
        self.rows_of("failed_steps", t::FAILED_STEPS, &mut rows);
        self.rows_of("noticed", t::NOTICED, &mut rows);
        self.rows_of("accounts", t::ACCOUNTS, &mut rows);
        let tables = self.db.begin_read().expect("it reads").list_tables().expect("it lists").count();
        assert_eq!(tables, rows.len(), "every table is among these");
        rows
    }

    fn rows_of<K: Key + 'static, V: Value + 'static>(
        &self,
        name: &'static str,
        table: TableDefinition<'_, K, V>,
        rows: &mut Rows,
    ) {
        let read = self.db.begin_read().expect("it reads");
        let table = read.open_table(table).expect("it is there");
        let all = table.iter().expect("it reads").map(|row| {
            let (key, value) = row.expect("it reads");
            (K::as_bytes(&key.value()).as_ref().to_vec(), V::as_bytes(&value.value()).as_ref().to_vec())
        });
        rows.insert(name, all.collect());
    }
}
