use super::testing::{Rig, Round, add, begin_of};
use super::ticket::Leg;
use super::*;
use crate::crypto::state::StateKind;
use crate::model::clock::Clock as _;
use crate::service::testing::{PASSWORD, PLAIN, client};
use crate::store::Lane;
use crate::store::verbs::{BeginExchange, Step};

mod clock;

fn pending(outcome: &Result<SsoCollected>) -> bool {
    matches!(outcome, Ok(SsoCollected::Pending))
}

#[tokio::test]
async fn a_whole_round_signs_a_new_account_in_and_finds_it_again() {
    let rig = Rig::new().await;
    let round = rig.to_provider().await;
    assert!(pending(&rig.collect(&round).await));
    let asked = rig.confirmation(&round, "ada").await;
    assert_eq!((asked.username.as_str(), asked.provider.as_str()), ("ada", "corp"));
    assert_eq!((asked.source, asked.user_code.as_str()), (client().source, round.started.user_code.as_str()));
    assert_eq!(asked.at, rig.house.clock.now());
    assert!(pending(&rig.collect(&round).await), "nothing is collected before the person agreed");
    assert_eq!(rig.answer(&round, &asked.form, true).await.unwrap(), Answered::Confirmed);
    let sign_in = rig.collected(&round).await;
    let caller = rig.house.caller(&sign_in.tokens).unwrap();
    assert_eq!((caller.username.as_str(), caller.organization.as_str()), ("ada", "ada"));
    assert_eq!(caller.methods, [Method::SignOn]);
    assert!(sign_in.tokens.refresh_token.is_some());
    let first = sign_in.user.unwrap().user;
    assert_eq!(rig.signed_on("ada").await.user.unwrap().user.id(), first.id());
    assert_ne!(rig.signed_on("grace").await.user.unwrap().user.id(), first.id());
}

#[tokio::test]
async fn the_same_session_is_answered_again_for_a_minute() {
    let rig = Rig::new().await;
    let round = rig.to_provider().await;
    let form = rig.confirmation(&round, "ada").await.form;
    rig.answer(&round, &form, true).await.unwrap();
    let (one, two) = tokio::join!(rig.collected(&round), rig.collected(&round));
    let first = one.tokens;
    rig.house.clock.advance(Duration::from_mins(1));
    for again in [two.tokens, rig.collected(&round).await.tokens] {
        assert_eq!(again.session_id, first.session_id);
        assert_eq!(again.refresh_token.unwrap().expose(), first.refresh_token.as_ref().unwrap().expose());
    }
    rig.house.clock.advance(Duration::from_micros(1));
    assert!(matches!(rig.collect(&round).await, Err(Error::SsoCollected)));
}

#[tokio::test]
async fn start_finds_the_one_provider_that_is_meant() {
    let rig = Rig::new().await;
    let (house, root) = (&rig.house, &rig.root);
    for org in ["acme", "empty", "big"] {
        house.organizations.create(root, org).await.unwrap();
    }
    house.user("pat", PLAIN).await;
    add(house, root, "only", "acme").await;
    add(house, root, "one", "big").await;
    add(house, root, "two", "big").await;
    let start = async |org: &str, idp: &str| rig.sso.start(&client(), org, idp).await;
    for (org, idp) in [("", ""), ("", "corp"), ("ACME", ""), ("acme", "ONLY"), ("big", "two")] {
        assert!(start(org, idp).await.is_ok(), "{org}/{idp}");
    }
    for (org, idp) in [("", "only"), ("empty", ""), ("nobody", ""), ("pat", ""), ("acme", "corp"), ("big", "three")] {
        assert!(matches!(start(org, idp).await, Err(Error::SsoNotConfigured)), "{org}/{idp}");
    }
    assert!(matches!(start("big", "").await, Err(Error::SsoProviderAmbiguous)));
    assert!(matches!(start(&"a".repeat(64), "").await, Err(Error::Invalid { field: "org_name", .. })));
    assert!(matches!(start("", &"a".repeat(64)).await, Err(Error::Invalid { field: "idp_name", .. })));
}

