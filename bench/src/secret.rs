//! Passwords: of the server that is measured, and of the users that are made there.

use std::fmt;

use rand::Rng as _;
use zeroize::Zeroizing;

/// A secret text that does not show itself and is wiped when it goes.
#[derive(Clone, Default)]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    /// A password that nobody has had before.
    pub(crate) fn fresh() -> Self {
        Self::from(random_hex::<24>())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// `N` bytes at random, in hexadecimal.
pub(crate) fn random_hex<const N: usize>() -> String {
    use std::fmt::Write as _;
    let mut bytes = [0; N];
    rand::rng().fill_bytes(&mut bytes);
    bytes.iter().fold(String::with_capacity(2 * N), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
