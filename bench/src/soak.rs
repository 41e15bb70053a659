//! A mixed load for a long time: what creeps up, and what slows down.

use std::time::{Duration, Instant};

use crate::drive::{Measured, as_f64};
use crate::error::{BenchError, Result};
use crate::fill::{Filled, login_requests, sign_in, tokens_of};
use crate::growth::on_disk;
use crate::mixed;
use crate::report::{Fact, Latency, Paced, Report, Row};
use crate::stage::{Stage, Target, progress};

/// Calls a second of VerifyToken, Refresh and PkeyJwt each.
const RATE: f64 = 200.0;
/// How long between two looks at memory and disk. A token lives longer.
const ROUND: Duration = Duration::from_mins(1);
const MIB: f64 = 1_048_576.0;

/// Loads a server for so many minutes.
///
/// # Errors
/// Why it ended early; what was measured until then is in `report`.
pub(crate) fn run(stage: &Stage<'_>, minutes: u32, report: &mut Report) -> Result<()> {
    let mut target = stage.target("soak", None)?;
    let mut filled = stage.fill(&mut target)?;
    let outcome = rounds(stage, minutes, report, &target, &mut filled);
    outcome.map_err(|error| target.explain(error))?;
    target.stop()
}

fn rounds(stage: &Stage<'_>, minutes: u32, report: &mut Report, target: &Target, filled: &mut Filled) -> Result<()> {
    let begin = Instant::now();
    let mut first = None;
    for round in 1..=minutes {
        // Access tokens do not live as long as this may take.
        filled.admin = sign_in(target.address, "admin", &target.admin_password)?;
        renew(stage, target, filled)?;
        let others = mixed::others(stage, target, filled, RATE, stage.options.length(ROUND))?;
        let disk = on_disk(&stage.directory("soak"));
        let memory = others.verify.memory.unwrap_or_default();
        progress(&format!(
            "round {round} of {minutes}: {:.1} MiB of memory, {:.1} MiB on disk, p99 of Refresh {:.2} ms",
            as_f64(memory.resident) / MIB,
            as_f64(disk) / MIB,
            others.refresh.quantile(0.99) * 1e3,
        ));
        for (name, measured) in others.each() {
            if let Some((detail, _)) = measured.refused.iter().next() {
                return Err(BenchError::Refused { call: name.to_owned(), detail: detail.clone() });
            }
        }
        if round == 1 || round == minutes {
            for (name, measured) in others.each() {
                report.rows.push(row(&format!("{name}, minute {round}"), measured));
            }
        }
        let now = (as_f64(memory.resident), as_f64(disk), others.refresh.quantile(0.99));
        let then = *first.get_or_insert(now);
        if round == minutes {
            let hours = begin.elapsed().as_secs_f64() / 3600.0;
            report.facts.push(Fact::new("memory at the end / after the first round", now.0 / then.0.max(1.0), "", None));
            report.facts.push(Fact::new("disk that an hour takes", (now.1 - then.1) / MIB / hours.max(1e-9), "MiB", None));
            report.facts.push(Fact::new("p99 of Refresh at the end / in the first round", now.2 / then.2.max(1e-9), "", None));
        }
    }
    Ok(())
}

/// A login of each user, for tokens that live another hour.
fn renew(stage: &Stage<'_>, target: &Target, filled: &mut Filled) -> Result<()> {
    let mut access = Vec::new();
    let mut caller = crate::caller::Caller::open(target.address, crate::calls::paths::LOGIN)?;
    for login in login_requests(&filled.users, &filled.password).iter().take(16) {
        if stage.stop.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(BenchError::Stopped);
        }
        access.extend(tokens_of(&caller.call(login)?.message).map(|tokens| tokens.access_token));
    }
    filled.access = access;
    Ok(())
}

fn row(name: &str, measured: &Measured) -> Row {
    let mut row = Row::new(name, measured);
    row.paced = Some(Paced { rate: RATE, per_second: measured.per_second(), latency: Latency::of(measured) });
    row
}
