//! An OpenID provider on loopback that misbehaves as it is told: it hangs, drips, redirects and lies.
//!
//! Every misdeed is an issuer of its own, `http://127.0.0.1:PORT/MISDEED`, so that one server plays them all. Its
//! authorization endpoint signs `mallory` in at once and sends the browser back.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

/// Our client id at every one of its issuers.
pub(crate) const CLIENT_ID: &str = "countersign";
/// Our client secret there.
pub(crate) const CLIENT_SECRET: &str = "0123456789abcdef0123456789abcdef";
/// The e-mail address that it always asserts, as verified.
pub(crate) const EMAIL: &str = "victim@example.org";

/// What it does wrong. `honest` does nothing wrong; every other one must be refused.
pub(crate) const MISDEEDS: &[&str] = &[
    // The discovery document
    "discovery-hangs",
    "discovery-500",
    "discovery-redirects",
    "discovery-endless",
    "discovery-drips",
    "discovery-garbage",
    "discovery-other-issuer",
    "discovery-issuer-with-slash",
    "token-endpoint-is-metadata",
    "keys-are-elsewhere",
    // The keys
    "keys-hang",
    "keys-500",
    "keys-redirect",
    "keys-huge",
    "keys-endless",
    // The token endpoint
    "token-hangs",
    "token-500",
    "token-redirects",
    "token-endless",
    "token-drips",
    "token-garbage",
    "token-without-id-token",
    // The ID token
    "issuer",
    "issuer-missing",
    "audience",
    "audience-missing",
    "audience-and-another",
    "azp",
    "nonce",
    "nonce-missing",
    "expired",
    "from-the-future",
    "not-yet",
    "at-hash",
    "subject-empty",
    "subject-long",
    "alg-none",
    "alg-hs256-client-secret",
    "alg-hs256-public-key",
    "alg-lies",
    "signature-of-another-key",
    "signature-cut",
    "unknown-kid",
    // The callback
    "callback-other-issuer",
    "callback-without-issuer",
    "callback-error",
];

/// The running provider; ends with the test.
pub(crate) struct EvilProvider {
    state: Arc<Shared>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

struct Shared {
    key: Vec<u8>,
    other_key: Vec<u8>,
    public: Vec<u8>,
    /// How often each path was asked for.
    hits: Mutex<HashMap<String, u32>>,
    /// The nonce that was asked for, by code.
    nonces: Mutex<HashMap<String, String>>,
    /// How many codes were given.
    codes: AtomicU32,
    /// What its issuers begin with.
    base: String,
}

impl EvilProvider {
    /// Starts it on a free port.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        Self::serve(listener, base)
    }

    /// Starts it behind TLS: its issuers begin with `https://` and `host`. The PEM is the certificate to trust.
    pub(crate) async fn start_tls(host: &str) -> (Self, String) {
        let (inner, outer) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let behind = inner.local_addr().unwrap();
        let mut provider = Self::serve(inner, format!("https://{host}:{}", outer.local_addr().unwrap().port()));
        let certified = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        provider.tasks.push(tokio::spawn(async move {
            while let Ok((connection, _)) = outer.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // Who does not trust us goes away.
                    let Ok(mut outside) = acceptor.accept(connection).await else { return };
                    let mut inside = TcpStream::connect(behind).await.unwrap();
                    let _ended = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
                });
            }
        }));
        (provider, certified.cert.pem())
    }

    fn serve(listener: TcpListener, base: String) -> Self {
        let pkcs8 = || EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let key = pkcs8();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref()).unwrap();
        let state = Arc::new(Shared {
            key: key.as_ref().to_vec(),
            other_key: pkcs8().as_ref().to_vec(),
            public: pair.public_key().as_ref().to_vec(),
            hits: Mutex::default(),
            nonces: Mutex::default(),
            codes: AtomicU32::default(),
            base,
        });
        let app = Router::new()
            .route("/{misdeed}/.well-known/openid-configuration", get(discovery))
            .route("/{misdeed}/keys", get(keys))
            .route("/{misdeed}/authorize", get(authorize))
            .route("/{misdeed}/token", post(token))
            .fallback(|State(shared): State<Arc<Shared>>, uri: axum::http::Uri| async move {
                shared.hit(uri.path());
                StatusCode::NOT_FOUND
            })
            .with_state(Arc::clone(&state));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { state, tasks: vec![task] }
    }

    /// The issuer that commits `misdeed`.
    pub(crate) fn issuer(&self, misdeed: &str) -> String {
        self.state.issuer(misdeed)
    }

    /// How often `path` was asked for.
    pub(crate) fn hits(&self, path: &str) -> u32 {
        self.state.hits.lock().unwrap().get(path).copied().unwrap_or_default()
    }

    /// A code that the token endpoint takes, for an ID token with this nonce.
    pub(crate) fn code(&self, nonce: &str) -> String {
        self.state.code(nonce)
    }
}

