//! What a fixture holds: what opens it, what is still secret about it, what to look for, and how all of that stood.

use std::collections::BTreeMap;

use countersign::crypto::seal::{KeyEncryptionKey, Sealer};
use countersign::model::clock::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A fixture's own file of JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The moment at which it was closed, in microseconds since 1970: live is what lived then.
    pub(crate) now: u64,
    /// The key-encryption key, in base64, where the directory is sealed.
    pub(crate) kek: Option<String>,
    /// What a client would still hold.
    pub(crate) secrets: Secrets,
    /// What to look for.
    pub(crate) catalogue: Catalogue,
    /// What was found, as `describe` writes it.
    pub(crate) state: Value,
}

impl Manifest {
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now)
    }
}

/// The sealer of a directory with this key-encryption key.
pub(crate) fn sealer(kek: Option<&str>) -> Sealer {
    Sealer::new(kek.map(|kek| KeyEncryptionKey::from_base64(kek).unwrap()))
}

/// Everything that can be asked for by a name or an id; ids as UUIDs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Catalogue {
    /// Usernames and e-mails.
    pub(crate) logins: Vec<String>,
    pub(crate) organizations: Vec<String>,
    /// Guest names, whether or not a link was ever made for them.
    pub(crate) guests: Vec<String>,
    pub(crate) sessions: Vec<String>,
    pub(crate) keys: Vec<String>,
    pub(crate) links: Vec<String>,
    pub(crate) attempts: Vec<String>,
    pub(crate) providers: Vec<String>,
}

/// What clients of the directory hold. Worth nothing anywhere else.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Secrets {
    /// By username.
    pub(crate) passwords: BTreeMap<String, String>,
    /// The secret, in base32, of the account that needs a one-time code, and its recovery codes, of which none is used.
    pub(crate) codes: String,
    pub(crate) recovery: Vec<String>,
    /// An access token of a live session, and one of a session that was logged out.
    pub(crate) access: String,
    pub(crate) revoked_access: String,
    /// A refresh token that works, and one of the same session that was rotated out.
    pub(crate) refresh: String,
    pub(crate) rotated_refresh: String,
    /// Key ids and secrets: one that works, one that was revoked, one with the secret before its rotation, still good.
    pub(crate) key: (String, String),
    pub(crate) revoked_key: (String, String),
    pub(crate) rotated_key: (String, String),
    /// Links: one that works, one that was redeemed, one that was revoked.
    pub(crate) link: String,
    pub(crate) redeemed_link: String,
    pub(crate) revoked_link: String,
}
