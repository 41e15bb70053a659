//! Forged access tokens.

use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use countersign::grpc::pb;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tonic::{Code, Request};

use super::{Parts, b64};
use crate::arena::refusal::told;
use crate::arena::wire::Wire;

/// What each is, and the token.
type Forgeries = Vec<(String, String)>;

/// Every forgery of a good token.
fn forgeries(good: &str, jwk: &pb::Jwk, fetch: &str) -> Forgeries {
    [algorithms(good, jwk), keys(good, jwk, fetch), headers(good), forms(good), contents(good)].concat()
}

/// C1: another algorithm.
fn algorithms(good: &str, jwk: &pb::Jwk) -> Forgeries {
    let parts = Parts::of(good);
    let signature = &parts.signature;
    let mut forged = Forgeries::new();
    let mut add = |what: &str, token: String| forged.push((what.to_owned(), token));
    for alg in ["none", "None", "nOnE", "NONE", ""] {
        let signed = parts.with_header(|header| header["alg"] = json!(alg));
        add(&format!("alg {alg:?}, no signature"), format!("{signed}."));
        add(&format!("alg {alg:?}, no dot"), signed.clone());
        add(&format!("alg {alg:?}, the old signature"), format!("{signed}.{signature}"));
    }
    let public = URL_SAFE_NO_PAD.decode(&jwk.x).unwrap();
    let der = [&[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0][..], &public].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&der));
    let as_json = json!({"kty": jwk.kty, "crv": jwk.crv, "x": jwk.x}).to_string();
    let secrets: [(&str, &[u8]); 6] = [
        ("bytes", &public),
        ("DER", &der),
        ("PEM", pem.as_bytes()),
        ("PEM without its last line break", pem.trim().as_bytes()),
        ("JWK", as_json.as_bytes()),
        ("x", jwk.x.as_bytes()),
    ];
    for (what, secret) in secrets {
        for (alg, algorithm) in [("HS256", hmac::HMAC_SHA256), ("HS512", hmac::HMAC_SHA512), ("EdDSA", hmac::HMAC_SHA256)] {
            let signed = parts.with_header(|header| header["alg"] = json!(alg));
            let tag = hmac::sign(&hmac::Key::new(algorithm, secret), signed.as_bytes());
            add(&format!("{alg} under the public key as {what}"), format!("{signed}.{}", b64(tag)));
        }
    }
    for alg in ["ES256", "RS256", "PS256", "ES256K", "Ed25519", "EDDSA", "eddsa"] {
        add(alg, format!("{}.{signature}", parts.with_header(|header| header["alg"] = json!(alg))));
    }
    forged
}

/// C2: another's key, however it is pointed to.
fn keys(good: &str, jwk: &pb::Jwk, fetch: &str) -> Forgeries {
    let parts = Parts::of(good);
    let signature = &parts.signature;
    let mut forged = Forgeries::new();
    let mut add = |what: &str, token: String| forged.push((what.to_owned(), token));
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&rand::SystemRandom::new()).unwrap();
    let own = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    let own_jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": b64(own.public_key().as_ref()), "kid": jwk.kid, "alg": "EdDSA"});
    let by_own = |change: &dyn Fn(&mut Value)| {
        let signed = parts.with_header(change);
        format!("{signed}.{}", b64(own.sign(signed.as_bytes())))
    };
    add("another's signature", by_own(&|_| {}));
    add("another's signature and jwk", by_own(&|header| header["jwk"] = own_jwk.clone()));
    add("jku", by_own(&|header| header["jku"] = json!(format!("{fetch}/jwks.json"))));
    add("x5u", by_own(&|header| header["x5u"] = json!(format!("{fetch}/cert.pem"))));
    add("x5c", by_own(&|header| header["x5c"] = json!([STANDARD.encode(own.public_key().as_ref())])));
    for kid in ["", "../../dev/null", "/dev/null", "' or 1=1 --", "*", "0", &"k".repeat(4000), fetch, "\u{0}"] {
        add(&format!("kid {kid:.20}"), by_own(&|header| header["kid"] = json!(kid)));
        add(
            &format!("kid {kid:.20}, the old signature"),
            format!("{}.{signature}", parts.with_header(|header| header["kid"] = json!(kid))),
        );
    }
    for kid in [json!(null), json!(1), json!(["a"]), json!({})] {
        add(&format!("kid {kid}"), format!("{}.{signature}", parts.with_header(|header| header["kid"] = kid.clone())));
    }
    forged
}

