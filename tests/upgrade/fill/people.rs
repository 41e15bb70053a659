//! Accounts, organizations and a provider, made as an operator makes them.

use countersign::grpc::pb;

use super::PASSWORD;
use crate::manifest::{Catalogue, Secrets};
use crate::rig::{ADMIN_PASSWORD, Rig, bearer, reason};

/// Name, e-mail, roles.
const PEOPLE: [(&str, &str, &[&str]); 9] = [
    ("alice", "Alice@example.org", &[]),
    ("bob", "", &[]),
    ("carol", "carol@example.org", &[]),
    ("dora", "", &[]),
    ("Sam", "", &["staff"]),
    ("sue", "sue@example.org", &["superuser"]),
    ("both", "", &["staff", "superuser"]),
    ("dan", "", &[]),
    ("eve", "", &[]),
];
/// What eve's password is in the end.
const OTHER_PASSWORD: &str = "marzipan lighthouse quartet 42";

pub(super) async fn make(rig: &Rig, catalogue: &mut Catalogue, secrets: &mut Secrets) {
    let admin = rig.log_in("admin", ADMIN_PASSWORD, "").await.unwrap();
    catalogue.logins.push("admin".to_owned());
    for (username, email, roles) in PEOPLE {
        let request = pb::CreateUserRequest {
            username: username.to_owned(),
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        };
        rig.admin().create_user(bearer(&admin, request)).await.unwrap();
        catalogue.logins.push(username.to_owned());
        if !email.is_empty() {
            catalogue.logins.push(email.to_lowercase());
        }
        secrets.passwords.insert(username.to_owned(), PASSWORD.to_owned());
    }

    assert_eq!(reason(rig.log_in("bob", "not the password of bob", "").await), "INVALID_CREDENTIALS");
    for username in ["dan", "eve"] {
        rig.admin().disable_user(bearer(&admin, pb::DisableUserRequest { username: username.to_owned() })).await.unwrap();
    }
    rig.admin().enable_user(bearer(&admin, pb::EnableUserRequest { username: "eve".to_owned() })).await.unwrap();
    let eve = rig.log_in("eve", PASSWORD, "").await.unwrap();
    let change = pb::ChangePasswordRequest { current_password: PASSWORD.to_owned(), new_password: OTHER_PASSWORD.to_owned() };
    rig.account().change_password(bearer(&eve, change)).await.unwrap();
    secrets.passwords.insert("eve".to_owned(), OTHER_PASSWORD.to_owned());

    for name in ["Acme", "globex"] {
        rig.admin().create_organization(bearer(&admin, pb::CreateOrganizationRequest { name: name.to_owned() })).await.unwrap();
        catalogue.organizations.push(name.to_lowercase());
    }
    let (member, administrator) = (pb::OrganizationRole::Member as i32, pb::OrganizationRole::Admin as i32);
    for (org_name, username, role) in
        [("acme", "alice", member), ("acme", "sam", administrator), ("globex", "alice", administrator), ("globex", "bob", member)]
    {
        let request = pb::AddMemberRequest { org_name: org_name.to_owned(), username: username.to_owned(), role };
        rig.admin().add_member(bearer(&admin, request)).await.unwrap();
    }
    let request = pb::RemoveMemberRequest { org_name: "globex".to_owned(), username: "bob".to_owned() };
    rig.admin().remove_member(bearer(&admin, request)).await.unwrap();
}
