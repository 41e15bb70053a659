use prost::Message as _;
use prost_types::FileDescriptorSet;
use prost_types::field_descriptor_proto::Type;

use super::{LoginRequest, LoginResponse, OPAQUE, TokenSet};

const DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("countersign_descriptor");

/// A field of one of these names, or that ends so, holds a secret, unless it is listed as harmless.
const TELLING: [&str; 9] =
    ["password", "otp", "token", "secret", "state", "codes", "otpauth_url", "single_use_url", "request_id"];
const HARMLESS: [&str; 2] = ["page_token", "next_page_token"];

#[test]
fn messages_with_a_secret_are_opaque() {
    let all = FileDescriptorSet::decode(DESCRIPTOR_SET).unwrap().file;
    let ours: Vec<_> = all.iter().filter(|file| file.package() == "countersign.v1").flat_map(|file| &file.message_type).collect();
    assert!(ours.len() > 50, "only {} messages in the descriptor set", ours.len());
    for message in ours {
        for field in message.field.iter().filter(|field| field.r#type() == Type::String) {
            let name = field.name();
            if TELLING.iter().any(|telling| name.ends_with(telling)) && !HARMLESS.contains(&name) {
                assert!(OPAQUE.contains(&message.name()), "{}.{name}", message.name());
            }
        }
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
