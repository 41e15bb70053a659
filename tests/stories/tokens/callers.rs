//! What each kind of caller may do.

use countersign::grpc::pb;
use serde_json::json;
use tonic::Code;
use tonic::transport::Channel;

use super::Parts;
use super::kinds::one_of_each;
use crate::arena::raw::{Rpc, call, rpcs};
use crate::arena::refusal::{reason, told};
use crate::arena::wire::Wire;
use crate::arena::{OTHER_PASSWORD, PASSWORD};
use crate::contract;
use crate::contract::lists::listed;
use crate::harness::Key;

/// E18: a guest's token is for its dataset and for nothing else.
#[tokio::test]
async fn a_guest_is_confined_to_its_dataset() {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    // A name that is an account's is no way into it.
    let tokens = admin.redeem(&admin.link("admin", "d1").await.unwrap()).await.unwrap();
    let claims = Parts::of(&tokens.access_token).claims;
    assert_eq!((claims["username"].as_str(), claims["sub"].as_str()), (Some("guest:admin"), Some("guest:admin")));
    assert_eq!(claims["aud"], json!(format!("http://{}/d1", wire.address)), "a service that never heard of guests refuses it");
    assert_eq!((&claims["roles"], &claims["amr"]), (&json!([]), &json!(["link"])));
    for (dataset, active) in [("d1", true), ("", false), ("d2", false), ("D1", false), ("d1/", false), ("d1/x", false)] {
        assert_eq!(admin.verify(&tokens.access_token, dataset).await.unwrap().active, active, "{dataset:?}");
    }
    // What it refreshes to is no wider.
    let next = admin.refresh(&tokens.refresh_token).await.unwrap();
    let refreshed = Parts::of(&next.access_token).claims;
    for name in ["sub", "aud", "username", "roles", "org", "dataset", "amr", "auth_time"] {
        assert_eq!(refreshed[name], claims[name], "{name}");
    }
}

/// What an empty message is answered; every refusal is one that the contract lists.
async fn answered(channel: &Channel, rpc: &Rpc, token: Option<&str>) -> String {
    match call(channel, &rpc.path(), Vec::new(), token).await {
        Ok(_) => "OK".to_owned(),
        Err(refused) => {
            contract::assert_listed(rpc, &refused);
            told(&refused).1
        }
    }
}

/// E18, D9, G10: the whole contract with no token, a guest's, a key's, a plain account's, and with tokens of other kinds as bearer.
/// Each caller is refused where the rpc's list says so, and nowhere else.
#[tokio::test]
async fn the_whole_contract_for_every_kind_of_caller() {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    admin.create_user("pat", &[]).await;
    let kinds = one_of_each(&admin).await;
    let exchanged = admin.exchange(&Key { id: kinds["key id"].clone(), secret: kinds["key secret"].clone() }).await.unwrap();
    let admins_key = admin.exchange(&admin.key().await).await.unwrap();
    let (of_key, of_admins_key) = (Some(exchanged.access_token.as_str()), Some(admins_key.access_token.as_str()));
    let (plain, guest) = (Some(kinds["access"].as_str()), Some(kinds["guest's access"].as_str()));

    let signed_in = rpcs().into_iter().filter(|rpc| contract::is_built(&rpc.name()) && !listed(&rpc.name()).is_open());
    for rpc in signed_in {
        let (name, list) = (rpc.name(), listed(&rpc.name()));
        let to = async |token| answered(&admin.channel, &rpc, token).await;
        assert!(list.has("TOKEN_INVALID"), "{name} takes a signed-in caller");
        assert_eq!(to(None).await, "TOKEN_INVALID", "{name} for nobody");
        for kind in ["refresh", "key id", "key secret", "key", "link", "guest's refresh"] {
            assert_eq!(to(Some(&kinds[kind])).await, "TOKEN_INVALID", "{name} with a {kind} as bearer");
        }
        if name == "AuthService/Logout" {
            // It ends whoever asks; `logout::ones_own_session` has each of them ask.
            assert!(OF_THE_SIGNED_IN.iter().all(|reason| !list.has(reason)), "{name}");
            continue;
        }
        // The first of these that an rpc lists is what such a caller hears.
        for (who, token, may_hear) in [
            ("a guest", guest, &["GUEST_NOT_ALLOWED"][..]),
            ("a plain account", plain, &["PERMISSION_DENIED"]),
            ("a plain account's key", of_key, &["PERMISSION_DENIED", "CREDENTIAL_TOO_WEAK"]),
            ("a superuser's key", of_admins_key, &["CREDENTIAL_TOO_WEAK"]),
        ] {
            let heard = to(token).await;
            match may_hear.iter().find(|reason| list.has(reason)) {
                Some(expected) => assert_eq!(heard, *expected, "{name} for {who}"),
                None => assert!(!OF_THE_SIGNED_IN.contains(&heard.as_str()), "{name} for {who}: {heard}"),
            }
        }
    }
}

/// The reasons for which a caller is refused whose token is good.
const OF_THE_SIGNED_IN: [&str; 3] = ["GUEST_NOT_ALLOWED", "PERMISSION_DENIED", "CREDENTIAL_TOO_WEAK"];

/// A superuser's key may administer, and may not make what outlives it: keys, for itself or another.
#[tokio::test]
async fn a_superusers_key_makes_no_keys() {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    admin.create_user("pat", &[]).await;
    let by_key = admin.with(&admin.exchange(&admin.key().await).await.unwrap().access_token);
    let own = pb::AccountServiceCreatePersonalKeyRequest { display_name: "k".to_owned(), ..Default::default() };
    assert_eq!(reason(by_key.account().create_personal_key(by_key.request(own)).await), "CREDENTIAL_TOO_WEAK");
    let other = pb::AdminServiceCreatePersonalKeyRequest {
        username: "pat".to_owned(),
        display_name: "k".to_owned(),
        ..Default::default()
    };
    assert_eq!(reason(by_key.administration().create_personal_key(by_key.request(other)).await), "CREDENTIAL_TOO_WEAK");
    assert_eq!(reason(by_key.change_password(PASSWORD, OTHER_PASSWORD).await), "CREDENTIAL_TOO_WEAK");
    assert!(by_key.link("visitor", "d").await.is_ok() && by_key.logout_user("pat").await.is_ok());
}

/// D7: revoking is idempotent, and only one's own.
#[tokio::test]
async fn keys_of_others_are_unknown() {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    admin.create_user("pat", &[]).await;
    let pat = admin.as_user("pat").await;
    let (own, foreign) = (pat.key().await, admin.key().await);
    let not_found = pat.revoke_key(&foreign.id).await.unwrap_err();
    assert_eq!(told(&not_found), (Code::NotFound, "KEY_NOT_FOUND".to_owned()));
    for id in ["csk_x", "csk_", "junk"] {
        assert_eq!(reason(pat.revoke_key(id).await), "KEY_NOT_FOUND", "{id}");
    }
    assert_eq!(reason(admin.revoke_key(&own.id).await), "KEY_NOT_FOUND", "a superuser's own are meant, too");
    let first = pat.revoke_key(&own.id).await.unwrap();
    assert_eq!(pat.revoke_key(&own.id).await.unwrap(), first);
    assert_eq!(reason(pat.exchange(&own).await), "INVALID_CREDENTIALS");
    assert!(pat.exchange(&foreign).await.is_ok());
}
