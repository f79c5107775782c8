//! Notes in the log what people look for, before they are answered.

use super::error::Problem;
use super::state::App;
use crate::model::{Activity, Caller, CallerKind};

/// Characters of a query that the log keeps.
const QUERY_CHARS: usize = 2_000;

/// Makes an entry of a person's search at `place`, the path of the page or the call; `query` is what the address says
/// behind it. A listing without a filter and the further pages of a search are no searches: the caller of this sees
/// to that. What programs ask with their keys is not noted, nor what the host's operator asks.
pub async fn note(app: &App, caller: &Caller, place: &str, query: Option<&str>) -> Result<(), Problem> {
    if caller.kind != CallerKind::User {
        return Ok(());
    }
    let query = kept(query);
    let searched = Activity::Searched { by: caller.name.clone(), place: place.to_owned(), query };
    app.writer.commit(move |txn| txn.append_activity(&searched)).await?;
    Ok(())
}

/// As much of the query of an address as the log keeps.
pub fn kept(query: Option<&str>) -> String {
    query.unwrap_or_default().chars().take(QUERY_CHARS).collect()
}
