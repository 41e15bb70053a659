//! One-time codes (RFC 6238: SHA-1, 6 digits, 30 s, as in every authenticator app) and recovery codes. Owns their formats. The
//! store makes sure that a code works only once.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use totp_rs::{Algorithm, Builder};
use zeroize::Zeroizing;

use super::server_key::{HashPurpose, ServerKeys};
use crate::model::clock::Timestamp;
use crate::model::random::Random;
use crate::model::secret::{Secret, SecretBytes};
use crate::model::user::STEP_SECONDS;

/// How many recovery codes an account is given.
pub const RECOVERY_CODES: usize = 10;

const DIGITS: u8 = 6;
const RECOVERY_SYMBOLS: usize = 16;
/// Crockford's base32: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// An account's secret: 160 random bits, the length of the hash (RFC 4226, section 4).
#[must_use]
pub fn generate_secret(random: &dyn Random) -> SecretBytes<20> {
    SecretBytes::new(random.bytes())
}

/// The secret as a person types it into an app: 32 characters of base32.
#[must_use]
pub fn secret_text(secret: &SecretBytes<20>) -> Secret {
    Secret::new(totp_rs::Secret::from(secret.expose().to_vec()).to_base32())
}

/// The `otpauth://totp/ISSUER:ACCOUNT?secret=..&issuer=ISSUER` that an app reads as a QR code. A colon in either name, which
/// the format reserves, becomes a space.
#[must_use]
pub fn otpauth_url(secret: &SecretBytes<20>, issuer: &str, account: &str) -> Secret {
    let mut url = String::from("otpauth://totp/");
    let escape = |text: &str| -> String {
        let form: String = url::form_urlencoded::byte_serialize(text.replace(':', " ").as_bytes()).collect();
        form.replace('+', "%20")
    };
    url.push_str(&escape(issuer));
    url.push(':');
    url.push_str(&escape(account));
    url.push_str("?secret=");
    url.push_str(secret_text(secret).expose());
    url.push_str("&issuer=");
    url.push_str(&escape(issuer));
    url.push_str("&algorithm=SHA1&digits=6&period=30");
    Secret::from(url)
}

/// The time step that `code` belongs to: the previous, the present or the next one; the earliest if two have the same code.
/// Anything but six ASCII digits, with blanks and hyphens among them or not, matches nothing.
///
/// # Security
/// Takes the same time whichever step matches. The store makes sure that a step works once for each account.
#[must_use]
pub fn matching_step(secret: &SecretBytes<20>, code: &str, now: Timestamp) -> Option<u64> {
    let mut typed = Zeroizing::new(String::with_capacity(usize::from(DIGITS)));
    for digit in code.chars().filter(|symbol| !is_filler(*symbol)) {
        if !digit.is_ascii_digit() || typed.len() == usize::from(DIGITS) {
            return None;
        }
        typed.push(digit);
    }
    if typed.len() != usize::from(DIGITS) {
        return None;
    }
    let code = typed.as_bytes();
    let present = now.secs() / STEP_SECONDS;
    let mut found = None;
    for step in [present.saturating_add(1), present, present.saturating_sub(1)] {
        let expected = code_at(Algorithm::SHA1, DIGITS, secret.expose(), step.saturating_mul(STEP_SECONDS));
        let equal = verify_slices_are_equal(expected.as_bytes(), code).is_ok();
        found = if equal { Some(step) } else { found };
    }
    found
}

