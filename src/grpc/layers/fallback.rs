//! The answer to paths that no route has.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use tonic::body::Body;

use super::{plain, refusal};

/// UNIMPLEMENTED to who speaks gRPC or gRPC-Web, in its own content type; 404 to everyone else.
pub async fn unknown(headers: HeaderMap) -> Response<Body> {
    let Some(kind) = headers.get(header::CONTENT_TYPE).filter(|kind| kind.as_bytes().starts_with(b"application/grpc")) else {
        return plain(StatusCode::NOT_FOUND, "not found\n");
    };
    let mut response: Response<Body> = refusal::unimplemented().into_http();
    // A status in the headers means the same in both protocols; only the name differs. The value is chosen, not echoed.
    if kind.as_bytes().starts_with(b"application/grpc-web-text") {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc-web-text+proto"));
    } else if kind.as_bytes().starts_with(b"application/grpc-web") {
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc-web+proto"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_is_answered_in_its_own_protocol() {
        for (asked, code, answered) in [
            (None, StatusCode::NOT_FOUND, "text/plain; charset=utf-8"),
            (Some("application/json"), StatusCode::NOT_FOUND, "text/plain; charset=utf-8"),
            (Some("application/grpc"), StatusCode::OK, "application/grpc"),
            (Some("application/grpc+proto"), StatusCode::OK, "application/grpc"),
            (Some("application/grpc-web"), StatusCode::OK, "application/grpc-web+proto"),
            (Some("application/grpc-web-text"), StatusCode::OK, "application/grpc-web-text+proto"),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(asked) = asked {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asked));
            }
            let response = unknown(headers).await;
            assert_eq!((response.status(), response.headers()["content-type"].to_str().unwrap()), (code, answered));
            assert_eq!(response.headers().get("grpc-status").is_some(), answered.starts_with("application/grpc"));
        }
    }
}
