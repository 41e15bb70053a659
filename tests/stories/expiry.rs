//! What time ends, on a clock that the test moves.

use std::time::Duration;

use tonic::Code;

use crate::arena::refusal::told;
use crate::harness::InProcess;

#[tokio::test]
async fn an_access_token_lives_an_hour() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let tokens = &admin.tokens;
    assert!(tokens.expires <= 3_600_000 && tokens.expires > 3_598_000, "{}", tokens.expires);
    server.clock.advance(Duration::from_mins(59));
    assert_eq!(admin.own_account().await.unwrap().username, "admin");
    // The leeway for other clocks is at most a minute.
    server.clock.advance(Duration::from_mins(2));
    let refused = admin.own_account().await.unwrap_err();
    assert_eq!((refused.code(), told(&refused).1.as_str()), (Code::Unauthenticated, "TOKEN_INVALID"));
    let next = admin.refresh(&tokens.refresh_token).await.unwrap();
    let again = admin.bearing(next);
    assert!(again.verdict(&again.tokens, "").await.active);
    assert!(!again.verdict(tokens, "").await.active);
    server.stop().await;
}
