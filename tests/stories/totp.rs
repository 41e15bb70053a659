//! One-time codes: a second factor beside the password.

use std::time::Duration;

use countersign::grpc::pb::{ConfirmTotpRequest, EnrollTotpRequest, LoginRequest, TokenSet};
use countersign::model::clock::{Clock as _, Timestamp};
use tokio::task::JoinSet;
use tonic::Status;

use crate::arena::refusal::refused;
use crate::harness::{Calls, InProcess, PASSWORD, one_time_code};

const STEP: Duration = Duration::from_secs(30);

async fn log_in(server: &InProcess, otp: &str) -> Result<TokenSet, Status> {
    server.calls().await.log_in_with("pat", PASSWORD, otp, "").await
}

/// So many logins with one code at the same time.
async fn log_in_at_once(server: &InProcess, otp: &str, count: usize) -> Vec<Result<(), Status>> {
    let mut running = JoinSet::new();
    for _ in 0..count {
        let mut auth = server.auth().await;
        let (username, password, otp) = ("pat".to_owned(), PASSWORD.to_owned(), otp.to_owned());
        let request = LoginRequest { username, password, otp, ..LoginRequest::default() };
        running.spawn(async move { auth.login(request).await.map(drop) });
    }
    running.join_all().await
}

/// A server at the beginning of a time step, with a user `pat` who has one-time codes; the step is spent.
async fn with_codes() -> (InProcess, String, Vec<String>) {
    let server = InProcess::start().await;
    let now = server.clock.now();
    server.clock.set(Timestamp::from_secs(now.secs() / 30 * 30 + 30));
    let admin = server.admin().await;
    let (secret, recovery) = admin.person("pat", &[]).await.codes(server.clock.now()).await;
    (server, secret, recovery)
}

/// B1: the codes are those of RFC 6238 as another hand wrote it down.
#[tokio::test]
async fn an_authenticator_of_another_make_agrees() {
    // RFC 6238, appendix B, the SHA-1 column's last six digits.
    let vectors = [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ];
    for (seconds, expected) in vectors {
        assert_eq!(one_time_code("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", Timestamp::from_secs(seconds)), expected);
    }
    let (server, secret, _) = with_codes().await;
    for _ in 0..20 {
        server.clock.advance(STEP);
        assert!(log_in(&server, &one_time_code(&secret, server.clock.now())).await.is_ok());
    }
    server.stop().await;
}

/// As people type them, at ConfirmTotp, Login and in an application that shows them in two halves.
#[tokio::test]
async fn blanks_and_hyphens_in_a_code_do_not_matter() {
    let (server, secret, _) = with_codes().await;
    for between in [" ", "-", "\u{a0}", "\t"] {
        server.clock.advance(STEP);
        let code = one_time_code(&secret, server.clock.now());
        let (one, two) = code.split_at(3);
        assert!(log_in(&server, &format!(" {one}{between}{two}\n")).await.is_ok(), "{between:?}");
        assert!(refused(&log_in(&server, &code).await, "OTP_REQUIRED"), "it is the same code, and spent");
    }
    server.clock.advance(STEP);
    assert!(refused(&log_in(&server, " - ").await, "OTP_REQUIRED"));

    let sam = server.admin().await.person("sam", &[]).await;
    let secret = sam.account().enroll_totp(sam.request(EnrollTotpRequest {})).await.unwrap().into_inner().secret;
    let code = one_time_code(&secret, server.clock.now());
    let otp = format!("{} {}", &code[..3], &code[3..]);
    assert!(sam.account().confirm_totp(sam.request(ConfirmTotpRequest { otp })).await.is_ok());
    server.stop().await;
}

/// B2: once, ever, and never an earlier one.
#[tokio::test]
async fn a_code_is_good_once_and_none_before_it() {
    let (server, secret, _) = with_codes().await;
    server.clock.advance(3 * STEP);
    let now = server.clock.now();
    let (before, present) = (one_time_code(&secret, now.minus(STEP)), one_time_code(&secret, now));
    assert!(log_in(&server, &present).await.is_ok());
    assert!(refused(&log_in(&server, &present).await, "OTP_REQUIRED"));
    assert!(refused(&log_in(&server, &before).await, "OTP_REQUIRED"), "an earlier step");
    server.clock.advance(STEP);
    assert!(refused(&log_in(&server, &present).await, "OTP_REQUIRED"), "in the window still");
    assert!(log_in(&server, &one_time_code(&secret, server.clock.now())).await.is_ok());
    server.stop().await;
}

/// B3: also for fifty at once. Each is a source that signed in before, so that no throttle decides it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_logins_with_one_code_let_one_in() {
    let server = InProcess::start().await;
    let pat = server.admin().await.person("pat", &[]).await;
    let mut callers = Vec::new();
    for number in 1..=50 {
        let from = Calls::between(Some([127, 0, 1, number].into()), server.address()).await;
        from.log_in("pat").await;
        callers.push(from);
    }
    let (secret, _) = pat.codes(server.clock.now()).await;
    for round in 0..5 {
        server.clock.advance(STEP);
        let otp = one_time_code(&secret, server.clock.now());
        let mut running = JoinSet::new();
        for from in callers.clone() {
            let otp = otp.clone();
            running.spawn(async move { from.log_in_with("pat", PASSWORD, &otp, "").await });
        }
        let outcomes = running.join_all().await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "round {round}");
        assert_eq!(outcomes.iter().filter(|outcome| refused(outcome, "OTP_REQUIRED")).count(), 49, "round {round}: {outcomes:?}");
    }
    drop(callers);
    server.stop().await;
}

