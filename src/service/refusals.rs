//! Refusals that concern an existing account, for the audit log: one by one up to 20 a minute for each account, then counted.
//! Recorded beside the answer, never before it: an answer that waited for the store would tell that the account exists.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Reason;
use super::client::Client;
use super::time::Time;
use crate::model::audit::Action;
use crate::model::ids::UserId;
use crate::store::verbs::AuditStore;

/// How many refusals are recorded one by one, for each account and minute.
const MAX_RECORDED_PER_MINUTE: u32 = 20;
/// How many accounts are tracked in a minute; refusals for further accounts are only counted.
const MAX_TRACKED_ACCOUNTS: usize = 16_384;

/// Records refusals.
pub struct Refusals {
    audit: Arc<dyn AuditStore>,
    time: Time,
    minute: Mutex<Minute>,
}

#[derive(Default)]
struct Minute {
    number: u64,
    counts: HashMap<UserId, u32>,
}

impl Refusals {
    /// Records in the log `audit`.
    #[must_use]
    pub fn new(audit: Arc<dyn AuditStore>, time: Time) -> Self {
        Self { audit, time, minute: Mutex::default() }
    }

    /// Notes that a login of `account` was refused for `reason`. Returns at once.
    pub fn note(&self, client: &Client, account: UserId, reason: Reason) {
        // Without a time nothing is recorded; but nothing is answered either, at present.
        let Ok(now) = self.time.now() else { return };
        let count = {
            let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
            if minute.number != now.secs() / 60 {
                *minute = Minute { number: now.secs() / 60, counts: HashMap::new() };
            }
            if minute.counts.len() >= MAX_TRACKED_ACCOUNTS && !minute.counts.contains_key(&account) {
                return;
            }
            let count = minute.counts.entry(account).or_default();
            *count = count.saturating_add(1);
            *count
        };
        if count > MAX_RECORDED_PER_MINUTE {
            tracing::debug!(%account, reason = reason.name(), count, "refusal counted, not recorded");
            return;
        }
        let (audit, by) = (Arc::clone(&self.audit), client.by(now));
        tokio::spawn(async move {
            // A refusal that cannot be recorded must not stop anything: strangers would have that switch.
            if let Err(error) = audit.record(Action::LoginRefused(account, reason.name().to_owned()), by).await {
                tracing::warn!(%error, "a refusal was not recorded");
            }
        });
    }
}
