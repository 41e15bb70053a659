use std::time::Instant;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::model::clock::{Clock as _, ManualClock, SETTLED_AFTER, SystemClock};
use crate::store::{Revocations, memory};

#[path = "../../tests/evil_provider/mod.rs"]
mod evil_provider;

use evil_provider::{CLIENT_ID, CLIENT_SECRET, EMAIL, EvilProvider, MISDEEDS};

/// What one sign-on may take, whatever the provider does.
const BOUND: Duration = Duration::from_secs(20);

pub(super) fn time() -> Time {
    Time::new(Arc::new(SystemClock), memory(Arc::new(Revocations::default())), SETTLED_AFTER)
}

fn oidc() -> OidcClient {
    OidcClient::new(time(), Network::default())
}

fn registration(provider: &EvilProvider, misdeed: &str) -> Registration {
    Registration {
        id: ProviderId::from_bytes([1; 16]),
        issuer: provider.issuer(misdeed),
        client_id: CLIENT_ID.to_owned(),
        client_secret: Some(Secret::new(CLIENT_SECRET)),
        scopes: vec!["email".to_owned()],
        trusted_audiences: Vec::new(),
        confined: false,
    }
}

fn request() -> SignInRequest {
    SignInRequest {
        redirect_uri: "http://127.0.0.1:1/sso/callback/a".to_owned(),
        state: Secret::new("csb_state"),
        nonce: Secret::new("nonce"),
        pkce_verifier: Secret::new("v".repeat(43)),
    }
}

/// Goes through a whole sign-on, as far as the client is concerned.
async fn sign_on(oidc: &OidcClient, provider: &EvilProvider, misdeed: &str) -> Result<ProvenIdentity> {
    let (registration, request) = (registration(provider, misdeed), request());
    oidc.authorization_url(&registration, &request).await?;
    oidc.exchange(&registration, &request, &Secret::new(provider.code("nonce")), None).await
}

#[tokio::test]
async fn an_honest_provider_is_believed() {
    let (oidc, provider) = (oidc(), EvilProvider::start().await);
    let identity = sign_on(&oidc, &provider, "honest").await.unwrap();
    assert_eq!((identity.subject.as_str(), identity.preferred_username.as_deref()), ("mallory", Some("victim")));
    assert_eq!(identity.verified_email.as_deref(), Some(EMAIL));
    sign_on(&oidc, &provider, "honest").await.unwrap();
    assert_eq!((provider.hits("/honest/discovery"), provider.hits("/honest/keys")), (1, 1), "what is fresh is not fetched again");
}

#[tokio::test]
async fn an_id_token_is_not_judged_by_a_clock_that_is_not_trusted() {
    let (right, provider) = (SystemClock.now(), EvilProvider::start().await);
    let clock = Arc::new(ManualClock::new(right));
    let time = Time::new(Arc::clone(&clock) as Arc<_>, memory(Arc::new(Revocations::default())), SETTLED_AFTER);
    let oidc = OidcClient::new(time, Network::default());
    for wrong in [right.plus(Duration::from_secs(61)), right.minus(Duration::from_hours(72))] {
        clock.set(wrong);
        assert_eq!(sign_on(&oidc, &provider, "honest").await, Err(IdentityError::ClockUntrusted));
    }
    clock.set(right);
    sign_on(&oidc, &provider, "honest").await.unwrap();
}

