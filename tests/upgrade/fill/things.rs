//! Keys, links and their guests, providers and sign-on attempts, signing keys, in every state.

use std::net::IpAddr;
use std::time::Duration;

use countersign::crypto::keyring::KeyRing;
use countersign::crypto::opaque::{KeyIdToken, KeySecret, LinkToken};
use countersign::model::grant::Grant;
use countersign::model::ids::{AttemptId, KeyId, LinkId, OrganizationId, ProviderId};
use countersign::model::link::{Issued, Link, NewLink};
use countersign::model::name::{Email, Name};
use countersign::model::personal_key::{PersonalKey, PersonalKeyParts};
use countersign::model::provider::{IdentityProvider, ProviderChange};
use countersign::model::session::{Face, Method, Mode};
use countersign::model::signing_key::{Algorithm, KeyState};
use countersign::model::sso::Step;
use countersign::store::verbs::{
    BeginExchange, By, CollectAttempt, Collected, CreateKey, CreateProvider, Ended, Identified, Identify, KeyCreated, KeyUse,
    NamedOrganization, Needs, ProviderCreated, RedeemLink, Redeemed, Refounding, RefuseAttempt, RevokeKey, UpdateProvider,
};

use super::{Scene, folded, random, session, sessions, user_id};

const ISSUER: &str = "https://id.example.org";

pub(super) async fn make(scene: &mut Scene) {
    signing_keys(scene).await;
    keys(scene).await;
    links(scene).await;
    sign_on(scene).await;
}

/// Beside the one that signs, which the founding made; and the audience of the last start.
async fn signing_keys(scene: &Scene) {
    let make = |algorithm, state| KeyRing::generate(algorithm, state, &scene.sealer, random(), scene.now).unwrap();
    let keys = vec![
        make(Algorithm::Es256, KeyState::Published),
        make(Algorithm::EdDsa, KeyState::Retired { since: scene.now }),
        make(Algorithm::Rs256, KeyState::Retired { since: scene.now.minus(Duration::from_hours(2)) }),
    ];
    scene.store.put_signing_keys(keys, scene.superuser().await).await.unwrap();
    let audience = Refounding::Audience("an audience".to_owned());
    scene.store.refound(audience, By::system(scene.now)).await.unwrap();
}

async fn keys(scene: &mut Scene) {
    let owner = scene.user("alice").await.id();
    let make = |name: &str| {
        let (secret, hash) = KeySecret::issue(&scene.keys, random());
        let key = PersonalKey::new(KeyId::random(random()), owner, name.to_owned(), hash, scene.now, None);
        (key, secret.expose().to_owned())
    };
    let (expiring, _) = make("expiring");
    let expire_time = Some(scene.now.plus(Duration::from_hours(48)));
    let expiring = PersonalKey::try_from(PersonalKeyParts { expire_time, ..expiring.into_parts() }).unwrap();
    let (rotated, _) = make("rotated, Schlüssel №2");
    let (before, hash) = KeySecret::issue(&scene.keys, random());
    let previous = Some((hash, scene.now.plus(Duration::from_hours(24))));
    let rotated = PersonalKey::try_from(PersonalKeyParts { previous, ..rotated.into_parts() }).unwrap();
    let (revoked, revoked_secret) = make("revoked");

    for key in [&expiring, &rotated, &revoked] {
        let by = scene.by("alice", Needs::Nothing).await;
        assert_eq!(
            scene.store.create_key(CreateKey { key: key.clone(), most: 100 }, by).await.unwrap().outcome,
            KeyCreated::Created
        );
        scene.catalogue.keys.push(key.id().to_string());
    }
    let source: IpAddr = "198.51.100.7".parse().unwrap();
    let used = KeyUse { key: rotated.id(), source: Some(source), count: 3, now: scene.now };
    scene.store.note_key_use(vec![used], By::system(scene.now)).await.unwrap();
    let by = scene.by("alice", Needs::Nothing).await;
    let revoke = RevokeKey { owner, id: revoked.id() };
    assert_eq!(scene.store.revoke_key(revoke, by).await.unwrap().outcome, Ended::Ended);

    let shown = |key: &PersonalKey| KeyIdToken::issue(&scene.keys, key.id());
    scene.secrets.rotated_key = (shown(&rotated), before.expose().to_owned());
    scene.secrets.revoked_key = (shown(&revoked), revoked_secret);
}

