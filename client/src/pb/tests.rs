use protox::prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};

use super::{LoginRequest, LoginResponse, OPAQUE, TokenSet};

const DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("countersign_descriptor");

/// A field of one of these names, or that ends so, holds a secret, unless it is listed as harmless.
const TELLING: [&str; 13] = [
    "password",
    "password_hash",
    "passwords",
    "otp",
    "token",
    "tokens",
    "secret",
    "state",
    "code",
    "codes",
    "otpauth_url",
    "single_use_url",
    "request_id",
];
const HARMLESS: [&str; 2] = ["page_token", "next_page_token"];

fn pool() -> DescriptorPool {
    DescriptorPool::decode(DESCRIPTOR_SET).unwrap()
}

fn is_redacted(field: &FieldDescriptor) -> bool {
    field.options().get_field_by_name("debug_redact").is_some_and(|value| value.as_bool() == Some(true))
}

#[test]
fn what_is_secret_is_marked_so_and_its_message_is_opaque() {
    let pool = pool();
    let ours: Vec<_> = pool.all_messages().filter(|message| message.package_name() == "countersign.v1").collect();
    assert!(ours.len() > 50, "only {} messages in the descriptor set", ours.len());
    let mut marked = 0;
    for field in ours.iter().flat_map(MessageDescriptor::fields) {
        let text = matches!(field.kind(), Kind::String | Kind::Bytes);
        let telling = TELLING.iter().any(|telling| field.name().ends_with(telling)) && !HARMLESS.contains(&field.name());
        assert_eq!(is_redacted(&field), text && telling, "debug_redact of {}", field.full_name());
        if is_redacted(&field) {
            marked += 1;
            assert!(OPAQUE.contains(&field.parent_message().name()), "{}", field.full_name());
        }
    }
    assert!(marked > 25, "only {marked} secrets");
}

#[test]
fn every_file_says_what_it_is_called_in_each_language() {
    let pool = pool();
    let files: Vec<_> = pool.files().filter(|file| file.package_name() == "countersign.v1").collect();
    assert_eq!(files.len(), 5);
    let text = |options: &DynamicMessage, name: &str| {
        options.get_field_by_name(name).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    for file in files {
        let options = file.options();
        for (name, expected) in [
            ("csharp_namespace", "Countersign.V1"),
            ("go_package", "countersign.internal/clients/go/countersignv1"),
            ("java_package", "com.countersign.v1"),
            ("objc_class_prefix", "CSN"),
            ("php_namespace", "Countersign\\V1"),
            ("ruby_package", "Countersign::V1"),
        ] {
            assert_eq!(text(&options, name), expected, "{name} of {}", file.name());
        }
        assert!(text(&options, "java_outer_classname").ends_with("Proto"), "{}", file.name());
        assert_eq!(options.get_field_by_name("java_multiple_files").and_then(|value| value.as_bool()), Some(true));
    }
}

#[test]
fn debug_shows_no_secret() {
    let request = LoginRequest { username: "ada".into(), password: "correct horse".into(), ..LoginRequest::default() };
    assert_eq!(format!("{request:?}"), "LoginRequest(..)");
    let tokens = TokenSet { refresh_token: "csr_x".into(), ..TokenSet::default() };
    let answer = LoginResponse { tokens: Some(tokens), user: None };
    assert_eq!(format!("{answer:?}"), "LoginResponse { tokens: Some(TokenSet(..)), user: None }");
}
