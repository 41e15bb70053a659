//! A page in a browser: the refresh token in a cookie, gRPC-Web, keys over plain HTTP.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign::grpc::pb::{LoginRequest, LoginResponse, LogoutRequest, RefreshRequest, RefreshResponse, TokenMode, TokenSet};
use http::{Method, StatusCode};
use prost::Message as _;
use serde_json::{Value, json};
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Response, Status};

use crate::arena::refusal::told;
use crate::harness::{ADMIN_PASSWORD, InProcess, Server, bearer};

/// A request with the cookie and the Origin that a browser sends.
fn from_page<M>(message: M, cookie: Option<&str>, origin: Option<&str>) -> Request<M> {
    let mut request = Request::new(message);
    if let Some(cookie) = cookie {
        request.metadata_mut().insert("cookie", format!("theme=dark; {cookie}").parse().unwrap());
    }
    if let Some(origin) = origin {
        request.metadata_mut().insert("origin", origin.parse().unwrap());
    }
    request
}

fn login() -> LoginRequest {
    LoginRequest {
        username: "admin".to_owned(),
        password: ADMIN_PASSWORD.to_owned(),
        mode: TokenMode::Cookie.into(),
        ..LoginRequest::default()
    }
}

/// The cookie that an answer sets: as the browser sends it back, and its attributes.
fn set_cookie(metadata: &MetadataMap) -> (String, String) {
    let line = metadata.get("set-cookie").expect("a cookie").to_str().unwrap();
    let (pair, attributes) = line.split_once("; ").unwrap();
    (pair.to_owned(), attributes.to_owned())
}

async fn plain_cookies() -> Server {
    Server::start_with(&[("COOKIE_SECURE", "false")]).await
}

async fn refresh(server: &Server, cookie: &str, mode: TokenMode) -> Result<Response<RefreshResponse>, Status> {
    let message = RefreshRequest { mode: mode.into(), ..RefreshRequest::default() };
    let request = from_page(message, Some(cookie), Some(&server.url()));
    server.auth().await.refresh(request).await
}

fn tokens_of(response: Response<RefreshResponse>) -> TokenSet {
    response.into_inner().tokens.unwrap()
}

#[tokio::test]
async fn a_cookie_session_lives_from_cookie_to_cookie() {
    let server = plain_cookies().await;
    let answer = server.auth().await.login(from_page(login(), None, Some(&server.url()))).await.unwrap();
    let (first, attributes) = set_cookie(answer.metadata());
    assert!(first.starts_with("countersign_refresh=csr_"), "{first}");
    let lasts = attributes.strip_prefix("Path=/; Max-Age=").unwrap().strip_suffix("; HttpOnly; SameSite=Lax").unwrap();
    assert!(["86399", "86400"].contains(&lasts), "{attributes}");
    let tokens = answer.into_inner().tokens.unwrap();
    assert_eq!(tokens.refresh_token, "");

    let refreshed = refresh(&server, &first, TokenMode::Unspecified).await.unwrap();
    let (second, _) = set_cookie(refreshed.metadata());
    assert!(second.starts_with("countersign_refresh=csr_") && second != first, "{second}");
    let tokens = tokens_of(refreshed);
    assert_eq!(tokens.refresh_token, "");

    let mut request = from_page(LogoutRequest {}, Some(&second), Some(&server.url()));
    request.metadata_mut().insert("authorization", format!("Bearer {}", tokens.access_token).parse().unwrap());
    let out = server.auth().await.logout(request).await.unwrap();
    let (cleared, attributes) = set_cookie(out.metadata());
    assert_eq!(cleared, "countersign_refresh=");
    assert!(attributes.contains("Max-Age=0"), "{attributes}");
    let dead = refresh(&server, &second, TokenMode::Unspecified).await.unwrap_err();
    assert_eq!(dead.code(), Code::Unauthenticated);
    server.stop().await;
}

