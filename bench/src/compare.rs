//! Two servers beside each other: what a change did to the figures that people wait for. They take turns, and who begins changes with
//! each run, so that what the machine does meanwhile falls on both.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::drive::as_f64;
use crate::error::Result;
use crate::growth::{Grown, on_disk};
use crate::options::{Compare, Options};
use crate::plan::health_rate;
use crate::process;
use crate::report::Machine;
use crate::secret::Secret;
use crate::stage::{Stage, progress};
use crate::start::{median, started};
use crate::steps::Step;

const MIB: f64 = 1_048_576.0;
/// How long a server does nothing before its memory is looked at.
const IDLE: Duration = Duration::from_secs(1);
/// A figure may be so much worse than the worst run of before.
const TOLERANCE: f64 = 0.03;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Figure {
    /// Calls of an rpc for each of Health/Check.
    OverHealth(Step),
    /// Calls of Health/Check a second.
    Health,
    FirstStart,
    IdleMemory,
    GrownStart,
    DiskOfSession,
}

const FIGURES: [Figure; 9] = [
    Figure::OverHealth(Step::Refresh),
    Figure::OverHealth(Step::PkeyJwt),
    Figure::OverHealth(Step::VerifySeen),
    Figure::OverHealth(Step::Login),
    Figure::Health,
    Figure::FirstStart,
    Figure::IdleMemory,
    Figure::GrownStart,
    Figure::DiskOfSession,
];

/// One of the two.
struct Side<'a> {
    name: &'static str,
    stage: &'a Stage<'a>,
    found: Vec<(Figure, f64)>,
}

/// Measures both and prints the table to standard output.
///
/// # Errors
/// Why it ended early; the table of what was measured until then is printed all the same.
pub(crate) fn run(options: &Options, compare: &Compare, stop: &AtomicBool) -> Result<()> {
    let of = |program: &Path| Options { server_binary: Some(program.to_owned()), server: None, ..options.clone() };
    let (before, after) = (of(&compare.before), of(&compare.after));
    let (before, after) = (Stage::new(&before, None, stop)?, Stage::new(&after, None, stop)?);
    let mut sides =
        [Side { name: "before", stage: &before, found: Vec::new() }, Side { name: "after", stage: &after, found: Vec::new() }];
    let mut machine = Machine::here();
    let outcome = measure(&mut sides, compare);
    machine.load_after = Machine::here().load_before;
    println!("{}", table(&sides, compare, &machine));
    outcome
}

