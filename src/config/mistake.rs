//! What is wrong with one setting, in words that say what to write instead.

use std::fmt;
use std::path::PathBuf;

/// One mistake in the configuration. Made while it is read; all of them are shown to the operator at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file that it stands in; `None` for an environment variable.
    pub file: Option<PathBuf>,
    /// The line in that file, from 1.
    pub line: Option<usize>,
    /// The dotted key, such as `intake.depth_max`, or the variable's name. Empty where the file as a whole is
    /// wrong.
    pub key: String,
    /// What is wrong, and what is allowed.
    pub message: String,
}

impl fmt::Display for Mistake {
    /// `sealwatch.toml:12: intake.depth_max: 0 is not a whole number from 1 to 64`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}:", file.display())?;
            if let Some(line) = self.line {
                write!(f, "{line}:")?;
            }
            f.write_str(" ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// How many letters may be wrong in a name for us to guess which one was meant.
const SLIPS_MAX: usize = 3;

/// The known name that was most likely meant by `unknown`: one that differs in few letters (case aside), else
/// the only one that ends in the same word. Both are dotted keys, or both the names of variables.
pub(super) fn nearest<'k>(unknown: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let wanted = unknown.to_lowercase();
    let known: Vec<&str> = known.collect();
    let by_letters = known.iter().map(|name| (slips(&wanted, &name.to_lowercase()), *name)).min();
    let few = SLIPS_MAX.min(wanted.chars().count() / 2);
    if let Some((_, name)) = by_letters.filter(|(slips, _)| *slips <= few) {
        return Some(name);
    }
    let last = |name: &str| name.rsplit('.').next().map(str::to_lowercase);
    let mut same_end = known.iter().filter(|name| last(name) == last(&wanted));
    same_end.next().copied().filter(|_| same_end.next().is_none())
}

/// The Levenshtein distance of two texts, in characters.
fn slips(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let change = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_a_few_letters_finds_the_name_that_was_meant() {
        let known = ["listen", "data_dir", "intake.depth_max", "web.session_max_secs"];
        let check = |unknown: &str, meant: Option<&str>| {
            assert_eq!(nearest(unknown, known.iter().copied()), meant, "{unknown}");
        };
        check("lisen", Some("listen"));
        check("intake.dephtmax", Some("intake.depth_max"));
        check("INTAKE.DEPTH_MAX", Some("intake.depth_max"));
        check("web.listen", Some("listen"));
        check("colour", None);
    }

    #[test]
    fn the_distance_counts_each_letter_put_in_left_out_or_changed() {
        assert_eq!(slips("", "abc"), 3);
        assert_eq!(slips("kitten", "sitting"), 3);
        assert_eq!(slips("same", "same"), 0);
    }
}
