//! The run without a scenario: every rpc, each between two runs of Health/Check, and the ceilings beside them.

use crate::calls::health;
use crate::child::Server;
use crate::error::Result;
use crate::fill::Filled;
use crate::report::{Fact, Latency, Paced, Report, Row, Target as Goal};
use crate::stage::{Stage, Target, progress};
use crate::steps::{ALL, Place, Step};
use crate::{hashes, null};

/// Drives every rpc, or those that the options name.
///
/// # Errors
/// Why it ended early; what was measured until then is in `report`.
pub(crate) fn every_rpc(stage: &Stage<'_>, report: &mut Report) -> Result<()> {
    if stage.in_memory() {
        report.notes.push("The scratch directory lies in memory: durable writes cost nothing here (see --scratch).".to_owned());
    }
    if !stage.options.pin {
        report.notes.push("Server and driver shared the cores: compare ratios only of a run with --pin.".to_owned());
    }
    let wanted: Vec<Step> = ALL.into_iter().filter(|step| is_wanted(stage, *step)).collect();
    let on = |place: Place| wanted.iter().any(|step| step.place() == place);
    if on(Place::Server) || on(Place::Ceiling) {
        driver_limit(stage, report)?;
        single_core(stage, report, &wanted)?;
    }
    if on(Place::AllCores) {
        logins(stage, report)?;
    }
    ratios(report);
    Ok(())
}

/// A step is measured if it is named, or if one that is named needs it.
fn is_wanted(stage: &Stage<'_>, step: Step) -> bool {
    let only = &stage.options.only;
    let named =
        |step: Step| only.is_empty() || only.iter().any(|name| step.name().to_lowercase().starts_with(&name.to_lowercase()));
    named(step) || ALL.into_iter().any(|other| other.needs() == Some(step) && named(other))
}

/// How fast the driver is against a server that does nothing at all.
fn driver_limit(stage: &Stage<'_>, report: &mut Report) -> Result<()> {
    let address = null::start(stage.server_core())?;
    progress("the driver alone");
    let measured = stage.measure(&stage.shape(address, None, stage.seconds() / 2), &mut health())?;
    report.facts.push(Fact::new("driver against a server that understands nothing", measured.per_second(), "calls/s", None));
    Ok(())
}

fn single_core(stage: &Stage<'_>, report: &mut Report, wanted: &[Step]) -> Result<()> {
    let core = stage.server_core();
    let ceiling = match stage.options.server {
        // A bare server here says nothing about a machine elsewhere.
        Some(_) => None,
        None => Some(stage.ceiling(core)?),
    };
    let mut target = stage.target("server", core)?;
    let mut filled = stage.fill(&mut target)?;
    let outcome = steps(stage, report, wanted, &mut target, ceiling.as_ref(), &mut filled)
        .and_then(|()| if stage.options.sweep { sweep(stage, report, &target, &mut filled) } else { Ok(()) });
    outcome.map_err(|error| target.explain(error))?;
    target.stop()?;
    ceiling.map_or(Ok(()), Server::stop)
}

fn steps(
    stage: &Stage<'_>,
    report: &mut Report,
    wanted: &[Step],
    target: &mut Target,
    ceiling: Option<&Server>,
    filled: &mut Filled,
) -> Result<()> {
    let seconds = stage.seconds();
    let mut before = health_rate(stage, target)?;
    for step in wanted {
        let (address, pid) = match (step.place(), ceiling) {
            (Place::Server, _) => (target.address, target.pid()),
            (Place::Ceiling, Some(ceiling)) => (ceiling.address, Some(ceiling.pid())),
            _ => continue,
        };
        progress(step.name());
        let mut shape = stage.shape(address, pid, seconds);
        let (first, second) = step.shares();
        let measured = step.with(filled, first, |workload| stage.measure(&shape, workload))?;
        let mut row = Row::new(step.name(), &measured);
        let after = health_rate(stage, target)?;
        if *step != Step::Health {
            row.to_health = Some(2.0 * measured.per_second() / (before + after));
        }
        before = after;
        report.rows.push(row);
        let due = stage.options.rate.map_or(measured.per_second() / 2.0, f64::from);
        if due >= 1.0 {
            shape.rate = Some(due);
            let measured = step.with(filled, second, |workload| stage.measure(&shape, workload))?;
            let paced = Paced { rate: due, per_second: measured.per_second(), latency: Latency::of(&measured) };
            if let Some(row) = report.rows.last_mut() {
                row.paced = Some(paced);
                row.add_refused(&measured);
            }
        }
    }
    Ok(())
}

