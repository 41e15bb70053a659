//! Good tokens at the wrong place, and malformed ones everywhere.

use std::collections::BTreeMap;

use countersign::grpc::pb;
use tonic::{Code, Request, Status};

use crate::arena::refusal::{example, told};
use crate::arena::wire::Wire;
use crate::harness::Calls;

/// One of each kind, all of them good.
pub(super) async fn one_of_each(admin: &Calls) -> BTreeMap<&'static str, String> {
    let session = admin.log_in("pat").await;
    let key = admin.with(&session.access_token).key().await;
    let link = admin.link("visitor", "d").await.unwrap();
    let used = admin.link("visitor", "d").await.unwrap();
    let guest = admin.redeem(&used).await.unwrap();
    BTreeMap::from([
        ("access", session.access_token),
        ("refresh", session.refresh_token),
        ("key id", key.id.clone()),
        ("key secret", key.secret.clone()),
        ("key", format!("{}:{}", key.id, key.secret)),
        ("link", link),
        ("guest's access", guest.access_token),
        ("guest's refresh", guest.refresh_token),
    ])
}

/// C3, D10: a good token of each kind at every field that takes another: refused, never INTERNAL, and none of them is spent by it.
#[tokio::test]
async fn each_kind_of_token_at_every_place_that_takes_another() {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    admin.create_user("pat", &[]).await;
    let kinds = one_of_each(&admin).await;
    let calls = wire.calls().await;
    let fits = |field: &str, kind: &str| match field {
        "refresh" | "cookie" => kind.ends_with("refresh"),
        "renew" => kind.ends_with("access"),
        "verify" | "bearer" => kind == "access",
        "peek" | "redeem" => kind == "link",
        _ => false,
    };
    for (kind, token) in &kinds {
        let outcomes: Vec<(&str, Result<(), Status>)> = vec![
            ("refresh", if fits("refresh", kind) { continue_with() } else { calls.refresh(token).await.map(drop) }),
            ("renew", if fits("renew", kind) { continue_with() } else { calls.renew(token).await.map(drop) }),
            ("cookie", if fits("cookie", kind) { continue_with() } else { by_cookie(&calls, token).await }),
            ("key id", exchange(&calls, token, &kinds["key secret"], kind == &"key id").await),
            ("key secret", exchange(&calls, &kinds["key id"], token, kind == &"key secret").await),
            ("peek", if fits("peek", kind) { continue_with() } else { peek(&calls, token).await }),
            ("redeem", if fits("redeem", kind) { continue_with() } else { calls.redeem(token).await.map(drop) }),
            ("state", calls.auth().sso_jwt(pb::SsoJwtRequest { state: token.clone(), wait: None }).await.map(drop)),
            ("bearer", if fits("bearer", kind) { continue_with() } else { calls.with(token).own_account().await.map(drop) }),
            ("personal key", personal_key(&calls, token, kind == &"key").await),
        ];
        for (field, outcome) in outcomes {
            let refused = outcome.expect_err(&format!("{kind} at {field}"));
            let fine = [Code::Unauthenticated, Code::InvalidArgument, Code::PermissionDenied];
            assert!(fine.contains(&refused.code()), "{kind} at {field}: {refused:?}");
            told(&refused);
        }
        let answer = admin.verify(token, "").await.unwrap();
        assert_eq!(answer.active, fits("verify", kind), "{kind} at VerifyToken");
    }
    // None was spent.
    assert!(calls.refresh(&kinds["refresh"]).await.is_ok() && calls.refresh(&kinds["guest's refresh"]).await.is_ok());
    assert!(calls.redeem(&kinds["link"]).await.is_ok());
    assert!(
        calls
            .auth()
            .pkey_jwt(pb::PkeyJwtRequest {
                key_id: kinds["key id"].clone(),
                key_secret: kinds["key secret"].clone(),
                ..Default::default()
            })
            .await
            .is_ok()
    );
}

/// Stands for a place where the token fits, which other tests show to work.
fn continue_with() -> Result<(), Status> {
    Err(example())
}

