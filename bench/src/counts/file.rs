//! Counts of instructions with the machine they were taken on: a file of lines, a name and what belongs to it on each.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::{BenchError, Result};

/// What may be on a line besides a count: all that a count depends on and that is not our code.
const MACHINE: [&str; 5] = ["toolchain", "compiler", "libc", "valgrind", "features"];

const HEAD: &str = "\
# Instructions of each function under callgrind (benches/counts), on the machine described here. `make counts` fails past 3 % more
# where the machine is the same, and otherwise compares with the commit before. `make counts-update` writes this file.
";

/// Counts and where they were taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// By the words of [`MACHINE`].
    pub(crate) machine: BTreeMap<String, String>,
    /// By the names of the functions.
    pub(crate) instructions: BTreeMap<String, u64>,
}

impl Counts {
    /// Reads a file of counts.
    ///
    /// # Errors
    /// [`BenchError::Usage`] with the line that is none.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut counts = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let wrong = || BenchError::Usage(format!("the file of counts has a line that is none: {line}"));
            let (name, rest) = line.split_once(char::is_whitespace).ok_or_else(wrong)?;
            let rest = rest.trim();
            let before = if MACHINE.contains(&name) {
                counts.machine.insert(name.to_owned(), rest.to_owned()).is_some()
            } else {
                counts.instructions.insert(name.to_owned(), rest.parse().map_err(|_| wrong())?).is_some()
            };
            if before {
                return Err(wrong());
            }
        }
        Ok(counts)
    }

    /// What of the machine is not the same, in a sentence for each.
    pub(crate) fn other_machine(&self, here: &BTreeMap<String, String>) -> Vec<String> {
        let of =
            |machine: &BTreeMap<String, String>, word: &str| machine.get(word).cloned().unwrap_or_else(|| "nothing".to_owned());
        let differing = MACHINE.iter().filter(|word| self.machine.get(**word) != here.get(**word));
        differing.map(|word| format!("{word}: {} there, {} here", of(&self.machine, word), of(here, word))).collect()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEAD}")?;
        for word in MACHINE {
            if let Some(value) = self.machine.get(word) {
                writeln!(f, "{word:<10} {value}")?;
            }
        }
        writeln!(f)?;
        self.instructions.iter().try_for_each(|(name, count)| writeln!(f, "{name:<28} {count:>9}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(valgrind: &str) -> BTreeMap<String, String> {
        [("toolchain", "rustc 1.95.0"), ("valgrind", valgrind), ("features", "aes avx2")]
            .map(|(word, value)| (word.to_owned(), value.to_owned()))
            .into()
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let instructions = [("verify".to_owned(), 120_000), ("mint".to_owned(), 70_001)].into();
        let counts = Counts { machine: machine("valgrind-3.19.0"), instructions };
        assert_eq!(Counts::parse(&counts.to_string()).unwrap(), counts);
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        for text in ["mint", "mint many", "mint 1\nmint 2", "valgrind a\nvalgrind b", "mint -1"] {
            let error = Counts::parse(text).unwrap_err().to_string();
            assert!(error.contains("a line that is none"), "{text}: {error}");
        }
    }

    #[test]
    fn another_machine_is_told_by_what_differs() {
        let counts = Counts { machine: machine("valgrind-3.19.0"), ..Counts::default() };
        assert!(counts.other_machine(&machine("valgrind-3.19.0")).is_empty());
        assert_eq!(counts.other_machine(&machine("valgrind-3.24.0")), ["valgrind: valgrind-3.19.0 there, valgrind-3.24.0 here"]);
        assert_eq!(Counts::default().other_machine(&machine("valgrind-3.19.0")).len(), 3);
    }
}
