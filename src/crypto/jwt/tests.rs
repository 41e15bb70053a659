use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::*;
use crate::crypto::keyring::KeyRing;
use crate::crypto::seal::Sealer;
use crate::model::random::{Random, SystemRandom};
use crate::model::signing_key::{Algorithm, KeyState};

mod wycheproof_vectors;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const SEED: u8 = 5;

struct Fixed;

impl Random for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(SEED);
    }
}

/// A ring whose private key the tests have too, beside a retired ES256 key.
fn ring() -> KeyRing {
    let sealer = Sealer::new(None);
    let make = |algorithm, state, random: &dyn Random| KeyRing::generate(algorithm, state, &sealer, random, NOW).unwrap();
    let records = [
        make(Algorithm::EdDsa, KeyState::Signing, &Fixed),
        make(Algorithm::Es256, KeyState::Retired { since: NOW }, &SystemRandom),
    ];
    KeyRing::load(&records, &sealer).unwrap()
}

fn key() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[SEED; 32]).unwrap()
}

fn header(ring: &KeyRing) -> Value {
    json!({"typ": "at+jwt", "alg": "EdDSA", "kid": ring.signer_kid()})
}

fn claims() -> Value {
    json!({
        "iss": "https://i.example", "sub": "u", "aud": "https://a.example", "exp": NOW.secs() + 3600, "iat": NOW.secs(),
        "jti": "j", "sid": "7d444840-9dc0-41f1-b0d1-8c5ab5a0d6a1", "gen": 3, "client_id": "grpc", "username": "alice",
        "org": "alice", "roles": ["staff"], "amr": ["pwd"], "auth_time": NOW.secs(),
    })
}

fn rules() -> Rules {
    Rules { issuer: "https://i.example".to_owned(), audience: "https://a.example".to_owned() }
}

/// Signs whatever it is given, with the ring's own key.
fn sign(header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(key().sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn check(ring: &KeyRing, token: &str) -> Result<(), JwtError> {
    let claims = ring.check_signature(token)?.claims;
    rules().check(&claims)?;
    claims.times().check(NOW, Duration::from_hours(1))
}

fn with(mut object: Value, name: &str, value: Value) -> String {
    object[name] = value;
    object.to_string()
}

fn without(mut object: Value, name: &str) -> String {
    object.as_object_mut().unwrap().remove(name);
    object.to_string()
}

#[test]
fn a_good_token_passes_however_its_type_is_spelled() {
    let ring = ring();
    for typ in ["at+jwt", "AT+JWT", "at+JWT", "application/at+jwt"] {
        let token = sign(&with(header(&ring), "typ", json!(typ)), &claims().to_string());
        assert_eq!(check(&ring, &token), Ok(()));
    }
}

#[test]
fn the_algorithm_is_the_keys_never_the_headers() {
    let ring = ring();
    for alg in ["none", "None", "nOnE", "NONE", "", "HS256", "ES256", "RS256", "PS256", "eddsa", "Ed25519", "EdDSA "] {
        let header = with(header(&ring), "alg", json!(alg));
        let token = sign(&header, &claims().to_string());
        assert_eq!(check(&ring, &token), Err(JwtError::Header), "{alg}");
        let unsigned = format!("{}.", token.rsplit_once('.').unwrap().0);
        assert_eq!(check(&ring, &unsigned), Err(JwtError::Malformed), "{alg} without a signature");
    }
    for header in
        [with(header(&ring), "alg", Value::Null), with(header(&ring), "alg", json!(["EdDSA"])), without(header(&ring), "alg")]
    {
        assert_eq!(check(&ring, &sign(&header, &claims().to_string())), Err(JwtError::Header));
    }
}

#[test]
fn the_public_key_is_no_hmac_secret() {
    let ring = ring();
    let public = key().public_key().as_ref().to_vec();
    let jwk = serde_json::to_string(&ring.jwks().iter().find(|jwk| jwk.kid == ring.signer_kid()).unwrap()).unwrap();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&public));
    for secret in [public.as_slice(), URL_SAFE_NO_PAD.encode(&public).as_bytes(), jwk.as_bytes(), pem.as_bytes(), b""] {
        for alg in ["HS256", "EdDSA"] {
            let header = with(header(&ring), "alg", json!(alg));
            let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims().to_string()));
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
            let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()));
            assert!(check(&ring, &token).is_err());
        }
    }
}

#[test]
fn a_key_that_the_token_brings_along_is_ignored() {
    let ring = ring();
    let attacker = Ed25519KeyPair::from_seed_unchecked(&[66; 32]).unwrap();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(attacker.public_key().as_ref())});
    for (name, value) in [
        ("jwk", jwk),
        ("jku", json!("http://127.0.0.1:1/jwks")),
        ("x5u", json!("http://127.0.0.1:1/cert")),
        ("x5c", json!(["MIIB"])),
    ] {
        let header = with(header(&ring), name, value);
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(&header), URL_SAFE_NO_PAD.encode(claims().to_string()));
        let forged = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(attacker.sign(signed.as_bytes())));
        assert_eq!(check(&ring, &forged), Err(JwtError::Signature), "{name}");
        assert_eq!(check(&ring, &sign(&header, &claims().to_string())), Ok(()), "{name} means nothing");
    }
}

