use std::collections::HashSet;
use std::io;
use std::sync::{Mutex, PoisonError};

use super::*;
use crate::model::random::SystemRandom;

fn next(given: &str, trusted: bool) -> String {
    let mut headers = HeaderMap::new();
    headers.insert(HEADER, given.parse().unwrap());
    RequestIds::default().next(&headers, trusted).to_string()
}

#[test]
fn no_two_are_the_same_and_all_are_of_one_form() {
    let ids = RequestIds::new(&SystemRandom);
    let several = ids.clone();
    let made: HashSet<String> = (0..2000)
        .map(|at| if at % 2 == 0 { &ids } else { &several }.next(&HeaderMap::new(), true).to_string())
        .inspect(|id| assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}"))
        .collect();
    assert_eq!(made.len(), 2000);
}

#[test]
fn a_trusted_proxy_may_give_a_well_formed_one() {
    let uuid = "8d8ac610-566d-4ef0-9c22-186b2a5ed793";
    assert_eq!(next(uuid, true), uuid);
    assert_eq!(next(&"a".repeat(MAX_LEN), true), "a".repeat(MAX_LEN));
    for passed_over in ["", "a b", "a=b", "\"", "a\tb", "a;b", &"a".repeat(MAX_LEN + 1)] {
        assert_ne!(next(passed_over, true), passed_over);
    }
    assert_ne!(next(uuid, false), uuid, "a stranger's word does not count");
}

#[test]
fn it_is_answered_in_a_header() {
    let mut headers = HeaderMap::new();
    RequestId::Own(255).answer(&mut headers);
    assert_eq!(headers["x-request-id"], "00000000000000ff");
    RequestId::Given("corp.7".into()).answer(&mut headers);
    assert_eq!(headers["x-request-id"], "corp.7");
}

#[tokio::test]
async fn work_is_marked_while_it_runs_and_no_longer() {
    assert_eq!(current(), None);
    let (apart, carried) = marked(&RequestId::Own(1), || {
        assert_eq!(marked(&RequestId::Own(2), current), Some(RequestId::Own(2)));
        assert_eq!(current(), Some(RequestId::Own(1)));
        (tokio::spawn(async { current() }), tokio::spawn(carried(async { current() })))
    });
    assert_eq!(apart.await.unwrap(), None);
    assert_eq!(carried.await.unwrap(), Some(RequestId::Own(1)));
    assert_eq!(current(), None);
}

#[test]
fn a_panic_leaves_no_mark() {
    let caught = std::panic::catch_unwind(|| marked(&RequestId::Own(1), || panic!("in the middle")));
    assert!(caught.is_err());
    assert_eq!(current(), None);
}

#[test]
fn the_log_says_which_call_a_line_belongs_to() {
    let written = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&written);
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .fmt_fields(Fields::default())
        .with_writer(move || Log(Arc::clone(&into)))
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        marked(&RequestId::Own(10), || tracing::warn!(count = 3, "in a call"));
        tracing::warn!("outside");
    });
    let written = String::from_utf8(written.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> = written.lines().collect();
    assert!(lines[0].ends_with("in a call count=3 request_id=000000000000000a"), "{written}");
    assert!(lines[1].ends_with("outside"), "{written}");
}

struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
