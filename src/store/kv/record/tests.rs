use proptest::prelude::*;

use super::{AuditPage, Named, SessionRow, Superuser, Tombstone, decode, encode};
use crate::model::ids::UserId;
use crate::model::link::Link;
use crate::model::user::User;
use crate::store::StoreError;

#[test]
fn what_was_put_is_what_is_read() {
    let named = Named::Email(UserId::from_bytes([7; 16]));
    assert_eq!(decode::<Named>(&encode(&named).unwrap()), Ok(named));
}

#[test]
fn a_record_of_one_kind_is_not_read_as_another() {
    let value = encode(&Superuser(UserId::from_bytes([7; 16]))).unwrap();
    assert!(matches!(decode::<super::Identity>(&value), Err(StoreError::Corrupt(text)) if text.contains("Identity")));
}

#[test]
fn another_version_a_short_value_and_a_long_one_are_corrupt() {
    let value = encode(&Tombstone(5)).unwrap();
    let mut later = value.clone();
    later[0] = 2;
    let mut longer = value.clone();
    longer.push(0);
    for damaged in [later, longer, value[..2].to_vec(), value[..1].to_vec(), Vec::new()] {
        assert!(matches!(decode::<Tombstone>(&damaged), Err(StoreError::Corrupt(_))), "{damaged:?}");
    }
}

proptest! {
    #[test]
    fn garbage_is_an_error_and_never_a_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), kind in any::<bool>()) {
        if kind {
            bytes.splice(0..0, [super::VERSION, super::Kind::User as u8]);
        }
        let _ = decode::<User>(&bytes);
        let _ = decode::<SessionRow>(&bytes);
        let _ = decode::<Link>(&bytes);
        let _ = decode::<AuditPage>(&bytes);
    }
}