#[test]
fn a_kid_is_a_name_in_our_ring_or_nothing() {
    let ring = ring();
    let long = "k".repeat(64 * 1024);
    for kid in ["", "../../dev/null", "' or 1=1", "http://127.0.0.1/", "\0", &long, &ring.signer_kid().to_uppercase()] {
        let token = sign(&with(header(&ring), "kid", json!(kid)), &claims().to_string());
        let expected = if kid == long { JwtError::TooLong } else { JwtError::UnknownKey };
        assert_eq!(check(&ring, &token), Err(expected), "{}", kid.get(..20).unwrap_or(kid));
    }
    for header in [without(header(&ring), "kid"), with(header(&ring), "kid", json!(1)), with(header(&ring), "kid", Value::Null)] {
        assert_eq!(check(&ring, &sign(&header, &claims().to_string())), Err(JwtError::Header));
    }
    let es256 = ring.jwks().into_iter().find(|jwk| jwk.alg == "ES256").unwrap().kid;
    for alg in ["EdDSA", "ES256"] {
        let swapped = json!({"typ": "at+jwt", "alg": alg, "kid": es256}).to_string();
        assert!(check(&ring, &sign(&swapped, &claims().to_string())).is_err());
    }
}

#[test]
fn duplicate_names_are_refused() {
    let ring = ring();
    let (header, claims) = (header(&ring).to_string(), claims().to_string());
    for twin in [r#""kid":"x""#, r#""alg":"none""#, r#""typ":"JWT""#, r#""x":{"a":1,"a":2}"#] {
        let doubled = format!("{},{twin}}}", header.strip_suffix('}').unwrap());
        assert_eq!(check(&ring, &sign(&doubled, &claims)), Err(JwtError::Malformed), "{twin}");
    }
    for twin in [r#""sub":"root""#, r#""exp":99999999999"#, r#""s\u0075b":"root""#, r#""roles":["superuser"]"#, r#""a":1,"a":1"#]
    {
        let doubled = format!("{},{twin}}}", claims.strip_suffix('}').unwrap());
        assert_eq!(check(&ring, &sign(&header, &doubled)), Err(JwtError::Malformed), "{twin}");
    }
}

#[test]
fn other_types_and_extensions_are_refused() {
    let ring = ring();
    for typ in [json!("JWT"), json!("jwt"), json!(""), json!("at+jwt "), json!("id+jwt"), json!(["at+jwt"]), Value::Null] {
        let token = sign(&with(header(&ring), "typ", typ.clone()), &claims().to_string());
        assert_eq!(check(&ring, &token), Err(JwtError::Header), "{typ}");
    }
    assert_eq!(check(&ring, &sign(&without(header(&ring), "typ"), &claims().to_string())), Err(JwtError::Header));
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", Value::Null),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
    ] {
        let token = sign(&with(header(&ring), name, value), &claims().to_string());
        assert_eq!(check(&ring, &token), Err(JwtError::Header), "{name}");
    }
}

#[test]
fn only_the_one_compact_form_is_read() {
    let ring = ring();
    let good = sign(&header(&ring).to_string(), &claims().to_string());
    assert_eq!(check(&ring, &good), Ok(()));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (head, body) = signed.split_once('.').unwrap();
    let standard = STANDARD.encode(key().sign(signed.as_bytes()));
    let bad = [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        signed.to_owned(),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{signature}.x"),
        format!("{signed}.{signature}="),
        format!("{signed}.{standard}"),
        format!("{head}=.{body}.{signature}"),
        format!("{good}\n"),
        format!(" {good}"),
        format!("{head}. {body}.{signature}"),
        format!("{good}\0"),
        format!("Bearer {good}"),
        json!({"protected": head, "payload": body, "signature": signature}).to_string(),
        format!("{head}..{signature}"),
        format!(".{body}.{signature}"),
    ];
    for bad in bad {
        assert!(matches!(check(&ring, &bad), Err(JwtError::Malformed | JwtError::Signature)), "{bad}");
    }
    for (header, claims) in [("[]", "{}"), ("{}x", "{}"), ("\"a\"", "{}"), ("\u{feff}{}", "{}")] {
        assert_eq!(check(&ring, &sign(header, claims)), Err(JwtError::Malformed));
    }
    let padded = with(claims(), "pad", json!("x".repeat(MAX_TOKEN)));
    assert_eq!(check(&ring, &sign(&header(&ring).to_string(), &padded)), Err(JwtError::TooLong));
}

#[test]
fn no_altered_character_verifies() {
    let ring = ring();
    let good = sign(&header(&ring).to_string(), &claims().to_string());
    for i in 0..good.len() {
        let mut other = good.clone().into_bytes();
        other[i] = if other[i] == b'A' { b'B' } else { b'A' };
        assert!(check(&ring, std::str::from_utf8(&other).unwrap()).is_err(), "byte {i}");
    }
}

