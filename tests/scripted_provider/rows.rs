//! How the providers that people have answer, as they are documented, and what each of them does that a plain one does not. All
//! of them must sign on.

use serde_json::{Value, json};

use super::{CLIENT_ID, Key, Script};

/// One way to answer, and who signs on by it.
pub(crate) struct Row {
    /// Letters and hyphens.
    pub(crate) name: &'static str,
    pub(crate) script: Script,
    /// `preferred_username`, `name` and verified e-mail that must come out.
    pub(crate) person: [Option<&'static str>; 3],
}

const ADA: Option<&str> = Some("ada");
const LOVELACE: Option<&str> = Some("Ada Lovelace");
const EMAIL: Option<&str> = Some("ada@example.org");

fn row(name: &'static str, person: [Option<&'static str>; 3], script: Script) -> Row {
    Row { name, script, person }
}

/// A profile as most providers say it.
fn profile() -> Value {
    json!({"preferred_username": "ada", "name": "Ada Lovelace", "email": "ada@example.org", "email_verified": true})
}

/// `profile` with `more`.
fn with(more: &Value) -> Value {
    let mut all = profile();
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

/// The products.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn products() -> Vec<Row> {
    let all = [ADA, LOVELACE, EMAIL];
    vec![
        row(
            "google",
            [None, LOVELACE, EMAIL],
            Script {
                claims: json!({"azp": CLIENT_ID, "name": "Ada Lovelace", "email": "ada@example.org", "email_verified": true, "hd": "example.org"}),
                discovery: json!({"token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"]}),
                token: json!({"scope": "openid https://www.googleapis.com/auth/userinfo.email"}),
                ..Script::default()
            },
        ),
        // Lifetimes are text, keys name no algorithm, and what a person is called is not in the standard's claims.
        row(
            "entra-v1",
            [None, LOVELACE, None],
            Script {
                claims: json!({"name": "Ada Lovelace", "upn": "ada@example.org", "unique_name": "ada@example.org", "ver": "1.0", "nbf": 0, "amr": ["pwd"]}),
                token: json!({"expires_in": "3599", "ext_expires_in": "3599", "expires_on": "1700003599", "not_before": "1700000000"}),
                jwk: json!({"kid": "one", "use": "sig", "x5t": "one", "x5c": ["MII="]}),
                header: json!({"x5t": "one"}),
                ..Script::default()
            },
        ),
        row(
            "entra-v2",
            [Some("ada@example.org"), LOVELACE, None],
            Script {
                claims: json!({"preferred_username": "ada@example.org", "name": "Ada Lovelace", "email": "ada@example.org", "xms_edov": "1", "rh": "0.A", "uti": "u", "ver": "2.0", "nbf": 0}),
                discovery: json!({"token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"], "cloud_graph_host_name": "graph.example.org", "http_logout_supported": true}),
                userinfo: Some(json!({"name": "Ada Lovelace", "picture": null})),
                ..Script::default()
            },
        ),
        // No access token where only `openid` was asked for, endpoints with a query, a list where others have a text.
        row(
            "b2c",
            [None, LOVELACE, None],
            Script {
                claims: json!({"name": "Ada Lovelace", "emails": ["ada@example.org"], "tfp": "B2C_1_sign_in", "nbf": 0}),
                discovery: json!({
                    "authorization_endpoint": "{issuer}/authorize?p=b2c_1_sign_in",
                    "token_endpoint": "{issuer}/token?p=b2c_1_sign_in",
                    "jwks_uri": "{issuer}/keys?p=b2c_1_sign_in",
                    "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
                }),
                token: json!({"id_token_expires_in": "3600", "not_before": 1_700_000_000}),
                without: &["token.access_token", "token.expires_in", "discovery.userinfo_endpoint"],
                ..Script::default()
            },
        ),
        // A thin ID token beside an access token.
        row(
            "okta",
            all,
            Script {
                claims: json!({"ver": 1, "amr": ["pwd"], "idp": "00o", "auth_time": 1_700_000_000}),
                userinfo: Some(with(&json!({"zoneinfo": "Europe/London", "updated_at": 1_700_000_000}))),
                jwk: json!({"kid": "one", "use": "sig", "alg": "RS256"}),
                ..Script::default()
            },
        ),
        // `updated_at` as RFC 3339 text.
        row(
            "auth0",
            all,
            Script {
                claims: with(&json!({"updated_at": "2026-01-01T00:00:00.000Z", "nickname": "ada", "sid": "s"})),
                discovery: json!({"token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"]}),
                jwk: json!({"kid": "one", "use": "sig", "alg": "RS256", "x5t": "one", "x5c": ["MII="]}),
                ..Script::default()
            },
        ),
        // An encryption key beside the signing key.
        row(
            "keycloak",
            all,
            Script {
                claims: with(
                    &json!({"azp": CLIENT_ID, "acr": "1", "typ": "ID", "session_state": "s", "allowed-origins": ["*"], "realm_access": {"roles": []}}),
                ),
                token: json!({"not-before-policy": 0, "refresh_expires_in": 1800, "session_state": "s"}),
                other_keys: vec![{
                    let mut jwk = Key::new("RS256").jwk();
                    jwk["kid"] = json!("one");
                    jwk["use"] = json!("enc");
                    jwk["alg"] = json!("RSA-OAEP");
                    jwk
                }],
                jwk: json!({"kid": "one", "use": "sig", "alg": "RS256"}),
                ..Script::default()
            },
        ),
        // Many audiences, us as the authorized party; the profile at userinfo.
        row(
            "zitadel",
            all,
            Script {
                claims: json!({"aud": [CLIENT_ID, "265283471235891234@shop", "265283471235890000"], "azp": CLIENT_ID, "client_id": CLIENT_ID, "urn:zitadel:iam:org:project:roles": {}}),
                userinfo: Some(with(&json!({"locale": null, "urn:zitadel:iam:user:metadata": {}}))),
                ..Script::default()
            },
        ),
        row(
            "authelia",
            all,
            Script {
                claims: json!({"aud": [CLIENT_ID], "azp": CLIENT_ID, "amr": ["pwd", "otp"], "jti": "j", "acr": null}),
                userinfo: Some(with(&json!({"groups": [], "alt_emails": null}))),
                ..Script::default()
            },
        ),
        row(
            "dex",
            [None, LOVELACE, EMAIL],
            Script {
                claims: json!({"name": "Ada Lovelace", "email": "ada@example.org", "email_verified": true, "groups": null, "federated_claims": {"connector_id": "ldap", "user_id": "1"}}),
                jwk: json!({"kid": "one", "use": "sig", "alg": "RS256"}),
                ..Script::default()
            },
        ),
        // Profile only at userinfo, where booleans and lists stand beside it.
        row(
            "gitlab",
            all,
            Script {
                claims: json!({"sub_legacy": "abc", "auth_time": 1_700_000_000, "groups_direct": ["group"], "email": "ada@example.org", "email_verified": true}),
                token: json!({"created_at": 1_700_000_000, "expires_in": 7200}),
                userinfo: Some(with(&json!({"groups": [], "profile": "https://gitlab.example.org/ada"}))),
                ..Script::default()
            },
        ),
        // Every field of its user, most of them empty; a list where the standard has an object.
        row(
            "casdoor",
            all,
            Script {
                claims: with(
                    &json!({"aud": [CLIENT_ID], "address": [], "phone": "", "scope": null, "permissions": null, "isAdmin": false, "updatedTime": "", "balance": 0.5, "tokenType": "access-token", "nbf": 0, "birthdate": ["", null]}),
                ),
                token: json!({"expires_in": 604_800, "scope": null}),
                jwk: json!({"kid": "one", "use": "sig", "alg": "RS256", "x5c": ["MII="]}),
                ..Script::default()
            },
        ),
    ]
}

