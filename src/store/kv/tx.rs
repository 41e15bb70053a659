//! A group of verbs over a view, and one verb's transaction within it.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::engine::{Job, Pair, View};
use super::expiry::Expiring;
use super::head::Head;
use super::pages;
use crate::model::audit::AuditEvent;
use crate::model::clock::Timestamp;
use crate::model::revocation::Revocation;
use crate::store::{Lane, Result};

/// Changes to apply: a value, or its removal.
pub(crate) type Changes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// The verbs that become durable together: each sees what those before it changed.
pub(crate) struct Group<'a> {
    view: &'a dyn View,
    lane: Lane,
    changes: Changes,
    head: Head,
    revocations: Vec<Revocation>,
    events: Vec<AuditEvent>,
    expiring: Vec<(Timestamp, Expiring)>,
}

/// What a group comes to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Committed {
    /// What it changes, without its head.
    pub(crate) changes: Changes,
    /// Where the store stands after it.
    pub(crate) head: Head,
    /// What it revokes.
    pub(crate) revocations: Vec<Revocation>,
}

impl<'a> Group<'a> {
    /// An empty group of `lane` over `view`, after a group that ended with `head`.
    pub(crate) fn new(view: &'a dyn View, lane: Lane, head: Head) -> Self {
        Self { view, lane, changes: Changes::new(), head, revocations: Vec::new(), events: Vec::new(), expiring: Vec::new() }
    }

    /// Runs one verb. What it changed joins the group where it succeeded.
    pub(crate) fn run(&mut self, job: &mut dyn Job) {
        if let Some(made) = self.attempt(job) {
            self.join(made);
        }
    }

    /// Runs one verb and answers what it made, without letting it join; `None` where it made nothing.
    pub(crate) fn attempt(&self, job: &mut dyn Job) -> Option<Made> {
        let mut tx = Tx {
            view: self.view,
            lane: self.lane,
            group: &self.changes,
            own: Changes::new(),
            head: self.head.clone(),
            revocations: Vec::new(),
            events: Vec::new(),
            expiring: Vec::new(),
            keep: false,
        };
        job.run(&mut tx);
        let Tx { own, head, revocations, events, expiring, keep, .. } = tx;
        keep.then_some(Made { own, head, revocations, events, expiring })
    }

    /// Lets what a verb made join the group.
    pub(crate) fn join(&mut self, made: Made) {
        let Made { own, head, revocations, events, expiring } = made;
        self.changes.extend(own);
        self.head = head;
        self.revocations.extend(revocations);
        self.events.extend(events);
        self.expiring.extend(expiring);
    }

    /// What the group comes to; the audit events of all its verbs lie together, and so does what they let expire.
    pub(crate) fn finish(self) -> Result<Committed> {
        let Self { mut changes, lane, head, revocations, events, expiring, .. } = self;
        changes.extend(pages::of_events(lane, events)?);
        changes.extend(pages::of_expiries(lane, expiring)?);
        Ok(Committed { changes, head, revocations })
    }
}

/// What one verb made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Made {
    own: Changes,
    head: Head,
    revocations: Vec<Revocation>,
    events: Vec<AuditEvent>,
    expiring: Vec<(Timestamp, Expiring)>,
}

/// One verb's transaction: reads see the view, the group before it and its own changes.
pub(crate) struct Tx<'a> {
    view: &'a dyn View,
    lane: Lane,
    group: &'a Changes,
    own: Changes,
    pub(crate) head: Head,
    pub(crate) revocations: Vec<Revocation>,
    events: Vec<AuditEvent>,
    expiring: Vec<(Timestamp, Expiring)>,
    keep: bool,
}

impl Tx<'_> {
    /// Lets what the verb changed join its group. Without it the verb leaves nothing behind.
    pub(crate) fn keep(&mut self) {
        self.keep = true;
    }

    /// True where the verb changed something so far.
    pub(crate) fn changed(&self) -> bool {
        !self.own.is_empty() || !self.events.is_empty() || !self.expiring.is_empty()
    }

    /// The lane in which this commit is made.
    pub(super) fn lane(&self) -> Lane {
        self.lane
    }

    /// Appends to the audit log; [`audit`](super::audit) gives the event its number and its place in the chain.
    pub(super) fn record(&mut self, event: AuditEvent) {
        self.events.push(event);
    }

    /// Has `what` be swept some time after `at`.
    pub(super) fn let_expire(&mut self, at: Timestamp, what: Expiring) {
        self.expiring.push((at, what));
    }

    /// Sets a key.
    pub(crate) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.own.insert(key, Some(value));
    }

    /// Removes a key.
    pub(crate) fn remove(&mut self, key: Vec<u8>) {
        self.own.insert(key, None);
    }
}

impl View for Tx<'_> {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.own.get(key).or_else(|| self.group.get(key)) {
            Some(changed) => Ok(changed.clone()),
            None => self.view.read(key),
        }
    }

    fn scan(&self, prefix: &[u8], from: &[u8], most: usize) -> Result<Vec<Pair>> {
        let changed = overlay(&[self.group, &self.own], prefix, from);
        // Every removed key may hide one of the view's, so that many more have to be read.
        let removed = changed.values().filter(|value| value.is_none()).count();
        let mut merged: BTreeMap<Vec<u8>, Vec<u8>> =
            self.view.scan(prefix, from, most.saturating_add(removed))?.into_iter().collect();
        for (key, value) in changed {
            match value {
                Some(value) => merged.insert(key, value),
                None => merged.remove(&key),
            };
        }
        Ok(merged.into_iter().take(most).collect())
    }
}

/// The changed pairs of a range, later layers over earlier ones.
fn overlay(layers: &[&Changes], prefix: &[u8], from: &[u8]) -> Changes {
    let start = from.max(prefix);
    let mut merged = Changes::new();
    for layer in layers {
        let range = layer.range::<[u8], _>((Bound::Included(start), Bound::Unbounded));
        merged.extend(range.take_while(|(key, _)| key.starts_with(prefix)).map(|(key, value)| (key.clone(), value.clone())));
    }
    merged
}
