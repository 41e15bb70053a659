//! Signing on through an identity provider, in a browser, while whoever asked waits.

pub(crate) mod browser;
mod evil;
mod provider;
mod rig;
mod round;
