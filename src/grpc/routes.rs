//! All gRPC services by their paths: ours, health, reflection.
//!
//! In place of `tonic::service::Routes`, which is an axum router: that one costs a call more than all of our own layers.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{Service as _, StdError};
use tonic_health::pb::FILE_DESCRIPTOR_SET as HEALTH;
use tonic_health::pb::health_server::{self, Health, HealthServer};
use tonic_reflection::pb::v1::server_reflection_server as v1;
use tonic_reflection::pb::v1alpha::server_reflection_server as v1alpha;
use tonic_reflection::server::{Builder, Error as ReflectionError};
use tower::util::BoxCloneSyncService;

use super::Api;
use super::layers::{Called, Services};
use super::pb::DESCRIPTOR_SET;
use super::pb::account_service_server::{self, AccountServiceServer};
use super::pb::admin_service_server::{self, AdminServiceServer};
use super::pb::auth_service_server::{self, AuthServiceServer};
use super::pb::token_service_server::{self, TokenServiceServer};

/// The largest message that is read, in bytes.
pub const MAX_MESSAGE: usize = 65_536;

/// The names that health knows: the server as a whole, and each of our services.
pub const HEALTH_NAMES: [&str; 5] = [
    "",
    "countersign.v1.AccountService",
    "countersign.v1.AdminService",
    "countersign.v1.AuthService",
    "countersign.v1.TokenService",
];

/// Every gRPC service: ours, health, and reflection where it is switched on.
pub struct Routes<H> {
    auth: AuthServiceServer<Api>,
    token: TokenServiceServer<Api>,
    account: AccountServiceServer<Api>,
    admin: AdminServiceServer<Api>,
    health: HealthServer<H>,
    reflection: Option<Reflection>,
}

/// Reflection's two versions, whose types cannot be named.
struct Reflection {
    v1: Reflected,
    v1alpha: Reflected,
}

type Reflected = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

impl<H: Health> Routes<H> {
    /// The services of `api` beside `health`.
    ///
    /// # Errors
    /// Where the compiled descriptors cannot be read, which a test would have shown.
    pub fn new(api: &Api, health: HealthServer<H>, reflection: bool) -> Result<Self, ReflectionError> {
        let api = Arc::new(api.clone());
        let reflection = if reflection {
            Some(Reflection {
                v1: BoxCloneSyncService::new(described().build_v1()?.max_decoding_message_size(MAX_MESSAGE)),
                v1alpha: BoxCloneSyncService::new(described().build_v1alpha()?.max_decoding_message_size(MAX_MESSAGE)),
            })
        } else {
            None
        };
        Ok(Self {
            auth: AuthServiceServer::from_arc(Arc::clone(&api)).max_decoding_message_size(MAX_MESSAGE),
            token: TokenServiceServer::from_arc(Arc::clone(&api)).max_decoding_message_size(MAX_MESSAGE),
            account: AccountServiceServer::from_arc(Arc::clone(&api)).max_decoding_message_size(MAX_MESSAGE),
            admin: AdminServiceServer::from_arc(api).max_decoding_message_size(MAX_MESSAGE),
            health: health.max_decoding_message_size(MAX_MESSAGE),
            reflection,
        })
    }
}

impl<H: Health> Services for Routes<H> {
    fn have(&self, path: &str) -> bool {
        match service(path) {
            auth_service_server::SERVICE_NAME
            | token_service_server::SERVICE_NAME
            | account_service_server::SERVICE_NAME
            | admin_service_server::SERVICE_NAME
            | health_server::SERVICE_NAME => true,
            v1::SERVICE_NAME | v1alpha::SERVICE_NAME => self.reflection.is_some(),
            _ => false,
        }
    }

    fn call<B>(&self, request: Request<B>) -> Called
    where
        B: http_body::Body<Data = Bytes, Error: Into<StdError> + Send> + Send + 'static,
    {
        match (service(request.uri().path()), &self.reflection) {
            (auth_service_server::SERVICE_NAME, _) => self.auth.clone().call(request),
            (token_service_server::SERVICE_NAME, _) => self.token.clone().call(request),
            (account_service_server::SERVICE_NAME, _) => self.account.clone().call(request),
            (admin_service_server::SERVICE_NAME, _) => self.admin.clone().call(request),
            (health_server::SERVICE_NAME, _) => self.health.clone().call(request),
            (v1::SERVICE_NAME, Some(reflection)) => Box::pin(reflection.v1.clone().call(request.map(Body::new))),
            (v1alpha::SERVICE_NAME, Some(reflection)) => Box::pin(reflection.v1alpha.clone().call(request.map(Body::new))),
            _ => Box::pin(ready(Ok(Status::unimplemented("").into_http()))),
        }
    }
}

/// `a.B` of `/a.B/C`; empty where there is no method.
fn service(path: &str) -> &str {
    let parts = path.strip_prefix('/').and_then(|path| path.split_once('/'));
    parts.filter(|(_, method)| !method.is_empty()).map_or("", |(service, _)| service)
}

/// Our descriptors with those of health and of the error details, so that a client can print all that it is answered.
fn described<'b>() -> Builder<'b> {
    Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(HEALTH)
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
}

#[cfg(test)]
mod tests {
    use super::service;

    #[test]
    fn a_service_is_what_stands_before_the_method() {
        assert_eq!(service("/grpc.health.v1.Health/Check"), "grpc.health.v1.Health");
        assert_eq!(service("/a.B/c/d"), "a.B");
        for path in ["", "/", "//", "/a.B", "/a.B/", "a.B/C", "*"] {
            assert_eq!(service(path), "", "{path}");
        }
    }
}
