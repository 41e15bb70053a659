//! What kind of call a request is, as far as its limits are concerned.

/// Calls that share a deadline and a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// One question, one answer, soon.
    Unary,
    /// The same, about a password: it waits for the threads that hash, and is no reason for one of them to rest.
    Password,
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
    /// A request of plain HTTP: a page, a form, a document. On its own, so that neither it nor gRPC starves the other.
    Page,
}

impl Class {
    /// The class of the path of an rpc.
    #[must_use]
    pub fn of_rpc(path: &str) -> Self {
        match path {
            "/countersign.v1.AuthService/Login"
            | "/countersign.v1.AccountService/ChangePassword"
            | "/countersign.v1.AdminService/CreateUser" => Self::Password,
            "/countersign.v1.AuthService/SsoJwt" => Self::Wait,
            "/countersign.v1.TokenService/WatchRevocations" => Self::Watch,
            "/grpc.health.v1.Health/Watch" => Self::HealthWatch,
            _ if path.starts_with("/grpc.health.v1.Health/") => Self::Health,
            _ if path.starts_with("/grpc.reflection.") => Self::Reflection,
            _ => Self::Unary,
        }
    }

    /// Whether the call is one of those that hashing passwords must not slow down.
    #[must_use]
    pub const fn is_traffic(self) -> bool {
        matches!(self, Self::Unary | Self::Wait | Self::Page)
    }

    /// Whether the call only waits for what others do, so that a server that is about to end need not wait for it.
    #[must_use]
    pub const fn ends_with_the_drain(self) -> bool {
        self.is_stream() || matches!(self, Self::Wait)
    }

    /// Whether the answer is a stream, and its body what the limits hold on to.
    #[must_use]
    pub const fn is_stream(self) -> bool {
        matches!(self, Self::Watch | Self::HealthWatch | Self::Reflection)
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    #[test]
    fn every_path_that_is_told_apart_is_one_of_the_api() {
        let api = prost_types::FileDescriptorSet::decode(crate::grpc::pb::DESCRIPTOR_SET).unwrap();
        let methods = api.file.iter().flat_map(|file| {
            let package = file.package();
            file.service.iter().flat_map(move |service| {
                service.method.iter().map(move |method| format!("/{package}.{}/{}", service.name(), method.name()))
            })
        });
        let mut classes: Vec<Class> = methods.map(|path| Class::of_rpc(&path)).filter(|class| *class != Class::Unary).collect();
        classes.sort_by_key(|class| format!("{class:?}"));
        assert_eq!(classes, [Class::Password, Class::Password, Class::Password, Class::Wait, Class::Watch]);
    }
}