/// New recovery codes of 80 random bits each, as `xxxx-xxxx-xxxx-xxxx`, with the hashes to store. Made under the current
/// server key.
#[must_use]
pub fn generate_recovery_codes(keys: &ServerKeys, random: &dyn Random) -> Vec<(Secret, [u8; 32])> {
    let code = |_| {
        let bytes = Zeroizing::new(random.bytes::<RECOVERY_SYMBOLS>());
        let mut symbols = bytes.iter().map(|byte| ALPHABET.get(usize::from(byte % 32)).copied().unwrap_or(b'0'));
        let plain: Zeroizing<String> = Zeroizing::new(symbols.by_ref().map(char::from).collect());
        let mut shown = String::with_capacity(RECOVERY_SYMBOLS + 3);
        for (i, symbol) in plain.chars().enumerate() {
            if i > 0 && i % 4 == 0 {
                shown.push('-');
            }
            shown.push(symbol);
        }
        let hash = keys.keyed_hash(HashPurpose::RecoveryCode, keys.current_version(), plain.as_bytes());
        (Secret::from(shown), hash)
    };
    (0..RECOVERY_CODES).map(code).collect()
}

/// The hashes under which a presented recovery code may be stored, one for each version of the server key. Empty if the text is
/// not a recovery code. Case, hyphens and spaces do not matter, and I, L and O are read as 1, 1 and 0.
#[must_use]
pub fn recovery_code_hashes(keys: &ServerKeys, code: &str) -> Vec<[u8; 32]> {
    let Some(plain) = normalised(code) else {
        return Vec::new();
    };
    keys.versions().map(|version| keys.keyed_hash(HashPurpose::RecoveryCode, version, plain.as_bytes())).collect()
}

/// What people type between the symbols of a code, or paste along with it.
fn is_filler(symbol: char) -> bool {
    symbol == '-' || symbol.is_whitespace()
}

fn normalised(code: &str) -> Option<Zeroizing<String>> {
    if code.len() > 2 * RECOVERY_SYMBOLS {
        return None;
    }
    let mut plain = Zeroizing::new(String::with_capacity(RECOVERY_SYMBOLS));
    for symbol in code.chars().filter(|symbol| !is_filler(*symbol)) {
        let symbol = match symbol.to_ascii_lowercase() {
            'i' | 'l' => '1',
            'o' => '0',
            other => other,
        };
        let known = u8::try_from(symbol).is_ok_and(|byte| ALPHABET.contains(&byte));
        if !known || plain.len() == RECOVERY_SYMBOLS {
            return None;
        }
        plain.push(symbol);
    }
    (plain.len() == RECOVERY_SYMBOLS).then_some(plain)
}

