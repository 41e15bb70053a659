//! How everything in a store stands, as JSON. Written out by hand, so that a fixture's manifest stays what it is when the types
//! change; what a later version adds to a record is not in it.

use countersign::model::audit::{Action, Actor, AuditEvent};
use countersign::model::clock::Timestamp;
use countersign::model::link::Link;
use countersign::model::name::{Email, Folded};
use countersign::model::organization::{ActiveOrganization, OrganizationRole};
use countersign::model::personal_key::PersonalKey;
use countersign::model::provider::IdentityProvider;
use countersign::model::revocation::Claim;
use countersign::model::session::{Credential, EndReason, Mode, Renewal, Session, SessionState};
use countersign::model::signing_key::{KeyState, SigningKeyRecord};
use countersign::model::sso::{Attempt, AttemptState};
use countersign::model::user::{Totp, User};
use countersign::store::verbs::{Foundation, NamedOrganization};
use countersign::store::{Lane, Revocations, Store};
use serde_json::{Value, json};

use crate::manifest::Catalogue;

/// The whole of it.
pub(crate) async fn describe(store: &dyn Store, revocations: &Revocations, catalogue: &Catalogue, now: Timestamp) -> Value {
    let mut keys: Vec<Value> = store.signing_keys().await.unwrap().iter().map(signing_key).collect();
    keys.sort_by_key(|key| key["kid"].to_string());
    let mut providers = Vec::new();
    for id in &catalogue.providers {
        providers.push(provider(&store.provider(id.parse().unwrap()).await.unwrap().unwrap()));
    }
    let mut attempts = Vec::new();
    for id in &catalogue.attempts {
        attempts.push(attempt(&store.attempt(id.parse().unwrap()).await.unwrap().unwrap()));
    }
    let mut guests = Vec::new();
    for name in &catalogue.guests {
        guests.push(json!([name, store.guest_generation(&Folded::presented(name)).await.unwrap().0]));
    }
    json!({
        "id": store.status().id.to_string(),
        "foundation": foundation(&store.foundation().await.unwrap().unwrap()),
        "signing_keys": keys,
        "accounts": accounts(store, catalogue).await,
        "organizations": organizations(store, catalogue).await,
        "sessions": sessions(store, revocations, catalogue).await,
        "keys": personal_keys(store, revocations, catalogue).await,
        "links": links(store, catalogue, now).await,
        "guests": guests,
        "providers": providers,
        "attempts": attempts,
        "audit": store.audit_events(Lane::Only, 1, u32::MAX).await.unwrap().iter().map(event).collect::<Vec<_>>(),
    })
}

async fn accounts(store: &dyn Store, catalogue: &Catalogue) -> Vec<Value> {
    let mut found = Vec::new();
    for login in &catalogue.logins {
        let account = store.user_by_login(&Folded::presented(login)).await.unwrap().unwrap();
        let memberships = store.memberships(account.id()).await.unwrap();
        let memberships: Vec<_> =
            memberships.iter().map(|(of, role)| json!([of.name.as_str(), *role == OrganizationRole::Admin])).collect();
        let keys: Vec<_> =
            store.keys_of(account.id(), None, u32::MAX).await.unwrap().iter().map(|key| key.id().to_string()).collect();
        found.push(json!({"login": login, "account": user(&account), "memberships": memberships, "keys": keys}));
    }
    found
}

async fn organizations(store: &dyn Store, catalogue: &Catalogue) -> Vec<Value> {
    let mut found = Vec::new();
    for name in &catalogue.organizations {
        let named = store.organization_by_name(&Folded::presented(name)).await.unwrap();
        let Some(NamedOrganization::Shared(of)) = named else { panic!("{name}: {named:?}") };
        found.push(json!({"id": of.id.to_string(), "name": of.name.as_str(), "made": of.create_time.micros()}));
    }
    found
}

async fn sessions(store: &dyn Store, revocations: &Revocations, catalogue: &Catalogue) -> Vec<Value> {
    let mut found = Vec::new();
    for id in &catalogue.sessions {
        let of = store.session(id.parse().unwrap()).await.unwrap().unwrap_or_else(|| panic!("session {id} is missing"));
        let revoked = revocations.revokes(&Claim {
            subject: of.subject(),
            generation: of.generation(),
            organization: "",
            session: of.id(),
            credential: of.credential(),
        });
        found.push(json!({"session": session(&of), "revoked": revoked}));
    }
    found
}

