use std::time::Duration;

use prost_types::Duration as ProtoDuration;

use super::*;

fn field_of<T: std::fmt::Debug>(result: Result<T>) -> &'static str {
    match result.unwrap_err() {
        Error::Invalid { field, .. } => field,
        other => unreachable!("{other:?}"),
    }
}

fn parts(seconds: i64, nanos: i32) -> ProtoDuration {
    ProtoDuration { seconds, nanos }
}

#[test]
fn durations_are_positive_and_in_range() {
    assert_eq!(duration("ttl", None).unwrap(), None);
    assert_eq!(duration("ttl", Some(parts(0, 0))).unwrap(), None);
    assert_eq!(duration("ttl", Some(parts(1, 500_000_000))).unwrap(), Some(Duration::from_millis(1500)));
    for bad in [
        parts(-1, 0),
        parts(0, -1),
        parts(1, -1),
        parts(-1, 1),
        parts(i64::MAX, 0),
        parts(i64::MIN, i32::MIN),
        parts(0, 1_000_000_000),
        parts(315_576_000_001, 0),
    ] {
        assert_eq!(field_of(duration("ttl", Some(bad))), "ttl", "{bad:?}");
    }
}

#[test]
fn a_wait_is_cut_to_half_a_minute() {
    assert_eq!(wait("wait", None).unwrap(), Duration::ZERO);
    assert_eq!(wait("wait", Some(parts(29, 0))).unwrap(), Duration::from_secs(29));
    assert_eq!(wait("wait", Some(parts(3600, 0))).unwrap(), MAX_WAIT);
    assert_eq!(field_of(wait("wait", Some(parts(-1, 0)))), "wait");
}

#[test]
fn a_uuid_has_one_form() {
    let text = "6f2c1b1e-6a1b-4a53-9f0e-2b7c7d1f0a11";
    assert_eq!(uuid("request_id", text).unwrap().unwrap().to_string(), text);
    assert_eq!(uuid("request_id", "").unwrap(), None);
    for bad in [
        "x",
        "6f2c1b1e6a1b4a539f0e2b7c7d1f0a11",
        "{6f2c1b1e-6a1b-4a53-9f0e-2b7c7d1f0a11}",
        "6f2c1b1e-6a1b-4a53-9f0e-2b7c7d1f0a1\0",
    ] {
        assert_eq!(field_of(uuid("request_id", bad)), "request_id", "{bad}");
    }
}

#[test]
fn enum_numbers_that_are_not_in_the_contract_are_refused() {
    assert_eq!(mode(0).unwrap(), None);
    assert_eq!(mode(1).unwrap(), Some(Mode::Json));
    assert_eq!(mode(2).unwrap(), Some(Mode::Cookie));
    for bad in [-1, 3, i32::MAX, i32::MIN] {
        assert_eq!(field_of(mode(bad)), "mode");
        assert_eq!(field_of(organization_role(bad)), "role");
    }
    assert_eq!(organization_role(0).unwrap(), OrganizationRole::Member);
    assert_eq!(organization_role(2).unwrap(), OrganizationRole::Admin);
}

#[test]
fn a_page_has_at_most_a_thousand() {
    assert_eq!((page_size(0).unwrap(), page_size(1).unwrap(), page_size(1000).unwrap()), (50, 1, 1000));
    for bad in [-1, 1001, i32::MIN, i32::MAX] {
        assert_eq!(field_of(page_size(bad)), "page_size");
    }
}

#[test]
fn moments_keep_their_microseconds() {
    let at = timestamp(Timestamp::from_micros(1_700_000_000_123_456));
    assert_eq!((at.seconds, at.nanos), (1_700_000_000, 123_456_000));
}

#[test]
fn there_are_two_roles() {
    let read = |texts: &[&str]| roles(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
    assert_eq!(read(&[]).unwrap(), Roles::default());
    assert_eq!(read(&["superuser", "staff"]).unwrap(), Roles { staff: true, superuser: true });
    assert_eq!(read(&["staff", "staff"]).unwrap(), Roles { staff: true, superuser: false });
    for bad in [&["Staff"][..], &[""], &["admin"], &["staff", "staff", "staff"]] {
        assert_eq!(field_of(read(bad)), "roles", "{bad:?}");
    }
}