/// The code of the step that `seconds` lies in.
fn code_at(algorithm: Algorithm, digits: u8, secret: &[u8], seconds: u64) -> Zeroizing<String> {
    // The checked builder only adds a check for short secrets, and ours are long enough. The window of steps is handled above.
    let totp = Builder::new()
        .with_algorithm(algorithm)
        .with_digits(digits)
        .with_skew(0)
        .with_step_duration(STEP_SECONDS)
        .with_secret(secret.to_vec())
        .build_noncompliant();
    Zeroizing::new(totp.generate(seconds).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::random::SystemRandom;

    /// RFC 6238, appendix B: (seconds, SHA-1, SHA-256, SHA-512).
    const VECTORS: [(u64, &str, &str, &str); 6] = [
        (59, "94287082", "46119246", "90693936"),
        (1_111_111_109, "07081804", "68084774", "25091201"),
        (1_111_111_111, "14050471", "67062674", "99943326"),
        (1_234_567_890, "89005924", "91819424", "93441116"),
        (2_000_000_000, "69279037", "90698825", "38618901"),
        (20_000_000_000, "65353130", "77737706", "47863826"),
    ];

    fn seed<const N: usize>() -> [u8; N] {
        std::array::from_fn(|i| b"1234567890"[i % 10])
    }

    #[test]
    fn the_vectors_of_rfc_6238_reproduce() {
        for (seconds, sha1, sha256, sha512) in VECTORS {
            assert_eq!(*code_at(Algorithm::SHA1, 8, &seed::<20>(), seconds), sha1);
            assert_eq!(*code_at(Algorithm::SHA256, 8, &seed::<32>(), seconds), sha256);
            assert_eq!(*code_at(Algorithm::SHA512, 8, &seed::<64>(), seconds), sha512);
            let secret = SecretBytes::new(seed::<20>());
            assert_eq!(matching_step(&secret, &sha1[2..], Timestamp::from_secs(seconds)), Some(seconds / 30));
        }
    }

    #[test]
    fn the_window_is_one_step_either_way() {
        let secret = generate_secret(&SystemRandom);
        let now = Timestamp::from_secs(1_800_000_000);
        for (offset, counts) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let step = (now.secs() / STEP_SECONDS).checked_add_signed(offset).unwrap();
            let code = code_at(Algorithm::SHA1, DIGITS, secret.expose(), step * STEP_SECONDS);
            assert_eq!(matching_step(&secret, &code, now), counts.then_some(step), "{offset}");
        }
        assert_eq!(matching_step(&secret, "123456789", Timestamp::from_secs(0)), None);
    }

    #[test]
    fn only_six_ascii_digits_are_a_code() {
        let secret = generate_secret(&SystemRandom);
        let now = Timestamp::from_secs(1_800_000_000);
        let code = code_at(Algorithm::SHA1, DIGITS, secret.expose(), now.secs());
        let full_width: String = code.chars().map(|c| char::from_u32(c as u32 + 0xFEE0).unwrap()).collect();
        let bad = [
            "",
            "0",
            " 12345",
            "+12345",
            "12345",
            "1234567",
            "12345\0",
            &full_width,
            &code.replace(&code[..1], "\u{2212}"),
            &format!("{}0", *code),
            &" ".repeat(64),
            "------",
        ];
        for bad in bad {
            assert_eq!(matching_step(&secret, bad, now), None, "{bad:?}");
        }
        assert!(matching_step(&secret, &code, now).is_some());
    }

    #[test]
    fn blanks_and_hyphens_in_a_code_do_not_matter() {
        let secret = generate_secret(&SystemRandom);
        let now = Timestamp::from_secs(1_800_000_000);
        let code = code_at(Algorithm::SHA1, DIGITS, secret.expose(), now.secs());
        let (one, two) = code.split_at(3);
        for typed in [
            format!("{one} {two}"),
            format!("{one}-{two}"),
            format!(" {} ", *code),
            format!("{one}\u{a0}{two}\n"),
            format!("- {one} - {two} -"),
        ] {
            assert_eq!(matching_step(&secret, &typed, now), matching_step(&secret, &code, now), "{typed:?}");
        }
    }

    #[test]
    fn the_url_escapes_its_names() {
        let url = otpauth_url(&SecretBytes::new(seed()), "Counter:sign & co", "al ice@example.org");
        let expected = "otpauth://totp/Counter%20sign%20%26%20co:al%20ice%40example.org\
            ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Counter%20sign%20%26%20co&algorithm=SHA1&digits=6&period=30";
        assert_eq!(url.expose(), expected);
    }

    #[test]
    fn recovery_codes_count_as_people_type_them() {
        let one = ServerKeys::from_stored(vec![(1, SecretBytes::new([1; 32]))]).unwrap();
        let both = ServerKeys::from_stored(vec![(1, SecretBytes::new([1; 32])), (2, SecretBytes::new([2; 32]))]).unwrap();
        let codes = generate_recovery_codes(&one, &SystemRandom);
        assert_eq!(codes.len(), RECOVERY_CODES);
        for (code, hash) in &codes {
            let text = code.expose();
            assert_eq!(text.len(), 19);
            let typed =
                [text.to_owned(), text.to_uppercase(), text.replace('-', ""), text.replace('-', " "), text.replace('0', "O")];
            for typed in typed {
                assert!(recovery_code_hashes(&both, &typed).contains(hash), "{typed}");
            }
            for wrong in ["", "123456", &text[1..], &format!("{text}a"), &text.replace('-', "\u{2010}"), &"0".repeat(10_000)] {
                assert!(!recovery_code_hashes(&both, wrong).contains(hash));
            }
        }
        assert!(recovery_code_hashes(&one, "zzzz-zzzz-zzzz-zzzu").is_empty(), "u is no symbol");
    }
}
