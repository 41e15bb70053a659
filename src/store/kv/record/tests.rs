mod audit;
mod golden;

use proptest::prelude::*;
use prost::Message as _;

use super::messages::{self, session};
use super::{AuditPage, Identity, Named, Record, SessionRow, Superuser, Tombstone, VERSION, decode, encode, frame};
use crate::model::ids::{SessionId, UserId};
use crate::model::link::Link;
use crate::model::sso::Attempt;
use crate::model::user::{Generations, User};
use crate::store::StoreError;
use crate::store::kv::key::Kind;

/// Why a message is not read as a record.
fn refusal<R: Record + std::fmt::Debug>(message: &R::Message) -> String {
    let value = frame(R::KIND as u8, message).unwrap();
    match decode::<R>(&value).unwrap_err() {
        StoreError::Corrupt(what) => what,
        other => panic!("{other:?}"),
    }
}

/// A session of which everything is there that must be.
fn session() -> messages::Session {
    messages::Session {
        subject: Some(session::Subject::User(vec![7; 16])),
        face: messages::Face::Grpc.into(),
        mode: messages::Mode::Json.into(),
        auth_time: Some(1),
        tip: vec![7; 16],
        ..messages::Session::default()
    }
}

#[test]
fn a_record_of_one_kind_is_not_read_as_another() {
    let value = encode(&Superuser(UserId::from_bytes([7; 16]))).unwrap();
    assert_eq!(decode::<Identity>(&value), Err(StoreError::Corrupt("Identity: is of kind 0x11".to_owned())));
}

#[test]
fn another_version_a_short_value_and_a_long_one_are_corrupt() {
    let value = encode(&Tombstone::at(5)).unwrap();
    for version in [0, 1, 3] {
        let other = [&[version], &value[1..]].concat();
        assert_eq!(decode::<Tombstone>(&other), Err(StoreError::Corrupt(format!("Tombstone: is of version {version}"))));
    }
    let longer = [value.as_slice(), &[0]].concat();
    for damaged in [longer.as_slice(), &value[..3], &value[..2], &value[..1], &[]] {
        assert!(matches!(decode::<Tombstone>(damaged), Err(StoreError::Corrupt(_))), "{damaged:?}");
    }
}

#[test]
fn what_must_be_there_and_is_not_is_named() {
    decode::<SessionRow>(&frame(Kind::Session as u8, &session()).unwrap()).unwrap();
    let without = |change: fn(&mut messages::Session)| {
        let mut message = session();
        change(&mut message);
        refusal::<SessionRow>(&message)
    };
    assert_eq!(without(|message| message.subject = None), "Session: subject is missing");
    assert_eq!(without(|message| message.face = 0), "Session: face is missing");
    assert_eq!(without(|message| message.mode = 0), "Session: mode is missing");
    assert_eq!(without(|message| message.auth_time = None), "Session: auth_time is missing");
    assert_eq!(without(|message| message.tip = Vec::new()), "Session: tip is missing");
    assert_eq!(without(|message| message.methods = vec![0]), "Session: methods is missing");
    assert_eq!(without(|message| message.credential = Some(messages::Credential { of: None })), "Session: credential is missing");
    assert_eq!(refusal::<User>(&messages::User::default()), "User: id is missing");
    assert_eq!(refusal::<Named>(&messages::Name::default()), "Name: of is missing");
    assert_eq!(refusal::<AuditPage>(&messages::AuditPage::default()), "Audit: first is missing");
}

#[test]
fn an_unknown_number_is_refused_and_never_taken_for_a_known_one() {
    let with = |change: fn(&mut messages::Session)| {
        let mut message = session();
        change(&mut message);
        refusal::<SessionRow>(&message)
    };
    assert_eq!(with(|message| message.face = 5), "Session: face is 5, which this version does not know");
    assert_eq!(with(|message| message.mode = -1), "Session: mode is -1, which this version does not know");
    assert_eq!(with(|message| message.renewal = 3), "Session: renewal is 3, which this version does not know");
    assert_eq!(with(|message| message.methods = vec![1, 99]), "Session: methods is 99, which this version does not know");
    let ended = with(|message| message.ended = Some(messages::SessionEnd { at: Some(1), reason: 6 }));
    assert_eq!(ended, "Session: ended.reason is 6, which this version does not know");
    let entry = messages::AuditEntry { at: Some(1), actor: 1, action: 1000, ..messages::AuditEntry::default() };
    let page = messages::AuditPage { first: 1, previous: vec![0; 32], events: vec![entry] };
    assert_eq!(refusal::<AuditPage>(&page), "Audit: action is 1000, which this version does not know");
}

