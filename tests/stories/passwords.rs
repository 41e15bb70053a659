//! Passwords: which are taken, and what changing one ends.

use std::time::Duration;

use countersign::grpc::pb::{CreateUserRequest, User};
use countersign::model::clock::Clock as _;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::arena::refusal::{refused, told};
use crate::harness::{Calls, InProcess, PASSWORD, one_time_code};

const NEW: &str = "marmalade over quiet rivers";

async fn create(server: &InProcess, admin: &Calls, username: &str, password: &str) -> Result<User, Status> {
    let request = CreateUserRequest { username: username.into(), password: password.into(), ..CreateUserRequest::default() };
    Ok(server.calls().await.administration().create_user(admin.request(request)).await?.into_inner().user.unwrap())
}

/// The field that a refusal names, and what it says of it.
fn violation(status: &Status) -> (String, String) {
    let details = status.get_details_bad_request().unwrap();
    let violation = &details.field_violations[0];
    (violation.field.clone(), violation.description.clone())
}

/// A1: 15 characters where it is the only factor, 8 beside one-time codes.
#[tokio::test]
async fn the_least_length_depends_on_the_factors() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let (seven, eight) = ("kx7 vq2", "kx7 vq2m");
    let (fourteen, fifteen) = ("kx7 vq2m zr9 w", "kx7 vq2m zr9 wd");
    for short in [seven, eight, fourteen] {
        let refusal = create(&server, &admin, "pat", short).await.unwrap_err();
        assert_eq!((refusal.code(), told(&refusal).1.as_str()), (Code::InvalidArgument, "PASSWORD_TOO_WEAK"), "{short}");
        let (field, problem) = violation(&refusal);
        assert!(field == "password" && problem.contains("15"), "{field}: {problem}");
    }
    create(&server, &admin, "pat", fifteen).await.unwrap();
    let pat = server.calls().await.bearing(server.calls().await.log_in_with("pat", fifteen, "", "").await.unwrap());
    assert!(refused(&pat.change_password(fifteen, fourteen).await, "PASSWORD_TOO_WEAK"));

    pat.codes(server.clock.now()).await;
    let refusal = pat.change_password(fifteen, seven).await.unwrap_err();
    assert_eq!(told(&refusal).1, "PASSWORD_TOO_WEAK");
    let (field, problem) = violation(&refusal);
    assert!(field == "new_password" && problem.contains('8'), "{field}: {problem}");
    assert!(pat.change_password(fifteen, eight).await.is_ok());
    server.stop().await;
}

/// A2: any characters, any number up to the limit, and each of them counts.
#[tokio::test]
async fn any_characters_make_a_password_and_each_counts() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let words = "seven otters play violin near the kettle factory, and nobody minds; ".repeat(3);
    let crabs = "\u{1f980}\u{1f40c}\u{1f419} quartz \u{1f991}\u{1f421} lantern \u{1f9a6}";
    let good = [
        &words[..64],
        &words[..200],
        "all of it in lower case letters",
        "   spaces around it, kept as they are   ",
        crabs,
        "\u{43f}\u{430}\u{440}\u{43e}\u{43b}\u{44c} \u{43a}\u{43e}\u{442}\u{43e}\u{440}\u{43e}\u{433}\u{43e} \u{43d}\u{435}\u{442}",
    ];
    for (number, password) in good.into_iter().enumerate() {
        let name = format!("user-{number}");
        create(&server, &admin, &name, password).await.unwrap();
        let mut cut = password.to_owned();
        let last = cut.pop().unwrap();
        let changed = format!("{cut}{}", if last == 'x' { 'y' } else { 'x' });
        for wrong in [&cut, &changed, &format!("{password} ")] {
            assert!(refused(&server.calls().await.log_in_with(&name, wrong, "", "").await, "INVALID_CREDENTIALS"), "{wrong}");
        }
        assert!(server.calls().await.log_in_with(&name, password, "", "").await.is_ok(), "{password}");
    }
    // bcrypt would look at 72 bytes only.
    let wrong = format!("{}?{}", &words[..100], &words[101..200]);
    assert!(refused(&server.calls().await.log_in_with("user-1", &wrong, "", "").await, "INVALID_CREDENTIALS"));
    server.stop().await;
}

/// A3: no normalisation, at setting and at checking alike: a password is what was sent.
#[tokio::test]
async fn two_spellings_of_a_letter_are_two_passwords() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let (composed, decomposed) = ("caf\u{e9} behind the glacier", "cafe\u{301} behind the glacier");
    create(&server, &admin, "pat", composed).await.unwrap();
    create(&server, &admin, "sue", decomposed).await.unwrap();
    for (name, own, other) in [("pat", composed, decomposed), ("sue", decomposed, composed)] {
        assert!(server.calls().await.log_in_with(name, own, "", "").await.is_ok());
        assert!(refused(&server.calls().await.log_in_with(name, other, "", "").await, "INVALID_CREDENTIALS"));
    }
    server.stop().await;
}

