//! What the attacks share: the services in this process over either store ([`backend`]) and behind a listener ([`served`]), a whole
//! server in this process with a clock that tests move ([`wire`]), calls with bytes of their own ([`raw`]), and what a refusal says
//! ([`refusal`]).

pub(crate) mod backend;
pub(crate) mod raw;
pub(crate) mod refusal;
pub(crate) mod served;
pub(crate) mod wire;

/// The password of every account that an attack makes, `admin` included.
pub(crate) const PASSWORD: &str = crate::harness::PASSWORD;
/// Another that the rules accept.
pub(crate) const OTHER_PASSWORD: &str = "marmalade over quiet rivers";
/// As long as [`PASSWORD`], and wrong.
pub(crate) const WRONG: &str = "tangerine submarine waltz 1872";
