//! What kind of call a path is, as far as its limits are concerned.

/// Calls that share a deadline and a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// One question, one answer, soon.
    Unary,
    /// One question whose answer may be long in coming; the service bounds these by itself more finely.
    Wait,
    /// A stream of changes that ends when the client leaves.
    Watch,
    /// Health's question, which must be answered when nothing else is.
    Health,
    /// Health's stream: anyone may open it, so it must not take the places of [`Self::Watch`].
    HealthWatch,
    /// Reflection's stream, for the same reason.
    Reflection,
}

impl Class {
    /// The class of a request path.
    pub(super) fn of(path: &str) -> Self {
        match path {
            "/countersign.v1.AuthService/SsoJwt" => Self::Wait,
            "/countersign.v1.TokenService/WatchRevocations" => Self::Watch,
            "/grpc.health.v1.Health/Watch" => Self::HealthWatch,
            _ if path.starts_with("/grpc.health.v1.Health/") => Self::Health,
            _ if path.starts_with("/grpc.reflection.") => Self::Reflection,
            _ => Self::Unary,
        }
    }

    /// Whether the answer is a stream, and its body what the limits hold on to.
    pub(super) const fn is_stream(self) -> bool {
        matches!(self, Self::Watch | Self::HealthWatch | Self::Reflection)
    }
}
