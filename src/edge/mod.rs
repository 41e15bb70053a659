//! What gRPC and plain HTTP share: everything between a request and its handler that is neither face's own.
//!
//! Owns where a call comes from and which proxies are believed, its request id, its deadline and its place in flight, running a
//! changing call to its end, cookies and Origins, the `authorization` header, and what a refusal is before a face has written
//! it. Depends on the values of `model` and on the errors of `service`; knows neither tonic nor axum.
//!
//! Invariant: whoever took a place gives it back, after an answer, a refusal, a panic, or when its caller goes away.

pub mod authorization;
mod call;
mod class;
pub mod cookies;
pub mod deadline;
mod held;
pub mod in_flight;
pub mod origin;
mod panics;
pub mod refusal;
pub mod request_id;
pub mod source;
mod to_the_end;

use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderMap, Request};
use tokio_util::sync::CancellationToken;

pub use self::call::{Call, Called};
pub use self::class::Class;
use self::deadline::{Deadline, Deadlines};
pub use self::held::{Held, Trailers};
use self::in_flight::{Bounds, InFlight, Place};
pub use self::refusal::Refusal;
use self::request_id::{RequestId, RequestIds};
use self::source::TrustedProxies;
pub use self::to_the_end::to_the_end;
use crate::model::traffic::Traffic;

/// What an [`Edge`] can be told. The default is what the service runs with, but for ids that start at random.
#[derive(Clone, Debug, Default)]
pub struct EdgeSettings {
    /// The longest a call of each class may take.
    pub deadlines: Deadlines,
    /// How many calls of each class may be in flight.
    pub bounds: Bounds,
    /// Whose `x-forwarded-for` and `x-request-id` are believed.
    pub trusted_proxies: TrustedProxies,
    /// Where calls are counted that check no password.
    pub traffic: Traffic,
    /// What names the calls.
    pub request_ids: RequestIds,
    /// Cancelled once no new call is taken any more; health is asked on, and pages are answered.
    pub draining: CancellationToken,
}

/// One edge for all faces: they share its places, its counts and its ids.
#[derive(Debug)]
pub struct Edge {
    deadlines: Deadlines,
    in_flight: InFlight,
    trusted_proxies: TrustedProxies,
    traffic: Traffic,
    request_ids: RequestIds,
    draining: CancellationToken,
}

/// What a call holds while it is in flight: dropping it gives its place back.
#[derive(Debug)]
pub struct Admission {
    deadline: Deadline,
    place: Place,
}

impl Edge {
    /// An edge with these limits.
    #[must_use]
    pub fn new(settings: EdgeSettings) -> Self {
        Self {
            deadlines: settings.deadlines,
            in_flight: InFlight::new(&settings.bounds),
            trusted_proxies: settings.trusted_proxies,
            traffic: settings.traffic,
            request_ids: settings.request_ids,
            draining: settings.draining,
        }
    }

    /// Receives a request that came over a connection from `peer`: marks it with its [`Source`](crate::model::source::Source),
    /// and names it.
    pub fn receive<B>(&self, request: &mut Request<B>, peer: IpAddr) -> RequestId {
        source::mark(request, peer, &self.trusted_proxies);
        self.request_ids.next(request.headers(), self.trusted_proxies.contain(peer))
    }

    /// The name of the request that is being worked for; a new one where nobody named it.
    #[must_use]
    pub fn id(&self) -> RequestId {
        request_id::current().unwrap_or_else(|| self.request_ids.next(&HeaderMap::new(), false))
    }

    /// Lets a call of `class` in, which by its own word may take `asked`, and counts it.
    ///
    /// # Errors
    /// OVERLOADED where all places of its class are taken, SHUTTING_DOWN while the server drains.
    pub fn admit(&self, class: Class, asked: Option<Duration>) -> Result<Admission, Refusal> {
        if self.draining.is_cancelled() && !matches!(class, Class::Health | Class::HealthWatch | Class::Page) {
            return Err(deadline::shutting_down());
        }
        let place = self.in_flight.enter(class).ok_or_else(in_flight::overloaded)?;
        if class.is_traffic() {
            self.traffic.count();
        }
        let deadline = self.deadlines.of(class, asked);
        let deadline = if class.ends_with_the_drain() { deadline.or_drain(&self.draining) } else { deadline };
        Ok(Admission { deadline, place })
    }
}
