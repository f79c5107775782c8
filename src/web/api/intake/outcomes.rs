//! What became of the events of one request, in the form that is kept for a repeated one.

use crate::ingest::Rejection;
use crate::model::{Appended, Placed, Seq};
use crate::store::Account;
use crate::web::error::Problem;
use serde::{Deserialize, Serialize};
use std::time::Instant;
use uuid::Uuid;

/// How a request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Shape {
    /// With the one event.
    Single,
    /// With the result of each.
    Each,
    /// With numbers, and the errors.
    Summary,
}

/// What became of one event, as it is kept for a repeated request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) line: usize,
    pub(super) result: ItemResult,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum ItemResult {
    Stored(Seq, Uuid),
    Duplicate(Seq, Uuid),
    Rejected { status: u16, code: String, field: Option<String>, message: String },
}

/// What became of a request, as it is kept for a repeated one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Outcomes {
    pub(super) shape: Shape,
    pub(super) request_id: String,
    pub(super) millis: f64,
    pub(super) items: Vec<Outcome>,
}

impl Outcomes {
    /// What became of the items of a request; `appended` holds the fate of those that were drafted, in their
    /// order.
    pub(super) fn new<T>(
        shape: Shape,
        request_id: String,
        began: Instant,
        items: Vec<(usize, Result<T, Rejection>)>,
        appended: Vec<Appended>,
    ) -> Outcomes {
        let mut appended = appended.into_iter();
        let items = items.into_iter().map(|(line, drafted)| {
            let result = match drafted {
                Err(rejection) => rejected(rejection),
                Ok(_) => match appended.next().expect("each draft was appended") {
                    Appended::Stored(Placed { seq, id }) => ItemResult::Stored(seq, id),
                    Appended::Duplicate(Placed { seq, id }) => ItemResult::Duplicate(seq, id),
                    Appended::Conflict => rejected(Rejection::IdConflict),
                },
            };
            Outcome { line, result }
        });
        let items = items.collect();
        Outcomes { shape, request_id, millis: began.elapsed().as_secs_f64() * 1_000.0, items }
    }

    /// The same as sums.
    pub(super) fn account(&self) -> Account {
        let mut account = Account { received: self.items.len() as u64, ..Account::default() };
        for item in &self.items {
            match item.result {
                ItemResult::Stored(..) => account.stored += 1,
                ItemResult::Duplicate(..) => account.duplicate += 1,
                ItemResult::Rejected { .. } => account.rejected += 1,
            }
        }
        account
    }
}

fn rejected(rejection: Rejection) -> ItemResult {
    let code = rejection.code().to_owned();
    let problem = Problem::from(rejection);
    ItemResult::Rejected {
        status: problem.status.as_u16(),
        code,
        field: problem.field,
        message: problem.message,
    }
}