async fn personal_keys(store: &dyn Store, revocations: &Revocations, catalogue: &Catalogue) -> Vec<Value> {
    let mut found = Vec::new();
    for id in &catalogue.keys {
        let owner = store.key_owner(id.parse().unwrap(), None).await.unwrap().unwrap();
        let (subject, generation) =
            (countersign::model::user::Subject::User(owner.user.id()), owner.user.generations().current());
        let other = countersign::model::ids::SessionId::from_bytes([0; 16]);
        let revoked = revocations.revokes(&Claim {
            subject: &subject,
            generation,
            organization: "",
            session: other,
            credential: Some(Credential::Key(owner.key.id())),
        });
        found.push(json!({"key": key(&owner.key), "revoked": revoked}));
    }
    found
}

/// Of a link that cannot be redeemed the verbs tell no more than that.
async fn links(store: &dyn Store, catalogue: &Catalogue, now: Timestamp) -> Vec<Value> {
    let mut found = Vec::new();
    for id in &catalogue.links {
        let of = store.peek_link(id.parse().unwrap(), now).await.unwrap();
        found.push(json!([id, of.as_ref().map(link)]));
    }
    found
}

fn foundation(of: &Foundation) -> Value {
    let keys: Vec<_> = of.server_keys.iter().map(|(version, sealed)| json!([version, hex(sealed)])).collect();
    json!({"issuer": of.issuer, "epoch": of.epoch, "check": hex(&of.sealed_check), "server_keys": keys})
}

fn signing_key(of: &SigningKeyRecord) -> Value {
    let state = match of.state {
        KeyState::Published => json!("published"),
        KeyState::Signing => json!("signing"),
        KeyState::Retired { since } => json!(["retired", since.micros()]),
    };
    let (algorithm, sealed) = (of.algorithm.name(), hex(&of.sealed_private));
    json!({"kid": of.kid, "algorithm": algorithm, "private": sealed, "state": state, "made": of.create_time.micros()})
}

fn user(of: &User) -> Value {
    let of = of.clone().into_parts();
    let totp = match &of.totp {
        Totp::Off => json!("off"),
        Totp::Pending { sealed } => json!(["pending", hex(sealed)]),
        Totp::On { sealed, last_step, recovery } => {
            json!(["on", hex(sealed), last_step, recovery.iter().map(|code| hex(code)).collect::<Vec<_>>()])
        }
    };
    let generations = of.generations.into_parts();
    json!({
        "id": of.id.to_string(), "name": of.name.as_str(), "email": of.email.as_ref().map(Email::as_str),
        "password": of.password, "staff": of.roles.staff, "superuser": of.roles.superuser, "enabled": of.enabled,
        "generations": [generations.current.0, generations.session_floor.0, generations.token_floor.0],
        "session_floor_revision": generations.session_floor_revision, "totp": totp, "made": of.create_time.micros(),
    })
}

fn session(of: &Session) -> Value {
    let of = of.clone().into_parts();
    let organization = match of.organization {
        ActiveOrganization::Personal => None,
        ActiveOrganization::Member(id) => Some(id.to_string()),
    };
    let state = match of.state {
        SessionState::Live => json!("live"),
        SessionState::Ended { at, reason } => json!([ended_as(reason), at.micros()]),
    };
    json!({
        "id": of.id.to_string(), "subject": of.subject.to_string(), "username": of.username,
        "generation": of.generation.0, "organization": organization, "dataset": of.dataset_id,
        "credential": of.credential.map(|credential| credential.to_string()), "face": of.face.as_str(),
        "cookie": of.mode == Mode::Cookie, "methods": of.methods.iter().map(|method| method.as_str()).collect::<Vec<_>>(),
        "renewal": match of.renewal {
            Renewal::Unset => "unset",
            Renewal::RefreshToken => "refresh",
            Renewal::AccessToken => "access",
        },
        "auth": of.auth_time.micros(), "end": of.expire_time.micros(), "n": of.n, "tip": hex(&of.tip),
        "rotated": of.refresh_time.micros(), "source": of.source.map(|source| source.to_string()), "state": state,
    })
}