/// Calls a second of Health/Check now.
pub(crate) fn health_rate(stage: &Stage<'_>, target: &Target) -> Result<f64> {
    let shape = stage.shape(target.address, target.pid(), stage.seconds() / 2);
    Ok(stage.measure(&shape, &mut health())?.per_second())
}

fn sweep(stage: &Stage<'_>, report: &mut Report, target: &Target, filled: &mut Filled) -> Result<()> {
    for step in [Step::Health, Step::VerifySeen] {
        for connections in [1, 8, 64] {
            progress(&format!("{} over {connections} connections", step.name()));
            let mut shape = stage.shape(target.address, target.pid(), stage.seconds());
            shape.connections = connections;
            // A connection takes a hundred calls at once.
            shape.in_flight = shape.in_flight.min(connections * 100);
            let measured = step.with(filled, 1.0, |workload| stage.measure(&shape, workload))?;
            report.rows.push(Row::new(&format!("{}, {connections} conn", step.name()), &measured));
        }
    }
    Ok(())
}

/// Logins against the raw hash rate, both with all cores.
fn logins(stage: &Stage<'_>, report: &mut Report) -> Result<()> {
    let seconds = stage.seconds();
    progress("raw hashes on all cores");
    let before = hashes::rate(seconds / 2)?;
    let mut target = stage.target("logins", None)?;
    let mut filled = stage.fill(&mut target)?;
    progress(Step::Login.name());
    let mut shape = stage.shape(target.address, target.pid(), seconds);
    // What waits longer than its deadline is refused: as many as are answered within two seconds.
    shape.in_flight = shape.in_flight.min(256);
    let measured = Step::Login.with(&mut filled, 1.0, |workload| stage.measure_shared(&shape, workload));
    let measured = measured.map_err(|error| target.explain(error))?;
    let raw = f64::midpoint(before, hashes::rate(seconds / 2)?);
    report.facts.push(Fact::new("raw hashes on all cores, before and after Login", raw, "hashes/s", None));
    let mut row = Row::new(Step::Login.name(), &measured);
    shape.rate = Some(stage.options.rate.map_or(measured.per_second() / 2.0, f64::from).min(measured.per_second() / 2.0));
    let paced = Step::Login.with(&mut filled, 1.0, |workload| stage.measure_shared(&shape, workload));
    let paced = paced.map_err(|error| target.explain(error))?;
    let latency = Latency::of(&paced);
    row.add_refused(&paced);
    row.paced = Some(Paced { rate: shape.rate.unwrap_or_default(), per_second: paced.per_second(), latency });
    let ratio = row.per_second / raw.max(1e-9);
    report.rows.push(row);
    report.facts.push(Fact::new("Login / raw hashes of all cores", ratio, "", Some(Goal::AtLeast(0.95))));
    target.stop()
}

/// The ratios that the service is held to.
fn ratios(report: &mut Report) {
    let rate = |name: Step| report.row(name.name()).map(|row| row.per_second);
    let to_health = |name: Step| report.row(name.name()).and_then(|row| row.to_health);
    let over = |one: Option<f64>, other: Option<f64>| Some(one? / other.filter(|other| *other > 0.0)?);
    let least_ceiling = rate(Step::Sign).zip(rate(Step::Write)).map(|(sign, write)| sign.min(write));
    let found = [
        ("Health/Check / a call that does nothing", to_health(Step::Nothing).map(|ratio| 1.0 / ratio), 0.9),
        ("VerifyToken / Health/Check, 256 tokens seen before", to_health(Step::VerifySeen), 0.75),
        ("VerifyToken / Health/Check, each token for the first time", to_health(Step::VerifyFirst), 0.09),
        ("PkeyJwt / Health/Check", to_health(Step::PkeyJwt), 0.24),
        ("PkeyJwt / a call that only signs", over(rate(Step::PkeyJwt), rate(Step::Sign)), 0.85),
        ("Refresh / the lesser of signing and one durable write", over(rate(Step::Refresh), least_ceiling), 0.75),
    ];
    let facts =
        found.into_iter().filter_map(|(name, ratio, least)| Some(Fact::new(name, ratio?, "", Some(Goal::AtLeast(least)))));
    report.facts.extend(facts.collect::<Vec<_>>());
}
