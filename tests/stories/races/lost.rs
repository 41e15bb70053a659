//! Against the loss of what a session rests on: the password, the account, a membership.

use std::sync::Arc;

use countersign::model::organization::OrganizationRole;
use countersign::model::secret::Secret;
use countersign::service::Error;
use countersign::service::login::LoginRequest;

use super::{Outcomes, begun, jitter, together};
use crate::arena::house::{House, PLAIN, SUPERUSER, client};
use crate::arena::{OTHER_PASSWORD, PASSWORD};

/// No session of the old password is left once ChangePassword has answered, but the caller's own.
pub(super) async fn login_against_change_of_password(house: Arc<House>, rounds: u32) {
    let mut outcomes = Outcomes::default();
    for round in 0..rounds {
        let name = format!("pat-{round}");
        house.user(&name, PLAIN).await;
        let own = house.log_in(&name).await.unwrap();
        let caller = house.caller(&own).unwrap();
        let running = begun(4, || {
            let (house, name) = (Arc::clone(&house), name.clone());
            async move { house.log_in(&name).await }
        })
        .await;
        jitter(round).await;
        let (current, new) = (Secret::new(PASSWORD), Secret::new(OTHER_PASSWORD));
        house.services.accounts.change_password(&caller, &current, &new).await.unwrap();
        for tokens in outcomes.those_let_in(running.join_all().await) {
            house.assert_dead(&tokens, "", "a login with the old password").await;
        }
        assert!(matches!(house.log_in(&name).await, Err(Error::InvalidCredentials)), "the old password still works");
        assert!(house.caller(&own).is_err(), "an access token from before the change speaks for its caller");
        assert!(house.refresh(own.refresh_token.as_ref().unwrap()).await.is_ok(), "the caller's own session goes on");
    }
    println!("{outcomes:?}");
}

/// DisableUser, and no session comes back to life with EnableUser.
pub(super) async fn login_against_disabling(house: Arc<House>, rounds: u32) {
    let root = house.person("root", SUPERUSER).await;
    house.user("pat", PLAIN).await;
    let mut outcomes = Outcomes::default();
    for round in 0..rounds {
        let before = house.log_in("pat").await.unwrap();
        let running = together(6, |number| {
            let (house, before) = (Arc::clone(&house), before.clone());
            async move {
                match number % 3 {
                    0 => house.refresh(before.refresh_token.as_ref().unwrap()).await,
                    _ => house.log_in("pat").await,
                }
            }
        });
        jitter(round).await;
        house.services.users.disable(&root, "pat").await.unwrap();
        let late = outcomes.those_let_in(running.join_all().await);
        assert!(matches!(house.log_in("pat").await, Err(Error::InvalidCredentials)));
        house.services.users.enable(&root, "pat").await.unwrap();
        for tokens in late.into_iter().chain([before]) {
            house.assert_dead(&tokens, "", "a session from before DisableUser").await;
        }
        house.forget_failures();
    }
    println!("{outcomes:?}");
}

/// Once RemoveMember has answered no token that names the organization verifies, and a session renews to a narrower one.
pub(super) async fn refresh_against_loss_of_membership(house: Arc<House>, rounds: u32) {
    let root = house.person("root", SUPERUSER).await;
    house.user("pat", PLAIN).await;
    house.services.organizations.create(&root, "crew").await.unwrap();
    house.services.organizations.add_member(&root, "crew", "pat", OrganizationRole::Member).await.unwrap();
    let owner = house.signed_in("pat").await;
    let key = house.services.keys.create(&owner, "raced", None).await.unwrap();
    let mut outcomes = Outcomes::default();
    for round in 0..rounds {
        let login = LoginRequest {
            username: "pat".to_owned(),
            password: Secret::new(PASSWORD),
            otp: Secret::new(""),
            organization: "crew".to_owned(),
            mode: None,
        };
        let before = house.services.login.login(&client(), login).await.unwrap().tokens;
        assert_eq!(before.active_organization, "crew");
        let running = together(4, |number| {
            let (house, key, refresh) = (Arc::clone(&house), key.clone(), before.refresh_token.clone().unwrap());
            async move {
                if number % 2 == 0 {
                    house.refresh(&refresh).await
                } else {
                    let exchanged = house.services.personal_keys.exchange(&client(), &key.key_id, &key.secret, "crew").await;
                    exchanged.map(|sign_in| sign_in.tokens)
                }
            }
        });
        jitter(round).await;
        house.services.organizations.remove_member(&root, "crew", "pat").await.unwrap();
        let mut late = outcomes.those_let_in(running.join_all().await);
        late.push(before.clone());
        for tokens in late.iter().filter(|tokens| tokens.active_organization == "crew") {
            assert!(!house.active(&tokens.access_token, "").await, "a token names an organization that was lost");
        }
        let tip = late.iter().filter(|tokens| tokens.session_id == before.session_id).find(|tokens| {
            tokens.refresh_token.as_ref().map(Secret::expose) != before.refresh_token.as_ref().map(Secret::expose)
        });
        let narrower = house.refresh(tip.unwrap_or(&before).refresh_token.as_ref().unwrap()).await.unwrap();
        assert_eq!(narrower.active_organization, "pat");
        house.services.organizations.add_member(&root, "crew", "pat", OrganizationRole::Member).await.unwrap();
    }
    println!("{outcomes:?}");
}

/// Of two changes of one password one is made, and the other is told.
pub(super) async fn two_replacements_of_a_password(house: Arc<House>, rounds: u32) {
    for round in 0..rounds {
        let name = format!("pat-{round}");
        let caller = house.person(&name, PLAIN).await;
        let new = ["plum trees beside the canal", "eleven grey kites at dusk"];
        let running = together(2, |number| {
            let (house, caller) = (Arc::clone(&house), caller.clone());
            async move {
                let (current, new) = (Secret::new(PASSWORD), Secret::new(new[number as usize]));
                house.services.accounts.change_password(&caller, &current, &new).await
            }
        });
        let answers = running.join_all().await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
        let mut working = 0;
        for password in new {
            working += u32::from(house.log_in_from(client(), &name, password, "").await.is_ok());
        }
        assert_eq!(working, 1);
    }
}
