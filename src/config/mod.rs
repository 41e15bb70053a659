//! Typed settings from defaults, an optional TOML file, the environment and flags. Later sources win.
//!
//! Owns every setting's name, default and form ([`table`]), and reads them through [`Strings`], so that a test needs no process
//! environment. All bad settings are reported at once, each by its name. Secrets come from the environment or a file, never
//! from a flag, and become [`Secret`]s at once.

mod filter;
mod form;
pub mod outside;
mod sources;
pub mod table;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use rustls_pki_types::CertificateDer;

use self::sources::Reader;
pub use self::sources::{ProcessEnvironment, Strings, unknown_variables};
use crate::model::secret::Secret;
use crate::model::signing_key::Algorithm;

/// What `serve` runs with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The directory of the store.
    pub data_dir: PathBuf,
    /// The first superuser's password, used at first start only.
    pub admin_password: Option<Secret>,
    /// The public URL: an origin without a final slash. `None`: the listening address.
    pub public_url: Option<String>,
    /// The `aud` of tokens; `None`: the issuer.
    pub audience: Option<String>,
    /// Certificate and key, PEM files.
    pub tls: Option<TlsFiles>,
    /// Whether cleartext may be spoken off loopback.
    pub plaintext: bool,
    /// The content of the key-encryption key's file.
    pub kek: Option<Secret>,
    /// What the first signing key signs with; `None`: the default, and whatever a store that exists signs with.
    pub signing_algorithm: Option<Algorithm>,
    /// What a password check costs.
    pub hash: HashCost,
    /// How long calls in flight may take at shutdown.
    pub drain: Duration,
    /// How long a clock that was set must stand before it is trusted.
    pub clock_settled_after: Duration,
    /// Connections at once.
    pub max_connections: usize,
    /// Connections at once from one address.
    pub max_connections_per_source: usize,
    /// Addresses and networks, separated by commas, whose `x-forwarded-for` is believed. Checked for its form.
    pub trusted_proxies: String,
    /// The way to identity providers.
    pub outside: Outside,
    /// Whether reflection is served.
    pub reflection: bool,
    /// The filter of the log. Checked for its form.
    pub log: String,
    /// What the single-use gateway does.
    pub links: Links,
    /// Whether cookies are for https only.
    pub cookie_secure: bool,
    /// The least characters of a password that is the only factor.
    pub password_alone: usize,
    /// The least characters of a password beside one-time codes.
    pub password_with_code: usize,
    /// How many live sessions a user may have.
    pub most_sessions: u32,
    /// How many live personal keys a user may have.
    pub most_keys: u32,
    /// Members of one organization.
    pub most_members: u32,
    /// Identity providers of one organization, and of the whole site.
    pub most_providers: u32,
    /// What the operator should hear about these settings: a sentence each.
    pub warnings: Vec<String>,
}

/// A certificate chain and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, leaf first, PEM.
    pub cert: PathBuf,
    /// The key, PEM.
    pub key: PathBuf,
}

/// The way to identity providers.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// The proxy, a URL that may hold a user and a password. Empty: none.
    pub proxy: Secret,
    /// The hosts that are reached without it, separated by commas.
    pub no_proxy: String,
    /// Authorities that are trusted beside those of the machine.
    pub authorities: Vec<CertificateDer<'static>>,
}

/// The cost of a password check, and how many run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    /// Argon2id memory, in KiB.
    pub memory: u32,
    /// Argon2id passes.
    pub passes: u32,
    /// Argon2id lanes.
    pub lanes: u32,
    /// Threads that hash; `None`: one per core.
    pub threads: Option<usize>,
}

/// Settings of the single-use gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    /// The query parameter that carries a link's token.
    pub parameter: String,
    /// How long a link can be redeemed at the most.
    pub max_age: Duration,
    /// Whether new links open one session only.
    pub one_time: bool,
}

/// Settings that cannot be used: one sentence for each, with its name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct BadSettings(pub Vec<String>);

