use super::*;
use crate::model::clock::{Clock as _, Timestamp};
use crate::service::refresh::RefreshSource;
use crate::service::testing::{House, PASSWORD, PLAIN, STAFF, SUPERUSER, client, one_time_code, refused};

const NEW: &str = "marmalade over quiet rivers";
const STEP: std::time::Duration = std::time::Duration::from_secs(30);

async fn change(house: &House, caller: &SignedIn, current: &str, new: &str) -> Result<PasswordChanged> {
    house.accounts.change_password(caller, &Secret::new(current), &Secret::new(new)).await
}

/// The code an authenticator shows at `at`.
fn code(enrolment: &Enrolment, at: Timestamp) -> Secret {
    Secret::new(one_time_code(enrolment.secret.expose(), at))
}

/// Turns one-time codes on; the clock is a step further afterwards.
async fn enrolled(house: &House, caller: &SignedIn) -> (Enrolment, Vec<Secret>) {
    let enrolment = house.accounts.enroll_totp(caller).await.unwrap();
    let recovery = house.accounts.confirm_totp(caller, &code(&enrolment, house.clock.now())).await.unwrap();
    house.clock.advance(STEP);
    (enrolment, recovery)
}

#[tokio::test]
async fn a_new_password_ends_every_session_but_the_own() {
    let house = House::new();
    house.user("pat", PLAIN).await;
    let other = house.log_in("pat", PASSWORD, "").await.unwrap().tokens;
    let own = house.log_in("pat", PASSWORD, "").await.unwrap().tokens;
    let caller = house.caller(&own).unwrap();

    let changed = change(&house, &caller, PASSWORD, NEW).await.unwrap();
    assert!(house.verifier.revision() >= changed.revision);
    assert!(house.caller(&other).is_err());
    assert!(house.caller(&own).is_err(), "access tokens from before are dead, the own session's too");
    let answered = changed.tokens.unwrap();
    assert!(house.caller(&answered).is_ok() && answered.refresh_token.is_none());
    assert_eq!(answered.session_id, own.session_id);
    let refresh = async |tokens: &super::super::tokens::TokenSet| {
        house.refresh.refresh(&client(), RefreshSource::Token(tokens.refresh_token.clone().unwrap()), None).await
    };
    assert!(refresh(&other).await.is_err());
    let next = refresh(&own).await.unwrap();
    assert!(house.caller(&next).is_ok());
    assert!(matches!(house.log_in("pat", PASSWORD, "").await, Err(Error::InvalidCredentials)));
    assert!(house.log_in("pat", NEW, "").await.is_ok());
    assert!(matches!(change(&house, &caller, NEW, PASSWORD).await, Err(Error::TokenInvalid | Error::Conflict)), "the fence");
    assert!(house.log_in("pat", NEW, "").await.is_ok());
}

#[tokio::test]
async fn the_current_password_is_checked_and_its_failures_count() {
    let house = House::new();
    let caller = house.person("pat", PLAIN).await;
    for _ in 0..10 {
        assert!(matches!(change(&house, &caller, "not my password", NEW).await, Err(Error::InvalidCredentials)));
    }
    assert!(matches!(change(&house, &caller, PASSWORD, NEW).await, Err(Error::Throttled(_))));
    assert!(matches!(house.log_in("pat", PASSWORD, "").await, Err(Error::Throttled(_))), "one count for both");
    house.clock.advance(STEP);
    assert!(change(&house, &caller, PASSWORD, NEW).await.is_ok());
}

#[tokio::test]
async fn a_refused_new_password_costs_no_hash() {
    let house = House::new();
    let caller = house.person("pat", PLAIN).await;
    let done = house.pool.stats().done;
    let long = "kx7 vq2m".repeat(129);
    assert!(refused(&change(&house, &caller, PASSWORD, "").await, "new_password"));
    assert!(refused(&change(&house, &caller, PASSWORD, &long).await, "new_password"));
    assert!(refused(&change(&house, &caller, "", NEW).await, "current_password"));
    assert!(refused(&change(&house, &caller, &long, NEW).await, "current_password"));
    for weak in ["kx7 vq2m zr9 w", "passwordpassword", "pat@example.org"] {
        let outcome = change(&house, &caller, PASSWORD, weak).await;
        assert!(matches!(outcome, Err(Error::WeakPassword { field: "new_password", .. })), "{weak}");
    }
    assert_eq!(house.pool.stats().done, done);
    assert!(change(&house, &caller, PASSWORD, &"kx7 vq2m".repeat(128)).await.is_ok());
}

