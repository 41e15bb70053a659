//! The connection of a client command to its server: `countersign-client`, with what the command line and the environment say.

use std::path::PathBuf;

use countersign_client::{Bearer, Endpoint};
use tonic::Request;
use tonic::transport::Channel;

use super::input;
use super::output::Failure;
use crate::config::outside;

/// What every client command takes.
#[derive(clap::Args, Clone, Debug)]
pub(super) struct Connection {
    /// The server: an http or https URL, or HOST:PORT, which is http on this machine and https elsewhere.
    #[arg(long, env = "COUNTERSIGN_SERVER", value_name = "SERVER", default_value = "http://127.0.0.1:50051")]
    server: String,
    /// PEM file with the certificate authority of an https server, in place of the machine's own.
    #[arg(long, env = "COUNTERSIGN_CA", value_name = "FILE", value_parser = file)]
    ca: Option<PathBuf>,
    /// Print one line of JSON.
    #[arg(long)]
    pub(super) json: bool,
}

impl Connection {
    /// Connects.
    pub(super) async fn open(&self) -> Result<Channel, Failure> {
        let mut endpoint = Endpoint::new(&self.server)?;
        if let Some(path) = &self.ca {
            let pem = outside::file(path, outside::MAX_FILE_BYTES)
                .map_err(|error| Failure::CommandLine(format!("--ca: cannot read {}: {error}", path.display())))?;
            endpoint = endpoint.ca_certificate(pem);
        }
        Ok(endpoint.connect().await?)
    }
}

fn file(text: &str) -> Result<PathBuf, String> {
    outside::path(text).map_err(|wanted| format!("this is not {wanted}"))
}

/// A request of the caller whose access token is in `COUNTERSIGN_TOKEN`.
pub(super) fn signed_in<M>(message: M) -> Result<Request<M>, Failure> {
    let token = input::environment("COUNTERSIGN_TOKEN")?.ok_or_else(|| {
        Failure::Denied("COUNTERSIGN_TOKEN is not set; it takes the access token that `countersign login` prints".to_owned())
    })?;
    let bearer = Bearer::new(token.expose().trim())
        .map_err(|malformed| Failure::CommandLine(format!("COUNTERSIGN_TOKEN is no access token: {malformed}")))?;
    Ok(bearer.request(message))
}
