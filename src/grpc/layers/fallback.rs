//! The answer to calls whose path no service has.

use http::{HeaderMap, HeaderValue, Response, header};
use tonic::body::Body;

use super::details::NO_SUCH_METHOD;
use crate::grpc::status::status;

/// UNIMPLEMENTED to who speaks gRPC or gRPC-Web, in its own content type; `None` for everyone else.
#[must_use]
pub fn unknown(headers: &HeaderMap) -> Option<Response<Body>> {
    let kind = headers.get(header::CONTENT_TYPE).filter(|kind| kind.as_bytes().starts_with(b"application/grpc"))?;
    let mut response: Response<Body> = status(&NO_SUCH_METHOD).into_http();
    // A status in the headers means the same in both protocols; only the name differs. The value is chosen, not echoed.
    if kind.as_bytes().starts_with(b"application/grpc-web-text") {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc-web-text+proto"));
    } else if kind.as_bytes().starts_with(b"application/grpc-web") {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc-web+proto"));
    }
    Some(response)
}
