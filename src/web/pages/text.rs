//! Makes text that others wrote safe to look at: what is invisible or reorders the line becomes a marker.

use super::words;

/// How many characters of a value a table cell shows.
pub const CELL_CHARS_MAX: usize = 120;

/// `text` on one line, with every control, bidirectional override and invisible character as a visible
/// marker: `↵` for a line feed, `⇥` for a tab, `[U+0000]` for NUL, `[U+202E]` for the right-to-left override.
/// The pictures of controls that Unicode has (U+2400 and on) are missing from many fonts. HTML is the
/// template's business, not ours.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        push_visible(&mut shown, character);
    }
    shown
}

/// Like [`visible`], but lines stay lines: each line feed shows its marker and breaks the line.
pub fn visible_lines(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        push_visible(&mut shown, character);
        if character == '\n' {
            shown.push('\n');
        }
    }
    shown
}

/// The first `chars_max` characters of `text`, [`visible`]; where that is not all of it, how long it is.
pub fn short(text: &str, chars_max: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(chars_max) else {
        return visible(text);
    };
    let total = text.chars().count();
    format!("{}… ({} characters)", visible(&text[..end]), words::count(total as u64))
}

/// What a person wrote in several lines: line feeds break the line without a marker, everything else is
/// [`visible`].
pub fn visible_note(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(visible).collect();
    lines.join("\n")
}

/// A value for a table cell: [`short`] at [`CELL_CHARS_MAX`], the empty text where there is none.
pub fn cell(text: Option<&str>) -> String {
    text.map(|text| short(text, CELL_CHARS_MAX)).unwrap_or_default()
}

fn push_visible(shown: &mut String, character: char) {
    match character {
        '\n' => shown.push('↵'),
        '\t' => shown.push('⇥'),
        _ if is_deceptive(character) => shown.push_str(&format!("[U+{:04X}]", u32::from(character))),
        _ => shown.push(character),
    }
}

/// Whether a character cannot be seen or changes the order in which others are seen.
fn is_deceptive(character: char) -> bool {
    let is_invisible = matches!(
        character,
        // Soft hyphen, grapheme joiner, vowel separator.
        '\u{ad}' | '\u{34f}' | '\u{180e}'
        // Zero-width characters and direction marks.
        | '\u{61c}' | '\u{200b}'..='\u{200f}'
        // Line separators and bidirectional overrides.
        | '\u{2028}'..='\u{202e}'
        // Word joiner, isolates, deprecated formats.
        | '\u{2060}'..='\u{206f}'
        // Hangul fillers, which look like nothing.
        | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}'
        // Byte order mark, interlinear annotation, tags.
        | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    );
    character.is_control() || is_invisible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_overrides_become_markers_and_the_rest_stays() {
        assert_eq!(visible("a\0b\x1b[31mred\x7f\u{85}"), "a[U+0000]b[U+001B][31mred[U+007F][U+0085]");
        assert_eq!(visible("user\u{202e}gpj.exe\u{2066}\u{200b}"), "user[U+202E]gpj.exe[U+2066][U+200B]");
        assert_eq!(visible("zwölf 漢字 שלום <script>"), "zwölf 漢字 שלום <script>");
        assert_eq!(visible("a\r\n\tb"), "a[U+000D]↵⇥b");
    }

    #[test]
    fn lines_stay_lines_where_asked() {
        assert_eq!(visible_lines("a\nb\r\n"), "a↵\nb[U+000D]↵\n");
        assert_eq!(visible_note("a\r\nb\0\n"), "a\nb[U+0000]");
    }

    #[test]
    fn nothing_that_it_shows_is_deceptive() {
        let all: String = ('\0'..=char::MAX).collect();
        assert!(!visible(&all).chars().any(|c| c.is_control() || is_deceptive(c)));
    }

    #[test]
    fn long_text_is_cut_at_characters_and_says_how_long_it_is() {
        assert_eq!(short("äöü", 3), "äöü");
        assert_eq!(short("äöüß", 3), "äöü… (4 characters)");
        assert_eq!(short(&"x".repeat(10_000), 2), "xx… (10,000 characters)");
        assert_eq!(cell(None), "");
    }
}
