use super::*;
use crate::crypto::seal::KeyEncryptionKey;
use crate::crypto::signature_cache::SignatureCache;
use crate::model::ids::SessionId;
use crate::model::random::SystemRandom;

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);
const ALL: [Algorithm; 3] = [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256];

fn sealer() -> Sealer {
    Sealer::new(Some(KeyEncryptionKey::from_bytes(&[9; 32]).unwrap()))
}

fn key(algorithm: Algorithm, state: KeyState) -> SigningKeyRecord {
    KeyRing::generate(algorithm, state, &sealer(), &SystemRandom, NOW).unwrap()
}

fn claims() -> Claims {
    Claims {
        iss: "https://issuer.example".to_owned(),
        sub: "7d444840-9dc0-41f1-b0d1-8c5ab5a0d6a1".to_owned(),
        aud: "https://audience.example".to_owned(),
        exp: NOW.secs() + 3600,
        iat: NOW.secs(),
        nbf: None,
        jti: "j".to_owned(),
        sid: SessionId::from_bytes([1; 16]),
        generation: 3,
        cred: None,
        client_id: "grpc".to_owned(),
        username: "alice".to_owned(),
        org: "alice".to_owned(),
        org_role: None,
        roles: vec!["staff".to_owned()],
        amr: vec!["pwd".to_owned()],
        auth_time: NOW.secs(),
        dataset: None,
    }
}

#[test]
fn every_algorithm_signs_what_verifies() {
    for algorithm in ALL {
        let ring = KeyRing::load(&[key(algorithm, KeyState::Signing)], &sealer()).unwrap();
        let token = ring.mint(&claims()).unwrap();
        let verified = ring.check_signature(token.expose()).unwrap();
        assert_eq!(verified.claims, claims());
        assert_eq!(verified.kid, ring.signer_kid());
        assert_eq!(verified.kid.len(), 43);
        let jwk = ring.jwks().pop().unwrap();
        assert_eq!((jwk.alg.as_str(), jwk.key_use.as_str(), jwk.kid.as_str()), (algorithm.name(), "sig", ring.signer_kid()));
    }
}

#[test]
fn what_is_minted_verifies_by_the_published_jwk_alone() {
    for algorithm in ALL {
        let ring = KeyRing::load(&[key(algorithm, KeyState::Signing)], &sealer()).unwrap();
        let token = ring.mint(&claims()).unwrap();
        let jwk = serde_json::from_value(serde_json::to_value(ring.jwks().pop().unwrap()).unwrap()).unwrap();
        assert!(jwt::verifies_as_a_stranger_would(token.expose(), &jwk), "{algorithm:?}");
    }
}

