//! Examples of the audit log: every action, and every actor from everywhere.

use super::golden::{ATTEMPT, Golden, KEY, LINK, ORGANIZATION, PROVIDER, SESSION, USER, at};
use crate::model::audit::{Action, Actor, Origin};
use crate::model::name::Folded;
use crate::store::kv::record::messages::ActionKind;
use crate::store::kv::record::{AuditPage, Record as _};

fn actions() -> Vec<Action> {
    vec![
        Action::StoreCreated,
        Action::Login(USER, SESSION),
        Action::SsoCollected(USER, SESSION, ATTEMPT),
        Action::SsoExchangeBegun(ATTEMPT),
        Action::SsoIdentified(ATTEMPT, USER, true),
        Action::SsoConfirmed(ATTEMPT),
        Action::SsoRefused(ATTEMPT),
        Action::Refreshed(SESSION, false),
        Action::RenewedByAccessToken(SESSION),
        Action::RefreshReused(SESSION, "late".to_owned()),
        Action::SessionEnded(SESSION),
        Action::SessionCrowdedOut(SESSION),
        Action::KeyUsed(KEY, 300),
        Action::LinkIssued(LINK),
        Action::LinkRedeemed(LINK, SESSION),
        Action::LinkRevoked(LINK),
        Action::LogoutUser(Folded::presented("gina"), 1, 2),
        Action::UserCreated(USER),
        Action::UserDisabled(USER),
        Action::UserEnabled(USER),
        Action::PasswordChanged(USER),
        Action::TotpEnrolled(USER),
        Action::TotpConfirmed(USER),
        Action::OrganizationCreated(ORGANIZATION),
        Action::MemberAdded(ORGANIZATION, USER),
        Action::MemberRemoved(ORGANIZATION, USER),
        Action::ProviderCreated(PROVIDER),
        Action::KeyCreated(KEY, USER),
        Action::KeyRevoked(KEY),
        Action::SigningKey("kid".to_owned()),
        Action::LoginRefused(USER, "INVALID_CREDENTIALS".to_owned()),
        Action::SessionRetried(SESSION),
        Action::Swept(5),
        Action::SessionSwept(SESSION, 6),
        Action::StoreUpgraded { from: 2, to: 3, last: 9, digest: [0xcc; 32] },
        Action::FoundationChanged("audience us".to_owned()),
        Action::EmailFollowed(USER),
        Action::EmailNotFree(USER),
        Action::ProviderUpdated(PROVIDER),
        Action::ProviderDeleted(PROVIDER),
        Action::ClockRecovered(7),
        Action::OrganizationUpdated(ORGANIZATION, true),
        Action::EmailChanged(USER),
        Action::RolesChanged(USER, "staff".to_owned()),
        Action::UserDeleted(USER, Folded::presented("gina")),
        Action::NameReleased(Folded::presented("gina")),
        Action::OrganizationDeleted(ORGANIZATION, Folded::presented("acme")),
        Action::IdentityLinked(USER, "https://idp 7".to_owned()),
        Action::IdentityUnlinked(USER, "https://idp 7".to_owned()),
        Action::MemberRoleChanged(ORGANIZATION, USER, true),
    ]
}

pub(super) fn examples(golden: &mut Golden) {
    let origins = [
        (Actor::System, None),
        (Actor::User(USER), Some("192.0.2.1".parse().unwrap())),
        (Actor::Guest(Folded::presented("gina")), Some("2001:db8::7".parse().unwrap())),
        (Actor::Anonymous, None),
    ]
    .map(|(actor, source)| Origin { actor, source });
    for (action, origin) in actions().into_iter().zip(origins.iter().cycle()) {
        let events = vec![(at(0), origin.clone(), action)];
        golden.of("audit", &AuditPage { first: 9, previous: [0xbb; 32], events });
    }
    let [system, _, _, anonymous] = origins;
    let flags =
        vec![(at(0), anonymous, Action::SsoIdentified(ATTEMPT, USER, false)), (at(1), system, Action::Refreshed(SESSION, true))];
    golden.of("audit", &AuditPage { first: 1, previous: [0; 32], events: flags });
}

/// A new action has its example too.
#[test]
fn every_action_on_disk_is_among_the_examples() {
    let of = |action: Action| {
        let origin = Origin { actor: Actor::System, source: None };
        AuditPage { first: 1, previous: [0; 32], events: vec![(at(0), origin, action)] }.message().events[0].action
    };
    let found: Vec<i32> = actions().into_iter().map(of).collect();
    let known: Vec<i32> = (1..1000).filter(|number| ActionKind::try_from(*number).is_ok()).collect();
    assert_eq!(found, known, "in the order of their numbers");
}
