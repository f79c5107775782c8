//! Draws a QR code (ISO/IEC 18004) as SVG, black on white whatever the page's colours are.

use qrcodegen::{QrCode, QrCodeEcc};
use std::fmt::Write;

/// White modules around the code, which readers need.
const QUIET: i32 = 4;

/// The text as a QR code; `label` says what it is to who cannot see it, and must need no escaping. `None` where the
/// text is longer than a code can hold, about 2,300 bytes.
pub fn qr_code(text: &str, label: &str) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let side = code.size() + 2 * QUIET;
    let mut path = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let dark = (x..code.size()).take_while(|x| code.get_module(*x, y)).count() as i32;
            if dark > 0 {
                write!(path, "M{} {}h{dark}v1h-{dark}z", x + QUIET, y + QUIET)
                    .expect("a string takes all text");
            }
            x += dark.max(1);
        }
    }
    Some(format!(
        "<svg class=\"qr\" role=\"img\" aria-label=\"{label}\" viewBox=\"0 0 {side} {side}\" \
         shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/>\
         <path fill=\"#000\" d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The dark modules of a drawn code, read back from its path.
    fn dark_modules(svg: &str) -> Vec<(i32, i32)> {
        let path = svg.rsplit(" d=\"").next().and_then(|rest| rest.split('"').next()).expect("a path");
        let mut dark = Vec::new();
        for run in path.split('M').filter(|run| !run.is_empty()) {
            let (x, rest) = run.split_once(' ').expect("two numbers");
            let (y, rest) = rest.split_once('h').expect("a run");
            let length = rest.split('v').next().expect("a run has a length");
            let number = |text: &str| text.parse::<i32>().expect("a number");
            dark.extend((0..number(length)).map(|step| (number(x) + step, number(y))));
        }
        dark
    }

    #[test]
    fn the_drawing_holds_exactly_the_dark_modules_within_a_quiet_zone() {
        let code = QrCode::encode_text("seal.example/log", QrCodeEcc::Medium).expect("it is short");
        let svg = qr_code("seal.example/log", "a code").expect("it is short");
        let mut expected = Vec::new();
        for y in 0..code.size() {
            let row = (0..code.size()).filter(|x| code.get_module(*x, y));
            expected.extend(row.map(|x| (x + QUIET, y + QUIET)));
        }
        assert_eq!(dark_modules(&svg), expected);
        let side = code.size() + 2 * QUIET;
        assert!(svg.contains(&format!("viewBox=\"0 0 {side} {side}\"")), "{svg}");
    }

    #[test]
    fn what_no_code_can_hold_is_not_drawn() {
        assert_eq!(qr_code(&"x".repeat(3_000), "too long"), None);
    }
}