async fn links(scene: &mut Scene) {
    let issued = issue(scene, "Gina", true).await;
    scene.secrets.link = issued.1;
    let many = issue(scene, "gina", false).await;
    redeem(scene, &many.0, Some([1; 32])).await;

    let redeemed = issue(scene, "gus", true).await;
    let request = redeem(scene, &redeemed.0, Some([2; 32])).await.1;
    let again = scene.store.redeem_link(request, scene.anyone("198.51.100.20")).await.unwrap().outcome;
    assert!(matches!(again, Redeemed::Retried(_)));
    scene.secrets.redeemed_link = redeemed.1;
    // A guest logs itself out.
    let left = issue(scene, "gus", true).await;
    let grant = redeem(scene, &left.0, None).await.0;
    let by = sessions::guest(scene, &grant);
    assert_eq!(scene.store.end_session(grant.session(), by).await.unwrap().outcome, Ended::Ended);

    let revoked = issue(scene, "hal", false).await;
    redeem(scene, &revoked.0, None).await;
    let by = scene.superuser().await;
    assert_eq!(scene.store.revoke_link(revoked.0.id(), by).await.unwrap().outcome, Ended::Ended);
    scene.secrets.revoked_link = revoked.1;
    // The name is logged out with a link and a session open.
    let open = issue(scene, "ida", false).await;
    redeem(scene, &open.0, None).await;
    for name in ["ida", "nobody.ever"] {
        scene.store.logout_user(folded(name), scene.superuser().await).await.unwrap();
    }
    scene.catalogue.guests.extend(["gina", "gus", "hal", "ida", "nobody.ever", "never.seen"].map(str::to_owned));
}

async fn issue(scene: &mut Scene, guest: &str, one_time: bool) -> (Link, String) {
    let id = LinkId::random(random());
    let (token, hash) = LinkToken::issue(&scene.keys, id, random());
    let link = Link::new(NewLink {
        id,
        token: hash,
        guest: guest.to_owned(),
        dataset_id: "dataset/1".to_owned(),
        generation: scene.store.guest_generation(&folded(guest)).await.unwrap(),
        issuer: scene.user("Sam").await.id(),
        one_time,
        create_time: scene.now,
        ttl: Duration::from_hours(1),
    });
    let by = scene.by("Sam", Needs::Privileged).await;
    assert_eq!(scene.store.issue_link(link.clone(), by).await.unwrap().outcome, Issued::Issued);
    scene.catalogue.links.push(id.to_string());
    (link, token.expose().to_owned())
}

async fn redeem(scene: &mut Scene, link: &Link, request: Option<[u8; 32]>) -> (Grant, RedeemLink) {
    let new = session(Face::Page, Mode::Cookie, &[Method::Link]);
    let redeem = RedeemLink { link: link.id(), token: *link.token(), request, session: new };
    let redeemed = scene.store.redeem_link(redeem.clone(), scene.anyone("198.51.100.20")).await.unwrap().outcome;
    let Redeemed::Opened(granted) = redeemed else { panic!("{redeemed:?}") };
    scene.catalogue.sessions.push(granted.grant.session().to_string());
    (granted.grant, redeem)
}

