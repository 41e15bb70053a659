use proptest::prelude::*;

use super::*;
use crate::model::session::{Face, Mode, NewSession, Opening, Session};
use crate::model::user::{Generations, Subject};

fn start() -> Timestamp {
    Timestamp::from_secs(1_800_000_000)
}

fn link(one_time: bool) -> Link {
    Link::new(NewLink {
        id: LinkId::from_bytes([1; 16]),
        token: [2; 32],
        guest: "Ann".to_owned(),
        dataset_id: "dataset".to_owned(),
        generation: Generation(0),
        issuer: UserId::from_bytes([3; 16]),
        one_time,
        create_time: start(),
        ttl: Duration::from_mins(5),
    })
}

/// The session that request number `request` derives.
fn new(request: u8) -> NewSession {
    NewSession {
        id: SessionId::from_bytes([request; 16]),
        tip: [request; 16],
        face: Face::Page,
        mode: Mode::Cookie,
        methods: Vec::new(),
        lifetime: Duration::from_hours(24),
        most: 10,
    }
}

fn standing() -> Standing {
    Standing::new(true, Generations::default())
}

fn redeem(link: Link, request: u8, before: Option<Session>, now: Timestamp) -> Decision<Link, LinkRedeemed> {
    let redemption = Redemption { token: &[2; 32], request: Some(&[request; 32]), new: &new(request) };
    link.redeem(&redemption, before, standing(), Opening::at(now, None))
}

proptest! {
    /// Whoever asks how often and when, of a one-time link comes one session; each of any link is a guest's, and none is opened
    /// once the link is over or revoked.
    #[test]
    fn a_one_time_link_opens_one_session(
        one_time in any::<bool>(),
        steps in proptest::collection::vec((prop_oneof![9 => (0_u8..4).prop_map(Some), 1 => Just(None)], 0_u64..50), 1..30),
    ) {
        let (mut link, mut now) = (link(one_time), start());
        let mut opened: Vec<Session> = Vec::new();
        for (request, wait) in steps {
            now = now.plus(Duration::from_secs(wait));
            let before = link.clone();
            let Some(request) = request else {
                let decision = link.revoke(now);
                prop_assert_eq!(decision.revoked.is_some(), decision.outcome == LinkRevoked::Revoked);
                link = decision.value;
                continue;
            };
            let known = opened.iter().find(|session| session.id() == new(request).id).cloned();
            let decision = redeem(link, request, known, now);
            link = decision.value;
            prop_assert_eq!(Link::try_from(link.clone().into_parts()), Ok(link.clone()), "a possible one");
            prop_assert_eq!(decision.audited.is_some(), decision.outcome != LinkRedeemed::Dead);
            match decision.outcome {
                LinkRedeemed::Opened(session) => {
                    prop_assert!(before.redeemable(standing(), now));
                    prop_assert_eq!(session.subject(), &Subject::Guest(link.guest_key()));
                    prop_assert!(session.expire_time() <= link.latest_end());
                    opened.push(session);
                }
                LinkRedeemed::Retried(session) => {
                    prop_assert!(opened.contains(&session) && now.since(session.auth_time()) <= REDEEM_RETRY);
                    prop_assert_eq!(&link, &before);
                }
                LinkRedeemed::Dead => prop_assert_eq!(&link, &before),
            }
        }
        prop_assert!(!one_time || opened.len() <= 1);
    }
}

#[test]
fn dead_links_of_every_kind_give_one_answer() {
    let outcome = |link: Link, token: [u8; 32], standing, now| {
        let redemption = Redemption { token: &token, request: None, new: &new(1) };
        link.redeem(&redemption, None, standing, Opening::at(now, None)).outcome
    };
    let logged_out = Standing::new(true, Generations::default().end_all(1));
    assert!(matches!(outcome(link(true), [2; 32], standing(), start()), LinkRedeemed::Opened(_)));
    assert_eq!(outcome(link(true), [0; 32], standing(), start()), LinkRedeemed::Dead);
    assert_eq!(outcome(link(true), [2; 32], logged_out, start()), LinkRedeemed::Dead);
    assert_eq!(outcome(link(true), [2; 32], standing(), link(true).redeem_by()), LinkRedeemed::Dead);
    assert_eq!(outcome(link(true).revoke(start()).value, [2; 32], standing(), start()), LinkRedeemed::Dead);
    assert_eq!(outcome(redeem(link(true), 7, None, start()).value, [2; 32], standing(), start()), LinkRedeemed::Dead);
    assert_eq!(link(true).issue(logged_out).outcome, Issued::Stale);
}

#[test]
fn what_cannot_be_is_refused() {
    let redeemed = |at| LinkState::Redeemed { session: SessionId::from_bytes([1; 16]), request: None, at };
    let parts = || link(true).into_parts();
    assert!(Link::try_from(LinkParts { state: redeemed(start()), ..parts() }).is_ok());
    assert!(Link::try_from(LinkParts { state: redeemed(start()), one_time: false, ..parts() }).is_err());
    assert!(Link::try_from(LinkParts { state: redeemed(parts().redeem_by), ..parts() }).is_err());
    assert!(Link::try_from(LinkParts { redeem_by: start().minus(REDEEM_RETRY), ..parts() }).is_err());
}
