//! The contract of `countersign::store::Store`, case by case, for every store.
//!
//! Each case runs on each store of `stores!`, as `STORE::DOMAIN::CASE`. A store that keeps its records is listed a second time:
//! there `World::settle` closes it and opens it again, so that what a case finds afterwards was durable.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod accounts;
mod admins;
mod asked;
mod audit;
mod decisions;
mod fence;
mod founding;
mod keys;
mod links;
mod logout;
mod operators;
mod organizations;
mod providers;
mod races;
mod sessions;
mod sso;
mod sweep;
mod time;
mod values;
mod world;

use countersign::model::random::{Random, SystemRandom};

/// Where the values of the cases come from.
fn random() -> &'static dyn Random {
    &SystemRandom
}

/// One test for each case on one store.
macro_rules! cases {
    ($open:path: $($domain:ident { $($case:ident),* $(,)? })*) => {
        /// The names of the cases, as the documentation of the contract has them.
        pub(crate) const CASES: &[&str] = &[$($(concat!("`", stringify!($domain), "::", stringify!($case), "`")),*),*];

        $(mod $domain {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let mut world = crate::world::World::found($open().await).await;
                crate::$domain::$case(&mut world).await;
                world.close().await;
            })*
        })*
    };
}

/// Every case on every store. A case that is not listed does not compile: it would be dead code.
macro_rules! stores {
    ($($store:ident: $open:path;)*) => {
        $(mod $store {
            cases! { $open:
                founding {
                    founds_once,
                    keeps_what_it_was_founded_with,
                    changes_signing_keys_together,
                    a_new_issuer_has_a_new_key_and_a_new_epoch,
                    remembers_the_audience_of_its_last_start,
                    takes_a_check_that_is_sealed_later,
                    answers_nothing_after_it_was_closed,
                    finishes_what_its_caller_dropped,
                }
                accounts {
                    finds_accounts_by_name_and_email,
                    keeps_one_namespace,
                    disabling_ends_everything_and_enabling_revives_nothing,
                    keeps_the_last_superuser,
                    a_password_change_moves_its_own_session_along,
                    a_password_change_needs_what_was_read,
                    one_time_codes_guard_once_confirmed,
                }
                organizations {
                    knows_shared_and_personal_ones,
                    membership_comes_and_goes,
                    a_rule_is_set_and_kept,
                    a_lost_membership_ends_the_tokens_of_that_organization,
                    a_lost_admin_role_ends_the_tokens_of_that_organization,
                }
                sessions {
                    opens_with_what_the_commit_found,
                    does_not_open_on_what_changed,
                    spends_a_code_once_and_only_with_what_it_opens,
                    acts_only_in_an_own_organization,
                    ends_the_least_recently_refreshed_of_too_many,
                    rotates_and_retries_within_an_absolute_window,
                    ends_on_reuse_late_and_ahead,
                    a_thief_cannot_hide_behind_the_end,
                    turns_away_what_it_does_not_know,
                    renews_one_way_only,
                    notes_renewals_now_and_then,
                    answers_its_last_moments,
                    ends_one_by_itself,
                    ends_one_without_a_row,
                }
                logout {
                    ends_and_counts_what_was_live,
                    raises_the_generation_of_a_name_that_nobody_has,
                    only_a_superuser_ends_staff,
                    takes_names_and_addresses,
                }
                links {
                    opens_one_session_for_a_guest,
                    gives_the_same_session_to_the_same_request,
                    opens_many_where_it_is_not_one_time,
                    dies_in_time,
                    dies_with_the_generation_it_was_read_with,
                    revoking_ends_what_it_opened,
                    a_guest_ends_seven_days_after_its_link,
                }
                keys {
                    reads_a_key_with_its_owner,
                    revoking_kills_its_tokens,
                    counts_only_live_ones,
                    notes_its_use,
                }
                providers {
                    lists_them_by_scope,
                    changes_and_removes_one,
                }
                sso {
                    goes_its_way_once,
                    makes_an_account_for_a_new_identity,
                    makes_names_valid_and_unique,
                    knows_the_identity_again,
                    refuses_who_may_not_come_in,
                    collects_only_what_still_holds,
                    can_be_refused_until_collected,
                    a_verified_email_follows,
                }
                decisions {
                    rotates_a_session,
                    redeems_a_link,
                    takes_an_attempt_on,
                }
                admins {
                    organizations_are_listed_by_name,
                    lists_its_members,
                    deleting_an_organization_ends_its_tokens_and_reserves_its_name,
                    an_operator_links_and_unlinks_identities,
                    an_admin_has_its_own_organization_alone,
                }
                operators {
                    are_listed_by_name,
                    an_operator_changes_email_and_roles,
                    the_last_superuser_keeps_role_and_account,
                    deleting_leaves_nothing_but_a_reserved_name,
                    one_superuser_is_left_by_any_way,
                    nothing_survives_a_deletion,
                }
                fence {
                    a_caller_that_was_signed_out_changes_nothing,
                    a_caller_whose_session_ended_changes_nothing,
                    a_caller_whose_credential_was_revoked_changes_nothing,
                    a_caller_that_lost_its_role_changes_nothing,
                    guards_every_change,
                }
                races {
                    a_hundred_exchange_one_token,
                    a_hundred_redeem_one_link,
                    a_hundred_collect_one_attempt,
                    fifty_log_in_with_one_code,
                    theft_against_the_newest_token,
                    nothing_survives_logout,
                    one_superuser_is_left,
                    one_name_for_one_account,
                }
                audit {
                    records_each_change_in_order,
                    records_nothing_where_nothing_changed,
                    records_a_refresh_that_stands_out, reads_from_any_event_on, chains_what_it_records,
                }
                sweep {
                    removes_what_expired_a_day_ago,
                    removes_attempts_when_their_time_is_up,
                    keeps_what_a_token_may_need,
                    goes_in_small_steps,
                }
                time {
                    never_goes_back,
                    answers_where_it_was_decided,
                    revisions_rise_over_everything,
                }
            }
        })*
    };
}

