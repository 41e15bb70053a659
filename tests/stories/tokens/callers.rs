//! What each kind of caller may do.

use bytes::{Buf as _, BufMut as _};
use countersign::grpc::pb;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use serde_json::json;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Status};

use super::Parts;
use super::kinds::one_of_each;
use crate::arena::calls::{Calls, Key};
use crate::arena::refusal::{reason, told};
use crate::arena::wire::Wire;
use crate::arena::{OTHER_PASSWORD, PASSWORD};

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

/// The RPCs that nobody has to be signed in for.
const OPEN: [&str; 8] = ["Login", "Refresh", "PkeyJwt", "SsoStart", "SsoJwt", "PeekSingleUse", "RedeemSingleUse", "GetJwks"];
/// What a personal key's token may not do although its owner may.
const STRONG: [&str; 5] = ["ChangePassword", "EnrollTotp", "ConfirmTotp", "CreatePersonalKey", "RevokePersonalKey"];

/// Every rpc of the contract: its path, its name, and whether it is the administrator's.
fn contract() -> Vec<(String, String, bool)> {
    let files = FileDescriptorSet::decode(pb::DESCRIPTOR_SET).unwrap().file;
    let ours = files.into_iter().filter(|file| file.package() == "countersign.v1");
    let services = ours.flat_map(|file| file.service);
    let rpcs: Vec<_> = services
        .flat_map(|service| {
            let of = service.name().to_owned();
            service
                .method
                .into_iter()
                .map(move |rpc| (format!("/countersign.v1.{of}/{}", rpc.name()), rpc.name().to_owned(), of == "AdminService"))
        })
        .collect();
    assert!(rpcs.len() > 45);
    rpcs
}

/// An empty message to any path.
async fn call(calls: &Calls, path: &str) -> Result<(), Status> {
    let mut client = tonic::client::Grpc::new(calls.channel.clone());
    client.ready().await.unwrap();
    let answer = client.server_streaming(calls.request(()), path.parse().unwrap(), Bytes).await?;
    let mut stream = answer.into_inner();
    while stream.message().await?.is_some() {}
    Ok(())
}

/// Sends no bytes and does not read what comes.
#[derive(Clone, Copy, Default)]
struct Bytes;

impl Codec for Bytes {
    type Encode = ();
    type Decode = ();
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        Self
    }
    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = ();
    type Error = Status;
    fn encode(&mut self, (): (), to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&[]);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = ();
    type Error = Status;
    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<()>, Status> {
        from.advance(from.remaining());
        Ok(Some(()))
    }
}

/// E18, D9, G10: the whole contract with no token, a guest's, a key's, a plain account's, and with tokens of other kinds as bearer.
#[tokio::test]
async fn the_whole_contract_for_every_kind_of_caller() {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    admin.create_user("pat", &[]).await;
    let kinds = one_of_each(&admin).await;
    let nobody = wire.calls().await;
    let key = Key { id: kinds["key id"].clone(), secret: kinds["key secret"].clone() };
    let of_key = nobody.with(&nobody.exchange(&key).await.unwrap().access_token);
    let plain = nobody.with(&kinds["access"]);
    let guest = nobody.with(&kinds["guest's access"]);

    for (path, name, admins) in contract() {
        let answered = |who: Calls| {
            let path = path.clone();
            async move {
                match call(&who, &path).await {
                    Ok(()) => "OK".to_owned(),
                    Err(refused) => told(&refused).1,
                }
            }
        };
        let ends_its_caller = name == "Logout";
        if OPEN.contains(&name.as_str()) || !ends_its_caller && answered(admin.clone()).await == "UNIMPLEMENTED" {
            continue;
        }
        if !ends_its_caller {
            assert_eq!(answered(guest.clone()).await, "GUEST_NOT_ALLOWED", "{path} for a guest");
        }
        assert_eq!(answered(nobody.clone()).await, "TOKEN_INVALID", "{path} for nobody");
        for kind in ["refresh", "key id", "key secret", "key", "link", "guest's refresh"] {
            assert_eq!(answered(nobody.with(&kinds[kind])).await, "TOKEN_INVALID", "{path} with a {kind} as bearer");
        }
        let privileged = admins || ["GenerateSingleUse", "LogoutUser"].contains(&name.as_str());
        if privileged {
            assert_eq!(answered(plain.clone()).await, "PERMISSION_DENIED", "{path} for a plain account");
            assert_eq!(answered(of_key.clone()).await, "PERMISSION_DENIED", "{path} for a plain account's key");
        } else if STRONG.contains(&name.as_str()) {
            assert_eq!(answered(of_key.clone()).await, "CREDENTIAL_TOO_WEAK", "{path} for a key");
            assert_ne!(answered(plain.clone()).await, "CREDENTIAL_TOO_WEAK", "{path} for its owner");
        }
    }
}

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
    let not_found = pat.revoke_key(&foreign).await.unwrap_err();
    assert_eq!(told(&not_found), (Code::NotFound, "KEY_NOT_FOUND".to_owned()));
    let unknown = Key { id: "csk_x".to_owned(), secret: String::new() };
    assert_eq!(reason(pat.revoke_key(&unknown).await), "KEY_NOT_FOUND");
    let first = pat.revoke_key(&own).await.unwrap();
    assert_eq!(pat.revoke_key(&own).await.unwrap(), first);
    assert_eq!(reason(pat.exchange(&own).await), "INVALID_CREDENTIALS");
    assert!(pat.exchange(&foreign).await.is_ok());
}
