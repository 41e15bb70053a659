//! First start: issuer, server keys, signing key and the superuser `admin`, in one commit. Later starts read them back.

use std::io::{IsTerminal as _, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::StartError;
use crate::config::Settings;
use crate::crypto::keyring::KeyRing;
use crate::crypto::password::pool::{HashPool, Lane, Ticket};
use crate::crypto::seal::Sealer;
use crate::crypto::server_key::ServerKeys;
use crate::model::ids::UserId;
use crate::model::name::Name;
use crate::model::random::Random;
use crate::model::secret::Secret;
use crate::model::signing_key::{KeyState, SigningKeyRecord};
use crate::model::user::{Roles, User};
use crate::service::Error;
use crate::service::password_policy::{Owner, PasswordPolicy};
use crate::service::time::Time;
use crate::store::Store;
use crate::store::verbs::{By, Foundation, Founding};

/// The content of the sealed check, and its purpose. It tells whether the key-encryption key is the right one.
const CHECK: &str = "countersign sealed check";

/// The first superuser's name.
const ADMIN: &str = "admin";

/// Where its password is written when there is no terminal to show it on.
const PASSWORD_FILE: &str = "admin-password";

/// What founding takes.
pub(super) struct Parts<'a> {
    pub(super) settings: &'a Settings,
    pub(super) random: &'a dyn Random,
    pub(super) time: &'a Time,
    pub(super) public_url: &'a str,
    pub(super) sealer: &'a Sealer,
    pub(super) pool: &'a HashPool,
    pub(super) store: &'a Arc<dyn Store>,
}

/// What a store was founded with.
pub(super) struct Founded {
    pub(super) foundation: Foundation,
    pub(super) signing_keys: Vec<SigningKeyRecord>,
}

/// Reads what the store was founded with, and founds a new store first. When this returns, the key-encryption key is known to
/// be the right one.
pub(super) async fn found_or_read(parts: &Parts<'_>) -> Result<Founded, StartError> {
    let Parts { settings, sealer, store, .. } = parts;
    if store.foundation().await?.is_none() {
        found(parts).await?;
    }
    let foundation = store.foundation().await?.ok_or_else(|| StartError::Damaged("it has no foundation".to_owned()))?;
    check_key(sealer, &foundation)?;
    if sealer.has_key() && Sealer::new(None).open(CHECK, &foundation.sealed_check).is_ok() {
        tracing::warn!(
            "this data directory was made without a key-encryption key: the keys in it stay as they are, and only what is written \
             from now on is sealed"
        );
    }
    let signing_keys = store.signing_keys().await?;
    let signs_with = signing_keys.iter().find(|key| key.state == KeyState::Signing).map(|key| key.algorithm);
    if signs_with.is_some_and(|algorithm| algorithm != settings.signing_algorithm) {
        tracing::warn!(
            "COUNTERSIGN_SIGNING_ALGORITHM is not what this data directory signs with; it takes effect at first start"
        );
    }
    Ok(Founded { foundation, signing_keys })
}

/// Refuses a key-encryption key that is not the store's.
pub(super) fn check_key(sealer: &Sealer, foundation: &Foundation) -> Result<(), StartError> {
    if sealer.open(CHECK, &foundation.sealed_check)?.as_slice() == CHECK.as_bytes() {
        Ok(())
    } else {
        Err(StartError::Damaged("the sealed check opens to something else".to_owned()))
    }
}