#[tokio::test]
async fn nothing_is_written_before_the_callback() {
    let rig = Rig::new().await;
    let before = rig.house.store.audit_events(Lane::Only, 1, 1000).await.unwrap().len();
    rig.to_provider().await;
    assert_eq!(rig.house.store.audit_events(Lane::Only, 1, 1000).await.unwrap().len(), before);
}

#[tokio::test]
async fn no_value_stands_for_another() {
    let rig = Rig::new().await;
    let round = rig.to_provider().await;
    let form = rig.confirmation(&round, "ada").await.form;
    let begin = begin_of(&round.started).to_owned();
    for seen in [begin.as_str(), round.state.expose(), form.expose(), "cso_", "junk", &format!("cso_{}", &begin[4..])] {
        let outcome = rig.sso.collect(&client(), &Secret::new(seen), Duration::ZERO).await;
        assert!(matches!(outcome, Err(Error::SsoStateInvalid)), "{seen} collects");
    }
    for other in [round.started.state.expose(), round.state.expose()] {
        assert!(matches!(rig.sso.begin(other, None).await, Err(Refusal::Invalid)));
    }
    assert!(matches!(rig.answer(&round, &round.state, true).await, Err(Refusal::Invalid)));
    let back = Callback { state: form, ..rig.back(&round, "ada") };
    assert!(matches!(rig.sso.callback(&client(), back).await, Err(Refusal::Invalid)));
    let ticket = rig.sso.0.open_collector(&round.started.state).unwrap().0;
    let sealed = rig.sso.0.seal(StateKind::Browser, &Collector { ticket }).unwrap();
    let back = Callback { state: Secret::new(sealed), ..rig.back(&round, "ada") };
    assert!(matches!(rig.sso.callback(&client(), back).await, Err(Refusal::Invalid)), "another shape under the right seal");
}

#[tokio::test]
async fn only_the_browser_that_began_goes_on() {
    let rig = Rig::new().await;
    let (round, other) = (rig.to_provider().await, rig.to_provider().await);
    for cookie in [None, Some(Secret::new("")), Some(Secret::new("short")), Some(other.cookie.clone())] {
        let back = Callback { cookie: cookie.clone(), ..rig.back(&round, "ada") };
        assert!(matches!(rig.sso.callback(&client(), back).await, Err(Refusal::OtherBrowser)));
    }
    assert_eq!(rig.exchanges(), 0);
    let form = rig.confirmation(&round, "ada").await.form;
    for cookie in [None, Some(&other.cookie)] {
        let outcome = rig.sso.answer(&client(), &form, cookie, true).await;
        assert!(matches!(outcome, Err(Refusal::OtherBrowser)));
    }
    assert!(pending(&rig.collect(&round).await));
    assert_eq!(rig.answer(&round, &form, true).await.unwrap(), Answered::Confirmed);
}

#[tokio::test]
async fn two_browsers_of_one_attempt_share_nothing_and_one_gets_through() {
    let rig = Rig::new().await;
    let started = rig.sso.start(&client(), "", "").await.unwrap();
    let (one, two) =
        (rig.sso.begin(begin_of(&started), None).await.unwrap(), rig.sso.begin(begin_of(&started), None).await.unwrap());
    assert_ne!(one.cookie.expose(), two.cookie.expose());
    let asked = rig.identity.asked.lock().unwrap().clone();
    assert!(asked[0].0 != asked[1].0 && asked[0].1 != asked[1].1);
    let again = rig.sso.begin(begin_of(&started), Some(&one.cookie)).await.unwrap();
    assert_eq!(again.cookie.expose(), one.cookie.expose(), "a second tab keeps the first one's cookie");
    let round = |begun: &Begun| Round {
        started: started.clone(),
        state: Secret::new(begun.location.split_once("state=").unwrap().1),
        cookie: begun.cookie.clone(),
    };
    rig.confirmation(&round(&one), "ada").await;
    assert!(matches!(rig.sso.callback(&client(), rig.back(&round(&two), "eve")).await, Err(Refusal::Used)));
    assert!(matches!(rig.sso.begin(begin_of(&started), None).await, Err(Refusal::Used)));
}

