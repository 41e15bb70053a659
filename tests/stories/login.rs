//! Logging in, and guessing: who is let in, what a refusal tells, and how guessing is slowed down.

use std::time::Duration;

use countersign::grpc::pb;
use tokio::task::JoinSet;
use tonic::{Code, Request, Status};

use crate::arena::backend::{Backend, PLAIN, client};
use crate::arena::refusal::{face, field, reason, retry_after, told};
use crate::arena::wire::Wire;
use crate::arena::{OTHER_PASSWORD, PASSWORD, WRONG};
use crate::harness::Calls;
use crate::harness::Setup;

fn login(username: &str, password: &str) -> pb::LoginRequest {
    pb::LoginRequest { username: username.to_owned(), password: password.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn by_name_or_email_in_any_case_for_an_organization() {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    admin.create_user("Robin", &[]).await;
    admin.create_user("outsider", &[]).await;
    admin.create_organization("Crew").await.unwrap();
    admin.add_member("crew", "robin").await.unwrap();
    let calls = wire.calls().await;

    for name in ["Robin", "ROBIN", "robin", "Robin@example.org", "rOBIN@EXAMPLE.ORG"] {
        let answer = calls.login(login(name, PASSWORD)).await.unwrap().into_inner();
        let (tokens, user) = (answer.tokens.unwrap(), answer.user.unwrap());
        assert_eq!((user.username.as_str(), tokens.active_organization.as_str()), ("Robin", "Robin"));
        assert_eq!(user.organizations, ["Robin", "Crew"]);
        assert_eq!(tokens.token_type, "Bearer");
        assert!((3_599_000..=3_600_000).contains(&tokens.expires), "milliseconds");
        assert_eq!(calls.with(&tokens.access_token).own_account().await.unwrap().user_id, user.user_id);
    }
    let asked = |organization: &str| pb::LoginRequest { org_name: organization.to_owned(), ..login("robin", PASSWORD) };
    for organization in ["Crew", "cREW", "robin"] {
        let tokens = calls.login(asked(organization)).await.unwrap().into_inner().tokens.unwrap();
        assert_eq!(tokens.active_organization.to_lowercase(), organization.to_lowercase());
    }
    // One answer for an organization that is unknown and one that is another's.
    let unknown = calls.login(asked("nowhere")).await.unwrap_err();
    let foreign = calls.login(asked("outsider")).await.unwrap_err();
    assert_eq!(told(&unknown), (Code::PermissionDenied, "ORG_NOT_ALLOWED".to_owned()));
    assert_eq!(face(&unknown), face(&foreign));
}

/// A8 without the time, which `timing` shows.
#[tokio::test]
async fn one_answer_for_unknown_disabled_and_wrong() {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    for name in ["pat", "off", "sam"] {
        admin.create_user(name, &[]).await;
    }
    admin.disable("off").await.unwrap();
    let calls = wire.calls().await;
    let wrong = calls.login(login("pat", WRONG)).await.unwrap_err();
    assert_eq!(told(&wrong), (Code::Unauthenticated, "INVALID_CREDENTIALS".to_owned()));
    for (what, message) in [
        ("unknown", login("who", WRONG)),
        ("an unknown e-mail", login("who@example.org", PASSWORD)),
        ("no name at all", login("not a name, nor any e-mail", PASSWORD)),
        ("disabled", login("off", PASSWORD)),
        ("disabled and wrong", login("off", WRONG)),
        ("with a code", pb::LoginRequest { otp: "123456".to_owned(), ..login("pat", WRONG) }),
        ("for an organization of its own", pb::LoginRequest { org_name: "pat".to_owned(), ..login("pat", WRONG) }),
        ("for an organization that is not", pb::LoginRequest { org_name: "nowhere".to_owned(), ..login("pat", WRONG) }),
        ("the last letter missing", login("sam", &PASSWORD[..PASSWORD.len() - 1])),
        ("in capitals", login("sam", &PASSWORD.to_uppercase())),
    ] {
        assert_eq!(face(&calls.login(message).await.unwrap_err()), face(&wrong), "{what}");
    }
}

/// A13: a fresh store knows no password but the one it was given.
#[tokio::test]
async fn there_is_no_default_account() {
    let wire = Wire::start().await;
    let calls = wire.calls().await;
    for (name, password) in [
        ("admin", "admin"),
        ("admin", "password"),
        ("admin", "countersign"),
        ("admin", "changeme"),
        ("root", "root"),
        ("root", PASSWORD),
        ("countersign", "countersign"),
        ("guest:admin", PASSWORD),
        ("test", "test"),
    ] {
        assert_eq!(reason(calls.try_log_in(name, password).await), "INVALID_CREDENTIALS", "{name} {password}");
    }
    let empty = calls.login(login("admin", "")).await.unwrap_err();
    assert_eq!((told(&empty).1.as_str(), field(&empty).as_str()), ("VALIDATION_FAILED", "password"));
    assert!(calls.try_log_in("admin", PASSWORD).await.is_ok());
}

/// Every field has its limit, and what is past it costs neither a hash nor a place at the throttle.
#[tokio::test]
async fn overlong_fields_are_named() {
    let wire = Wire::start().await;
    let calls = wire.calls().await;
    let long = |length: usize| "x".repeat(length);
    let cases = [
        ("username", login(&long(255), WRONG)),
        ("username", login("", WRONG)),
        ("username", login("a\0b", WRONG)),
        ("password", login("admin", &long(1025))),
        ("password", login("admin", &long(60_000))),
        ("otp", pb::LoginRequest { otp: long(65), ..login("admin", WRONG) }),
        ("org_name", pb::LoginRequest { org_name: long(64), ..login("admin", WRONG) }),
        ("mode", pb::LoginRequest { mode: 7, ..login("admin", WRONG) }),
        ("mode", pb::LoginRequest { mode: -1, ..login("admin", WRONG) }),
    ];
    for _ in 0..12 {
        for (name, message) in &cases {
            let refused = calls.login(message.clone()).await.unwrap_err();
            assert_eq!(
                (told(&refused), field(&refused)),
                ((Code::InvalidArgument, "VALIDATION_FAILED".to_owned()), (*name).to_owned())
            );
        }
    }
    // More than a hundred refusals for `admin`, and the throttle has seen none of them.
    assert!(calls.try_log_in("admin", PASSWORD).await.is_ok());
    // At the limit it is a password like any other.
    assert_eq!(reason(calls.try_log_in("admin", &long(1024)).await), "INVALID_CREDENTIALS");
    // Past 64 KiB a message reaches no handler.
    let refused = calls.login(login("admin", &long(1 << 20))).await.unwrap_err();
    assert_eq!(told(&refused), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE".to_owned()));
}

/// A12, seen from the hash pool.
#[tokio::test]
async fn an_overlong_password_costs_no_hash() {
    let house = Backend::in_memory();
    house.user("pat", PLAIN).await;
    let before = house.pool.stats();
    for password in ["x".repeat(1025), "x".repeat(1 << 20), String::new()] {
        assert!(house.log_in_from(client(), "pat", &password, "").await.is_err());
    }
    assert!(house.log_in_from(client(), &"x".repeat(255), PASSWORD, "").await.is_err());
    assert_eq!(format!("{:?}", house.pool.stats()), format!("{before:?}"));
    house.log_in_from(client(), "pat", PASSWORD, "").await.unwrap();
    assert_ne!(format!("{:?}", house.pool.stats()), format!("{before:?}"), "the counter counts");
}

/// A5: ten at once, then none until time has passed; the right password is not told apart, and works after the stated wait.
#[tokio::test]
async fn a_hundred_and_ten_guesses_and_the_owner_after_them() {
    let wire = Wire::start().await;
    let calls = wire.calls().await;
    let mut refusals = Vec::new();
    for _ in 0..110 {
        refusals.push(calls.try_log_in("admin", WRONG).await.unwrap_err());
    }
    for refused in &refusals[..10] {
        assert_eq!(told(refused), (Code::Unauthenticated, "INVALID_CREDENTIALS".to_owned()));
    }
    for refused in &refusals[10..] {
        assert_eq!(told(refused), (Code::ResourceExhausted, "THROTTLED".to_owned()));
    }
    let right = calls.try_log_in("admin", PASSWORD).await.unwrap_err();
    assert_eq!(face(&right), face(&refusals[109]), "a throttled answer tells a right password");
    let wait = retry_after(&right).unwrap();
    assert!(wait > Duration::from_secs(1) && wait <= Duration::from_secs(30), "{wait:?}");
    // A new connection changes nothing.
    assert_eq!(reason(wire.calls().await.try_log_in("admin", PASSWORD).await), "THROTTLED");
    wire.advance(wait);
    assert!(calls.try_log_in("admin", PASSWORD).await.is_ok(), "the owner gets in after the wait that was told");
    // Success cleared the count of this name and source.
    for _ in 0..9 {
        assert_eq!(reason(calls.try_log_in("admin", WRONG).await), "INVALID_CREDENTIALS");
    }
    assert!(calls.try_log_in("admin", PASSWORD).await.is_ok());
}

/// A6, F8: of two hundred at once not one more than ten is evaluated. Fails where places are not reserved before the hash: all 200
/// are evaluated then.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_guesses_at_once() {
    let wire = Wire::start().await;
    wire.admin().await.create_user("pat", &[]).await;
    let mut running = JoinSet::new();
    for _ in 0..4 {
        let calls = wire.calls().await;
        for _ in 0..50 {
            let calls = calls.clone();
            running.spawn(async move { calls.try_log_in("pat", WRONG).await.unwrap_err() });
        }
    }
    let refusals: Vec<Status> = running.join_all().await;
    let evaluated = refusals.iter().filter(|refused| told(refused).1 == "INVALID_CREDENTIALS").count();
    let throttled = refusals.iter().filter(|refused| told(refused).1 == "THROTTLED").count();
    assert_eq!((evaluated, throttled), (10, 190));
    assert!(refusals.iter().filter(|refused| told(refused).1 == "THROTTLED").all(|refused| retry_after(refused).is_some()));
}

/// A flood from one place does not lock out another; one from many places meets the bound of the name; and a source that has
/// signed in lately keeps its own allowance even then.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sources_are_counted_apart_and_together() {
    let wire = Wire::start().await;
    wire.admin().await.create_user("pat", &[]).await;
    let owner = wire.calls_from("127.0.0.2").await;
    owner.log_in("pat").await;

    let evaluated = |calls: Calls| async move {
        let mut count = 0;
        for _ in 0..15 {
            count += u32::from(reason(calls.try_log_in("pat", WRONG).await) == "INVALID_CREDENTIALS");
        }
        count
    };
    assert_eq!(evaluated(wire.calls_from("127.0.0.3").await).await, 10);
    assert!(wire.calls_from("127.0.0.4").await.try_log_in("pat", PASSWORD).await.is_ok(), "another source is let in");
    assert_eq!(evaluated(wire.calls_from("127.0.0.5").await).await, 10, "twice ten for a name over all sources");
    for stranger in ["127.0.0.6", "127.0.0.7", "127.0.0.8"] {
        assert_eq!(evaluated(wire.calls_from(stranger).await).await, 0);
    }
    assert!(owner.try_log_in("pat", PASSWORD).await.is_ok(), "a known source keeps its allowance");
    assert_eq!(evaluated(owner.clone()).await, 10, "and no more than it");
    // An e-mail is a name of its own to the throttle, with a bound of its own; it is no way around for ever.
    let by_mail = wire.calls_from("127.0.0.9").await;
    let mut count = 0;
    for _ in 0..15 {
        count += u32::from(reason(by_mail.try_log_in("pat@example.org", WRONG).await) == "INVALID_CREDENTIALS");
    }
    assert_eq!(count, 10);
}

/// A6: wrong passwords at Login and at ChangePassword, and wrong codes, are one count.
#[tokio::test]
async fn every_way_of_guessing_shares_one_count() {
    let wire = Wire::start().await;
    wire.admin().await.create_user("pat", &[]).await;
    let calls = wire.calls().await;
    let own = calls.log_in("pat").await;
    let own = calls.with(&own.access_token);
    let enrolled = own.account().enroll_totp(own.request(pb::EnrollTotpRequest {})).await.unwrap().into_inner();
    let confirm = |code: &str| own.request(pb::ConfirmTotpRequest { otp: code.to_owned() });
    let now = || wire.now();
    // Three wrong codes at the enrolment, then the right one.
    let right = crate::harness::one_time_code(&enrolled.secret, now());
    let wrong = if right == "000000" { "111111" } else { "000000" };
    for _ in 0..3 {
        assert_eq!(reason(own.account().confirm_totp(confirm(wrong)).await), "OTP_REQUIRED");
    }
    own.account().confirm_totp(confirm(&right)).await.unwrap();
    // Three wrong codes beside the right password.
    let with_code = |code: &str| pb::LoginRequest { otp: code.to_owned(), ..login("pat", PASSWORD) };
    for _ in 0..3 {
        assert_eq!(reason(calls.login(with_code(wrong)).await), "OTP_REQUIRED");
    }
    // Two wrong passwords at each.
    for _ in 0..2 {
        assert_eq!(reason(own.change_password(WRONG, OTHER_PASSWORD).await), "INVALID_CREDENTIALS");
        assert_eq!(reason(calls.try_log_in("pat", WRONG).await), "INVALID_CREDENTIALS");
    }
    wire.advance(Duration::from_millis(1));
    // That was ten.
    assert_eq!(reason(calls.try_log_in("pat", PASSWORD).await), "THROTTLED");
    assert_eq!(reason(own.change_password(PASSWORD, OTHER_PASSWORD).await), "THROTTLED");
    wire.advance(Duration::from_mins(1));
    assert!(calls.login(with_code(&crate::harness::one_time_code(&enrolled.secret, now()))).await.is_ok());
}

/// A10 over the wire: bytes past the 72nd matter, any Unicode counts, nothing is cut.
#[tokio::test]
async fn passwords_are_taken_exactly_as_given() {
    let wire = Wire::start().await;
    let admin = wire.admin().await;
    let long = format!("{}{}", "otter-violin-gantry ".repeat(10), "tail");
    for (name, password) in
        [("long", long.as_str()), ("smile", "📎🦦🎻 sept loutres jouent É"), ("lower", "justsomelowercasewords with space")]
    {
        let message = pb::CreateUserRequest { username: name.to_owned(), password: password.to_owned(), ..Default::default() };
        admin.administration().create_user(admin.request(message)).await.unwrap();
        assert!(admin.try_log_in(name, password).await.is_ok(), "{name}");
        let mut off_by_one = password.to_owned();
        off_by_one.pop();
        assert_eq!(reason(admin.try_log_in(name, &off_by_one).await), "INVALID_CREDENTIALS", "{name}");
        assert_eq!(reason(admin.try_log_in(name, &format!("{password} ")).await), "INVALID_CREDENTIALS", "{name}");
    }
}

/// COOKIE mode: the refresh token is in the cookie and nowhere else, and the cookie is for this host, over https, and no script.
#[tokio::test]
async fn cookie_mode() {
    let wire = Wire::start().await;
    let calls = wire.calls().await;
    let in_cookie = pb::TokenMode::Cookie.into();
    let answer = calls.login(pb::LoginRequest { mode: in_cookie, ..login("admin", PASSWORD) }).await.unwrap();
    let cookie = answer.metadata().get("set-cookie").unwrap().to_str().unwrap().to_owned();
    let tokens = answer.into_inner().tokens.unwrap();
    assert_eq!(tokens.refresh_token, "");
    let (value, attributes) = cookie.split_once("; ").unwrap();
    let token = value.strip_prefix("__Host-countersign_refresh=csr_").unwrap();
    assert!(token.len() > 50 && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
    assert_eq!(attributes, "Path=/; Max-Age=86400; HttpOnly; SameSite=Lax; Secure");
    assert!(cookie.len() < 4096);

    let refresh = |cookies: &[&str], origin: Option<&str>, message: pb::RefreshRequest| {
        let mut request = Request::new(message);
        for cookie in cookies {
            request.metadata_mut().append("cookie", cookie.parse().unwrap());
        }
        if let Some(origin) = origin {
            request.metadata_mut().insert("origin", origin.parse().unwrap());
        }
        let mut auth = calls.auth();
        async move { auth.refresh(request).await }
    };
    let nothing = pb::RefreshRequest::default;

    // Two sources, two cookies, and pages of others.
    let both = pb::RefreshRequest { refresh_token: "csr_x".to_owned(), ..nothing() };
    assert_eq!(refresh(&[value], None, both).await.unwrap_err().code(), Code::InvalidArgument);
    let both = pb::RefreshRequest { access_token: tokens.access_token.clone(), ..nothing() };
    assert_eq!(refresh(&[value], None, both).await.unwrap_err().code(), Code::InvalidArgument);
    let both = pb::RefreshRequest { refresh_token: "csr_x".to_owned(), access_token: "a.b.c".to_owned(), ..nothing() };
    assert_eq!(refresh(&[], None, both).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(refresh(&[], None, nothing()).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(refresh(&[value, value], None, nothing()).await.unwrap_err().code(), Code::InvalidArgument);
    let own = format!("http://{}", wire.address);
    for foreign in
        ["https://evil.example", "null", &format!("{own}.evil.example"), &format!("https://{}", wire.address), "http://localhost"]
    {
        let refused = refresh(&[value], Some(foreign), nothing()).await.unwrap_err();
        assert_eq!(told(&refused), (Code::PermissionDenied, "FOREIGN_ORIGIN".to_owned()), "{foreign}");
        let login = pb::LoginRequest { mode: in_cookie, ..login("admin", PASSWORD) };
        let mut request = Request::new(login);
        request.metadata_mut().insert("origin", foreign.parse().unwrap());
        assert_eq!(reason(calls.auth().login(request).await), "FOREIGN_ORIGIN", "a login into a foreign page's browser");
    }

    // By the cookie it stays in the cookie; other cookies do not matter.
    let answer = refresh(&["theme=dark", &format!("{value}; a=b")], Some(&own), nothing()).await.unwrap();
    let next = answer.metadata().get("set-cookie").unwrap().to_str().unwrap().to_owned();
    assert_eq!(answer.into_inner().tokens.unwrap().refresh_token, "");
    let next = next.split_once(';').unwrap().0;
    assert_ne!(next, value);
    // Moved into the message, the browser is told to forget it.
    let to_json = pb::RefreshRequest { mode: pb::TokenMode::Json.into(), ..nothing() };
    let answer = refresh(&[next], None, to_json).await.unwrap();
    assert!(
        answer
            .metadata()
            .get("set-cookie")
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("__Host-countersign_refresh=; Path=/; Max-Age=0")
    );
    assert!(answer.into_inner().tokens.unwrap().refresh_token.starts_with("csr_"));
}

#[tokio::test]
async fn a_cookie_for_plain_http_has_another_name() {
    let wire = Wire::start_with(&[("COOKIE_SECURE", "false")]).await;
    let mode = pb::TokenMode::Cookie.into();
    let answer = wire.calls().await.login(pb::LoginRequest { mode, ..login("admin", PASSWORD) }).await.unwrap();
    let cookie = answer.metadata().get("set-cookie").unwrap().to_str().unwrap();
    assert!(
        cookie.starts_with("countersign_refresh=csr_") && cookie.ends_with("; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax")
    );
}

/// A10, D6: a stored hash is Argon2id with the parameters that are documented; no password and no token that works is in the data
/// directory or the log.
#[tokio::test]
async fn what_rests_is_an_argon2id_hash() {
    let directory = tempfile::tempdir().unwrap();
    let usual = Setup::new().env("COUNTERSIGN_HASH_MEMORY", "").env("COUNTERSIGN_HASH_PASSES", "");
    let server = usual.env("COUNTERSIGN_ADMIN_PASSWORD", PASSWORD).data_dir(&directory.path().join("data")).start().await;
    let tokens = Calls::to(server.address()).await.log_in("admin").await;
    let log = server.stop().await.stderr;
    let mut rests = everything_in(directory.path());
    rests.extend(log.into_bytes());
    let holds = |text: &str| rests.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(!holds(PASSWORD));
    assert!(!holds(&tokens.refresh_token) && !holds(&tokens.access_token));
}

/// The bytes of every file below a directory.
fn everything_in(directory: &std::path::Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        bytes.extend(if path.is_dir() { everything_in(&path) } else { std::fs::read(path).unwrap() });
    }
    bytes
}