impl Settings {
    /// Reads every setting from `flags` (by the same names), `environment`, the file that either names, and the defaults.
    /// Reads the files of secrets; blocks on the file system.
    ///
    /// # Errors
    /// [`BadSettings`] with every setting that has the wrong form, contradicts another, or names a file that cannot be read.
    pub fn read(flags: &dyn Strings, environment: &dyn Strings) -> Result<Self, BadSettings> {
        let mut reader = Reader::new(flags, environment);
        let settings = read(&mut reader);
        reader.name_unknown();
        if let Some(settings) = &settings {
            reader.problems.extend(contradictions(settings));
        }
        match settings {
            Some(settings) if reader.problems.is_empty() => Ok(Self { warnings: reader.warnings, ..settings }),
            _ => Err(BadSettings(reader.problems)),
        }
    }

    /// Where people and services reach a server that listens on `bound`.
    #[must_use]
    pub fn reached_at(&self, bound: SocketAddr) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        self.public_url.clone().unwrap_or_else(|| format!("{scheme}://{bound}"))
    }
}

/// Where the state is, for commands that work on it while no server does.
#[derive(Clone, Debug)]
pub struct DataDirectory {
    /// The directory of the store.
    pub path: PathBuf,
    /// The content of the key-encryption key's file.
    pub kek: Option<Secret>,
    /// What the operator should hear about these settings: a sentence each.
    pub warnings: Vec<String>,
}

impl DataDirectory {
    /// Reads the settings of the data directory as [`Settings::read`] does, and no others.
    ///
    /// # Errors
    /// [`BadSettings`].
    pub fn read(flags: &dyn Strings, environment: &dyn Strings) -> Result<Self, BadSettings> {
        let mut reader = Reader::new(flags, environment);
        let path = reader.required(&table::DATA_DIR, outside::path);
        let kek = reader.secret_file(&table::KEK_FILE);
        reader.name_unknown();
        match path {
            Some(path) if reader.problems.is_empty() => Ok(Self { path, kek, warnings: reader.warnings }),
            _ => Err(BadSettings(reader.problems)),
        }
    }
}

/// An issuer, as [`table::PUBLIC_URL`] takes it.
///
/// # Errors
/// What would be valid.
pub fn origin(text: &str) -> Result<String, String> {
    form::origin(text).map_err(|wanted| format!("this is not {wanted}"))
}

/// The filter of the log alone, read again: of all settings, a running server can change this one.
///
/// # Errors
/// [`BadSettings`]: it has the wrong form, or the file that may hold it cannot be read.
pub fn log_filter(flags: &dyn Strings, environment: &dyn Strings) -> Result<String, BadSettings> {
    let mut reader = Reader::new(flags, environment);
    match reader.required(&table::LOG, filter::log_filter) {
        Some(filter) if reader.problems.is_empty() => Ok(filter),
        _ => Err(BadSettings(reader.problems)),
    }
}

