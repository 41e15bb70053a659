//! Contract and code agree: each rpc's "Fails with" list in the proto files is held against what can be reached.
//!
//! For every rpc and every reason of its own list there is a row ([`auth`], [`others`]) that provokes the reason over the wire, or a
//! kind of caller who is refused for it (`tokens/callers.rs`). The reasons of a service's own list are provoked at every rpc, or
//! once for the layer that gives them ([`SHARED`]). The other way round, whatever is provoked here, by callers of every kind
//! (`tokens/callers.rs`) or by bad input (`errors`), must be in the list: [`assert_listed`].
//!
//! What is in a list and not built yet stands in [`NOT_YET`] and [`UNIMPLEMENTED`], which only shrink: an entry that is reached
//! fails here.

mod auth;
mod everywhere;
pub(crate) mod lists;
mod operators;
mod others;
mod stage;

use std::collections::BTreeSet;
use std::path::Path;

use tonic::Status;

use self::lists::{LISTS, code_of, listed};
use self::stage::{Row, Stage};
use crate::arena::raw::{Rpc, call, rpcs};
use crate::arena::refusal::told;
use crate::arena::wire::Wire;

/// Reasons of an rpc's own list that its code does not give yet.
const NOT_YET: [(&str, &str); 0] = [];

/// Rpcs that answer UNIMPLEMENTED, to anybody.
const UNIMPLEMENTED: &[&str] = &[
    "AuthService/RevokePresentedKey",
    "AccountService/RegenerateRecoveryCodes",
    "AdminService/CreateServiceAccount",
    "AdminService/ImportUsers",
    "AdminService/ListPersonalKeys",
    "AdminService/RevokePersonalKey",
    "AdminService/ListSessions",
    "AdminService/RevokeSession",
    "AdminService/WatchAuditEvents",
    "TokenService/WatchRevocations",
    "AccountService/DisableTotp",
    "AccountService/RotatePersonalKey",
    "AccountService/ListSessions",
    "AccountService/RevokeSession",
    "AccountService/SwitchOrganization",
    "AdminService/ListLinks",
    "AdminService/RevokeLink",
    "AdminService/ListAuditEvents",
    "AdminService/ListSigningKeys",
    "AdminService/RotateSigningKey",
    "AdminService/ResetPassword",
    "AdminService/ResetTotp",
];

/// The reasons that `tokens/callers.rs` provokes at every rpc that lists them and takes a signed-in caller.
const OF_CALLERS: [&str; 4] = ["TOKEN_INVALID", "GUEST_NOT_ALLOWED", "PERMISSION_DENIED", "CREDENTIAL_TOO_WEAK"];

/// The reasons of the services' lists, and the test that provokes each: at every rpc, or once where one place gives it for all.
const SHARED: [(&str, &str); 10] = [
    ("VALIDATION_FAILED", "tests/stories/contract/everywhere.rs::an_overlong_field_is_refused_at_every_rpc"),
    ("MALFORMED_MESSAGE", "tests/stories/errors/mod.rs::bytes_that_are_no_message_are_the_callers_fault_on_every_rpc"),
    ("MESSAGE_TOO_LARGE", "tests/stories/errors/mod.rs::a_message_past_64_kib_reaches_no_handler"),
    ("OVERLOADED", "tests/stories/contract/everywhere.rs::without_a_place_no_rpc_is_carried_out"),
    ("DEADLINE_EXCEEDED", "tests/stories/contract/everywhere.rs::every_rpc_ends_at_its_deadline"),
    ("CONFLICT", "tests/stories/contract/everywhere.rs::what_changed_meanwhile_is_a_conflict"),
    ("STORE_UNAVAILABLE", "tests/stories/contract/everywhere.rs::with_a_closed_store_nothing_that_needs_it_is_answered"),
    ("CLOCK_UNTRUSTED", "tests/stories/contract/everywhere.rs::with_a_clock_that_is_not_trusted_nothing_is_committed_or_signed"),
    ("SHUTTING_DOWN", "tests/stories/contract/everywhere.rs::a_server_that_drains_takes_no_new_call"),
    ("INTERNAL", "tests/transport/layers.rs::a_panic_ends_its_call_alone_and_says_nothing"),
];

/// Whether this release answers the rpc.
pub(crate) fn is_built(rpc: &str) -> bool {
    !UNIMPLEMENTED.contains(&rpc)
}