impl Drop for EvilProvider {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

impl Shared {
    fn issuer(&self, misdeed: &str) -> String {
        format!("{}/{misdeed}", self.base)
    }

    fn hit(&self, path: &str) {
        *self.hits.lock().unwrap().entry(path.to_owned()).or_default() += 1;
    }

    fn code(&self, nonce: &str) -> String {
        let mut nonces = self.nonces.lock().unwrap();
        let code = format!("code-{}", self.codes.fetch_add(1, Ordering::Relaxed));
        nonces.insert(code.clone(), nonce.to_owned());
        code
    }
}

async fn discovery(State(shared): State<Arc<Shared>>, Path(misdeed): Path<String>) -> Response {
    shared.hit(&format!("/{misdeed}/discovery"));
    if let Some(response) = misbehaved(&shared, &misdeed, "discovery").await {
        return response;
    }
    let issuer = shared.issuer(&misdeed);
    let says = match misdeed.as_str() {
        "discovery-other-issuer" => shared.issuer("honest"),
        "discovery-issuer-with-slash" => format!("{issuer}/"),
        _ => issuer.clone(),
    };
    let mut document = json!({
        "issuer": says,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
    });
    match misdeed.as_str() {
        "token-endpoint-is-metadata" => document["token_endpoint"] = json!("http://169.254.169.254/latest/token"),
        "keys-are-elsewhere" => document["jwks_uri"] = json!("https://keys.example.com/keys"),
        "callback-without-issuer" => document["authorization_response_iss_parameter_supported"] = json!(true),
        _ => {}
    }
    axum::Json(document).into_response()
}

async fn keys(State(shared): State<Arc<Shared>>, Path(misdeed): Path<String>) -> Response {
    shared.hit(&format!("/{misdeed}/keys"));
    if let Some(response) = misbehaved(&shared, &misdeed, "keys").await {
        return response;
    }
    let (x, y) = shared.public[1..].split_at(32);
    let jwk = |kid: String| {
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid, "x": x, "y": y})
    };
    let mut keys = vec![jwk("key".to_owned())];
    if misdeed == "keys-huge" {
        keys.extend((0..10_000).map(|n| jwk(format!("key-{n}"))));
    }
    axum::Json(json!({ "keys": keys })).into_response()
}

async fn authorize(
    State(shared): State<Arc<Shared>>,
    Path(misdeed): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let ok = query.get("response_type").is_some_and(|kind| kind == "code")
        && query.get("code_challenge_method").is_some_and(|method| method == "S256")
        && query.get("code_challenge").is_some_and(|challenge| challenge.len() == 43)
        && query.get("scope").is_some_and(|scope| scope.split(' ').any(|scope| scope == "openid"))
        && query.get("client_id").is_some_and(|id| id == CLIENT_ID);
    let (Some(state), Some(nonce), Some(redirect), true) =
        (query.get("state"), query.get("nonce"), query.get("redirect_uri"), ok)
    else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let mut back = url::Url::parse(redirect).unwrap();
    back.query_pairs_mut().append_pair("state", state);
    match misdeed.as_str() {
        "callback-error" => back.query_pairs_mut().append_pair("error", "access_denied"),
        _ => back.query_pairs_mut().append_pair("code", &shared.code(nonce)),
    };
    if misdeed == "callback-other-issuer" {
        back.query_pairs_mut().append_pair("iss", &shared.issuer("honest"));
    }
    (StatusCode::FOUND, [(LOCATION, back.to_string())]).into_response()
}

async fn token(State(shared): State<Arc<Shared>>, Path(misdeed): Path<String>, body: Bytes) -> Response {
    shared.hit(&format!("/{misdeed}/token"));
    if let Some(response) = misbehaved(&shared, &misdeed, "token").await {
        return response;
    }
    let form: HashMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    let nonce = form.get("code").and_then(|code| shared.nonces.lock().unwrap().remove(code));
    let Some(nonce) = nonce.filter(|_| form.get("code_verifier").is_some_and(|verifier| verifier.len() == 43)) else {
        return (StatusCode::BAD_REQUEST, axum::Json(json!({"error": "invalid_grant"}))).into_response();
    };
    let mut answer = json!({"access_token": "access", "token_type": "Bearer", "expires_in": 60});
    if misdeed != "token-without-id-token" {
        answer["id_token"] = json!(id_token(&shared, &misdeed, &nonce));
    }
    axum::Json(answer).into_response()
}

