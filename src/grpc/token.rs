//! `TokenService`: for those who are shown tokens.

use std::pin::Pin;

use futures_util::Stream;
use tonic::{Request, Response, Status};

use super::pb::token_service_server::TokenService;
use super::{Api, convert, pb, status};
use crate::model::organization::OrganizationRole;
use crate::service::verify::Verdict;

#[tonic::async_trait]
impl TokenService for Api {
    async fn verify_token(&self, request: Request<pb::VerifyTokenRequest>) -> Result<Response<pb::VerifyTokenResponse>, Status> {
        self.caller(&request)?.user()?;
        let message = request.into_inner();
        let verifier = &self.services.verifier;
        let verdict = verifier.verify(&message.token, message.min_revision.max(0), &message.dataset_id).await?;
        let answer = match verdict {
            None => pb::VerifyTokenResponse { revision: verifier.revision(), ..Default::default() },
            Some(Verdict { token, revision }) => pb::VerifyTokenResponse {
                active: true,
                subject: token.subject.to_string(),
                username: token.username.clone(),
                org_name: token.organization.clone(),
                org_role: token.organization_role.map(OrganizationRole::as_str).unwrap_or_default().to_owned(),
                roles: token.roles.names().map(str::to_owned).collect(),
                dataset_id: token.dataset_id.clone().unwrap_or_default(),
                session_id: token.session.to_string(),
                expire_time: Some(convert::timestamp(token.expire_time)),
                revision,
            },
        };
        Ok(Response::new(answer))
    }

    async fn get_jwks(&self, _: Request<pb::GetJwksRequest>) -> Result<Response<pb::GetJwksResponse>, Status> {
        let keys = self.services.verifier.jwks().into_iter().map(|key| pb::Jwk {
            kty: key.kty,
            r#use: key.key_use,
            alg: key.alg,
            kid: key.kid,
            crv: key.crv.unwrap_or_default(),
            x: key.x.unwrap_or_default(),
            y: key.y.unwrap_or_default(),
            n: key.n.unwrap_or_default(),
            e: key.e.unwrap_or_default(),
        });
        Ok(Response::new(pb::GetJwksResponse { keys: keys.collect() }))
    }

    type WatchRevocationsStream = Pin<Box<dyn Stream<Item = Result<pb::WatchRevocationsResponse, Status>> + Send>>;

    async fn watch_revocations(
        &self,
        _: Request<pb::WatchRevocationsRequest>,
    ) -> Result<Response<Self::WatchRevocationsStream>, Status> {
        Err(status::unimplemented())
    }
}
