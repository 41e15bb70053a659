//! The verbs over one ordered key-value space, written once for every engine that has one.
//!
//! A verb is a function over a [`tx::Tx`]. An [`engine::Engine`] runs verbs one after another in groups, makes each group
//! durable at once, and answers none of its verbs before that. Nothing outside the writer decides a change.

pub(crate) mod engine;
pub(crate) mod tx;
