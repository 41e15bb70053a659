//! Every setting: its name, flag, form, default and meaning. The flags of `serve`, the keys of the file, the messages and the
//! README's table come from here.

use std::fmt;

/// A setting of `serve`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The environment variable. In the file it is the same in lower case, without `countersign_`.
    pub name: &'static str,
    /// The long flag without its dashes. Empty if there is none; secrets have none.
    pub flag: &'static str,
    /// What a value looks like, for `--help`.
    pub value: &'static str,
    /// The default as text; empty where there is none.
    pub default: &'static str,
    /// What it does, one sentence.
    pub help: &'static str,
}

impl Setting {
    /// The key in the file.
    #[must_use]
    pub fn key(&self) -> String {
        let name = self.name.to_ascii_lowercase();
        name.strip_prefix("countersign_").unwrap_or(&name).to_owned()
    }
}

/// Shown as in messages: the variable, and the flag if there is one.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if self.flag.is_empty() { Ok(()) } else { write!(f, " (--{})", self.flag) }
    }
}

/// The variables of the client commands, which no server reads.
pub const OF_COMMANDS: &[&str] = &[
    "COUNTERSIGN_CA",
    "COUNTERSIGN_CLIENT_SECRET",
    "COUNTERSIGN_OTP",
    "COUNTERSIGN_PASSWORD",
    "COUNTERSIGN_SERVER",
    "COUNTERSIGN_TOKEN",
    "COUNTERSIGN_VERIFY_TOKEN",
];

macro_rules! settings {
    ($($id:ident: $name:literal, $flag:literal, $value:literal, $default:literal, $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $id: Setting = Setting { name: $name, flag: $flag, value: $value, default: $default, help: $help };
        )*

        /// All of them, in the order in which `--help` shows them.
        pub const ALL: &[Setting] = &[$($id),*];
    };
}

