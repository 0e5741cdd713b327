//! Who calls: the claims of the token that the API's JWT authorizer verified, and nothing else.

use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};

use crate::problem::Problem;
use crate::user::Sub;

/// The user whose access token came with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Their id, which keys everything of theirs.
    pub sub: Sub,
    /// Cognito's user name.
    pub username: String,
}

impl Caller {
    /// From the place where payload format 2.0 has the claims: `requestContext.authorizer.jwt.claims`. Never
    /// from the body, a header or the token itself: those are what a caller says, not what was verified.
    ///
    /// The authorizer lets id tokens pass too, since their `aud` is the client; they are for the client to
    /// read, not for an API, and are refused here.
    pub fn of(request: &Request) -> Result<Self, Problem> {
        let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else {
            return Err(Problem::unauthorized());
        };
        let claims = context
            .authorizer
            .as_ref()
            .and_then(|authorizer| authorizer.jwt.as_ref())
            .map(|jwt| &jwt.claims)
            .ok_or_else(Problem::unauthorized)?;
        if claims.get("token_use").is_none_or(|token_use| token_use != "access") {
            return Err(Problem::access_token_required());
        }
        let sub = claims.get("sub").and_then(|sub| Sub::parse(sub)).ok_or_else(Problem::unauthorized)?;
        let username = claims.get("username").ok_or_else(Problem::unauthorized)?.clone();
        Ok(Self { sub, username })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(event: &str) -> Result<Caller, (u16, &'static str)> {
        let request = lambda_http::request::from_str(event).unwrap();
        Caller::of(&request).map_err(|problem| (problem.status.as_u16(), problem.code))
    }

    #[test]
    fn an_access_tokens_claims_say_who_calls() {
        let caller = of(include_str!("../../get-profile/events/access-token.json")).unwrap();
        assert_eq!(caller.sub.to_string(), "0d6a3c1e-7b1f-4c55-9a53-0c2f5f0e4a11");
        assert_eq!(caller.username, "0d6a3c1e-7b1f-4c55-9a53-0c2f5f0e4a11");
    }

    #[test]
    fn an_id_token_is_refused() {
        let event = include_str!("../../get-profile/events/id-token.json");
        assert_eq!(of(event), Err((401, "access_token_required")));
    }

    #[test]
    fn a_token_that_no_authorizer_verified_is_refused() {
        let event = include_str!("../../get-profile/events/no-authorizer.json");
        assert_eq!(of(event), Err((401, "unauthorized")));
    }
}
