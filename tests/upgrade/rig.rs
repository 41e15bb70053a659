//! The server in this process, over a data directory that is there already, on a clock that stands still.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign::app::{App, Seams, StartError};
use countersign::config::Settings;
use countersign::grpc::pb::account_service_client::AccountServiceClient;
use countersign::grpc::pb::admin_service_client::AdminServiceClient;
use countersign::grpc::pb::auth_service_client::AuthServiceClient;
use countersign::grpc::pb::token_service_client::TokenServiceClient;
use countersign::grpc::pb::{LoginRequest, PkeyJwtRequest, RedeemSingleUseRequest, RefreshRequest, TokenSet, VerifyTokenRequest};
use countersign::model::clock::{Clock, ManualClock, Timestamp};
use countersign::model::random::SystemRandom;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

/// The password of `admin`.
pub(crate) const ADMIN_PASSWORD: &str = "violet kettle orbits sandstone";
/// The issuer, which does not depend on the port.
const PUBLIC_URL: &str = "http://auth.example";

pub(crate) struct Rig {
    pub(crate) clock: Arc<ManualClock>,
    channel: Channel,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), StartError>>,
}

impl Rig {
    /// Serves from `data` as of `now`.
    pub(crate) async fn start(data: &Path, kek: Option<&str>, now: Timestamp) -> Self {
        let clock = Arc::new(ManualClock::new(now));
        let seams = Seams { clock: Arc::clone(&clock) as Arc<dyn Clock>, random: Arc::new(SystemRandom) };
        let mut environment: BTreeMap<String, String> = [
            ("COUNTERSIGN_LISTEN", "127.0.0.1:0"),
            ("COUNTERSIGN_PUBLIC_URL", PUBLIC_URL),
            ("COUNTERSIGN_ADMIN_PASSWORD", ADMIN_PASSWORD),
            ("COUNTERSIGN_DATA_DIR", &data.display().to_string()),
            ("COUNTERSIGN_HASH_MEMORY", "8"),
            ("COUNTERSIGN_HASH_PASSES", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let key_file = tempfile::NamedTempFile::new().unwrap();
        if let Some(kek) = kek {
            std::fs::write(key_file.path(), kek).unwrap();
            environment.insert("COUNTERSIGN_KEK_FILE".to_owned(), key_file.path().display().to_string());
        }
        let settings = Settings::read(&BTreeMap::new(), &environment).unwrap();
        let listener = TcpListener::bind(settings.listen).await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let app = App::open(settings, address, seams).await.unwrap();
        let shutdown = CancellationToken::new();
        let (ready, is_ready) = oneshot::channel();
        let task = tokio::spawn(Box::pin(app.run(listener, shutdown.clone(), move || ready.send(()).unwrap())));
        is_ready.await.unwrap();
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        Self { clock, channel, shutdown, task }
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        drop(self.channel);
        tokio::time::timeout(Duration::from_secs(30), self.task).await.expect("it ends soon").unwrap().unwrap();
    }

    pub(crate) fn auth(&self) -> AuthServiceClient<Channel> {
        AuthServiceClient::new(self.channel.clone())
    }

    pub(crate) fn account(&self) -> AccountServiceClient<Channel> {
        AccountServiceClient::new(self.channel.clone())
    }

    pub(crate) fn admin(&self) -> AdminServiceClient<Channel> {
        AdminServiceClient::new(self.channel.clone())
    }

    pub(crate) async fn log_in(&self, username: &str, password: &str, otp: &str) -> Result<TokenSet, Status> {
        let (username, password, otp) = (username.to_owned(), password.to_owned(), otp.to_owned());
        let request = LoginRequest { username, password, otp, ..LoginRequest::default() };
        Ok(self.auth().login(request).await?.into_inner().tokens.unwrap())
    }

    pub(crate) async fn refresh(&self, token: &str) -> Result<TokenSet, Status> {
        let request = RefreshRequest { refresh_token: token.to_owned(), ..RefreshRequest::default() };
        Ok(self.auth().refresh(request).await?.into_inner().tokens.unwrap())
    }

    pub(crate) async fn exchange(&self, (key_id, key_secret): &(String, String)) -> Result<TokenSet, Status> {
        let request = PkeyJwtRequest { key_id: key_id.clone(), key_secret: key_secret.clone(), ..PkeyJwtRequest::default() };
        Ok(self.auth().pkey_jwt(request).await?.into_inner().tokens.unwrap())
    }

    pub(crate) async fn redeem(&self, link: &str) -> Result<TokenSet, Status> {
        let request = RedeemSingleUseRequest { token: link.to_owned(), ..RedeemSingleUseRequest::default() };
        Ok(self.auth().redeem_single_use(request).await?.into_inner().tokens.unwrap())
    }

    /// What VerifyToken says of a token.
    pub(crate) async fn active(&self, asker: &TokenSet, access_token: &str) -> bool {
        let request = VerifyTokenRequest { token: access_token.to_owned(), ..VerifyTokenRequest::default() };
        let answer = TokenServiceClient::new(self.channel.clone()).verify_token(bearer(asker, request)).await;
        answer.unwrap().into_inner().active
    }
}

/// A request of the bearer of these tokens.
pub(crate) fn bearer<M>(tokens: &TokenSet, message: M) -> Request<M> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {}", tokens.access_token).parse().unwrap());
    request
}

/// The reason of a refusal.
pub(crate) fn reason<T>(answer: Result<T, Status>) -> String {
    let Err(status) = answer else { panic!("it was not refused") };
    status.get_details_error_info().unwrap_or_else(|| panic!("without ErrorInfo: {status:?}")).reason
}

/// The one-time code of a secret in base32.
pub(crate) fn one_time_code(secret: &str, at: Timestamp) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    totp_rs::Builder::new().with_secret(secret).build_noncompliant().generate(at.secs()).to_string()
}