settings! {
    CONFIG: "COUNTERSIGN_CONFIG", "config", "FILE", "", "TOML file with any of these settings; the environment and flags win over it.";
    LISTEN: "COUNTERSIGN_LISTEN", "listen", "ADDRESS:PORT", "127.0.0.1:50051", "Where to listen; port 0 takes a free one.";
    DATA_DIR: "COUNTERSIGN_DATA_DIR", "data-dir", "DIRECTORY", "./countersign-data", "Where the state is kept.";
    ADMIN_PASSWORD: "COUNTERSIGN_ADMIN_PASSWORD", "", "PASSWORD", "", "Password of the superuser `admin` at first start; without one a random one is made.";
    ADMIN_PASSWORD_FILE: "COUNTERSIGN_ADMIN_PASSWORD_FILE", "admin-password-file", "FILE", "", "File that holds that password.";
    PUBLIC_URL: "COUNTERSIGN_PUBLIC_URL", "public-url", "URL", "", "What people and services reach, as scheme://host or scheme://host:port; at first start it becomes the issuer of tokens. Default: the listening address.";
    AUDIENCE: "COUNTERSIGN_AUDIENCE", "audience", "TEXT", "", "The `aud` of tokens. Default: the issuer.";
    TLS_CERT: "COUNTERSIGN_TLS_CERT", "tls-cert", "FILE", "", "Certificate chain for TLS, PEM, leaf first; read again when it changes.";
    TLS_KEY: "COUNTERSIGN_TLS_KEY", "tls-key", "FILE", "", "Key of the certificate, PEM.";
    PLAINTEXT: "COUNTERSIGN_PLAINTEXT", "plaintext", "true|false", "false", "Speak cleartext off loopback too, because something in front speaks TLS.";
    KEK_FILE: "COUNTERSIGN_KEK_FILE", "kek-file", "FILE", "", "File with the key-encryption key, 32 bytes in base64, that seals what rests in the data directory.";
    SIGNING_ALGORITHM: "COUNTERSIGN_SIGNING_ALGORITHM", "signing-algorithm", "ES256|EdDSA|RS256", "", "What access tokens are signed with; takes effect at first start. Default: ES256, and in a data directory that exists what it signs with.";
    HASH_MEMORY: "COUNTERSIGN_HASH_MEMORY", "hash-memory", "KIB", "19456", "Argon2id memory of one password check, in KiB.";
    HASH_PASSES: "COUNTERSIGN_HASH_PASSES", "hash-passes", "NUMBER", "2", "Argon2id passes.";
    HASH_LANES: "COUNTERSIGN_HASH_LANES", "hash-lanes", "NUMBER", "1", "Argon2id lanes.";
    HASH_THREADS: "COUNTERSIGN_HASH_THREADS", "hash-threads", "NUMBER", "", "Threads that check passwords. Default: one per core.";
    DRAIN_SECONDS: "COUNTERSIGN_DRAIN_SECONDS", "drain-seconds", "SECONDS", "10", "How long calls in flight may take after SIGTERM.";
    CLOCK_SETTLE_SECONDS: "COUNTERSIGN_CLOCK_SETTLE_SECONDS", "clock-settle-seconds", "SECONDS", "300", "How long a machine's clock that was set by more than a minute must stand at its new place before it is trusted there, unless the kernel says sooner that it is synchronised.";
    MAX_CONNECTIONS: "COUNTERSIGN_MAX_CONNECTIONS", "max-connections", "NUMBER", "10000", "Connections at once.";
    MAX_CONNECTIONS_PER_SOURCE: "COUNTERSIGN_MAX_CONNECTIONS_PER_SOURCE", "max-connections-per-source", "NUMBER", "1000", "Connections at once from one address (IPv6: one /64); loopback has no such limit.";
    TRUSTED_PROXIES: "COUNTERSIGN_TRUSTED_PROXIES", "trusted-proxies", "NETWORKS", "", "Addresses and networks, separated by commas, whose x-forwarded-for and x-request-id are believed. Set it behind a proxy, or all its callers count as one source.";
    CA_FILE: "COUNTERSIGN_CA_FILE", "ca-file", "FILE", "", "Certificates of authorities, PEM, that identity providers may have beside those this machine trusts; `SSL_CERT_FILE` and `SSL_CERT_DIR` stand for the latter.";
    HTTPS_PROXY: "HTTPS_PROXY", "", "URL", "", "Proxy on the way to identity providers, http or https; `https_proxy`, `ALL_PROXY` and `all_proxy` count too.";
    NO_PROXY: "NO_PROXY", "", "HOSTS", "", "Names with all below them, addresses and networks that are reached without that proxy, separated by commas; `no_proxy` counts too.";
    REFLECTION: "COUNTERSIGN_REFLECTION", "reflection", "true|false", "true", "Serve gRPC reflection.";
    LOG: "COUNTERSIGN_LOG", "log", "FILTER", "info", "What is logged, as `info` or `warn,countersign=debug`.";
    SESAME_TOKEN_NAME: "SESAME_TOKEN_NAME", "", "NAME", "sst", "Query parameter that carries a single-use link's token.";
    SESAME_MAX_AGE: "SESAME_MAX_AGE", "", "SECONDS", "3600", "How long a single-use link can be redeemed at the most; at most 7 days.";
    SESAME_ONE_TIME: "SESAME_ONE_TIME", "", "true|false", "true", "Whether a new link opens one session only.";
    COOKIE_SECURE: "COOKIE_SECURE", "", "true|false", "true", "Whether cookies are for https only.";
    PASSWORD_MIN: "COUNTERSIGN_PASSWORD_MIN", "password-min", "NUMBER", "15", "Least characters of a new password.";
    PASSWORD_MIN_WITH_OTP: "COUNTERSIGN_PASSWORD_MIN_WITH_OTP", "password-min-with-otp", "NUMBER", "8", "Least characters of a new password where the account has one-time codes.";
    MAX_SESSIONS: "COUNTERSIGN_MAX_SESSIONS", "max-sessions", "NUMBER", "1000", "Live sessions of one user; past it the least recently refreshed one ends.";
    MAX_KEYS: "COUNTERSIGN_MAX_KEYS", "max-keys", "NUMBER", "100", "Live personal keys of one user.";
    MAX_MEMBERS: "COUNTERSIGN_MAX_MEMBERS", "max-members", "NUMBER", "10000", "Members of one organization.";
    MAX_PROVIDERS: "COUNTERSIGN_MAX_PROVIDERS", "max-providers", "NUMBER", "100", "Identity providers of one organization, and of the whole site.";
}
