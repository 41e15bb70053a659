//! The formats of password hashes: our own argon2id in PHC form, and those of accounts from elsewhere. Every cost parameter of
//! a stored hash is checked against a bound before anything is computed.

use std::num::NonZeroU32;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use zeroize::{Zeroize as _, Zeroizing};

/// The most memory a stored hash may ask for, in KiB.
const MAX_MEMORY_KIB: u32 = 256 * 1024;
const MAX_ITERATIONS: u32 = 10;
const MAX_PARALLELISM: u32 = 16;
const MAX_PBKDF2_ITERATIONS: u32 = 2_000_000;
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=14;
const SALT_LEN: usize = 16;
const OUTPUT_LEN: usize = 32;

/// What new hashes cost. The default is OWASP's: 19 MiB, two passes, one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashParams {
    memory_kib: u32,
    iterations: u32,
    parallelism: u32,
}

impl Default for HashParams {
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2, parallelism: 1 }
    }
}

impl HashParams {
    /// `memory_kib` in KiB from 8 for each lane to 262,144; `iterations` from 1 to 10; `parallelism`, the lanes, from 1 to 16
    /// (one thread computes them all).
    ///
    /// # Errors
    /// [`HashError::TooCostly`] where one is outside its bounds.
    pub fn new(memory_kib: u32, iterations: u32, parallelism: u32) -> Result<Self, HashError> {
        let bounded = memory_kib <= MAX_MEMORY_KIB && iterations <= MAX_ITERATIONS && parallelism <= MAX_PARALLELISM;
        if bounded && Params::new(memory_kib, iterations, parallelism, Some(OUTPUT_LEN)).is_ok() {
            Ok(Self { memory_kib, iterations, parallelism })
        } else {
            Err(HashError::TooCostly)
        }
    }
}

/// Why a stored hash cannot be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Of no format we know, or damaged.
    #[error(
        "not a password hash of a known form (argon2id, argon2i, bcrypt, or Django's argon2, pbkdf2_sha256, bcrypt, bcrypt_sha256)"
    )]
    Unsupported,
    /// Its parameters are outside our bounds.
    #[error("the password hash asks for more memory or time than is allowed")]
    TooCostly,
}

/// Checks that a hash from elsewhere can be verified here. Computes nothing.
///
/// # Errors
/// [`HashError::Unsupported`], [`HashError::TooCostly`].
pub fn check_format(stored: &str) -> Result<(), HashError> {
    Stored::parse(stored).map(|_| ())
}

/// A stored hash, its parameters within bounds.
enum Stored<'a> {
    Argon2(Box<ArgonHash>),
    /// The hash as bcrypt has it, and whether the password goes through SHA-256 first (Django's `bcrypt_sha256`).
    Bcrypt(&'a str, bool),
    Pbkdf2 {
        iterations: NonZeroU32,
        salt: &'a str,
        output: [u8; OUTPUT_LEN],
    },
}

struct ArgonHash {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl<'a> Stored<'a> {
    fn parse(stored: &'a str) -> Result<Self, HashError> {
        if let Some(rest) = stored.strip_prefix("pbkdf2_sha256$") {
            return Self::parse_pbkdf2(rest);
        }
        if let Some(rest) = stored.strip_prefix("bcrypt_sha256$") {
            return Self::parse_bcrypt(rest, true);
        }
        let bare = stored.strip_prefix("bcrypt$").or_else(|| stored.strip_prefix("argon2")).unwrap_or(stored);
        if bare.starts_with("$2") { Self::parse_bcrypt(bare, false) } else { Self::parse_argon2(bare) }
    }

    fn parse_argon2(stored: &str) -> Result<Self, HashError> {
        let phc = PasswordHash::new(stored).map_err(|_| HashError::Unsupported)?;
        let algorithm = match phc.algorithm.as_str() {
            "argon2id" => Algorithm::Argon2id,
            "argon2i" => Algorithm::Argon2i,
            _ => return Err(HashError::Unsupported),
        };
        let version = phc.version.unwrap_or(0x10).try_into().map_err(|_| HashError::Unsupported)?;
        let (salt, output) = (phc.salt.ok_or(HashError::Unsupported)?, phc.hash.ok_or(HashError::Unsupported)?);
        if phc.params.iter().any(|(name, _)| !matches!(name.as_str(), "m" | "t" | "p")) {
            return Err(HashError::Unsupported);
        }
        let cost = |name: &str| phc.params.get_decimal(name).ok_or(HashError::Unsupported);
        let costs = HashParams::new(cost("m")?, cost("t")?, cost("p")?)?;
        let params = Params::new(costs.memory_kib, costs.iterations, costs.parallelism, Some(output.len()));
        Ok(Self::Argon2(Box::new(ArgonHash {
            algorithm,
            version,
            params: params.map_err(|_| HashError::Unsupported)?,
            salt: (*salt).to_vec(),
            output: output.as_bytes().to_vec(),
        })))
    }

    fn parse_bcrypt(stored: &'a str, prehashed: bool) -> Result<Self, HashError> {
        let (version, rest) = stored.split_at_checked(4).ok_or(HashError::Unsupported)?;
        let (cost, body) = rest.split_once('$').ok_or(HashError::Unsupported)?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/');
        if !matches!(version, "$2a$" | "$2b$" | "$2y$") || body.len() != 53 || !body.bytes().all(plain) || cost.len() != 2 {
            return Err(HashError::Unsupported);
        }
        if !BCRYPT_COSTS.contains(&cost.parse().map_err(|_| HashError::Unsupported)?) {
            return Err(HashError::TooCostly);
        }
        Ok(Self::Bcrypt(stored, prehashed))
    }

