//! `AuthService`: credentials in, tokens out.

use tonic::{Request, Response, Status};

use super::pb::auth_service_server::AuthService;
use super::{Api, client, convert, pb};
use crate::edge::authorization::{Presented, personal_key};
use crate::edge::to_the_end;
use crate::model::secret::Secret;
use crate::model::session::Mode;
use crate::service::limits::invalid;
use crate::service::login::LoginRequest;
use crate::service::refresh::RefreshSource;
use crate::service::sso::SsoCollected;

type Answer<M> = Result<Response<M>, Status>;

#[tonic::async_trait]
impl AuthService for Api {
    async fn login(&self, request: Request<pb::LoginRequest>) -> Answer<pb::LoginResponse> {
        let client = client(&request);
        let mode = convert::mode(request.get_ref().mode)?;
        if mode == Some(Mode::Cookie) {
            self.origin.check(request.metadata().as_ref())?;
        }
        let message = request.into_inner();
        let login = LoginRequest {
            username: message.username,
            password: message.password.into(),
            otp: message.otp.into(),
            organization: message.org_name,
            mode,
        };
        let services = self.services();
        let signed_in = to_the_end(async move { services.login.login(&client, login).await }).await?;
        let user = signed_in.user.as_ref().map(convert::user);
        Ok(self.answer(signed_in.tokens, |tokens| pb::LoginResponse { tokens: Some(tokens), user }))
    }

    async fn refresh(&self, request: Request<pb::RefreshRequest>) -> Answer<pb::RefreshResponse> {
        let client = client(&request);
        let mode = convert::mode(request.get_ref().mode)?;
        let cookie = self.presented_cookie(&request)?;
        let from_cookie = cookie.is_some();
        if from_cookie || mode == Some(Mode::Cookie) {
            self.origin.check(request.metadata().as_ref())?;
        }
        let message = request.into_inner();
        let source = one_of(message.refresh_token.into(), message.access_token.into(), cookie)?;
        // One change of the store is all that it makes, which survives being dropped.
        let tokens = self.services.refresh.refresh(&client, source, mode).await?;
        let leaves_cookie = from_cookie && tokens.mode == Mode::Json;
        let mut response = self.answer(tokens, |tokens| pb::RefreshResponse { tokens: Some(tokens) });
        if leaves_cookie {
            // The cookie's token is used up; presented again later it would end the session.
            self.cookie.clear(response.metadata_mut().as_mut());
        }
        Ok(response)
    }

    async fn pkey_jwt(&self, request: Request<pb::PkeyJwtRequest>) -> Answer<pb::PkeyJwtResponse> {
        let client = client(&request);
        let header = personal_key(request.metadata().as_ref())?;
        let message = request.into_inner();
        let in_fields = !message.key_id.is_empty() || !message.key_secret.is_empty();
        let (id, secret) = match header {
            Presented::Key(..) if in_fields => Err(invalid("key_id", "the key is in the authorization metadata too"))?,
            Presented::Key(id, secret) => (id, secret),
            Presented::Other(problem) if !in_fields => Err(invalid("authorization", problem))?,
            Presented::Nothing | Presented::Other(_) => (message.key_id, message.key_secret.into()),
        };
        // A mark in the audit log is all that it writes, and that survives being dropped.
        let signed_in = self.services.personal_keys.exchange(&client, &id, &secret, &message.org_name).await?;
        let user = signed_in.user.as_ref().map(convert::user);
        Ok(self.answer(signed_in.tokens, |tokens| pb::PkeyJwtResponse { tokens: Some(tokens), user }))
    }

    async fn revoke_presented_key(&self, _: Request<pb::RevokePresentedKeyRequest>) -> Answer<pb::RevokePresentedKeyResponse> {
        Err(super::status::unimplemented())
    }

    async fn sso_start(&self, request: Request<pb::SsoStartRequest>) -> Answer<pb::SsoStartResponse> {
        let client = client(&request);
        let message = request.into_inner();
        let started = self.services.sso.start(&client, &message.org_name, &message.idp_name).await?;
        Ok(Response::new(pb::SsoStartResponse {
            state: started.state.expose().to_owned(),
            auth_url: started.auth_url,
            user_code: started.user_code,
            expire_time: Some(convert::timestamp(started.expire_time)),
        }))
    }

