//! Commands with who asks, for cases that are about the outcome alone.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use async_trait::async_trait;
use countersign::store::verbs::{
    By, ChangePassword, CollectAttempt, Collected, Commit, Identified, Identify, OpenSession, Opened, PasswordReplaced,
    RedeemLink, Redeemed, RotateSession, Rotated,
};
use countersign::store::{Result, Store};

/// A command, and who asks for it.
#[derive(Clone, Debug)]
pub(crate) struct Asked<C> {
    pub(crate) command: C,
    pub(crate) by: By,
}

impl<C> Deref for Asked<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.command
    }
}

impl<C> DerefMut for Asked<C> {
    fn deref_mut(&mut self) -> &mut C {
        &mut self.command
    }
}

/// Asks a store, and takes the outcome out of the commit.
#[async_trait]
pub(crate) trait Ask {
    async fn log_in(&self, asked: Asked<OpenSession>) -> Result<Opened>;
    async fn rotate(&self, asked: Asked<RotateSession>) -> Result<Rotated>;
    async fn redeem(&self, asked: Asked<RedeemLink>) -> Result<Redeemed>;
    async fn collect(&self, asked: Asked<CollectAttempt>) -> Result<Collected>;
    async fn take_identity(&self, asked: Asked<Identify>) -> Result<Identified>;
    async fn replace_password(&self, asked: Asked<ChangePassword>) -> Result<PasswordReplaced>;
}

#[async_trait]
impl Ask for Arc<dyn Store> {
    async fn log_in(&self, asked: Asked<OpenSession>) -> Result<Opened> {
        self.open_session(asked.command, asked.by).await.map(outcome)
    }

    async fn rotate(&self, asked: Asked<RotateSession>) -> Result<Rotated> {
        self.rotate_session(asked.command, asked.by).await.map(outcome)
    }

    async fn redeem(&self, asked: Asked<RedeemLink>) -> Result<Redeemed> {
        self.redeem_link(asked.command, asked.by).await.map(outcome)
    }

    async fn collect(&self, asked: Asked<CollectAttempt>) -> Result<Collected> {
        self.collect_attempt(asked.command, asked.by).await.map(outcome)
    }

    async fn take_identity(&self, asked: Asked<Identify>) -> Result<Identified> {
        self.identify(asked.command, asked.by).await.map(outcome)
    }

    async fn replace_password(&self, asked: Asked<ChangePassword>) -> Result<PasswordReplaced> {
        self.change_password(asked.command, asked.by).await.map(outcome)
    }
}

/// The outcome of a commit, whatever its revision.
pub(crate) fn outcome<O>(commit: Commit<O>) -> O {
    commit.outcome
}
