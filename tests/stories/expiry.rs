//! What time ends, on a clock that the test moves.

use std::time::Duration;

use countersign::grpc::pb::{
    GenerateSingleUseRequest, GetAccountRequest, PeekSingleUseRequest, RedeemSingleUseRequest, RefreshRequest, TokenSet,
};
use tonic::{Code, Status};

use crate::harness::{InProcess, bearer, reason};

async fn refresh(server: &InProcess, tokens: &TokenSet) -> Result<TokenSet, Status> {
    let request = RefreshRequest { refresh_token: tokens.refresh_token.clone(), ..RefreshRequest::default() };
    Ok(server.auth().await.refresh(request).await?.into_inner().tokens.unwrap())
}

#[tokio::test]
async fn an_access_token_lives_an_hour() {
    let server = InProcess::start().await;
    let tokens = server.login_admin().await;
    assert!(tokens.expires <= 3_600_000 && tokens.expires > 3_598_000, "{}", tokens.expires);
    let account = async || {
        server
            .account()
            .await
            .get_account(bearer(&tokens.access_token, GetAccountRequest {}))
            .await
            .map(tonic::Response::into_inner)
    };
    server.clock.advance(Duration::from_mins(59));
    assert_eq!(account().await.unwrap().user.unwrap().username, "admin");
    // The leeway for other clocks is at most a minute.
    server.clock.advance(Duration::from_mins(2));
    let refused = account().await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unauthenticated, "TOKEN_INVALID"));
    let next = refresh(&server, &tokens).await.unwrap();
    assert!(server.verify(&next, &next.access_token).await.active);
    assert!(!server.verify(&next, &tokens.access_token).await.active);
    server.stop().await;
}

#[tokio::test]
async fn a_session_lives_a_day_whatever_is_refreshed() {
    let server = InProcess::start().await;
    let mut tokens = server.login_admin().await;
    let end = tokens.session_expire_time;
    for _ in 0..23 {
        server.clock.advance(Duration::from_hours(1));
        tokens = refresh(&server, &tokens).await.unwrap();
        assert_eq!(tokens.session_expire_time, end);
    }
    server.clock.advance(Duration::from_mins(58));
    tokens = refresh(&server, &tokens).await.unwrap();
    assert!(tokens.expires <= 120_000, "a token outlives its session: {}", tokens.expires);
    assert_eq!(tokens.access_expire_time.unwrap().seconds, end.unwrap().seconds);
    server.clock.advance(Duration::from_mins(1));
    let refused = refresh(&server, &tokens).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unauthenticated, "SESSION_EXPIRED"));
    server.stop().await;
}

#[tokio::test]
async fn a_link_can_be_redeemed_as_long_as_it_says() {
    let server = InProcess::start().await;
    let admin = server.login_admin().await;
    let mut auth = server.auth().await;
    let ttl = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    for (asked, lasts) in [(None, 3600), (ttl(60), 60), (ttl(1_000_000), 3600)] {
        let message = GenerateSingleUseRequest { username: "visitor".to_owned(), dataset_id: "d".to_owned(), ttl: asked };
        let admin_now = server.login_admin().await;
        let link = auth.generate_single_use(bearer(&admin_now.access_token, message)).await.unwrap().into_inner();
        let token = link.single_use_url.split_once("?sst=").unwrap().1.to_owned();
        let peek = PeekSingleUseRequest { token: token.clone() };
        server.clock.advance(Duration::from_secs(lasts - 1));
        assert_eq!(auth.peek_single_use(peek.clone()).await.unwrap().into_inner().expire_time, link.expire_time);
        server.clock.advance(Duration::from_secs(1));
        let redeem = RedeemSingleUseRequest { token, ..RedeemSingleUseRequest::default() };
        for refused in [auth.peek_single_use(peek).await.unwrap_err(), auth.redeem_single_use(redeem).await.unwrap_err()] {
            assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unauthenticated, "LINK_INVALID"));
        }
    }
    drop(admin);
    server.stop().await;
}
