//! Password hashes. `hash` owns their formats, `pool` the threads that compute them, `blocklist` what everybody would guess.
//! How long a password must be is policy, and `service`'s.
//!
//! A password is taken exactly as it was received: no trimming, no case folding, no Unicode normalisation (OWASP ASVS 5.0,
//! 6.2.8). Two spellings of one letter are two passwords, at setting and at checking alike.

pub mod pool;