#[tokio::test]
async fn a_session_may_move_between_cookie_and_message() {
    let server = plain_cookies().await;
    let answer = server.auth().await.login(from_page(login(), None, None)).await.unwrap();
    let (cookie, _) = set_cookie(answer.metadata());
    let to_json = refresh(&server, &cookie, TokenMode::Json).await.unwrap();
    assert_eq!(set_cookie(to_json.metadata()).0, "countersign_refresh=");
    let refresh_token = tokens_of(to_json).refresh_token;
    assert!(refresh_token.starts_with("csr_"));

    let back = RefreshRequest { refresh_token, mode: TokenMode::Cookie.into(), ..RefreshRequest::default() };
    let to_cookie = server.auth().await.refresh(back).await.unwrap();
    assert!(set_cookie(to_cookie.metadata()).0.starts_with("countersign_refresh=csr_"));
    assert_eq!(tokens_of(to_cookie).refresh_token, "");
    server.stop().await;
}

#[tokio::test]
async fn a_page_of_another_origin_gets_nothing_and_breaks_nothing() {
    let server = plain_cookies().await;
    let answer = server.auth().await.login(from_page(login(), None, None)).await.unwrap();
    let (cookie, _) = set_cookie(answer.metadata());
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1"] {
        let refused = server.auth().await.login(from_page(login(), None, Some(origin))).await.unwrap_err();
        assert_eq!((refused.code(), told(&refused).1.as_str()), (Code::PermissionDenied, "FOREIGN_ORIGIN"), "{origin}");
        let request = from_page(RefreshRequest::default(), Some(&cookie), Some(origin));
        let refused = server.auth().await.refresh(request).await.unwrap_err();
        assert_eq!(told(&refused).1, "FOREIGN_ORIGIN", "{origin}");
        assert!(refused.metadata().get("set-cookie").is_none());
    }
    refresh(&server, &cookie, TokenMode::Unspecified).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_secure_cookie_is_bound_to_the_host_and_to_https() {
    let server = Server::start().await;
    let answer = server.auth().await.login(from_page(login(), None, None)).await.unwrap();
    let (cookie, attributes) = set_cookie(answer.metadata());
    assert!(cookie.starts_with("__Host-countersign_refresh=csr_"), "{cookie}");
    assert!(attributes.ends_with("; Secure") && attributes.starts_with("Path=/; "), "{attributes}");
    refresh(&server, &cookie, TokenMode::Unspecified).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn the_cookie_lasts_as_long_as_its_session() {
    let server = InProcess::start_with(&[("COOKIE_SECURE", "false")]).await;
    let answer = server.auth().await.login(from_page(login(), None, None)).await.unwrap();
    let (cookie, _) = set_cookie(answer.metadata());
    server.clock.advance(std::time::Duration::from_hours(23));
    let request = from_page(RefreshRequest::default(), Some(&cookie), None);
    let refreshed = server.auth().await.refresh(request).await.unwrap();
    let (_, attributes) = set_cookie(refreshed.metadata());
    assert!(attributes.contains("Max-Age=3600;") || attributes.contains("Max-Age=3599;"), "{attributes}");
    server.stop().await;
}

#[tokio::test]
async fn grpc_web_over_http_1_logs_in() {
    let server = Server::start().await;
    let message = LoginRequest { mode: TokenMode::Json.into(), ..login() }.encode_to_vec();
    let mut body = vec![0];
    body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    body.extend(message);
    let answer = reqwest::Client::new()
        .post(format!("{}/countersign.v1.AuthService/Login", server.url()))
        .header("content-type", "application/grpc-web+proto")
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let bytes = answer.bytes().await.unwrap();
    let length = usize::try_from(u32::from_be_bytes(bytes[1..5].try_into().unwrap())).unwrap();
    let login = LoginResponse::decode(&bytes[5..5 + length]).unwrap();
    let trailers = String::from_utf8_lossy(&bytes[5 + length..]);
    assert!(trailers.contains("grpc-status:0"), "{trailers:?}");
    let tokens = login.tokens.unwrap();
    assert!(server.calls().await.bearing(tokens.clone()).active(&tokens.access_token).await);
    server.stop().await;
}

#[tokio::test]
async fn the_keys_are_at_the_well_known_address_too() {
    let server = InProcess::start().await;
    let url = format!("http://{}/.well-known/jwks.json", server.address());
    let answer = reqwest::get(&url).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.headers()["cache-control"], "public, max-age=300");
    let text = answer.text().await.unwrap();
    let set: serde_json::Value = serde_json::from_str(&text).unwrap();
    let keys = server.calls().await.tokens().get_jwks(countersign::grpc::pb::GetJwksRequest {}).await.unwrap().into_inner().keys;
    assert_eq!(set["keys"].as_array().unwrap().len(), keys.len());
    let (shown, key) = (&set["keys"][0], &keys[0]);
    assert_eq!((&shown["kid"], &shown["x"], &shown["use"]), (&key.kid.clone().into(), &key.x.clone().into(), &"sig".into()));
    assert!(shown.get("d").is_none());
    server.stop().await;
}