/// The same signature with n - s in place of s, which verifies as well by the curve's own rules.
fn twin(token: &str) -> String {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
        0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut borrow = 0;
    for (s, order) in signature[32..].iter_mut().zip(ORDER).rev() {
        let difference = 256 + i32::from(order) - i32::from(*s) - borrow;
        borrow = i32::from(difference < 256);
        *s = u8::try_from(difference % 256).unwrap();
    }
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn an_es256_token_has_the_lower_s_and_its_twin_does_not_verify() {
    let of_now = key(Algorithm::Es256, KeyState::Signing);
    let of_before = SigningKeyRecord { low_s: false, ..of_now.clone() };
    let ring = KeyRing::load(&[of_now], &sealer()).unwrap();
    let older = KeyRing::load(&[of_before], &sealer()).unwrap();
    for n in 0..64 {
        let claims = Claims { jti: n.to_string(), ..claims() };
        for token in [ring.mint(&claims).unwrap(), older.mint(&claims).unwrap()] {
            let twin = twin(token.expose());
            assert!(ring.check_signature(token.expose()).is_ok(), "signed with the lower s");
            assert_eq!(ring.check_signature(&twin), Err(JwtError::Signature));
            assert!(
                older.check_signature(token.expose()).is_ok() && older.check_signature(&twin).is_ok(),
                "an older key takes both"
            );
        }
    }
}

/// The seed, the kid and a signature of RFC 8037, appendix A.
#[test]
fn the_key_of_rfc_8037_has_its_thumbprint() {
    struct Rfc8037;
    impl Random for Rfc8037 {
        fn fill(&self, buffer: &mut [u8]) {
            let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
            buffer.iter_mut().zip(seed).for_each(|(to, from)| *to = from);
        }
    }
    let record = KeyRing::generate(Algorithm::EdDsa, KeyState::Signing, &sealer(), &Rfc8037, NOW).unwrap();
    assert_eq!(record.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    let ring = KeyRing::load(&[record], &sealer()).unwrap();
    assert_eq!(ring.jwks()[0].x.as_deref(), Some("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
    let signature = ring.signer.private.sign(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc").unwrap();
    let expected = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert_eq!(URL_SAFE_NO_PAD.encode(signature), expected);
}

/// Verifiers elsewhere read these bytes: the members, their order and their spelling may not change unnoticed.
#[test]
fn a_token_is_what_it_always_was() {
    struct Fixed;
    impl Random for Fixed {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(5);
        }
    }
    let record = KeyRing::generate(Algorithm::EdDsa, KeyState::Signing, &Sealer::new(None), &Fixed, NOW).unwrap();
    let ring = KeyRing::load(&[record], &Sealer::new(None)).unwrap();
    let guest = Claims { cred: Some("link:1".to_owned()), dataset: Some("d\"1".to_owned()), nbf: Some(1), ..claims() };
    let known = [
        (
            claims(),
            r#"{"iss":"https://issuer.example","sub":"7d444840-9dc0-41f1-b0d1-8c5ab5a0d6a1","aud":"https://audience.example","exp":1800003600,"iat":1800000000,"jti":"j","sid":"01010101-0101-0101-0101-010101010101","gen":3,"client_id":"grpc","username":"alice","org":"alice","roles":["staff"],"amr":["pwd"],"auth_time":1800000000}"#,
            "yrd6-EQtK87_86J0mf51eMCLIqiWQPXFARsAKeHHbaa4n_eLfXtqCuyJq-rvlMaDBq-7NPz2lmfc4kR3MCqYDw",
        ),
        (
            guest,
            r#"{"iss":"https://issuer.example","sub":"7d444840-9dc0-41f1-b0d1-8c5ab5a0d6a1","aud":"https://audience.example","exp":1800003600,"iat":1800000000,"nbf":1,"jti":"j","sid":"01010101-0101-0101-0101-010101010101","gen":3,"cred":"link:1","client_id":"grpc","username":"alice","org":"alice","roles":["staff"],"amr":["pwd"],"auth_time":1800000000,"dataset":"d\"1"}"#,
            "gBQWbmfGNTBtG5wADIcZ-TKWTKhIZ7fCObWZQs_KHBVMgOefzLqCKCNjEk_H1jpFDEmOxOqkwwhXzpVnc15SAg",
        ),
    ];
    for (claims, body, signature) in known {
        let header = r#"{"typ":"at+jwt","alg":"EdDSA","kid":"0YuCW4N9LKPsO0jPKKgDYo3H7HH2LkiT8YLuFGslZXI"}"#;
        let expected = format!("{}.{}.{signature}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(body));
        assert_eq!(ring.mint(&claims).unwrap().expose(), expected);
    }
}

#[test]
fn published_and_retired_keys_verify_and_are_shown() {
    let (old, new) = (key(Algorithm::EdDsa, KeyState::Signing), key(Algorithm::Es256, KeyState::Published));
    let before = KeyRing::load(&[old.clone(), new.clone()], &sealer()).unwrap();
    let token = before.mint(&claims()).unwrap();
    let old = SigningKeyRecord { state: KeyState::Retired { since: NOW }, ..old };
    let new = SigningKeyRecord { state: KeyState::Signing, ..new };
    let after = KeyRing::load(&[old.clone(), new.clone()], &sealer()).unwrap();
    assert_eq!((before.jwks().len(), before.jwks()), (2, after.jwks()));
    assert!(after.check_signature(token.expose()).is_ok());
    assert!(before.check_signature(after.mint(&claims()).unwrap().expose()).is_ok());
    let gone = KeyRing::load(&[new], &sealer()).unwrap();
    assert_eq!(gone.check_signature(token.expose()), Err(JwtError::UnknownKey));
}

#[test]
fn a_ring_has_one_signer() {
    let signing = key(Algorithm::EdDsa, KeyState::Signing);
    let other = key(Algorithm::EdDsa, KeyState::Signing);
    let published = key(Algorithm::EdDsa, KeyState::Published);
    assert_eq!(KeyRing::load(&[], &sealer()).unwrap_err(), KeyRingError::Signers(0));
    assert_eq!(KeyRing::load(&[published], &sealer()).unwrap_err(), KeyRingError::Signers(0));
    assert_eq!(KeyRing::load(&[signing, other], &sealer()).unwrap_err(), KeyRingError::Signers(2));
}

#[test]
fn a_stored_key_that_is_not_what_it_says_is_refused() {
    let (one, other) = (key(Algorithm::EdDsa, KeyState::Signing), key(Algorithm::EdDsa, KeyState::Signing));
    let swapped = SigningKeyRecord { kid: other.kid.clone(), ..one.clone() };
    assert_eq!(KeyRing::load(&[swapped], &sealer()).unwrap_err(), KeyRingError::Seal(SealError::WrongKey));
    let clear = Sealer::new(None);
    let plain = KeyRing::generate(Algorithm::EdDsa, KeyState::Signing, &clear, &SystemRandom, NOW).unwrap();
    let renamed = SigningKeyRecord { kid: other.kid, ..plain.clone() };
    assert!(matches!(KeyRing::load(&[renamed], &clear), Err(KeyRingError::Damaged(_))));
    let relabelled = SigningKeyRecord { algorithm: Algorithm::Es256, ..plain.clone() };
    assert!(matches!(KeyRing::load(&[relabelled], &clear), Err(KeyRingError::Damaged(_))));
    let cut = SigningKeyRecord { sealed_private: plain.sealed_private[..20].to_vec(), ..plain };
    assert!(matches!(KeyRing::load(&[cut], &clear), Err(KeyRingError::Damaged(_))));
    assert_eq!(KeyRing::load(&[one], &clear).unwrap_err(), KeyRingError::Seal(SealError::KeyMissing));
}

#[test]
fn the_cache_answers_what_the_ring_does() {
    let (one, other) = (key(Algorithm::EdDsa, KeyState::Signing), key(Algorithm::EdDsa, KeyState::Signing));
    let ring = KeyRing::load(std::slice::from_ref(&one), &sealer()).unwrap();
    let without = KeyRing::load(&[other], &sealer()).unwrap();
    let cache = SignatureCache::new(64);
    let token = ring.mint(&claims()).unwrap();
    for _ in 0..2 {
        assert_eq!(**cache.check(&ring, token.expose(), Ok).unwrap(), claims());
    }
    assert_eq!(cache.check(&without, token.expose(), Ok).unwrap_err(), JwtError::UnknownKey, "a key that is gone counts no more");
    let forged = token.expose().replacen("ey", "fy", 1);
    assert!(cache.check(&ring, &forged, Ok).is_err());
    assert_eq!(cache.len(), 1, "only good results are kept");
    cache.forget_key(&one.kid);
    assert!(cache.is_empty());
    for n in 0..1000 {
        let token = ring.mint(&Claims { jti: n.to_string(), ..claims() }).unwrap();
        cache.check(&ring, token.expose(), Ok).unwrap();
    }
    assert!(cache.len() <= 64, "{}", cache.len());
}

/// It is found by its end; nothing else that ends so is taken for it.
#[test]
fn the_cache_knows_a_token_by_all_of_it() {
    for algorithm in ALL {
        let ring = KeyRing::load(&[key(algorithm, KeyState::Signing)], &sealer()).unwrap();
        let cache = SignatureCache::new(64);
        let token = ring.mint(&claims()).unwrap();
        cache.check(&ring, token.expose(), Ok).unwrap();
        for at in 0..token.len() {
            let mut other = token.expose().to_owned().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            assert!(cache.check(&ring, std::str::from_utf8(&other).unwrap(), Ok).is_err(), "byte {at}");
        }
        let text = token.expose();
        for other in [&format!("A{text}"), &format!("{text}A"), &text[1..], &text[text.len() - 32..], &text[..31], ""] {
            assert!(cache.check(&ring, other, Ok).is_err(), "{other}");
        }
        let refused = ring.mint(&Claims { jti: "k".to_owned(), ..claims() }).unwrap();
        assert_eq!(cache.check(&ring, refused.expose(), |_| Err(JwtError::Audience)).unwrap_err(), JwtError::Audience);
        assert_eq!(cache.len(), 1, "what is refused is not kept");
    }
}

#[test]
fn nothing_shows_itself() {
    let ring = KeyRing::load(&[key(Algorithm::EdDsa, KeyState::Signing)], &sealer()).unwrap();
    assert_eq!(format!("{ring:?}"), format!("KeyRing(signer {}, 1 keys)", ring.signer_kid()));
}
