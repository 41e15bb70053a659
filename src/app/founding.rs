//! First start: issuer, server keys, signing key and the superuser `admin`, in one commit. Later starts read them back.

use std::io::{IsTerminal as _, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{StartError, trusted};
use crate::config::{Settings, outside};
use crate::crypto::keyring::KeyRing;
use crate::crypto::password::pool::{HashPool, Lane, Ticket};
use crate::crypto::seal::Sealer;
use crate::crypto::server_key::ServerKeys;
use crate::model::clock::Timestamp;
use crate::model::ids::UserId;
use crate::model::name::Name;
use crate::model::random::Random;
use crate::model::secret::Secret;
use crate::model::signing_key::{KeyState, SigningKeyRecord};
use crate::model::user::{Roles, User};
use crate::service::Error;
use crate::service::password_policy::{Owner, PasswordPolicy};
use crate::service::providers::client_secret_purpose;
use crate::service::second_factor;
use crate::service::time::Time;
use crate::store::verbs::{By, Foundation, Founding, Refounding, SealedSecret};
use crate::store::{OpenError, Store};

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
    let Parts { settings, random, time, sealer, store, .. } = *parts;
    let new = store.foundation().await?.is_none();
    if new {
        found(parts).await?;
    }
    let foundation = store.foundation().await?.ok_or_else(|| StartError::Damaged("it has no foundation".to_owned()))?;
    if check_key(sealer, &foundation, &**store).await? == KeyIs::TheFirst {
        admit_key(sealer, &**store, random, trusted(time)?).await?;
    }
    if sealer.has_key() && lies_open(&foundation) {
        tracing::warn!(
            "this data directory was made without a key-encryption key: the keys in it stay as they are, and only what is written \
             from now on is sealed"
        );
    }
    tell_what_changed(parts, &foundation, new).await?;
    let signing_keys = store.signing_keys().await?;
    let signs_with = signing_keys.iter().find(|key| key.state == KeyState::Signing).map(|key| key.algorithm);
    if let (Some(stored), Some(set)) = (signs_with, settings.signing_algorithm)
        && stored != set
    {
        tracing::warn!(
            "COUNTERSIGN_SIGNING_ALGORITHM is {}, and this data directory signs with {}: the setting takes effect at first start",
            set.name(),
            stored.name()
        );
    }
    Ok(Founded { foundation, signing_keys })
}

/// What a key-encryption key is to a store that it fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyIs {
    /// The one that it knows; or there is none, and it knows none.
    Known,
    /// The first that comes to a store that was founded without one. To be [admitted](admit_key) before anything is sealed with it.
    TheFirst,
}

/// Refuses a key-encryption key other than the one that sealed anything, and none where something is sealed.
pub(super) async fn check_key(sealer: &Sealer, foundation: &Foundation, store: &dyn Store) -> Result<KeyIs, StartError> {
    if sealer.open(CHECK, &foundation.sealed_check)?.as_slice() != CHECK.as_bytes() {
        return Err(StartError::Damaged("the sealed check opens to something else".to_owned()));
    }
    let began_without = Sealer::new(None).open(CHECK, &foundation.sealed_check).is_ok();
    if !(sealer.has_key() && began_without) {
        return Ok(KeyIs::Known);
    }
    for secret in store.sealed_secrets().await? {
        match secret {
            SealedSecret::Totp(user, bytes) => sealer.open(&second_factor::purpose(user), &bytes)?,
            SealedSecret::Client(provider, bytes) => sealer.open(&client_secret_purpose(provider), &bytes)?,
        };
    }
    Ok(KeyIs::TheFirst)
}

/// Makes the first key that came the only one from now on.
pub(super) async fn admit_key(sealer: &Sealer, store: &dyn Store, random: &dyn Random, now: Timestamp) -> Result<(), StartError> {
    let check = sealer.seal(CHECK, CHECK.as_bytes(), random);
    store.refound(Refounding::SealedCheck(check), By::system(now)).await?;
    Ok(())
}

/// Whether the server keys are there for everybody to read.
fn lies_open(foundation: &Foundation) -> bool {
    ServerKeys::from_sealed(&foundation.server_keys, &Sealer::new(None)).is_ok()
}

/// Says which settings do not do what they seem to, or end what was given out before.
async fn tell_what_changed(parts: &Parts<'_>, foundation: &Foundation, new: bool) -> Result<(), StartError> {
    let Parts { settings, time, store, .. } = *parts;
    let issuer = &foundation.issuer;
    if let Some(url) = settings.public_url.as_ref().filter(|url| *url != issuer) {
        tracing::warn!(
            "COUNTERSIGN_PUBLIC_URL is {url}, but the issuer of tokens is {issuer}, as it was set at first start; stop the server and run \
             `countersign issuer set {url}` to change it, which ends every token"
        );
    }
    let audience = settings.audience.as_ref().unwrap_or(issuer);
    // Noting it is a commit. While the clock is not trusted it waits for the next start, which compares with what was noted last.
    let before = match time.now() {
        Ok(now) => store.refound(Refounding::Audience(audience.clone()), By::system(now)).await?.outcome,
        Err(_) => None,
    };
    if let Some(before) = before.filter(|before| before != audience) {
        tracing::warn!(
            "COUNTERSIGN_AUDIENCE: tokens are for {audience} from now on; at the last start they were for {before}, and none of those is \
             good any more"
        );
    }
    if settings.admin_password.is_some() && !new {
        tracing::info!("COUNTERSIGN_ADMIN_PASSWORD counts at the first start only; the password of {ADMIN} stays what it is");
    }
    Ok(())
}

