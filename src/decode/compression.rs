//! Unpacking a gzip body without letting it grow past the limit.

use super::{Fault, FaultKind};
use flate2::read::MultiGzDecoder;
use std::io::Read;

/// The content of a gzip body, at most `max` bytes; several members in a row count as one (RFC 1952, 2.2).
/// Damaged or cut off is `gzip_damaged` (400), more than `max` bytes `body_too_large` (413), noticed after
/// `max + 1` bytes.
pub fn gunzip(body: &[u8], max: usize) -> Result<Vec<u8>, Fault> {
    let mut content = Vec::new();
    let bound = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    match MultiGzDecoder::new(body).take(bound).read_to_end(&mut content) {
        Ok(_) if content.len() > max => Err(too_large(max)),
        Ok(_) => Ok(content),
        Err(_) => Err(Fault::whole(
            FaultKind::Malformed,
            "gzip_damaged",
            "the body is said to be gzip but is damaged or cut off",
        )),
    }
}

/// The fault of a body that is longer than `max` bytes.
pub(super) fn too_large(max: usize) -> Fault {
    Fault::whole(
        FaultKind::TooLarge,
        "body_too_large",
        format!("a request body has at most {max} bytes after decompression; send fewer events at once"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).expect("writing into memory");
        encoder.finish().expect("writing into memory")
    }

    fn code(body: &[u8], max: usize) -> &'static str {
        gunzip(body, max).map_or_else(|fault| fault.code, |_| "ok")
    }

    #[test]
    fn content_comes_out_as_it_went_in_up_to_the_limit() {
        let packed = gzip(b"{\"a\":1}");
        assert_eq!(gunzip(&packed, 7).expect("fits"), b"{\"a\":1}");
        assert_eq!(code(&packed, 6), "body_too_large");
        let two = [gzip(b"ab"), gzip(b"cd")].concat();
        assert_eq!(gunzip(&two, 4).expect("fits"), b"abcd");
        assert_eq!(code(&two, 3), "body_too_large");
        assert_eq!(code(&gzip(b""), 0), "ok");
    }

    #[test]
    fn a_bomb_is_noticed_at_the_limit_and_damage_anywhere() {
        assert_eq!(code(&gzip(&vec![0; 10_000_000]), 65_536), "body_too_large");
        let packed = gzip(b"some content that is packed");
        for length in 0..packed.len() {
            assert_eq!(code(&packed[..length], 1000), "gzip_damaged", "cut at {length}");
        }
        let mut flipped = packed.clone();
        let crc = flipped.len() - 8;
        flipped[crc] ^= 1;
        assert_eq!(code(&flipped, 1000), "gzip_damaged");
        assert_eq!(code(&[packed.as_slice(), b"x"].concat(), 1000), "gzip_damaged");
        assert_eq!(code(b"{}", 1000), "gzip_damaged");
    }
}
