//! An OpenID provider on loopback that answers as it is scripted: each script is an issuer of its own,
//! `http://127.0.0.1:PORT/NAME`, and signs its person in at once.

mod keys;
pub(crate) mod rows;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) use self::keys::Key;

/// Our client id at every issuer.
pub(crate) const CLIENT_ID: &str = "countersign";
/// Our client secret there: with characters that a form and a header write differently.
pub(crate) const CLIENT_SECRET: &str = "0123456789abcdef+/%:0123456789abcdef";
/// The access token that the userinfo endpoint takes.
const ACCESS_TOKEN: &str = "the access token";

/// The RSA key of every script: making one takes long.
static RSA: LazyLock<Arc<Key>> = LazyLock::new(|| Arc::new(Key::new("RS256")));

/// What one issuer answers. Values are added to what a plain provider says, `{issuer}` in a text being the issuer.
pub(crate) struct Script {
    pub(crate) discovery: Value,
    pub(crate) token: Value,
    pub(crate) claims: Value,
    pub(crate) header: Value,
    /// What the userinfo endpoint answers; `None`: an error.
    pub(crate) userinfo: Option<Value>,
    /// What is added to the published key.
    pub(crate) jwk: Value,
    /// Keys that are published before it.
    pub(crate) other_keys: Vec<Value>,
    pub(crate) alg: &'static str,
    pub(crate) key: Arc<Key>,
    /// The names that are taken away from what it says: `claims.nonce`, `token.access_token`.
    pub(crate) without: &'static [&'static str],
    /// The content type of all its answers.
    pub(crate) content_type: &'static str,
    /// How the client secret must come: `basic`, `post`.
    pub(crate) secret: &'static str,
    /// How long the key set takes.
    pub(crate) slow: Duration,
    /// Whether answers are compressed for those who did not ask for `identity`.
    pub(crate) compresses: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self::new("RS256")
    }
}

impl Script {
    /// A plain provider that signs by this algorithm.
    pub(crate) fn new(alg: &'static str) -> Self {
        Self {
            discovery: json!({}),
            token: json!({}),
            claims: json!({}),
            header: json!({}),
            userinfo: None,
            jwk: json!({"kid": "one", "use": "sig"}),
            other_keys: Vec::new(),
            alg,
            key: if alg.starts_with(['R', 'P']) { Arc::clone(&RSA) } else { Arc::new(Key::new(alg)) },
            without: &[],
            content_type: "application/json",
            secret: "basic",
            slow: Duration::ZERO,
            compresses: false,
        }
    }
}

/// The running provider; ends with the test.
pub(crate) struct ScriptedProvider {
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    scripts: Mutex<HashMap<String, Arc<Script>>>,
    /// The nonce that was asked for, by code.
    nonces: Mutex<HashMap<String, String>>,
    /// How many codes were given.
    codes: AtomicU32,
    hits: Mutex<HashMap<String, u32>>,
    base: String,
}

type Known = State<Arc<Shared>>;

impl ScriptedProvider {
    /// Starts it on a free port, with no issuer.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (scripts, nonces, codes, hits) = (Mutex::default(), Mutex::default(), AtomicU32::default(), Mutex::default());
        let shared = Arc::new(Shared { scripts, nonces, codes, hits, base });
        let app = Router::new()
            .route("/{name}/.well-known/openid-configuration", get(discovery))
            .route("/{name}/keys", get(keys))
            .route("/{name}/authorize", get(authorize))
            .route("/{name}/token", post(token))
            .route("/{name}/userinfo", get(userinfo))
            .with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { shared, task }
    }

    /// Plays `script` from now on under that name; answers the issuer.
    pub(crate) fn play(&self, name: &str, script: Script) -> String {
        self.shared.scripts.lock().unwrap().insert(name.to_owned(), Arc::new(script));
        format!("{}/{name}", self.shared.base)
    }

    /// A code that the token endpoint takes once, for an ID token with this nonce.
    pub(crate) fn code(&self, nonce: &str) -> String {
        self.shared.code(nonce)
    }

    /// How often `NAME/ENDPOINT` was asked.
    pub(crate) fn hits(&self, path: &str) -> u32 {
        self.shared.hits.lock().unwrap().get(path).copied().unwrap_or_default()
    }
}

impl Drop for ScriptedProvider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn code(&self, nonce: &str) -> String {
        let mut nonces = self.nonces.lock().unwrap();
        let code = format!("code-{}", self.codes.fetch_add(1, Ordering::Relaxed));
        nonces.insert(code.clone(), nonce.to_owned());
        code
    }

    fn script(&self, name: &str, endpoint: &str) -> (Arc<Script>, String) {
        *self.hits.lock().unwrap().entry(format!("{name}/{endpoint}")).or_default() += 1;
        (Arc::clone(&self.scripts.lock().unwrap()[name]), format!("{}/{name}", self.base))
    }
}

