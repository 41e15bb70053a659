//! Password hashes. Owns their formats ([`check_format`], [`HashParams`]), the threads that compute them ([`pool`]), the order
//! in which waiting callers are served, and the check for common passwords ([`blocklist`]). How long a password must be is
//! policy and belongs to `service`.
//!
//! A password is taken exactly as it was received: no trimming, no case folding, no Unicode normalisation (OWASP ASVS 5.0,
//! 6.2.8). Two spellings of one letter are two passwords, at setting and at checking alike.

pub mod blocklist;
mod hash;
pub mod pool;
mod queue;

pub use self::hash::{HashError, HashParams, check_format};
