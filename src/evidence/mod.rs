//! The evidence of one alert as a bundle of files that anyone can check: what it says, its files, its check.
//!
//! Pure: whoever collects an [`Exhibit`] reads the log, [`Bundle::of`] makes files of it, [`to_zip`] and [`from_zip`] put
//! them into one and read them back, and [`check`] says whether everything in them fits.

mod rule;
mod exhibit;
mod bundle;
mod zipped;
mod layout;
mod finding;
mod check;

pub use bundle::{BUNDLE_BYTES_MAX, Bundle, BundleError};
pub use check::{Checked, check};
pub use exhibit::{Exhibit, Export, Link, ProvedEntry};
pub use finding::Finding;
pub use layout::{VERIFY_TEXT, VERSION};
pub use rule::{Rule, RuleSettings};
pub use zipped::{ZIP_BYTES_MAX, ZipError, from_zip, to_zip};

#[cfg(test)]
mod tests;
