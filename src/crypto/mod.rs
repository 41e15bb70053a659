//! Cryptography: what is sealed, signed, hashed and derived. Owns every secret's shape and nothing of what it is for: policy
//! is `service`'s, storage is `store`'s. Depends on `model` only; the primitives are aws-lc-rs's, argon2's and bcrypt's.
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
//! The invariant: nothing here writes a secret anywhere but into its return value; what is stored of an opaque token is a
//! keyed hash, and every comparison of a secret takes the same time whatever it finds.

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