/// `plain` with what the script adds and takes away.
fn said(script: &Script, part: &str, plain: Value, added: &Value, issuer: &str) -> Value {
    let Value::Object(mut fields) = plain else { panic!("an object") };
    fields.extend(added.as_object().unwrap().clone());
    fields.retain(|field, _| !script.without.contains(&format!("{part}.{field}").as_str()));
    let text = Value::Object(fields).to_string().replace("{issuer}", issuer);
    serde_json::from_str(&text).unwrap()
}

fn answer(script: &Script, headers: &HeaderMap, document: &Value) -> Response {
    if script.compresses && headers.get(ACCEPT_ENCODING).is_none_or(|accepted| accepted != "identity") {
        return ([(CONTENT_ENCODING, "gzip")], "\u{1f}compressed").into_response();
    }
    ([(CONTENT_TYPE, script.content_type)], document.to_string()).into_response()
}

async fn discovery(State(shared): Known, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let (script, issuer) = shared.script(&name, "discovery");
    let plain = json!({
        "issuer": "{issuer}",
        "authorization_endpoint": "{issuer}/authorize",
        "token_endpoint": "{issuer}/token",
        "userinfo_endpoint": "{issuer}/userinfo",
        "jwks_uri": "{issuer}/keys",
    });
    answer(&script, &headers, &said(&script, "discovery", plain, &script.discovery, &issuer))
}

async fn keys(State(shared): Known, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let (script, issuer) = shared.script(&name, "keys");
    tokio::time::sleep(script.slow).await;
    let mut keys = script.other_keys.clone();
    keys.push(said(&script, "jwk", script.key.jwk(), &script.jwk, &issuer));
    answer(&script, &headers, &json!({ "keys": keys }))
}

async fn authorize(State(shared): Known, Path(name): Path<String>, Query(query): Query<HashMap<String, String>>) -> Response {
    shared.script(&name, "authorize");
    let mut back = url::Url::parse(&query["redirect_uri"]).unwrap();
    back.query_pairs_mut().append_pair("state", &query["state"]).append_pair("code", &shared.code(&query["nonce"]));
    (StatusCode::FOUND, [(LOCATION, back.to_string())]).into_response()
}

async fn token(
    State(shared): Known,
    Path(name): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (script, issuer) = shared.script(&name, "token");
    let form: HashMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    let endpoint = script.discovery.get("token_endpoint").and_then(Value::as_str).unwrap_or_default();
    let asked = endpoint.split_once('?').is_none_or(|(_, wanted)| query.iter().any(|(k, v)| format!("{k}={v}") == wanted));
    let nonce = form.get("code").and_then(|code| shared.nonces.lock().unwrap().remove(code));
    let error = |status, error: &str| (status, axum::Json(json!({ "error": error }))).into_response();
    if !asked || form.get("code_verifier").map(String::len) != Some(43) {
        return error(StatusCode::BAD_REQUEST, "invalid_request");
    }
    if !authenticated(script.secret, &form, &headers) {
        return error(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    let Some(nonce) = nonce else { return error(StatusCode::BAD_REQUEST, "invalid_grant") };
    let plain = json!({
        "access_token": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": 3600,
        "id_token": id_token(&script, &nonce, &issuer),
    });
    answer(&script, &headers, &said(&script, "token", plain, &script.token, &issuer))
}

/// Whether the client secret came where it should, and nowhere else.
fn authenticated(secret: &str, form: &HashMap<String, String>, headers: &HeaderMap) -> bool {
    let encoded: String = url::form_urlencoded::byte_serialize(CLIENT_SECRET.as_bytes()).collect();
    let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{encoded}")));
    let (header, body) = (headers.get(AUTHORIZATION), form.get("client_secret"));
    match secret {
        "basic" => header.is_some_and(|header| *header == *basic) && body.is_none(),
        _ => header.is_none() && body.is_some_and(|secret| secret == CLIENT_SECRET) && form["client_id"] == CLIENT_ID,
    }
}

async fn userinfo(State(shared): Known, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let (script, issuer) = shared.script(&name, "userinfo");
    let bearer = format!("Bearer {ACCESS_TOKEN}");
    match &script.userinfo {
        Some(userinfo) if headers.get(AUTHORIZATION).is_some_and(|header| *header == *bearer) => {
            answer(&script, &headers, &said(&script, "userinfo", json!({"sub": "ada-1815"}), userinfo, &issuer))
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[expect(clippy::disallowed_methods, reason = "a provider of its own has a clock of its own")]
fn id_token(script: &Script, nonce: &str, issuer: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let plain = json!({"iss": "{issuer}", "aud": CLIENT_ID, "sub": "ada-1815", "nonce": nonce, "iat": now, "exp": now + 300});
    let mut claims = said(script, "claims", plain, &script.claims, issuer);
    // Times are said from now.
    for name in ["iat", "nbf", "exp"] {
        if let Some(from_now) = claims.get(name).and_then(Value::as_i64).filter(|seconds| seconds.abs() < 1_000_000) {
            claims[name] = json!(i64::try_from(now).unwrap() + from_now);
        }
    }
    let header = said(script, "header", json!({"alg": script.alg, "kid": "one", "typ": "JWT"}), &script.header, issuer);
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let signature = script.key.sign(script.alg, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