async fn sign_on(scene: &mut Scene) {
    let named = scene.store.organization_by_name(&folded("globex")).await.unwrap();
    let Some(NamedOrganization::Shared(globex)) = named else { panic!("{named:?}") };
    let of_site = provider(scene, "site", None, false).await;
    let of_globex = provider(scene, "globex.id", Some(globex.id), true).await;

    attempt(scene).await;
    let refused = attempt(scene).await;
    let by = scene.anyone("192.0.2.77");
    let refuse = RefuseAttempt { attempt: refused, expire_time: scene.now.plus(Duration::from_mins(10)) };
    assert_eq!(scene.store.refuse_attempt(refuse, by).await.unwrap().outcome, Step::Done);
    // One that the site's provider does not let in: it has no sign-up.
    let unknown = attempt(scene).await;
    assert_eq!(identified(scene, identify(unknown, of_site, "stranger", None)).await, Identified::Refused);

    let organization = Some(globex.id);
    for (steps, subject) in [(0, "olga"), (1, "olga"), (2, "olga"), (2, "oscar")] {
        let id = attempt(scene).await;
        assert_eq!(identified(scene, identify(id, of_globex, subject, organization)).await, Identified::Done);
        if steps > 0 {
            assert_eq!(scene.store.confirm_attempt(id, scene.anyone("192.0.2.77")).await.unwrap().outcome, Step::Done);
        }
        if steps > 1 {
            let session = session(Face::Page, Mode::Json, &[Method::SignOn]);
            scene.catalogue.sessions.push(session.id.to_string());
            let collect = CollectAttempt { attempt: id, session, organization };
            let collected = scene.store.collect_attempt(collect, scene.anyone("192.0.2.78")).await.unwrap().outcome;
            assert!(matches!(collected, Collected::Opened(_)));
        }
    }
    // The provider changes; then an e-mail follows, one is another's, and the person says no.
    let by = scene.superuser().await;
    let change = ProviderChange {
        email_domains: Some(vec!["id.example.org".to_owned(), "globex.example.org".to_owned()]),
        trusted_audiences: Some(vec!["project".to_owned()]),
        ..ProviderChange::default()
    };
    let update = UpdateProvider { provider: of_globex, change };
    assert!(scene.store.update_provider(update, by).await.unwrap().outcome.is_some());
    for (subject, email) in [("olga", "olga@id.example.org"), ("oscar", "olga@id.example.org"), ("oscar", "oscar@id.example.org")]
    {
        let id = attempt(scene).await;
        let email = Some(Email::parse(email).unwrap());
        let identify = Identify { wanted_email: email, ..identify(id, of_globex, subject, organization) };
        assert_eq!(identified(scene, identify).await, Identified::Done);
        let refuse = RefuseAttempt { attempt: id, expire_time: scene.now.plus(Duration::from_mins(10)) };
        assert_eq!(scene.store.refuse_attempt(refuse, scene.anyone("192.0.2.77")).await.unwrap().outcome, Step::Done);
    }
    let gone = provider(scene, "gone", None, true).await;
    scene.catalogue.providers.pop();
    let by = scene.superuser().await;
    assert!(scene.store.delete_provider(gone, by).await.unwrap().outcome);
    scene.catalogue.logins.extend(["oscar@id.example.org", "olga", "olga@id.example.org", "oscar"].map(str::to_owned));
}

async fn provider(scene: &mut Scene, name: &str, organization: Option<OrganizationId>, sign_up: bool) -> ProviderId {
    let id = ProviderId::random(random());
    let seal = || scene.sealer.seal(&countersign::service::providers::client_secret_purpose(id), b"hush", random());
    let provider = IdentityProvider {
        id,
        name: Name::parse(name).unwrap(),
        organization,
        issuer: ISSUER.to_owned(),
        client_id: "countersign".to_owned(),
        sealed_client_secret: organization.map(|_| seal()),
        scopes: organization.map(|_| vec!["email".to_owned(), "profile".to_owned()]).unwrap_or_default(),
        sign_up,
        create_time: scene.now,
        email_domains: Vec::new(),
        trusted_audiences: Vec::new(),
        confined: false,
    };
    let by = scene.superuser().await;
    let created = scene.store.create_provider(CreateProvider { provider, most: 10 }, by).await.unwrap();
    assert_eq!(created.outcome, ProviderCreated::Created);
    scene.catalogue.providers.push(id.to_string());
    id
}

/// One whose exchange has begun.
async fn attempt(scene: &mut Scene) -> AttemptId {
    let id = AttemptId::random(random());
    let end = scene.now.plus(Duration::from_mins(10));
    let begin = BeginExchange { attempt: id, expire_time: end, browser: random().bytes() };
    assert_eq!(scene.store.begin_exchange(begin, scene.anyone("192.0.2.77")).await.unwrap().outcome, Step::Done);
    scene.catalogue.attempts.push(id.to_string());
    id
}

async fn identified(scene: &Scene, identify: Identify) -> Identified {
    scene.store.identify(identify, scene.anyone("192.0.2.77")).await.unwrap().outcome
}

fn identify(attempt: AttemptId, provider: ProviderId, subject: &str, organization: Option<OrganizationId>) -> Identify {
    Identify {
        attempt,
        provider,
        identity: (ISSUER.to_owned(), format!("subject {subject}")),
        wanted_name: subject.to_owned(),
        wanted_email: (subject == "olga").then(|| Email::parse("olga@id.example.org").unwrap()),
        new_user: user_id(),
        organization,
    }
}
