//! The names of tiles and entry bundles below the log's address, as C2SP tlog-tiles spells them.

use super::canonical::parse_decimal;
use super::tree::TILE_WIDTH;
use std::fmt;
use thiserror::Error;

/// The highest level that a name may have.
const LEVEL_MAX: u64 = 63;

/// The name of a tile or of an entry bundle: `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`. One that
/// was parsed is always what its text says and no other text gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TilePath {
    /// What lies there.
    pub content: TileContent,
    /// Its place in the level.
    pub index: u64,
    /// How many hashes or entries: 1 to 256. Below 256 it is partial.
    pub width: usize,
}

/// What a tile's name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TileContent {
    /// The hashes of a level, 0 to 63.
    Hashes(u8),
    /// The leaves themselves.
    Entries,
}

/// Why a text is not the name of a tile.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum TilePathError {
    /// It does not begin as every name does.
    #[error("a tile's name begins with tile/ and its level or \"entries\"")]
    Beginning,
    /// The level is not a number from 0 to 63.
    #[error("a tile's level is a number from 0 to {LEVEL_MAX} without leading zeroes")]
    Level,
    /// The index is not groups of three digits, all but the last behind an x.
    #[error(
        "a tile's index is spelt in groups of three digits, all but the last behind an x, as in x001/x234/067"
    )]
    Index,
    /// The width is not a number from 1 to 255.
    #[error("a partial tile's width is a number from 1 to 255 without leading zeroes")]
    Width,
}

impl TilePath {
    /// Takes only the one spelling that a tile has. `text` begins with `tile/`, without a slash before it.
    pub fn parse(text: &str) -> Result<TilePath, TilePathError> {
        let (level, place) = text
            .strip_prefix("tile/")
            .and_then(|rest| rest.split_once('/'))
            .ok_or(TilePathError::Beginning)?;
        let content = if level == "entries" { TileContent::Entries } else { parse_level(level)? };
        let (index, width) = match place.split_once(".p/") {
            Some((index, width)) => (index, parse_width(width)?),
            None => (place, TILE_WIDTH),
        };
        Ok(TilePath { content, index: parse_index(index)?, width })
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.content {
            TileContent::Hashes(level) => write!(f, "tile/{level}/")?,
            TileContent::Entries => f.write_str("tile/entries/")?,
        }
        write_index(f, self.index / 1_000)?;
        write!(f, "{:03}", self.index % 1_000)?;
        if self.width < TILE_WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

fn parse_level(text: &str) -> Result<TileContent, TilePathError> {
    let level = parse_decimal(text).filter(|level| *level <= LEVEL_MAX).ok_or(TilePathError::Level)?;
    Ok(TileContent::Hashes(level as u8))
}

fn parse_width(text: &str) -> Result<usize, TilePathError> {
    let width = parse_decimal(text).filter(|width| (1..TILE_WIDTH as u64).contains(width));
    Ok(width.ok_or(TilePathError::Width)? as usize)
}

fn parse_index(text: &str) -> Result<u64, TilePathError> {
    let (high, last) = match text.rsplit_once('/') {
        Some((high, last)) => (Some(high), last),
        None => (None, text),
    };
    let mut index: u64 = 0;
    // A first group of zeroes would give the tile a second name.
    if high.is_some_and(|high| high.starts_with("x000")) {
        return Err(TilePathError::Index);
    }
    for group in high.into_iter().flat_map(|high| high.split('/')) {
        index = with_group(index, group.strip_prefix('x').ok_or(TilePathError::Index)?)?;
    }
    with_group(index, last)
}

fn with_group(index: u64, digits: &str) -> Result<u64, TilePathError> {
    if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(TilePathError::Index);
    }
    let group: u64 = digits.parse().expect("three digits are a number");
    index.checked_mul(1_000).and_then(|index| index.checked_add(group)).ok_or(TilePathError::Index)
}

fn write_index(f: &mut fmt::Formatter<'_>, groups: u64) -> fmt::Result {
    if groups == 0 {
        return Ok(());
    }
    write_index(f, groups / 1_000)?;
    write!(f, "x{:03}/", groups % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(content: TileContent, index: u64, width: usize) -> TilePath {
        TilePath { content, index, width }
    }

    #[test]
    fn names_are_spelt_as_the_standard_does() {
        use TileContent::{Entries, Hashes};
        for (text, expected) in [
            ("tile/0/000", path(Hashes(0), 0, 256)),
            ("tile/0/x001/x234/067", path(Hashes(0), 1_234_067, 256)),
            ("tile/2/999.p/1", path(Hashes(2), 999, 1)),
            ("tile/63/x001/000.p/255", path(Hashes(63), 1_000, 255)),
            ("tile/entries/x001/x000/000.p/17", path(Entries, 1_000_000, 17)),
            ("tile/0/x018/x446/x744/x073/x709/x551/615", path(Hashes(0), u64::MAX, 256)),
        ] {
            assert_eq!(TilePath::parse(text), Ok(expected), "{text}");
            assert_eq!(expected.to_string(), text);
        }
    }

    #[test]
    fn no_tile_has_a_second_name() {
        use TilePathError::{Beginning, Index, Level, Width};
        for (text, error) in [
            ("", Beginning),
            ("/tile/0/000", Beginning),
            ("tile/0", Beginning),
            ("tile//000", Level),
            ("tile/00/000", Level),
            ("tile/+1/000", Level),
            ("tile/64/000", Level),
            ("tile/Entries/000", Level),
            ("tile/0/", Index),
            ("tile/0/0", Index),
            ("tile/0/0000", Index),
            ("tile/0/x000", Index),
            ("tile/0/x000/001", Index),
            ("tile/0/001/001", Index),
            ("tile/0/x001/x001", Index),
            ("tile/0/x001//001", Index),
            ("tile/0/X001/001", Index),
            ("tile/0/+01", Index),
            ("tile/0/../001", Index),
            ("tile/0/000/", Index),
            ("tile/0/x018/x446/x744/x073/x709/x551/616", Index),
            ("tile/0/000.p", Index),
            ("tile/0/000.p/", Width),
            ("tile/0/000.p/0", Width),
            ("tile/0/000.p/01", Width),
            ("tile/0/000.p/256", Width),
            ("tile/0/000.p/1.p/1", Width),
            ("tile/0/000.p/1\n", Width),
        ] {
            assert_eq!(TilePath::parse(text), Err(error), "{text:?}");
        }
    }
}
