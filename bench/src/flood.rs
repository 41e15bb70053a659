//! What a flood of logins does to everybody else. All with right passwords, all from one source, each client logging in again
//! as soon as it is answered.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::calls::{Listed, paths};
use crate::drive::{Measured, Shape};
use crate::error::Result;
use crate::fill::{Filled, login_requests};
use crate::hashes;
use crate::mixed::{self, Others};
use crate::report::{Fact, Latency, Paced, Report, Row, Target as Goal};
use crate::stage::{Stage, Target, progress};
use crate::steps::Step;

/// Calls a second of each of the others.
const RATE: f64 = 200.0;
/// Clients that log in without pause.
const FLOODS: [u16; 2] = [64, 256];

/// Measures the others without a flood and with each, then a saturating VerifyToken likewise.
///
/// # Errors
/// Why it ended early; what was measured until then is in `report`.
pub(crate) fn run(stage: &Stage<'_>, report: &mut Report) -> Result<()> {
    let mut target = stage.target("flood", None)?;
    let outcome = measure(stage, report, &mut target);
    outcome.map_err(|error| target.explain(error))?;
    target.stop()
}

fn measure(stage: &Stage<'_>, report: &mut Report, target: &mut Target) -> Result<()> {
    let length = stage.options.length(Duration::from_secs(30));
    let mut filled = stage.fill(target)?;
    // Others than those who refresh: the oldest session of who logs in too often ends.
    let flooders = stage.fill_with(target, stage.options.users.unwrap_or(256), 0)?;

    progress("raw hashes on all cores");
    let raw = hashes::rate(length / 6)?;
    report.facts.push(Fact::new("raw hashes on all cores, before the floods", raw, "hashes/s", None));
    progress("the others without a flood");
    let calm = mixed::others(stage, target, &mut filled, RATE, length)?;
    note(report, "no flood", &calm);
    let alone = saturating(stage, target, &mut filled, length)?;
    report.rows.push(Row::new("VerifyToken, saturating, no flood", &alone));
    for clients in FLOODS {
        progress(&format!("the others while {clients} clients log in"));
        let mut during = None;
        let logins = flooded(stage, target, &flooders, clients, || {
            during = Some(mixed::others(stage, target, &mut filled, RATE, length)?);
            Ok(())
        })?;
        if let Some(during) = &during {
            note(report, &format!("{clients} logging in"), during);
            worst(report, clients, &calm, during);
        }
        facts(report, clients, &logins, "while others call at a rate");

        progress(&format!("a saturating VerifyToken while {clients} clients log in"));
        let mut kept = None;
        let logins = flooded(stage, target, &flooders, clients, || {
            kept = Some(saturating(stage, target, &mut filled, length)?);
            Ok(())
        })?;
        if let Some(kept) = &kept {
            report.rows.push(Row::new(&format!("VerifyToken, saturating, {clients} logging in"), kept));
            let ratio = kept.per_second() / alone.per_second().max(1e-9);
            let name = format!("throughput of a saturating VerifyToken kept while {clients} log in");
            report.facts.push(Fact::new(name, ratio, "", Some(Goal::AtLeast(0.85))));
            let name = format!("logins that get through meanwhile ({clients} clients) / raw hashes of all cores");
            report.facts.push(Fact::new(name, logins.per_second() / raw.max(1e-9), "", Some(Goal::AtLeast(0.15))));
        }
        facts(report, clients, &logins, "beside a saturating VerifyToken");
    }
    Ok(())
}

/// Runs `meanwhile` while `clients` log in; answers with what became of the logins.
fn flooded(
    stage: &Stage<'_>,
    target: &Target,
    flooders: &Filled,
    clients: u16,
    meanwhile: impl FnOnce() -> Result<()>,
) -> Result<Measured> {
    let over = AtomicBool::new(false);
    let shape = Shape {
        connections: clients.into(),
        in_flight: clients.into(),
        warm_up: Duration::from_millis(500),
        ..stage.shape(target.address, target.pid(), Duration::from_hours(1))
    };
    let mut logins = Listed::rotating(paths::LOGIN, login_requests(&flooders.users, &flooders.password));
    std::thread::scope(|scope| {
        let flood = mixed::spawn(scope, shape, &mut logins, &over)?;
        // The queue fills within a moment.
        std::thread::sleep(Duration::from_millis(500));
        let outcome = meanwhile();
        over.store(true, Ordering::Relaxed);
        let logins = mixed::join(flood);
        outcome.and(logins)
    })
}

fn saturating(stage: &Stage<'_>, target: &Target, filled: &mut Filled, length: Duration) -> Result<Measured> {
    let shape = stage.shape(target.address, target.pid(), length);
    Step::VerifySeen.with(filled, 1.0, |workload| stage.measure_shared(&shape, workload))
}

fn note(report: &mut Report, when: &str, others: &Others) {
    for (name, measured) in others.each() {
        let mut row = Row::new(&format!("{name}, {when}"), measured);
        row.paced = Some(Paced { rate: RATE, per_second: measured.per_second(), latency: Latency::of(measured) });
        report.rows.push(row);
    }
}

fn worst(report: &mut Report, clients: u16, calm: &Others, during: &Others) {
    let ratio = |(before, after): ((_, &Measured), (_, &Measured))| after.1.quantile(0.99) / before.1.quantile(0.99).max(1e-9);
    let ratios = calm.each().into_iter().zip(during.each()).map(ratio);
    let name = format!("p99 while {clients} log in / without, the worst of Verify, Refresh, PkeyJwt");
    report.facts.push(Fact::new(name, ratios.fold(0.0, f64::max), "", Some(Goal::AtMost(3.0))));
}

fn facts(report: &mut Report, clients: u16, logins: &Measured, when: &str) {
    report.facts.push(Fact::new(format!("logins of {clients} clients {when}"), logins.per_second(), "logins/s", None));
    let refused = crate::drive::as_f64(logins.refused.values().sum());
    report.facts.push(Fact::new(format!("refusals of {clients} clients {when}"), refused, "logins", None));
    if let Some(memory) = logins.memory {
        let peak = crate::drive::as_f64(memory.peak) / 1_048_576.0;
        report.facts.push(Fact::new(format!("peak memory after {clients} clients {when}"), peak, "MiB", None));
    }
    for (answer, count) in &logins.refused {
        report.notes.push(format!("{clients} clients {when}: {count} x {answer}"));
    }
}