    /// Not `to_the_end`: a client that goes away gives its place among the waits back, and what was collected is answered again.
    async fn sso_jwt(&self, request: Request<pb::SsoJwtRequest>) -> Answer<pb::SsoJwtResponse> {
        let client = client(&request);
        let message = request.into_inner();
        let wait = convert::wait("wait", message.wait)?;
        let collected = self.services.sso.collect(&client, &message.state.into(), wait).await?;
        let SsoCollected::Complete(signed_in) = collected else {
            return Ok(Response::new(pb::SsoJwtResponse { status: pb::SsoStatus::Pending.into(), ..Default::default() }));
        };
        let (status, user) = (pb::SsoStatus::Complete.into(), signed_in.user.as_ref().map(convert::user));
        Ok(self.answer(signed_in.tokens, |tokens| pb::SsoJwtResponse { status, tokens: Some(tokens), user }))
    }

    async fn generate_single_use(&self, request: Request<pb::GenerateSingleUseRequest>) -> Answer<pb::GenerateSingleUseResponse> {
        let caller = self.caller(&request)?;
        let message = request.into_inner();
        let ttl = convert::duration("ttl", message.ttl)?;
        let services = self.services();
        let link =
            to_the_end(async move { services.single_use.generate(&caller, &message.username, &message.dataset_id, ttl).await })
                .await?;
        Ok(Response::new(pb::GenerateSingleUseResponse {
            single_use_url: link.url.expose().to_owned(),
            link_id: link.link_id.to_string(),
            expire_time: Some(convert::timestamp(link.expire_time)),
        }))
    }

    async fn logout_user(&self, request: Request<pb::LogoutUserRequest>) -> Answer<pb::LogoutUserResponse> {
        let caller = self.caller(&request)?;
        let message = request.into_inner();
        let services = self.services();
        let done = to_the_end(async move { services.logout.logout_user(&caller, &message.username).await }).await?;
        Ok(Response::new(pb::LogoutUserResponse {
            sessions_revoked: i32::try_from(done.sessions).unwrap_or(i32::MAX),
            links_revoked: i32::try_from(done.links).unwrap_or(i32::MAX),
            revision: done.revision,
        }))
    }

    async fn peek_single_use(&self, request: Request<pb::PeekSingleUseRequest>) -> Answer<pb::PeekSingleUseResponse> {
        let client = client(&request);
        let token = Secret::from(request.into_inner().token);
        let link = self.services.single_use.peek(&client, &token).await?;
        Ok(Response::new(pb::PeekSingleUseResponse {
            dataset_id: link.dataset_id,
            expire_time: Some(convert::timestamp(link.expire_time)),
        }))
    }

    async fn redeem_single_use(&self, request: Request<pb::RedeemSingleUseRequest>) -> Answer<pb::RedeemSingleUseResponse> {
        let client = client(&request);
        let mode = convert::mode(request.get_ref().mode)?;
        let request_id = convert::uuid("request_id", &request.get_ref().request_id)?;
        if mode == Some(Mode::Cookie) {
            self.origin.check(request.metadata().as_ref())?;
        }
        let token = Secret::from(request.into_inner().token);
        let services = self.services();
        let link = to_the_end(async move { services.single_use.redeem(&client, &token, request_id, mode).await }).await?;
        let dataset_id = link.dataset_id;
        Ok(self.answer(link.tokens, |tokens| pb::RedeemSingleUseResponse { tokens: Some(tokens), dataset_id }))
    }

    async fn logout(&self, request: Request<pb::LogoutRequest>) -> Answer<pb::LogoutResponse> {
        let caller = self.caller(&request)?;
        // Several are cleared as well as one.
        let has_cookie = !matches!(self.cookie.read(request.metadata().as_ref()), Ok(None));
        let services = self.services();
        let revision = to_the_end(async move { services.logout.logout(&caller).await }).await?;
        let mut response = Response::new(pb::LogoutResponse { revision });
        if has_cookie {
            self.cookie.clear(response.metadata_mut().as_mut());
        }
        Ok(response)
    }
}

/// The one credential of a Refresh.
fn one_of(refresh: Secret, access: Secret, cookie: Option<Secret>) -> crate::service::Result<RefreshSource> {
    let mut sources = [
        (!refresh.is_empty()).then(|| RefreshSource::Token(refresh)),
        (!access.is_empty()).then(|| RefreshSource::Access(access)),
        cookie.map(RefreshSource::Cookie),
    ]
    .into_iter()
    .flatten();
    match (sources.next(), sources.next()) {
        (Some(source), None) => Ok(source),
        (None, _) => Err(invalid("refresh_token", "is required, or access_token, or the refresh cookie")),
        (Some(_), Some(_)) => {
            Err(invalid("refresh_token", "is one of several credentials: send refresh_token, access_token or the cookie"))
        }
    }
}
