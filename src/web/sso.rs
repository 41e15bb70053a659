//! The steps of a sign-on that happen in a browser.

use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header::LOCATION;
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::{PagesState, pages};
use crate::edge::source::client;
use crate::model::secret::Secret;
use crate::model::session::Face;
use crate::service::sso::{Answered, Callback, Refusal};

#[derive(Deserialize)]
pub(super) struct StartQuery {
    s: String,
}

/// `GET /sso/start`: binds the browser and goes on to the provider.
pub(super) async fn start(
    State(state): State<PagesState>,
    query: Result<Query<StartQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let Ok(Query(query)) = query else {
        return pages::refused(&state.base, &Refusal::Invalid);
    };
    let begun = match state.sso.begin(&query.s, state.binding(&headers).as_ref()).await {
        Ok(begun) => begun,
        Err(refusal) => return pages::refused(&state.base, &refusal),
    };
    let Ok(location) = HeaderValue::from_str(&begun.location) else {
        return pages::refused(&state.base, &Refusal::ProviderFailed);
    };
    let mut response = pages::guarded(StatusCode::SEE_OTHER.into_response());
    state.cookie.set(response.headers_mut(), &begun.cookie, begun.max_age);
    response.headers_mut().insert(LOCATION, location);
    response
}

#[derive(Deserialize)]
pub(super) struct CallbackQuery {
    state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// `GET /sso/callback/{provider}`: takes what the provider sent back and asks the person.
pub(super) async fn callback(
    State(state): State<PagesState>,
    Path(provider): Path<String>,
    extensions: Extensions,
    query: Result<Query<CallbackQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let Ok(Query(query)) = query else {
        return pages::refused(&state.base, &Refusal::Invalid);
    };
    let callback = Callback {
        provider,
        state: query.state.unwrap_or_default().into(),
        code: query.code.map(Secret::from),
        issuer: query.iss,
        refused: query.error.is_some(),
        cookie: state.binding(&headers),
    };
    match state.sso.callback(&client(&extensions, Face::Page), callback).await {
        Ok(confirmation) => pages::confirm(&state.base, &confirmation),
        Err(refusal) => pages::refused(&state.base, &refusal),
    }
}

/// `HEAD` of a callback.
pub(super) async fn no_head() -> StatusCode {
    StatusCode::METHOD_NOT_ALLOWED
}

#[derive(Deserialize)]
pub(super) struct ConfirmForm {
    form: String,
    answer: String,
}

/// `POST /sso/confirm`: takes the person's answer.
pub(super) async fn confirm(
    State(state): State<PagesState>,
    extensions: Extensions,
    headers: HeaderMap,
    form: Result<Form<ConfirmForm>, FormRejection>,
) -> Response {
    if state.origin.check_form(&headers).is_err() {
        return pages::foreign(&state.base);
    }
    let yes = match &form {
        Ok(Form(form)) if form.answer == "yes" => true,
        Ok(Form(form)) if form.answer == "no" => false,
        _ => return pages::refused(&state.base, &Refusal::Invalid),
    };
    let form = Secret::new(form.map(|Form(form)| form.form).unwrap_or_default());
    match state.sso.answer(&client(&extensions, Face::Page), &form, state.binding(&headers).as_ref(), yes).await {
        Ok(Answered::Confirmed) => pages::confirmed(&state.base),
        Ok(Answered::Refused) => pages::declined(&state.base),
        Err(refusal) => pages::refused(&state.base, &refusal),
    }
}
