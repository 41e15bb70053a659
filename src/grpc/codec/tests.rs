use http_body_util::Full;
use tonic::codec::Codec as _;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;

use super::Codec;
use crate::grpc::pb::{LoginRequest, LogoutRequest};

/// What a server's handler is given for one gRPC frame with these bytes in it.
async fn decoded(message: &[u8]) -> Result<Option<LoginRequest>, Status> {
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    let decoder = Codec::<LogoutRequest, LoginRequest>::default().decoder();
    Streaming::new_request(decoder, Full::new(bytes::Bytes::from(frame)), None, None).message().await
}

#[tokio::test]
async fn bytes_that_are_no_message_are_the_callers_fault() {
    let wrong_wire_type = &[0x08, 0x01];
    let not_utf8 = &[0x0a, 0x01, 0xff];
    let ends_too_early = &[0x0a, 0x05, b'a'];
    let field_zero = &[0x00, 0x00];
    for bytes in [&wrong_wire_type[..], not_utf8, ends_too_early, field_zero] {
        let status = decoded(bytes).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{bytes:?}");
        let info = status.get_details_error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("MALFORMED_MESSAGE", "countersign"));
    }
}

#[tokio::test]
async fn a_message_is_decoded_and_unknown_fields_are_ignored() {
    let message = decoded(&[0x0a, 0x01, b'a', 0xf8, 0x07, 0x01]).await.unwrap().unwrap();
    assert_eq!(message.username, "a");
}
