//! The connection of a client command to its server.

use std::path::PathBuf;
use std::time::Duration;

use tonic::Request;
use tonic::metadata::MetadataValue;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use super::input;
use super::output::Failure;
use crate::model::secret::Secret;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a call may take.
const CALL: Duration = Duration::from_secs(30);

/// What every client command takes.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Connection {
    /// The server, an http or https URL.
    #[arg(long, env = "COUNTERSIGN_SERVER", value_name = "URL", default_value = "http://127.0.0.1:50051")]
    server: String,
    /// PEM file with the certificate authority of an https server, in place of the machine's own.
    #[arg(long, env = "COUNTERSIGN_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Print one line of JSON.
    #[arg(long)]
    pub(super) json: bool,
}

impl Connection {
    /// Connects.
    pub(super) async fn open(&self) -> Result<Channel, Failure> {
        let wrong = |error: &dyn std::fmt::Display| Failure::CommandLine(format!("--server {}: {error}", self.server));
        let mut endpoint = Endpoint::from_shared(self.server.clone()).map_err(|error| wrong(&error))?;
        match endpoint.uri().scheme_str() {
            Some("http") => {}
            Some("https") => endpoint = endpoint.tls_config(self.tls()?).map_err(|error| wrong(&error))?,
            _ => return Err(wrong(&"is no http or https URL")),
        }
        let endpoint = endpoint.connect_timeout(CONNECT).timeout(CALL);
        endpoint.connect().await.map_err(|error| {
            Failure::Unreachable(format!(
                "cannot reach {}: {}; is it running, and is --server right?",
                self.server,
                innermost(&error)
            ))
        })
    }

    fn tls(&self) -> Result<ClientTlsConfig, Failure> {
        let config = ClientTlsConfig::new();
        let Some(path) = &self.ca else { return Ok(config.with_native_roots()) };
        let pem = std::fs::read(path)
            .map_err(|error| Failure::CommandLine(format!("--ca: cannot read {}: {error}", path.display())))?;
        Ok(config.ca_certificate(Certificate::from_pem(pem)))
    }
}

/// A request of the caller whose access token is in `COUNTERSIGN_TOKEN`.
pub(super) fn signed_in<M>(message: M) -> Result<Request<M>, Failure> {
    let token = input::environment("COUNTERSIGN_TOKEN")?.ok_or_else(|| {
        Failure::Denied("COUNTERSIGN_TOKEN is not set; it takes the access token that `countersign login` prints".to_owned())
    })?;
    let bearer = Secret::from(format!("Bearer {}", token.expose().trim()));
    let mut value: MetadataValue<_> =
        bearer.expose().parse().map_err(|_| Failure::CommandLine("COUNTERSIGN_TOKEN is no access token".to_owned()))?;
    value.set_sensitive(true);
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", value);
    Ok(request)
}

/// The cause at the bottom: what the system said.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
