//! The workloads: which messages are sent, and what is kept of the answers.

use std::collections::VecDeque;
use std::sync::Arc;

use countersign_client::pb;
use prost::Message;

use crate::drive::{Request, Workload};

/// The rpcs that are driven.
pub(crate) mod paths {
    pub(crate) const HEALTH: &str = "/grpc.health.v1.Health/Check";
    pub(crate) const LOGIN: &str = "/countersign.v1.AuthService/Login";
    pub(crate) const REFRESH: &str = "/countersign.v1.AuthService/Refresh";
    pub(crate) const PKEY_JWT: &str = "/countersign.v1.AuthService/PkeyJwt";
    pub(crate) const GENERATE: &str = "/countersign.v1.AuthService/GenerateSingleUse";
    pub(crate) const PEEK: &str = "/countersign.v1.AuthService/PeekSingleUse";
    pub(crate) const REDEEM: &str = "/countersign.v1.AuthService/RedeemSingleUse";
    pub(crate) const LOGOUT_USER: &str = "/countersign.v1.AuthService/LogoutUser";
    pub(crate) const LOGOUT: &str = "/countersign.v1.AuthService/Logout";
    pub(crate) const VERIFY: &str = "/countersign.v1.TokenService/VerifyToken";
    pub(crate) const JWKS: &str = "/countersign.v1.TokenService/GetJwks";
    pub(crate) const ACCOUNT: &str = "/countersign.v1.AccountService/GetAccount";
    pub(crate) const CREATE_KEY: &str = "/countersign.v1.AccountService/CreatePersonalKey";
    pub(crate) const CREATE_USER: &str = "/countersign.v1.AdminService/CreateUser";
}

/// A request that is known beforehand.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    /// The `authorization` metadata; empty: none.
    pub(crate) authorization: Arc<str>,
    /// The message.
    pub(crate) message: Vec<u8>,
}

impl Prepared {
    /// A message that needs no caller.
    pub(crate) fn open(message: &impl Message) -> Self {
        Self { authorization: Arc::from(""), message: message.encode_to_vec() }
    }

    /// A message of the caller whose access token this is.
    pub(crate) fn signed(access_token: &str, message: &impl Message) -> Self {
        Self { authorization: bearer(access_token), message: message.encode_to_vec() }
    }
}

/// The `authorization` metadata of an access token.
pub(crate) fn bearer(access_token: &str) -> Arc<str> {
    Arc::from(format!("Bearer {access_token}"))
}

/// What is done with the message of each OK answer.
type Keep<'a> = Box<dyn FnMut(&[u8]) + Send + 'a>;

/// Requests that are known beforehand, in rotation or once each.
pub(crate) struct Listed<'a> {
    path: &'static str,
    requests: Vec<Prepared>,
    at: usize,
    once: bool,
    keep: Option<Keep<'a>>,
}

impl<'a> Listed<'a> {
    /// The requests one after the other, and from the beginning again.
    pub(crate) fn rotating(path: &'static str, requests: Vec<Prepared>) -> Self {
        Self { path, requests, at: 0, once: false, keep: None }
    }

    /// Each request once.
    pub(crate) fn once(path: &'static str, requests: Vec<Prepared>) -> Self {
        Self { once: true, ..Self::rotating(path, requests) }
    }

    /// Hands every OK answer's message to `keep`.
    pub(crate) fn keeping(self, keep: impl FnMut(&[u8]) + Send + 'a) -> Self {
        Self { keep: Some(Box::new(keep)), ..self }
    }
}

impl Workload for Listed<'_> {
    fn path(&self) -> &'static str {
        self.path
    }

    fn next(&mut self, request: &mut Request) -> bool {
        if self.at == self.requests.len() && !self.once {
            self.at = 0;
        }
        let Some(prepared) = self.requests.get(self.at) else { return false };
        self.at += 1;
        request.authorization.push_str(&prepared.authorization);
        request.message.extend_from_slice(&prepared.message);
        true
    }

    fn answered(&mut self, code: u32, message: &[u8]) {
        if code == 0
            && let Some(keep) = &mut self.keep
        {
            keep(message);
        }
    }
}

/// Refresh with what the Refresh before it answered: as many chains as there are tokens, the longest unused one next.
#[derive(Debug)]
pub(crate) struct Refreshing {
    tokens: VecDeque<String>,
}

impl Refreshing {
    /// Chains that begin with these refresh tokens.
    pub(crate) fn new(tokens: impl IntoIterator<Item = String>) -> Self {
        Self { tokens: tokens.into_iter().collect() }
    }

    /// The tokens that are unused now.
    pub(crate) fn into_tokens(self) -> Vec<String> {
        self.tokens.into()
    }
}

impl Workload for Refreshing {
    fn path(&self) -> &'static str {
        paths::REFRESH
    }

    fn next(&mut self, request: &mut Request) -> bool {
        let Some(refresh_token) = self.tokens.pop_front() else { return false };
        let message = pb::RefreshRequest { refresh_token, ..pb::RefreshRequest::default() };
        // A Vec grows as it needs.
        message.encode(&mut request.message).is_ok()
    }

    fn answered(&mut self, code: u32, message: &[u8]) {
        if code == 0
            && let Ok(answer) = pb::RefreshResponse::decode(message)
            && let Some(tokens) = answer.tokens
        {
            self.tokens.push_back(tokens.refresh_token);
        }
    }
}

/// The request of a health check for the whole server: an empty message.
pub(crate) fn health() -> Listed<'static> {
    Listed::rotating(paths::HEALTH, vec![Prepared { authorization: Arc::from(""), message: Vec::new() }])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(workload: &mut impl Workload, most: usize) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        let mut request = Request::default();
        while all.len() < most && workload.next(&mut request) {
            all.push(std::mem::take(&mut request).message);
        }
        all
    }

    #[test]
    fn a_list_rotates_or_ends() {
        let list = |bytes: &[u8]| bytes.iter().map(|b| Prepared { authorization: Arc::from(""), message: vec![*b] }).collect();
        assert_eq!(messages(&mut Listed::rotating(paths::HEALTH, list(&[1, 2])), 5), [[1], [2], [1], [2], [1]]);
        assert_eq!(messages(&mut Listed::once(paths::HEALTH, list(&[1, 2])), 5), [[1], [2]]);
        assert!(messages(&mut Listed::rotating(paths::HEALTH, Vec::new()), 5).is_empty());
    }

    #[test]
    fn a_chain_goes_on_with_the_answer_and_ends_with_a_refusal() {
        let mut chain = Refreshing::new(["one".to_owned()]);
        assert_eq!(messages(&mut chain, 2).len(), 1);
        let tokens = pb::TokenSet { refresh_token: "two".to_owned(), ..pb::TokenSet::default() };
        chain.answered(0, &pb::RefreshResponse { tokens: Some(tokens) }.encode_to_vec());
        let next = messages(&mut chain, 2);
        assert_eq!(next.len(), 1);
        assert_eq!(pb::RefreshRequest::decode(&*next[0]).unwrap().refresh_token, "two");
        chain.answered(16, &[]);
        assert!(chain.into_tokens().is_empty());
    }
}