#[tokio::test]
async fn the_way_to_the_provider_names_all_it_needs() {
    let (oidc, provider) = (oidc(), EvilProvider::start().await);
    let url = oidc.authorization_url(&registration(&provider, "honest"), &request()).await.unwrap();
    let url = url::Url::parse(&url).unwrap();
    let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
    assert!(url.as_str().starts_with(&format!("{}/authorize?", provider.issuer("honest"))));
    let challenge = challenge(&request().pkce_verifier);
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("redirect_uri", "http://127.0.0.1:1/sso/callback/a"),
        ("scope", "openid email"),
        ("state", "csb_state"),
        ("nonce", "nonce"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(query.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!url.as_str().contains(CLIENT_SECRET));
}

#[tokio::test]
async fn every_misdeed_is_refused_within_the_bound() {
    let (oidc, provider) = (oidc(), EvilProvider::start().await);
    // Those of the callback are not the client's to see.
    let seen = MISDEEDS.iter().filter(|misdeed| !matches!(**misdeed, "callback-other-issuer" | "callback-error"));
    let tried = seen.map(async |misdeed| {
        let start = Instant::now();
        let outcome = sign_on(&oidc, &provider, misdeed).await;
        assert!(outcome.is_err(), "{misdeed} was believed: {outcome:?}");
        assert!(start.elapsed() < BOUND, "{misdeed} took {:?}", start.elapsed());
        let text = outcome.unwrap_err().to_string();
        assert!(text.len() < 600 && !text.contains(CLIENT_SECRET), "{misdeed}: {text}");
    });
    futures_util::future::join_all(tried).await;
    for hit in ["/honest/discovery", "/honest/keys", "/honest/token"] {
        assert_eq!(provider.hits(hit), 0, "a redirect was followed to {hit}");
    }
}

#[tokio::test]
async fn tokens_with_unknown_keys_do_not_make_it_fetch_keys_again_and_again() {
    let (oidc, provider) = (oidc(), EvilProvider::start().await);
    for _ in 0..20 {
        assert!(sign_on(&oidc, &provider, "unknown-kid").await.is_err());
    }
    assert_eq!((provider.hits("/unknown-kid/keys"), provider.hits("/unknown-kid/token")), (1 + 3, 20), "three times a minute");
}

#[tokio::test]
async fn a_provider_that_hangs_is_asked_once_by_many() {
    let (oidc, provider) = (oidc(), EvilProvider::start().await);
    let start = Instant::now();
    let (registration, request) = (registration(&provider, "discovery-hangs"), request());
    let many = (0..40).map(|_| oidc.authorization_url(&registration, &request));
    assert!(futures_util::future::join_all(many).await.iter().all(std::result::Result::is_err));
    assert!(start.elapsed() < BOUND);
    assert_eq!(provider.hits("/discovery-hangs/discovery"), 1);
}

#[tokio::test]
async fn a_callback_that_names_another_issuer_sends_no_code() {
    let (oidc, provider) = (oidc(), EvilProvider::start().await);
    let (registration, request) = (registration(&provider, "honest"), request());
    let code = Secret::new(provider.code("nonce"));
    let outcome = oidc.exchange(&registration, &request, &code, Some("https://other.example.com")).await;
    assert!(matches!(outcome, Err(IdentityError::Untrusted(_))));
    assert_eq!(provider.hits("/honest/token"), 0);
    assert!(oidc.exchange(&registration, &request, &code, Some(&provider.issuer("honest"))).await.is_ok());
}

#[tokio::test]
async fn an_issuer_off_loopback_must_speak_https() {
    let provider = EvilProvider::start().await;
    let plain = Registration { issuer: "http://192.0.2.1".to_owned(), ..registration(&provider, "honest") };
    assert!(matches!(oidc().authorization_url(&plain, &request()).await, Err(IdentityError::Untrusted(_))));
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let (provider, _) = EvilProvider::start_tls("localhost").await;
    let outcome = sign_on(&oidc(), &provider, "honest").await;
    let refused = matches!(&outcome, Err(IdentityError::Unreachable(why)) if why.contains("certificate"));
    assert!(refused, "{outcome:?}");
    assert_eq!(provider.hits("/honest/discovery"), 0);
}

/// An HTTP proxy that connects to this machine, whatever it is asked for, and remembers what it was asked for and how.
struct Proxy {
    address: std::net::SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let heads = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let heads = Arc::clone(&heads);
                tokio::spawn(async move {
                    let (mut connection, mut head) = (connection, Vec::new());
                    while !head.ends_with(b"\r\n\r\n") {
                        head.push(connection.read_u8().await.unwrap());
                    }
                    let head = String::from_utf8(head).unwrap();
                    let port: u16 = head.split(' ').nth(1).unwrap().rsplit(':').next().unwrap().parse().unwrap();
                    heads.lock().unwrap().push(head);
                    connection.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                    let mut inside = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                    let _ended = tokio::io::copy_bidirectional(&mut connection, &mut inside).await;
                });
            }
        });
        Self { address, asked, task }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test]
async fn a_provider_behind_the_operators_proxy_and_authority_is_reached() {
    let ((provider, pem), proxy) = (EvilProvider::start_tls("idp.example.test").await, Proxy::start().await);
    let network = Network {
        proxy: Secret::new(format!("http://ann:secret@{}", proxy.address)),
        no_proxy: "elsewhere.test, 192.0.2.0/24".to_owned(),
        authorities: vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()],
    };
    let through = OidcClient::new(time(), network.clone());
    sign_on(&through, &provider, "honest").await.unwrap();
    let asked = proxy.asked.lock().unwrap().clone();
    assert!(asked[0].starts_with("CONNECT idp.example.test:"), "{asked:?}");
    assert!(asked[0].to_ascii_lowercase().contains("proxy-authorization: basic yw5uonnly3jlda=="), "{asked:?}");

    // An authority that is not trusted there either.
    let mistrusting = OidcClient::new(time(), Network { authorities: Vec::new(), ..network.clone() });
    let outcome = sign_on(&mistrusting, &provider, "honest").await;
    assert!(matches!(&outcome, Err(IdentityError::Unreachable(why)) if why.contains("certificate")), "{outcome:?}");

    // This machine is never asked of a proxy.
    let before = proxy.asked.lock().unwrap().len();
    sign_on(&through, &EvilProvider::start().await, "honest").await.unwrap();
    assert_eq!(proxy.asked.lock().unwrap().len(), before);
    let outside = Outside::new(network);
    for (to, by_proxy) in [
        ("https://idp.example.test/keys", true),
        ("https://elsewhere.test/keys", false),
        ("https://idp.elsewhere.test/keys", false),
        ("https://192.0.2.9/keys", false),
        ("https://192.0.3.9/keys", true),
    ] {
        assert_eq!(outside.has_proxy_for(&to.parse().unwrap()), by_proxy, "{to}");
    }
}

#[tokio::test]
async fn a_proxy_that_says_no_is_told_without_its_password() {
    let (provider, _) = EvilProvider::start_tls("idp.example.test").await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let network = Network { proxy: Secret::new(format!("http://ann:secret@{closed}")), ..Network::default() };
    let outcome = sign_on(&OidcClient::new(time(), network), &provider, "honest").await.unwrap_err().to_string();
    assert!(outcome.contains("the proxy did not connect") && !outcome.contains("secret"), "{outcome}");
}
