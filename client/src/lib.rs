//! A client of countersign, an authentication service: its messages and gRPC clients, and what a caller needs beside them.
//!
//! | module | owns |
//! |---|---|
//! | [`pb`] | the messages and clients of `proto/countersign/v1`, as they are generated |
//! | [`endpoint`] | the connection: the server's URL, its certificate authority, time limits |
//! | [`credentials`] | the metadata of a signed-in caller, marked sensitive |
//! | [`error`] | what a refusal says: its [`ErrorReason`](pb::ErrorReason), and when to try again |
//!
//! # Example
//!
//! ```no_run
//! use countersign_client::pb::account_service_client::AccountServiceClient;
//! use countersign_client::pb::auth_service_client::AuthServiceClient;
//! use countersign_client::pb::{ErrorReason, GetAccountRequest, LoginRequest};
//! use countersign_client::{Bearer, Endpoint, error};
//!
//! # async fn example(password: String) -> Result<(), Box<dyn std::error::Error>> {
//! let channel = Endpoint::new("https://auth.example.org")?.connect().await?;
//! let login = LoginRequest { username: "ada".to_owned(), password, ..LoginRequest::default() };
//! let tokens = match AuthServiceClient::new(channel.clone()).login(login).await {
//!     Ok(answer) => answer.into_inner().tokens.unwrap_or_default(),
//!     Err(refusal) if error::reason(&refusal) == Some(ErrorReason::OtpRequired) => return Err("a code is wanted".into()),
//!     Err(refusal) => return Err(refusal.into()),
//! };
//! let mut account = AccountServiceClient::with_interceptor(channel, Bearer::new(&tokens.access_token)?);
//! println!("{:?}", account.get_account(GetAccountRequest {}).await?.into_inner().user);
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! `tls` (on by default) speaks https. It is rustls with aws-lc-rs; a program that has two providers of rustls among its
//! dependencies installs one of them at its start.
//!
//! [`tonic`] and [`prost_types`] are re-exported: their types are part of this API.

pub mod credentials;
pub mod endpoint;
pub mod error;
pub mod pb;

pub use prost_types;
pub use tonic;

pub use self::credentials::{Bearer, PersonalKey};
pub use self::endpoint::{ConnectError, Endpoint};
