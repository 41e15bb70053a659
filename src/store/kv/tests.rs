//! What the conformance suite cannot reach from outside: groups, overlays, damage, reserved names.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::accounts::{create_user, insert};
use super::audit::audit;
use super::commit::{Held, decide};
use super::engine::{Job, Pair, View};
use super::head::Head;
use super::key::Kind;
use super::record::{Named, put};
use super::roll::Roll;
use super::session_row::{put_session, session};
use super::sessions::open_session;
use super::tx::{Changes, Group, Tx};
use super::{key, rows};
use crate::model::audit::{Action, Actor, Origin};
use crate::model::clock::Timestamp;
use crate::model::ids::{KeyId, OrganizationId, SessionId, UserId};
use crate::model::name::{Folded, Name};
use crate::model::organization::{ActiveOrganization, Organization};
use crate::model::personal_key::PersonalKey;
use crate::model::session::{Face, Mode, NewSession, Opening, Owner, Renewal, Session, SessionParts};
use crate::model::user::{Generation, Holder, Roles, Subject, User};
use crate::store::verbs::{By, CreateKey, OpenSession, Opened, RevokeKey, UserCreated};
use crate::store::{Lane, Result, StoreError};

#[derive(Default)]
struct Pairs(BTreeMap<Vec<u8>, Vec<u8>>);