#[tokio::test]
async fn a_password_counts_to_its_last_byte_and_as_it_was_sent() {
    let house = House::new();
    let caller = house.person("pat", PLAIN).await;
    let long = "seven otters play violin near the kettle factory, ".repeat(4);
    change(&house, &caller, PASSWORD, &long).await.unwrap();
    let last_changed = format!("{}!", &long[..long.len() - 1]);
    assert!(matches!(house.log_in("pat", &last_changed, "").await, Err(Error::InvalidCredentials)));
    let caller = house.caller(&house.log_in("pat", &long, "").await.unwrap().tokens).unwrap();

    // No normalisation: the composed and the decomposed letter are two passwords.
    let (composed, decomposed) = ("caf\u{e9} behind the glacier", "cafe\u{301} behind the glacier");
    change(&house, &caller, &long, composed).await.unwrap();
    assert!(matches!(house.log_in("pat", decomposed, "").await, Err(Error::InvalidCredentials)));
    assert!(house.log_in("pat", composed, "").await.is_ok());
}

#[tokio::test]
async fn beside_one_time_codes_a_shorter_password_is_enough() {
    let house = House::new();
    let caller = house.person("pat", PLAIN).await;
    assert!(matches!(change(&house, &caller, PASSWORD, "kx7 vq2m").await, Err(Error::WeakPassword { .. })));
    enrolled(&house, &caller).await;
    assert!(matches!(change(&house, &caller, PASSWORD, "kx7 vq2").await, Err(Error::WeakPassword { .. })));
    assert!(matches!(change(&house, &caller, PASSWORD, "iloveyou1").await, Err(Error::WeakPassword { .. })));
    assert!(change(&house, &caller, PASSWORD, "kx7 vq2m").await.is_ok());
}

#[tokio::test]
async fn an_old_password_goes_on_working() {
    let house = House::new();
    house.user("pat", PLAIN).await;
    house.clock.advance(std::time::Duration::from_hours(400 * 24));
    assert!(house.log_in("pat", PASSWORD, "").await.is_ok());
}

#[tokio::test]
async fn the_code_of_the_enrolment_is_spent() {
    let house = House::new();
    let caller = house.person("pat", PLAIN).await;
    let enrolment = house.accounts.enroll_totp(&caller).await.unwrap();
    let url = format!(
        "otpauth://totp/auth.example.org:pat?secret={}&issuer=auth.example.org&algorithm=SHA1&digits=6&period=30",
        enrolment.secret.expose()
    );
    assert_eq!(enrolment.otpauth_url.expose(), url);
    assert!(house.log_in("pat", PASSWORD, "").await.is_ok(), "not before it is confirmed");

    let first = code(&enrolment, house.clock.now());
    let recovery = house.accounts.confirm_totp(&caller, &first).await.unwrap();
    assert_eq!(recovery.len(), 10);
    let login = async |otp: &Secret| house.log_in("pat", PASSWORD, otp.expose()).await;
    assert!(matches!(login(&Secret::default()).await, Err(Error::OtpRequired)));
    assert!(matches!(login(&first).await, Err(Error::OtpRequired)), "the enrolment's code");
    assert!(matches!(login(&code(&enrolment, house.clock.now().minus(STEP))).await, Err(Error::OtpRequired)), "an earlier one");

    house.clock.advance(STEP);
    let next = code(&enrolment, house.clock.now());
    assert!(login(&next).await.is_ok());
    assert!(matches!(login(&next).await, Err(Error::OtpRequired)), "a code is good once");
    assert!(login(&recovery[0]).await.is_ok());
    assert!(matches!(login(&recovery[0]).await, Err(Error::OtpRequired)), "a recovery code too");
    assert!(login(&Secret::new(recovery[1].expose().to_uppercase().replace('-', ""))).await.is_ok());
}

