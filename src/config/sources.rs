//! Where a setting's text comes from, and in which order.

use std::collections::BTreeMap;
use std::env::VarError;
use std::ffi::OsString;
use std::path::Path;

use rustls_pki_types::CertificateDer;

use super::form::{self, Form};
use super::outside;
use super::table::{self, Setting};
use super::{Outside, TlsFiles};
use crate::model::secret::Secret;

/// Where settings are read from by name: the process environment, flags, or a test's own map.
pub trait Strings {
    /// The text of that name; `None` where there is none.
    ///
    /// # Errors
    /// The setting is there but cannot be read as text. The error is the end of a sentence that says what is wrong.
    fn string(&self, name: &str) -> Result<Option<String>, String>;

    /// Every name that there is, with its text as far as that can be read; in no order.
    fn names(&self) -> Vec<(String, String)>;
}

/// The process's own environment.
#[derive(Clone, Copy, Debug)]
pub struct ProcessEnvironment;

impl Strings for ProcessEnvironment {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    fn string(&self, name: &str) -> Result<Option<String>, String> {
        match std::env::var(name) {
            Ok(text) => Ok(Some(text)),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => Err("is not UTF-8".to_owned()),
        }
    }

    fn names(&self) -> Vec<(String, String)> {
        let shown = |text: OsString| text.to_string_lossy().into_owned();
        std::env::vars_os().map(|(name, text)| (shown(name), shown(text))).collect()
    }
}

impl Strings for BTreeMap<String, String> {
    fn string(&self, name: &str) -> Result<Option<String>, String> {
        Ok(self.get(name).cloned())
    }

    fn names(&self) -> Vec<(String, String)> {
        self.iter().map(|(name, text)| (name.clone(), text.clone())).collect()
    }
}

/// Reads settings one by one and collects what is wrong with them.
pub(super) struct Reader<'a> {
    flags: &'a dyn Strings,
    environment: &'a dyn Strings,
    file: BTreeMap<String, String>,
    pub(super) problems: Vec<String>,
    /// What is no reason to refuse a start.
    pub(super) warnings: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(flags: &'a dyn Strings, environment: &'a dyn Strings) -> Self {
        let mut reader = Self { flags, environment, file: BTreeMap::new(), problems: Vec::new(), warnings: Vec::new() };
        if let Some(path) = reader.optional(&table::CONFIG, outside::path) {
            match file(&path) {
                Ok(settings) => reader.file = settings,
                Err(problems) => reader.problems.extend(problems),
            }
        }
        reader
    }

    /// A setting that must have a value, the default if no other. `None` if the value has the wrong form.
    pub(super) fn required<T>(&mut self, setting: &Setting, form: impl Fn(&str) -> Form<T>) -> Option<T> {
        let text = self.text(setting).unwrap_or_else(|| setting.default.to_owned());
        self.parsed(setting, &text, form)
    }

    /// A setting that may have no value.
    pub(super) fn optional<T>(&mut self, setting: &Setting, form: impl Fn(&str) -> Form<T>) -> Option<T> {
        let text = self.text(setting)?;
        self.parsed(setting, &text, form)
    }

    /// The secret in the file that a setting names.
    pub(super) fn secret_file(&mut self, setting: &Setting) -> Option<Secret> {
        let path = self.optional(setting, outside::path)?;
        match outside::secret_file(&path) {
            Ok((secret, warning)) => {
                self.warnings.extend(warning.map(|warning| format!("{setting}: {warning}")));
                Some(secret)
            }
            Err(problem) => {
                self.problems.push(format!("{setting}: {problem}"));
                None
            }
        }
    }

    /// Warns of variables that no setting has.
    pub(super) fn name_unknown(&mut self) {
        self.warnings.extend(unknown_variables(self.environment));
    }

    /// The first superuser's password, from its variable or its file.
    pub(super) fn admin_password(&mut self) -> Option<Secret> {
        let direct = self.text(&table::ADMIN_PASSWORD).map(Secret::from).map(|text| Secret::new(outside::bare(text.expose())));
        let filed = self.secret_file(&table::ADMIN_PASSWORD_FILE);
        if direct.is_some() && filed.is_some() {
            let problem = format!("{}: excludes {}, set one of them", table::ADMIN_PASSWORD_FILE, table::ADMIN_PASSWORD);
            self.problems.push(problem);
        }
        direct.or(filed)
    }

    /// The proxy, where there is none for it, and the authorities of identity providers.
    pub(super) fn outside(&mut self) -> Outside {
        let proxy = self.known_as(&table::HTTPS_PROXY, &["https_proxy", "ALL_PROXY", "all_proxy"]);
        let proxy = Secret::new(proxy.unwrap_or_default());
        if let (false, Err(wanted)) = (proxy.is_empty(), form::proxy(proxy.expose())) {
            // The value may hold a password, so it is not shown.
            self.problems.push(format!("{}: is not {wanted}", table::HTTPS_PROXY));
        }
        let no_proxy = self.known_as(&table::NO_PROXY, &["no_proxy"]).unwrap_or_default();
        Outside { proxy, no_proxy, authorities: self.authorities() }
    }

    fn authorities(&mut self) -> Vec<CertificateDer<'static>> {
        let Some(path) = self.optional(&table::CA_FILE, outside::path) else { return Vec::new() };
        let read = std::fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()));
        read.and_then(|pem| form::authorities(&pem).map_err(|wanted| format!("{} is not {wanted}", path.display())))
            .unwrap_or_else(|problem| {
                self.problems.push(format!("{}: {problem}", table::CA_FILE));
                Vec::new()
            })
    }

    /// The text of a setting that other programs know under further names too.
    fn known_as(&mut self, setting: &Setting, names: &[&str]) -> Option<String> {
        let further = |name: &&str| self.environment.string(name).ok().flatten().filter(|text| !text.is_empty());
        let further = names.iter().find_map(further);
        self.text(setting).or(further)
    }

    /// Certificate and key: both or neither.
    pub(super) fn tls(&mut self) -> Option<TlsFiles> {
        let cert = self.optional(&table::TLS_CERT, outside::path);
        let key = self.optional(&table::TLS_KEY, outside::path);
        let lacks = |missing: &Setting, given: &Setting| format!("{missing}: is needed beside {}", given.name);
        match (cert, key) {
            (Some(cert), Some(key)) => {
                self.warnings.extend(outside::readable_by_others(&key).map(|warning| format!("{}: {warning}", table::TLS_KEY)));
                return Some(TlsFiles { cert, key });
            }
            (Some(_), None) => self.problems.push(lacks(&table::TLS_KEY, &table::TLS_CERT)),
            (None, Some(_)) => self.problems.push(lacks(&table::TLS_CERT, &table::TLS_KEY)),
            (None, None) => {}
        }
        None
    }

    fn parsed<T>(&mut self, setting: &Setting, text: &str, form: impl Fn(&str) -> Form<T>) -> Option<T> {
        match form(text) {
            Ok(value) => Some(value),
            Err(wanted) => {
                self.problems.push(format!("{setting}: {text:?} is not {wanted}"));
                None
            }
        }
    }

    /// The text from the source with the highest precedence. An empty text counts as none, so that a variable can be switched
    /// off.
    fn text(&mut self, setting: &Setting) -> Option<String> {
        for source in [self.flags, self.environment] {
            match source.string(setting.name) {
                Ok(Some(text)) if !text.is_empty() => return Some(text),
                Ok(_) => {}
                Err(problem) => self.problems.push(format!("{setting}: {problem}")),
            }
        }
        self.file.get(setting.name).cloned()
    }
}