impl View for Pairs {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], from: &[u8], most: usize) -> Result<Vec<Pair>> {
        let matching = self.0.iter().filter(|(key, _)| key.starts_with(prefix) && key.as_slice() >= from);
        Ok(matching.take(most).map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}

impl Pairs {
    fn apply(&mut self, changes: &Changes) {
        for (key, value) in changes {
            match value {
                Some(value) => self.0.insert(key.clone(), value.clone()),
                None => self.0.remove(key),
            };
        }
    }
}

fn by(secs: u64) -> By {
    By { origin: Origin { actor: Actor::System, source: None }, caller: None, now: Timestamp::from_secs(secs) }
}

/// Where the outcome of a verb lands.
type Outcome<T> = Arc<Mutex<Option<Result<T>>>>;

/// A verb that is run once.
struct Once<T, V> {
    by: By,
    verb: Option<V>,
    outcome: Option<Result<T>>,
    lands: Outcome<T>,
}

impl<T: Send, V: FnOnce(&mut Tx<'_>, &By) -> Result<T> + Send> Job for Once<T, V> {
    fn run(&mut self, tx: &mut Tx<'_>) {
        let verb = self.verb.take().unwrap();
        let decided = decide(tx, &self.by, |tx, by| verb(tx, by).map(Held::here));
        self.outcome = Some(decided.map(|commit| commit.outcome));
    }

    fn answer(self: Box<Self>, durable: Result<()>) {
        *self.lands.lock().unwrap() = Some(durable.and(self.outcome.unwrap()));
    }
}

fn job<T: Send + 'static>(
    by: By,
    verb: impl FnOnce(&mut Tx<'_>, &By) -> Result<T> + Send + 'static,
) -> (Box<dyn Job>, Outcome<T>) {
    let lands = Outcome::default();
    (Box::new(Once { by, verb: Some(verb), outcome: None, lands: Arc::clone(&lands) }), lands)
}

/// Runs jobs in a group.
fn run_all(group: &mut Group<'_>, mut jobs: Vec<Box<dyn Job>>) -> Vec<Box<dyn Job>> {
    for job in &mut jobs {
        group.run(&mut **job);
    }
    jobs
}

fn answer(jobs: Vec<Box<dyn Job>>, durable: &Result<()>) {
    for job in jobs {
        job.answer(durable.clone());
    }
}

/// Runs one verb as a group of its own.
fn run<T: Send + 'static>(
    pairs: &mut Pairs,
    head: &mut Head,
    verb: impl FnOnce(&mut Tx<'_>, &By) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (job, outcome) = job(by(1), verb);
    let mut group = Group::new(pairs, Lane::Only, head.clone());
    let ran = run_all(&mut group, vec![job]);
    let committed = group.finish().unwrap();
    *head = committed.head;
    pairs.apply(&committed.changes);
    answer(ran, &Ok(()));
    outcome.lock().unwrap().take().unwrap()
}

fn user(byte: u8, name: &str) -> User {
    User::new(
        UserId::from_bytes([byte; 16]),
        Name::parse(name).unwrap(),
        None,
        Some("phc".to_owned()),
        Roles::default(),
        Timestamp::from_secs(1),
    )
}

fn login(byte: u8) -> OpenSession {
    OpenSession {
        session: NewSession {
            id: SessionId::from_bytes([byte; 16]),
            tip: [byte; 16],
            face: Face::Grpc,
            mode: Mode::Json,
            methods: Vec::new(),
            lifetime: std::time::Duration::from_hours(24),
            most: 10,
        },
        user: UserId::from_bytes([byte; 16]),
        generation: Generation(0),
        password: "phc".to_owned(),
        factor: None,
        upgraded: None,
        organization: None,
    }
}

#[test]
fn a_verb_that_fails_leaves_nothing_and_the_others_of_its_group_stand() {
    let pairs = Pairs::default();
    let mut group = Group::new(&pairs, Lane::Only, Head::default());
    let (first, made) = job(by(5), |tx, by| insert(tx, by, &user(1, "ann")));
    let (second, failed) = job(by(9), |tx, by| {
        insert(tx, by, &user(2, "bob"))?;
        Err::<(), _>(StoreError::Corrupt("a test".to_owned()))
    });
    let (third, seen) = job(by(3), |tx, by| {
        audit(tx, by, Action::StoreCreated)?;
        Ok((rows::user(tx, UserId::from_bytes([1; 16]))?.is_some(), rows::user(tx, UserId::from_bytes([2; 16]))?, by.now))
    });
    let replies = run_all(&mut group, vec![first, second, third]);
    assert_eq!(made.lock().unwrap().as_ref(), None, "nobody is answered before the group is durable");
    answer(replies, &Ok(()));
    assert_eq!(made.lock().unwrap().take(), Some(Ok(())));
    assert_eq!(failed.lock().unwrap().take(), Some(Err(StoreError::Corrupt("a test".to_owned()))));
    assert_eq!(seen.lock().unwrap().take(), Some(Ok((true, None, Timestamp::from_secs(5)))));
    let committed = group.finish().unwrap();
    assert_eq!(committed.head.audit_sequence, 2);
    assert!(!committed.changes.contains_key(&key::user(UserId::from_bytes([2; 16]))));
}

#[test]
fn a_group_that_did_not_become_durable_answers_so_whatever_its_verbs_found() {
    let pairs = Pairs::default();
    let mut group = Group::new(&pairs, Lane::Only, Head::default());
    let (made, outcome) = job(by(5), |tx, by| insert(tx, by, &user(1, "ann")));
    let down = StoreError::Unavailable("the disk is gone".to_owned());
    answer(run_all(&mut group, vec![made]), &Err(down.clone()));
    assert_eq!(outcome.lock().unwrap().take(), Some(Err(down)));
}

#[test]
fn a_reserved_name_is_nobodys() {
    let (mut pairs, mut head) = (Pairs::default(), Head::default());
    run(&mut pairs, &mut head, |tx, _| put(tx, key::name(&Folded::presented("gone")), &Named::Reserved)).unwrap();
    let created = run(&mut pairs, &mut head, |tx, by| create_user(tx, by, &user(1, "Gone")));
    assert_eq!(created, Ok(UserCreated::NameReserved));
    assert_eq!(super::accounts::user_by_login(&pairs, &Folded::presented("gone")), Ok(None));
    assert_eq!(super::organizations::organization_by_name(&pairs, &Folded::presented("gone")), Ok(None));
}

#[test]
fn a_damaged_record_is_named_and_harms_no_other() {
    let (mut pairs, mut head) = (Pairs::default(), Head::default());
    for (byte, name) in [(1, "ann"), (2, "bob")] {
        run(&mut pairs, &mut head, move |tx, by| insert(tx, by, &user(byte, name))).unwrap();
    }
    let sound = pairs.0[&key::user(UserId::from_bytes([1; 16]))].clone();
    for cut in 0..sound.len() {
        pairs.0.insert(key::user(UserId::from_bytes([1; 16])), sound[..cut].to_vec());
        let (before, stood) = (pairs.0.clone(), head.clone());
        let opened = run(&mut pairs, &mut head, |tx, by| open_session(tx, by, &login(1)));
        assert!(matches!(&opened, Err(StoreError::Corrupt(text)) if text.starts_with("User")), "cut to {cut}: {opened:?}");
        assert!(pairs.0 == before && head == stood, "nothing was changed");
    }
    let opened = run(&mut pairs, &mut head, |tx, by| open_session(tx, by, &login(2)));
    assert!(matches!(opened, Ok(Opened::Opened(_))));
}

/// A view of which is known how many rows of sessions were read.
struct Counted<'a>(&'a dyn View, AtomicU32);

