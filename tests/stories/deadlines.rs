//! F12: calls that are cut off. With a deadline of every length from nothing to 50 ms, and by a client that goes away: what was asked
//! for has happened whole or not at all, and asking again gives a defined answer.

use std::future::Future;
use std::time::Duration;

use countersign::grpc::pb;
use tonic::{Code, Request, Status};
use uuid::Uuid;

use crate::arena::refusal::{reason, told};
use crate::arena::wire::Wire;
use crate::arena::{OTHER_PASSWORD, PASSWORD, WRONG};
use crate::harness::{Calls, Key};

/// How a call is cut off.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// By its `grpc-timeout`.
    Deadline(Duration),
    /// By a client that resets the stream.
    Gone(Duration),
}

/// From nothing to 50 ms, closer together where the work is done.
fn cuts() -> impl Iterator<Item = Cut> {
    let micros = (0..20).map(|step| step * 150).chain((3..=50).step_by(6).map(|millis| millis * 1000));
    micros.map(Duration::from_micros).flat_map(|after| [Cut::Deadline(after), Cut::Gone(after)])
}

impl Cut {
    /// Sends a request that way. `None`: the client did not wait for an answer.
    async fn call<M, A, F>(self, mut request: Request<M>, call: impl FnOnce(Request<M>) -> F) -> Option<Result<A, Status>>
    where
        F: Future<Output = Result<A, Status>>,
    {
        match self {
            Self::Deadline(after) => {
                // In the header alone: a deadline of tonic's client would end the call here before the server does.
                let header = format!("{}u", after.as_micros());
                request.metadata_mut().insert("grpc-timeout", header.parse().unwrap());
                Some(call(request).await)
            }
            Self::Gone(after) => tokio::time::timeout(after, call(request)).await.ok(),
        }
    }
}

/// The only ways to fail are the deadline and `also`.
fn fine<A: std::fmt::Debug>(cut: Cut, outcome: Option<&Result<A, Status>>, also: &[&str]) {
    if let Some(Err(refused)) = outcome {
        // tonic's client reads the header that it was given, too, and then says it by itself.
        let of_client = [Code::Cancelled, Code::DeadlineExceeded].contains(&refused.code());
        assert!(of_client || also.contains(&told(refused).1.as_str()), "{cut:?}: {refused:?}");
    }
}

async fn wire() -> (Wire, Calls) {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    admin.create_user("pat", &[]).await;
    (wire, admin)
}

#[tokio::test]
async fn refresh() {
    let (_wire, admin) = wire().await;
    for cut in cuts() {
        let zero = admin.log_in("pat").await;
        let message = pb::RefreshRequest { refresh_token: zero.refresh_token.clone(), ..Default::default() };
        let mut auth = admin.auth();
        let first = cut.call(Request::new(message), |request| async move { auth.refresh(request).await }).await;
        fine(cut, first.as_ref(), &[]);
        // Asking again: the same successor, whether the first was carried out or not.
        let one = admin.refresh(&zero.refresh_token).await.unwrap();
        if let Some(Ok(first)) = first {
            assert_eq!(first.into_inner().tokens.unwrap().refresh_token, one.refresh_token);
        }
        assert!(admin.refresh(&one.refresh_token).await.is_ok());
    }
}

#[tokio::test]
async fn redeem() {
    let (_wire, admin) = wire().await;
    for (number, cut) in cuts().enumerate() {
        let link = admin.link("visitor", "d").await.unwrap();
        let id = Uuid::from_u128(number as u128 + 1).to_string();
        let message = pb::RedeemSingleUseRequest { token: link.clone(), request_id: id.clone(), ..Default::default() };
        let mut auth = admin.auth();
        let first = cut.call(Request::new(message), |request| async move { auth.redeem_single_use(request).await }).await;
        fine(cut, first.as_ref(), &[]);
        // The same request gets the same session; another gets none.
        let again = admin.redeem_as(&link, &id).await.unwrap();
        if let Some(Ok(first)) = first {
            assert_eq!(first.into_inner().tokens.unwrap().refresh_token, again.refresh_token);
        }
        assert_eq!(reason(admin.redeem(&link).await), "LINK_INVALID");
        assert_eq!(admin.logout_user("visitor").await.unwrap().sessions_revoked, 1, "one link, one session");
    }
}

#[tokio::test]
async fn redeem_without_a_request_id() {
    let (_wire, admin) = wire().await;
    for cut in cuts() {
        let link = admin.link("visitor", "d").await.unwrap();
        let message = pb::RedeemSingleUseRequest { token: link.clone(), ..Default::default() };
        let mut auth = admin.auth();
        let first = cut.call(Request::new(message), |request| async move { auth.redeem_single_use(request).await }).await;
        fine(cut, first.as_ref(), &[]);
        let again = admin.redeem(&link).await;
        assert!(again.is_ok() || reason(again) == "LINK_INVALID");
        assert_eq!(admin.logout_user("visitor").await.unwrap().sessions_revoked, 1, "one link, one session");
    }
}