async fn found(parts: &Parts<'_>) -> Result<(), StartError> {
    let Parts { settings, random, time, public_url, sealer, pool, store } = *parts;
    let now = time.now().map_err(|_| StartError::ClockBeforeBuild)?;
    let name = Name::parse(ADMIN).map_err(|error| StartError::Other(error.to_string()))?;
    let (password, made) = match &settings.admin_password {
        Some(given) => (accepted(settings, given, &name)?, false),
        None => (random_password(random), true),
    };
    let ticket = Ticket {
        name: name.folded(),
        source: IpAddr::V4(Ipv4Addr::LOCALHOST),
        lane: Lane::Known,
        deadline: Duration::from_mins(1),
    };
    let hash = pool.hash(ticket, password.clone()).await.map_err(|error| StartError::Other(error.to_string()))?;
    let server_keys = ServerKeys::generate(random)?;
    let foundation = Foundation {
        issuer: public_url.to_owned(),
        epoch: 1,
        sealed_check: sealer.seal(CHECK, CHECK.as_bytes(), random),
        server_keys: server_keys.to_sealed(sealer, random),
    };
    let signing_key = KeyRing::generate(settings.signing_algorithm, KeyState::Signing, sealer, random, now)?;
    let admin = User::new(UserId::random(random), name, None, Some(hash), Roles { staff: false, superuser: true }, now);
    if made {
        // Before the commit. If this fails afterwards, somebody was told a password for nothing; the other way round, nobody
        // would know the password.
        tell(&settings.data_dir, &password)?;
    }
    // Asked again: the hash may have taken a while, and the clock may have been set meanwhile.
    let by = By::system(time.now().map_err(|error| StartError::Other(error.to_string()))?);
    store.found(Founding { foundation, signing_keys: vec![signing_key], admin }, by).await?;
    tracing::info!(issuer = public_url, "made a new store, with the superuser {ADMIN}");
    Ok(())
}

/// The given password, if the policy lets the superuser have it.
fn accepted(settings: &Settings, given: &Secret, name: &Name) -> Result<Secret, StartError> {
    let rules = PasswordPolicy::new(&super::policy(settings, "", ""));
    match rules.accept("password", given, &Owner { name, email: None, codes: false }) {
        Ok(()) => Ok(given.clone()),
        Err(Error::WeakPassword { problem, .. } | Error::Invalid { problem, .. }) => {
            Err(StartError::Setting { name: "COUNTERSIGN_ADMIN_PASSWORD", problem })
        }
        Err(other) => Err(StartError::Other(other.to_string())),
    }
}

/// 24 characters in groups, from an alphabet without characters that look alike: 120 random bits.
fn random_password(random: &dyn Random) -> Secret {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let bytes: [u8; 24] = random.bytes();
    let characters: Vec<char> =
        bytes.iter().map(|byte| ALPHABET.get(usize::from(byte & 31)).map_or('a', |letter| char::from(*letter))).collect();
    let groups: Vec<String> = characters.chunks(6).map(|group| group.iter().collect()).collect();
    Secret::new(groups.join("-"))
}

/// Shows the password on the terminal. Without a terminal, writes it to a file that only the owner can read.
fn tell(data_dir: &Path, password: &Secret) -> Result<(), StartError> {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        return writeln!(terminal, "the password of {ADMIN}, shown once: {}", password.expose())
            .map_err(|error| StartError::Other(format!("cannot show the password of {ADMIN}: {error}")));
    }
    let path = data_dir.join(PASSWORD_FILE);
    let write = || {
        // A file of an earlier start that did not reach its commit has a useless password, and may have other permissions.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        writeln!(file, "{}", password.expose())?;
        file.sync_all()
    };
    write().map_err(|error| StartError::Other(format!("cannot write {}: {error}", path.display())))?;
    tracing::warn!("the password of {ADMIN} is in {}; remove the file once it is kept elsewhere", path.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::random::SystemRandom;

    #[test]
    fn a_made_password_is_long_and_told_to_the_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;

        let password = random_password(&SystemRandom);
        assert_eq!(password.len(), 27);
        assert_ne!(password.expose(), random_password(&SystemRandom).expose());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(PASSWORD_FILE);
        std::fs::write(&path, "older").unwrap();
        if std::io::stderr().is_terminal() {
            return;
        }
        tell(folder.path(), &password).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", password.expose()));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