async fn exchange(calls: &Calls, id: &str, secret: &str, fits: bool) -> Result<(), Status> {
    if fits {
        return continue_with();
    }
    let message = pb::PkeyJwtRequest { key_id: id.to_owned(), key_secret: secret.to_owned(), ..Default::default() };
    calls.auth().pkey_jwt(message).await.map(drop)
}

async fn peek(calls: &Calls, token: &str) -> Result<(), Status> {
    calls.auth().peek_single_use(pb::PeekSingleUseRequest { token: token.to_owned() }).await.map(drop)
}

async fn by_cookie(calls: &Calls, token: &str) -> Result<(), Status> {
    let mut request = Request::new(pb::RefreshRequest::default());
    request.metadata_mut().insert("cookie", format!("__Host-countersign_refresh={token}").parse().unwrap());
    calls.auth().refresh(request).await.map(drop)
}

async fn personal_key(calls: &Calls, token: &str, fits: bool) -> Result<(), Status> {
    if fits {
        return continue_with();
    }
    let mut request = Request::new(pb::PkeyJwtRequest::default());
    request.metadata_mut().insert("authorization", format!("PersonalKey {token}").parse().unwrap());
    calls.auth().pkey_jwt(request).await.map(drop)
}

/// Malformed opaque tokens at every field: each is refused, none with INTERNAL.
#[tokio::test]
async fn malformed_tokens_everywhere() {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    admin.create_user("pat", &[]).await;
    let kinds = one_of_each(&admin).await;
    let calls = wire.calls().await;
    let mut bad: Vec<String> = [
        "x",
        "csr_",
        "csl_",
        "csk_",
        "css_",
        "cso_",
        "a.b.c",
        "é",
        "\u{0}",
        "\u{202e}",
        " ",
        "%00",
        "../../etc/passwd",
        "{}",
        "null",
    ]
    .map(str::to_owned)
    .into();
    bad.extend([511, 512, 513, 9000].map(|length| "A".repeat(length)));
    for token in kinds.values() {
        let mut flipped = token.clone();
        let last = flipped.pop().unwrap();
        bad.push(flipped.clone());
        flipped.push(if last == 'A' { 'B' } else { 'A' });
        bad.push(flipped);
        bad.push(format!("{token} "));
        bad.push(format!(" {token}"));
        bad.push(format!("{token}\0"));
        bad.push(format!("{token}A"));
        bad.push(token.to_uppercase());
        bad.push(format!("ds{}", &token[2..]));
    }
    for token in &bad {
        for (field, outcome) in [
            ("refresh", calls.refresh(token).await.map(drop)),
            ("renew", calls.renew(token).await.map(drop)),
            ("peek", peek(&calls, token).await),
            ("redeem", calls.redeem(token).await.map(drop)),
            (
                "key id",
                exchange(
                    &calls,
                    token,
                    &kinds["key secret"],
                    token.trim() == kinds["key id"] && token.len() == kinds["key id"].len(),
                )
                .await,
            ),
            ("key secret", exchange(&calls, &kinds["key id"], token, false).await),
            ("state", calls.auth().sso_jwt(pb::SsoJwtRequest { state: token.clone(), wait: None }).await.map(drop)),
        ] {
            let refused = outcome.expect_err(&format!("{token:?} at {field}"));
            assert!(
                [Code::Unauthenticated, Code::InvalidArgument].contains(&refused.code()),
                "{token:?} at {field}: {refused:?}"
            );
            told(&refused);
        }
        match admin.verify(token, "").await {
            Ok(answer) => assert!(!answer.active),
            Err(refused) => assert!(token.len() > 8192 && refused.code() == Code::InvalidArgument),
        }
    }
    let request_ids = ["x", "0", "00000000-0000-0000-0000-00000000000g", &"1".repeat(64)];
    for id in request_ids {
        assert_eq!(calls.redeem_as(&kinds["link"], id).await.unwrap_err().code(), Code::InvalidArgument, "{id}");
    }
    assert!(calls.redeem(&kinds["link"]).await.is_ok(), "nothing of that has spent it");
}
