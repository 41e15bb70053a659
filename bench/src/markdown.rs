//! The figures as Markdown, into a page that says what they are.

use std::fmt::Write as _;
use std::path::Path;

use crate::error::{BenchError, Result, Trying as _};
use crate::report::{Fact, Report, Target};

const BEGIN: &str = "<!-- figures -->";
const END: &str = "<!-- /figures -->";

/// Replaces what stands between the two marks in a page by the figures of a report.
///
/// # Errors
/// [`BenchError::Usage`] where the page has no such marks, [`BenchError::Io`].
pub(crate) fn replace(page: &Path, report: &Report) -> Result<()> {
    let text = std::fs::read_to_string(page).trying(format!("read {}", page.display()))?;
    let replaced = between(&text, &figures(report));
    let replaced = replaced.ok_or_else(|| BenchError::Usage(format!("{} has no lines {BEGIN} and {END}", page.display())))?;
    std::fs::write(page, replaced).trying(format!("write {}", page.display()))
}

/// True for a page that [`replace`] can write into.
pub(crate) fn has_marks(page: &Path) -> bool {
    std::fs::read_to_string(page).is_ok_and(|text| between(&text, "").is_some())
}

fn between(text: &str, figures: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{figures}\n{END}{after}"))
}

fn figures(report: &Report) -> String {
    let machine = &report.machine;
    let mut text = format!(
        "`{}`, version {}, on {} x {}, Linux {}; load averages {} before and {} after.\n",
        report.command, report.version, machine.cores, machine.processor, machine.kernel, machine.load_before, machine.load_after
    );
    // Writing to a String cannot fail.
    if let Some(ended) = &report.ended {
        let _ = writeln!(text, "\nThe run is not whole: {ended}");
    }
    text.push_str("\n| figure | measured | wanted | |\n|---|---|---|---|\n");
    for fact in report.facts.iter().filter(|fact| fact.target.is_some()) {
        let _ = writeln!(text, "{}", wanted(fact));
    }
    text.push_str(
        "\n| rpc | calls/s | / Health | p50 ms | p99 ms | p999 ms | at rate | p50 ms | p99 ms | p999 ms | CPU us | MiB |\n",
    );
    text.push_str("|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    for row in &report.rows {
        let or_dash = |value: Option<f64>, digits: usize| value.map_or_else(String::new, |value| format!("{value:.digits$}"));
        let paced = row.paced.map(|paced| (paced.rate, paced.latency));
        let _ = writeln!(
            text,
            "| {} | {:.0} | {} | {:.2} | {:.2} | {:.2} | {} | {} | {} | {} | {} | {} |",
            row.name,
            row.per_second,
            or_dash(row.to_health, 3),
            row.latency.p50_ms,
            row.latency.p99_ms,
            row.latency.p999_ms,
            or_dash(paced.map(|(rate, _)| rate), 0),
            or_dash(paced.map(|(_, latency)| latency.p50_ms), 2),
            or_dash(paced.map(|(_, latency)| latency.p99_ms), 2),
            or_dash(paced.map(|(_, latency)| latency.p999_ms), 2),
            or_dash(row.server_cpu_us, 1),
            or_dash(row.resident_mib, 0),
        );
    }
    text.push_str("\n| besides | measured |\n|---|---|\n");
    for fact in report.facts.iter().filter(|fact| fact.target.is_none()) {
        let _ = writeln!(text, "| {} | {} {} |", fact.name, number(fact.value), fact.unit);
    }
    for note in &report.notes {
        let _ = writeln!(text, "\n{note}");
    }
    text
}

fn wanted(fact: &Fact) -> String {
    let goal = match fact.target {
        Some(Target::AtLeast(least)) => format!("at least {least}"),
        Some(Target::AtMost(most)) => format!("at most {most}"),
        None => String::new(),
    };
    let met = if fact.met == Some(true) { "" } else { "missed" };
    format!("| {} | {} {} | {goal} {} | {met} |", fact.name, number(fact.value), fact.unit, fact.unit)
}

fn number(value: f64) -> String {
    let digits = if value.abs() >= 100.0 { 0 } else { 3 };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let page = format!("# Page\n\n{BEGIN}\nold\n{END}\n\nafter\n");
        assert_eq!(between(&page, "new").unwrap(), format!("# Page\n\n{BEGIN}\nnew\n{END}\n\nafter\n"));
        assert!(between("# Page", "new").is_none());
    }

    #[test]
    fn a_figure_that_misses_says_so() {
        let fact = Fact::new("ratio", 0.5, "", Some(Target::AtLeast(0.9)));
        assert!(wanted(&fact).contains("| 0.500 ") && wanted(&fact).contains("missed"));
        assert!(!wanted(&Fact::new("ratio", 0.95, "", Some(Target::AtLeast(0.9)))).contains("missed"));
    }
}