/// B4: one step either way.
#[tokio::test]
async fn the_window_is_one_step_either_way() {
    let (server, secret, _) = with_codes().await;
    server.clock.advance(10 * STEP);
    let now = server.clock.now();
    for offset in [2 * STEP, 3 * STEP] {
        assert!(refused(&log_in(&server, &one_time_code(&secret, now.minus(offset))).await, "OTP_REQUIRED"), "-{offset:?}");
        assert!(refused(&log_in(&server, &one_time_code(&secret, now.plus(offset))).await, "OTP_REQUIRED"), "+{offset:?}");
    }
    for at in [now.minus(STEP), now, now.plus(STEP)] {
        let otp = one_time_code(&secret, at);
        assert!(log_in(&server, &otp).await.is_ok());
        assert!(refused(&log_in(&server, &otp).await, "OTP_REQUIRED"));
    }
    // The memory of used steps covers the whole window as it moves on.
    server.clock.advance(2 * STEP);
    assert!(refused(&log_in(&server, &one_time_code(&secret, now.plus(STEP))).await, "OTP_REQUIRED"));
    server.stop().await;
}

/// B5: the code that turned them on logs nobody in.
#[tokio::test]
async fn the_code_of_the_enrolment_is_spent() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let pat = admin.person("pat", &[]).await;
    let enrolled = pat.enroll().await.unwrap();
    assert!(enrolled.otpauth_url.starts_with("otpauth://totp/127.0.0.1:pat?secret="));
    assert!(log_in(&server, "").await.is_ok(), "nothing changes before it is confirmed");
    let first = one_time_code(&enrolled.secret, server.clock.now());
    assert_eq!(pat.confirm(&first).await.unwrap().len(), 10);
    assert!(refused(&log_in(&server, "").await, "OTP_REQUIRED"));
    assert!(refused(&log_in(&server, &first).await, "OTP_REQUIRED"));
    server.clock.advance(STEP);
    assert!(refused(&log_in(&server, &first).await, "OTP_REQUIRED"));
    assert!(log_in(&server, &one_time_code(&enrolled.secret, server.clock.now())).await.is_ok());
    assert!(refused(&pat.enroll().await, "TOTP_ALREADY_ENABLED"));
    assert!(refused(&pat.confirm(&first).await, "TOTP_ALREADY_ENABLED"));
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_first_code_turns_nothing_on() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let pat = admin.person("pat", &[]).await;
    assert!(refused(&pat.confirm("123456").await, "TOTP_NOT_PENDING"));
    let replaced = pat.enroll().await.unwrap().secret;
    let secret = pat.enroll().await.unwrap().secret;
    let now = server.clock.now();
    for wrong in
        [one_time_code(&replaced, now), one_time_code(&secret, now.plus(9 * STEP)), "12345".to_owned(), "\u{ff11}".repeat(6)]
    {
        assert!(refused(&pat.confirm(&wrong).await, "OTP_REQUIRED"), "{wrong}");
    }
    assert!(refused(&pat.confirm("").await, "VALIDATION_FAILED"));
    assert!(refused(&pat.confirm(&"1".repeat(65)).await, "VALIDATION_FAILED"));
    assert!(log_in(&server, "").await.is_ok());
    assert!(pat.confirm(&one_time_code(&secret, now)).await.is_ok());
    server.stop().await;
}

/// B7: what is no code.
#[tokio::test]
async fn only_six_digits_are_a_code() {
    let (server, secret, _) = with_codes().await;
    server.clock.advance(STEP);
    let otp = one_time_code(&secret, server.clock.now());
    let full_width: String = otp.chars().map(|digit| char::from_u32(u32::from(digit) + 0xfee0).unwrap()).collect();
    let bad = [format!("+{otp}"), format!("{otp}."), otp[1..].to_owned(), format!("{otp}0"), full_width, format!("{otp}\0")];
    for wrong in &bad {
        assert!(refused(&log_in(&server, wrong).await, "OTP_REQUIRED"), "{wrong:?}");
    }
    assert!(refused(&log_in(&server, &"1".repeat(65)).await, "VALIDATION_FAILED"));
    assert!(log_in(&server, &otp).await.is_ok());
    server.stop().await;
}

/// B8: a clock that goes back opens nothing again.
#[tokio::test]
async fn a_clock_that_goes_back_opens_no_step_again() {
    let (server, secret, _) = with_codes().await;
    server.clock.advance(10 * STEP);
    let now = server.clock.now();
    let otp = one_time_code(&secret, now);
    assert!(log_in(&server, &otp).await.is_ok());
    for back in [Duration::from_secs(45), Duration::from_mins(5)] {
        server.clock.set(now.minus(back));
        assert!(log_in(&server, &otp).await.is_err(), "-{back:?}");
        assert!(log_in(&server, &one_time_code(&secret, server.clock.now())).await.is_err(), "-{back:?}");
    }
    server.clock.set(now.plus(STEP));
    assert!(log_in(&server, &one_time_code(&secret, now.plus(STEP))).await.is_ok());
    server.stop().await;
}

/// B9: each recovery code stands in once, also for twenty at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recovery_code_stands_in_once() {
    let (server, _, recovery) = with_codes().await;
    let outcomes = log_in_at_once(&server, &recovery[0], 20).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    server.clock.advance(20 * STEP);
    assert!(refused(&log_in(&server, &recovery[0]).await, "OTP_REQUIRED"));
    assert!(log_in(&server, &recovery[1].to_uppercase().replace('-', " ")).await.is_ok());
    server.stop().await;
}
