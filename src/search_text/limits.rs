//! How large a search text, and each of its parts, may be.

/// Characters of a search text.
pub const TEXT_CHARS_MAX: usize = 2_000;
/// How deep parentheses and negations may nest.
pub const DEPTH_MAX: usize = 20;
/// Terms, phrases and fields of one text.
pub const CLAUSES_MAX: usize = 100;
/// Characters of the name of a field.
pub const FIELD_CHARS_MAX: usize = 256;
/// Stars of one value.
pub const STARS_MAX: usize = 8;
/// Characters of a word that count; the rest of a longer one is passed over.
pub const WORD_CHARS_MAX: usize = 64;
/// Characters of a name, or of a value by its path, that count.
pub const VALUE_CHARS_MAX: usize = 512;
