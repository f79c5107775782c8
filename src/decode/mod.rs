//! From bytes as received to checked events: requests, their elements, and every rule of the wire format.
//!
//! Pure: no I/O, no clock. Bytes stay as they came; an event borrows from them, and hashes are taken over
//! them.

mod compression;
mod event;
mod fault;
mod limits;
mod media;
mod members;
mod path;
mod reader;
mod request;
mod text;
mod timestamp;
mod values;

pub use compression::gunzip;
pub use event::{event, known_version, stored};
pub use fault::{Fault, FaultKind};
pub use limits::Limits;
pub use media::{Form, form_of};
pub use members::members;
pub use request::{Item, Request, bulk, request};
pub use values::values;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
