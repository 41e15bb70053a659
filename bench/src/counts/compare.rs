//! Comparing counts: what grew past the limit, and what else a reader should know.

use std::collections::BTreeMap;

/// A function may take this much more: what a change elsewhere does to inlining and layout stays below it.
const LIMIT: f64 = 1.03;
/// So much less is worth a word.
const FEWER: f64 = 0.97;

/// What is found of one function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Finding {
    /// It takes more than it may.
    More(String),
    /// It is counted and was not, or the other way round.
    Unknown(String),
    /// It takes clearly less.
    Fewer(String),
}

/// What changed from `before` to `now`, by the names of the functions. `meant` answers by how much a function was meant to change:
/// 1 for nothing.
pub(crate) fn compare(before: &BTreeMap<String, u64>, now: &BTreeMap<String, u64>, meant: impl Fn(&str) -> f64) -> Vec<Finding> {
    let gone = before.keys().filter(|name| !now.contains_key(*name));
    let gone = gone.map(|name| Finding::Unknown(format!("{name} is not counted any more")));
    let changed = now.iter().filter_map(|(name, count)| {
        let Some(was) = before.get(name) else { return Some(Finding::Unknown(format!("{name} was not counted: {count} now"))) };
        let ratio = float(*count) / float(*was).max(1.0);
        let text = || format!("{name}: {was} instructions before, {count} now, {:+.2} %", (ratio - 1.0) * 100.0);
        match ratio {
            more if more > LIMIT * meant(name).max(1.0) => Some(Finding::More(text())),
            fewer if fewer < FEWER => Some(Finding::Fewer(text())),
            _ => None,
        }
    });
    changed.chain(gone).collect()
}

/// By how much a commit means a function to change: what its own file says beside that of the commit before.
pub(crate) fn meant(before: &BTreeMap<String, u64>, now: &BTreeMap<String, u64>, name: &str) -> f64 {
    before.get(name).zip(now.get(name)).map_or(1.0, |(before, now)| float(*now) / float(*before).max(1.0))
}

#[expect(clippy::cast_precision_loss, reason = "a ratio of counts, none near 2^52")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
        pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    fn found(before: &[(&str, u64)], now: &[(&str, u64)]) -> Vec<Finding> {
        compare(&counts(before), &counts(now), |_| 1.0)
    }

    #[test]
    fn three_percent_more_are_let_through_and_past_that_nothing_is() {
        assert_eq!(found(&[("mint", 100_000)], &[("mint", 103_000)]), []);
        let [Finding::More(text)] = &found(&[("mint", 100_000)], &[("mint", 103_100)])[..] else { panic!("it was let through") };
        assert_eq!(text, "mint: 100000 instructions before, 103100 now, +3.10 %");
    }

    #[test]
    fn fewer_are_told_and_no_fault() {
        assert_eq!(found(&[("mint", 100_000)], &[("mint", 97_500)]), []);
        assert!(matches!(&found(&[("mint", 100_000)], &[("mint", 90_000)])[..], [Finding::Fewer(_)]));
    }

    #[test]
    fn what_is_counted_on_one_side_only_is_told() {
        let found = found(&[("mint", 1), ("gone", 2)], &[("mint", 1), ("new", 3)]);
        assert!(
            matches!(&found[..], [Finding::Unknown(new), Finding::Unknown(gone)] if new.contains("new") && gone.contains("gone"))
        );
    }

    #[test]
    fn a_commit_that_says_so_in_its_file_may_take_more_and_not_more_than_it_says() {
        let (before, now) = (counts(&[("mint", 1000)]), counts(&[("mint", 1200)]));
        let said = |name: &str| meant(&before, &now, name);
        // Another machine, where everything takes twice as much.
        let there = counts(&[("mint", 2000)]);
        assert_eq!(compare(&there, &counts(&[("mint", 2400)]), said), []);
        assert!(matches!(compare(&there, &counts(&[("mint", 2500)]), said)[..], [Finding::More(_)]));
        assert!(matches!(compare(&there, &counts(&[("mint", 2400)]), |_| 1.0)[..], [Finding::More(_)]));
        // A file that promises less does not make the present count a fault.
        assert_eq!(compare(&there, &there, |name| meant(&now, &before, name)), []);
    }
}
