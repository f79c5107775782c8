//! A log with something of everything, and attackers who change it: each must be found, at the right entry.

mod log;
pub(in crate::store) mod rows;
mod attacks;
mod anchors;
mod reading;