impl View for Counted<'_> {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.1.fetch_add(u32::from(key.starts_with(&key::all(Kind::Session))), Ordering::Relaxed);
        self.0.read(key)
    }

    fn scan(&self, prefix: &[u8], from: &[u8], most: usize) -> Result<Vec<Pair>> {
        self.0.scan(prefix, from, most)
    }
}

/// What the limit of sessions costs: a row for each session that was refreshed since it was last looked at, and the one that ends.
#[test]
fn of_a_crowd_only_the_rows_that_were_refreshed_since_are_read_in_vain() {
    const SESSIONS: u8 = 100;
    let (mut pairs, mut head) = (Pairs::default(), Head::default());
    run(&mut pairs, &mut head, |tx, by| insert(tx, by, &user(1, "ann"))).unwrap();
    for byte in 0..SESSIONS {
        let mut login = login(1);
        (login.session.id, login.session.most) = (SessionId::from_bytes([byte; 16]), 1000);
        run(&mut pairs, &mut head, move |tx, by| open_session(tx, by, &login)).unwrap();
    }
    let mut refresh = |pairs: &mut Pairs, bytes: std::ops::Range<u8>, at: u64| {
        run(pairs, &mut head, move |tx, _| {
            for byte in bytes {
                let row = session(tx, SessionId::from_bytes([byte; 16]))?.unwrap().into_parts();
                let refreshed = SessionParts { renewal: Renewal::AccessToken, refresh_time: Timestamp::from_secs(at), ..row };
                put_session(tx, Session::try_from(refreshed).unwrap())?;
            }
            Ok(())
        })
        .unwrap();
    };
    refresh(&mut pairs, 0..60, 5);
    let mut head = Head::default();
    let mut stalest = |pairs: &mut Pairs| {
        run(pairs, &mut head, |tx, _| {
            let subject = Subject::User(UserId::from_bytes([1; 16]));
            let mut roll = Roll::of(tx, &subject)?;
            let counted = Counted(tx, AtomicU32::new(0));
            let found = roll.least_recently_refreshed(&counted, 1)?;
            let read = counted.1.load(Ordering::Relaxed);
            roll.write(tx)?;
            Ok((found.first().map(|session| session.id().as_bytes()[0]), read))
        })
        .unwrap()
    };
    assert_eq!(stalest(&mut pairs), (Some(60), 61));
    assert_eq!(stalest(&mut pairs), (Some(60), 1), "the roll has learned");
}

/// No verb gives a key's token a row yet; the one that does finds its sessions ended with the key.
#[test]
fn a_revoked_key_ends_the_sessions_that_came_from_it() {
    let (mut pairs, mut head) = (Pairs::default(), Head::default());
    let (owner, id) = (UserId::from_bytes([1; 16]), KeyId::from_bytes([7; 16]));
    let key = PersonalKey::new(id, owner, "a key".to_owned(), [0; 32], Timestamp::from_secs(1), None);
    run(&mut pairs, &mut head, move |tx, by| {
        insert(tx, by, &user(1, "ann"))?;
        super::keys::create_key(tx, by, &CreateKey { key: key.clone(), most: 1 })?;
        for (byte, key) in [(1, Some(id)), (2, None)] {
            let new = login(byte).session;
            let account = Owner::Account { user: owner, organization: ActiveOrganization::Personal, key };
            let session = Session::open(&new, account, Generation(0), Opening::at(by.now, None));
            super::sessions::insert(tx, by, session, Holder::Account(user(1, "ann")), 10)?;
        }
        Ok(())
    })
    .unwrap();
    let revoke = RevokeKey { owner, id };
    assert!(run(&mut pairs, &mut head, move |tx, by| super::keys::revoke_key(tx, by, revoke)).is_ok());
    let lives = |byte| {
        let row = super::session_row::session(&pairs, SessionId::from_bytes([byte; 16])).unwrap().unwrap();
        row.lives(user(1, "ann").standing(), Timestamp::from_secs(2))
    };
    assert!(!lives(1) && lives(2));
}

