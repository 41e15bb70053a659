use super::*;

const PASSWORD: &str = "correct horse é battery";

/// Made by Django 5.2, argon2-cffi 25 and bcrypt 4 (Python), of [`PASSWORD`].
const FOREIGN: [&str; 9] = [
    "pbkdf2_sha256$12000$saltsaltsalt12$TvfJXVhLJfXO5Ll/Jl+q/cEFxgX2IBpXtthcjRC2vrQ=",
    "argon2$argon2id$v=19$m=102400,t=2,p=8$SXVIUERyY0NDU3pSOWllU29zOEU0bg$6lkHjN1+IJxZeDFsT0bNhtlxGjFai6mTmiQx1bXV/UI",
    "bcrypt_sha256$$2b$04$w7QSvgLhCCWhkyoEbyjku.Kg8l6AmVXBFfq.c0nkqJOLZb69Eifky",
    "bcrypt$$2b$04$7qeBj8wU4HPkU.pkLJ/HY.OBCKSU69RQQ7gssX4jhsBbqG6Vsp2iK",
    "$2a$05$cXwD5I8l.FEVKmF1e9IfHOMyQ91DsZh0WeGqWoGmOqylWtC5IMzTy",
    "$2b$05$/uq2ttlKJzsn1vJ3ron5getnBG3aCbBKDNnW2zMtonYrq/Bgy3RBS",
    "$argon2id$v=19$m=64,t=3,p=4$UiTdQV/nJbo4NowB04uEgw$rABsxIx7o7a4ka3Tl173lqatU1AwoFh+uschhTzehCw",
    "$argon2i$v=19$m=1024,t=2,p=1$2c7goZ1EGLBB7/GTxtUn7Q$3YQzIbj3VqgexsXRYRl/twj++iSHnfuRSTZkgdv5atw",
    "$argon2id$v=16$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$LS6Lq/D15n2BSCxGjXBJY4pLi/U/EuCKDmznH5yAOHc",
];

fn small() -> Hasher {
    Hasher::new(HashParams::new(64, 1, 1).unwrap())
}

#[test]
fn our_own_hash_is_argon2id_in_phc_form() {
    let mut hasher = Hasher::new(HashParams::default());
    let stored = hasher.hash(PASSWORD.as_bytes(), [7; 16]).unwrap();
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw$"), "{stored}");
    assert_eq!(hasher.verify(PASSWORD.as_bytes(), &stored), Ok(true));
    assert!(!hasher.needs_rehash(&stored));
    let composed = PASSWORD.replace('é', "e\u{301}");
    for wrong in ["", "correct horse é batterz", "Correct horse é battery", "correct horse é battery ", composed.as_str()] {
        assert_eq!(hasher.verify(wrong.as_bytes(), &stored), Ok(false), "{wrong}");
    }
}

#[test]
fn every_byte_of_a_long_password_counts() {
    let mut hasher = small();
    let long = "x".repeat(1024);
    let stored = hasher.hash(long.as_bytes(), [1; 16]).unwrap();
    assert_eq!(hasher.verify(long.as_bytes(), &stored), Ok(true));
    assert_eq!(hasher.verify(format!("{}y", &long[1..]).as_bytes(), &stored), Ok(false));
}

#[test]
fn hashes_from_elsewhere_verify_and_want_an_upgrade() {
    let mut hasher = small();
    for stored in FOREIGN {
        assert_eq!(check_format(stored), Ok(()), "{stored}");
        assert_eq!(hasher.verify(PASSWORD.as_bytes(), stored), Ok(true), "{stored}");
        assert_eq!(hasher.verify(b"correct horse battery", stored), Ok(false), "{stored}");
        assert!(Hasher::new(HashParams::default()).needs_rehash(stored) || stored.contains("m=102400"), "{stored}");
    }
}

/// bcrypt never saw more than 72 bytes. An account that brings such a hash along signs in as it did; its next hash is ours.
#[test]
fn a_bcrypt_hash_knows_72_bytes_and_is_upgraded() {
    let stored = "$2b$04$2nOI0J3HggPCt3es2BTsW.HRysuSlQ1I/2pQvFs3mt4Fx8QlQibRO";
    let mut hasher = small();
    assert_eq!(hasher.verify("x".repeat(72).as_bytes(), stored), Ok(true));
    assert_eq!(hasher.verify("x".repeat(71).as_bytes(), stored), Ok(false));
    assert!(hasher.needs_rehash(stored));
}

