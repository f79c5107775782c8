//! Lines of a table as RFC 4180 has them, in which no text can be a formula.

/// Characters that begin a formula in one spreadsheet or another (OWASP ASVS 5.0, 1.2.10), the full-width forms
/// included.
const BEGIN_FORMULAS: [char; 12] = ['=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝', '＋', '－', '＠'];

/// Appends a line.
pub(super) fn push_line<'a>(piece: &mut Vec<u8>, cells: impl IntoIterator<Item = &'a str>) {
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            piece.push(b',');
        }
        push_cell(piece, cell);
    }
    piece.extend_from_slice(b"\r\n");
}

/// A text that would be a formula gets an apostrophe before it, which spreadsheets take for “this is text”.
fn push_cell(piece: &mut Vec<u8>, cell: &str) {
    let is_formula = cell.starts_with(BEGIN_FORMULAS);
    if !is_formula && !cell.contains(['"', ',', '\r', '\n']) {
        piece.extend_from_slice(cell.as_bytes());
        return;
    }
    piece.push(b'"');
    if is_formula {
        piece.push(b'\'');
    }
    piece.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
    piece.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_none_ends_early() {
        let table = [
            ("", ""),
            ("plain text", "plain text"),
            ("zwölf", "zwölf"),
            ("a=1+1", "a=1+1"),
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-2+3", "\"'-2+3\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("\n=1", "\"'\n=1\""),
            ("\0=1", "\"'\0=1\""),
            ("＝1", "\"'＝1\""),
            ("＋1", "\"'＋1\""),
            ("－1", "\"'－1\""),
            ("＠a", "\"'＠a\""),
            ("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("\",=1+1", "\"\"\",=1+1\""),
        ];
        for (text, expected) in table {
            let mut piece = Vec::new();
            push_line(&mut piece, ["x", text]);
            assert_eq!(String::from_utf8(piece).expect("text"), format!("x,{expected}\r\n"), "{text:?}");
        }
    }
}
