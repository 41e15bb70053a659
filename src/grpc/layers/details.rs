//! Gives statuses that tonic made the shape of ours: the right code, a sentence, and `ErrorInfo`.
//!
//! A handler's own refusal is known by its details and left alone, as is OK, whose cost here is one look at a header. The texts
//! are those of tonic 0.14 (`codec/decode.rs`, `codec/compression.rs`, `server/grpc.rs`, tonic-prost's codec); the transport
//! tests provoke each of them, so that a release that changes one is noticed.

use http::{HeaderMap, Response};
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::edge::request_id::{RequestId, marked};
use crate::edge::{Refusal, Trailers};
use crate::grpc::status;
use crate::service::Reason;

/// Completes a response that is nothing but its headers; every other status comes in trailers, see [`completed_trailers`].
pub(super) fn complete(response: Response<Body>, id: &RequestId) -> Response<Body> {
    if !wants_completion(response.headers()) {
        return response;
    }
    let status = response.extensions().get::<Status>().cloned().or_else(|| Status::from_header_map(response.headers()));
    // The call is over by now: whatever is logged of it here is still its own.
    match status.and_then(|status| marked(id, || completed(&status))) {
        Some(status) => status.into_http(),
        None => response,
    }
}

/// Trailers in place of `trailers`, where those need completion.
fn completed_trailers(trailers: &HeaderMap) -> Option<HeaderMap> {
    if !wants_completion(trailers) {
        return None;
    }
    Status::from_header_map(trailers).and_then(|status| completed(&status)).map(|status| trailers_of(&status))
}

/// How gRPC ends a stream.
#[derive(Debug)]
pub(super) struct GrpcTrailers;

impl Trailers for GrpcTrailers {
    fn refused(refusal: &Refusal, id: &RequestId) -> HeaderMap {
        let mut trailers = trailers_of(&status::status(refusal));
        id.answer(&mut trailers);
        trailers
    }

    fn completed(trailers: &HeaderMap) -> Option<HeaderMap> {
        completed_trailers(trailers)
    }
}

/// Whether these headers refuse a call.
pub(super) fn refuse(headers: &HeaderMap) -> bool {
    headers.get(Status::GRPC_STATUS).is_some_and(|code| code != "0")
}

/// A status as trailers.
fn trailers_of(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    // What cannot be written in headers is percent-encoded before; were it to fail, the stream ends without a status, and that
    // is an error to every client.
    let _ = status.add_header(&mut trailers);
    trailers
}

fn wants_completion(headers: &HeaderMap) -> bool {
    refuse(headers) && !headers.contains_key(Status::GRPC_STATUS_DETAILS)
}

fn completed(status: &Status) -> Option<Status> {
    let said = status.message();
    let refusal = match status.code() {
        Code::OutOfRange if said.contains("message length too large") => TOO_LARGE,
        Code::ResourceExhausted if said.contains("size limit") => TOO_LARGE,
        Code::Internal if MALFORMED.iter().any(|text| said.contains(text)) => {
            Refusal::new(Reason::MalformedMessage, "the message is not one of this method, or is not complete")
        }
        Code::Internal | Code::Unknown if CUT_OFF.iter().any(|text| said.contains(text)) => {
            tracing::debug!(said, "a message was cut off on its way here");
            Refusal::new(Reason::MalformedMessage, "the message was cut off on its way here")
        }
        Code::Unimplemented if said.is_empty() => NO_SUCH_METHOD,
        Code::Unimplemented => Refusal { sentence: said.to_owned().into(), ..Refusal::new(Reason::Unimplemented, "") },
        Code::Internal | Code::Unknown => {
            tracing::error!(code = ?status.code(), said, "a call failed with a status that is not ours");
            Refusal::internal()
        }
        _ => return None,
    };
    // The metadata goes along: with an unknown compression it says which would do.
    let (code, sentence) = (status::code(refusal.reason), refusal.sentence.as_ref());
    let mut metadata = status.metadata().clone();
    status::push_back(&refusal, &mut metadata);
    Some(Status::with_error_details_and_metadata(code, sentence, status::details(&refusal), metadata))
}

/// The answer to a method or path that does not exist.
pub(super) const NO_SUCH_METHOD: Refusal = Refusal::new(Reason::Unimplemented, "this server has no such method");

const TOO_LARGE: Refusal = Refusal::new(Reason::MessageTooLarge, "the message is larger than this server takes");

/// What tonic says, as INTERNAL, of a message that the client got wrong.
const MALFORMED: [&str; 8] = [
    "invalid compression flag",
    "compressed-flag but no grpc-encoding",
    "Unexpected EOF decoding stream",
    "Missing request message",
    "Error decompressing",
    "failed to decode Protobuf message",
    // gRPC-Web in text form: base64 that is cut short, or is none.
    "malformed base64 request",
    "tonic-web: Invalid ",
];

/// What tonic and hyper say of a message whose sender went away, or broke its stream, in the middle of it.
const CUT_OFF: [&str; 2] = ["error reading a body from connection", "h2 protocol error"];

#[cfg(test)]
mod tests {
    use super::*;

    const ID: RequestId = RequestId::Own(1);

    #[test]
    fn tonics_statuses_become_ours() {
        for (status, code, reason) in [
            (
                Status::out_of_range("Error, decoded message length too large: found 70000 bytes, the limit is: 65536 bytes"),
                Code::ResourceExhausted,
                "MESSAGE_TOO_LARGE",
            ),
            (
                Status::internal("protocol error: received message with invalid compression flag: 2"),
                Code::InvalidArgument,
                "MALFORMED_MESSAGE",
            ),
            (Status::internal("Missing request message."), Code::InvalidArgument, "MALFORMED_MESSAGE"),
            (Status::unimplemented(""), Code::Unimplemented, "UNIMPLEMENTED"),
            (Status::unknown("h2 broke"), Code::Internal, "INTERNAL"),
            (Status::internal("sled: src/tree.rs"), Code::Internal, "INTERNAL"),
        ] {
            let completed = Status::from_header_map(complete(status.into_http(), &ID).headers()).unwrap();
            assert_eq!(completed.code(), code);
            let info = completed.get_details_error_info().unwrap();
            assert_eq!((info.reason.as_str(), info.domain.as_str()), (reason, "countersign"));
            assert!(!completed.message().contains("sled"));
        }
    }

    #[test]
    fn a_stream_ends_with_a_status_and_the_name_of_its_call() {
        let trailers = GrpcTrailers::refused(&Refusal::internal(), &ID);
        let status = Status::from_header_map(&trailers).unwrap();
        assert_eq!(status.get_details_error_info().unwrap().reason, "INTERNAL");
        assert_eq!(trailers["x-request-id"], "0000000000000001");
        let tonics = trailers_of(&Status::internal("Unexpected EOF decoding stream."));
        let completed = Status::from_header_map(&GrpcTrailers::completed(&tonics).unwrap()).unwrap();
        assert_eq!(completed.code(), Code::InvalidArgument);
    }

    #[test]
    fn what_is_ours_or_ok_is_left_alone() {
        let ours = status::status(&Refusal::new(Reason::Internal, "as it is"));
        let kept = Status::from_header_map(complete(ours.into_http(), &ID).headers()).unwrap();
        assert_eq!((kept.code(), kept.message()), (Code::Internal, "as it is"));
        assert!(completed_trailers(&trailers_of(&Status::ok(""))).is_none());
        assert!(completed_trailers(&HeaderMap::new()).is_none());
        assert!(completed_trailers(&trailers_of(&Status::internal("x"))).is_some());
    }
}
