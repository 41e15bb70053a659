use super::*;
use crate::model::clock::Clock as _;
use crate::service::refresh::RefreshSource;
use crate::service::testing::{House, PLAIN, STAFF, SUPERUSER, client, refused};

const HOUR: Duration = Duration::from_hours(1);
const SECOND: Duration = Duration::from_secs(1);

/// The token in a link's URL.
fn token(link: &GeneratedLink) -> Secret {
    Secret::new(link.url.expose().strip_prefix("https://auth.example.org/magic-login/?sst=").unwrap())
}

async fn redeem(house: &House, link: &GeneratedLink) -> Result<RedeemedLink> {
    house.single_use.redeem(&client(), &token(link), None, None).await
}

fn is_dead<T>(outcome: &Result<T>) -> bool {
    matches!(outcome, Err(Error::LinkInvalid))
}

#[tokio::test]
async fn a_link_signs_a_guest_in_once() {
    let house = House::new();
    let staff = house.person("sam", STAFF).await;
    let link = house.single_use.generate(&staff, "visitor", "dataset-1", None).await.unwrap();
    assert_eq!(link.expire_time, house.clock.now().plus(HOUR));
    assert_eq!(token(&link).len(), 70);

    for _ in 0..3 {
        let peeked = house.single_use.peek(&client(), &token(&link)).await.unwrap();
        assert_eq!(peeked, PeekedLink { dataset_id: "dataset-1".to_owned(), expire_time: link.expire_time });
    }
    let redeemed = redeem(&house, &link).await.unwrap();
    assert_eq!(redeemed.dataset_id, "dataset-1");
    assert!(redeemed.tokens.refresh_token.is_some());
    assert_eq!(redeemed.tokens.active_organization, "");
    let guest = house.caller(&redeemed.tokens).unwrap();
    assert!(matches!(guest.user(), Err(Error::GuestNotAllowed)));
    assert_eq!(guest.dataset_id.as_deref(), Some("dataset-1"));
    let token_text = redeemed.tokens.access_token.expose();
    assert!(house.verifier.verify(token_text, 0, "dataset-1").await.unwrap().is_some());
    assert!(house.verifier.verify(token_text, 0, "dataset-2").await.unwrap().is_none());
    assert!(house.verifier.verify(token_text, 0, "").await.unwrap().is_none());

    assert!(is_dead(&redeem(&house, &link).await));
    assert!(is_dead(&house.single_use.peek(&client(), &token(&link)).await));
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_request_id() {
    let house = House::new();
    let staff = house.person("sam", STAFF).await;
    let link = house.single_use.generate(&staff, "visitor", "d", None).await.unwrap();
    let (mine, other) = (Uuid::from_bytes([1; 16]), Uuid::from_bytes([2; 16]));
    let redeem = async |request: Option<Uuid>| house.single_use.redeem(&client(), &token(&link), request, None).await;

    let first = redeem(Some(mine)).await.unwrap();
    house.clock.advance(59 * SECOND);
    let again = redeem(Some(mine)).await.unwrap();
    assert_eq!(first.tokens.session_id, again.tokens.session_id);
    let refresh = |set: &TokenSet| set.refresh_token.clone().unwrap();
    assert_eq!(refresh(&first.tokens).expose(), refresh(&again.tokens).expose());
    assert!(is_dead(&redeem(Some(other)).await));
    assert!(is_dead(&redeem(None).await));

    house.clock.advance(2 * SECOND);
    assert!(is_dead(&redeem(Some(mine)).await), "the window is 60 s");
    house.refresh.refresh(&client(), RefreshSource::Token(refresh(&first.tokens)), None).await.unwrap();
}

#[tokio::test]
async fn a_session_in_use_is_not_answered_again() {
    let house = House::new();
    let staff = house.person("sam", STAFF).await;
    let link = house.single_use.generate(&staff, "visitor", "d", None).await.unwrap();
    let request = Some(Uuid::from_bytes([1; 16]));
    let first = house.single_use.redeem(&client(), &token(&link), request, None).await.unwrap();
    house.refresh.refresh(&client(), RefreshSource::Token(first.tokens.refresh_token.unwrap()), None).await.unwrap();
    assert!(is_dead(&house.single_use.redeem(&client(), &token(&link), request, None).await));
}

#[tokio::test]
async fn the_name_of_an_account_is_no_way_into_it() {
    let house = House::new();
    let admin = house.person("admin", SUPERUSER).await;
    for name in ["admin", "ADMIN", "admin@example.org"] {
        let link = house.single_use.generate(&admin, name, "d", None).await.unwrap();
        let redeemed = redeem(&house, &link).await.unwrap();
        let verdict = house.verifier.verify(redeemed.tokens.access_token.expose(), 0, "d").await.unwrap().unwrap();
        assert_eq!(verdict.token.username, format!("guest:{name}"));
        assert_eq!(verdict.token.subject.to_string(), format!("guest:{}", name.to_lowercase()));
        assert_eq!((verdict.token.roles, verdict.token.organization.as_str()), (PLAIN, ""));
        assert_ne!(verdict.token.subject, admin.subject);
    }
    assert!(house.accounts.account(&admin).await.is_ok(), "and it ends nothing of the account's");
}

#[tokio::test]
async fn only_staff_and_superusers_make_links() {
    let house = House::new();
    let staff = house.person("sam", STAFF).await;
    let root = house.person("root", SUPERUSER).await;
    let plain = house.person("pat", PLAIN).await;
    let script = house.by_key(&staff).await;
    for may in [&staff, &root, &script] {
        assert!(house.single_use.generate(may, "visitor", "d", None).await.is_ok());
    }
    let outcome = house.single_use.generate(&plain, "visitor", "d", None).await;
    assert!(matches!(outcome, Err(Error::PermissionDenied(_))));
    let link = house.single_use.generate(&staff, "sam", "d", None).await.unwrap();
    let guest = house.caller(&redeem(&house, &link).await.unwrap().tokens).unwrap();
    assert!(matches!(house.single_use.generate(&guest, "visitor", "d", None).await, Err(Error::GuestNotAllowed)));
}

#[tokio::test]
async fn a_caller_who_was_stopped_makes_no_link() {
    let house = House::new();
    let root = house.person("root", SUPERUSER).await;
    let staff = house.person("sam", STAFF).await;
    let other = house.person("sue", STAFF).await;
    house.users.disable(&root, "sam").await.unwrap();
    assert!(matches!(house.single_use.generate(&staff, "visitor", "d", None).await, Err(Error::TokenInvalid)));
    house.logout.logout(&other).await.unwrap();
    assert!(matches!(house.single_use.generate(&other, "visitor", "d", None).await, Err(Error::TokenInvalid)));
}

#[tokio::test]
async fn fields_have_their_limits() {
    let house = House::new();
    let staff = house.person("sam", STAFF).await;
    let generate = async |name: &str, dataset: &str| house.single_use.generate(&staff, name, dataset, None).await;
    for name in ["", "guest:bob", "two words", "\u{e9}", "a\0", "-dash", "a@", "@b", "a@b@c", &"a".repeat(64)] {
        assert!(refused(&generate(name, "d").await, "username"), "{name:?}");
    }
    assert!(generate("Visitor.1", &"d".repeat(256)).await.is_ok());
    assert!(generate("visitor@example.org", "d").await.is_ok());
    for dataset in ["", "a\nb", &"d".repeat(257)] {
        assert!(refused(&generate("visitor", dataset).await, "dataset_id"), "{dataset:?}");
    }
    for bad in ["", &"a".repeat(513)] {
        assert!(refused(&house.single_use.peek(&client(), &Secret::new(bad)).await, "token"));
        assert!(refused(&house.single_use.redeem(&client(), &Secret::new(bad), None, None).await, "token"));
    }
}

#[tokio::test]
async fn a_life_is_cut_to_the_setting_and_to_seven_days() {
    let days = |n: u64| Duration::from_hours(24 * n);
    let ends = async |most: Duration, ttl: Option<Duration>| {
        let house = House::with(|policy| policy.link = most);
        let staff = house.person("sam", STAFF).await;
        let link = house.single_use.generate(&staff, "visitor", "d", ttl).await.unwrap();
        link.expire_time.since(house.clock.now())
    };
    assert_eq!(ends(HOUR, None).await, HOUR);
    assert_eq!(ends(HOUR, Some(Duration::ZERO)).await, HOUR);
    assert_eq!(ends(HOUR, Some(SECOND)).await, SECOND);
    assert_eq!(ends(HOUR, Some(2 * HOUR)).await, HOUR);
    assert_eq!(ends(HOUR, Some(Duration::MAX)).await, HOUR);
    assert_eq!(ends(days(30), None).await, days(7));
    assert_eq!(ends(days(30), Some(days(8))).await, days(7));
}

#[tokio::test]
async fn dead_links_of_every_kind_have_one_answer() {
    let house = House::new();
    let staff = house.person("sam", STAFF).await;
    let generate = async || house.single_use.generate(&staff, "visitor", "d", None).await.unwrap();
    let dead = async |house: &House, token: &Secret| {
        is_dead(&house.single_use.peek(&client(), token).await)
            && is_dead(&house.single_use.redeem(&client(), token, None, None).await)
            && is_dead(&house.single_use.redeem(&client(), token, Some(Uuid::nil()), None).await)
    };

    let expired = generate().await;
    house.clock.advance(59 * Duration::from_mins(1));
    assert!(house.single_use.peek(&client(), &token(&expired)).await.is_ok());
    house.clock.advance(Duration::from_mins(1));
    assert!(dead(&house, &token(&expired)).await, "expired");

    let staff = house.signed_in("sam").await;
    let link = house.single_use.generate(&staff, "visitor", "d", None).await.unwrap();
    let text = token(&link).expose().to_owned();
    for junk in ["junk", "csl_", "csr_AAAA", &format!("{text}A"), &text.to_uppercase(), &text.replace("csl_", "css_"), "csl_\0"] {
        assert!(dead(&house, &Secret::new(junk)).await, "{junk}");
    }
    assert!(dead(&House::new(), &token(&link)).await, "foreign");
    redeem(&house, &link).await.unwrap();
    assert!(dead(&house, &token(&link)).await, "redeemed");

    let gone = house.single_use.generate(&staff, "visitor", "d", None).await.unwrap();
    house.logout.logout_user(&staff, "visitor").await.unwrap();
    assert!(dead(&house, &token(&gone)).await, "logged out");
}

#[tokio::test]
async fn without_one_time_a_link_opens_many_sessions_until_it_expires() {
    let house = House::with(|policy| policy.link_one_time = false);
    let staff = house.person("sam", STAFF).await;
    let link = house.single_use.generate(&staff, "visitor", "d", None).await.unwrap();
    let first = redeem(&house, &link).await.unwrap().tokens.session_id;
    assert_ne!(first, redeem(&house, &link).await.unwrap().tokens.session_id);
    house.clock.advance(HOUR);
    assert!(is_dead(&redeem(&house, &link).await));
}

#[tokio::test]
async fn logging_the_name_out_ends_links_and_sessions() {
    let house = House::new();
    let staff = house.person("sam", STAFF).await;
    let (one, two) = (
        house.single_use.generate(&staff, "Visitor", "d", None).await.unwrap(),
        house.single_use.generate(&staff, "visitor", "d", None).await.unwrap(),
    );
    let live = redeem(&house, &one).await.unwrap().tokens;
    let done = house.logout.logout_user(&staff, "VISITOR").await.unwrap();
    assert_eq!((done.sessions, done.links), (1, 1));
    assert!(house.verifier.verify(live.access_token.expose(), 0, "d").await.unwrap().is_none());
    assert!(house.refresh.refresh(&client(), RefreshSource::Token(live.refresh_token.unwrap()), None).await.is_err());
    assert!(is_dead(&redeem(&house, &two).await));
    let again = house.logout.logout_user(&staff, "visitor").await.unwrap();
    assert_eq!((again.sessions, again.links), (0, 0));
    assert!(again.revision > done.revision);
}