#[tokio::test]
async fn a_callback_sends_its_code_once_and_asks_its_browser_again() {
    let rig = Rig::new().await;
    let round = rig.to_provider().await;
    let first = rig.confirmation(&round, "ada").await;
    for code in ["ada", "ada", "eve"] {
        let again = rig.confirmation(&round, code).await;
        assert_eq!((again.username.as_str(), &again.user_code), ("ada", &first.user_code));
    }
    let many = rig.to_provider().await;
    let all =
        futures_util::future::join_all((0..50).map(async |_| rig.sso.callback(&client(), rig.back(&many, "ada")).await)).await;
    assert!(all.iter().all(|outcome| outcome.as_ref().is_ok_and(|asked| asked.username == "ada")));
    assert_eq!(rig.exchanges(), 2);
    // Any of the forms takes the answer; once it is given, nothing is asked any more.
    let form = rig.confirmation(&round, "ada").await.form;
    assert_eq!(rig.answer(&round, &form, true).await.unwrap(), Answered::Confirmed);
    assert!(matches!(rig.sso.callback(&client(), rig.back(&round, "ada")).await, Err(Refusal::Used)));
    rig.collected(&round).await;
    let declined = all.into_iter().next().unwrap().unwrap().form;
    rig.answer(&many, &declined, false).await.unwrap();
    assert!(matches!(rig.sso.callback(&client(), rig.back(&many, "ada")).await, Err(Refusal::Used)));
}

#[tokio::test]
async fn an_attempt_that_a_crash_left_behind_says_so_at_once() {
    let rig = Rig::new().await;
    let (asked, came_back) = (rig.to_provider().await, rig.to_provider().await);
    for (waited_for, round) in [(true, &asked), (false, &came_back)] {
        let bound = rig.sso.0.bound(Leg::Provider, &round.state, Some(&round.cookie)).unwrap();
        let (store, by) = (&rig.house.store, client().by(rig.house.clock.now()));
        let (attempt, expire_time) = (bound.ticket.attempt, bound.ticket.expire_time);
        let begin = BeginExchange { attempt, expire_time, browser: bound.binding };
        let step = store.begin_exchange(begin, by).await.unwrap().outcome;
        assert_eq!(step, Step::Done);
        // As long as its callback is here it may finish.
        let turn = rig.sso.0.exchanges.turn(bound.ticket.attempt).await;
        assert!(pending(&rig.collect(round).await));
        let caller = client();
        let wait = rig.sso.collect(&caller, &round.started.state, MAX_WAIT);
        if waited_for {
            let (collected, ()) = tokio::join!(wait, async { drop(turn) });
            assert!(matches!(collected, Err(Error::SsoRefused)), "{collected:?}");
        }
    }
    assert!(matches!(rig.sso.callback(&client(), rig.back(&came_back, "ada")).await, Err(Refusal::Used)));
    assert!(matches!(rig.collect(&came_back).await, Err(Error::SsoRefused)));
    assert_eq!(rig.exchanges(), 0, "the code may have been sent before");
}

#[tokio::test]
async fn a_mixed_up_callback_sends_no_code_and_ends_the_attempt() {
    let rig = Rig::new().await;
    let other = add(&rig.house, &rig.root, "other", "").await;
    let start = async || {
        let started = rig.sso.start(&client(), "", "corp").await.unwrap();
        let begun = rig.sso.begin(begin_of(&started), None).await.unwrap();
        let state = Secret::new(begun.location.split_once("state=").unwrap().1);
        Round { started, state, cookie: begun.cookie }
    };
    let path = start().await;
    let iss = start().await;
    let backs = [
        (&path, Callback { provider: other.id.to_string(), ..rig.back(&path, "ada") }),
        (&iss, Callback { issuer: Some(other.issuer.clone()), ..rig.back(&iss, "ada") }),
    ];
    for (round, back) in backs {
        assert!(matches!(rig.sso.callback(&client(), back).await, Err(Refusal::Invalid)));
        assert!(matches!(rig.collect(round).await, Err(Error::SsoRefused)));
    }
    assert_eq!(rig.exchanges(), 0);
}