#[test]
fn every_claim_is_there_and_of_its_type() {
    let ring = ring();
    let head = header(&ring).to_string();
    for name in
        ["iss", "sub", "aud", "exp", "iat", "jti", "sid", "gen", "client_id", "username", "org", "roles", "amr", "auth_time"]
    {
        assert_eq!(check(&ring, &sign(&head, &without(claims(), name))), Err(JwtError::Claims), "no {name}");
        for value in [Value::Null, json!(true), json!({"a": 1})] {
            assert_eq!(check(&ring, &sign(&head, &with(claims(), name, value))), Err(JwtError::Claims), "{name}");
        }
    }
    for exp in [json!("1900000000"), json!(1_900_000_000.5), json!(1_900_000_000.0), json!(-1), json!([1_900_000_000])] {
        assert_eq!(check(&ring, &sign(&head, &with(claims(), "exp", exp.clone()))), Err(JwtError::Claims), "{exp}");
    }
    for exp in ["1e400", "99999999999999999999", "1.9e9", "0x7fffffff", "NaN", "-0"] {
        let raw = claims().to_string().replace(&(NOW.secs() + 3600).to_string(), exp);
        assert!(check(&ring, &sign(&head, &raw)).is_err(), "{exp}");
    }
    assert_eq!(check(&ring, &sign(&head, &with(claims(), "exp", json!(u64::MAX)))), Err(JwtError::TooFar), "no overflow");
    assert_eq!(check(&ring, &sign(&head, &with(claims(), "aud", json!(["https://a.example"])))), Err(JwtError::Claims));
}

#[test]
fn issuer_audience_and_times_are_exact() {
    let ring = ring();
    let head = header(&ring).to_string();
    let now = NOW.secs();
    for (name, value, expected) in [
        ("iss", json!("https://i.example/"), Err(JwtError::Issuer)),
        ("iss", json!("HTTPS://i.example"), Err(JwtError::Issuer)),
        ("aud", json!("https://a.example/"), Err(JwtError::Audience)),
        ("aud", json!("https://a.example/d"), Err(JwtError::Audience)),
        ("aud", json!("https://a.exampl"), Err(JwtError::Audience)),
        ("dataset", json!("d"), Err(JwtError::Audience)),
        ("dataset", json!(""), Err(JwtError::Audience)),
        ("exp", json!(now - 4), Ok(())),
        ("exp", json!(now - 5), Err(JwtError::Expired)),
        ("exp", json!(0), Err(JwtError::Expired)),
        ("exp", json!(now + 3660), Ok(())),
        ("exp", json!(now + 3661), Err(JwtError::TooFar)),
        ("iat", json!(now + 60), Ok(())),
        ("iat", json!(now + 61), Err(JwtError::NotYetValid)),
        ("nbf", json!(now + 60), Ok(())),
        ("nbf", json!(now + 61), Err(JwtError::NotYetValid)),
    ] {
        assert_eq!(check(&ring, &sign(&head, &with(claims(), name, value.clone()))), expected, "{name} {value}");
    }
}

#[test]
fn a_guest_is_for_one_dataset() {
    let ring = ring();
    let head = header(&ring).to_string();
    let guest = |aud: &str, dataset: &str| {
        let mut claims = claims();
        claims["aud"] = json!(aud);
        sign(&head, &with(claims, "dataset", json!(dataset)))
    };
    let token = guest("https://a.example/d1", "d1");
    assert_eq!(check(&ring, &token), Ok(()));
    assert!(ring.check_signature(&token).unwrap().claims.is_guest());
    for (aud, dataset) in
        [("https://a.example/d1", "d2"), ("https://a.example/", ""), ("https://a.example", "d1"), ("https://b.example/d1", "d1")]
    {
        assert_eq!(check(&ring, &guest(aud, dataset)), Err(JwtError::Audience));
    }
}

/// Points of small order, under which anyone can make a signature that some verifiers take, cannot be in a ring: a ring's
/// public keys are computed from its private ones. What such signatures look like is refused all the same.
#[test]
fn a_signature_of_zeroes_does_not_verify_under_a_ring_key() {
    let ring = ring();
    let signed = sign(&header(&ring).to_string(), &claims().to_string());
    let signed = signed.rsplit_once('.').unwrap().0;
    let identity = {
        let mut r = [0; 64];
        r[0] = 1;
        r
    };
    for signature in [[0; 64], identity, [0xff; 64]] {
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        assert_eq!(check(&ring, &token), Err(JwtError::Signature));
    }
}

/// S + L verifies under a careless verifier: the signature of a token must not have a twin.
#[test]
fn a_signature_with_a_large_s_is_refused() {
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let ring = ring();
    let token = sign(&header(&ring).to_string(), &claims().to_string());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut twin = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut carry = 0;
    for (byte, l) in twin[32..].iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(l) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(check(&ring, &format!("{signed}.{}", URL_SAFE_NO_PAD.encode(twin))), Err(JwtError::Signature));
}
