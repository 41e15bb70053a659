use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;
use prost_types::method_options::IdempotencyLevel;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet};
use serde_json::{Value, json};

use super::{DESCRIPTOR_SET, ErrorReason};

fn files() -> Vec<FileDescriptorProto> {
    let all = FileDescriptorSet::decode(DESCRIPTOR_SET).unwrap().file;
    all.into_iter().filter(|file| file.package() == "countersign.v1").collect()
}

/// The leading comment of everything in a file, by its path in the descriptor.
fn comments(file: &FileDescriptorProto) -> BTreeMap<Vec<i32>, String> {
    let locations = &file.source_code_info.as_ref().unwrap().location;
    locations.iter().map(|at| (at.path.clone(), at.leading_comments().trim().to_owned())).collect()
}

/// Everything that wants a comment, by name and path. The numbers are those of the fields of `descriptor.proto`.
fn items(file: &FileDescriptorProto) -> Vec<(String, Vec<i32>)> {
    let mut items = Vec::new();
    for (m, message) in (0..).zip(&file.message_type) {
        message_items(message, vec![4, m], &mut items);
    }
    for (e, values) in (0..).zip(&file.enum_type) {
        enum_items(values, &[5, e], &mut items);
    }
    for (s, service) in (0..).zip(&file.service) {
        items.push((service.name().to_owned(), vec![6, s]));
        items.extend((0..).zip(&service.method).map(|(r, rpc)| (format!("{}.{}", service.name(), rpc.name()), vec![6, s, 2, r])));
    }
    items
}

fn message_items(message: &DescriptorProto, path: Vec<i32>, items: &mut Vec<(String, Vec<i32>)>) {
    let below = |kind: i32, index: i32| [&path[..], &[kind, index]].concat();
    let name = |field: &str| format!("{}.{field}", message.name());
    items.extend((0..).zip(&message.field).map(|(f, field)| (name(field.name()), below(2, f))));
    items.extend(
        (0..)
            .zip(&message.oneof_decl)
            .filter(|(_, oneof)| !oneof.name().starts_with('_'))
            .map(|(o, oneof)| (name(oneof.name()), below(8, o))),
    );
    for (n, nested) in (0..).zip(&message.nested_type) {
        message_items(nested, below(3, n), items);
    }
    for (e, values) in (0..).zip(&message.enum_type) {
        enum_items(values, &below(4, e), items);
    }
    items.push((message.name().to_owned(), path));
}

fn enum_items(values: &EnumDescriptorProto, path: &[i32], items: &mut Vec<(String, Vec<i32>)>) {
    items.push((values.name().to_owned(), path.to_vec()));
    items.extend((0..).zip(&values.value).map(|(v, value)| (value.name().to_owned(), [path, &[2, v]].concat())));
}

#[test]
fn everything_in_the_contract_has_a_comment() {
    let mut bare = Vec::new();
    let mut count = 0;
    for file in files() {
        let comments = comments(&file);
        for (name, path) in items(&file) {
            count += 1;
            if comments.get(&path).is_none_or(String::is_empty) {
                bare.push(name);
            }
        }
    }
    assert!(count > 100, "only {count} items in the descriptor set");
    assert_eq!(bare, Vec::<String>::new());
}

#[test]
fn every_rpc_says_who_may_call_it_and_how_it_fails() {
    for file in files() {
        let comments = comments(&file);
        for (name, path) in items(&file).into_iter().filter(|(_, path)| path.first() == Some(&6) && path.len() == 4) {
            let comment = &comments[&path];
            assert!(comment.contains("Who: ") && comment.contains("Fails with "), "{name}: {comment}");
            let reasons = comment.split("Fails with ").nth(1).unwrap();
            for word in
                reasons.split(|c: char| !(c.is_ascii_uppercase() || c == '_')).filter(|word| word.trim_matches('_').contains('_'))
            {
                assert!(ErrorReason::from_str_name(&format!("ERROR_REASON_{word}")).is_some(), "{name}: no reason {word}");
            }
        }
    }
}

/// `proto/service_config.json`, by which clients retry: what changes nothing, or nothing more the second time, and no other.
#[test]
fn clients_retry_what_is_idempotent_and_nothing_else() {
    let config: Value = serde_json::from_str(include_str!("../../../proto/service_config.json")).unwrap();
    let [retried] = config["methodConfig"].as_array().unwrap().as_slice() else { unreachable!("{config}") };
    let named = retried["name"].as_array().unwrap().iter();
    let named: BTreeSet<String> =
        named.map(|it| format!("{}/{}", it["service"].as_str().unwrap(), it["method"].as_str().unwrap())).collect();
    let mut idempotent = BTreeSet::new();
    for file in files() {
        for service in &file.service {
            for method in &service.method {
                let level = method.options.clone().unwrap_or_default().idempotency_level();
                let reads = ["Get", "List", "Peek", "Verify", "Watch"].iter().any(|read| method.name().starts_with(read));
                assert!(!reads || level != IdempotencyLevel::IdempotencyUnknown, "{}: say its idempotency_level", method.name());
                if level != IdempotencyLevel::IdempotencyUnknown {
                    idempotent.insert(format!("{}.{}/{}", file.package(), service.name(), method.name()));
                }
                // A request without side effects may travel in a URL, which proxies log.
                let secret = ["PeekSingleUse", "PkeyJwt", "VerifyToken"].contains(&method.name());
                assert!(!secret || level == IdempotencyLevel::Idempotent, "{} carries a secret", method.name());
            }
        }
    }
    assert_eq!(named, idempotent);
    for changes in ["Login", "Refresh", "SsoJwt", "RedeemSingleUse", "Logout"] {
        assert!(!named.contains(&format!("countersign.v1.AuthService/{changes}")), "{changes}");
    }
    let policy = &retried["retryPolicy"];
    assert_eq!(policy["retryableStatusCodes"], json!(["UNAVAILABLE", "RESOURCE_EXHAUSTED"]));
    assert!(policy["maxAttempts"].as_u64().is_some_and(|attempts| (2..=5).contains(&attempts)), "gRPC takes five at the most");
}

#[test]
fn error_reasons_are_distinct_and_have_an_example_each() {
    let file = files().into_iter().find(|file| file.name().ends_with("error.proto")).unwrap();
    let comments = comments(&file);
    let reasons = &file.enum_type[0];
    assert_eq!(reasons.name(), "ErrorReason");
    let numbers: BTreeSet<i32> = reasons.value.iter().map(prost_types::EnumValueDescriptorProto::number).collect();
    let names: BTreeSet<&str> = reasons.value.iter().map(prost_types::EnumValueDescriptorProto::name).collect();
    assert_eq!((numbers.len(), names.len()), (reasons.value.len(), reasons.value.len()));
    let mut examples = BTreeSet::new();
    for (v, value) in (0..).zip(&reasons.value) {
        let comment = &comments[&vec![5, 0, 2, v]];
        let example = comment.split_once("Example:").map(|(_, example)| example.trim().to_owned());
        assert!(example.is_some_and(|example| !example.is_empty() && examples.insert(example)), "{}: {comment}", value.name());
        assert_eq!(ErrorReason::try_from(value.number()).unwrap().as_str_name(), value.name());
    }
}