/// C3, C5: a good signature on something else, or on what would have to be understood.
fn headers(good: &str) -> Forgeries {
    let parts = Parts::of(good);
    let (_, rest) = good.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    let mut forged = Forgeries::new();
    let mut add = |what: &str, token: String| forged.push((what.to_owned(), token));
    for typ in ["JWT", "jwt", "refresh+jwt", "id+jwt", "at+jwt ", "", "logout+jwt"] {
        add(&format!("typ {typ:?}"), format!("{}.{signature}", parts.with_header(|header| header["typ"] = json!(typ))));
    }
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
    ] {
        add(name, format!("{}.{signature}", parts.with_header(|header| header[name] = value)));
    }
    add("five parts", format!("{good}.a.b"));
    add(
        "five parts of JWE",
        format!("{}.{}.{}.{}.{}", b64(r#"{"alg":"dir","enc":"A256GCM","typ":"at+jwt"}"#), "", b64("iv"), claims, b64("tag")),
    );
    forged
}

/// C6: the same bytes written otherwise.
fn forms(good: &str) -> Forgeries {
    let (head, rest) = good.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    let mut forged = Forgeries::new();
    let mut add = |what: &str, token: String| forged.push((what.to_owned(), token));
    add("a part too few", format!("{head}.{claims}"));
    add("a part too many", format!("{good}."));
    add("padded", format!("{head}=.{claims}=.{signature}=="));
    add("with padding", URL_SAFE.encode(good));
    add("trailing line break", format!("{good}\n"));
    add("trailing garbage", format!("{good}x"));
    add("a space inside", format!("{head}. {claims}.{signature}"));
    add("in quotes", format!("\"{good}\""));
    add("as JSON", json!({"protected": head, "payload": claims, "signature": signature}).to_string());
    add("twice", format!("{good},{good}"));
    add("Bearer inside", format!("Bearer {good}"));
    add("a NUL", format!("{good}\0"));
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    add("a claim twice", format!("{head}.{}.{signature}", b64(text.replacen('{', r#"{"sub":"x","#, 1))));
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(head).unwrap()).unwrap();
    add("a header twice", format!("{}.{claims}.{signature}", b64(text.replacen('{', r#"{"alg":"none","#, 1))));
    add("claims that are no object", format!("{head}.{}.{signature}", b64("[]")));
    add("deep JSON", format!("{head}.{}.{signature}", b64("[".repeat(2000))));
    forged
}

/// C4 and C7: every claim changed under the old signature, and the signature itself.
fn contents(good: &str) -> Forgeries {
    let parts = Parts::of(good);
    let (head, rest) = good.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    let mut forged = Forgeries::new();
    let mut add = |what: &str, token: String| forged.push((what.to_owned(), token));
    let mut changed = |what: &str, change: &dyn Fn(&mut Value)| {
        let mut claims = parts.claims.clone();
        change(&mut claims);
        add(&format!("claim {what}"), format!("{head}.{}.{}", b64(claims.to_string()), parts.signature));
    };
    changed("roles", &|claims| claims["roles"] = json!(["superuser"]));
    changed("exp", &|claims| claims["exp"] = json!(9_999_999_999_u64));
    changed("sub", &|claims| claims["sub"] = json!("guest:admin"));
    changed("gen", &|claims| claims["gen"] = json!(u64::MAX));
    for name in parts.claims.as_object().unwrap().keys() {
        changed(&format!("{name} removed"), &|claims| drop(claims.as_object_mut().unwrap().remove(name)));
    }
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    for position in [0, 31, 32, 63] {
        let mut bytes = raw.clone();
        bytes[position] ^= 1;
        add("a bit of the signature", format!("{head}.{claims}.{}", b64(bytes)));
    }
    add("no S", format!("{head}.{claims}.{}", b64(&raw[..32])));
    add("zeros", format!("{head}.{claims}.{}", b64([0; 64])));
    // S + L, which verifies where S is not held against the group's order (RFC 8032, 5.1.7).
    add("S + L", format!("{head}.{claims}.{}", b64(plus_order(&raw))));
    add("empty", String::new());
    add("dots", "..".to_owned());
    add("8 KiB of dots", ".".repeat(8192));
    forged
}

/// The signature with the order of the group added to S.
fn plus_order(signature: &[u8]) -> Vec<u8> {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let (r, s) = signature.split_at(32);
    let mut carry = 0;
    let sum = s.iter().zip(ORDER).map(|(s, order)| {
        let sum = u16::from(*s) + u16::from(order) + carry;
        carry = sum >> 8;
        (sum & 255) as u8
    });
    r.iter().copied().chain(sum.collect::<Vec<u8>>()).collect()
}

/// C1 to C7 over the wire: each forgery is inactive at VerifyToken, no caller and no way to renew, with one answer each; and nobody
/// comes to fetch a key.
#[tokio::test(flavor = "multi_thread")]
async fn forged_access_tokens() {
    // Of the algorithms the one whose forgeries are best known: S + L, the public key as a secret.
    let wire = Wire::start_with(&[("COUNTERSIGN_SIGNING_ALGORITHM", "EdDSA")]).await;
    let admin = wire.admin().await;
    let good = admin.log_in("admin").await.access_token;
    let bait = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let fetch = format!("http://{}", bait.local_addr().unwrap());
    let jwks = admin.tokens().get_jwks(pb::GetJwksRequest {}).await.unwrap().into_inner().keys;
    assert_eq!(Parts::of(&good).header, json!({"typ": "at+jwt", "alg": "EdDSA", "kid": jwks[0].kid}));

    let inactive = admin.verify("", "").await.unwrap();
    assert!(!inactive.active);
    let anybody = wire.calls().await;
    let nobody = anybody.own_account().await.unwrap_err();
    let forgeries = forgeries(&good, &jwks[0], &fetch);
    assert!(forgeries.len() > 100);
    for (what, token) in &forgeries {
        match admin.verify(token, "").await {
            Ok(answer) => assert_eq!(answer, inactive, "{what}"),
            Err(refused) => panic!("{what}: {refused:?}"),
        }
        if let Ok(bearer) = format!("Bearer {token}").parse() {
            let mut request = Request::new(pb::GetAccountRequest {});
            request.metadata_mut().insert("authorization", bearer);
            let refused = anybody.account().get_account(request).await.unwrap_err();
            assert_eq!(
                (refused.code(), refused.message(), refused.details()),
                (nobody.code(), nobody.message(), nobody.details()),
                "{what}"
            );
        }
        let renewed = anybody.renew(token).await.unwrap_err();
        assert!([Code::Unauthenticated, Code::InvalidArgument].contains(&renewed.code()), "{what}: {renewed:?}");
    }
    assert!(admin.active(&good).await, "and the good one is good");
    let fetched = tokio::time::timeout(Duration::from_millis(200), bait.accept()).await;
    assert!(fetched.is_err(), "a key was fetched from where a token said");

    // Too long to look at is the one thing that is told.
    let long = pb::VerifyTokenRequest { token: "x".repeat(8193), ..Default::default() };
    assert_eq!(told(&admin.tokens().verify_token(admin.request(long)).await.unwrap_err()).1, "VALIDATION_FAILED");
}
