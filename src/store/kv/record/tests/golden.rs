//! The bytes of every kind of record, with every value of every enum in one of them, as they stand in `golden.txt`: what was written so
//! is read so for ever.

use std::fmt::Debug;
use std::time::Duration;

use super::super::{
    Belongs, ExpiryPage, Identity, IdentityEntry, KeyEntry, LinkEntry, MemberIn, Named, ProviderEntry, Record, RollPage,
    SessionRow, Start, Superuser, Tombstone, decode, encode,
};
use crate::model::clock::Timestamp;
use crate::model::decision::Impossible;
use crate::model::ids::{AttemptId, KeyId, LinkId, OrganizationId, ProviderId, SessionId, UserId};
use crate::model::link::{Link, LinkParts, LinkState};
use crate::model::name::{Email, Folded, Name};
use crate::model::organization::{ActiveOrganization, Organization, OrganizationRole};
use crate::model::personal_key::{PersonalKey, PersonalKeyParts};
use crate::model::provider::IdentityProvider;
use crate::model::revocation::{Revocation, Revoked};
use crate::model::session::{Credential, EndReason, Face, Method, Mode, Renewal, Session, SessionParts, SessionState};
use crate::model::signing_key::{Algorithm, KeyState, SigningKeyRecord};
use crate::model::sso::{Attempt, AttemptParts, AttemptState};
use crate::model::user::{Generation, Generations, GenerationsParts, Roles, Subject, Totp, User, UserParts};
use crate::store::kv::expiry::Expiring;
use crate::store::kv::roll::Entry;
use crate::store::verbs::Foundation;

/// Lines of a name and the bytes in hexadecimal.
const GOLDEN: &str = include_str!("golden.txt");

pub(super) const USER: UserId = UserId::from_bytes([0x11; 16]);
pub(super) const SESSION: SessionId = SessionId::from_bytes([0x22; 16]);
pub(super) const ATTEMPT: AttemptId = AttemptId::from_bytes([0x33; 16]);
pub(super) const KEY: KeyId = KeyId::from_bytes([0x44; 16]);
pub(super) const LINK: LinkId = LinkId::from_bytes([0x55; 16]);
pub(super) const ORGANIZATION: OrganizationId = OrganizationId::from_bytes([0x66; 16]);
pub(super) const PROVIDER: ProviderId = ProviderId::from_bytes([0x77; 16]);

/// Collects what the examples come to.
#[derive(Default)]
pub(super) struct Golden(Vec<String>);

impl Golden {
    pub(super) fn of<R: Record + PartialEq + Debug>(&mut self, name: &str, record: &R) {
        let value = encode(record).unwrap();
        assert_eq!(decode::<R>(&value).as_ref(), Ok(record), "{name}");
        let hex = value.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        self.0.push(format!("{name} {hex}"));
    }
}

#[test]
fn every_record_has_the_bytes_it_always_had() {
    let mut golden = Golden::default();
    founding(&mut golden);
    accounts(&mut golden);
    sessions(&mut golden);
    keys_and_links(&mut golden);
    sign_on(&mut golden);
    revocations(&mut golden);
    super::audit::examples(&mut golden);
    for (found, expected) in golden.0.iter().zip(GOLDEN.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(golden.0.join("\n") + "\n", GOLDEN, "an example without its line, or a line without its example");
}

pub(super) fn at(micros: u64) -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000 + micros)
}

/// A value of parts that agree.
fn possible<V: TryFrom<P, Error = Impossible>, P>(parts: P) -> V {
    V::try_from(parts).unwrap_or_else(|impossible| panic!("{impossible}"))
}

pub(super) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn founding(golden: &mut Golden) {
    let foundation = Foundation {
        issuer: "https://auth.example".to_owned(),
        epoch: 2,
        sealed_check: vec![1, 2],
        server_keys: vec![(1, vec![3]), (255, vec![4])],
    };
    golden.of("foundation", &foundation);
    let states = [KeyState::Published, KeyState::Signing, KeyState::Retired { since: at(1) }];
    for (algorithm, state) in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256].into_iter().zip(states) {
        let sealed_private = vec![5, 6];
        let key = SigningKeyRecord { kid: "kid".to_owned(), algorithm, low_s: false, sealed_private, state, create_time: at(0) };
        golden.of("signing_key", &key);
        if algorithm == Algorithm::Es256 {
            golden.of("signing_key", &SigningKeyRecord { low_s: true, ..key });
        }
    }
    golden.of("start", &Start { audience: "us".to_owned() });
}

