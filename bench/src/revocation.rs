//! From LogoutUser's answer to VerifyToken's refusal on another connection.

use std::sync::atomic::Ordering;
use std::time::Instant;

use countersign_client::pb;

use crate::caller::Caller;
use crate::calls::{Prepared, paths};
use crate::drive::{as_f64, latencies};
use crate::error::{BenchError, Result};
use crate::fill::Filled;
use crate::report::{Fact, Report, Target as Goal};
use crate::stage::{Stage, Target, progress};
use crate::steps::{exchanges, verify};

/// Logs users out and verifies one of their tokens on another connection as soon as that is answered.
///
/// # Errors
/// Why it ended early; what was measured until then is in `report`.
pub(crate) fn run(stage: &Stage<'_>, report: &mut Report) -> Result<()> {
    let mut target = stage.target("revocation", None)?;
    let filled = stage.fill(&mut target)?;
    let outcome = measure(stage, report, &target, &filled);
    outcome.map_err(|error| target.explain(error))?;
    target.stop()
}

fn measure(stage: &Stage<'_>, report: &mut Report, target: &Target, filled: &Filled) -> Result<()> {
    progress("LogoutUser, then VerifyToken elsewhere");
    let open = |path| Caller::open(target.address, path);
    let (mut keys, mut verifier, mut logouts) = (open(paths::PKEY_JWT)?, open(paths::VERIFY)?, open(paths::LOGOUT_USER)?);
    let mut refused = latencies()?;
    let (mut ended, mut late) = (0_u64, 0_u64);
    let begin = Instant::now();
    for (username, exchange) in filled.users.iter().zip(exchanges(&filled.keys)).cycle() {
        if begin.elapsed() >= stage.seconds() || stage.stop.load(Ordering::Relaxed) {
            break;
        }
        let minted: pb::PkeyJwtResponse = keys.ask(&exchange)?;
        let tokens = minted.tokens.unwrap_or_default();
        let check = verify(&filled.admin, &tokens.access_token);
        let before: pb::VerifyTokenResponse = verifier.ask(&check)?;
        if !before.active {
            return Err(BenchError::Refused { call: "VerifyToken of a fresh token".to_owned(), detail: "inactive".to_owned() });
        }
        // The key's owner by the answer: keys were made in the order in which logins were answered.
        let username = minted.user.map_or_else(|| username.clone(), |user| user.username);
        let logout = Prepared::signed(&filled.admin, &pb::LogoutUserRequest { username });
        let _: pb::LogoutUserResponse = logouts.ask(&logout)?;
        let answered = Instant::now();
        ended += 1;
        loop {
            let after: pb::VerifyTokenResponse = verifier.ask(&check)?;
            if !after.active {
                break;
            }
            late += 1;
        }
        refused.saturating_record(u64::try_from(answered.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    let millis = |quantile| as_f64(refused.value_at_quantile(quantile)) / 1e6;
    report.facts.push(Fact::new("users logged out", as_f64(ended), "", None));
    report.facts.push(Fact::new("tokens active after LogoutUser's answer", as_f64(late), "", Some(Goal::AtMost(0.0))));
    report.facts.push(Fact::new("from LogoutUser's answer to VerifyToken's refusal, p50", millis(0.5), "ms", None));
    report.facts.push(Fact::new("from LogoutUser's answer to VerifyToken's refusal, p99", millis(0.99), "ms", None));
    Ok(())
}