/// The refusal's code is that of its reason, and its reason is in the rpc's list or in its service's; UNIMPLEMENTED is for rpcs that
/// are not built.
pub(crate) fn assert_listed(rpc: &Rpc, status: &Status) {
    let name = rpc.name();
    let (code, reason) = told(status);
    assert_eq!(code, code_of(&reason), "{name}: the code of {reason} in error.proto");
    let listed = listed(&name);
    let known = if is_built(&name) {
        listed.has(&reason) || listed.shared.contains(&reason)
    } else {
        reason == "UNIMPLEMENTED" || listed.shared.contains(&reason)
    };
    let not_built = if reason == "UNIMPLEMENTED" { "; what is not built stands in UNIMPLEMENTED" } else { "" };
    assert!(known, "{name} answers {reason}, which its \"Fails with\" does not list{not_built}: {status:?}");
}

fn rows() -> Vec<Row> {
    let mut rows = auth::rows();
    rows.extend(others::rows());
    rows.extend(operators::rows());
    rows
}

#[test]
fn every_listed_reason_is_provoked_or_an_exception() {
    let rows: Vec<(&str, &str)> = rows().iter().map(|row| (row.rpc, row.reason)).collect();
    let unique: BTreeSet<_> = rows.iter().collect();
    assert_eq!(unique.len(), rows.len(), "a reason has two rows");
    for (rpc, reason) in rows.iter().chain(&NOT_YET) {
        assert!(listed(rpc).has(reason), "{rpc} has a row or an exception for {reason}, which its \"Fails with\" does not list");
        assert!(is_built(rpc), "{rpc} has a row or an exception for {reason}, and stands in UNIMPLEMENTED");
    }
    for rpc in UNIMPLEMENTED {
        listed(rpc);
    }
    for rpc in LISTS.iter().filter(|listed| is_built(&listed.rpc)) {
        for reason in &rpc.own {
            let pair = (rpc.rpc.as_str(), reason.as_str());
            let by_caller = !rpc.is_open() && OF_CALLERS.contains(&pair.1);
            assert!(
                by_caller || rows.contains(&pair) || NOT_YET.contains(&pair),
                "{} lists {reason} and nothing provokes it: add a row to auth::rows or others::rows",
                rpc.rpc
            );
            assert!(!(rows.contains(&pair) && NOT_YET.contains(&pair)), "{pair:?} has a row: take it off NOT_YET");
        }
    }
}

#[test]
fn every_shared_reason_names_the_test_that_provokes_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let held: BTreeSet<String> = SHARED.iter().map(|(reason, _)| (*reason).to_owned()).collect();
    for listed in LISTS.iter() {
        assert_eq!(listed.shared, held, "the list of {}'s service: name the test of what is new in SHARED", listed.rpc);
    }
    for (reason, test) in SHARED {
        let (file, name) = test.split_once("::").unwrap();
        let source = std::fs::read_to_string(root.join(file)).unwrap_or_default();
        assert!(source.contains(&format!("fn {name}(")), "{reason} names {test}, which is not there");
    }
}

/// Plays the rows of one service.
async fn play(service: &str) {
    let stage = Stage::new(&[]).await;
    let mut played = 0;
    for row in rows().into_iter().filter(|row| row.rpc.starts_with(service)) {
        let status = (row.provoke)(stage.clone()).await;
        let expected = (code_of(row.reason), row.reason.to_owned());
        assert_eq!(told(&status), expected, "{}: {status:?}", row.rpc);
        played += 1;
    }
    assert!(played > 0);
}

#[tokio::test]
async fn the_reasons_of_auth_service() {
    play("AuthService/").await;
}

#[tokio::test]
async fn the_reasons_of_token_service() {
    play("TokenService/").await;
}

#[tokio::test]
async fn the_reasons_of_account_service() {
    play("AccountService/").await;
}

#[tokio::test]
async fn the_reasons_of_admin_service() {
    play("AdminService/").await;
}

#[tokio::test]
async fn what_is_not_built_says_so_and_nothing_else_does() {
    let wire = Wire::start().await;
    let calls = wire.calls().await;
    for rpc in rpcs() {
        let name = rpc.name();
        let said = match call(&calls.channel, &rpc.path(), Vec::new(), None).await {
            Ok(_) => String::new(),
            Err(refused) => {
                assert_listed(&rpc, &refused);
                told(&refused).1
            }
        };
        if is_built(&name) {
            assert_ne!(said, "UNIMPLEMENTED", "{name}");
        } else {
            assert_eq!(said, "UNIMPLEMENTED", "{name} is built: take it off UNIMPLEMENTED and add rows for its reasons");
        }
    }
}
