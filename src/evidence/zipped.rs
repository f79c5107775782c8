//! A bundle as one zip file, written and read in memory.

use super::bundle::{Bundle, BundleError, FILES_MAX};
use std::io::{Cursor, Read, Write};
use thiserror::Error;
use zip::result::ZipError as FormatError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Bytes of a zip that are looked at: what deflate can make of the largest bundle, with the names around it.
pub const ZIP_BYTES_MAX: usize = super::BUNDLE_BYTES_MAX + (16 << 20);

/// Why a file is not a bundle that can be looked at.
#[derive(Debug, Error)]
pub enum ZipError {
    /// Over the bound.
    #[error("the zip has more than {ZIP_BYTES_MAX} bytes")]
    TooLarge,
    /// Cut off, or changed where it is no file's content.
    #[error("the zip cannot be read: {0}")]
    Format(#[from] FormatError),
    /// What a file unpacks to.
    #[error("the zip cannot be unpacked: {0}")]
    Unpack(#[from] std::io::Error),
    /// A file that no bundle has.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

/// The bundle as a zip, the same bytes for the same files.
pub fn to_zip(bundle: &Bundle) -> Result<Vec<u8>, ZipError> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in bundle.files() {
        zip.start_file(name, options)?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// Reads a zip. What it says of the sizes of its files is not believed: unpacking ends at the bounds of a bundle.
pub fn from_zip(bytes: &[u8]) -> Result<Bundle, ZipError> {
    if bytes.len() > ZIP_BYTES_MAX {
        return Err(ZipError::TooLarge);
    }
    let mut zip = ZipArchive::new(Cursor::new(bytes))?;
    if zip.len() > FILES_MAX {
        return Err(BundleError::TooManyFiles.into());
    }
    // Other readers go by other headers; all of them must find the same files, and each once.
    zip.validate_header_consistency()?;
    let mut bundle = Bundle::default();
    for index in 0..zip.len() {
        let mut packed = zip.by_index(index)?;
        let name = packed.name()?.into_owned();
        let mut content = Vec::new();
        packed.by_ref().take(bundle.room() as u64 + 1).read_to_end(&mut content)?;
        bundle.add(&name, content)?;
    }
    Ok(bundle)
}
