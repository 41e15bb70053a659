//! The pages themselves: their words, their look and the headers that keep them apart from everything else.

use std::time::{Duration, UNIX_EPOCH};

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use maud::{DOCTYPE, Markup, html};

use super::status;
use crate::model::clock::Timestamp;
use crate::service::Reason;
use crate::service::sso::{Confirmation, Refusal};

const POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'");

/// Keeps an answer out of caches, frames and referrers, and everything but our style out of it.
pub(super) fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    response
}

/// `GET /assets/style.css`.
pub(super) async fn style() -> Response {
    let headers =
        [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "public, max-age=3600"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (headers, include_str!("style.css")).into_response()
}

/// Asks the person whether it was they who asked.
pub(super) fn confirm(base: &str, asked: &Confirmation) -> Response {
    page(
        base,
        StatusCode::OK,
        "Sign in?",
        &html! {
            p { "An application or script asks to act as " strong { (asked.username) } ". Is it yours?" }
            p.code aria-label="Code" { (asked.user_code) }
            p { "Say yes only if you started this yourself, just now, and the same code is shown there." }
            dl {
                dt { "Account" } dd { (asked.username) }
                dt { "Signed in through" } dd { (asked.provider) }
                dt { "Asked from" } dd { (asked.source) }
                dt { "Asked at" } dd { (time(asked.at)) }
            }
            form method="post" action=(format!("{base}/sso/confirm")) {
                input type="hidden" name="form" value=(asked.form.expose());
                button.primary type="submit" name="answer" value="yes" { "Yes, sign in" }
                button type="submit" name="answer" value="no" { "No" }
            }
        },
    )
}

/// After a yes.
pub(super) fn confirmed(base: &str) -> Response {
    page(
        base,
        StatusCode::OK,
        "You are signed in",
        &html! {
            p { "The application or script that asked goes on by itself. You can close this page." }
        },
    )
}

/// After a no.
pub(super) fn declined(base: &str) -> Response {
    page(
        base,
        StatusCode::OK,
        "Nobody was signed in",
        &html! {
            p { "The request was refused. If you did not start it, somebody may have sent you its link: tell whoever looks after this service." }
        },
    )
}

/// For a form that another page sent.
pub(super) fn foreign(base: &str) -> Response {
    page(
        base,
        status::code(Reason::ForeignOrigin),
        "This came from another page",
        &html! {
            p { "The answer was not sent by the page that asks for it, so it does not count. Go back to that page and answer there." }
        },
    )
}

/// What a refusal is to the person.
pub(super) fn refused(base: &str, refusal: &Refusal) -> Response {
    if let Refusal::Failed(error) = refusal {
        tracing::error!(%error, "a sign-on page failed");
    }
    let (status, title, text) = words(refusal);
    page(base, status, title, &html! { p { (text) } })
}

fn words(refusal: &Refusal) -> (StatusCode, &'static str, &'static str) {
    match refusal {
        Refusal::Invalid => (
            StatusCode::BAD_REQUEST,
            "This address is not valid",
            "It is not one that this service made, or it was cut on its way here. Start the sign-on again.",
        ),
        Refusal::Expired => (StatusCode::GONE, "This sign-on took too long", "A sign-on has ten minutes. Start it again."),
        Refusal::Used => (
            StatusCode::CONFLICT,
            "This sign-on was used already",
            "Each step of a sign-on works once, and nothing was changed now. If you did not finish it, start it again.",
        ),
        Refusal::OtherBrowser => (
            StatusCode::FORBIDDEN,
            "This sign-on began elsewhere",
            "It must be finished in the browser that opened its first page, and that browser must accept cookies. Start the sign-on again.",
        ),
        Refusal::ProviderFailed => (
            StatusCode::BAD_GATEWAY,
            "The identity provider did not answer as it should",
            "Nobody was signed in. Start the sign-on again; if this happens again, tell whoever looks after this service.",
        ),
        Refusal::ProviderRefused => (
            StatusCode::FORBIDDEN,
            "The identity provider said no",
            "Nobody was signed in. If you cancelled there, all is well; otherwise start the sign-on again.",
        ),
        Refusal::NotAllowed => (
            StatusCode::FORBIDDEN,
            "There is no account to sign in to",
            "The provider knows you, but you have no account here that may be used for this. Ask whoever looks after this service.",
        ),
        Refusal::Failed(error) => match status::code(error.reason()) {
            busy @ (StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) => {
                (busy, "The service is busy", "Nobody was signed in. Try again in a moment.")
            }
            code => (
                code,
                "Something went wrong here",
                "Nobody was signed in. Start the sign-on again; if this happens again, tell whoever looks after this service.",
            ),
        },
    }
}

fn page(base: &str, status: StatusCode, title: &str, content: &Markup) -> Response {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (title) " · countersign" }
                link rel="stylesheet" href=(format!("{base}/assets/style.css"));
            }
            body {
                main {
                    h1 { (title) }
                    (content)
                }
            }
        }
    };
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    guarded((status, [(CONTENT_TYPE, html)], markup.into_string()).into_response())
}

fn time(at: Timestamp) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(at.secs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::secret::Secret;

    #[tokio::test]
    async fn what_comes_from_outside_is_escaped() {
        let asked = Confirmation {
            form: Secret::new("csb_x"),
            source: [192, 0, 2, 7].into(),
            at: Timestamp::from_secs(784_111_777),
            user_code: "ABCD-1234".to_owned(),
            username: "<script>\"'&".to_owned(),
            provider: "corp".to_owned(),
        };
        let response = confirm("/base", &asked);
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[REFERRER_POLICY], "no-referrer");
        assert!(response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("frame-ancestors 'none'"));
        let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
        let text = std::str::from_utf8(&body).unwrap();
        assert!(!text.contains("<script"), "{text}");
        for shown in ["192.0.2.7", "Sun, 06 Nov 1994 08:49:37 GMT", "ABCD-1234", "&lt;script&gt;", "action=\"/base/sso/confirm\""]
        {
            assert!(text.contains(shown), "{shown} is missing in {text}");
        }
    }
}