/// A4: what everybody would try first is refused with the reason, and an old password is no worse for its age.
#[tokio::test]
async fn what_anybody_would_guess_is_refused_and_age_is_no_fault() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    for common in [
        "passwordpassword",
        "123456789012345678",
        "qwertyuiopasdfgh",
        "aaaaaaaaaaaaaaaa",
        "iloveyouiloveyou",
        "countersign2026",
        "countersigncountersign",
        "quixotl-vander99",
    ] {
        let refusal = create(&server, &admin, "quixotl-vander", common).await.expect_err(common);
        assert_eq!(told(&refusal).1, "PASSWORD_TOO_WEAK", "{common}");
        assert!(violation(&refusal).1.contains("too easy to guess"), "{common}");
    }
    let pat = admin.person("pat", &[]).await;
    pat.codes(server.clock.now()).await;
    for common in ["password", "iloveyou", "trustno1", "1q2w3e4r", "princess", "Countersign1"] {
        assert!(refused(&pat.change_password(PASSWORD, common).await, "PASSWORD_TOO_WEAK"), "{common}");
    }
    create(&server, &admin, "old", PASSWORD).await.unwrap();
    server.clock.advance(Duration::from_hours(400 * 24));
    assert!(server.calls().await.log_in_with("old", PASSWORD, "", "").await.is_ok(), "no rotation is forced");
    server.stop().await;
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let pat = admin.person("pat", &[]).await;
    let other = server.calls().await.log_in("pat").await;
    assert!(refused(&pat.change_password("not my password", NEW).await, "INVALID_CREDENTIALS"));
    let revision = pat.change_password(PASSWORD, NEW).await.unwrap();
    assert!(revision > 0);
    for tokens in [&pat.tokens, &other] {
        assert!(!admin.verdict(tokens, "").await.active);
    }
    assert!(server.calls().await.refresh(&other.refresh_token).await.is_err());
    let next = server.calls().await.refresh(&pat.tokens.refresh_token).await.unwrap();
    assert!(admin.verdict(&next, "").await.active, "the own session goes on");
    assert!(refused(&server.calls().await.log_in_with("pat", PASSWORD, "", "").await, "INVALID_CREDENTIALS"));
    assert!(server.calls().await.log_in_with("pat", NEW, "", "").await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn guesses_at_the_current_password_count_as_failed_logins() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    let pat = admin.person("pat", &[]).await;
    for _ in 0..10 {
        assert!(refused(&pat.change_password("not my password", NEW).await, "INVALID_CREDENTIALS"));
    }
    let refusal = pat.change_password(PASSWORD, NEW).await.unwrap_err();
    assert_eq!((refusal.code(), told(&refusal).1.as_str()), (Code::ResourceExhausted, "THROTTLED"));
    assert!(refusal.get_details_retry_info().is_some());
    assert!(refused(&server.calls().await.log_in_with("pat", PASSWORD, "", "").await, "THROTTLED"));
    server.clock.advance(Duration::from_secs(30));
    assert!(pat.change_password(PASSWORD, NEW).await.is_ok());
    server.stop().await;
}

/// F5: there is no half-done login that could outlive a change: the code goes with the password, in one call, and both are
/// checked against the account as it is when the session opens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_code_carries_no_old_password() {
    let server = InProcess::start().await;
    let admin = server.admin().await;
    for round in 0..20 {
        let name = format!("pat-{round}");
        let pat = admin.person(&name, &[]).await;
        let (secret, _) = pat.codes(server.clock.now()).await;
        server.clock.advance(Duration::from_secs(30));
        let otp = one_time_code(&secret, server.clock.now());
        let (login, changed) = tokio::join!(pat.log_in_with(&name, PASSWORD, &otp, ""), pat.change_password(PASSWORD, NEW));
        changed.unwrap();
        if let Ok(tokens) = login {
            assert!(!admin.verdict(&tokens, "").await.active, "round {round}");
            assert!(server.calls().await.refresh(&tokens.refresh_token).await.is_err(), "round {round}");
        }
        server.clock.advance(Duration::from_secs(30));
        let otp = one_time_code(&secret, server.clock.now());
        assert!(refused(&server.calls().await.log_in_with(&name, PASSWORD, &otp, "").await, "INVALID_CREDENTIALS"));
        assert!(server.calls().await.log_in_with(&name, NEW, &otp, "").await.is_ok(), "and a refused login spends no code");
    }
    server.stop().await;
}