#[tokio::test]
async fn codes_are_enrolled_in_turn() {
    let house = House::new();
    let caller = house.person("pat", PLAIN).await;
    let confirm = async |otp: &Secret| house.accounts.confirm_totp(&caller, otp).await;
    assert!(matches!(confirm(&Secret::new("123456")).await, Err(Error::TotpNotPending)));
    let replaced = house.accounts.enroll_totp(&caller).await.unwrap();
    let enrolment = house.accounts.enroll_totp(&caller).await.unwrap();
    let now = house.clock.now();
    for wrong in [&code(&replaced, now), &code(&enrolment, now.minus(4 * STEP)), &Secret::new("12345"), &Secret::new("\u{ff11}")]
    {
        assert!(matches!(confirm(wrong).await, Err(Error::OtpRequired)));
    }
    assert!(refused(&confirm(&Secret::default()).await, "otp"));
    assert!(refused(&confirm(&Secret::new("1".repeat(65))).await, "otp"));
    assert!(confirm(&code(&enrolment, now)).await.is_ok());
    assert!(matches!(confirm(&code(&enrolment, now)).await, Err(Error::TotpAlreadyEnabled)));
    assert!(matches!(house.accounts.enroll_totp(&caller).await, Err(Error::TotpAlreadyEnabled)));
}

#[tokio::test]
async fn guesses_at_the_first_code_are_slowed_down() {
    let house = House::new();
    let caller = house.person("pat", PLAIN).await;
    let enrolment = house.accounts.enroll_totp(&caller).await.unwrap();
    for _ in 0..10 {
        let wrong = code(&enrolment, house.clock.now().minus(9 * STEP));
        assert!(matches!(house.accounts.confirm_totp(&caller, &wrong).await, Err(Error::OtpRequired)));
    }
    let right = code(&enrolment, house.clock.now());
    assert!(matches!(house.accounts.confirm_totp(&caller, &right).await, Err(Error::Throttled(_))));
}

#[tokio::test]
async fn the_token_of_a_key_looks_and_changes_nothing() {
    let house = House::new();
    let owner = house.person("pat", SUPERUSER).await;
    let script = house.by_key(&owner).await;
    let account = house.accounts.account(&script).await.unwrap();
    assert_eq!(account.user.name().as_str(), "pat");
    assert!(matches!(change(&house, &script, PASSWORD, NEW).await, Err(Error::CredentialTooWeak)));
    assert!(matches!(house.accounts.enroll_totp(&script).await, Err(Error::CredentialTooWeak)));
    assert!(matches!(house.accounts.confirm_totp(&script, &Secret::new("123456")).await, Err(Error::CredentialTooWeak)));
}

#[tokio::test]
async fn a_guest_has_no_account() {
    let house = House::new();
    let staff = house.person("sam", STAFF).await;
    let link = house.single_use.generate(&staff, "sam", "d", None).await.unwrap();
    let token = Secret::new(link.url.expose().rsplit_once('=').unwrap().1);
    let guest = house.single_use.redeem(&client(), &token, None, None).await.unwrap();
    let guest = house.caller(&guest.tokens).unwrap();
    assert!(matches!(house.accounts.account(&guest).await, Err(Error::GuestNotAllowed)));
    assert!(matches!(change(&house, &guest, PASSWORD, NEW).await, Err(Error::GuestNotAllowed)));
    assert!(matches!(house.accounts.enroll_totp(&guest).await, Err(Error::GuestNotAllowed)));
    assert!(matches!(house.keys.list(&guest, 50, "").await, Err(Error::GuestNotAllowed)));
    assert!(matches!(house.keys.create(&guest, "k", None).await, Err(Error::GuestNotAllowed)));
    assert!(matches!(house.users.get(&guest, "sam").await, Err(Error::GuestNotAllowed)));
    assert!(matches!(house.logout.logout_user(&guest, "sam").await, Err(Error::GuestNotAllowed)));
    assert!(matches!(house.organizations.create(&guest, "acme").await, Err(Error::GuestNotAllowed)));
    assert!(house.logout.logout(&guest).await.is_ok(), "and can leave");
    assert!(house.accounts.account(&staff).await.is_ok(), "which ends nobody else");
}

/// How a session that renews by access token goes on, and how a copy of its token from before does not.
#[tokio::test]
async fn a_session_that_renews_by_access_token_goes_on_with_what_is_answered() {
    let house = House::new();
    house.user("pat", PLAIN).await;
    let own = house.log_in("pat", PASSWORD, "").await.unwrap().tokens;
    let renew = async |tokens: &TokenSet| {
        house.refresh.refresh(&client(), RefreshSource::Access(tokens.access_token.clone()), None).await
    };
    let own = renew(&own).await.unwrap();
    let caller = house.caller(&own).unwrap();
    let answered = change(&house, &caller, PASSWORD, NEW).await.unwrap().tokens.unwrap();
    assert!(matches!(renew(&own).await, Err(Error::TokenInvalid)));
    let next = renew(&answered).await.unwrap();
    assert!(house.caller(&next).is_ok());
}