async fn found(parts: &Parts<'_>) -> Result<(), StartError> {
    let Parts { settings, random, time, public_url, sealer, pool, store } = *parts;
    let now = trusted(time)?;
    if let Some(problem) = settings.kek.as_ref().and_then(outside::hidden) {
        return Err(StartError::Setting { name: "COUNTERSIGN_KEK_FILE", problem: format!("the key {problem}") });
    }
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
    let signing_key = KeyRing::generate(settings.signing_algorithm.unwrap_or_default(), KeyState::Signing, sealer, random, now)?;
    let admin = User::new(UserId::random(random), name, None, Some(hash), Roles { staff: false, superuser: true }, now);
    if made {
        // Before the commit. If this fails afterwards, somebody was told a password for nothing; the other way round, nobody
        // would know the password.
        tell(&settings.data_dir, &password)?;
    }
    // Asked again: the hash may have taken a while, and the clock may have been set meanwhile.
    let by = By::system(trusted(time)?);
    store.found(Founding { foundation, signing_keys: vec![signing_key], admin }, by).await?;
    let path = std::fs::canonicalize(&settings.data_dir).unwrap_or_else(|_| settings.data_dir.clone());
    tracing::info!(issuer = public_url, "made a new store in {}, with the superuser {ADMIN}", path.display());
    Ok(())
}

/// The given password, if the policy lets the superuser have it.
fn accepted(settings: &Settings, given: &Secret, name: &Name) -> Result<Secret, StartError> {
    if let Some(problem) = outside::hidden(given) {
        return Err(StartError::Setting { name: "COUNTERSIGN_ADMIN_PASSWORD", problem: format!("the password {problem}") });
    }
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
    write().map_err(|error| untold(&path, error))?;
    tracing::warn!("the password of {ADMIN} is in {}; remove the file once it is kept elsewhere", path.display());
    Ok(())
}

fn untold(path: &Path, error: std::io::Error) -> StartError {
    OpenError::of_io("write", path, error).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::seal::KeyEncryptionKey;
    use crate::model::ids::ProviderId;
    use crate::model::provider::IdentityProvider;
    use crate::model::random::SystemRandom;
    use crate::store::verbs::CreateProvider;

    #[tokio::test]
    async fn the_key_that_sealed_anything_is_the_only_one() {
        let (random, now) = (&SystemRandom, Timestamp::from_secs(1_900_000_000));
        let [clear, first, second] =
            [None, Some(1), Some(2)].map(|byte| Sealer::new(byte.map(|byte| KeyEncryptionKey::from_bytes(&[byte; 32]).unwrap())));
        let admin = Roles { staff: false, superuser: true };
        let admin = User::new(UserId::random(random), Name::parse(ADMIN).unwrap(), None, None, admin, now);
        let store = crate::store::memory(Arc::default());
        let foundation = Foundation {
            issuer: "https://auth.example".to_owned(),
            epoch: 1,
            sealed_check: clear.seal(CHECK, CHECK.as_bytes(), random),
            server_keys: Vec::new(),
        };
        let founding = Founding { foundation: foundation.clone(), signing_keys: Vec::new(), admin };
        store.found(founding, By::system(now)).await.unwrap();
        // As a version left it that did not note which key it sealed with.
        let id = ProviderId::random(random);
        let provider = IdentityProvider {
            id,
            name: Name::parse("corp").unwrap(),
            organization: None,
            issuer: "https://login.example".to_owned(),
            client_id: "us".to_owned(),
            sealed_client_secret: Some(first.seal(&client_secret_purpose(id), b"secret", random)),
            scopes: Vec::new(),
            sign_up: true,
            create_time: now,
            email_domains: Vec::new(),
            trusted_audiences: Vec::new(),
            confined: false,
        };
        store.create_provider(CreateProvider { provider, most: 10 }, By::system(now)).await.unwrap();

        let taken = async |sealer: &Sealer| {
            let foundation = store.foundation().await.unwrap().unwrap();
            if check_key(sealer, &foundation, &*store).await? == KeyIs::TheFirst {
                admit_key(sealer, &*store, random, now).await?;
            }
            Ok::<_, StartError>(())
        };
        assert!(matches!(taken(&second).await, Err(StartError::WrongKek)));
        assert_eq!(store.foundation().await.unwrap(), Some(foundation));
        taken(&first).await.unwrap();
        taken(&first).await.unwrap();
        assert!(matches!(taken(&second).await, Err(StartError::WrongKek)));
        assert!(matches!(taken(&clear).await, Err(StartError::KekMissing)));
    }

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

        // Where there is no file to be made, the sentence says what to see to.
        let said = tell(&folder.path().join("none"), &password).unwrap_err().to_string();
        assert!(said.contains("cannot write") && said.ends_with("check its owner, its permissions and its disk"), "{said}");
    }

    #[test]
    fn no_room_for_the_password_names_the_file_system() {
        let full = std::io::Error::from_raw_os_error(rustix::io::Errno::NOSPC.raw_os_error());
        let said = untold(Path::new("/proc/self/admin-password"), full).to_string();
        for part in ["cannot write /proc/self/admin-password", "the file system mounted at /proc is full", "make room there"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}