fn ended_as(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Logout => "logout",
        EndReason::Reused => "reused",
        EndReason::Late => "late",
        EndReason::Ahead => "ahead",
        EndReason::Crowded => "crowded",
    }
}

fn key(of: &PersonalKey) -> Value {
    let of = of.clone().into_parts();
    let previous = of.previous.map(|(secret, until)| json!([hex(&secret), until.micros()]));
    json!({
        "id": of.id.to_string(), "user": of.user.to_string(), "display_name": of.display_name, "secret": hex(&of.secret),
        "previous": previous, "made": of.create_time.micros(), "expires": of.expire_time.map(Timestamp::micros),
        "revoked": of.revoke_time.map(Timestamp::micros), "used": of.last_use_time.map(Timestamp::micros),
    })
}

fn link(of: &Link) -> Value {
    let of = of.clone().into_parts();
    json!({
        "token": hex(&of.token), "guest": of.guest, "dataset": of.dataset_id, "generation": of.generation.0,
        "issuer": of.issuer.to_string(), "one_time": of.one_time, "made": of.create_time.micros(),
        "redeem_by": of.redeem_by.micros(),
    })
}

fn provider(of: &IdentityProvider) -> Value {
    let mut described = json!({
        "id": of.id.to_string(), "name": of.name.as_str(), "organization": of.organization.map(|id| id.to_string()),
        "issuer": of.issuer, "client_id": of.client_id, "secret": of.sealed_client_secret.as_ref().map(|secret| hex(secret)),
        "scopes": of.scopes, "sign_up": of.sign_up, "made": of.create_time.micros(),
    });
    // Manifests of before these were there say nothing of them.
    for (name, listed) in [("email_domains", &of.email_domains), ("trusted_audiences", &of.trusted_audiences)] {
        if !listed.is_empty() {
            described[name] = json!(listed);
        }
    }
    described
}

fn attempt(of: &Attempt) -> Value {
    let of = of.clone().into_parts();
    let state = match &of.state {
        AttemptState::Exchanging { revision } => json!(["exchanging", revision]),
        AttemptState::Identified { user, generation, at } => {
            json!(["identified", user.to_string(), generation.0, at.micros()])
        }
        AttemptState::Confirmed { user, generation, at } => json!(["confirmed", user.to_string(), generation.0, at.micros()]),
        AttemptState::Collected { session, at } => json!(["collected", session.to_string(), at.micros()]),
        AttemptState::Refused => json!("refused"),
    };
    let mut described = json!({"id": of.id.to_string(), "expires": of.expire_time.micros(), "state": state});
    if let Some(browser) = &of.browser {
        described["browser"] = json!(hex(browser));
    }
    described
}

fn event(of: &AuditEvent) -> Value {
    let actor = match &of.origin.actor {
        Actor::System => "system".to_owned(),
        Actor::User(id) => id.to_string(),
        Actor::Guest(name) => format!("guest:{}", name.as_str()),
        Actor::Anonymous => "anonymous".to_owned(),
    };
    let source = of.origin.source.map(|source| source.to_string());
    json!([of.sequence, of.at.micros(), actor, source, action(&of.action)])
}

