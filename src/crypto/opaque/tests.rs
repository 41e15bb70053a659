use super::*;
use crate::crypto::refresh::RefreshToken;
use crate::model::ids::SessionId;
use crate::model::random::SystemRandom;
use crate::model::secret::SecretBytes;

fn keys() -> ServerKeys {
    ServerKeys::from_stored(vec![(1, SecretBytes::new([1; 32]))]).unwrap()
}

fn one_of_each(keys: &ServerKeys) -> [Secret; 4] {
    [
        Secret::new(KeyIdToken::issue(keys, KeyId::random(&SystemRandom))),
        KeySecret::issue(keys, &SystemRandom).0,
        LinkToken::issue(keys, LinkId::random(&SystemRandom), &SystemRandom).0,
        RefreshToken::first(keys, 1, SessionId::random(&SystemRandom), [7; 16]).0,
    ]
}

/// Which parsers take `text`, as the index of [`one_of_each`].
fn takers(keys: &ServerKeys, text: &str) -> Vec<usize> {
    let secret = Secret::new(text);
    let taken = [
        KeyIdToken::parse(keys, text).is_ok(),
        KeySecret::parse(keys, &secret).is_ok(),
        LinkToken::parse(keys, &secret).is_ok(),
        RefreshToken::parse(keys, &secret).is_ok(),
    ];
    taken.iter().enumerate().filter(|(_, ok)| **ok).map(|(i, _)| i).collect()
}

#[test]
fn every_token_is_of_one_kind_only() {
    let keys = keys();
    let tokens = one_of_each(&keys);
    for (i, token) in tokens.iter().enumerate() {
        assert_eq!(takers(&keys, token.expose()), [i]);
        for other in &tokens {
            let renamed = format!("{}{}", &other.expose()[..4], &token.expose()[4..]);
            if renamed != token.expose() {
                assert!(takers(&keys, &renamed).is_empty(), "{renamed}");
            }
        }
    }
}

#[test]
fn no_altered_character_parses() {
    let keys = keys();
    for token in one_of_each(&keys) {
        let text = token.expose();
        for i in 0..text.len() {
            for with in [b'A', b'B', b'-', b'_', b'=', b'+', b' ', 0] {
                let mut other = text.to_owned().into_bytes();
                if other[i] != with {
                    other[i] = with;
                    assert!(takers(&keys, std::str::from_utf8(&other).unwrap()).is_empty(), "byte {i}");
                }
            }
            assert!(takers(&keys, &text[..i]).is_empty());
        }
        for padded in [format!("{text}="), format!("{text}\n"), format!(" {text}"), format!("{text}A"), format!("{text}\0")] {
            assert!(takers(&keys, &padded).is_empty());
        }
        assert!(takers(&keys, &text.to_uppercase()).is_empty());
    }
}

#[test]
fn trailing_bits_must_be_zero() {
    // A key secret ends in four bits that decode to nothing; only one spelling of them is a token.
    let keys = keys();
    let (token, _) = KeySecret::issue(&keys, &SystemRandom);
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = *token.expose().as_bytes().last().unwrap();
    let at = alphabet.iter().position(|b| *b == last).unwrap();
    for extra in 1..16 {
        let twin = format!("{}{}", &token.expose()[..token.len() - 1], alphabet[at | extra] as char);
        if twin != token.expose() {
            assert!(takers(&keys, &twin).is_empty());
        }
    }
}

#[test]
fn another_server_takes_nothing() {
    let other = ServerKeys::from_stored(vec![(1, SecretBytes::new([2; 32]))]).unwrap();
    for token in one_of_each(&keys()) {
        assert!(takers(&other, token.expose()).is_empty());
    }
}

#[test]
fn the_hash_that_was_stored_is_the_hash_that_is_presented() {
    let keys = keys();
    let (token, stored) = KeySecret::issue(&keys, &SystemRandom);
    assert!(hashes_equal(&KeySecret::parse(&keys, &token).unwrap().keyed_hash, &stored));
    let id = LinkId::random(&SystemRandom);
    let (token, stored) = LinkToken::issue(&keys, id, &SystemRandom);
    let link = LinkToken::parse(&keys, &token).unwrap();
    assert_eq!((link.id, link.key_version), (id, 1));
    assert!(hashes_equal(&link.keyed_hash, &stored));
    let key = KeyId::random(&SystemRandom);
    assert_eq!(KeyIdToken::parse(&keys, &KeyIdToken::issue(&keys, key)).unwrap().id, key);
}

#[test]
fn a_thousand_secrets_never_repeat() {
    let keys = keys();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..1000 {
        assert!(seen.insert(KeySecret::issue(&keys, &SystemRandom).0.expose().to_owned()));
        assert!(seen.insert(LinkToken::issue(&keys, LinkId::from_bytes([1; 16]), &SystemRandom).0.expose().to_owned()));
    }
}

#[test]
fn lengths_and_alphabet_are_as_documented() {
    let lengths = one_of_each(&keys()).map(|token| {
        assert!(token.expose().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        token.len()
    });
    assert_eq!(lengths, [48, 54, 70, 80]);
}

/// What was issued stays good: a token and what is stored of it may never change under the same server key.
#[test]
fn tokens_and_stored_hashes_are_what_they_always_were() {
    struct Counting;
    impl Random for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.iter_mut().zip(1..).for_each(|(to, n)| *to = n);
        }
    }
    let keys = keys();
    let (secret, stored) = KeySecret::issue(&keys, &Counting);
    let (link, stored_link) = LinkToken::issue(&keys, LinkId::from_bytes([9; 16]), &Counting);
    let id = KeyIdToken::issue(&keys, KeyId::from_bytes([9; 16]));
    let found =
        [id.as_str(), secret.expose(), &URL_SAFE_NO_PAD.encode(stored), link.expose(), &URL_SAFE_NO_PAD.encode(stored_link)];
    let expected = [
        "csk_AQkJCQkJCQkJCQkJCQkJCQn7a_0DJ2-rITRDzfVpMrU-",
        "css_AQECAwQFBgcICQoLDA0ODxAREhMUGkJgW-kaj51H-fT7WrduVw",
        "X0wgRpbFOGEVvR52mf0hg-hHO3utob09o14QH_39qpg",
        "csl_AQkJCQkJCQkJCQkJCQkJCQkBAgMEBQYHCAkKCwwNDg8Q7aJdrqyoOgisq_glrS58zQ",
        "wwxCiUzav7UtMXtDIn1gOz9-BIr9lBvRvqRmZZPgAF0",
    ];
    assert_eq!(found, expected);
}
