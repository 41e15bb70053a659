//! The records of format 2 that no fixture holds, and those that were never written so.

use super::{Translation, stood, store_id};
use crate::model::clock::Timestamp;
use crate::model::ids::StoreId;
use crate::store::StoreError;
use crate::store::kv::head::Head;
use crate::store::kv::record::{Named, decode};

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn translate(key: &[u8], value: &str) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
    Translation::default().record(key, &unhex(value))
}

#[test]
fn a_reserved_name_stays_reserved() {
    let (key, value) = translate(b"\x12gone", "011203").unwrap();
    assert_eq!(key, b"\x12gone");
    assert_eq!(decode::<Named>(&value), Ok(Named::Reserved));
}

#[test]
fn what_is_no_record_of_format_2_is_refused_with_its_kind() {
    let corrupt = |what: &str| Err(StoreError::Corrupt(what.to_owned()));
    assert_eq!(translate(b"\x12x", "021203"), corrupt("Name: is of version 2"));
    assert_eq!(translate(b"\x12x", "011303"), corrupt("Name: is of kind 0x13"));
    assert_eq!(translate(b"\x12x", "01120300"), corrupt("Name: something follows it"));
    assert_eq!(translate(b"\x12x", "01"), corrupt("Name: is cut short"));
    assert!(matches!(translate(b"\x12x", "011204"), Err(StoreError::Corrupt(what)) if what.starts_with("Name: ")));
    assert_eq!(translate(b"cell", "00"), corrupt("a key that begins with Some(99) is none of format 2"));
}

/// Whoever changed the old log, by whatever means, does not get it chained anew.
#[test]
fn an_audit_log_that_is_not_chained_is_refused() {
    // Event 1, at 5, by the service: the store was made.
    let whole = ["0148", "01", &"00".repeat(32), "01", "05", "00", "00", "00"].concat();
    let (_, page) = translate(b"\x48", &whole).unwrap();
    assert!(!page.is_empty());
    let torn = ["0148", "01", &"07".repeat(32), "01", "05", "00", "00", "00"].concat();
    let not_chained = |number: u64| StoreError::Corrupt(format!("Audit: event {number} is not chained to the one before"));
    assert_eq!(translate(b"\x48", &torn), Err(not_chained(1)));
    let late = ["0148", "02", &"00".repeat(32), "01", "05", "00", "00", "00"].concat();
    assert_eq!(translate(b"\x48", &late), Err(not_chained(2)));

    let mut translation = Translation::default();
    translation.record(b"\x48", &unhex(&whole)).unwrap();
    let head = Head { audit_sequence: 1, ..Head::default() };
    let cut = translation.finish(&head, Timestamp::default(), 3).unwrap_err();
    assert_eq!(cut, StoreError::Corrupt("Audit: ends with event 1 of 1".to_owned()));
}

#[test]
fn the_engines_own_records_are_read() {
    assert_eq!(store_id(&unhex(&["02", &"07".repeat(16)].concat())), Some(StoreId::from_bytes([7; 16])));
    let stands = stood(&unhex(&["04", "03", "05", "0c", "ac02", "09", &"0a".repeat(32)].concat())).unwrap();
    assert_eq!((stands.commits, stands.tally), (4, 8));
    let head = Head { revision: 6, last_commit: Timestamp::from_micros(300), audit_sequence: 9, audit_hash: [10; 32] };
    assert_eq!(stands.head, head);
}
