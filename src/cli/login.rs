//! `countersign login`.

use countersign_client::pb::auth_service_client::AuthServiceClient;
use countersign_client::{error, pb};
use serde_json::json;

use super::client::Connection;
use super::input;
use super::output::{Failure, incomplete, note, print, time, user};

/// Logs in and prints the access token.
///
/// The password comes from COUNTERSIGN_PASSWORD, a prompt, or the first line of standard input; a one-time or recovery code, where
/// the account needs one, from COUNTERSIGN_OTP, a prompt, or the next line.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:
  export COUNTERSIGN_TOKEN=$(countersign login admin)")]
pub(super) struct Args {
    /// Username or e-mail address.
    username: String,
    /// Organization to work in; the personal one by default.
    #[arg(long, value_name = "NAME", default_value = "")]
    org: String,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let mut client = AuthServiceClient::new(args.connection.open().await?);
    let password = input::secret("COUNTERSIGN_PASSWORD", "Password: ")?;
    let code = input::environment("COUNTERSIGN_OTP")?;
    let request = |otp: &str| pb::LoginRequest {
        username: args.username.clone(),
        password: password.expose().to_owned(),
        otp: otp.to_owned(),
        org_name: args.org.clone(),
        mode: pb::TokenMode::Json.into(),
    };
    let first = client.login(request(code.as_ref().map_or("", |code| code.expose()))).await;
    let answer = match first {
        Err(status) if code.is_none() && error::reason(&status) == Some(pb::ErrorReason::OtpRequired) => {
            let code = input::ask("One-time code: ")?;
            if code.is_empty() {
                return Err(status.into());
            }
            client.login(request(code.expose())).await?
        }
        answer => answer?,
    };
    let answer = answer.into_inner();
    let tokens = answer.tokens.as_ref().ok_or_else(incomplete)?;
    let value = json!({
        "access_token": tokens.access_token,
        "token_type": tokens.token_type,
        "expires": tokens.expires,
        "refresh_token": tokens.refresh_token,
        "access_expire_time": time(tokens.access_expire_time.as_ref()),
        "session_expire_time": time(tokens.session_expire_time.as_ref()),
        "session_id": tokens.session_id,
        "active_organization": tokens.active_organization,
        "user": answer.user.as_ref().map(user),
    });
    print(args.connection.json, &value, &tokens.access_token);
    if !args.connection.json {
        let until = tokens.access_expire_time.as_ref().map(ToString::to_string).unwrap_or_default();
        note(&format!("signed in to {} until {until}", tokens.active_organization));
    }
    Ok(())
}