/// Identities of before there was a list of them: they come in when they are used, and one whose account is gone is anybody's.
#[test]
fn an_identity_of_before_is_listed_once_it_is_used() {
    use super::identities::{account_of, identities, list};
    use super::record::Identity;
    let (mut pairs, mut head) = (Pairs::default(), Head::default());
    let id = UserId::from_bytes([1; 16]);
    run(&mut pairs, &mut head, move |tx, by| {
        insert(tx, by, &user(1, "ann"))?;
        put(tx, key::identity("https://idp", "7"), &Identity(id))?;
        put(tx, key::identity("https://idp", "8"), &Identity(UserId::from_bytes([9; 16])))
    })
    .unwrap();
    assert_eq!(account_of(&pairs, "https://idp", "7").unwrap().map(|user| user.id()), Some(id));
    assert_eq!(account_of(&pairs, "https://idp", "8"), Ok(None));
    assert_eq!(identities(&pairs, id, None, 9), Ok(Vec::new()));
    run(&mut pairs, &mut head, move |tx, _| list(tx, id, "https://idp", "7")).unwrap();
    assert_eq!(identities(&pairs, id, None, 9).unwrap().len(), 1);
}

/// Counts all that is read.
struct AllCounted<'a>(&'a Pairs, AtomicU32, AtomicU32);

impl View for AllCounted<'_> {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.read(key)
    }

    fn scan(&self, prefix: &[u8], from: &[u8], most: usize) -> Result<Vec<Pair>> {
        self.2.fetch_add(1, Ordering::Relaxed);
        self.0.scan(prefix, from, most)
    }
}

/// Who is no member is answered after as many reads, whether there is such an organization or not.
#[test]
fn an_organization_that_is_none_is_read_like_one_that_is() {
    let (mut pairs, mut head) = (Pairs::default(), Head::default());
    let id = OrganizationId::from_bytes([9; 16]);
    run(&mut pairs, &mut head, move |tx, by| {
        insert(tx, by, &user(1, "ann"))?;
        insert(tx, by, &user(2, "bob"))?;
        let team = Organization { id, name: Name::parse("team").unwrap(), create_time: by.now, require_factor: false };
        put(tx, key::name(&Folded::presented("team")), &Named::Organization(id))?;
        put(tx, key::organization(id), &team)
    })
    .unwrap();
    let reads = |of: &dyn Fn(&dyn View)| {
        let view = AllCounted(&pairs, AtomicU32::new(0), AtomicU32::new(0));
        of(&view);
        (view.1.into_inner(), view.2.into_inner())
    };
    let ann = user(1, "ann");
    let [sign_on, login]: [Vec<_>; 2] = [
        ["team", "bob", "nothing"]
            .map(|name| reads(&|view| assert_eq!(super::sso::providers_named(view, &Folded::presented(name)), Ok(Vec::new()))))
            .into(),
        ["team", "bob", "nothing"]
            .map(|name| reads(&|view| assert_eq!(rows::active(view, &ann, Some(&Folded::presented(name))), Ok(None))))
            .into(),
    ];
    for counts in [sign_on, login] {
        assert!(counts.iter().all(|count| *count == counts[0]) && counts[0].0 > 0, "{counts:?}");
    }
}

type Op = (u8, u8, Option<u8>);

proptest! {
    /// A transaction's scans are those of one map with everything in it, whatever lies in the view, the group and the verb.
    #[test]
    fn a_scan_sees_through_the_layers(
        below in proptest::collection::vec((0_u8..3, 0_u8..8, any::<u8>()), 0..20),
        group in proptest::collection::vec((0_u8..3, 0_u8..8, any::<Option<u8>>()), 0..10),
        own in proptest::collection::vec((0_u8..3, 0_u8..8, any::<Option<u8>>()), 0..10),
        from in 0_u8..8,
        most in 0_usize..10,
    ) {
        let mut pairs = Pairs::default();
        for (prefix, rest, value) in below {
            pairs.0.insert(vec![prefix, rest], vec![value]);
        }
        let mut expected = Pairs(pairs.0.clone());
        for (prefix, rest, value) in group.iter().chain(&own) {
            expected.apply(&Changes::from([(vec![*prefix, *rest], value.map(|value| vec![value]))]));
        }
        let mut running = Group::new(&pairs, Lane::Only, Head::default());
        let write = |tx: &mut Tx<'_>, ops: Vec<Op>| {
            for (prefix, rest, value) in ops {
                match value {
                    Some(value) => tx.put(vec![prefix, rest], vec![value]),
                    None => tx.remove(vec![prefix, rest]),
                }
            }
        };
        let (first, _) = job(by(1), move |tx, _| { write(tx, group); Ok(()) });
        let (second, scanned) = job(by(1), move |tx, _| { write(tx, own); tx.scan(&[1], &[1, from], most) });
        answer(run_all(&mut running, vec![first, second]), &Ok(()));
        prop_assert_eq!(scanned.lock().unwrap().take().unwrap(), expected.scan(&[1], &[1, from], most));
    }
}