#[tokio::test]
async fn what_the_provider_refuses_or_lies_about_is_refused() {
    let rig = Rig::new().await;
    let (lie, no) = (rig.to_provider().await, rig.to_provider().await);
    assert!(matches!(rig.sso.callback(&client(), rig.back(&lie, "bad")).await, Err(Refusal::ProviderFailed)));
    let back = Callback { refused: true, ..rig.back(&no, "ada") };
    assert!(matches!(rig.sso.callback(&client(), back).await, Err(Refusal::ProviderRefused)));
    for round in [lie, no] {
        assert!(matches!(rig.collect(&round).await, Err(Error::SsoRefused)));
        assert!(matches!(rig.sso.callback(&client(), rig.back(&round, "ada")).await, Err(Refusal::Used)));
    }
}

#[tokio::test]
async fn a_stranger_cannot_fill_the_store_with_refusals() {
    let rig = Rig::new().await;
    let before = rig.house.store.audit_events(Lane::Only, 1, 1000).await.unwrap().len();
    let refuse = async |from: std::net::IpAddr| {
        let round = rig.to_provider().await;
        let back = Callback { refused: true, ..rig.back(&round, "ada") };
        rig.sso.callback(&Client { source: from, ..client() }, back).await
    };
    let (stranger, other) = ([192, 0, 2, 66].into(), [192, 0, 2, 67].into());
    let mut written = 0;
    for _ in 0..400 {
        match refuse(stranger).await {
            Err(Refusal::ProviderRefused) => written += 1,
            Err(Refusal::Failed(Error::Throttled(_))) => {}
            outcome => panic!("{outcome:?}"),
        }
    }
    assert_eq!(written, 200);
    assert!(matches!(refuse(other).await, Err(Refusal::ProviderRefused)), "who comes from elsewhere is not stopped");
    assert_eq!(rig.house.store.audit_events(Lane::Only, 1, 1000).await.unwrap().len(), before, "nobody is concerned");
    rig.house.clock.advance(Duration::from_secs(1));
    assert!(matches!(refuse(stranger).await, Err(Refusal::ProviderRefused)));
    assert!(matches!(refuse(stranger).await, Err(Refusal::Failed(Error::Throttled(_)))));
    // Sign-ons that go well are not counted.
    for _ in 0..300 {
        let round = rig.to_provider().await;
        rig.confirmation(&round, "ada").await;
    }
}

#[tokio::test]
async fn the_person_decides() {
    let rig = Rig::new().await;
    let (no, changed, twice) = (rig.to_provider().await, rig.to_provider().await, rig.to_provider().await);
    let form = rig.confirmation(&no, "ada").await.form;
    assert_eq!(rig.answer(&no, &form, false).await.unwrap(), Answered::Refused);
    assert!(matches!(rig.answer(&no, &form, true).await, Err(Refusal::Used)));
    assert!(matches!(rig.collect(&no).await, Err(Error::SsoRefused)));
    let form = rig.confirmation(&changed, "ada").await.form;
    rig.answer(&changed, &form, true).await.unwrap();
    assert_eq!(rig.answer(&changed, &form, false).await.unwrap(), Answered::Refused);
    assert!(matches!(rig.collect(&changed).await, Err(Error::SsoRefused)));
    let form = rig.confirmation(&twice, "ada").await.form;
    for _ in 0..2 {
        assert_eq!(rig.answer(&twice, &form, true).await.unwrap(), Answered::Confirmed);
    }
    rig.collected(&twice).await;
    assert!(matches!(rig.answer(&twice, &form, false).await, Err(Refusal::Used)), "too late to say no");
}

#[tokio::test]
async fn every_step_ends_after_ten_minutes() {
    let rig = Rig::new().await;
    let (started, away, asked, agreed) =
        (rig.to_provider().await, rig.to_provider().await, rig.to_provider().await, rig.to_provider().await);
    let form = rig.confirmation(&asked, "ada").await.form;
    let other = rig.confirmation(&agreed, "ada").await.form;
    rig.answer(&agreed, &other, true).await.unwrap();
    rig.house.clock.advance(Duration::from_mins(10));
    assert!(matches!(rig.sso.begin(begin_of(&started.started), None).await, Err(Refusal::Expired)));
    assert!(matches!(rig.sso.callback(&client(), rig.back(&away, "ada")).await, Err(Refusal::Expired)));
    assert!(matches!(rig.answer(&asked, &form, true).await, Err(Refusal::Expired)));
    for round in [started, away, asked, agreed] {
        assert!(matches!(rig.collect(&round).await, Err(Error::SsoExpired)));
    }
}