fn accounts(golden: &mut Golden) {
    let user = UserParts {
        id: USER,
        name: name("mara"),
        email: None,
        password: None,
        roles: Roles::default(),
        enabled: true,
        generations: Generations::default(),
        totp: Totp::Off,
        create_time: at(0),
    };
    golden.of("user", &possible::<User, _>(user.clone()));
    let generations = possible(GenerationsParts {
        current: Generation(5),
        session_floor: Generation(3),
        token_floor: Generation(4),
        session_floor_revision: 2,
    });
    golden.of("guest", &generations);
    let whole = UserParts {
        email: Some(Email::parse("Mara@example.org").unwrap()),
        password: Some("$argon2id$".to_owned()),
        roles: Roles { staff: true, superuser: true },
        enabled: false,
        generations,
        totp: Totp::On { sealed: vec![1], last_step: 300, recovery: vec![[8; 32], [9; 32]] },
        ..user.clone()
    };
    golden.of("user", &possible::<User, _>(whole));
    golden.of("user", &possible::<User, _>(UserParts { totp: Totp::Pending { sealed: vec![1] }, ..user }));
    golden.of("superuser", &Superuser(USER));
    for named in [Named::User(USER), Named::Email(USER), Named::Organization(ORGANIZATION), Named::Reserved] {
        golden.of("name", &named);
    }
    golden.of("identity", &Identity(USER));
    golden.of("identity_entry", &IdentityEntry { issuer: "https://idp".to_owned(), subject: "7".to_owned() });
    let organization = Organization { id: ORGANIZATION, name: name("Acme"), create_time: at(0), require_factor: false };
    golden.of("organization", &organization);
    golden.of("organization", &Organization { require_factor: true, ..organization });
    golden.of("member", &Belongs(USER));
    for role in [OrganizationRole::Member, OrganizationRole::Admin] {
        golden.of("membership", &MemberIn { organization: ORGANIZATION, role });
    }
}

/// The usual one: of an account that logs in with a password and refreshed once.
fn session() -> SessionParts {
    SessionParts {
        id: SESSION,
        subject: Subject::User(USER),
        username: String::new(),
        generation: Generation(1_790_000_000_000_000),
        organization: ActiveOrganization::Personal,
        dataset_id: None,
        credential: None,
        face: Face::Grpc,
        mode: Mode::Json,
        methods: vec![Method::Password],
        renewal: Renewal::RefreshToken,
        auth_time: at(0),
        expire_time: at(0).plus(Duration::from_hours(24)),
        n: 1,
        tip: [0xaa; 16],
        refresh_time: at(3_600_000_000),
        source: Some([192, 0, 2, 1].into()),
        state: SessionState::Live,
    }
}

/// What is written of a session, once it is known to be a possible one.
fn row(parts: SessionParts) -> SessionRow {
    SessionRow::from(possible::<Session, _>(parts))
}

fn sessions(golden: &mut Golden) {
    let usual = session();
    golden.of("session", &row(usual.clone()));
    let guest = SessionParts {
        subject: Subject::Guest(Folded::presented("gina")),
        username: "guest:Gina".to_owned(),
        dataset_id: Some("d/1".to_owned()),
        credential: Some(Credential::Link(LINK)),
        methods: vec![Method::Link],
        source: None,
        renewal: Renewal::Unset,
        generation: Generation(0),
        n: 0,
        ..usual.clone()
    };
    golden.of("session", &row(guest));
    let all = [Method::Password, Method::OneTimeCode, Method::RecoveryCode, Method::PersonalKey, Method::SignOn, Method::Link];
    let rare = SessionParts {
        organization: ActiveOrganization::Member(ORGANIZATION),
        credential: Some(Credential::Key(KEY)),
        mode: Mode::Cookie,
        methods: all.to_vec(),
        source: Some("2001:db8::7".parse().unwrap()),
        ..usual.clone()
    };
    golden.of("session", &row(rare));
    golden.of("session", &row(SessionParts { renewal: Renewal::AccessToken, n: 0, refresh_time: at(0), ..usual.clone() }));
    let reasons = [EndReason::Logout, EndReason::Reused, EndReason::Late, EndReason::Ahead, EndReason::Crowded];
    let faces = [Face::Grpc, Face::Graphistry, Face::Directus, Face::Page, Face::Grpc];
    for (reason, face) in reasons.into_iter().zip(faces) {
        let state = SessionState::Ended { at: at(3_600_000_005), reason };
        golden.of("session", &row(SessionParts { face, state, ..usual.clone() }));
    }
    let entry = Entry {
        id: SESSION,
        auth_time: at(0),
        lifetime: Duration::from_hours(24),
        generation: Generation(3),
        refresh_time: at(0),
    };
    golden.of("roll", &RollPage(vec![entry, Entry { generation: Generation(0), ..entry }]));
    golden.of("roll", &RollPage(vec![Entry { refresh_time: at(3_600_000_000), ..entry }]));
}