/// The answer of `part` where that is what is wrong with this issuer.
async fn misbehaved(shared: &Shared, misdeed: &str, part: &str) -> Option<Response> {
    let wrong = misdeed.strip_prefix(part)?.strip_prefix('-')?;
    match wrong {
        "hangs" | "hang" => std::future::pending().await,
        "500" => Some((StatusCode::INTERNAL_SERVER_ERROR, "{}").into_response()),
        "redirects" | "redirect" => {
            let to = match part {
                "discovery" => "honest/.well-known/openid-configuration",
                "keys" => "honest/keys",
                _ => "honest/token",
            };
            Some((StatusCode::TEMPORARY_REDIRECT, [(LOCATION, shared.issuer(to))]).into_response())
        }
        "endless" => Some(streamed(Duration::ZERO, "{\"a\":\"".to_owned() + &"a".repeat(16 * 1024))),
        "drips" => Some(streamed(Duration::from_millis(200), " ".to_owned())),
        "garbage" => Some(([(CONTENT_TYPE, "application/json")], "{\"issuer\":").into_response()),
        _ => None,
    }
}

/// An answer without end: `chunk` again and again.
fn streamed(pause: Duration, chunk: String) -> Response {
    let chunk = Bytes::from(chunk);
    let chunks = futures_util::stream::unfold((), move |()| {
        let chunk = chunk.clone();
        async move {
            tokio::time::sleep(pause).await;
            Some((Ok::<_, std::io::Error>(chunk), ()))
        }
    });
    ([(CONTENT_TYPE, "application/json")], Body::from_stream(chunks)).into_response()
}

#[expect(clippy::disallowed_methods, reason = "a provider of its own has a clock of its own")]
fn id_token(shared: &Shared, misdeed: &str, nonce: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut claims = json!({
        "iss": shared.issuer(misdeed),
        "aud": CLIENT_ID,
        "sub": "mallory",
        "nonce": nonce,
        "iat": now,
        "exp": now + 300,
        "email": EMAIL,
        "email_verified": true,
        "preferred_username": "victim",
    });
    match misdeed {
        "issuer" => claims["iss"] = json!(shared.issuer("honest")),
        "issuer-missing" => drop(claims.as_object_mut().unwrap().remove("iss")),
        "audience" => claims["aud"] = json!("another"),
        "audience-missing" => drop(claims.as_object_mut().unwrap().remove("aud")),
        "audience-and-another" => claims["aud"] = json!([CLIENT_ID, "another"]),
        "azp" => claims["azp"] = json!("another"),
        "nonce" => claims["nonce"] = json!("another"),
        "nonce-missing" => drop(claims.as_object_mut().unwrap().remove("nonce")),
        "expired" => claims["exp"] = json!(now - 61),
        "from-the-future" => claims["iat"] = json!(now + 120),
        "not-yet" => claims["nbf"] = json!(now + 120),
        "at-hash" => claims["at_hash"] = json!("AAAAAAAAAAAAAAAAAAAAAA"),
        "subject-empty" => claims["sub"] = json!(""),
        "subject-long" => claims["sub"] = json!("a".repeat(256)),
        _ => {}
    }
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(if misdeed == "unknown-kid" { "another".to_owned() } else { "key".to_owned() });
    let signed = |header: &Header, key: EncodingKey| jsonwebtoken::encode(header, &claims, &key).unwrap();
    let good = || EncodingKey::from_ec_der(&shared.key);
    match misdeed {
        "alg-none" => unsigned(&json!({"alg": "none", "kid": "key"}), &claims),
        "alg-hs256-client-secret" => {
            header.alg = Algorithm::HS256;
            signed(&header, EncodingKey::from_secret(CLIENT_SECRET.as_bytes()))
        }
        "alg-hs256-public-key" => {
            header.alg = Algorithm::HS256;
            signed(&header, EncodingKey::from_secret(&shared.public))
        }
        "alg-lies" => {
            let token = signed(&header, good());
            let (_, rest) = token.split_once('.').unwrap();
            format!("{}.{rest}", URL_SAFE_NO_PAD.encode(json!({"alg": "RS256", "kid": "key"}).to_string()))
        }
        "signature-of-another-key" => signed(&header, EncodingKey::from_ec_der(&shared.other_key)),
        "signature-cut" => unsigned(&json!({"alg": "ES256", "kid": "key"}), &claims),
        _ => signed(&header, good()),
    }
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}.", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
}