/// Quirks that are nobody's alone.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn quirks() -> Vec<Row> {
    let all = [ADA, LOVELACE, EMAIL];
    let plain = || Script { claims: profile(), ..Script::default() };
    let signed = |alg| Script { claims: profile(), ..Script::new(alg) };
    let no_address = json!({"address": null, "website": null, "birthdate": null, "updated_at": null, "azp": null, "at_hash": null, "nbf": null});
    let mut rows = vec![
        row("null-claims", all, Script { claims: with(&no_address), ..Script::default() }),
        row(
            "null-flags",
            all,
            Script {
                discovery: json!({"claims_parameter_supported": null, "authorization_response_iss_parameter_supported": null, "token_endpoint_auth_methods_supported": null, "userinfo_endpoint": null}),
                ..plain()
            },
        ),
        row(
            "odd-flags",
            all,
            Script {
                discovery: json!({"request_parameter_supported": "yes", "ui_locales_supported": "en", "response_types_supported": 1, "id_token_signing_alg_values_supported": {}}),
                ..plain()
            },
        ),
        row(
            "flags-as-text",
            [ADA, LOVELACE, EMAIL],
            Script { claims: with(&json!({"email_verified": "true"})), ..Script::default() },
        ),
        row(
            "email-not-verified",
            [ADA, LOVELACE, None],
            Script { claims: with(&json!({"email_verified": "false"})), ..Script::default() },
        ),
        row(
            "claims-of-other-types",
            [None, None, None],
            Script {
                claims: json!({"name": ["Ada"], "preferred_username": {"en": "ada"}, "email": 7, "email_verified": 1}),
                ..Script::default()
            },
        ),
        row(
            "odd-token-answer",
            all,
            Script {
                token: json!({"token_type": ["Bearer"], "expires_in": null, "scope": ["openid"], "refresh_token": 1}),
                ..plain()
            },
        ),
        row("no-token-type", all, Script { without: &["token.token_type"], ..plain() }),
        row("no-iat", all, Script { without: &["claims.iat"], ..plain() }),
        row("fractional-times", all, Script { claims: with(&json!({"exp": 4_000_000_000.5})), ..Script::default() }),
        row("just-expired", all, Script { claims: with(&json!({"exp": -50})), ..Script::default() }),
        row("clock-ahead", all, Script { claims: with(&json!({"iat": 50, "nbf": 50})), ..Script::default() }),
        row("one-audience-twice", all, Script { claims: with(&json!({"aud": [CLIENT_ID, CLIENT_ID]})), ..Script::default() }),
        row("trusted-audience", all, Script { claims: with(&json!({"aud": ["trusted", CLIENT_ID]})), ..Script::default() }),
        row("content-type-of-keys", all, Script { content_type: "application/jwk-set+json", ..plain() }),
        row("content-type-of-text", all, Script { content_type: "text/html; charset=utf-8", ..plain() }),
        row("compresses-unless-told", all, Script { compresses: true, ..plain() }),
        row(
            "secret-in-the-body",
            all,
            Script {
                discovery: json!({"token_endpoint_auth_methods_supported": ["client_secret_post"]}),
                secret: "post",
                ..plain()
            },
        ),
        row("key-without-kid", all, Script { jwk: json!({"use": "sig"}), ..plain() }),
        row("token-without-kid", all, Script { without: &["header.kid"], ..plain() }),
        row(
            "neither-has-a-kid",
            all,
            Script {
                jwk: json!({}),
                without: &["header.kid", "header.typ"],
                other_keys: vec![
                    Key::new("RS256").jwk(),
                    Key::new("ES256").jwk(),
                    json!({"kty": "oct"}),
                    json!(null),
                    json!({"kty": "RSA", "n": 1}),
                ],
                ..plain()
            },
        ),
        row("null-in-keys", all, Script { jwk: json!({"kid": null, "use": null, "alg": null, "key_ops": null}), ..plain() }),
        row("key-operations", all, Script { jwk: json!({"kid": "one", "key_ops": ["verify"]}), ..plain() }),
        row("slow-keys", all, Script { slow: std::time::Duration::from_millis(3500), ..plain() }),
        row(
            "userinfo-of-another",
            [None, None, None],
            Script { userinfo: Some(with(&json!({"sub": "eve"}))), ..Script::default() },
        ),
        row(
            "userinfo-without-subject",
            [None, None, None],
            Script { userinfo: Some(profile()), without: &["userinfo.sub"], ..Script::default() },
        ),
        row("userinfo-fails", [None, None, None], Script::default()),
        row(
            "userinfo-adds-only-what-lacks",
            [Some("countess"), LOVELACE, EMAIL],
            Script { claims: json!({"preferred_username": "countess"}), userinfo: Some(profile()), ..Script::default() },
        ),
        row(
            "userinfo-elsewhere",
            [ADA, None, None],
            Script {
                claims: json!({"preferred_username": "ada"}),
                discovery: json!({"userinfo_endpoint": "https://169.254.169.254/latest"}),
                ..Script::default()
            },
        ),
        row("ed25519-by-its-new-name", all, signed("Ed25519")),
        row("ed25519-key-by-its-old-name", all, Script { jwk: json!({"kid": "one", "alg": "EdDSA"}), ..signed("Ed25519") }),
        row("ed25519-by-its-old-name", all, Script { jwk: json!({"kid": "one", "alg": "Ed25519"}), ..signed("EdDSA") }),
    ];
    rows.extend([
        row("rs384", all, signed("RS384")),
        row("rs512", all, signed("RS512")),
        row("ps256", all, signed("PS256")),
        row("ps384", all, signed("PS384")),
        row("ps512", all, signed("PS512")),
        row("es256", all, signed("ES256")),
        row("es384", all, signed("ES384")),
        row("es512", all, signed("ES512")),
    ]);
    rows
}