/// A claim of the contract names its case, and every case is named by a claim.
#[test]
fn the_contract_names_its_cases() {
    let contract = [
        include_str!("../../src/store/mod.rs"),
        include_str!("../../src/store/verbs/accounts.rs"),
        include_str!("../../src/store/verbs/audit.rs"),
        include_str!("../../src/store/verbs/keys.rs"),
        include_str!("../../src/store/verbs/links.rs"),
        include_str!("../../src/store/verbs/organizations.rs"),
        include_str!("../../src/store/verbs/sessions.rs"),
        include_str!("../../src/store/verbs/sign_on.rs"),
        include_str!("../../src/store/verbs/signing_keys.rs"),
        include_str!("../../src/store/verbs/state.rs"),
    ]
    .concat();
    assert_eq!(
        [memory::CASES, sled::CASES, far::CASES, far_lanes::CASES],
        [sled_reopened::CASES; 4],
        "every store has every case"
    );
    let unnamed: Vec<_> = memory::CASES.iter().filter(|case| !contract.contains(**case)).collect();
    assert!(unnamed.is_empty(), "not in the documentation of the store: {unnamed:?}");
    let named = contract.split('`').skip(1).step_by(2).filter(|text| {
        let domain = text.split_once("::").map_or("", |(domain, _)| domain);
        domain.chars().all(char::is_lowercase) && memory::CASES.iter().any(|case| case[1..].starts_with(&format!("{domain}::")))
    });
    let unknown: Vec<_> = named.filter(|text| !memory::CASES.contains(&format!("`{text}`").as_str())).collect();
    assert!(unknown.is_empty(), "no such case: {unknown:?}");
}

stores! {
    memory: crate::world::memory;
    far: crate::world::far;
    far_lanes: crate::world::far_lanes;
    sled: crate::world::sled;
    sled_reopened: crate::world::sled_reopened;
}
