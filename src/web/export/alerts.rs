//! The lines of all alerts that match, by their ids, each as it is when its turn comes.

use super::csv::push_line;
use super::events::push_json_line;
use super::{Format, Rows};
use crate::detect;
use crate::model::{Alert, AlertFilter};
use crate::search_text::Query;
use crate::store::StoreError;
use crate::web::error::Problem;
use crate::web::state::Appliance;
use crate::web::view::{self, AlertJson};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

/// The columns of the table. A damaged alert has `damaged` for its status and what is wrong for its description.
const COLUMNS: [&str; 22] = [
    "id",
    "organizationId",
    "title",
    "description",
    "severity",
    "status",
    "type",
    "pattern",
    "key",
    "source",
    "createdAt",
    "lastSeenAt",
    "occurrences",
    "eventCount",
    "threshold",
    "timespanSeconds",
    "firstFiredAt",
    "lastFiredAt",
    "correlationId",
    "lastChange",
    "lastChangeBy",
    "lastNote",
];

pub(super) struct AlertRows {
    format: Format,
    filter: AlertFilter,
    text: Query,
    after: Option<Uuid>,
    is_over: bool,
    has_header: bool,
}

impl AlertRows {
    /// Those that were raised by events received until `begun`.
    pub(super) fn new(format: Format, filter: AlertFilter, text: Query, begun: Timestamp) -> AlertRows {
        let to = filter.to.map_or(begun, |to| to.min(begun));
        let filter = AlertFilter { to: Some(to), ..filter };
        AlertRows { format, filter, text, after: None, is_over: false, has_header: format != Format::Csv }
    }
}

impl Rows for AlertRows {
    fn push(&mut self, app: &Appliance, piece: &mut Vec<u8>) -> Result<(), Problem> {
        if !self.has_header {
            push_line(piece, COLUMNS);
            self.has_header = true;
        }
        let walked = app.store.alerts_after(&self.filter, &self.text, self.after)?;
        self.after = walked.after;
        self.is_over = walked.after.is_none();
        for read in &walked.found {
            match (read, self.format) {
                (Ok(alert), Format::Ndjson) => push_json_line(&AlertJson::from(alert), piece),
                (Ok(alert), Format::Csv) => push_alert(alert, piece),
                (Err(error), Format::Ndjson) => push_json_line(&DamagedLine::from(error), piece),
                (Err(error), Format::Csv) => push_unread(error, piece),
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.is_over
    }
}

/// What stands in the place of an alert that cannot be read.
#[derive(Serialize)]
struct DamagedLine {
    damaged: DamagedAlert,
}

#[derive(Serialize)]
struct DamagedAlert {
    message: String,
}

impl From<&StoreError> for DamagedLine {
    fn from(error: &StoreError) -> DamagedLine {
        DamagedLine { damaged: DamagedAlert { message: error.to_string() } }
    }
}

fn push_unread(error: &StoreError, piece: &mut Vec<u8>) {
    let message = error.to_string();
    push_line(
        piece,
        COLUMNS.map(|column| match column {
            "status" => "damaged",
            "description" => &*message,
            _ => "",
        }),
    );
}

fn push_alert(alert: &Alert, piece: &mut Vec<u8>) {
    let last = alert.history.last();
    let cells: [String; COLUMNS.len()] = [
        alert.id.to_string(),
        alert.organization.clone().unwrap_or_default(),
        detect::title(alert.pattern, &alert.key),
        detect::explain(alert),
        alert.severity.name().to_owned(),
        alert.status.name().to_owned(),
        alert.pattern.alert_type().name().to_owned(),
        alert.pattern.name().to_owned(),
        alert.key.clone(),
        alert.source.clone(),
        view::instant(alert.created_at),
        view::instant(alert.last_seen_at),
        alert.occurrences.to_string(),
        alert.evidence.count.to_string(),
        alert.threshold.to_string(),
        alert.timespan_secs.to_string(),
        alert.first_fired_at.to_string(),
        alert.last_fired_at.to_string(),
        alert.correlation_id.clone().unwrap_or_default(),
        last.map(|step| step.change.name().to_owned()).unwrap_or_default(),
        last.map(|step| step.by.clone()).unwrap_or_default(),
        last.and_then(|step| step.note.clone()).unwrap_or_default(),
    ];
    push_line(piece, cells.iter().map(String::as_str));
}