    fn parse_pbkdf2(rest: &'a str) -> Result<Self, HashError> {
        let mut parts = rest.split('$');
        let (Some(iterations), Some(salt), Some(output), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(HashError::Unsupported);
        };
        let iterations: NonZeroU32 = iterations.parse().map_err(|_| HashError::Unsupported)?;
        if iterations.get() > MAX_PBKDF2_ITERATIONS {
            return Err(HashError::TooCostly);
        }
        let output = STANDARD.decode(output).map_err(|_| HashError::Unsupported)?;
        let output = output.try_into().map_err(|_| HashError::Unsupported)?;
        if salt.is_empty() || salt.len() > 128 {
            return Err(HashError::Unsupported);
        }
        Ok(Self::Pbkdf2 { iterations, salt, output })
    }
}

/// Computes hashes one after the other in the same memory. One for each thread.
pub(super) struct Hasher {
    params: HashParams,
    /// Allocated at the first hash, then kept.
    blocks: Vec<Block>,
    dirty: bool,
}

impl Hasher {
    pub(super) const fn new(params: HashParams) -> Self {
        Self { params, blocks: Vec::new(), dirty: false }
    }

    /// A new hash in PHC form.
    pub(super) fn hash(&mut self, password: &[u8], salt: [u8; SALT_LEN]) -> Result<String, HashError> {
        let output = self.own(password, &salt)?;
        let HashParams { memory_kib, iterations, parallelism } = self.params;
        let (salt, output) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(output.as_slice()));
        Ok(format!("$argon2id$v=19$m={memory_kib},t={iterations},p={parallelism}${salt}${output}"))
    }

    /// Takes as long as [`hash`](Self::hash), for accounts that do not exist.
    pub(super) fn pretend(&mut self, password: &[u8]) {
        // The result is not needed. Only a lack of memory could make this fail, and the next real hash will show that.
        let _ = self.own(password, &[0; SALT_LEN]);
    }

    /// True where `password` is the one that `stored` was made of.
    pub(super) fn verify(&mut self, password: &[u8], stored: &str) -> Result<bool, HashError> {
        match Stored::parse(stored)? {
            Stored::Argon2(stored) => {
                let argon2 = Argon2::new(stored.algorithm, stored.version, stored.params);
                let mut output = Zeroizing::new(vec![0; stored.output.len()]);
                self.compute(&argon2, password, &stored.salt, &mut output)?;
                Ok(aws_lc_rs::constant_time::verify_slices_are_equal(&output, &stored.output).is_ok())
            }
            Stored::Bcrypt(stored, false) => bcrypt::verify(password, stored).map_err(|_| HashError::Unsupported),
            Stored::Bcrypt(stored, true) => {
                let hex = Zeroizing::new(hex(digest(&SHA256, password).as_ref()));
                bcrypt::verify(hex.as_bytes(), stored).map_err(|_| HashError::Unsupported)
            }
            Stored::Pbkdf2 { iterations, salt, output } => {
                Ok(pbkdf2::verify(PBKDF2_HMAC_SHA256, iterations, salt.as_bytes(), password, &output).is_ok())
            }
        }
    }

    /// True where a new hash of the same password would be stronger than `stored`.
    pub(super) fn needs_rehash(&self, stored: &str) -> bool {
        let Ok(Stored::Argon2(stored)) = Stored::parse(stored) else {
            return true;
        };
        stored.algorithm != Algorithm::Argon2id
            || stored.version != Version::V0x13
            || stored.params.m_cost() < self.params.memory_kib
            || stored.params.t_cost() < self.params.iterations
            || stored.salt.len() < SALT_LEN
            || stored.output.len() < OUTPUT_LEN
    }

    /// Wipes the memory of the last hash, and keeps it allocated. Called when nothing waits; otherwise the next hash overwrites
    /// the memory.
    pub(super) fn wipe(&mut self) {
        if std::mem::take(&mut self.dirty) {
            self.blocks.fill(Block::default());
        }
    }

    fn own(&mut self, password: &[u8], salt: &[u8]) -> Result<Zeroizing<[u8; OUTPUT_LEN]>, HashError> {
        let HashParams { memory_kib, iterations, parallelism } = self.params;
        let params = Params::new(memory_kib, iterations, parallelism, Some(OUTPUT_LEN)).map_err(|_| HashError::TooCostly)?;
        let mut output = Zeroizing::new([0; OUTPUT_LEN]);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        self.compute(&argon2, password, salt, output.as_mut_slice())?;
        Ok(output)
    }

    fn compute(&mut self, argon2: &Argon2<'_>, password: &[u8], salt: &[u8], output: &mut [u8]) -> Result<(), HashError> {
        let wanted = argon2.params().block_count();
        let own = usize::try_from(self.params.memory_kib).unwrap_or(usize::MAX);
        let outcome = if wanted <= own {
            if self.blocks.len() < own {
                self.blocks.resize(own, Block::default());
            }
            self.dirty = true;
            argon2.hash_password_into_with_memory(password, salt, output, &mut self.blocks)
        } else {
            // A hash from elsewhere that needs more memory. The memory is freed at once, because the hash will be upgraded to
            // ours.
            let mut blocks = vec![Block::default(); wanted];
            let outcome = argon2.hash_password_into_with_memory(password, salt, output, &mut blocks);
            blocks.fill(Block::default());
            outcome
        };
        outcome.map_err(|_| {
            output.zeroize();
            HashError::Unsupported
        })
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.wipe();
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
