//! The nouns that every other module speaks: values without I/O, without a clock, that cannot fail.

mod activity;
mod activity_query;
mod alert;
mod caller;
mod dead_letter;
mod delivery;
mod disk;
mod entry;
mod event;
mod overrides;
mod pattern;
mod query;
mod saved_search;
mod seq;
mod session;
mod silence;
mod source;
mod verdict;

pub use activity::{Activity, SettingChange};
pub use activity_query::{ActivityGroup, ActivityQuery, ActivityScope};
pub use alert::{
    Alert, AlertChange, AlertStatus, AlertStep, AlertType, Evidence, EvidenceItem, Fingerprint, Severity,
    tag_of,
};
pub use caller::{Caller, CallerKind, Organizations, Rights, Role};
pub use dead_letter::{DeadLetter, DeadLetterKind, FAILURES_KEPT, Failure};
pub use delivery::{Delivery, DeliveryState, FailedTry, NotTold, status_alone};
pub use disk::DiskState;
pub use entry::{Appended, Draft, Entry, EntryFlags, EntryKind, Hash, Placed, Salt, Stored};
pub use event::{AuditEvent, Claim, Classification, FieldValue, Status};
pub use overrides::{Override, Overrides};
pub use pattern::Pattern;
pub use query::{AlertFilter, AlertOrder, EventCursor, EventFilter, EventOrder, EventQuery, organization_of};
pub use saved_search::SavedSearch;
pub use seq::{ReceivedAt, Seq, event_id, seq_of_event_id};
pub use session::SessionContext;
pub use silence::{Matcher, Silence};
pub use source::{ApiKey, KeyScope, Secret, SourceId, User};
pub use verdict::Verdict;