#[tokio::test]
async fn logout_user() {
    let (_wire, admin) = wire().await;
    for cut in cuts() {
        let tokens = admin.log_in("pat").await;
        let mut auth = admin.auth();
        let request = admin.request(pb::LogoutUserRequest { username: "pat".to_owned() });
        let first = cut.call(request, |request| async move { auth.logout_user(request).await }).await;
        fine(cut, first.as_ref(), &[]);
        if !matches!(first, Some(Ok(_))) {
            admin.logout_user("pat").await.unwrap();
        }
        assert!(!admin.active(&tokens.access_token).await);
        assert_eq!(reason(admin.refresh(&tokens.refresh_token).await), "SESSION_REVOKED");
    }
}

#[tokio::test]
async fn logins_and_links() {
    let (wire, admin) = wire().await;
    for cut in cuts() {
        let message = pb::LoginRequest { username: "pat".to_owned(), password: PASSWORD.to_owned(), ..Default::default() };
        let mut auth = admin.auth();
        let login = cut.call(Request::new(message), |request| async move { auth.login(request).await }).await;
        fine(cut, login.as_ref(), &["OVERLOADED"]);
        let message = pb::GenerateSingleUseRequest { username: "v".to_owned(), dataset_id: "d".to_owned(), ..Default::default() };
        let (mut auth, request) = (admin.auth(), admin.request(message));
        let link = cut.call(request, |request| async move { auth.generate_single_use(request).await }).await;
        fine(cut, link.as_ref(), &[]);
        wire.advance(Duration::from_micros(1));
    }
    // Whatever became of each, everything of the names ends together.
    let sent = u32::try_from(cuts().count()).unwrap();
    admin.log_in("pat").await;
    let sessions = admin.logout_user("pat").await.unwrap().sessions_revoked;
    assert!(sessions >= 1 && u32::try_from(sessions).unwrap() <= sent + 1);
    admin.logout_user("v").await.unwrap();
    assert_eq!(admin.logout_user("v").await.unwrap().links_revoked, 0);
}

/// A guess whose client goes away before the answer counts like any other.
#[tokio::test]
async fn wrong_passwords_count_although_nobody_waits() {
    let (wire, admin) = wire().await;
    for _ in 0..40 {
        let message = pb::LoginRequest { username: "pat".to_owned(), password: WRONG.to_owned(), ..Default::default() };
        let mut auth = admin.auth();
        let cut = Cut::Gone(Duration::from_millis(2));
        let _ = cut.call(Request::new(message), |request| async move { auth.login(request).await }).await;
    }
    assert_eq!(reason(wire.calls().await.try_log_in("pat", PASSWORD).await), "THROTTLED");
}

#[tokio::test]
async fn change_password() {
    let (wire, admin) = wire().await;
    let (mut current, mut other) = (PASSWORD, OTHER_PASSWORD);
    for cut in cuts() {
        let own = admin.with(&admin.try_log_in("pat", current).await.unwrap().access_token);
        let message = pb::ChangePasswordRequest { current_password: current.to_owned(), new_password: other.to_owned() };
        let (mut account, request) = (own.account(), own.request(message));
        let outcome = cut.call(request, |request| async move { account.change_password(request).await }).await;
        fine(cut, outcome.as_ref(), &["OVERLOADED"]);
        // The fence: a change that is still under way is not made any more.
        admin.logout_user("pat").await.unwrap();
        let (old, new) = (admin.try_log_in("pat", current).await.is_ok(), admin.try_log_in("pat", other).await.is_ok());
        assert!(old != new, "{cut:?}: exactly one password works");
        assert!(new || !matches!(outcome, Some(Ok(_))), "{cut:?}: what was answered is true");
        if new {
            std::mem::swap(&mut current, &mut other);
        }
        wire.advance(Duration::from_mins(1));
    }
}

#[tokio::test]
async fn keys() {
    let (_wire, admin) = wire().await;
    let own = admin.as_user("pat").await;
    for cut in cuts() {
        let key = own.key().await;
        let request = own.request(pb::RevokePersonalKeyRequest { key_id: key.id.clone() });
        let mut account = own.account();
        let outcome = cut.call(request, |request| async move { account.revoke_personal_key(request).await }).await;
        fine(cut, outcome.as_ref(), &[]);
        let answered = matches!(outcome, Some(Ok(_)));
        let works = admin.exchange(&key).await;
        assert!(!answered || works.is_err(), "{cut:?}: a revoked key works");
        own.revoke_key(&key.id).await.unwrap();
        assert_eq!(reason(admin.exchange(&key).await), "INVALID_CREDENTIALS");

        let message = pb::AccountServiceCreatePersonalKeyRequest { display_name: "cut".to_owned(), ..Default::default() };
        let (mut account, request) = (own.account(), own.request(message));
        let made = cut.call(request, |request| async move { account.create_personal_key(request).await }).await;
        fine(cut, made.as_ref(), &["LIMIT_REACHED"]);
        if let Some(Ok(made)) = made {
            let made = made.into_inner();
            let key = Key { id: made.key_id, secret: made.key_secret };
            assert!(admin.exchange(&key).await.is_ok());
        }
    }
}