#[test]
fn parameters_that_rise_want_a_rehash() {
    let stored = small().hash(b"password", [1; 16]).unwrap();
    for (params, wanted) in [((64, 1, 1), false), ((32, 1, 1), false), ((65, 1, 1), true), ((64, 2, 1), true)] {
        let hasher = Hasher::new(HashParams::new(params.0, params.1, params.2).unwrap());
        assert_eq!(hasher.needs_rehash(&stored), wanted, "{params:?}");
    }
}

#[test]
fn a_dear_or_damaged_hash_is_refused_before_it_costs_anything() {
    let tail = "$c29tZXNhbHRzb21lc2FsdA$LS6Lq/D15n2BSCxGjXBJY4pLi/U/EuCKDmznH5yAOHc";
    for dear in [
        "m=262145,t=1,p=1",
        "m=4294967295,t=1,p=1",
        "m=64,t=11,p=1",
        "m=1024,t=1,p=17",
        "m=64,t=0,p=1",
        "m=7,t=1,p=1",
        "m=64,t=1,p=0",
    ] {
        assert_eq!(check_format(&format!("$argon2id$v=19${dear}{tail}")), Err(HashError::TooCostly), "{dear}");
    }
    for dear in ["$2b$15$", "$2b$31$", "$2b$03$"] {
        assert_eq!(check_format(&format!("{dear}{}", "a".repeat(53))), Err(HashError::TooCostly));
    }
    assert_eq!(check_format(&FOREIGN[0].replace("12000", "2000001")), Err(HashError::TooCostly));
    let damaged = [
        String::new(),
        "plain text".to_owned(),
        "$".to_owned(),
        "$1$salt$hash".to_owned(),
        format!("$argon2d$v=19$m=64,t=1,p=1{tail}"),
        format!("$argon2id$v=18$m=64,t=1,p=1{tail}"),
        format!("$argon2id$v=19$m=64,t=1{tail}"),
        format!("$argon2id$v=19$m=64,t=1,p=1,keyid=AAAA{tail}"),
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA".to_owned(),
        "$argon2id$v=19$m=64,t=1,p=1".to_owned(),
        format!("$argon2id$v=19$m=-64,t=1,p=1{tail}"),
        format!("$2x$05${}", "a".repeat(53)),
        format!("$2b$05${}", "a".repeat(52)),
        format!("$2b$5${}", "a".repeat(53)),
        format!("$2b$05${}", "é".repeat(26)),
        FOREIGN[0].replace("12000", "0"),
        FOREIGN[0].replace("12000", "-1"),
        FOREIGN[0].replace("vrQ=", "vrQ"),
        FOREIGN[0].replace("saltsaltsalt12", ""),
        format!("{}$x", FOREIGN[0]),
        "pbkdf2_sha256$1$s$AAAA".to_owned(),
        "pbkdf2_sha1$1000$salt$AAAA".to_owned(),
    ];
    for damaged in damaged {
        assert_eq!(check_format(&damaged), Err(HashError::Unsupported), "{damaged}");
        assert_eq!(small().verify(b"x", &damaged), Err(HashError::Unsupported));
    }
}

#[test]
fn settings_are_bounded() {
    assert!(HashParams::new(19_456, 2, 1).is_ok());
    for (m, t, p) in [(0, 1, 1), (64, 0, 1), (64, 1, 0), (262_145, 1, 1), (64, 11, 1), (1024, 1, 17), (15, 1, 2)] {
        assert_eq!(HashParams::new(m, t, p), Err(HashError::TooCostly), "{m} {t} {p}");
    }
}

#[test]
fn the_memory_is_allocated_once_and_wiped() {
    let mut hasher = small();
    assert_eq!(hasher.blocks.capacity(), 0, "nothing before the first hash");
    hasher.pretend(b"first");
    let (at, size) = (hasher.blocks.as_ptr(), hasher.blocks.capacity());
    for stored in FOREIGN {
        hasher.verify(PASSWORD.as_bytes(), stored).unwrap();
        assert_eq!((hasher.blocks.as_ptr(), hasher.blocks.capacity()), (at, size), "{stored}");
    }
    for n in 0..200u8 {
        let stored = hasher.hash(&[n], [n; 16]).unwrap();
        assert_eq!(hasher.verify(&[n], &stored), Ok(true));
        assert_eq!((hasher.blocks.as_ptr(), hasher.blocks.capacity()), (at, size));
    }
    assert!(hasher.blocks.iter().any(|block| block.as_ref().iter().any(|word| *word != 0)));
    hasher.wipe();
    assert!(hasher.blocks.iter().all(|block| block.as_ref().iter().all(|word| *word == 0)));
    assert_eq!((hasher.blocks.as_ptr(), hasher.blocks.capacity()), (at, size));
}