fn keys_and_links(golden: &mut Golden) {
    let key = PersonalKeyParts {
        id: KEY,
        user: USER,
        display_name: String::new(),
        secret: [1; 32],
        previous: None,
        create_time: at(0),
        expire_time: None,
        revoke_time: None,
        last_use_time: None,
    };
    golden.of("personal_key", &possible::<PersonalKey, _>(key.clone()));
    let whole = PersonalKeyParts {
        display_name: "Schlüssel".to_owned(),
        previous: Some(([2; 32], at(1))),
        expire_time: Some(at(2)),
        revoke_time: Some(at(3)),
        last_use_time: Some(at(4)),
        ..key
    };
    golden.of("personal_key", &possible::<PersonalKey, _>(whole));
    golden.of("personal_key_entry", &KeyEntry(KEY));
    let redeemed = |request| LinkState::Redeemed { session: SESSION, request, at: at(1) };
    for (state, one_time) in [
        (LinkState::Issued, false),
        (redeemed(None), true),
        (redeemed(Some([4; 32])), true),
        (LinkState::Revoked { at: at(1) }, true),
    ] {
        let link = LinkParts {
            id: LINK,
            token: [3; 32],
            guest: "Gina".to_owned(),
            dataset_id: "d/1".to_owned(),
            generation: Generation(3),
            issuer: USER,
            one_time,
            create_time: at(0),
            redeem_by: at(3_600_000_000),
            state,
        };
        golden.of("link", &possible::<Link, _>(link));
    }
    golden.of("link_entry", &LinkEntry { redeem_by: at(0), generation: Generation(3) });
    let expiring =
        vec![Expiring::Session(SESSION), Expiring::Link(LINK), Expiring::Attempt(ATTEMPT), Expiring::Revocation(1_800_000_000)];
    golden.of("expiry", &ExpiryPage(expiring));
}

fn sign_on(golden: &mut Golden) {
    let provider = IdentityProvider {
        id: PROVIDER,
        name: name("id"),
        organization: None,
        issuer: "https://id.example".to_owned(),
        client_id: "us".to_owned(),
        sealed_client_secret: None,
        scopes: Vec::new(),
        sign_up: false,
        create_time: at(0),
        email_domains: Vec::new(),
        trusted_audiences: Vec::new(),
        confined: false,
    };
    golden.of("provider", &provider);
    let whole = IdentityProvider {
        organization: Some(ORGANIZATION),
        sealed_client_secret: Some(vec![7]),
        scopes: vec!["email".to_owned(), "profile".to_owned()],
        sign_up: true,
        email_domains: vec!["example.org".to_owned(), "example.com".to_owned()],
        trusted_audiences: vec!["project".to_owned()],
        ..provider
    };
    golden.of("provider", &whole);
    golden.of("provider", &IdentityProvider { confined: true, ..whole });
    golden.of("provider_entry", &ProviderEntry(PROVIDER));
    let (user, generation) = (USER, Generation(3));
    for state in [
        AttemptState::Exchanging { revision: 9 },
        AttemptState::Identified { user, generation, at: at(1) },
        AttemptState::Confirmed { user, generation, at: at(1) },
        AttemptState::Collected { session: SESSION, at: at(1) },
        AttemptState::Refused,
    ] {
        let attempt = AttemptParts { id: ATTEMPT, expire_time: at(600_000_000), state, browser: None };
        golden.of("attempt", &possible::<Attempt, _>(attempt));
    }
    let state = AttemptState::Exchanging { revision: 9 };
    let attempt = AttemptParts { id: ATTEMPT, expire_time: at(600_000_000), state, browser: Some([8; 32]) };
    golden.of("attempt", &possible::<Attempt, _>(attempt));
}

fn revocations(golden: &mut Golden) {
    for what in [
        Revoked::Below(Subject::User(USER), Generation(3)),
        Revoked::Below(Subject::Guest(Folded::presented("gina")), Generation(3)),
        Revoked::BelowIn(Subject::User(USER), "Team".to_owned(), Generation(3)),
        Revoked::Session(SESSION),
        Revoked::Credential(Credential::Key(KEY)),
        Revoked::Credential(Credential::Link(LINK)),
    ] {
        golden.of("revocation", &Revocation { revision: 1_800_000_000_000_000, what, until: at(0) });
    }
    golden.of("tombstone", &Tombstone::at(1_800_000_000_000_000));
    golden.of("tombstone of an organization", &Tombstone { revision: 1_800_000_000_000_000, below: Generation(3) });
}