/// Libraries that are told the issuer only ask there, and believe what they read.
#[tokio::test]
async fn the_issuer_leads_to_the_keys() {
    let server = InProcess::start().await;
    let tokens = server.login_admin().await;
    let claims = URL_SAFE_NO_PAD.decode(tokens.access_token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    for name in ["openid-configuration", "oauth-authorization-server"] {
        let answer = reqwest::get(format!("http://{}/.well-known/{name}", server.address())).await.unwrap();
        assert_eq!((answer.status(), &answer.headers()["content-type"]), (StatusCode::OK, &"application/json".parse().unwrap()));
        assert_eq!(answer.headers()["access-control-allow-origin"], "*");
        let document: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(document["issuer"], claims["iss"], "exactly");
        assert_eq!(document["id_token_signing_alg_values_supported"], json!(["ES256"]));
        assert_eq!(document["jwks_uri"], format!("{}/.well-known/jwks.json", claims["iss"].as_str().unwrap()));
        for endpoint in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "revocation_endpoint"] {
            assert!(document.get(endpoint).is_none(), "there is no {endpoint}");
        }
        for nothing in ["response_types_supported", "grant_types_supported", "token_endpoint_auth_methods_supported"] {
            assert_eq!(document[nothing], json!([]), "absent it would mean a default");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn public_documents_are_for_every_page_and_for_who_has_them_already() {
    let server = InProcess::start().await;
    let http = reqwest::Client::new();
    for name in ["jwks.json", "openid-configuration", "oauth-authorization-server"] {
        let url = format!("http://{}/.well-known/{name}", server.address());
        let whole = http.get(&url).header("origin", "https://elsewhere.example").send().await.unwrap();
        assert_eq!(whole.headers()["access-control-allow-origin"], "*");
        let tag = whole.headers()["etag"].to_str().unwrap().to_owned();
        assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 20, "{tag}");
        for (given, status) in [
            (tag.clone(), StatusCode::NOT_MODIFIED),
            (format!("W/{tag}"), StatusCode::NOT_MODIFIED),
            (format!("\"other\", {tag}"), StatusCode::NOT_MODIFIED),
            ("*".to_owned(), StatusCode::NOT_MODIFIED),
            ("\"other\"".to_owned(), StatusCode::OK),
            (tag.trim_matches('"').to_owned(), StatusCode::OK),
        ] {
            let again = http.get(&url).header("if-none-match", &given).send().await.unwrap();
            assert_eq!((again.status(), &again.headers()["etag"]), (status, &tag.parse().unwrap()), "{given}");
            assert_eq!(again.headers()["access-control-allow-origin"], "*");
            assert_eq!(again.text().await.unwrap().is_empty(), status == StatusCode::NOT_MODIFIED);
        }
        let preflight = http.request(Method::OPTIONS, &url).header("origin", "https://elsewhere.example").send().await.unwrap();
        assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
        assert_eq!(preflight.headers()["access-control-allow-headers"], "if-none-match");
    }
    let page = http.get(format!("http://{}/sso/start", server.address())).send().await.unwrap();
    assert!(page.headers().get("access-control-allow-origin").is_none(), "no page of ours is for others to read");
    server.stop().await;
}

#[tokio::test]
async fn other_paths_are_not_there() {
    let server = Server::start().await;
    for path in ["/", "/.well-known/", "/.well-known/jwks.json/x", "/admin", "/..%2f..%2fetc/passwd"] {
        let answer = reqwest::get(format!("{}{path}", server.url())).await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let token = server.login_admin().await.access_token;
    let mut client = server.auth().await;
    // A cookie beside a bearer is no second credential for what takes a bearer.
    let mut request = bearer(&token, LogoutRequest {});
    request.metadata_mut().insert("cookie", "a=b".parse().unwrap());
    assert!(client.logout(request).await.unwrap().metadata().get("set-cookie").is_none());
    server.stop().await;
}
