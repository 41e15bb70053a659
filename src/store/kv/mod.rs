//! The verbs over one ordered key-value space, written once for every engine that has one.
//!
//! A verb is a function over a [`tx::Tx`]. An [`engine::Engine`] runs verbs one after another in groups, makes each group
//! durable at once, and answers none of its verbs before that. Nothing outside the writer decides a change.
//!
//! [`key`] says where a record lies, [`record`] how it is written; [`commit`] holds what every change has in common. The
//! verbs lie in one file for each part of the domain: each loads, has the model decide, and writes that with [`decided`].
//! [`store`] puts them behind the trait.

mod accounts;
mod audit;
mod commit;
mod decided;
mod deletion;
pub(crate) mod engine;
mod expiry;
pub(crate) mod format2;
mod founding;
pub(crate) mod head;
mod identities;
mod key;
mod keys;
pub(crate) mod late;
mod links;
mod logout;
mod names;
mod organizations;
mod pages;
pub(crate) mod record;
mod recovery;
mod roll;
mod rows;
mod session_row;
mod sessions;
mod sso;
mod store;
mod sweep;
pub(crate) mod tx;

pub use self::audit::audit_digest;
pub(crate) use self::key::MANY;
pub(crate) use self::store::KvStore;
pub(crate) use self::sweep::revocations;

#[cfg(test)]
mod tests;
