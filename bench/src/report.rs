//! What a run found: rows of figures and single facts, for people and for machines.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::drive::{Measured, as_f64};
use crate::error::BenchError;

/// Everything that a run found.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Report {
    /// What was run.
    pub(crate) command: String,
    /// Of this program.
    pub(crate) version: &'static str,
    /// Where, and what else it was doing.
    pub(crate) machine: Machine,
    /// The figures of single rpcs and ceilings.
    pub(crate) rows: Vec<Row>,
    /// Everything else that was measured.
    pub(crate) facts: Vec<Fact>,
    /// What a reader should know.
    pub(crate) notes: Vec<String>,
    /// Why the run ended before its end.
    pub(crate) ended: Option<String>,
}

/// The machine and its load.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Machine {
    /// The processor's name.
    pub(crate) processor: String,
    /// How many cores.
    pub(crate) cores: usize,
    /// The kernel's version.
    pub(crate) kernel: String,
    /// Load averages over 1, 5 and 15 minutes before the run.
    pub(crate) load_before: String,
    /// And after it.
    pub(crate) load_after: String,
}

/// One rpc, or one ceiling.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// Its name.
    pub(crate) name: String,
    /// Calls a second, as fast as they are answered.
    pub(crate) per_second: f64,
    /// That over Health/Check just before and after.
    pub(crate) to_health: Option<f64>,
    /// Latencies meanwhile.
    pub(crate) latency: Latency,
    /// Latencies at a fixed rate, from when a call was due.
    pub(crate) paced: Option<Paced>,
    /// CPU of the server for a call, in microseconds.
    pub(crate) server_cpu_us: Option<f64>,
    /// CPU of the server over the time it took: 1 is one core.
    pub(crate) server_busy: Option<f64>,
    /// CPU of the driver over the time it took.
    pub(crate) driver_busy: f64,
    /// The server's memory afterwards, in MiB.
    pub(crate) resident_mib: Option<f64>,
    /// The most it ever was.
    pub(crate) peak_mib: Option<f64>,
    /// Answers that were not OK.
    pub(crate) refused: BTreeMap<String, u64>,
}

/// Latencies in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the unit belongs to the name in JSON")]
pub(crate) struct Latency {
    /// The median.
    pub p50_ms: f64,
    /// Of a hundred calls one takes longer.
    pub p99_ms: f64,
    /// Of a thousand calls one takes longer.
    pub p999_ms: f64,
}

/// Latencies at a fixed rate.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Paced {
    /// Calls a second that were due.
    pub(crate) rate: f64,
    /// Calls a second that were answered.
    pub(crate) per_second: f64,
    /// The latencies.
    pub(crate) latency: Latency,
}

/// A single figure, with what it should be.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Fact {
    /// What it is.
    pub(crate) name: String,
    /// The figure.
    pub(crate) value: f64,
    /// Its unit; empty for a ratio.
    pub(crate) unit: &'static str,
    /// What it should reach or stay under.
    pub(crate) target: Option<Target>,
    /// True where it does.
    pub(crate) met: Option<bool>,
}

/// What a figure should be.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

impl Latency {
    pub(crate) fn of(measured: &Measured) -> Self {
        let at = |quantile| measured.quantile(quantile) * 1e3;
        Self { p50_ms: at(0.5), p99_ms: at(0.99), p999_ms: at(0.999) }
    }
}

impl Row {
    pub(crate) fn new(name: &str, measured: &Measured) -> Self {
        let mib = |bytes: u64| as_f64(bytes) / 1_048_576.0;
        let each = |cpu: f64| if measured.calls == 0 { 0.0 } else { cpu * 1e6 / as_f64(measured.calls) };
        let busy = |cpu: f64| if measured.seconds > 0.0 { cpu / measured.seconds } else { 0.0 };
        Self {
            name: name.to_owned(),
            per_second: measured.per_second(),
            to_health: None,
            latency: Latency::of(measured),
            paced: None,
            server_cpu_us: measured.server_cpu.map(each),
            server_busy: measured.server_cpu.map(busy),
            driver_busy: busy(measured.driver_cpu),
            resident_mib: measured.memory.map(|memory| mib(memory.resident)),
            peak_mib: measured.memory.map(|memory| mib(memory.peak)),
            refused: measured.refused.clone(),
        }
    }

    /// Counts the refusals of another measurement of the same rpc.
    pub(crate) fn add_refused(&mut self, measured: &Measured) {
        for (answer, count) in &measured.refused {
            *self.refused.entry(answer.clone()).or_default() += count;
        }
    }