#[tokio::test]
async fn who_waits_is_woken_by_the_answer_and_a_third_does_not_wait() {
    let rig = Rig::new().await;
    for yes in [true, false] {
        let round = rig.to_provider().await;
        let form = rig.confirmation(&round, "ada").await.form;
        let wait = async || rig.sso.collect(&client(), &round.started.state, MAX_WAIT).await;
        let answer = async {
            // Both wait by now: join! polls in this order.
            assert!(pending(&wait().await));
            rig.answer(&round, &form, yes).await
        };
        let (one, two, answered) = tokio::join!(wait(), wait(), answer);
        answered.unwrap();
        for outcome in [one, two] {
            match outcome {
                Ok(SsoCollected::Complete(_)) => assert!(yes),
                Err(Error::SsoRefused) => assert!(!yes),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_logout_ends_what_was_not_collected() {
    let rig = Rig::new().await;
    rig.signed_on("ada").await;
    let round = rig.to_provider().await;
    let form = rig.confirmation(&round, "ada").await.form;
    rig.house.logout.logout_user(&rig.root, "ada").await.unwrap();
    rig.answer(&round, &form, true).await.unwrap();
    assert!(matches!(rig.collect(&round).await, Err(Error::SsoRefused)));
    rig.signed_on("ada").await;
}

#[tokio::test]
async fn an_email_never_links() {
    let rig = Rig::new().await;
    let victim = rig.house.person("victim", PLAIN).await;
    let impostor = rig.signed_on("victim").await.user.unwrap().user;
    assert_ne!(impostor.id(), victim.user().unwrap());
    assert_ne!(impostor.name().as_str(), "victim");
    assert_eq!(impostor.email(), None, "an e-mail that is another's is not taken over");
    assert!(rig.house.log_in("victim@example.org", PASSWORD, "").await.is_ok());
}

#[tokio::test]
async fn a_provider_that_is_gone_ends_what_is_under_way() {
    let rig = Rig::new().await;
    let (early, asked, agreed, done) =
        (rig.to_provider().await, rig.to_provider().await, rig.to_provider().await, rig.to_provider().await);
    let form = rig.confirmation(&asked, "ada").await.form;
    for round in [&agreed, &done] {
        let form = rig.confirmation(round, "ada").await.form;
        rig.answer(round, &form, true).await.unwrap();
    }
    let first = rig.collected(&done).await;
    rig.house.providers.delete(&rig.root, "", "corp").await.unwrap();
    assert!(matches!(rig.sso.callback(&client(), rig.back(&early, "ada")).await, Err(Refusal::Invalid)));
    assert!(matches!(rig.answer(&asked, &form, true).await, Err(Refusal::NotAllowed)));
    for round in [&early, &asked, &agreed] {
        assert!(matches!(rig.collect(round).await, Err(Error::SsoRefused)));
    }
    assert_eq!(rig.collected(&done).await.tokens.session_id, first.tokens.session_id, "a session goes on");
    assert!(rig.house.caller(&first.tokens).is_ok());
    let again = add(&rig.house, &rig.root, "corp", "").await;
    let rig = Rig { provider: again, ..rig };
    assert_eq!(rig.signed_on("ada").await.user.unwrap().user.id(), first.user.unwrap().user.id());
}

#[test]
fn a_name_is_the_first_that_has_letters() {
    let proven = |username: Option<&str>, name: Option<&str>, email: Option<&str>| ProvenIdentity {
        subject: "sub".to_owned(),
        preferred_username: username.map(str::to_owned),
        name: name.map(str::to_owned),
        verified_email: email.map(str::to_owned),
    };
    let name = |proven: ProvenIdentity| callback::wanted_name(&proven);
    assert_eq!(name(proven(Some("ada"), Some("Ada L."), Some("a@b"))), "ada");
    assert_eq!(name(proven(Some("..."), Some("Ada L."), None)), "Ada L.");
    assert_eq!(name(proven(None, None, Some("lovelace@example.org"))), "lovelace");
    assert_eq!(name(proven(None, Some("--"), None)), "sub");
    assert_eq!(user_code(&[31; 32]), "ZZZZ-ZZZZ");
}