/// The settings of a TOML file by their names, or what is wrong with it.
fn file(path: &Path) -> Result<BTreeMap<String, String>, Vec<String>> {
    let name = table::CONFIG;
    let shown = path.display();
    let bytes =
        outside::file(path, outside::MAX_FILE_BYTES).map_err(|error| vec![format!("{name}: cannot read {shown}: {error}")])?;
    let text = String::from_utf8(bytes).map_err(|_| vec![format!("{name}: {shown} is not UTF-8")])?;
    let table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| vec![format!("{name}: {shown} is no TOML: {}", error.message())])?;
    let mut settings = BTreeMap::new();
    let mut problems = Vec::new();
    for (key, value) in table {
        let setting = table::ALL.iter().find(|setting| setting.key() == key && in_file(setting));
        match (setting, scalar(&value)) {
            (Some(setting), Some(text)) => drop(settings.insert(setting.name.to_owned(), text)),
            (Some(_), None) => problems.push(format!("{name}: {key} in {shown} must be a text, a number or true or false")),
            (None, _) => problems.push(format!("{name}: {shown} has {key:?}, which is no setting that a file can have")),
        }
    }
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

/// Whether a file may have this setting. A password may not, nor the proxy, which may hold one: settings files are shown around.
/// Neither may a file name another
/// file.
fn in_file(setting: &Setting) -> bool {
    *setting != table::ADMIN_PASSWORD && *setting != table::HTTPS_PROXY && *setting != table::CONFIG
}

/// A sentence that names every variable of ours in `environment` that no setting has, where there is one: a misspelt one would be
/// passed over in silence.
#[must_use]
pub fn unknown_variables(environment: &dyn Strings) -> Option<String> {
    let known = |name: &str| table::ALL.iter().any(|setting| setting.name == name) || table::OF_COMMANDS.contains(&name);
    let given = environment.names().into_iter();
    let mut unknown: Vec<String> = given
        .filter(|(name, text)| name.starts_with("COUNTERSIGN_") && !known(name) && !is_of_kubernetes(name, text))
        .map(|(name, _)| name.escape_default().to_string())
        .collect();
    unknown.sort();
    (!unknown.is_empty()).then(|| format!("the environment has what is no setting, and it does nothing: {}", unknown.join(", ")))
}

/// Whether Kubernetes sets this variable in every container beside a service of the name `countersign`.
fn is_of_kubernetes(name: &str, text: &str) -> bool {
    let rest = name.strip_prefix("COUNTERSIGN_").unwrap_or(name);
    rest == "SERVICE_HOST"
        || rest.starts_with("SERVICE_PORT")
        || rest.starts_with("PORT_")
        || (rest == "PORT" && text.contains("://"))
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}
