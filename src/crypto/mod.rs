//! Cryptography: sealing, signing, hashing, deriving. Owns the format of every secret, but not what it is used for: policy
//! belongs to `service`, storage to `store`. Depends on `model` only; the primitives come from aws-lc-rs, argon2 and bcrypt.
//!
//! | module | owns |
//! |---|---|
//! | [`seal`] | what rests in the data directory, under the key-encryption key |
//! | [`server_key`] | the server's own keys in versions: MACs, keyed hashes, derived values |
//! | [`opaque`] | personal keys and links: typed prefix, payload, MAC |
//! | [`refresh`] | the refresh chain |
//! | [`state`] | sealed values of a sign-on attempt |
//! | [`keyring`], [`jwt`] | signing keys, access tokens |
//! | [`signature_cache`] | signatures that were verified before |
//! | [`totp`] | one-time codes and recovery codes |
//! | [`password`] | password hashes and the pool that computes them |
//!
//! Invariants: a secret is written only into a return value; only a keyed hash of an opaque token is stored; every comparison
//! of a secret takes the same time, equal or not.

pub mod jwt;
pub mod keyring;
pub mod opaque;
pub mod password;
pub mod refresh;
pub mod seal;
pub mod server_key;
pub mod signature_cache;
pub mod state;
pub mod totp;