#[test]
fn what_is_not_of_its_form_is_named() {
    let mut message = session();
    message.tip = vec![7; 17];
    assert_eq!(refusal::<SessionRow>(&message), "Session: tip is 17 bytes long");
    let named = messages::Name { of: messages::NameOf::Reserved.into(), id: vec![1; 16] };
    assert_eq!(refusal::<Named>(&named), "Name: is reserved, and is something's");
    let user = messages::User { id: vec![7; 16], name: "no name".to_owned(), ..messages::User::default() };
    assert_eq!(refusal::<User>(&user), "User: name is no name");
    message = session();
    message.subject = Some(session::Subject::Guest("Gina".to_owned()));
    assert_eq!(refusal::<SessionRow>(&message), "Session: guest is not folded");
}

/// Each part is of its form, and they cannot be together.
#[test]
fn an_impossible_value_is_refused_and_says_why() {
    let user = messages::User {
        id: vec![7; 16],
        name: "mara".to_owned(),
        enabled: true,
        create_time: Some(1),
        ..messages::User::default()
    };
    decode::<User>(&frame(Kind::User as u8, &user).unwrap()).unwrap();
    let disabled = messages::User { enabled: false, ..user.clone() };
    assert_eq!(refusal::<User>(&disabled), "User: disabled, and its sessions were not ended");
    let risen = messages::Generations { session_floor: 2, token_floor: 1, current: 3, session_floor_revision: 0 };
    assert_eq!(refusal::<Generations>(&risen), "Guest: a session floor above the token floor");
    let with = messages::User { generations: Some(risen), ..user };
    assert_eq!(refusal::<User>(&with), "User: a session floor above the token floor");
    let attempt = messages::Attempt {
        id: vec![7; 16],
        expire_time: Some(5),
        standing: messages::AttemptStanding::Collected.into(),
        session: vec![7; 16],
        at: Some(5),
        ..messages::Attempt::default()
    };
    assert_eq!(refusal::<Attempt>(&attempt), "Attempt: went on after its end");

    let row = |message: &messages::Session| {
        decode::<SessionRow>(&frame(Kind::Session as u8, message).unwrap()).unwrap().session(SessionId::from_bytes([9; 16]))
    };
    assert_eq!(row(&session()).unwrap().id(), SessionId::from_bytes([9; 16]));
    let late = messages::Session { refreshed_after: 1, ..session() };
    assert_eq!(row(&late), Err(StoreError::Corrupt("Session: rotated after its end".to_owned())));
}

/// prost passes over a field that it does not know, wherever it stands. A record with one would lose it when it is written again.
#[test]
fn a_field_of_a_later_version_is_refused_at_every_depth() {
    let value = encode(&Generations::default()).unwrap();
    let later = [value.as_slice(), &[0x28, 1]].concat();
    let unknown = |kind: &str| StoreError::Corrupt(format!("{kind}: holds something that this version does not know"));
    assert_eq!(decode::<Generations>(&later), Err(unknown("Guest")));

    // The end of a session with a third field.
    let body = session().encode_to_vec();
    let later = [[VERSION, Kind::Session as u8].as_slice(), &body, &[0x72, 6, 0x08, 1, 0x10, 1, 0x18, 1]].concat();
    assert_eq!(decode::<SessionRow>(&later), Err(unknown("Session")));
    let known = [[VERSION, Kind::Session as u8].as_slice(), &body, &[0x72, 4, 0x08, 1, 0x10, 1]].concat();
    assert!(decode::<SessionRow>(&known).is_ok());
}

proptest! {
    #[test]
    fn garbage_is_an_error_and_never_a_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), kind in any::<bool>()) {
        if kind {
            bytes.splice(0..0, [VERSION, Kind::User as u8]);
        }
        let _ = decode::<User>(&bytes);
        let _ = decode::<SessionRow>(&bytes);
        let _ = decode::<Link>(&bytes);
        let _ = decode::<AuditPage>(&bytes);
    }

    /// Whatever is read is written again as it was: nothing is lost on the way, and nothing has two forms.
    #[test]
    fn what_is_read_is_written_as_it_was(body in proptest::collection::vec(any::<u8>(), 0..60)) {
        let value = [[VERSION, Kind::Roll as u8].as_slice(), &body].concat();
        if let Ok(page) = decode::<super::RollPage>(&value) {
            prop_assert_eq!(encode(&page).unwrap().len(), value.len());
        }
    }
}