fn measure(sides: &mut [Side<'_>; 2], compare: &Compare) -> Result<()> {
    let [before, after] = sides;
    let mut grown: [Option<Grown<'_>>; 2] = [None, None];
    for round in 0..compare.growths {
        // The directory of the round before has no use any more, and takes a gigabyte.
        for (side, grown) in [&mut *before, &mut *after].into_iter().zip(&mut grown) {
            if let Some(old) = grown.take() {
                let _ = std::fs::remove_dir_all(&old.directory);
            }
            progress(&format!("{}: a directory of {} sessions", side.name, compare.grown_sessions));
            let mut new = Grown::new(side.stage, &format!("grown-{round}"))?;
            new.grow(compare.grown_sessions)?;
            new.rotated(compare.rotations)?;
            let each = as_f64(on_disk(&new.directory)) / f64::from(compare.grown_sessions);
            side.found.push((Figure::DiskOfSession, each));
            *grown = Some(new);
        }
    }
    let [grown_before, grown_after] = &grown;
    for run in 0..compare.runs {
        let mut turns = [(&mut *before, grown_before), (&mut *after, grown_after)];
        if run % 2 == 1 {
            turns.reverse();
        }
        for (side, grown) in turns {
            progress(&format!("run {} of {}: {}", run + 1, compare.runs, side.name));
            start(side, run)?;
            rpcs(side, run)?;
            if let Some(grown) = grown {
                let (target, millis) = started(side.stage, &grown.directory, &grown.admin_password)?;
                target.stop()?;
                side.found.push((Figure::GrownStart, millis));
            }
        }
    }
    Ok(())
}

/// First start, and memory once the store has been opened a second time.
fn start(side: &mut Side<'_>, run: u32) -> Result<()> {
    let (directory, password) = (side.stage.directory(&format!("start-{run}")), Secret::fresh());
    let (target, millis) = started(side.stage, &directory, &password)?;
    target.stop()?;
    side.found.push((Figure::FirstStart, millis));
    let (target, _) = started(side.stage, &directory, &password)?;
    std::thread::sleep(IDLE);
    let memory = target.pid().and_then(process::memory);
    side.found.extend(memory.map(|memory| (Figure::IdleMemory, as_f64(memory.resident) / MIB)));
    target.stop()
}

/// The rpcs, each between two runs of Health/Check. Logins have all cores, and a server of their own.
fn rpcs(side: &mut Side<'_>, run: u32) -> Result<()> {
    let Side { stage, found, .. } = side;
    let seconds = stage.seconds();
    for (name, core, steps) in [
        ("rpcs", stage.server_core(), &[Step::Refresh, Step::PkeyJwt, Step::VerifySeen][..]),
        ("logins", None, &[Step::Login][..]),
    ] {
        let mut target = stage.target(&format!("{name}-{run}"), core)?;
        let mut filled = stage.fill(&mut target)?;
        let outcome = (|| {
            let mut before = health_rate(stage, &target)?;
            for step in steps {
                let mut shape = stage.shape(target.address, target.pid(), seconds);
                if *step == Step::Login {
                    shape.in_flight = shape.in_flight.min(256);
                }
                let measured = step.with(&mut filled, 1.0, |workload| stage.measure(&shape, workload))?;
                let after = health_rate(stage, &target)?;
                found.push((Figure::OverHealth(*step), 2.0 * measured.per_second() / (before + after).max(1e-9)));
                if core == stage.server_core() && *step != Step::Login {
                    found.push((Figure::Health, f64::midpoint(before, after)));
                }
                before = after;
            }
            Ok(())
        })();
        outcome.map_err(|error| target.explain(error))?;
        target.stop()?;
    }
    Ok(())
}

impl Figure {
    fn name(self, compare: &Compare) -> String {
        match self {
            Self::OverHealth(step) => format!("{} / Health/Check", step.name()),
            Self::Health => "Health/Check, calls/s".to_owned(),
            Self::FirstStart => "first start to first answer, ms".to_owned(),
            Self::IdleMemory => "idle memory, MiB".to_owned(),
            Self::GrownStart => format!("start with {} sessions, ms", compare.grown_sessions),
            Self::DiskOfSession => format!("disk for each session after {} rotations, bytes", compare.rotations),
        }
    }

    const fn more_is_better(self) -> bool {
        matches!(self, Self::OverHealth(_) | Self::Health)
    }

    fn digits(self) -> usize {
        match self {
            Self::OverHealth(Step::Login) => 6,
            Self::OverHealth(_) => 4,
            Self::IdleMemory => 2,
            _ => 0,
        }
    }
}

/// The least, the middle and the most of some runs.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spread {
    least: f64,
    median: f64,
    most: f64,
}

impl Spread {
    fn of(values: &[f64]) -> Option<Self> {
        let least = values.iter().copied().min_by(f64::total_cmp)?;
        let most = values.iter().copied().max_by(f64::total_cmp)?;
        Some(Self { least, median: median(values.to_vec()), most })
    }

    /// True where the middle of `after` is worse than the worst of this by more than is let through.
    fn worse(&self, after: &Self, more_is_better: bool) -> bool {
        if more_is_better { after.median < self.least * (1.0 - TOLERANCE) } else { after.median > self.most * (1.0 + TOLERANCE) }
    }
}

fn table(sides: &[Side<'_>; 2], compare: &Compare, machine: &Machine) -> String {
    let [before, after] = sides;
    let values = |side: &Side<'_>, figure: Figure| {
        let of = side.found.iter().filter(|(found, _)| *found == figure);
        Spread::of(&of.map(|(_, value)| *value).collect::<Vec<_>>())
    };
    let mut text = format!(
        "{} and {}, {} runs by turns on {} x {}, Linux {}; load averages {} before and {} after. Worse: past 3 % beyond the worst run of before.\n\n",
        compare.before.display(),
        compare.after.display(),
        compare.runs,
        machine.cores,
        machine.processor,
        machine.kernel,
        machine.load_before,
        machine.load_after,
    );
    text.push_str("| figure | before: min | median | max | after: min | median | max | median, change | |\n");
    text.push_str("|---|---|---|---|---|---|---|---|---|\n");
    for figure in FIGURES {
        let (Some(old), Some(new)) = (values(before, figure), values(after, figure)) else { continue };
        let digits = figure.digits();
        let three = |spread: Spread| format!("{:.digits$} | {:.digits$} | {:.digits$}", spread.least, spread.median, spread.most);
        let change = (new.median / old.median.max(1e-12) - 1.0) * 100.0;
        let verdict = if old.worse(&new, figure.more_is_better()) { "worse" } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {} | {} | {} | {change:+.1} % | {verdict} |", figure.name(compare), three(old), three(new));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_worse_past_three_percent_beyond_the_worst_run() {
        let of = |values: &[f64]| Spread::of(values).unwrap();
        let old = of(&[102.0, 100.0, 98.0]);
        assert_eq!(old, Spread { least: 98.0, median: 100.0, most: 102.0 });
        assert!(!old.worse(&of(&[95.5, 95.5, 120.0]), true) && old.worse(&of(&[95.0, 95.0, 120.0]), true));
        assert!(!old.worse(&of(&[105.0]), false) && old.worse(&of(&[105.1]), false));
        assert_eq!(Spread::of(&[]), None);
    }
}
