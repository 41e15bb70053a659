use super::*;
use crate::model::secret::Secret;
use crate::service::login::LoginRequest;
use crate::service::testing::{House, PASSWORD, PLAIN, STAFF, SUPERUSER, client, refused};
use crate::service::tokens::TokenSet;

async fn log_in_to(house: &House, name: &str, organization: &str) -> Result<TokenSet> {
    let request = LoginRequest {
        username: name.to_owned(),
        password: Secret::new(PASSWORD),
        otp: Secret::default(),
        organization: organization.to_owned(),
        mode: None,
    };
    house.login.login(&client(), request).await.map(|sign_in| sign_in.tokens)
}

#[tokio::test]
async fn members_log_in_to_their_organization_and_no_others() {
    let house = House::new();
    let root = house.person("root", SUPERUSER).await;
    house.user("pat", PLAIN).await;
    let made = house.organizations.create(&root, "Acme").await.unwrap();
    assert_eq!(made.name.as_str(), "Acme");
    for organization in ["acme", "unknown", "root"] {
        assert!(matches!(log_in_to(&house, "pat", organization).await, Err(Error::OrgNotAllowed)), "{organization}");
    }
    house.organizations.add_member(&root, "ACME", "Pat", OrganizationRole::Member).await.unwrap();
    house.organizations.add_member(&root, "acme", "pat", OrganizationRole::Member).await.unwrap();
    let tokens = log_in_to(&house, "pat", "aCME").await.unwrap();
    assert_eq!(tokens.active_organization, "Acme");
    assert_eq!(house.users.get(&root, "pat").await.unwrap().organizations, ["Acme"]);

    let revision = house.organizations.remove_member(&root, "acme", "pat").await.unwrap();
    assert!(house.verifier.revision() >= revision);
    assert!(house.caller(&tokens).is_err(), "tokens for what was lost are dead");
    assert!(matches!(log_in_to(&house, "pat", "acme").await, Err(Error::OrgNotAllowed)));
    assert!(log_in_to(&house, "pat", "").await.is_ok());
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let house = House::new();
    let root = house.person("root", SUPERUSER).await;
    house.organizations.create(&root, "acme").await.unwrap();
    let add = async |org: &str, name: &str| house.organizations.add_member(&root, org, name, OrganizationRole::Member).await;
    assert!(matches!(add("unknown", "root").await, Err(Error::NotFound(Thing::Organization))));
    assert!(matches!(add("acme", "nobody").await, Err(Error::NotFound(Thing::User))));
    assert!(matches!(add("root", "root").await, Err(Error::PersonalOrganization)));
    let remove = house.organizations.remove_member(&root, "acme", "root").await;
    assert!(matches!(remove, Err(Error::NotFound(Thing::Membership))));
    assert!(matches!(house.organizations.create(&root, "ROOT").await, Err(Error::NameTaken("name"))));
    assert!(matches!(house.organizations.create(&root, "Acme").await, Err(Error::NameTaken("name"))));
}

#[tokio::test]
async fn names_have_their_form() {
    let house = House::new();
    let root = house.person("root", SUPERUSER).await;
    for bad in ["", "a b", "a@b", "\u{e9}", &"n".repeat(64)] {
        assert!(refused(&house.organizations.create(&root, bad).await, "name"), "{bad:?}");
        let add = house.organizations.add_member(&root, bad, "root", OrganizationRole::Member).await;
        assert!(refused(&add, "org_name"), "{bad:?}");
        assert!(refused(&house.organizations.remove_member(&root, "acme", bad).await, "username"), "{bad:?}");
    }
}

#[tokio::test]
async fn only_a_superuser_who_still_is_one_changes_them() {
    let house = House::new();
    let (root, staff) = (house.person("root", SUPERUSER).await, house.person("sam", STAFF).await);
    let other = house.person("other", SUPERUSER).await;
    house.organizations.create(&root, "acme").await.unwrap();
    assert!(matches!(house.organizations.create(&staff, "x").await, Err(Error::PermissionDenied(_))));
    let add = house.organizations.add_member(&staff, "acme", "sam", OrganizationRole::Admin).await;
    assert!(matches!(add, Err(Error::PermissionDenied(_))));
    house.users.disable(&root, "other").await.unwrap();
    assert!(matches!(house.organizations.create(&other, "x").await, Err(Error::TokenInvalid)));
    let add = house.organizations.add_member(&other, "acme", "other", OrganizationRole::Admin).await;
    assert!(matches!(add, Err(Error::TokenInvalid)));
    assert!(matches!(house.organizations.remove_member(&staff, "acme", "sam").await, Err(Error::PermissionDenied(_))));
}
