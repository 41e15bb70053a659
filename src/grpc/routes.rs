//! All gRPC services as one router: ours, health, reflection.

use tonic::service::Routes;
use tonic_health::pb::FILE_DESCRIPTOR_SET as HEALTH;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_reflection::server::{Builder, Error as ReflectionError};

use super::Api;
use super::layers::{self, LayerSettings};
use super::pb::DESCRIPTOR_SET;
use super::pb::account_service_server::AccountServiceServer;
use super::pb::admin_service_server::AdminServiceServer;
use super::pb::auth_service_server::AuthServiceServer;
use super::pb::token_service_server::TokenServiceServer;

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

/// The routes of every gRPC service, inside the layers, with gRPC-Web and the answer to unknown paths.
///
/// # Errors
/// Where the compiled descriptors cannot be read, which a test would have shown.
pub fn router<H: Health>(
    api: &Api,
    health: HealthServer<H>,
    reflection: bool,
    layers: LayerSettings,
) -> Result<axum::Router, ReflectionError> {
    let mut routes = Routes::default()
        .add_service(AuthServiceServer::new(api.clone()).max_decoding_message_size(MAX_MESSAGE))
        .add_service(TokenServiceServer::new(api.clone()).max_decoding_message_size(MAX_MESSAGE))
        .add_service(AccountServiceServer::new(api.clone()).max_decoding_message_size(MAX_MESSAGE))
        .add_service(AdminServiceServer::new(api.clone()).max_decoding_message_size(MAX_MESSAGE))
        .add_service(health.max_decoding_message_size(MAX_MESSAGE));
    if reflection {
        routes = routes
            .add_service(described().build_v1()?.max_decoding_message_size(MAX_MESSAGE))
            .add_service(described().build_v1alpha()?.max_decoding_message_size(MAX_MESSAGE));
    }
    Ok(layers::apply(routes.into_axum_router(), layers))
}

/// Our descriptors with those of health and of the error details, so that a client can print all that it is answered.
fn described<'b>() -> Builder<'b> {
    Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(HEALTH)
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
}