/// What must be refused, each with the document and field that the log names.
pub(crate) fn refused() -> Vec<(&'static str, Script, &'static str)> {
    let claims = |claims| Script { claims: with(&claims), ..Script::default() };
    let without = |without| Script { claims: profile(), without, ..Script::default() };
    let discovery = |discovery| Script { claims: profile(), discovery, ..Script::default() };
    let jwk = |jwk| Script { claims: profile(), jwk, ..Script::default() };
    let aud = "ID token: `aud`";
    vec![
        ("aud-without-us", claims(json!({"aud": ["another"], "azp": CLIENT_ID})), aud),
        ("aud-of-several-without-azp", claims(json!({"aud": [CLIENT_ID, "another"]})), aud),
        ("aud-of-one-too-many", claims(json!({"aud": [CLIENT_ID, "trusted", "another"]})), aud),
        ("aud-of-a-number", claims(json!({"aud": 7})), aud),
        ("aud-null", claims(json!({"aud": null})), aud),
        ("azp-of-another", claims(json!({"aud": [CLIENT_ID, "trusted"], "azp": "trusted"})), "ID token: `azp`"),
        ("azp-of-a-list", claims(json!({"azp": [CLIENT_ID]})), "ID token: `azp`"),
        ("iss-null", claims(json!({"iss": null})), "ID token: `iss`"),
        ("nonce-null", claims(json!({"nonce": null})), "ID token: `nonce`"),
        ("nonce-of-another-type", claims(json!({"nonce": ["nonce"]})), "ID token: `nonce`"),
        ("sub-of-a-number", claims(json!({"sub": 7})), "ID token: `sub`"),
        ("sub-with-a-control", claims(json!({"sub": "a\u{0}b"})), "ID token: `sub`"),
        ("exp-missing", without(&["claims.exp"]), "ID token: `exp`"),
        ("exp-of-text", claims(json!({"exp": "4000000000"})), "ID token: `exp`"),
        ("exp-past-the-leeway", claims(json!({"exp": -61})), "ID token: `exp`"),
        ("exp-negative", claims(json!({"exp": -2_000_000})), "ID token: `exp`"),
        ("iat-past-the-leeway", claims(json!({"iat": 70})), "ID token: `iat`"),
        ("nbf-past-the-leeway", claims(json!({"nbf": 70})), "ID token: `nbf`"),
        ("id-token-missing", without(&["token.id_token"]), "token answer: `id_token`"),
        ("id-token-null", Script { token: json!({"id_token": null}), ..Script::default() }, "token answer: `id_token`"),
        ("id-token-of-a-number", Script { token: json!({"id_token": 7}), ..Script::default() }, "token answer: `id_token`"),
        ("crit", Script { header: json!({"crit": ["exp"]}), ..Script::default() }, "ID token: it"),
        ("key-for-encryption", jwk(json!({"kid": "one", "use": "enc"})), "none of the provider's keys"),
        ("key-of-another-algorithm", jwk(json!({"kid": "one", "alg": "PS256"})), "none of the provider's keys"),
        ("key-of-another-operation", jwk(json!({"kid": "one", "key_ops": ["encrypt"]})), "none of the provider's keys"),
        ("key-of-another-id", jwk(json!({"kid": "two"})), "none of the provider's keys"),
        (
            "key-is-the-ninth",
            Script {
                claims: profile(),
                jwk: json!({}),
                other_keys: (0..8).map(|_| Key::new("ES256").jwk()).collect(),
                ..Script::new("ES256")
            },
            "signature that does not verify",
        ),
        ("token-endpoint-missing", without(&["discovery.token_endpoint"]), "discovery document: `token_endpoint`"),
        ("token-endpoint-of-a-list", discovery(json!({"token_endpoint": []})), "discovery document: `token_endpoint`"),
        ("keys-missing", without(&["discovery.jwks_uri"]), "discovery document: `jwks_uri`"),
        ("issuer-with-a-slash", discovery(json!({"issuer": "{issuer}/"})), "the final slash differs"),
        ("client-secret-wrong", Script { secret: "post", ..Script::default() }, "`error` invalid_client"),
    ]
}