/// Reads all settings before it gives up, so that the reader knows every problem.
fn read(reader: &mut Reader<'_>) -> Option<Settings> {
    let listen = reader.required(&table::LISTEN, form::address);
    let data_dir = reader.required(&table::DATA_DIR, outside::path);
    let admin_password = reader.admin_password();
    let public_url = reader.optional(&table::PUBLIC_URL, form::origin);
    let audience = reader.optional(&table::AUDIENCE, form::text);
    let tls = reader.tls();
    let plaintext = reader.required(&table::PLAINTEXT, form::boolean);
    let kek = reader.secret_file(&table::KEK_FILE);
    let signing_algorithm = reader.optional(&table::SIGNING_ALGORITHM, form::algorithm);
    let memory = reader.required(&table::HASH_MEMORY, form::number(8..=262_144));
    let passes = reader.required(&table::HASH_PASSES, form::number(1..=10));
    let lanes = reader.required(&table::HASH_LANES, form::number(1..=16));
    let threads = reader.optional(&table::HASH_THREADS, form::number(1..=1024));
    let drain = reader.required(&table::DRAIN_SECONDS, form::number(0..=3600));
    let clock_settled_after = reader.required(&table::CLOCK_SETTLE_SECONDS, form::number(1..=86_400));
    let max_connections = reader.required(&table::MAX_CONNECTIONS, form::number(1..=1_000_000));
    let max_connections_per_source = reader.required(&table::MAX_CONNECTIONS_PER_SOURCE, form::number(1..=1_000_000));
    let trusted_proxies = reader.optional(&table::TRUSTED_PROXIES, form::networks);
    let outside = reader.outside();
    let reflection = reader.required(&table::REFLECTION, form::boolean);
    let log = reader.required(&table::LOG, filter::log_filter);
    let parameter = reader.required(&table::SESAME_TOKEN_NAME, form::parameter);
    let max_age = reader.required(&table::SESAME_MAX_AGE, form::number(1..=604_800));
    let one_time = reader.required(&table::SESAME_ONE_TIME, form::boolean);
    let cookie_secure = reader.required(&table::COOKIE_SECURE, form::boolean);
    let password_alone = reader.required(&table::PASSWORD_MIN, form::number(8..=128));
    let password_with_code = reader.required(&table::PASSWORD_MIN_WITH_OTP, form::number(8..=128));
    let most_sessions = reader.required(&table::MAX_SESSIONS, form::number(1..=1_000_000));
    let most_keys = reader.required(&table::MAX_KEYS, form::number(1..=10_000));
    let most_members = reader.required(&table::MAX_MEMBERS, form::number(1..=1_000_000));
    let most_providers = reader.required(&table::MAX_PROVIDERS, form::number(1..=1000));
    Some(Settings {
        listen: listen?,
        data_dir: data_dir?,
        admin_password,
        public_url,
        audience,
        tls,
        plaintext: plaintext?,
        kek,
        signing_algorithm,
        hash: HashCost { memory: memory?, passes: passes?, lanes: lanes?, threads },
        drain: Duration::from_secs(drain?),
        clock_settled_after: Duration::from_secs(clock_settled_after?),
        max_connections: max_connections?,
        max_connections_per_source: max_connections_per_source?,
        trusted_proxies: trusted_proxies.unwrap_or_default(),
        outside,
        reflection: reflection?,
        log: log?,
        links: Links { parameter: parameter?, max_age: Duration::from_secs(max_age?), one_time: one_time? },
        cookie_secure: cookie_secure?,
        password_alone: password_alone?,
        password_with_code: password_with_code?,
        most_sessions: most_sessions?,
        most_keys: most_keys?,
        most_members: most_members?,
        most_providers: most_providers?,
        warnings: Vec::new(),
    })
}

/// Checks settings that are valid alone but contradict each other.
fn contradictions(settings: &Settings) -> Vec<String> {
    let mut problems = Vec::new();
    let listen = settings.listen;
    if settings.tls.is_some() && settings.plaintext {
        problems.push(format!("{}: excludes {} and {}", table::PLAINTEXT, table::TLS_CERT.name, table::TLS_KEY.name));
    }
    if settings.tls.is_none() && !settings.plaintext && !listen.ip().to_canonical().is_loopback() {
        problems.push(format!(
            "{}: {listen} is not a loopback address, and cleartext off loopback is refused: set {} and {}, or --plaintext where \
             something in front of this server speaks TLS",
            table::LISTEN,
            table::TLS_CERT.name,
            table::TLS_KEY.name,
        ));
    }
    if settings.public_url.is_none() && listen.ip().is_unspecified() {
        problems.push(format!("{}: is needed where the server listens on {listen}, which nobody can call", table::PUBLIC_URL));
    }
    if settings.hash.memory < 8 * settings.hash.lanes {
        problems.push(format!("{}: must be at least 8 for each of {}", table::HASH_MEMORY, table::HASH_LANES.name));
    }
    if settings.password_with_code > settings.password_alone {
        problems.push(format!("{}: must not be more than {}", table::PASSWORD_MIN_WITH_OTP, table::PASSWORD_MIN.name));
    }
    problems
}

#[cfg(test)]
mod tests;