/// An action: its name, then what it holds, as text.
pub(crate) fn action(of: &Action) -> Vec<String> {
    let (name, parts): (&str, Vec<String>) = match of {
        Action::StoreCreated => ("store_created", vec![]),
        Action::Login(user, session) => ("login", vec![user.to_string(), session.to_string()]),
        Action::SsoCollected(user, session, attempt) => {
            ("sso_collected", vec![user.to_string(), session.to_string(), attempt.to_string()])
        }
        Action::SsoExchangeBegun(attempt) => ("sso_exchange_begun", vec![attempt.to_string()]),
        Action::SsoIdentified(attempt, user, new) => {
            ("sso_identified", vec![attempt.to_string(), user.to_string(), new.to_string()])
        }
        Action::SsoConfirmed(attempt) => ("sso_confirmed", vec![attempt.to_string()]),
        Action::SsoRefused(attempt) => ("sso_refused", vec![attempt.to_string()]),
        Action::Refreshed(session, again) => ("refreshed", vec![session.to_string(), again.to_string()]),
        Action::RenewedByAccessToken(session) => ("renewed_by_access_token", vec![session.to_string()]),
        Action::RefreshReused(session, reason) => ("refresh_reused", vec![session.to_string(), reason.clone()]),
        Action::SessionEnded(session) => ("session_ended", vec![session.to_string()]),
        Action::SessionCrowdedOut(session) => ("session_crowded_out", vec![session.to_string()]),
        Action::KeyUsed(key, times) => ("key_used", vec![key.to_string(), times.to_string()]),
        Action::LinkIssued(link) => ("link_issued", vec![link.to_string()]),
        Action::LinkRedeemed(link, session) => ("link_redeemed", vec![link.to_string(), session.to_string()]),
        Action::LinkRevoked(link) => ("link_revoked", vec![link.to_string()]),
        Action::LogoutUser(name, sessions, links) => {
            ("logout_user", vec![name.as_str().to_owned(), sessions.to_string(), links.to_string()])
        }
        Action::UserCreated(user) => ("user_created", vec![user.to_string()]),
        Action::UserDisabled(user) => ("user_disabled", vec![user.to_string()]),
        Action::UserEnabled(user) => ("user_enabled", vec![user.to_string()]),
        Action::PasswordChanged(user) => ("password_changed", vec![user.to_string()]),
        Action::TotpEnrolled(user) => ("totp_enrolled", vec![user.to_string()]),
        Action::TotpConfirmed(user) => ("totp_confirmed", vec![user.to_string()]),
        Action::OrganizationCreated(of) => ("organization_created", vec![of.to_string()]),
        Action::MemberAdded(of, user) => ("member_added", vec![of.to_string(), user.to_string()]),
        Action::MemberRemoved(of, user) => ("member_removed", vec![of.to_string(), user.to_string()]),
        Action::ProviderCreated(provider) => ("provider_created", vec![provider.to_string()]),
        Action::KeyCreated(key, user) => ("key_created", vec![key.to_string(), user.to_string()]),
        Action::KeyRevoked(key) => ("key_revoked", vec![key.to_string()]),
        Action::SigningKey(kid) => ("signing_key", vec![kid.clone()]),
        Action::LoginRefused(user, reason) => ("login_refused", vec![user.to_string(), reason.clone()]),
        Action::SessionRetried(session) => ("session_retried", vec![session.to_string()]),
        Action::Swept(records) => ("swept", vec![records.to_string()]),
        Action::SessionSwept(session, times) => ("session_swept", vec![session.to_string(), times.to_string()]),
        Action::ClockRecovered(seconds) => ("clock_recovered", vec![seconds.to_string()]),
        Action::StoreUpgraded { from, to, last, digest } => {
            ("store_upgraded", vec![from.to_string(), to.to_string(), last.to_string(), hex(digest)])
        }
        Action::FoundationChanged(what) => ("foundation_changed", vec![what.clone()]),
        Action::EmailFollowed(user) => ("email_followed", vec![user.to_string()]),
        Action::EmailNotFree(user) => ("email_not_free", vec![user.to_string()]),
        Action::ProviderUpdated(provider) => ("provider_updated", vec![provider.to_string()]),
        Action::ProviderDeleted(provider) => ("provider_deleted", vec![provider.to_string()]),
        Action::OrganizationUpdated(of, required) => ("organization_updated", vec![of.to_string(), required.to_string()]),
        Action::EmailChanged(user) => ("email_changed", vec![user.to_string()]),
        Action::RolesChanged(user, roles) => ("roles_changed", vec![user.to_string(), roles.clone()]),
        Action::UserDeleted(user, name) => ("user_deleted", vec![user.to_string(), name.as_str().to_owned()]),
        Action::NameReleased(name) => ("name_released", vec![name.as_str().to_owned()]),
        Action::OrganizationDeleted(of, name) => ("organization_deleted", vec![of.to_string(), name.as_str().to_owned()]),
        Action::IdentityLinked(user, identity) => ("identity_linked", vec![user.to_string(), identity.clone()]),
        Action::IdentityUnlinked(user, identity) => ("identity_unlinked", vec![user.to_string(), identity.clone()]),
        Action::MemberRoleChanged(of, user, admin) => {
            ("member_role_changed", vec![of.to_string(), user.to_string(), admin.to_string()])
        }
    };
    std::iter::once(name.to_owned()).chain(parts).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