    /// True where the driver had less room left than the server: the figure may be the driver's.
    fn driver_bound(&self) -> bool {
        self.server_busy.is_some_and(|server| self.driver_busy > 0.95 && server < 0.9)
    }
}

impl Fact {
    pub(crate) fn new(name: impl Into<String>, value: f64, unit: &'static str, target: Option<Target>) -> Self {
        let met = target.map(|target| match target {
            Target::AtLeast(least) => value >= least,
            Target::AtMost(most) => value <= most,
        });
        Self { name: name.into(), value, unit, target, met }
    }
}

impl Machine {
    pub(crate) fn here() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let processor = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        Self {
            processor: processor.map_or("unknown", |(_, name)| name.trim()).to_owned(),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load_before: load(),
            load_after: String::new(),
        }
    }
}

/// The load averages now.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

impl Report {
    /// An empty one of this machine, now.
    pub(crate) fn new() -> Self {
        let command = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
        Self {
            command: format!("countersign-bench {command}").trim_end().to_owned(),
            version: env!("CARGO_PKG_VERSION"),
            machine: Machine::here(),
            ..Self::default()
        }
    }

    /// Notes the load and how the run ended.
    pub(crate) fn close(&mut self, error: Option<&BenchError>) {
        self.machine.load_after = load();
        self.ended = error.map(ToString::to_string);
    }

    /// A row by its name.
    pub(crate) fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// The table, for people.
    #[must_use]
    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        let machine = &self.machine;
        let about = format!(
            "{} x {}, Linux {}, load {} before and {} after",
            machine.cores, machine.processor, machine.kernel, machine.load_before, machine.load_after
        );
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{about}\n");
        if !self.rows.is_empty() {
            let _ = writeln!(text, "{}", rows(&self.rows));
        }
        for fact in &self.facts {
            let _ = writeln!(text, "{}", line(fact));
        }
        if self.rows.iter().any(Row::driver_bound) {
            let _ = writeln!(text, "* the driver was busier than the server: at least this");
        }
        for row in &self.rows {
            for (answer, count) in &row.refused {
                let _ = writeln!(text, "{}: {count} x {answer}", row.name);
            }
        }
        for note in &self.notes {
            let _ = writeln!(text, "{note}");
        }
        if let Some(ended) = &self.ended {
            let _ = writeln!(text, "Not whole: {ended}");
        }
        text
    }
}

fn rows(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or_default().max(22) + 2;
    let mut text = format!(
        "{:<width$}{:>10}{:>9}{:>9}{:>9}{:>9} {:>10}{:>9}{:>9}{:>9}{:>9}{:>8}\n",
        "", "calls/s", "/Health", "p50 ms", "p99 ms", "p999 ms", "at rate", "p50 ms", "p99 ms", "p999 ms", "CPU us", "MiB"
    );
    for row in rows {
        let ratio = row.to_health.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.3}"));
        let cpu = row.server_cpu_us.map_or_else(|| "-".to_owned(), |cpu| format!("{cpu:.1}"));
        let memory = row.resident_mib.map_or_else(|| "-".to_owned(), |mib| format!("{mib:.0}"));
        let mark = if row.driver_bound() { "*" } else { "" };
        let [p50, p99, p999] = quantiles(&row.latency);
        let (rate, [paced50, paced99, paced999]) = match &row.paced {
            Some(paced) => (format!("{:.0}", paced.rate), quantiles(&paced.latency)),
            None => ("-".to_owned(), ["-"; 3].map(str::to_owned)),
        };
        let _ = writeln!(
            text,
            "{:<width$}{:>10}{ratio:>9}{p50:>9}{p99:>9}{p999:>9} {rate:>10}{paced50:>9}{paced99:>9}{paced999:>9}{cpu:>9}{memory:>8}",
            row.name,
            format!("{:.0}{mark}", row.per_second),
        );
    }
    text
}

fn quantiles(latency: &Latency) -> [String; 3] {
    [latency.p50_ms, latency.p99_ms, latency.p999_ms].map(|ms| format!("{ms:.2}"))
}

fn line(fact: &Fact) -> String {
    let target = match (fact.target, fact.met) {
        (Some(Target::AtLeast(least)), Some(met)) => format!("  (at least {least}: {})", if met { "met" } else { "MISSED" }),
        (Some(Target::AtMost(most)), Some(met)) => format!("  (at most {most}: {})", if met { "met" } else { "MISSED" }),
        _ => String::new(),
    };
    let digits = if fact.value.abs() >= 100.0 { 0 } else { 3 };
    format!("{:<70}{:>12.digits$} {}{target}", fact.name, fact.value, fact.unit)
}
