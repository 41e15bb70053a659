//! Finds common passwords: those of published leaks, names and words around the account, keyboard walks, repeats, dates. zxcvbn
//! makes the estimate; it contains lists of common passwords, names and words.

use zeroize::Zeroizing;
use zxcvbn::zxcvbn;

/// Below this many guesses a password is common. The 30,000 most common passwords, alone, in another case or with a digit or
/// two after them, lie below; three random words lie far above.
const MIN_GUESSES: u64 = 1_000_000;

/// Words that attackers would try on every account here.
const CONTEXT_WORDS: [&str; 3] = ["countersign", "login", "password"];

/// The length of one piece in characters, and the number of pieces. The cost of an estimate rises with the square of the
/// length, and with the number of ways to read symbols as letters.
const PIECE_LEN: usize = 32;
const MAX_PIECES: usize = 3;

/// True where an attacker who tries the likely ones first would find `password` within a million guesses. `context` are words
/// that are close to this account: its username, the local part of its e-mail address, its organization.
///
/// Checks the first 96 characters, in three pieces; a password is common if each of its pieces is. This takes about a
/// millisecond of CPU, and tens of milliseconds for a password of symbols only. Do not call it on a thread that must not block.
#[must_use]
pub fn is_common(password: &str, context: &[&str]) -> bool {
    let words: Vec<&str> = CONTEXT_WORDS.iter().chain(context).copied().filter(|word| !word.is_empty()).collect();
    let mut symbols = password.chars();
    for _ in 0..MAX_PIECES {
        let piece = Zeroizing::new(symbols.by_ref().take(PIECE_LEN).collect::<String>());
        // The last piece may be a letter or two. It helps the password only if it is hard to guess.
        if zxcvbn(&piece, &words).guesses() >= MIN_GUESSES {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::is_common;

    #[test]
    fn what_everybody_would_guess_is_common() {
        for common in [
            "",
            "password",
            "12345678",
            "iloveyou",
            "Password1",
            "p@ssw0rd",
            "qwertyuiop",
            "1q2w3e4r",
            "princess",
            "trustno1",
            "aaaaaaaaaaaaaaaa",
            "passwordpassword",
            "abcabcabcabcabc",
            "12345678901234567890",
            "qwertyuiopasdfgh",
            "Countersign1",
            "countersign2026",
        ] {
            assert!(is_common(common, &[]), "{common}");
        }
    }

    #[test]
    fn what_is_close_to_the_account_is_common() {
        assert!(is_common("Quixotl-Vander", &["quixotl-vander", "example"]));
        assert!(is_common("quixotl-vander99", &["quixotl-vander"]));
        assert!(!is_common("Quixotl-Vander-Mulberry", &["ada"]));
    }

    #[test]
    fn what_is_not_common_passes_whatever_it_is_made_of() {
        for good in [
            "correct horse battery staple",
            "kanalwasserpumpe im regen",
            "Tr0ub4dor&3 x9",
            "пароль которого нет",
            "🦀🦀🐙🐙🦑🦑🐡🐡🐠",
        ] {
            assert!(!is_common(good, &["alice"]), "{good}");
        }
        assert!(!is_common(&"kx7 vq2 w9z-".repeat(85), &[]), "the longest password");
    }
}
