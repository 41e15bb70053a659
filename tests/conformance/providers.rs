//! Registrations of identity providers.

use countersign::model::audit::Action;
use countersign::model::provider::ProviderChange;
use countersign::store::verbs::{Collected, CreateProvider, Identified, Needs, ProviderCreated, UpdateProvider};

use crate::asked::Ask as _;
use crate::sso::{begun, confirmed, identity, provider, registered, signed_up};
use crate::world::{World, folded, organization_id};

pub(crate) async fn lists_them_by_scope(world: &mut World) {
    let team = world.organization("Team", &[]).await;
    let site = registered(world, provider("zebra", None)).await;
    let first = registered(world, provider("Apple", None)).await;
    let of_team = registered(world, provider("apple", Some(team))).await;
    world.settle().await;
    let by = world.caller(world.admin, Needs::Superuser).await;
    let create =
        async |provider| world.store.create_provider(CreateProvider { provider, most: 2 }, by.clone()).await.unwrap().outcome;
    assert_eq!(create(provider("APPLE", None)).await, ProviderCreated::NameTaken);
    assert_eq!(create(provider("apple", Some(team))).await, ProviderCreated::NameTaken);
    assert_eq!(create(provider("apple", Some(organization_id()))).await, ProviderCreated::NoSuchOrganization);
    assert_eq!(create(provider("third", None)).await, ProviderCreated::LimitReached);
    assert_eq!(world.store.providers(None, None, u32::MAX).await.unwrap(), [first.clone(), site.clone()]);
    assert_eq!(world.store.providers(None, None, 1).await.unwrap(), std::slice::from_ref(&first));
    assert_eq!(world.store.providers(None, Some(&first.name.folded()), 1).await.unwrap(), std::slice::from_ref(&site));
    assert_eq!(world.store.providers(None, Some(&site.name.folded()), 1).await.unwrap(), []);
    assert_eq!(world.store.providers(Some(team), None, u32::MAX).await.unwrap(), std::slice::from_ref(&of_team));
    for (name, expected) in [("TEAM", vec![of_team.clone()]), ("admin", vec![]), ("nothing", vec![])] {
        assert_eq!(world.store.providers_named(&folded(name)).await.unwrap(), expected, "{name}");
    }
    // All of them, those of one organization together, in pages.
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = world.store.all_providers(after.as_ref(), 2).await.unwrap();
        let Some((last, _)) = page.last() else { break };
        after = Some((last.organization, last.name.folded()));
        assert!(page.len() <= 2);
        all.extend(page.into_iter().map(|(provider, name)| (provider.id, name.map(|name| name.as_str().to_owned()))));
    }
    let whole_site = [(first.id, None), (site.id, None)];
    let of_the_team = [(of_team.id, Some("Team".to_owned()))];
    assert!(all == [&whole_site[..], &of_the_team].concat() || all == [&of_the_team[..], &whole_site].concat(), "{all:?}");
    assert_eq!(world.store.provider(first.id).await.unwrap(), Some(first));
    assert_eq!(world.store.provider(provider("gone", None).id).await.unwrap(), None);
}

pub(crate) async fn changes_and_removes_one(world: &mut World) {
    let made = registered(world, provider("idp", None)).await;
    let ann = signed_up(world, &made, "ann").await;
    let event = world.next_event().await;
    let change = ProviderChange {
        client_id: Some("another".to_owned()),
        sealed_client_secret: Some(Some(vec![1])),
        trusted_audiences: Some(vec!["project".to_owned()]),
        ..ProviderChange::default()
    };
    let expected = made.clone().changed(change.clone());
    assert_eq!((expected.client_id.as_str(), &expected.scopes, expected.sign_up), ("another", &made.scopes, true));
    let by = world.superuser().await;
    let update = UpdateProvider { provider: made.id, change };
    assert_eq!(world.store.update_provider(update.clone(), by).await.unwrap().outcome, Some(expected.clone()));
    world.settle().await;
    assert_eq!(world.store.provider(made.id).await.unwrap(), Some(expected.clone()));
    assert_eq!(world.store.providers(None, None, 10).await.unwrap(), [expected]);
    world.recorded(&event, &[Action::ProviderUpdated(made.id)]).await;

    let (early, late) = (begun(world).await, confirmed(world, &made, "ann").await);
    let event = world.next_event().await;
    let by = world.superuser().await;
    assert!(world.store.delete_provider(made.id, by.clone()).await.unwrap().outcome);
    world.settle().await;
    world.recorded(&event, &[Action::ProviderDeleted(made.id)]).await;
    assert!(!world.store.delete_provider(made.id, by.clone()).await.unwrap().outcome);
    assert_eq!(world.store.update_provider(update, by).await.unwrap().outcome, None);
    assert_eq!(world.store.provider(made.id).await.unwrap(), None);
    assert!(world.store.providers(None, None, 10).await.unwrap().is_empty());
    assert!(world.store.all_providers(None, 10).await.unwrap().is_empty());
    assert_eq!(world.store.take_identity(identity(world, early, &made, "ann")).await.unwrap(), Identified::Refused);
    // What was confirmed before is the service's to refuse.
    assert!(matches!(world.store.collect(world.collection(late)).await.unwrap(), Collected::Opened(_)));

    // With the same name and issuer again everybody is who they were.
    let again = registered(world, provider("idp", None)).await;
    assert_eq!(signed_up(world, &again, "ann").await.id(), ann.id());
}
