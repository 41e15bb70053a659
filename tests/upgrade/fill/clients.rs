//! What clients hold, given out by the server itself.

use countersign::grpc::pb;
use countersign::model::clock::Clock as _;

use super::PASSWORD;
use crate::manifest::{Catalogue, Secrets};
use crate::rig::{Rig, bearer, one_time_code};

pub(super) async fn serve(rig: &Rig, catalogue: &mut Catalogue, secrets: &mut Secrets) {
    let alice = rig.log_in("alice", PASSWORD, "").await.unwrap();
    catalogue.sessions.push(alice.session_id.clone());
    let refreshed = rig.refresh(&alice.refresh_token).await.unwrap();
    secrets.rotated_refresh = alice.refresh_token;
    secrets.access.clone_from(&refreshed.access_token);
    secrets.refresh.clone_from(&refreshed.refresh_token);

    let request = pb::AccountServiceCreatePersonalKeyRequest { display_name: "a script".to_owned(), ..Default::default() };
    let made = rig.account().create_personal_key(bearer(&refreshed, request)).await.unwrap().into_inner();
    secrets.key = (made.key_id, made.key_secret);
    rig.exchange(&secrets.key).await.unwrap();

    let bob = rig.log_in("bob", PASSWORD, "").await.unwrap();
    catalogue.sessions.push(bob.session_id.clone());
    rig.auth().logout(bearer(&bob, pb::LogoutRequest {})).await.unwrap();
    secrets.revoked_access = bob.access_token;

    let carol = rig.log_in("carol", PASSWORD, "").await.unwrap();
    catalogue.sessions.push(carol.session_id.clone());
    secrets.codes = rig.account().enroll_totp(bearer(&carol, pb::EnrollTotpRequest {})).await.unwrap().into_inner().secret;
    let otp = one_time_code(&secrets.codes, rig.clock.now());
    let confirmed = rig.account().confirm_totp(bearer(&carol, pb::ConfirmTotpRequest { otp })).await.unwrap();
    secrets.recovery = confirmed.into_inner().recovery_codes;
    let dora = rig.log_in("dora", PASSWORD, "").await.unwrap();
    catalogue.sessions.push(dora.session_id.clone());
    rig.account().enroll_totp(bearer(&dora, pb::EnrollTotpRequest {})).await.unwrap();
}
